//! White space of values (XSD 1.0 part 2, 4.3.6).

use crate::model::WhiteSpace;
use std::borrow::Cow;

/// XML's white space.
pub(crate) fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r')
}

/// The value after white space processing. Borrows where nothing changes.
pub(crate) fn processed(text: &str, how: WhiteSpace) -> Cow<'_, str> {
    match how {
        WhiteSpace::Preserve => Cow::Borrowed(text),
        WhiteSpace::Replace if text.bytes().all(|b| b == b' ' || !is_space(b)) => Cow::Borrowed(text),
        WhiteSpace::Replace => Cow::Owned(text.replace(['\t', '\n', '\r'], " ")),
        WhiteSpace::Collapse => collapsed(text),
    }
}

fn collapsed(text: &str) -> Cow<'_, str> {
    let trimmed = trim(text);
    let mut before = b'x';
    let changes = trimmed.bytes().any(|b| {
        let double = is_space(b) && (b != b' ' || before == b' ');
        before = b;
        double
    });
    if !changes {
        return Cow::Borrowed(trimmed);
    }
    let mut out = String::with_capacity(trimmed.len());
    for item in items(trimmed) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(item);
    }
    Cow::Owned(out)
}

/// Without white space at its ends.
pub(crate) fn trim(text: &str) -> &str {
    let bytes = text.as_bytes();
    let Some(start) = bytes.iter().position(|b| !is_space(*b)) else { return "" };
    let end = bytes.iter().rposition(|b| !is_space(*b)).map_or(start, |last| last + 1);
    &text[start..end]
}

/// What stands between white space.
pub(crate) fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', '\t', '\n', '\r']).filter(|item| !item.is_empty())
}
