//! Header lines of parts, boundaries and names of parts: the one reading of RFC 2046, RFC 2392 and RFC 7578 that all codecs here share.

use super::AttachFault;
use crate::media::MediaType;

/// Header lines of one part, bytes.
pub const PART_HEAD_MAX: usize = 8 << 10;
/// A part's name, bytes.
const ID_MAX: usize = 512;

/// What the header lines of a part say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartHead {
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Content-ID` without its angle brackets.
    pub content_id: Option<String>,
    /// `Content-Transfer-Encoding` in lower case.
    pub encoding: Option<String>,
    /// `name` of a `Content-Disposition: form-data`.
    pub field: Option<String>,
    /// Its `filename`.
    pub file_name: Option<String>,
}

impl PartHead {
    /// Reads header lines without the empty line after them; `index` is the part's, for the fault.
    pub(super) fn parse(head: &[u8], index: usize) -> Result<Self, AttachFault> {
        let wrong = || AttachFault::Head(index);
        let text = std::str::from_utf8(head).map_err(|_| wrong())?;
        let mut out = Self::default();
        let mut disposition = None;
        for (name, value) in header_lines(text).ok_or_else(wrong)? {
            let slot = match name.as_str() {
                "content-type" => &mut out.content_type,
                "content-id" => &mut out.content_id,
                "content-transfer-encoding" => &mut out.encoding,
                "content-disposition" => &mut disposition,
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return Err(wrong());
            }
        }
        out.encoding = out.encoding.map(|e| e.to_ascii_lowercase());
        out.content_id = out.content_id.map(|id| bare_id(&id).to_owned());
        if out.content_id.as_ref().is_some_and(|id| id.len() > ID_MAX) {
            return Err(wrong());
        }
        if let Some(disposition) = disposition {
            // Read as a media type is, whose grammar is the same but for the slash.
            let (kind, parameters) = disposition.split_once(';').unwrap_or((&disposition, ""));
            let media = format!("x/{};{parameters}", kind.trim());
            let media = MediaType::parse(&media).map_err(|_| wrong())?;
            if kind.trim().eq_ignore_ascii_case("form-data") {
                out.field = Some(media.parameter("name").ok_or_else(wrong)?.to_owned());
            }
            out.file_name = media.parameter("filename").map(str::to_owned);
        }
        Ok(out)
    }
}

/// RFC 2046, 5.1.1: 1 to 70 of these characters, no blank at the end.
pub fn is_boundary(text: &str) -> bool {
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b);
    (1..=70).contains(&text.len()) && text.bytes().all(fine) && !text.ends_with(' ')
}

/// The boundary of a `multipart/...` content type whose type is this one.
pub fn multipart_boundary(content_type: &str, essence: &'static str) -> Result<String, AttachFault> {
    let media = MediaType::parse(content_type).map_err(|_| AttachFault::ContentType(essence))?;
    if !media.essence.eq_ignore_ascii_case(essence) {
        return Err(AttachFault::ContentType(essence));
    }
    let boundary = media.parameter("boundary").filter(|b| is_boundary(b));
    boundary.map(str::to_owned).ok_or(AttachFault::Boundary)
}

/// A Content-ID without its angle brackets.
pub fn bare_id(id: &str) -> &str {
    let id = id.trim();
    id.strip_prefix('<').and_then(|i| i.strip_suffix('>')).unwrap_or(id)
}

/// The part that a `cid:` URL means (RFC 2392): its escapes decoded. None where it is no such URL.
pub fn cid_of(url: &str) -> Option<String> {
    let url = url.trim();
    let scheme = url.get(..4).filter(|s| s.eq_ignore_ascii_case("cid:"))?;
    let escaped = &url.as_bytes()[scheme.len()..];
    if escaped.is_empty() || escaped.len() > ID_MAX {
        return None;
    }
    let hex = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut out = Vec::with_capacity(escaped.len());
    let mut i = 0;
    while let Some(b) = escaped.get(i) {
        if *b == b'%' {
            out.push(hex(*escaped.get(i + 1)?)? * 16 + hex(*escaped.get(i + 2)?)?);
            i += 3;
        } else {
            out.push(*b);
            i += 1;
        }
    }
    String::from_utf8(out).ok().filter(|id| !id.chars().any(char::is_control))
}

/// A `cid:` URL of a part's name.
pub(super) fn cid_url(id: &str) -> String {
    let mut out = String::from("cid:");
    for b in id.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~@".contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

/// Header lines, names in lower case, folded lines unfolded. None where a line is malformed.
pub fn header_lines(head: &str) -> Option<Vec<(String, String)>> {
    let mut out: Vec<(String, String)> = Vec::new();
    for line in head.split("\r\n").filter(|l| !l.is_empty()) {
        if line.contains(['\r', '\n', '\0']) {
            return None;
        }
        if line.starts_with([' ', '\t']) {
            let (_, value) = out.last_mut()?;
            value.push(' ');
            value.push_str(line.trim());
            continue;
        }
        let (name, value) = line.split_once(':')?;
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return None;
        }
        out.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Some(out)
}
