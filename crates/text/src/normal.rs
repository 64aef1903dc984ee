//! Composed form (Unicode NFC): a quick check that most text passes in one pass, and comparing without composing.

use std::borrow::Cow;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Where the text stops being composed for certain by a look at its bytes: its length where all of it is. Vietnamese, Western European
/// letters and common punctuation are; for the rest the tables are asked.
fn plainly_composed(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut i = 0;
    while let Some(&b) = bytes.get(i) {
        match b {
            0..0x80 => {
                i += 1;
                // Most of a message is ASCII: eight bytes at a time.
                while let Some(eight) = bytes.get(i..i + 8) {
                    let word = u64::from_le_bytes(eight.try_into().unwrap_or([0xFF; 8]));
                    if word & 0x8080_8080_8080_8080 != 0 {
                        break;
                    }
                    i += 8;
                }
            }
            // U+0080 to U+02FF: none combines, none decomposes for good.
            0xC2..=0xCB => i += 2,
            // U+1E00 to U+1EFF.
            0xE1 if matches!(bytes.get(i + 1), Some(0xB8..=0xBB)) => i += 3,
            // U+2002 to U+203F: punctuation. U+2000 and U+2001 have other canonical forms.
            0xE2 if bytes.get(i + 1) == Some(&0x80) && matches!(bytes.get(i + 2), Some(0x82..)) => i += 3,
            _ => return i,
        }
    }
    i
}

/// Whether text is in composed form.
pub fn is_nfc(text: &str) -> bool {
    let at = plainly_composed(text);
    if at == text.len() {
        return true;
    }
    // What follows may combine with the character before it.
    let from = text[..at].char_indices().next_back().map_or(0, |(i, _)| i);
    match is_nfc_quick(text[from..].chars()) {
        IsNormalized::Yes => true,
        IsNormalized::No => false,
        IsNormalized::Maybe => text[from..].nfc().eq(text[from..].chars()),
    }
}

/// Text in composed form; borrowed where it is so already.
pub fn nfc(text: &str) -> Cow<'_, str> {
    if is_nfc(text) { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

/// Whether two texts are the same characters, composed or decomposed (canonical equivalence). Case and marks count.
pub fn fold_match(a: &str, b: &str) -> bool {
    a == b || (!(a.is_ascii() && b.is_ascii()) && a.nfd().eq(b.nfd()))
}
