//! The fields of a document (texts and attribute values of XML, strings of JSON, lines): finds them, and changes each by itself, so that
//! markup, names of elements and escapes of ASCII stay as they are. Not a check of syntax: what is malformed stays as it is.

use crate::normal::nfc;
use crate::policy::{Format, Inner, TextPolicy, TextReport};
use crate::repair::{Repair, apply, find};
use memchr::{memchr, memchr2, memchr3, memmem};
use std::borrow::Cow;
use std::ops::Range;

/// How characters are escaped in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escapes {
    None,
    Xml,
    Json,
}

/// Composes and repairs the fields of a text; none where nothing changes.
pub(crate) fn rewrite(
    text: &str,
    policy: &TextPolicy,
    report: &mut TextReport,
    places: bool,
) -> Option<String> {
    let mut out = String::new();
    let mut kept = 0;
    let mut field = |range: Range<usize>, escapes: Escapes| {
        let value = &text[range.clone()];
        if let Some(new) = change(value, escapes, policy, report) {
            if places {
                report.place(range.start);
            }
            out.push_str(&text[kept..range.start]);
            out.push_str(&new);
            kept = range.end;
        }
    };
    match policy.format {
        Format::Plain => lines(text, &mut field),
        Format::Xml => xml(text, &mut field),
        Format::Json => json(text, &mut field),
    }
    if kept == 0 {
        return None;
    }
    out.push_str(&text[kept..]);
    Some(out)
}

/// Whether a text can hold anything to change.
pub(crate) fn concerns(text: &str, policy: &TextPolicy) -> bool {
    let unicode = policy.mojibake || policy.inner != Inner::Keep;
    if !unicode && !policy.nfc {
        return false;
    }
    let escapes = match policy.format {
        Format::Plain => false,
        Format::Xml => memmem::find(text.as_bytes(), b"&#").is_some(),
        Format::Json => memmem::find(text.as_bytes(), b"\\u").is_some(),
    };
    escapes || if unicode { !text.is_ascii() } else { !crate::is_nfc(text) }
}

fn lines(text: &str, field: &mut impl FnMut(Range<usize>, Escapes)) {
    let mut at = 0;
    while at < text.len() {
        let end = memchr(b'\n', &text.as_bytes()[at..]).map_or(text.len(), |n| at + n);
        field(at..end, Escapes::None);
        at = end + 1;
    }
}

fn json(text: &str, field: &mut impl FnMut(Range<usize>, Escapes)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(open) = memchr(b'"', &bytes[at..]) {
        let start = at + open + 1;
        let mut end = start;
        loop {
            match memchr2(b'"', b'\\', &bytes[end..]) {
                Some(n) if bytes[end + n] == b'"' => break end += n,
                // The byte behind a backslash is ASCII in JSON; in anything else the rest stays as it is.
                Some(n) if bytes.get(end + n + 1).is_some_and(u8::is_ascii) => end += n + 2,
                _ => return,
            }
        }
        field(start..end, Escapes::Json);
        at = end + 1;
    }
}

fn xml(text: &str, field: &mut impl FnMut(Range<usize>, Escapes)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let markup = memchr(b'<', &bytes[at..]).map_or(bytes.len(), |n| at + n);
        if markup > at {
            field(at..markup, Escapes::Xml);
        }
        let rest = &bytes[markup..];
        let until =
            |end: &[u8], from: usize| memmem::find(&rest[from..], end).map(|n| markup + from + n + end.len());
        let next = if rest.starts_with(b"<![CDATA[") {
            until(b"]]>", 9).inspect(|end| field(markup + 9..end - 3, Escapes::None))
        } else if rest.starts_with(b"<!--") {
            until(b"-->", 4)
        } else if rest.starts_with(b"<?") {
            until(b"?>", 2)
        } else {
            tag(bytes, markup, field)
        };
        let Some(next) = next else { return };
        at = next;
    }
}

/// The attribute values of the tag at `at`, and where it ends.
fn tag(bytes: &[u8], at: usize, field: &mut impl FnMut(Range<usize>, Escapes)) -> Option<usize> {
    let mut i = at;
    loop {
        i += memchr3(b'>', b'"', b'\'', bytes.get(i..)?)?;
        let quote = bytes[i];
        i += 1;
        if quote == b'>' {
            return Some(i);
        }
        let end = i + memchr(quote, &bytes[i..])?;
        field(i..end, Escapes::Xml);
        i = end + 1;
    }
}

/// A piece of a field: characters, or an escape of something in ASCII, which ends what may be composed.
enum Piece<'a> {
    Run(Cow<'a, str>, &'a str),
    Fixed(&'a str),
}

