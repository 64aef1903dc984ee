//! Decimal numbers of any size, compared digit by digit.

use std::cmp::Ordering;

/// A decimal number as written, its digits borrowed or owned, without zeros that mean nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decimal<'a> {
    negative: bool,
    /// Before the point, without leading zeros.
    whole: &'a str,
    /// After it, without trailing zeros.
    fraction: &'a str,
}

impl<'a> Decimal<'a> {
    /// Reads `[+-]?(\d+(\.\d*)?|\.\d+)` (3.2.3).
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (negative, digits) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        // There is no negative zero among decimals.
        Some(Self { negative: negative && !(whole.is_empty() && fraction.is_empty()), whole, fraction })
    }

    /// Digits that count, both sides of the point (4.3.11).
    pub(crate) fn total_digits(&self) -> usize {
        if self.whole.is_empty() {
            self.fraction.trim_start_matches('0').len()
        } else {
            self.whole.len() + self.fraction.len()
        }
    }

    /// Digits after the point that count (4.3.12).
    pub(crate) fn fraction_digits(&self) -> usize {
        self.fraction.len()
    }

    fn magnitude(&self, other: &Self) -> Ordering {
        self.whole
            .len()
            .cmp(&other.whole.len())
            .then_with(|| self.whole.cmp(other.whole))
            .then_with(|| self.fraction.cmp(other.fraction))
    }
}

impl Ord for Decimal<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.magnitude(other),
            (true, true) => other.magnitude(self),
        }
    }
}

impl PartialOrd for Decimal<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Digits that a JSON number with an exponent may have once written out: more than any decimal in use, and `1e999999999` stays a few bytes.
pub(crate) const EXPANDED_DIGITS_MAX: usize = 400;

/// A JSON number without its exponent, as XSD's decimals are written: the same value, digit by digit. None where that would be longer than
/// [`EXPANDED_DIGITS_MAX`].
pub(crate) fn without_exponent(number: &str) -> Option<String> {
    let Some(e) = number.find(['e', 'E']) else { return Some(number.to_owned()) };
    let (mantissa, exponent) = (&number[..e], &number[e + 1..]);
    let negative = mantissa.starts_with('-');
    let (whole, fraction) =
        mantissa.trim_start_matches('-').split_once('.').unwrap_or((mantissa.trim_start_matches('-'), ""));
    let digits = format!("{whole}{fraction}");
    let zero = digits.bytes().all(|b| b == b'0');
    if zero {
        return Some("0".into());
    }
    let point = i64::try_from(whole.len()).ok()?.checked_add(exponent.parse::<i64>().ok()?)?;
    let limit = i64::try_from(EXPANDED_DIGITS_MAX).ok()?;
    if digits.len() > EXPANDED_DIGITS_MAX || point.abs() > limit {
        return None;
    }
    let sign = if negative { "-" } else { "" };
    let len = i64::try_from(digits.len()).ok()?;
    let (whole, fraction) = if point <= 0 {
        (String::new(), "0".repeat(usize::try_from(-point).ok()?) + &digits)
    } else if point >= len {
        (digits + &"0".repeat(usize::try_from(point - len).ok()?), String::new())
    } else {
        let (a, b) = digits.split_at(usize::try_from(point).ok()?);
        (a.to_owned(), b.to_owned())
    };
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = fraction.trim_end_matches('0');
    Some(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Decimal, without_exponent};
    use std::cmp::Ordering;

    #[test]
    fn decimals_of_any_size_are_compared_by_value() {
        let cmp = |a, b| Decimal::parse(a).unwrap().cmp(&Decimal::parse(b).unwrap());
        assert_eq!(cmp("1.0", "+01."), Ordering::Equal);
        assert_eq!(cmp("-0", ".0"), Ordering::Equal);
        assert_eq!(
            cmp("123456789012345678901234567890.1", "123456789012345678901234567890.09"),
            Ordering::Greater
        );
        assert_eq!(cmp("-2", "-10"), Ordering::Greater);
        assert_eq!(cmp("0.05", "0.5"), Ordering::Less);
        for not in ["", ".", "+", "-.", "1e3", " 1", "1 ", "--1", "1.2.3", "٣"] {
            assert_eq!(Decimal::parse(not), None, "{not}");
        }
    }

    #[test]
    fn exponents_are_written_out_digit_by_digit_and_within_a_bound() {
        let out = |n| without_exponent(n);
        for (number, plain) in [
            ("1e3", "1000"),
            ("-1.5e3", "-1500"),
            ("12.5E-1", "1.25"),
            ("1e-3", "0.001"),
            ("1.50e1", "15"),
            ("0e999999999999999999999", "0"),
            ("10e-1", "1"),
        ] {
            assert_eq!(out(number).as_deref(), Some(plain), "{number}");
        }
        for large in ["1e401", "1e-402", "1e99999999999999999999999"] {
            assert_eq!(out(large), None, "{large}");
        }
    }
}
