//! Validate: whether the request's content type is one that the operation takes, and its body within bounds and, where that is
//! asked for, well formed. Bodies up to the collect limit are collected here; larger ones are checked while they stream.

use crate::body::intake::{Intake, RequestBody, too_large};
use crate::body::legible::one_content_type;
use crate::exchange::{Exchange, Why};
use crate::steps::mediate;
use http::header::CONTENT_TYPE;
use hyper::body::Incoming;
use lgsp_kernel::model::Protocol;
use lgsp_kernel::{Refusal, Step, fault};

/// Collects and checks the body.
pub(crate) async fn validate(x: &mut Exchange) -> Result<(), Refusal> {
    if !matches!(x.body, RequestBody::None) {
        one_content_type(&x.head.headers)?;
        if !mediate::converts(x) {
            media_type(x)?;
        }
        if reads(x) {
            mediate::legible(&x.route().version, &x.head.headers)?;
        }
    }
    let collect_max = x.gateway.config.collect_max;
    x.body = match std::mem::take(&mut x.body) {
        RequestBody::Unread(body) => intake(x, body, collect_max)?.collect(collect_max).await?,
        mut read => {
            let limit = limit(x, collect_max);
            match &mut read {
                RequestBody::Whole(bytes, _) if bytes.len() as u64 > limit => return Err(too_large(limit)),
                RequestBody::Large(intake) => intake.lower_limit(limit),
                _ => {}
            }
            read
        }
    };
    let why = match &x.body {
        RequestBody::Large(intake) => Why::Streams(intake.known_length()),
        RequestBody::Whole(bytes, _) => {
            if reads(x) {
                check_syntax(syntax(x), &mediate::as_text(&x.route().version, &x.head.headers, bytes)?)?;
            }
            Why::Body(bytes.len() as u64)
        }
        RequestBody::None | RequestBody::Unread(_) => Why::Body(0),
    };
    x.passed(Step::Validate, why);
    Ok(())
}

/// Whether the syntax of REST bodies is checked here; envelopes were read to find their operation.
fn reads(x: &Exchange) -> bool {
    let route = x.route();
    route.version.spec.check_syntax && route.service.spec.protocol == Protocol::Rest
}

/// The body under its limit; refused at once where its announced length is beyond it.
fn intake(x: &Exchange, body: Incoming, collect_max: usize) -> Result<Intake, Refusal> {
    let limit = limit(x, collect_max);
    let intake = Intake::new(body, limit, &x.gateway.config, x.conn.clone(), x.number);
    if intake.known_length().is_some_and(|n| n > limit) {
        return Err(if mediate::reads_request(x) { mediate::too_large(x) } else { too_large(limit) });
    }
    Ok(intake)
}

/// The largest body; smaller where it must be read whole.
fn limit(x: &Exchange, collect_max: usize) -> u64 {
    let version = &x.route().version.spec;
    let limit = version.request_body_max.unwrap_or(x.gateway.config.body_max);
    let whole = (version.check_syntax && syntax(x).is_some()) || mediate::reads_request(x);
    if whole { limit.min(collect_max as u64) } else { limit }
}

/// What a content type promises of syntax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Syntax {
    Json,
    Xml,
}

fn essence(x: &Exchange) -> &str {
    let text = x.head.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    text.split(';').next().unwrap_or("").trim()
}

fn syntax(x: &Exchange) -> Option<Syntax> {
    let essence = essence(x).to_ascii_lowercase();
    let is = |word: &str| essence.ends_with(&format!("/{word}")) || essence.ends_with(&format!("+{word}"));
    if is("json") {
        Some(Syntax::Json)
    } else if is("xml") {
        Some(Syntax::Xml)
    } else {
        None
    }
}

fn check_syntax(syntax: Option<Syntax>, bytes: &[u8]) -> Result<(), Refusal> {
    match syntax {
        Some(Syntax::Json) => lgsp_wire::json::guard(bytes).map_err(|f| f.refusal()),
        Some(Syntax::Xml) => lgsp_wire::xml::guard(bytes).map_err(|f| f.refusal()),
        None => Ok(()),
    }
}

fn media_type(x: &Exchange) -> Result<(), Refusal> {
    let consumes = &x.route().operation.spec.consumes;
    if consumes.is_empty() || consumes.iter().any(|c| fits(c, essence(x))) {
        return Ok(());
    }
    Err(Refusal::new(&fault::MEDIA_TYPE, format!("It takes: {}.", consumes.join(", "))))
}

/// Whether a content type is the declared one, or of the declared kind (`text/*`).
fn fits(declared: &str, sent: &str) -> bool {
    let declared = declared.split(';').next().unwrap_or("").trim();
    match declared.strip_suffix("/*") {
        Some("*") => true,
        Some(kind) => sent.split('/').next().is_some_and(|k| k.eq_ignore_ascii_case(kind)),
        None => declared.eq_ignore_ascii_case(sent),
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn content_types_are_compared_without_case_and_parameters() {
        assert!(fits("application/json; charset=utf-8", "Application/JSON"));
        assert!(fits("text/*", "text/xml") && fits("*/*", ""));
        assert!(!fits("application/json", "application/json-patch+json"));
        assert!(!fits("text/*", "textual/xml"));
    }
}
