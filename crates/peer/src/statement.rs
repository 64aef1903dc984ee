//! Statements: the RFC 9421 signature base of a message, and the record of the log that holds it (docs/protocol/peer.md, "Statements"). Made and checked by the
//! same writer. Not here: how one stands by a statement (`sign`), whether it is believed (`verify`).

use crate::bounds::{COMPONENTS_MAX, STATEMENT_MAX};
use crate::fields::{self, is_hop, is_known};
use crate::input::{self, Component, Components, Input, Tag, write_component};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::header::GetAll;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use lgsp_evidence::hash::{Hash, sha256};
use lgsp_kernel::ExchangeId;
use std::fmt::Write;

/// Why a message has no statement that could be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// `Signature-Input` cannot be read.
    #[error("signature-input: {0}")]
    Input(&'static str),
    /// It covers a component twice.
    #[error("signature-input covers {0} twice")]
    Twice(String),
    /// It does not cover what it must.
    #[error("{0} is not covered")]
    Uncovered(&'static str),
    /// It covers what it may not.
    #[error("{0} cannot be covered")]
    NotCoverable(String),
    /// A covered field is not there.
    #[error("the covered field {0} is absent")]
    Absent(String),
    /// A field that stands for itself is absent or repeated.
    #[error("{0} is needed once")]
    NotOnce(&'static str),
    /// Bytes outside of visible ASCII in a place that has no form for them.
    #[error("{0} has bytes outside of printable ASCII")]
    NotAscii(String),
    /// Beyond a bound.
    #[error("the statement is too large")]
    TooLarge,
}

/// What the derived components are taken from.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// A request.
    Request {
        /// `@method`.
        method: &'a Method,
        /// `@path`.
        path: &'a str,
        /// `@query`, without the question mark.
        query: Option<&'a str>,
    },
    /// An answer.
    Answer {
        /// `@status`.
        status: StatusCode,
    },
    /// Trailers: no derived component, but these fields beside those of the head.
    Trailers(&'a HeaderMap),
}

impl<'a> Subject<'a> {
    /// Of a request's head.
    pub fn of(head: &'a http::request::Parts) -> Self {
        Self::Request { method: &head.method, path: head.uri.path(), query: head.uri.query() }
    }
    fn tag(&self) -> Tag {
        match self {
            Self::Request { .. } => Tag::Request,
            Self::Answer { .. } => Tag::Answer,
            Self::Trailers(_) => Tag::Body,
        }
    }
    fn derived(&self) -> &'static [&'static str] {
        match self {
            Self::Request { .. } => &["@method", "@path", "@query"],
            Self::Answer { .. } => &["@status"],
            Self::Trailers(_) => &[],
        }
    }
    /// The fields that every statement of this kind covers; the body's digest besides.
    fn required(&self) -> &'static [&'static str] {
        match self {
            Self::Request { .. } => &["lgsp-exchange", "lgsp-from", "lgsp-to"],
            Self::Answer { .. } => &["lgsp-exchange", "lgsp-in-reply-to", "lgsp-from"],
            Self::Trailers(_) => &["lgsp-exchange"],
        }
    }
}

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The value of `Signature-Input`.
    pub input: String,
    /// The signature base.
    pub base: String,
    /// SHA-256 of the base: what an answer and a body name.
    pub digest: Hash,
}

impl Statement {
    /// States all end-to-end fields of a message; the platform's own are already among them.
    pub fn build(
        subject: Subject<'_>,
        headers: &HeaderMap,
        created: i64,
        keyid: &str,
    ) -> Result<Self, StatementError> {
        let components = coverable(&subject, headers)?;
        // What a receiver refuses is not stated: a name of the protocol's own that it does not know.
        check_coverable(&subject, &components)?;
        let input = input::write(&components, created, keyid, subject.tag());
        check_required(&subject, &components, headers)?;
        let list = &input["lgsp=".len()..];
        let base = base(&subject, headers, &components, list)?;
        Ok(Self::of(base, input))
    }

