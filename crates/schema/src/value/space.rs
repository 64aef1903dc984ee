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
    let bytes = trimmed.as_bytes();
    let double = |i: usize| bytes[i] != b' ' || bytes.get(i + 1).is_some_and(|b| is_space(*b));
    let mut spaces = (0..bytes.len()).filter(|i| is_space(bytes[*i]));
    if !spaces.any(double) {
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
    text.trim_matches([' ', '\t', '\n', '\r'])
}

/// What stands between white space.
pub(crate) fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', '\t', '\n', '\r']).filter(|item| !item.is_empty())
}
