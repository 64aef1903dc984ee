//! SOAP messages with attachments (PR-MESS 2.4; RFC 2046, RFC 2387): the SOAP part first, then attachments whose bytes and header lines
//! never change. For whole bodies up to the collect limit; larger ones are not read here.

use crate::error::XRoadError;
use bytes::Bytes;
use lgsp_wire::attach::{bare_id, header_lines, is_boundary};
use lgsp_wire::media::MediaType;
use std::ops::Range;

/// Parts of one message, the SOAP part included.
pub const PARTS_MAX: usize = 100;
/// Header lines of one part, bytes.
pub const PART_HEAD_MAX: usize = 8 << 10;

/// Why a body is not a message with attachments.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MimeError {
    /// Not `multipart/related`, or a content type that cannot be read.
    #[error("the content type is not multipart/related")]
    NotRelated,
    /// No boundary, or one that RFC 2046 does not allow.
    #[error("the boundary is missing or not allowed")]
    Boundary,
    /// No part, or no end.
    #[error("the parts end before the closing boundary")]
    Truncated,
    /// A line that some readers take for a boundary and others do not.
    #[error("a line that looks like the boundary is not one (byte {0})")]
    Ambiguous(usize),
    /// Too many parts.
    #[error("there are more than {PARTS_MAX} parts")]
    Parts,
    /// A part's header lines.
    #[error("the header lines of part {0} are malformed, repeated or too long")]
    Head(usize),
    /// The SOAP part.
    #[error("the first part must be the SOAP message: {0}")]
    Root(&'static str),
    /// Two parts with one name: readers differ about which is meant.
    #[error("two parts have the same Content-ID")]
    SameId,
    /// Something follows the closing boundary.
    #[error("something follows the closing boundary")]
    Trailing,
}

impl MimeError {
    /// The fault's content.
    pub fn error(&self, exchange: &str) -> XRoadError {
        XRoadError {
            kind: "Client.InvalidContentType".into(),
            message: self.to_string(),
            detail: exchange.into(),
        }
    }
}

