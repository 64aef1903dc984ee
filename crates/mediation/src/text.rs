//! Text: what a version declares of the characters of its messages, done before anything else reads them.

use bytes::Bytes;
use lgsp_kernel::mediation::{ContractProblem, Note, NoteKind};
use lgsp_kernel::model::{TextForm, TextLabel, TextRule};
use lgsp_kernel::{Refusal, RefusalKind};
use lgsp_text::{Charset, Format, LabelPolicy, TextPolicy, TextReport, decode};
use std::borrow::Cow;

/// A rule, compiled.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    policy: TextPolicy,
}

impl Reader {
    pub fn compile(field: &str, rule: Option<&TextRule>) -> Result<Option<Self>, ContractProblem> {
        let Some(rule) = rule else { return Ok(None) };
        let expected = match &rule.charset {
            None => Vec::new(),
            Some(name) => vec![Charset::of_label(name).ok_or_else(|| ContractProblem {
                field: format!("{field}.charset"),
                place: None,
                message: format!(
                    "{name:?} is no known charset: write utf-8, tcvn3, vni, windows-1258, viscii or utf-16"
                ),
                warning: false,
            })?],
        };
        let label = match rule.label {
            Some(TextLabel::Ignore) => LabelPolicy::Detect,
            Some(TextLabel::Trust) | None => LabelPolicy::Believe,
        };
        let nfc = rule.normalize == Some(TextForm::Nfc);
        Ok(Some(Self { policy: TextPolicy { expected, label, nfc, ..TextPolicy::default() } }))
    }

    /// The body in UTF-8, and its content type, which says so. What of it changed is noted.
    pub fn read(
        &self,
        content_type: &str,
        body: &Bytes,
        refused: &'static RefusalKind,
        notes: &mut Vec<Note>,
    ) -> Result<(Bytes, String), Refusal> {
        let Some(format) = format(content_type).filter(|_| !body.is_empty()) else {
            return Ok((body.clone(), content_type.to_owned()));
        };
        let policy = TextPolicy { format, ..self.policy.clone() };
        let declared = charset(content_type);
        let (text, report) =
            decode(body, declared, &policy).map_err(|e| Refusal::new(refused, format!("{e}.")))?;
        if report.changed() {
            notes.push(note(&report));
        }
        let text = match text {
            Cow::Borrowed(same) if same.len() == body.len() => body.clone(),
            text => Bytes::from(text.into_owned()),
        };
        Ok((text, relabelled(content_type)))
    }
}

fn note(report: &TextReport) -> Note {
    let mut text = format!("text: {} to UTF-8", report.from.name());
    for (count, what) in [
        (report.converted, "characters converted"),
        (report.repaired, "fields repaired"),
        (report.composed, "composed"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    if report.label_wrong {
        text.push_str(", the label was wrong");
    }
    Note { kind: NoteKind::Text, text }
}

fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a content type is JSON.
pub(crate) fn is_json(content_type: &str) -> bool {
    lgsp_contract::openapi::is_json(&essence(content_type))
}

/// Whether a content type is XML.
pub(crate) fn is_xml(content_type: &str) -> bool {
    let essence = essence(content_type);
    essence.ends_with("/xml") || essence.ends_with("+xml")
}

fn format(content_type: &str) -> Option<Format> {
    if is_json(content_type) {
        Some(Format::Json)
    } else if is_xml(content_type) {
        Some(Format::Xml)
    } else {
        essence(content_type).starts_with("text/").then_some(Format::Plain)
    }
}

/// What stands between the semicolons; those within quotes are part of a value.
fn parts(content_type: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    let split = content_type.split(move |c| {
        let ends = c == ';' && !quoted;
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = c == '\\' && quoted && !escaped;
        ends
    });
    split.map(str::trim)
}

fn charset(content_type: &str) -> Option<&str> {
    parts(content_type).skip(1).find_map(|p| {
        let (name, value) = p.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    })
}

/// The content type of what is UTF-8 now.
fn relabelled(content_type: &str) -> String {
    let mut parts = parts(content_type);
    let mut out = parts.next().unwrap_or_default().to_owned();
    let is_charset = |p: &&str| p.to_ascii_lowercase().trim_start().starts_with("charset");
    for other in parts.filter(|p| !p.is_empty() && !is_charset(p)) {
        out.push_str("; ");
        out.push_str(other);
    }
    if format(content_type) != Some(Format::Json) {
        out.push_str("; charset=utf-8");
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Reader;
    use bytes::Bytes;
    use lgsp_kernel::fault;
    use lgsp_kernel::model::{TextForm, TextRule};

    #[test]
    fn decomposed_text_is_composed_and_the_label_says_utf_8() {
        let rule = TextRule { normalize: Some(TextForm::Nfc), ..TextRule::default() };
        let reader = Reader::compile("text.answers", Some(&rule)).unwrap().unwrap();
        let (body, mut notes) = (Bytes::from("<a>Nguye\u{302}\u{303}n</a>"), Vec::new());
        let kind = &fault::CHARSET;
        let (text, label) = reader.read("text/xml; charset=UTF-8; x=y", &body, kind, &mut notes).unwrap();
        assert_eq!((&text[..], label.as_str()), ("<a>Nguyễn</a>".as_bytes(), "text/xml; x=y; charset=utf-8"));
        assert_eq!(notes.len(), 1);
        let (same, _) = reader.read("image/png", &body, kind, &mut notes).unwrap();
        assert_eq!(same, body);
    }

    #[test]
    fn a_semicolon_within_quotes_stays_where_it_is() {
        let label = "application/soap+xml; action=\"urn:a;charset=x\"; Charset=windows-1258";
        assert_eq!(super::charset(label), Some("windows-1258"));
        let said = "application/soap+xml; action=\"urn:a;charset=x\"; charset=utf-8";
        assert_eq!(super::relabelled(label), said);
    }

    #[test]
    fn an_unknown_charset_is_refused_at_publishing() {
        let rule = TextRule { charset: Some("tcvn4".into()), ..TextRule::default() };
        Reader::compile("text.requests", Some(&rule)).unwrap_err();
    }
}
