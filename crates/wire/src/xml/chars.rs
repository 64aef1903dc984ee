//! The characters of XML 1.0 (fifth edition): which are allowed, which make names, and references to them.

use super::fault::{XmlError, XmlFault};

/// XML's white space.
pub(super) fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r')
}

/// Production [2] Char.
pub fn is_char(c: u32) -> bool {
    matches!(c, 0x9 | 0xA | 0xD | 0x20..=0xD7FF | 0xE000..=0xFFFD | 0x1_0000..=0x10_FFFF)
}

/// Finds a character that production [2] does not allow. One pass over the whole document, so that no later step has to look.
pub(super) fn check_chars(text: &str) -> Result<(), XmlFault> {
    let bytes = text.as_bytes();
    let forbidden = |b: u8| b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r');
    let mut start = 0;
    // Folding without an early exit lets the compiler use vector instructions.
    for block in bytes.chunks(64) {
        if block.iter().fold(false, |found, b| found | forbidden(*b)) {
            let i = start + block.iter().position(|b| forbidden(*b)).unwrap_or(0);
            return Err(XmlError::Character(u32::from(bytes[i])).at(i));
        }
        start += block.len();
    }
    // U+FFFE and U+FFFF are EF BF BE and EF BF BF; EF is rare in Vietnamese text.
    for i in memchr::memchr_iter(0xEF, bytes) {
        if let [0xEF, 0xBF, last @ (0xBE | 0xBF), ..] = bytes[i..] {
            return Err(XmlError::Character(0xFF40 + u32::from(last)).at(i));
        }
    }
    Ok(())
}

/// Production [4] NameStartChar without the colon, which namespaces reserve.
fn starts_name(c: char) -> bool {
    matches!(c,
        'A'..='Z' | '_' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

/// Production [4a] NameChar without the colon.
fn continues_name(c: char) -> bool {
    starts_name(c)
        || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// The length in bytes of the NCName that the text begins with; 0 where there is none.
pub fn ncname_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    // Nearly every name is ASCII: decode characters only from where that ends.
    let mut i = match bytes.first() {
        Some(b) if b.is_ascii_alphabetic() || *b == b'_' => 1,
        Some(b) if b.is_ascii() => return 0,
        _ => 0,
    };
    if i == 1 {
        i += bytes[1..]
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
            .count();
        if bytes.get(i).is_none_or(u8::is_ascii) {
            return i;
        }
    }
    for (at, c) in text[i..].char_indices() {
        let fine = if i + at == 0 { starts_name(c) } else { continues_name(c) };
        if !fine {
            return i + at;
        }
    }
    text.len()
}

/// Reads the reference that `text[at..]` begins with (`&` included): the character and the length.
pub fn reference(text: &str, at: usize) -> Result<(char, usize), XmlFault> {
    // The longest accepted reference is a character reference with leading zeros; beyond this it is not one.
    const LONGEST: usize = 64;
    let window = &text.as_bytes()[at..text.len().min(at + LONGEST)];
    let end = memchr::memchr(b';', window).ok_or(XmlError::Reference.at(at))?;
    let name = text.get(at + 1..at + end).ok_or(XmlError::Reference.at(at))?;
    let c = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => match name.strip_prefix('#') {
            Some(number) => char_reference(number).ok_or(XmlError::Reference.at(at))?,
            None if !name.is_empty() && ncname_len(name) == name.len() => {
                return Err(XmlError::Entity(crate::clip(name)).at(at));
            }
            None => return Err(XmlError::Reference.at(at)),
        },
    };
    Ok((c, end + 1))
}

/// The character of `123` or `x1F`.
fn char_reference(number: &str) -> Option<char> {
    let (digits, radix) = match number.strip_prefix('x') {
        Some(hex) => (hex, 16),
        None => (number, 10),
    };
    // from_str_radix takes a sign; XML does not.
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let code = u32::from_str_radix(digits, radix).ok()?;
    char::from_u32(code).filter(|_| is_char(code))
}