/// One part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its header lines as they are, without the empty line.
    pub head: Bytes,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Content-ID` without its angle brackets.
    pub content_id: Option<String>,
    /// `Content-Transfer-Encoding` in lower case.
    pub encoding: Option<String>,
    /// Its bytes as they are; not decoded.
    pub content: Bytes,
}

/// A message with its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Multipart {
    /// The boundary.
    pub boundary: String,
    /// The SOAP part, then the attachments. Never empty.
    pub parts: Vec<Part>,
    /// Whether the SOAP part is XOP (MTOM).
    pub mtom: bool,
    body: Bytes,
    root: Range<usize>,
}

/// Whether a content type is that of a message with attachments.
pub fn is_multipart(content_type: &str) -> bool {
    content_type.trim_start().get(..10).is_some_and(|t| t.eq_ignore_ascii_case("multipart/"))
}

impl Multipart {
    /// Reads a body by its content type.
    pub fn parse(content_type: &str, body: &Bytes) -> Result<Self, MimeError> {
        let media = MediaType::parse(content_type).map_err(|_| MimeError::NotRelated)?;
        let related = content_type.split(';').next().unwrap_or_default().trim();
        if !related.eq_ignore_ascii_case("multipart/related") {
            return Err(MimeError::NotRelated);
        }
        let boundary = media.parameter("boundary").filter(|b| is_boundary(b)).ok_or(MimeError::Boundary)?;
        let mut parts = Vec::new();
        let mut root = 0..0;
        for (i, range) in split(body, boundary)?.into_iter().enumerate() {
            let (part, content) = part(body, range, i)?;
            if i == 0 {
                root = content;
            }
            let same = |p: &Part| p.content_id.is_some() && p.content_id == part.content_id;
            if parts.iter().any(same) {
                return Err(MimeError::SameId);
            }
            parts.push(part);
        }
        let first = parts.first().ok_or(MimeError::Truncated)?;
        let mtom = check_root(first, media.parameter("start"))?;
        Ok(Self { boundary: boundary.to_owned(), parts, mtom, body: body.clone(), root })
    }

    /// The SOAP message.
    pub fn soap(&self) -> &Bytes {
        &self.parts[0].content
    }

    /// The attachments.
    pub fn attachments(&self) -> &[Part] {
        &self.parts[1..]
    }

    /// The body with another SOAP part in the place of the first; every other byte stays. None where the new part holds the boundary.
    pub fn with_soap(&self, soap: &[u8]) -> Option<Bytes> {
        if memchr::memmem::find(soap, format!("--{}", self.boundary).as_bytes()).is_some() {
            return None;
        }
        let mut out = Vec::with_capacity(self.body.len() + soap.len());
        out.extend_from_slice(&self.body[..self.root.start]);
        out.extend_from_slice(soap);
        out.extend_from_slice(&self.body[self.root.end..]);
        Some(Bytes::from(out))
    }
}

/// A message with attachments of our own: the content type and the body. `boundary` must occur in none of them; None where it does.
pub fn write(boundary: &str, soap: &[u8], attachments: &[(&str, &str, &[u8])]) -> Option<(String, Bytes)> {
    let line = format!("--{boundary}");
    let holds = |content: &[u8]| memchr::memmem::find(content, line.as_bytes()).is_some();
    if !is_boundary(boundary) || holds(soap) || attachments.iter().any(|(.., c)| holds(c)) {
        return None;
    }
    let mut out = Vec::new();
    let mut put = |content_type: &str, encoding: &str, id: &str, content: &[u8]| {
        out.extend_from_slice(line.as_bytes());
        let head = format!(
            "\r\nContent-Type: {content_type}\r\nContent-Transfer-Encoding: {encoding}\r\nContent-ID: <{id}>\r\n\r\n"
        );
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(content);
        out.extend_from_slice(b"\r\n");
    };
    put("text/xml; charset=UTF-8", "8bit", "rootpart", soap);
    attachments.iter().for_each(|(id, content_type, content)| put(content_type, "binary", id, content));
    out.extend_from_slice(format!("{line}--\r\n").as_bytes());
    let content_type =
        format!("multipart/related; type=\"text/xml\"; start=\"<rootpart>\"; boundary=\"{boundary}\"");
    Some((content_type, Bytes::from(out)))
}

/// Where the parts are, header lines and content together.
fn split(body: &[u8], boundary: &str) -> Result<Vec<Range<usize>>, MimeError> {
    let line = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut open: Option<usize> = None;
    for at in memchr::memmem::find_iter(body, line.as_bytes()) {
        // A boundary stands at the beginning of a line that CR LF ended.
        let before = &body[..at];
        if !before.is_empty() && !before.ends_with(b"\r\n") {
            if before.ends_with(b"\n") || before.ends_with(b"\r") {
                return Err(MimeError::Ambiguous(at));
            }
            continue;
        }
        let after = &body[at + line.len()..];
        let (closing, rest) = match after.strip_prefix(b"--") {
            Some(rest) => (true, rest),
            None => (false, after),
        };
        let padding = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let ended = rest[padding..].starts_with(b"\r\n") || (closing && rest[padding..].is_empty());
        if !ended {
            // A longer line that begins in the same way; readers that compare less than the line would take it.
            return Err(MimeError::Ambiguous(at));
        }
        if let Some(start) = open.take() {
            // The line end before a boundary belongs to it. A part without any bytes has none of its own.
            parts.push(start..(at - 2).max(start));
        }
        if closing {
            return if rest.trim_ascii().is_empty() { Ok(parts) } else { Err(MimeError::Trailing) };
        }
        if parts.len() == PARTS_MAX {
            return Err(MimeError::Parts);
        }
        open = Some(body.len() - rest.len() + padding + 2);
    }
    Err(MimeError::Truncated)
}

fn part(body: &Bytes, range: Range<usize>, index: usize) -> Result<(Part, Range<usize>), MimeError> {
    let wrong = || MimeError::Head(index);
    let bytes = &body[range.clone()];
    // Without header lines a part begins with the empty line.
    let (head_len, content) = if bytes.starts_with(b"\r\n") {
        (0, range.start + 2)
    } else {
        let end = memchr::memmem::find(bytes, b"\r\n\r\n").ok_or_else(wrong)?;
        (end, range.start + end + 4)
    };
    if head_len > PART_HEAD_MAX {
        return Err(wrong());
    }
    let head = body.slice(range.start..range.start + head_len);
    let content_range = content..range.end;
    let mut out = Part {
        head: head.clone(),
        content_type: None,
        content_id: None,
        encoding: None,
        content: body.slice(content_range.clone()),
    };
    let text = std::str::from_utf8(&head).map_err(|_| wrong())?;
    for (name, value) in header_lines(text).ok_or_else(wrong)? {
        let slot = match name.as_str() {
            "content-type" => &mut out.content_type,
            "content-id" => &mut out.content_id,
            "content-transfer-encoding" => &mut out.encoding,
            _ => continue,
        };
        if slot.replace(value).is_some() {
            return Err(wrong());
        }
    }
    out.encoding = out.encoding.map(|e| e.to_ascii_lowercase());
    out.content_id = out.content_id.map(|id| bare_id(&id).to_owned());
    Ok((out, content_range))
}

/// The SOAP part must be the first, also where `start` names one, and its bytes must be the message itself. Whether it is XOP.
fn check_root(root: &Part, start: Option<&str>) -> Result<bool, MimeError> {
    if start.is_some_and(|s| Some(bare_id(s)) != root.content_id.as_deref()) {
        return Err(MimeError::Root("start names another part"));
    }
    if !matches!(root.encoding.as_deref(), None | Some("8bit" | "7bit" | "binary")) {
        return Err(MimeError::Root("its Content-Transfer-Encoding must be 8bit"));
    }
    let media = root.content_type.as_deref().unwrap_or("text/xml").split(';').next().unwrap_or_default();
    match media.trim().to_ascii_lowercase().as_str() {
        "text/xml" => Ok(false),
        "application/xop+xml" => Ok(true),
        _ => Err(MimeError::Root("its Content-Type must be text/xml or application/xop+xml")),
    }
}
