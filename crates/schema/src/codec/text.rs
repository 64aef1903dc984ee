//! Text of either form: references expanded, strings escaped and read.

use lgsp_wire::xml::{is_char, reference};
use std::borrow::Cow;

/// The characters of an element's content that has no elements in it: CDATA and references resolved, comments and instructions left out, line
/// ends as line feeds. The scanner has checked it.
pub(crate) fn content(raw: &str) -> Cow<'_, str> {
    if memchr::memchr3(b'<', b'&', b'\r', raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(i) = memchr::memchr3(b'<', b'&', b'\r', rest.as_bytes()) {
        out.push_str(&rest[..i]);
        rest = &rest[i..];
        let skip = |end: &str| rest.find(end).map_or(rest.len(), |n| n + end.len());
        let len = if rest.starts_with('&') {
            expand(&mut out, rest)
        } else if let Some(after) = rest.strip_prefix('\r') {
            out.push('\n');
            1 + usize::from(after.starts_with('\n'))
        } else if let Some(cdata) = rest.strip_prefix("<![CDATA[") {
            let len = cdata.find("]]>").unwrap_or(cdata.len());
            push_lines(&mut out, &cdata[..len]);
            skip("]]>")
        } else if rest.starts_with("<!--") {
            skip("-->")
        } else {
            skip("?>")
        };
        rest = &rest[len.max(1).min(rest.len())..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn expand(out: &mut String, rest: &str) -> usize {
    match reference(rest, 0) {
        Ok((c, len)) => {
            out.push(c);
            len
        }
        Err(_) => {
            out.push('&');
            1
        }
    }
}

fn push_lines(out: &mut String, text: &str) {
    if text.contains('\r') {
        out.push_str(&text.replace("\r\n", "\n").replace('\r', "\n"));
    } else {
        out.push_str(text);
    }
}

/// An attribute's value (XML 1.0, 3.3.3).
pub(crate) fn attribute(raw: &str) -> Cow<'_, str> {
    if !raw.bytes().any(|b| matches!(b, b'&' | b'\t' | b'\n' | b'\r')) {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(i) = rest.find(['&', '\t', '\n', '\r']) {
        out.push_str(&rest[..i]);
        rest = &rest[i..];
        let len = if rest.starts_with('&') {
            expand(&mut out, rest)
        } else {
            out.push(' ');
            if rest.starts_with("\r\n") { 2 } else { 1 }
        };
        rest = &rest[len..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// How many bytes from the front are none of these. Blocks without an exit inside are compared as vectors.
pub(crate) fn plain_len(bytes: &[u8], special: impl Fn(u8) -> bool) -> usize {
    const BLOCK: usize = 16;
    let mut blocks = bytes.chunks_exact(BLOCK);
    let mut passed = 0;
    for block in &mut blocks {
        if block.iter().fold(false, |found, b| found | special(*b)) {
            return passed + block.iter().position(|b| special(*b)).unwrap_or(0);
        }
        passed += BLOCK;
    }
    let rest = blocks.remainder();
    passed + rest.iter().position(|b| special(*b)).unwrap_or(rest.len())
}

/// What ends or escapes in a JSON string, or may not stand in one.
pub(crate) fn json_special(b: u8) -> bool {
    b < 0x20 || b == b'"' || b == b'\\'
}

/// Appends a JSON string with its quotes.
pub(crate) fn json_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest.split_at(plain_len(rest, json_special));
        out.extend_from_slice(plain);
        let Some((b, after)) = special.split_first() else { break };
        rest = after;
        match b {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b => out.extend_from_slice(format!("\\u{b:04x}").as_bytes()),
        }
    }
    out.push(b'"');
}

/// Appends text with what markup reserves escaped; in attributes white space too, which would be read back as spaces.
pub(crate) fn xml_text(out: &mut Vec<u8>, text: &str, attribute: bool) {
    let reserved = |b| matches!(b, b'&' | b'<' | b'>' | b'\r' | b'"' | b'\t' | b'\n');
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest.split_at(plain_len(rest, reserved));
        out.extend_from_slice(plain);
        let Some((b, after)) = special.split_first() else { break };
        rest = after;
        let escape: &[u8] = match b {
            b'&' => b"&amp;",
            b'<' => b"&lt;",
            b'>' => b"&gt;",
            b'\r' => b"&#13;",
            b'"' if attribute => b"&quot;",
            b'\t' if attribute => b"&#9;",
            b'\n' if attribute => b"&#10;",
            other => std::slice::from_ref(other),
        };
        out.extend_from_slice(escape);
    }
}

/// The first character that XML cannot carry.
pub(crate) fn not_xml(text: &str) -> Option<char> {
    // Only control characters and U+FFFE, U+FFFF (EF BF BE, EF BF BF) are possible in a str.
    if plain_len(text.as_bytes(), |b| b < 0x20 || b == 0xEF) == text.len() {
        return None;
    }
    text.chars().find(|c| !is_char(u32::from(*c)))
}