    /// The statement that a received message makes, by its `Signature-Input`. It is not believed yet.
    pub fn of_received<'a>(
        subject: Subject<'_>,
        headers: &HeaderMap,
        text: &'a str,
    ) -> Result<(Self, Input<'a>), StatementError> {
        let input = input::read(text)?;
        if input.tag != subject.tag() {
            return Err(StatementError::Input("the tag is another message's"));
        }
        check_coverable(&subject, &input.components)?;
        check_required(&subject, &input.components, headers)?;
        let base = base(&subject, headers, &input.components, input.list)?;
        Ok((Self::of(base, text.to_owned()), input))
    }

    fn of(base: String, input: String) -> Self {
        let digest = sha256(base.as_bytes());
        Self { input, base, digest }
    }

    /// The record that the log holds of it.
    pub fn record(&self, exchange: &ExchangeId) -> Bytes {
        record(exchange, &self.base)
    }
}

/// The record of a statement: exactly these bytes, because in `group` mode they are what is signed. A statement has no characters that JSON escapes
/// but these three.
pub fn record(exchange: &ExchangeId, base: &str) -> Bytes {
    let mut text = String::with_capacity(base.len() + base.len() / 8 + 96);
    let _ = write!(text, "{{\"type\":\"statement\",\"exchange\":\"{exchange}\",\"base\":\"");
    let mut from = 0;
    for (i, b) in base.bytes().enumerate() {
        let escaped = match b {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            _ => continue,
        };
        text.push_str(&base[from..i]);
        text.push_str(escaped);
        from = i + 1;
    }
    text.push_str(&base[from..]);
    text.push_str("\"}");
    Bytes::from(text)
}

/// The digest by which an answer names its request.
pub fn digest_text(digest: &Hash) -> String {
    STANDARD.encode(digest.0)
}

fn plain(name: &str) -> Component<'_> {
    Component { name, bs: false, tr: false }
}

/// Everything that a statement of this message covers, in our order.
fn coverable<'a>(subject: &Subject<'a>, headers: &'a HeaderMap) -> Result<Components<'a>, StatementError> {
    let mut all: Components<'a> = subject.derived().iter().map(|n| plain(n)).collect();
    if let Subject::Trailers(_) = subject {
        all.push(plain(fields::EXCHANGE.as_str()));
        all.push(Component { name: "content-digest", bs: false, tr: true });
        all.push(Component { name: "lgsp-head", bs: false, tr: true });
        return Ok(all);
    }
    let first = all.len();
    for name in headers.keys().map(HeaderName::as_str).filter(|n| !is_hop(n)) {
        if all.len() == COMPONENTS_MAX {
            return Err(StatementError::TooLarge);
        }
        all.push(Component { name, bs: needs_bs(name, &headers.get_all(name)), tr: false });
    }
    all[first..].sort_unstable_by_key(|c| c.name);
    Ok(all)
}

/// Whether a field's lines have bytes that a statement cannot hold as they are, or commas that do not separate.
fn needs_bs(name: &str, lines: &GetAll<'_, HeaderValue>) -> bool {
    name == "set-cookie" || lines.iter().any(|v| !printable(v.as_bytes()))
}

fn printable(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| matches!(b, 0x20..=0x7e))
}

fn check_coverable(subject: &Subject<'_>, components: &[Component<'_>]) -> Result<(), StatementError> {
    let trailers = matches!(subject, Subject::Trailers(_));
    for c in components {
        let ours = c.name.starts_with("lgsp-") && !is_known(c.name);
        let derived = c.name.starts_with('@') && (c.bs || c.tr || !subject.derived().contains(&c.name));
        let elsewhere = c.tr != (trailers && c.name != "lgsp-exchange");
        let unexpected = trailers && !matches!(c.name, "lgsp-exchange" | "content-digest" | "lgsp-head");
        if ours || derived || elsewhere || unexpected || is_hop(c.name) {
            return Err(StatementError::NotCoverable(c.name.chars().take(64).collect()));
        }
    }
    Ok(())
}