fn change(value: &str, escapes: Escapes, policy: &TextPolicy, report: &mut TextReport) -> Option<String> {
    let mark = match escapes {
        Escapes::None => None,
        Escapes::Xml => memchr(b'&', value.as_bytes()),
        Escapes::Json => memchr(b'\\', value.as_bytes()),
    };
    if mark.is_none() && value.is_ascii() {
        return None;
    }
    let pieces = match mark {
        None => vec![Piece::Run(Cow::Borrowed(value), value)],
        Some(_) => pieces(value, escapes),
    };
    let repair = whole(&pieces).and_then(|whole| find(&whole, &policy.inner, policy.mojibake));
    let mut out = String::with_capacity(value.len());
    let (mut changed, mut repaired) = (false, false);
    for piece in &pieces {
        match piece {
            Piece::Fixed(source) => out.push_str(source),
            Piece::Run(text, source) => {
                let fixed = repair.and_then(|r: Repair| apply(r, text));
                let now = fixed.as_deref().unwrap_or(text);
                let composed = if policy.nfc { nfc(now) } else { Cow::Borrowed(now) };
                if let Cow::Owned(composed) = &composed {
                    let shorter = now.chars().count().saturating_sub(composed.chars().count());
                    report.composed += shorter.max(1);
                }
                repaired |= fixed.is_some();
                if composed.as_ref() == text.as_ref() {
                    out.push_str(source);
                } else {
                    changed = true;
                    out.push_str(&composed);
                }
            }
        }
    }
    report.repaired += usize::from(repaired && changed);
    changed.then_some(out)
}

/// The characters of a field together, to be judged; none where all are ASCII.
fn whole<'a>(pieces: &'a [Piece<'a>]) -> Option<Cow<'a, str>> {
    let runs = || {
        pieces.iter().filter_map(|p| match p {
            Piece::Run(text, _) => Some(text.as_ref()),
            Piece::Fixed(_) => None,
        })
    };
    if runs().all(str::is_ascii) {
        return None;
    }
    if let [Piece::Run(text, _)] = pieces {
        return Some(Cow::Borrowed(text));
    }
    Some(Cow::Owned(runs().collect::<Vec<_>>().join(" ")))
}

fn pieces(value: &str, escapes: Escapes) -> Vec<Piece<'_>> {
    let mark = if escapes == Escapes::Xml { b'&' } else { b'\\' };
    let mut out = Vec::new();
    let mut run = String::new();
    let (mut start, mut at) = (0, 0);
    let mut flush = |run: &mut String, range: Range<usize>| {
        if !range.is_empty() {
            out.push(Piece::Run(Cow::Owned(std::mem::take(run)), &value[range]));
        }
    };
    let mut fixed = Vec::new();
    while at < value.len() {
        let plain = memchr(mark, &value.as_bytes()[at..]).unwrap_or(value.len() - at);
        run.push_str(&value[at..at + plain]);
        at += plain;
        if at == value.len() {
            break;
        }
        let (c, len) = if mark == b'&' { reference(&value[at..]) } else { escape(&value[at..]) };
        match c {
            Some(c) => run.push(c),
            None => {
                flush(&mut run, start..at);
                fixed.push(at..at + len);
                start = at + len;
            }
        }
        at += len;
    }
    flush(&mut run, start..at);
    merge(out, fixed, value)
}

/// Puts runs and the escapes between them into their order.
fn merge<'a>(runs: Vec<Piece<'a>>, fixed: Vec<Range<usize>>, value: &'a str) -> Vec<Piece<'a>> {
    let mut out = Vec::with_capacity(runs.len() + fixed.len());
    let mut fixed = fixed.into_iter().peekable();
    let mut at = 0;
    let mut between = |at: &mut usize, out: &mut Vec<Piece<'a>>| {
        while let Some(range) = fixed.next_if(|r| r.start == *at) {
            *at = range.end;
            out.push(Piece::Fixed(&value[range]));
        }
    };
    for run in runs {
        between(&mut at, &mut out);
        if let Piece::Run(_, source) = &run {
            at += source.len();
        }
        out.push(run);
    }
    between(&mut at, &mut out);
    out
}

/// The reference at the beginning of `text`: its character where that is beyond ASCII and may stand for itself, and its length.
fn reference(text: &str) -> (Option<char>, usize) {
    // `&#x` with leading zeros; what is longer is left as it is.
    const LONGEST: usize = 16;
    let window = &text.as_bytes()[..text.len().min(LONGEST)];
    let Some(end) = memchr(b';', window) else { return (None, 1) };
    let number = text.get(1..end).and_then(|name| name.strip_prefix('#'));
    let code = number.and_then(|n| match n.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => n.parse().ok(),
    });
    let c = code.and_then(char::from_u32).filter(|c| !c.is_ascii() && !matches!(c, '\u{fffe}' | '\u{ffff}'));
    (c, if number.is_some() { end + 1 } else { 1 })
}

/// The escape at the beginning of `text`: its character where that is beyond ASCII, and its length.
fn escape(text: &str) -> (Option<char>, usize) {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    };
    match unit(0) {
        Some(high @ 0xD800..=0xDBFF) => match unit(6) {
            Some(low @ 0xDC00..=0xDFFF) => {
                (char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)), 12)
            }
            _ => (None, 6),
        },
        Some(code) => (char::from_u32(code).filter(|c| !c.is_ascii()), 6),
        // A backslash and the byte behind it, which is ASCII.
        None => (None, 2.min(text.len())),
    }
}
