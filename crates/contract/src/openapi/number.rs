//! Numbers as JSON writes them, compared by value without ever becoming binary floating point: limits of schemas hold for amounts
//! and identifiers of any length.

use std::cmp::Ordering;

/// Exponents beyond this are taken for it: no limit of a contract is near, and both sides of a comparison are treated alike.
const EXPONENT_MAX: i64 = 1 << 40;

/// Whether bytes are a number in JSON's grammar (RFC 8259, section 6).
pub fn is_json(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let digits = |t: &[u8]| t.iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = digits(text);
    if whole == 0 || (whole > 1 && text[0] == b'0') {
        return false;
    }
    let mut rest = &text[whole..];
    if let Some(after) = rest.strip_prefix(b".") {
        let fraction = digits(after);
        if fraction == 0 {
            return false;
        }
        rest = &after[fraction..];
    }
    if let [b'e' | b'E', after @ ..] = rest {
        let after = after.strip_prefix(b"+").or_else(|| after.strip_prefix(b"-")).unwrap_or(after);
        return !after.is_empty() && digits(after) == after.len();
    }
    rest.is_empty()
}

/// A number: its sign, its digits without zeros at either end, and the power of ten that they are multiplied by.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

fn parts(text: &str) -> Decimal {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |t| (true, t));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let far = if exponent.starts_with('-') { -EXPONENT_MAX } else { EXPONENT_MAX };
    let exponent = exponent.parse::<i64>().unwrap_or(far).clamp(-EXPONENT_MAX, EXPONENT_MAX);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    let first = all.iter().position(|d| *d != b'0').unwrap_or(all.len());
    let last = all.iter().rposition(|d| *d != b'0').map_or(first, |i| i + 1);
    let point = i64::try_from(fraction.len()).unwrap_or(EXPONENT_MAX);
    let cut = i64::try_from(all.len() - last).unwrap_or(EXPONENT_MAX);
    if first == last {
        return Decimal { negative: false, digits: Vec::new(), exponent: 0 };
    }
    Decimal { negative, digits: all[first..last].to_vec(), exponent: exponent - point + cut }
}

/// Compares two numbers by value.
pub fn compare(a: &str, b: &str) -> Ordering {
    if let (Ok(a), Ok(b)) = (a.parse::<i64>(), b.parse::<i64>()) {
        return a.cmp(&b);
    }
    let (a, b) = (parts(a), parts(b));
    let sign = |d: &Decimal| match (d.digits.is_empty(), d.negative) {
        (true, _) => 0,
        (false, true) => -1,
        (false, false) => 1,
    };
    if sign(&a) != sign(&b) {
        return sign(&a).cmp(&sign(&b));
    }
    let top = |d: &Decimal| d.exponent + i64::try_from(d.digits.len()).unwrap_or(EXPONENT_MAX);
    let larger = top(&a).cmp(&top(&b)).then_with(|| a.digits.cmp(&b.digits));
    if a.negative { larger.reverse() } else { larger }
}

/// Whether the value is whole, however it is written (`1.0` and `1e3` are).
pub fn is_integer(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || b == b'-') || parts(text).exponent >= 0
}

/// Whether a value is a multiple of another, which has at most 18 digits without zeros at its ends and is not zero.
pub fn is_multiple(value: &str, of: &str) -> bool {
    let (value, of) = (parts(value), parts(of));
    let Ok(step) = String::from_utf8(of.digits).unwrap_or_default().parse::<u64>() else { return true };
    if value.digits.is_empty() {
        return true;
    }
    // Without zeros at their end, digits are no multiple of ten: nothing can make up for a smaller power.
    let shift = value.exponent - of.exponent;
    if shift < 0 {
        return false;
    }
    let step = u128::from(step);
    let mut rest = value.digits.iter().fold(0u128, |r, d| (r * 10 + u128::from(d - b'0')) % step);
    let (mut power, mut base) = (shift, 10u128 % step);
    while power > 0 {
        if power & 1 == 1 {
            rest = rest * base % step;
        }
        base = base * base % step;
        power >>= 1;
    }
    rest == 0
}

/// One text for all that have the same value.
pub fn canonical(text: &str) -> String {
    let d = parts(text);
    let digits = String::from_utf8(d.digits).unwrap_or_default();
    format!("{}{digits}e{}", if d.negative { "-" } else { "" }, d.exponent)
}

/// Digits that say something.
pub fn significant(text: &str) -> usize {
    parts(text).digits.len()
}

#[cfg(test)]
mod tests {
    use super::{canonical, compare, is_integer, is_json, is_multiple};
    use std::cmp::Ordering::{Equal, Greater, Less};

    #[test]
    fn numbers_are_compared_by_value_however_long() {
        for (a, b, expected) in [
            ("1", "1.0", Equal),
            ("100", "1e2", Equal),
            ("0", "-0.0", Equal),
            ("0.1", "0.10000000000000000000000001", Less),
            ("123456789012345678901234567891", "123456789012345678901234567890", Greater),
            ("-5", "-4.99", Less),
            ("-1", "0", Less),
            ("1e400", "1e399", Greater),
            ("1e-400", "0", Greater),
            ("99999999999999999999e99999999999999999999", "1", Greater),
        ] {
            assert_eq!(compare(a, b), expected, "{a} {b}");
            assert_eq!(compare(b, a), expected.reverse(), "{b} {a}");
        }
        assert_eq!(canonical("1200.0"), canonical("12e2"));
    }

    #[test]
    fn whole_numbers_and_multiples() {
        for whole in ["1.0", "1e3", "10.50e1", "0.0", "-7", "123456789012345678901234567890"] {
            assert!(is_integer(whole), "{whole}");
        }
        assert!(!is_integer("1.5") && !is_integer("1e-1"));
        for (value, of, yes) in [
            ("0.3", "0.1", true),
            ("19.99", "0.01", true),
            ("19.995", "0.01", false),
            ("123456789012345678901234567890", "10", true),
            ("123456789012345678901234567891", "10", false),
            ("7", "2", false),
            ("1e300", "3", false),
            ("3e300", "3", true),
            ("0", "7", true),
        ] {
            assert_eq!(is_multiple(value, of), yes, "{value} {of}");
        }
    }

    #[test]
    fn only_the_grammar_of_json_is_a_number() {
        for good in ["0", "-0", "10", "1.5", "1e5", "1E-5", "-1.25e+10"] {
            assert!(is_json(good.as_bytes()), "{good}");
        }
        for bad in ["", "-", "01", "1.", ".5", "+1", "1e", "1e+", "1-1", "1.2.3"] {
            assert!(!is_json(bad.as_bytes()), "{bad}");
        }
    }
}
