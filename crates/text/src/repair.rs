//! Legacy text inside Unicode: characters that once were bytes of another charset, taken for Latin-1 or windows-1252. A field at a time.

use crate::charset::Charset;
use crate::decode::to_unicode;
use crate::detect::{guess, is_plain_text, is_vietnamese, words};
use crate::policy::Inner;
use crate::tables::byte_1252;

/// How a field is to be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repair {
    /// Read the characters' bytes in this charset.
    Legacy(Charset),
    /// Read the characters' bytes as UTF-8, so many times.
    Twice(u8),
}

/// The bytes that characters were read from as windows-1252.
fn back(text: &str) -> Option<Vec<u8>> {
    text.chars().map(byte_1252).collect()
}

/// Reads characters again as UTF-8; none where they are not that.
fn again(text: &str) -> Option<String> {
    String::from_utf8(back(text)?).ok()
}

/// What a field needs.
pub(crate) fn find(field: &str, inner: &Inner, mojibake: bool) -> Option<Repair> {
    if field.is_ascii() {
        return None;
    }
    if mojibake {
        // Undone twice at most: what was encoded more often than that is no text that anyone reads.
        if let Some(once) = again(field).filter(|once| !once.is_ascii()) {
            if again(&once).is_some_and(|t| is_plain_text(&t)) {
                return Some(Repair::Twice(2));
            }
            if is_plain_text(&once) {
                return Some(Repair::Twice(1));
            }
        }
    }
    match inner {
        Inner::Keep => None,
        Inner::Always(charset) => {
            let bytes = back(field)?;
            to_unicode(*charset, &bytes).is_ok().then_some(Repair::Legacy(*charset))
        }
        Inner::Detect(candidates) => detect(field, candidates).map(Repair::Legacy),
    }
}

/// The charset of a field that is no Vietnamese as it is.
fn detect(field: &str, candidates: &[Charset]) -> Option<Charset> {
    let bytes = back(field)?;
    let as_it_is = |word: &[u8]| is_vietnamese(&word.iter().map(|b| char::from(*b)).collect::<String>());
    if words(&bytes).all(|(_, w)| as_it_is(w)) {
        return None;
    }
    let (charset, sure) = guess(candidates, &bytes, None)?;
    (sure == 100).then_some(charset)
}

/// Changes a piece of the field; none where the piece cannot be (it is then left).
pub(crate) fn apply(repair: Repair, piece: &str) -> Option<String> {
    if piece.is_ascii() {
        return None;
    }
    match repair {
        Repair::Legacy(charset) => to_unicode(charset, &back(piece)?).ok(),
        Repair::Twice(times) => {
            let mut text = again(piece)?;
            if times == 2 && !text.is_ascii() {
                text = again(&text).unwrap_or(text);
            }
            Some(text)
        }
    }
}
