//! Vietnamese names, masks and letters.

use super::text_of;
use jaq_core::ValR;
use jaq_json::{Error, Rc, Val};
use unicode_normalization::UnicodeNormalization as _;

/// `[family name, middle names, given name]`: the first word, those between, the last. One word is a given name.
pub fn split_name(value: &Val) -> ValR<Val> {
    let text: String = text_of(value, "split as a name")?.nfc().collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    let (first, middle, last) = match words.as_slice() {
        [] => return Err(Error::str("cannot split an empty name")),
        [only] => ("", String::new(), *only),
        [first, middle @ .., last] => (*first, middle.join(" "), *last),
    };
    let parts = [first.to_owned(), middle, last.to_owned()];
    Ok(Val::Arr(Rc::new(parts.into_iter().map(Val::utf8_str).collect())))
}

/// Stars for all characters but the last few. A value that is not longer than what is kept is hidden whole.
pub fn mask(value: Val, keep: Val) -> ValR<Val> {
    let keep = match &keep {
        Val::Num(n) => n.as_isize().and_then(|n| usize::try_from(n).ok()),
        _ => None,
    };
    let keep = keep.ok_or_else(|| Error::str("mask_keep needs a number of characters"))?;
    let text = match &value {
        Val::Null => return Ok(Val::Null),
        Val::Num(number) => number.to_string(),
        other => text_of(other, "mask")?.to_owned(),
    };
    let count = text.chars().count();
    let hidden = if count > keep { count - keep } else { count };
    let masked = text.chars().enumerate().map(|(i, c)| if i < hidden { '*' } else { c }).collect::<String>();
    Ok(Val::utf8_str(masked))
}

/// Composed form (Unicode NFC).
pub fn nfc(value: &Val) -> ValR<Val> {
    Ok(Val::utf8_str(text_of(value, "compose")?.nfc().collect::<String>()))
}

/// Capital letters, those with marks too.
pub fn upper(value: &Val) -> ValR<Val> {
    Ok(Val::utf8_str(text_of(value, "write in capitals")?.to_uppercase()))
}

/// Small letters, those with marks too.
pub fn lower(value: &Val) -> ValR<Val> {
    Ok(Val::utf8_str(text_of(value, "write in small letters")?.to_lowercase()))
}
