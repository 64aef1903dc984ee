//! VNI Windows: most marked letters are a letter and a byte for its marks; a few are one byte. Not here: charsets of one byte a character.

use crate::tables::{NONE, windows_1252};

/// Letters of one byte, small; 20 less is the capital.
fn single(byte: u8) -> Option<char> {
    Some(match byte {
        0xEC => 'ì',
        0xED => 'í',
        0xE6 => 'ỉ',
        0xF3 => 'ĩ',
        0xF2 => 'ị',
        0xEE => 'ỵ',
        0xF1 => 'đ',
        0xF4 => 'ơ',
        0xF6 => 'ư',
        _ => return None,
    })
}

/// What a byte of marks makes of the small letter before it.
fn marked(base: u8, mark: u8) -> Option<char> {
    // Tones in the order acute, grave, hook, tilde, dot.
    let tones = |letters: [char; 5]| match mark {
        0xF9 => Some(letters[0]),
        0xF8 => Some(letters[1]),
        0xFB => Some(letters[2]),
        0xF5 => Some(letters[3]),
        0xEF => Some(letters[4]),
        _ => None,
    };
    // The circumflex alone, then with the tones.
    let hats = |letters: [char; 6]| match mark {
        0xE2 => Some(letters[0]),
        0xE1 => Some(letters[1]),
        0xE0 => Some(letters[2]),
        0xE5 => Some(letters[3]),
        0xE3 => Some(letters[4]),
        0xE4 => Some(letters[5]),
        _ => None,
    };
    let breves = || match mark {
        0xEA => Some('ă'),
        0xE9 => Some('ắ'),
        0xE8 => Some('ằ'),
        0xFA => Some('ẳ'),
        0xFC => Some('ẵ'),
        0xEB => Some('ặ'),
        _ => None,
    };
    match base {
        b'a' => {
            tones(['á', 'à', 'ả', 'ã', 'ạ']).or_else(|| hats(['â', 'ấ', 'ầ', 'ẩ', 'ẫ', 'ậ'])).or_else(breves)
        }
        b'e' => tones(['é', 'è', 'ẻ', 'ẽ', 'ẹ']).or_else(|| hats(['ê', 'ế', 'ề', 'ể', 'ễ', 'ệ'])),
        b'o' => tones(['ó', 'ò', 'ỏ', 'õ', 'ọ']).or_else(|| hats(['ô', 'ố', 'ồ', 'ổ', 'ỗ', 'ộ'])),
        0xF4 => tones(['ớ', 'ờ', 'ở', 'ỡ', 'ợ']),
        b'u' => tones(['ú', 'ù', 'ủ', 'ũ', 'ụ']),
        0xF6 => tones(['ứ', 'ừ', 'ử', 'ữ', 'ự']),
        // The dot below y has a byte of its own.
        b'y' if mark != 0xEF => tones(['ý', 'ỳ', 'ỷ', 'ỹ', NONE]),
        _ => None,
    }
}

/// The small form of a letter or mark: marks of capitals and of small letters mean the same, and are mixed in practice.
fn small(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' => byte + 0x20,
        0xC0..=0xDE => byte + 0x20,
        _ => byte,
    }
}

/// Reads the character at the beginning of `bytes`: it and how many bytes it has. None where the first byte means nothing there.
pub(crate) fn character(bytes: &[u8]) -> Option<(char, usize)> {
    let first = *bytes.first()?;
    let capital = |c: char| if small(first) == first { c } else { c.to_uppercase().next().unwrap_or(c) };
    if let Some(c) = bytes.get(1).filter(|b| **b >= 0xC0).and_then(|mark| marked(small(first), small(*mark)))
    {
        return Some((capital(c), 2));
    }
    let c = match first {
        0..0x80 => char::from(first),
        0xC0.. => capital(single(small(first))?),
        // Punctuation is that of windows-1252; letters of it (Š, ƒ) are none of Vietnamese.
        _ => match windows_1252(first) {
            c if c == NONE || c.is_alphabetic() => return None,
            c => c,
        },
    };
    Some((c, 1))
}