fn check_required(
    subject: &Subject<'_>,
    components: &[Component<'_>],
    headers: &HeaderMap,
) -> Result<(), StatementError> {
    let covered = |name: &str, tr: bool| components.iter().any(|c| c.name == name && c.tr == tr && !c.bs);
    let once = |headers: &HeaderMap, name: &'static str| {
        let mut lines = headers.get_all(name).iter();
        let one = lines.next().is_some() && lines.next().is_none();
        if one { Ok(()) } else { Err(StatementError::NotOnce(name)) }
    };
    let need = |headers: &HeaderMap, name: &'static str, tr: bool| {
        if !covered(name, tr) {
            return Err(StatementError::Uncovered(name));
        }
        once(headers, name)
    };
    for name in subject.derived() {
        if !covered(name, false) {
            return Err(StatementError::Uncovered(name));
        }
    }
    for name in subject.required() {
        need(headers, name, false)?;
    }
    if let Subject::Trailers(trailers) = subject {
        need(trailers, "content-digest", true)?;
        return need(trailers, "lgsp-head", true);
    }
    match (covered("content-digest", false), covered("lgsp-body", false)) {
        (true, false) => once(headers, "content-digest"),
        (false, true) => once(headers, "lgsp-body"),
        _ => Err(StatementError::Uncovered("either content-digest or lgsp-body")),
    }
}

/// RFC 9421, section 2.5.
fn base(
    subject: &Subject<'_>,
    headers: &HeaderMap,
    components: &[Component<'_>],
    list: &str,
) -> Result<String, StatementError> {
    let mut text = String::with_capacity(list.len() * 3 + 256);
    for c in components {
        write_component(&mut text, c);
        text.push_str(": ");
        if c.name.starts_with('@') {
            derived(&mut text, subject, c.name)?;
        } else {
            let from = match subject {
                Subject::Trailers(trailers) if c.tr => trailers,
                _ => headers,
            };
            field(&mut text, from, c)?;
        }
        text.push('\n');
        if text.len() + list.len() > STATEMENT_MAX {
            return Err(StatementError::TooLarge);
        }
    }
    text.push_str("\"@signature-params\": ");
    text.push_str(list);
    Ok(text)
}

fn derived(text: &mut String, subject: &Subject<'_>, name: &str) -> Result<(), StatementError> {
    let value = match (subject, name) {
        (Subject::Request { method, .. }, "@method") => method.as_str(),
        (Subject::Request { path, .. }, "@path") => path,
        (Subject::Request { query, .. }, "@query") => {
            text.push('?');
            query.unwrap_or("")
        }
        (Subject::Answer { status }, "@status") => status.as_str(),
        _ => return Err(StatementError::NotCoverable(name.to_owned())),
    };
    if !value.bytes().all(|b| matches!(b, 0x21..=0x7e)) {
        return Err(StatementError::NotAscii(name.to_owned()));
    }
    text.push_str(value);
    Ok(())
}

fn field(text: &mut String, headers: &HeaderMap, c: &Component<'_>) -> Result<(), StatementError> {
    let lines = headers.get_all(c.name);
    let mut any = false;
    if c.bs != needs_bs(c.name, &lines) && lines.iter().next().is_some() {
        return Err(StatementError::NotAscii(c.name.to_owned()));
    }
    for line in lines {
        if any {
            text.push_str(", ");
        }
        any = true;
        let line = trim(line.as_bytes());
        if c.bs {
            text.push(':');
            STANDARD.encode_string(line, text);
            text.push(':');
        } else {
            // Printable, as `needs_bs` has just found.
            text.push_str(
                std::str::from_utf8(line).map_err(|_| StatementError::NotAscii(c.name.to_owned()))?,
            );
        }
    }
    if any { Ok(()) } else { Err(StatementError::Absent(c.name.to_owned())) }
}

fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}
