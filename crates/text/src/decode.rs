//! Bytes to UTF-8 in composed form: which charset they are in, their characters, the XML declaration, the fields.

use crate::charset::Charset;
use crate::detect::{foreign, guess};
use crate::fields::{concerns, rewrite};
use crate::policy::{Format, LabelPolicy, TextFault, TextPolicy, TextReport};
use crate::tables::{NONE, character};
use crate::vni;
use std::borrow::Cow;

/// Bytes of an XML declaration that are looked at for the encoding.
const DECLARATION_MAX: usize = 256;

/// Reads text. `declared`: the `charset` of the Content-Type, where there is one; it stands above an XML declaration's encoding (RFC 7303, 3.2).
/// Bytes in, UTF-8 out without a byte order mark; borrowed where nothing changes. Linear in the input.
pub fn decode<'a>(
    bytes: &'a [u8],
    declared: Option<&str>,
    policy: &TextPolicy,
) -> Result<(Cow<'a, [u8]>, TextReport), TextFault> {
    let (proven, skip) = proven(bytes);
    let label = match declared.map(str::trim).filter(|d| !d.is_empty()) {
        Some(declared) => Some(declared.to_owned()),
        None if policy.format == Format::Xml && !proven.is_some_and(Charset::is_utf16) => {
            let head = &bytes[skip..bytes.len().min(skip + DECLARATION_MAX)];
            declared_encoding(&String::from_utf8_lossy(head)).map(|(_, name)| name)
        }
        None => None,
    };
    let body = &bytes[skip..];
    let mut report = TextReport::new(Charset::Utf8, label);
    report.bom = skip > 0;
    (report.from, report.confidence) = choose(body, proven, &mut report, policy)?;
    let text = match report.from {
        Charset::Utf8 => match std::str::from_utf8(body) {
            Ok(text) => Cow::Borrowed(text),
            Err(e) => {
                return Err(TextFault::Undecodable { charset: Charset::Utf8, at: skip + e.valid_up_to() });
            }
        },
        other => {
            let text = to_unicode(other, body);
            let text = text.map_err(|at| TextFault::Undecodable { charset: other, at: skip + at })?;
            report.converted = text.chars().filter(|c| !c.is_ascii()).count();
            if !other.is_utf16() {
                let control = |b: u8| other == Charset::Viscii && is_viscii_control(b);
                let changed = body.iter().enumerate().filter(|(_, b)| !b.is_ascii() || control(**b));
                changed.take(crate::PLACES_MAX).for_each(|(i, _)| report.place(skip + i));
            }
            Cow::Owned(text)
        }
    };
    let text = redeclared(text, policy, &mut report);
    let places = report.from == Charset::Utf8 && !report.declaration && skip == 0;
    let text = match concerns(&text, policy).then(|| rewrite(&text, policy, &mut report, places)).flatten() {
        Some(new) => Cow::Owned(new),
        None => text,
    };
    let out = match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    };
    Ok((out, report))
}

/// UTF-8 and UTF-16 where the bytes themselves prove them: by a byte order mark, or by the zeros of UTF-16's first ASCII character.
fn proven(bytes: &[u8]) -> (Option<Charset>, usize) {
    match bytes {
        [0xEF, 0xBB, 0xBF, ..] => (Some(Charset::Utf8), 3),
        [0xFF, 0xFE, ..] => (Some(Charset::Utf16Le), 2),
        [0xFE, 0xFF, ..] => (Some(Charset::Utf16Be), 2),
        [0, b, ..] if *b != 0 && b.is_ascii() => (Some(Charset::Utf16Be), 0),
        [b, 0, ..] if *b != 0 && b.is_ascii() => (Some(Charset::Utf16Le), 0),
        _ => (None, 0),
    }
}

/// Whether VISCII has a letter in the place of this control character; nobody else uses them in text.
fn is_viscii_control(byte: u8) -> bool {
    byte < 0x20 && !char::is_control(character(Charset::Viscii, byte))
}

/// Whether a label may stand for what was found.
fn agrees(label: Charset, found: Charset, ascii: bool) -> bool {
    let like = |c: Charset| match c {
        Charset::Utf16Be => Charset::Utf16Le,
        Charset::Tcvn3Upper => Charset::Tcvn3,
        c => c,
    };
    label == Charset::Auto || like(label) == like(found) || (ascii && !label.is_utf16() && !found.is_utf16())
}

/// The charset and how sure it is, percent.
fn choose(
    body: &[u8],
    proven: Option<Charset>,
    report: &mut TextReport,
    policy: &TextPolicy,
) -> Result<(Charset, u8), TextFault> {
    let label = report.label.as_deref();
    let named = label.and_then(Charset::of_label);
    if let (Some(label), None, LabelPolicy::Believe | LabelPolicy::Refuse) = (label, named, policy.label) {
        return Err(TextFault::UnknownLabel(label.chars().take(60).collect()));
    }
    let named = named.filter(|n| *n != Charset::Auto);
    let viscii = named == Some(Charset::Viscii) || policy.expected == [Charset::Viscii];
    let ascii = body.is_ascii()
        && proven.is_none_or(|p| !p.is_utf16())
        && !(viscii && body.iter().any(|b| is_viscii_control(*b)));
    let open = policy.expected.is_empty() || policy.expected.contains(&Charset::Auto);
    let (found, sure) = match proven {
        Some(found) => (found, 100),
        // UTF-16 in which nothing looks like it: only its label can say so.
        None if ascii => (Charset::Utf8, 100),
        None => unproven(body, named, open, policy)?,
    };
    let like = |e: &Charset| agrees(*e, found, ascii) && (*e == found || *e != Charset::Tcvn3 || ascii);
    if !open && !policy.expected.iter().any(like) {
        return Err(TextFault::NotExpected(found));
    }
    report.label_wrong = match named {
        Some(named) => !agrees(named, found, ascii),
        None => label.is_some() && !ascii && policy.label == LabelPolicy::Detect && !known_auto(label),
    };
    if report.label_wrong && policy.label != LabelPolicy::Detect {
        let label = label.unwrap_or_default().chars().take(60).collect();
        return Err(TextFault::WrongLabel { label, found });
    }
    Ok((found, sure))
}

