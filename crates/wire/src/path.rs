//! Paths of requests: refuses every spelling that two programs could read as two different paths. Nothing is repaired. Not here: the query,
//! and which path leads where.

use lgsp_kernel::bounds::TARGET_MAX;
use lgsp_kernel::{Refusal, fault};
use smallvec::SmallVec;
use std::borrow::Cow;

/// A path without ambiguity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CleanPath<'a> {
    /// The segments, percent-decoded. A slash at the end makes a last segment that is empty; `/` alone has no segments.
    pub segments: SmallVec<[Cow<'a, str>; 8]>,
    /// The path as it was sent.
    pub raw: &'a str,
}

/// Why a path is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// It does not begin with a slash.
    #[error("the path does not begin with '/'")]
    Relative,
    /// Too long.
    #[error("the path is longer than {TARGET_MAX} bytes")]
    TooLong,
    /// `//`.
    #[error("an empty segment ('//')")]
    EmptySegment,
    /// `.` or `..`, raw or encoded, with or without a `;` and parameters after it.
    #[error("a dot segment")]
    DotSegment,
    /// A slash or backslash inside a segment, encoded or not.
    #[error("a backslash or an encoded slash")]
    Slash,
    /// A control character, encoded or not; also `#` and `?`, which end a path.
    #[error("a character that a path may not contain")]
    Character,
    /// `%` without two hexadecimal digits.
    #[error("'%' without two hexadecimal digits")]
    Percent,
    /// Encoded bytes that are not UTF-8.
    #[error("encoded bytes that are not UTF-8")]
    NotUtf8,
    /// What is decoded would be encoded again.
    #[error("double encoding")]
    DoubleEncoding,
}

impl PathFault {
    /// The refusal of the step `receive` that tells the caller.
    pub fn refusal(&self) -> Refusal {
        Refusal::new(&fault::BAD_PATH, self.to_string())
    }
}

/// Reads a request's path (without its query).
pub fn clean(path: &str) -> Result<CleanPath<'_>, PathFault> {
    if path.len() > TARGET_MAX {
        return Err(PathFault::TooLong);
    }
    let inner = path.strip_prefix('/').ok_or(PathFault::Relative)?;
    let mut segments = SmallVec::new();
    if !inner.is_empty() {
        let mut parts = inner.split('/').peekable();
        while let Some(part) = parts.next() {
            if part.is_empty() && parts.peek().is_some() {
                return Err(PathFault::EmptySegment);
            }
            segments.push(segment(part)?);
        }
        if segments.first().is_some_and(|s: &Cow<'_, str>| s.is_empty()) {
            return Err(PathFault::EmptySegment);
        }
    }
    Ok(CleanPath { segments, raw: path })
}

/// Decodes a segment and checks what comes out.
fn segment(raw: &str) -> Result<Cow<'_, str>, PathFault> {
    if raw.contains(['\\', '#', '?']) {
        return Err(if raw.contains('\\') { PathFault::Slash } else { PathFault::Character });
    }
    let decoded = if raw.contains('%') { Cow::Owned(decode(raw)?) } else { Cow::Borrowed(raw) };
    if decoded.contains(['/', '\\']) {
        return Err(PathFault::Slash);
    }
    if decoded.chars().any(char::is_control) {
        return Err(PathFault::Character);
    }
    // Some servers cut parameters (`..;x`) off a segment before they look for dots.
    let name = decoded.split(';').next().unwrap_or_default();
    if name == "." || name == ".." {
        return Err(PathFault::DotSegment);
    }
    if doubly_encoded(&decoded) {
        return Err(PathFault::DoubleEncoding);
    }
    Ok(decoded)
}

fn decode(raw: &str) -> Result<String, PathFault> {
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(b) = bytes.next() {
        if b == b'%' {
            let (high, low) = (bytes.next().and_then(hex), bytes.next().and_then(hex));
            out.push(high.zip(low).map(|(h, l)| h << 4 | l).ok_or(PathFault::Percent)?);
        } else {
            out.push(b);
        }
    }
    String::from_utf8(out).map_err(|_| PathFault::NotUtf8)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

/// Whether decoding once more would give a dot, a slash, a backslash, a control character or another `%`. Other text of the form `%41`
/// is left alone: it changes no structure.
fn doubly_encoded(decoded: &str) -> bool {
    decoded.as_bytes().windows(3).any(|w| match (w[0], hex(w[1]), hex(w[2])) {
        (b'%', Some(h), Some(l)) => {
            let again = h << 4 | l;
            matches!(again, b'.' | b'/' | b'\\' | b'%' | 0x7F) || again < 0x20
        }
        _ => false,
    })
}

impl<'a> CleanPath<'a> {
    /// The raw path after the first `n` segments. Always begins with `/`; it is `/` where nothing is left.
    pub fn rest_after(&self, n: usize) -> &'a str {
        let mut rest = self.raw;
        for _ in 0..n {
            match rest[1..].find('/') {
                Some(i) => rest = &rest[1 + i..],
                None => return "/",
            }
        }
        rest
    }

    /// The decoded path after the first `n` segments, for matching patterns: begins with `/`. A decoded segment never holds a slash, so
    /// the result reads in one way only.
    pub fn decoded_after(&self, n: usize) -> Cow<'a, str> {
        let rest = self.rest_after(n);
        if !rest.contains('%') {
            return Cow::Borrowed(rest);
        }
        let mut out = String::with_capacity(rest.len());
        for segment in self.segments.iter().skip(n) {
            out.push('/');
            out.push_str(segment);
        }
        Cow::Owned(out)
    }
}
