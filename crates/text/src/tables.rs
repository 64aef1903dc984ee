//! Tables of the charsets that have one byte a character (or a letter and a combining mark): written from TCVN 5712:1993, RFC 1456 and the
//! code pages as the vendors publish them; compared with independent ones in the tests. Not here: VNI, whose letters have two bytes.

use crate::Charset;

/// No character.
pub(crate) const NONE: char = '\0';

/// TCVN 5712:1993 VN3 from A0: seven capitals, five combining tone marks, the small letters. The capitals of VN1 and VN2 are none.
#[rustfmt::skip]
pub(crate) const TCVN3: [char; 96] = [
    '\u{a0}', 'Ă', 'Â', 'Ê', 'Ô', 'Ơ', 'Ư', 'Đ', 'ă', 'â', 'ê', 'ô', 'ơ', 'ư', 'đ', '\0',
    '\u{300}', '\u{309}', '\u{303}', '\u{301}', '\u{323}', 'à', 'ả', 'ã', 'á', 'ạ', '\0', 'ằ', 'ẳ', 'ẵ', 'ắ', '\0',
    '\0', '\0', '\0', '\0', '\0', '\0', 'ặ', 'ầ', 'ẩ', 'ẫ', 'ấ', 'ậ', 'è', '\0', 'ẻ', 'ẽ',
    'é', 'ẹ', 'ề', 'ể', 'ễ', 'ế', 'ệ', 'ì', 'ỉ', '\0', '\0', '\0', 'ĩ', 'í', 'ị', 'ò',
    '\0', 'ỏ', 'õ', 'ó', 'ọ', 'ồ', 'ổ', 'ỗ', 'ố', 'ộ', 'ờ', 'ở', 'ỡ', 'ớ', 'ợ', 'ù',
    '\0', 'ủ', 'ũ', 'ú', 'ụ', 'ừ', 'ử', 'ữ', 'ứ', 'ự', 'ỳ', 'ỷ', 'ỹ', 'ý', 'ỵ', '\0',
];

/// VISCII 1.1 from 80; six more capitals are among the control characters.
#[rustfmt::skip]
pub(crate) const VISCII: [char; 128] = [
    'Ạ', 'Ắ', 'Ằ', 'Ặ', 'Ấ', 'Ầ', 'Ẩ', 'Ậ', 'Ẽ', 'Ẹ', 'Ế', 'Ề', 'Ể', 'Ễ', 'Ệ', 'Ố',
    'Ồ', 'Ổ', 'Ỗ', 'Ộ', 'Ợ', 'Ớ', 'Ờ', 'Ở', 'Ị', 'Ỏ', 'Ọ', 'Ỉ', 'Ủ', 'Ũ', 'Ụ', 'Ỳ',
    'Õ', 'ắ', 'ằ', 'ặ', 'ấ', 'ầ', 'ẩ', 'ậ', 'ẽ', 'ẹ', 'ế', 'ề', 'ể', 'ễ', 'ệ', 'ố',
    'ồ', 'ổ', 'ỗ', 'Ỡ', 'Ơ', 'ộ', 'ờ', 'ở', 'ị', 'Ự', 'Ứ', 'Ừ', 'Ử', 'ơ', 'ớ', 'Ư',
    'À', 'Á', 'Â', 'Ã', 'Ả', 'Ă', 'ẳ', 'ẵ', 'È', 'É', 'Ê', 'Ẻ', 'Ì', 'Í', 'Ĩ', 'ỳ',
    'Đ', 'ứ', 'Ò', 'Ó', 'Ô', 'ạ', 'ỷ', 'ừ', 'ử', 'Ù', 'Ú', 'ỹ', 'ỵ', 'Ý', 'ỡ', 'ư',
    'à', 'á', 'â', 'ã', 'ả', 'ă', 'ữ', 'ẫ', 'è', 'é', 'ê', 'ẻ', 'ì', 'í', 'ĩ', 'ỉ',
    'đ', 'ự', 'ò', 'ó', 'ô', 'õ', 'ỏ', 'ọ', 'ụ', 'ù', 'ú', 'ũ', 'ủ', 'ý', 'ợ', 'Ữ',
];

/// TCVN3 below A0: fonts of that time keep the punctuation of windows-1252 there. Letters of it are not.
fn punctuation(byte: u8) -> char {
    match byte {
        0x80 => '€',
        0x82 => '‚',
        0x84 => '„',
        0x85 => '…',
        0x86 => '†',
        0x87 => '‡',
        0x89 => '‰',
        0x8B => '‹',
        0x91 => '‘',
        0x92 => '’',
        0x93 => '“',
        0x94 => '”',
        0x95 => '•',
        0x96 => '–',
        0x97 => '—',
        0x99 => '™',
        0x9B => '›',
        _ => NONE,
    }
}

/// windows-1252 for bytes from 80; the five undefined ones are none.
pub(crate) fn windows_1252(byte: u8) -> char {
    match byte {
        0x83 => 'ƒ',
        0x88 => 'ˆ',
        0x8A => 'Š',
        0x8C => 'Œ',
        0x8E => 'Ž',
        0x98 => '˜',
        0x9A => 'š',
        0x9C => 'œ',
        0x9E => 'ž',
        0x9F => 'Ÿ',
        0x80..=0x9F => punctuation(byte),
        _ => char::from(byte),
    }
}

/// windows-1258: where it differs from 1252. Tone marks combine with the letter before them.
fn windows_1258(byte: u8) -> char {
    match byte {
        0x8A | 0x8E | 0x9A | 0x9E => NONE,
        0xC3 => 'Ă',
        0xCC => '\u{300}',
        0xD0 => 'Đ',
        0xD2 => '\u{309}',
        0xD5 => 'Ơ',
        0xDD => 'Ư',
        0xDE => '\u{303}',
        0xE3 => 'ă',
        0xEC => '\u{301}',
        0xF0 => 'đ',
        0xF2 => '\u{323}',
        0xF5 => 'ơ',
        0xFD => 'ư',
        0xFE => '₫',
        _ => windows_1252(byte),
    }
}

fn viscii(byte: u8) -> char {
    match byte {
        0x02 => 'Ẳ',
        0x05 => 'Ẵ',
        0x06 => 'Ẫ',
        0x14 => 'Ỷ',
        0x19 => 'Ỹ',
        0x1E => 'Ỵ',
        0x80.. => VISCII[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

fn tcvn3(byte: u8) -> char {
    match byte {
        0xA0.. => TCVN3[usize::from(byte - 0xA0)],
        0x80.. => punctuation(byte),
        _ => char::from(byte),
    }
}

/// The capital of a letter that has one of one character.
fn capital(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// The character of a byte in a charset of one byte a character; [`NONE`] where there is none.
pub(crate) fn character(charset: Charset, byte: u8) -> char {
    match charset {
        Charset::Viscii => viscii(byte),
        _ if byte < 0x80 => char::from(byte),
        Charset::Tcvn3 => tcvn3(byte),
        Charset::Tcvn3Upper => capital(tcvn3(byte)),
        Charset::Windows1258 => windows_1258(byte),
        Charset::Windows1252 => windows_1252(byte),
        _ => NONE,
    }
}

/// The byte of windows-1252 that a character was read from; the five undefined bytes were often read as the controls of their number.
pub(crate) fn byte_1252(c: char) -> Option<u8> {
    match u32::from(c) {
        code @ 0..=0xFF => u8::try_from(code).ok(),
        0x152..=0x2122 => (0x80..=0x9F).find(|b| windows_1252(*b) == c),
        _ => None,
    }
}