fn known_auto(label: Option<&str>) -> bool {
    label.and_then(Charset::of_label) == Some(Charset::Auto)
}

/// The charset of bytes beyond ASCII that do not prove it.
fn unproven(
    body: &[u8],
    named: Option<Charset>,
    open: bool,
    policy: &TextPolicy,
) -> Result<(Charset, u8), TextFault> {
    let all = [Charset::GUESSED.as_slice(), &[Charset::Utf8]].concat();
    let candidates: &[Charset] = if open { &all } else { &policy.expected };
    let given = match (policy.label, named, candidates) {
        (LabelPolicy::Believe, Some(named), _) => Some(named),
        (_, _, [one]) => Some(*one),
        _ => None,
    };
    let valid = std::str::from_utf8(body);
    let found = match given {
        Some(given) => (given, 100),
        None if valid.is_ok() && candidates.contains(&Charset::Utf8) => return Ok((Charset::Utf8, 100)),
        None => match guess(candidates, body, named) {
            Some(found) => found,
            None if named == Some(Charset::Windows1252) && to_unicode(Charset::Windows1252, body).is_ok() => {
                return Ok((Charset::Windows1252, 0));
            }
            None => return Err(unsure(body, valid.err())),
        },
    };
    let vietnamese = Charset::GUESSED.contains(&found.0) && found.0 != Charset::Windows1252;
    if let Some((at, then)) = vietnamese.then(|| foreign(found.0, &all, body)).flatten() {
        return Err(TextFault::Mixed { first: found.0, then, at });
    }
    Ok(found)
}

/// Why nothing was found: UTF-8 that something else interrupts is named as such.
fn unsure(body: &[u8], error: Option<std::str::Utf8Error>) -> TextFault {
    let at = body.iter().position(|b| !b.is_ascii()).unwrap_or(0);
    match error {
        Some(e) if e.valid_up_to() > at => {
            TextFault::Mixed { first: Charset::Utf8, then: Charset::Auto, at: e.valid_up_to() }
        }
        _ => TextFault::Unsure { at },
    }
}

/// The characters of bytes; the offset of what cannot be read.
pub(crate) fn to_unicode(charset: Charset, bytes: &[u8]) -> Result<String, usize> {
    match charset {
        Charset::Utf8 | Charset::Auto => {
            std::str::from_utf8(bytes).map(str::to_owned).map_err(|e| e.valid_up_to())
        }
        Charset::Utf16Le => utf16(bytes, u16::from_le_bytes),
        Charset::Utf16Be => utf16(bytes, u16::from_be_bytes),
        Charset::Vni => {
            let mut out = String::with_capacity(bytes.len() + bytes.len() / 4);
            let mut at = 0;
            while at < bytes.len() {
                let (c, len) = vni::character(&bytes[at..]).ok_or(at)?;
                out.push(c);
                at += len;
            }
            Ok(out)
        }
        _ => {
            let mut out = String::with_capacity(bytes.len() + bytes.len() / 4);
            for (at, byte) in bytes.iter().enumerate() {
                match character(charset, *byte) {
                    NONE if *byte != 0 => return Err(at),
                    c => out.push(c),
                }
            }
            Ok(out)
        }
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, usize> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut out = String::with_capacity(bytes.len());
    let mut at = 0;
    for c in char::decode_utf16(pairs.iter().map(|p| unit(*p))) {
        let c = c.map_err(|_| at)?;
        at += 2 * c.len_utf16();
        out.push(c);
    }
    if rest.is_empty() { Ok(out) } else { Err(bytes.len() - 1) }
}

/// The encoding in an XML declaration: where it stands in the text, and its name.
fn declared_encoding(text: &str) -> Option<(std::ops::Range<usize>, String)> {
    let inner = text.strip_prefix("<?xml").filter(|r| r.starts_with([' ', '\t', '\r', '\n']))?;
    let inner = &inner[..inner.find("?>")?];
    let at = inner.match_indices("encoding").map(|(i, _)| i).find(|i| {
        let before = inner[..*i].chars().next_back();
        let after = inner[i + 8..].trim_start();
        before.is_some_and(char::is_whitespace) && after.starts_with('=')
    })?;
    let value = inner[at + 8..].trim_start()[1..].trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let name = &value[1..value[1..].find(quote)? + 1];
    let start = 5 + (inner.len() - value.len()) + 1;
    Some((start..start + name.len(), name.to_owned()))
}

/// The text with an XML declaration that says UTF-8, where it says something else.
fn redeclared<'a>(text: Cow<'a, str>, policy: &TextPolicy, report: &mut TextReport) -> Cow<'a, str> {
    if policy.format != Format::Xml {
        return text;
    }
    let Some((range, name)) = declared_encoding(&text) else { return text };
    let utf8 = ["utf-8", "utf8"].iter().any(|n| name.eq_ignore_ascii_case(n));
    if utf8 || (Charset::of_label(&name) == Some(Charset::Utf8) && text.is_ascii()) {
        return text;
    }
    report.declaration = true;
    Cow::Owned([&text[..range.start], "UTF-8", &text[range.end..]].concat())
}
