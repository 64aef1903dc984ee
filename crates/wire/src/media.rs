//! Content types (RFC 9110, section 8.3.1), read so that nobody can read them otherwise: where the platform decides by the content of a
//! body, it must know what a provider takes that content for. Not here: which types an operation takes.

use std::fmt;

/// Parameters of one content type; no type has so many.
pub const PARAMETERS_MAX: usize = 16;

/// A content type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType<'a> {
    /// `type/subtype` as it was sent.
    pub essence: &'a str,
    /// Names in lower case with their values, quotes removed. No name is there twice.
    pub parameters: Vec<(String, String)>,
}

/// Why a content type is not accepted; fit for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaFault {
    /// Not `type/subtype; name=value`.
    Malformed,
    /// A parameter is there twice.
    Repeated,
    /// More than [`PARAMETERS_MAX`].
    TooMany,
}

impl fmt::Display for MediaFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the Content-Type is not 'type/subtype; name=value'",
            Self::Repeated => "a parameter of the Content-Type is there twice",
            Self::TooMany => "the Content-Type has too many parameters",
        })
    }
}

impl std::error::Error for MediaFault {}

impl<'a> MediaType<'a> {
    /// Reads one content type. More lenient than the standard in what cannot be misread: blanks around `=`, and values like
    /// `urn:a/b` without quotes, which SOAP clients send as `action`.
    pub fn parse(text: &'a str) -> Result<Self, MediaFault> {
        let (essence, mut rest) = text.split_at(text.find(';').unwrap_or(text.len()));
        let essence = essence.trim_matches(BLANK);
        let (kind, subtype) = essence.split_once('/').ok_or(MediaFault::Malformed)?;
        if !is_token(kind) || !is_token(subtype) {
            return Err(MediaFault::Malformed);
        }
        let mut parameters: Vec<(String, String)> = Vec::new();
        while let Some(after) = rest.strip_prefix(';') {
            let after = after.trim_start_matches(BLANK);
            if after.is_empty() || after.starts_with(';') {
                rest = after;
                continue;
            }
            let (name, value, after) = parameter(after).ok_or(MediaFault::Malformed)?;
            if parameters.iter().any(|(n, _)| *n == name) {
                return Err(MediaFault::Repeated);
            }
            if parameters.len() == PARAMETERS_MAX {
                return Err(MediaFault::TooMany);
            }
            parameters.push((name, value));
            rest = after.trim_start_matches(BLANK);
        }
        if rest.is_empty() { Ok(Self { essence, parameters }) } else { Err(MediaFault::Malformed) }
    }

    /// The value of a parameter; `name` in lower case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

const BLANK: [char; 2] = [' ', '\t'];

/// `name=value` at the beginning of `text`: the name in lower case, the value, and what follows.
fn parameter(text: &str) -> Option<(String, String, &str)> {
    let (name, value) = text.split_once('=')?;
    let (name, value) = (name.trim_end_matches(BLANK), value.trim_start_matches(BLANK));
    if !is_token(name) {
        return None;
    }
    let (value, rest) = match value.strip_prefix('"') {
        Some(quoted) => unquote(quoted)?,
        None => {
            let end = value.find([';', ' ', '\t']).unwrap_or(value.len());
            let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | ',');
            let word = &value[..end];
            if word.is_empty() || !word.chars().all(plain) {
                return None;
            }
            (word.to_owned(), &value[end..])
        }
    };
    Some((name.to_ascii_lowercase(), value, rest))
}

/// Reads a quoted string after its opening quote: the value and what follows the closing quote.
pub(crate) fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((i, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[i + 1..])),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

fn is_token(text: &str) -> bool {
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(fine)
}
