//! Lexical spaces of the built-in types that are neither numbers with bounds nor dates (XSD 1.0 part 2, 3.2 and 3.3).

use super::space::items;
use lgsp_wire::xml::ncname_len;

/// NCName (3.3.7).
pub(crate) fn is_ncname(text: &str) -> bool {
    !text.is_empty() && ncname_len(text) == text.len()
}

/// Characters of names, colons included.
fn is_name_tail(text: &str) -> bool {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let n = match ncname_len(rest) {
            // What may not begin a name may still stand in it.
            0 if c == ':' || ncname_len(&format!("a{c}")) > 1 => c.len_utf8(),
            n => n,
        };
        if n == 0 {
            return false;
        }
        rest = &rest[n..];
    }
    true
}

/// Name (3.3.6).
pub(crate) fn is_name(text: &str) -> bool {
    text.chars().next().is_some_and(|c| c == ':' || ncname_len(text) > 0) && is_name_tail(text)
}

/// NMTOKEN (3.3.4).
pub(crate) fn is_nmtoken(text: &str) -> bool {
    !text.is_empty() && is_name_tail(text)
}

/// One or more of them.
pub(crate) fn are(text: &str, item: fn(&str) -> bool) -> bool {
    !text.is_empty() && items(text).all(item)
}

/// language (3.3.3).
pub(crate) fn is_language(text: &str) -> bool {
    text.split('-').enumerate().all(|(i, part)| {
        (1..=8).contains(&part.len())
            && part.bytes().all(|b| if i == 0 { b.is_ascii_alphabetic() } else { b.is_ascii_alphanumeric() })
    })
}

/// anyURI (3.2.17): what becomes a URI reference once other characters are escaped.
pub(crate) fn is_any_uri(text: &str) -> bool {
    let escapes = text
        .split('%')
        .skip(1)
        .all(|after| after.as_bytes().get(..2).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)));
    escapes && text.bytes().filter(|b| *b == b'#').count() <= 1
}

/// `[+-]?(\d+(\.\d*)?|\.\d+)([Ee][+-]?\d+)?`, INF, -INF, NaN (3.2.4).
pub(crate) fn is_float(text: &str) -> bool {
    if matches!(text, "INF" | "-INF" | "NaN") {
        return true;
    }
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(e) => (&text[..e], Some(&text[e + 1..])),
        None => (text, None),
    };
    let exponent_fits = |e: &str| {
        let digits = e.strip_prefix(['+', '-']).unwrap_or(e);
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
    };
    super::decimal::Decimal::parse(mantissa).is_some() && exponent.is_none_or(exponent_fits)
}

/// The number that a float or double means; 32 bits for `single`.
pub(crate) fn float(text: &str, single: bool) -> f64 {
    match text {
        "INF" => f64::INFINITY,
        "-INF" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        _ if single => f64::from(text.parse::<f32>().unwrap_or(f32::NAN)),
        _ => text.parse().unwrap_or(f64::NAN),
    }
}

/// Octets of hexBinary; none: not one (3.2.15).
pub(crate) fn hex_len(text: &str) -> Option<u64> {
    (text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit()))
        .then_some(text.len() as u64 / 2)
}

/// Octets of base64Binary; none: not one (3.2.16). White space between characters is passed over.
pub(crate) fn base64_len(text: &str) -> Option<u64> {
    let (mut characters, mut padding, mut last) = (0u64, 0u64, 0u8);
    for b in text.bytes() {
        match b {
            b' ' | b'\t' | b'\n' | b'\r' => {}
            b'=' if padding < 2 => padding += 1,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if padding == 0 => {
                (characters, last) = (characters + 1, b);
            }
            _ => return None,
        }
    }
    // The bits of the last character that mean no octet must be zero.
    let fits = match padding {
        0 => true,
        1 => b"AEIMQUYcgkosw048".contains(&last),
        _ => b"AQgw".contains(&last),
    };
    let whole = (characters + padding).is_multiple_of(4) && characters >= padding;
    (fits && whole).then(|| (characters + padding) / 4 * 3 - padding)
}
