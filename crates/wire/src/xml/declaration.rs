//! How a document says what it is: byte order marks, the XML declaration, encodings. Only UTF-8 is taken; others are refused by name.

use super::fault::{XmlError, XmlFault};

/// Whether an encoding's name means UTF-8 or a subset of it.
pub(super) fn is_utf8_name(name: &str) -> bool {
    is_ascii_name(name) || ["utf-8", "utf8"].iter().any(|n| name.eq_ignore_ascii_case(n))
}

fn is_ascii_name(name: &str) -> bool {
    ["us-ascii", "ascii"].iter().any(|n| name.eq_ignore_ascii_case(n))
}

/// UTF-16 and UTF-32 by their byte order marks, or by the first character where there is none (XML 1.0, appendix F).
pub(super) fn refuse_other_encodings(bytes: &[u8]) -> Result<(), XmlFault> {
    let name = match bytes {
        [0, 0, 0xFE, 0xFF, ..] | [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0, b'<', ..] | [b'<', 0, 0, 0, ..] => {
            "UTF-32"
        }
        [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] | [0, b'<', ..] | [b'<', 0, ..] => "UTF-16",
        [0x4C, 0x6F, 0xA7, 0x94, ..] => "EBCDIC",
        _ => return Ok(()),
    };
    Err(XmlError::Encoding(name.into()).at(0))
}

/// Bytes that are not UTF-8: by the declared name of their encoding where there is one, since that is what the caller must change.
pub(super) fn not_utf8(bytes: &[u8], at: usize) -> XmlFault {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(256)]);
    match declaration_end(&head, 0) {
        Err(XmlFault { what: what @ XmlError::Encoding(_), at }) => what.at(at),
        _ => XmlError::NotUtf8.at(at),
    }
}

/// Reads the XML declaration at `at`, if there is one: where it ends.
pub(super) fn declaration_end(text: &str, at: usize) -> Result<Option<usize>, XmlFault> {
    let rest = &text[at..];
    let Some(inner) =
        rest.strip_prefix("<?xml").filter(|r| !r.starts_with(|c: char| c != '?' && !c.is_ascii_whitespace()))
    else {
        return Ok(None);
    };
    let bad = || XmlError::Declaration.at(at);
    let len = inner.find("?>").ok_or(XmlError::Truncated("the XML declaration").at(at))?;
    let mut words = inner[..len].trim_end_matches([' ', '\t', '\n', '\r']);
    let mut seen = 0;
    while !words.is_empty() {
        let (name, value, after) = pseudo_attribute(words).ok_or_else(bad)?;
        // The order is fixed, each at most once.
        let (place, fine) = match name {
            "version" => (1, value == "1.0"),
            // What says it is ASCII and is not would be read in some other way by whoever believes it.
            "encoding" if !is_utf8_name(value) || (is_ascii_name(value) && !text.is_ascii()) => {
                return Err(XmlError::Encoding(crate::clip(value)).at(at));
            }
            "encoding" => (2, true),
            "standalone" => (3, value == "yes" || value == "no"),
            _ => (0, false),
        };
        if !fine || place <= seen || (seen == 0 && place != 1) {
            return Err(bad());
        }
        (seen, words) = (place, after);
    }
    if seen == 0 { Err(bad()) } else { Ok(Some(at + "<?xml".len() + len + 2)) }
}

/// ` name = "value"` with white space before it: name, value, what follows.
fn pseudo_attribute(text: &str) -> Option<(&str, &str, &str)> {
    const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];
    let trimmed = text.trim_start_matches(SPACE);
    if trimmed.len() == text.len() {
        return None;
    }
    let (name, rest) = trimmed.split_once('=')?;
    let rest = rest.trim_start_matches(SPACE);
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (value, rest) = rest[1..].split_once(quote)?;
    Some((name.trim_end_matches(SPACE), value, rest))
}
