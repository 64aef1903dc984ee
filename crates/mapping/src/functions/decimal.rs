//! Decimal arithmetic digit by digit (xsd:decimal): never through a binary fraction. Values are strings or numbers that were not
//! calculated with; results are strings.

use crate::limits::MAX_DECIMAL_DIGITS;
use jaq_core::ValR;
use jaq_json::{Error, Num, Val};
use std::cmp::Ordering;

/// Digits, most significant first, of which the last `scale` stand after the point.
#[derive(Debug, Clone)]
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    scale: usize,
}

/// The native behind `decimal_...`: its argument is `[what, other]`.
pub fn calculate(value: Val, argument: Val) -> ValR<Val> {
    let Val::Arr(argument) = &argument else { return Err(Error::str("decimal")) };
    let (Some(what), Some(other)) = (argument.first(), argument.get(1)) else {
        return Err(Error::str("decimal"));
    };
    let left = read(&value)?;
    let what = super::text_of(what, "calculate")?;
    if what == "round" {
        let places = match other {
            Val::Num(n) => n.as_isize().and_then(|n| usize::try_from(n).ok()),
            _ => None,
        };
        let places = places.filter(|p| *p <= MAX_DECIMAL_DIGITS);
        let places = places
            .ok_or_else(|| Error::str(format!("decimal_round needs 0 to {MAX_DECIMAL_DIGITS} places")))?;
        return Ok(written(&round(left, places)));
    }
    let right = read(other)?;
    Ok(match what {
        "add" => written(&add(left, right)),
        "sub" => written(&add(left, Decimal { negative: !right.negative, ..right })),
        "mul" => written(&multiply(&left, &right)),
        _ => Val::from(match compare(left, right) {
            Ordering::Less => -1_isize,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        }),
    })
}

fn read(value: &Val) -> Result<Decimal, Error> {
    let wrong = || Error::str(format!("cannot read {} as a decimal", crate::json::excerpt(value, 40)));
    let text = match value {
        Val::Num(Num::Float(_)) => {
            return Err(Error::str(
                "cannot take a number that jq calculated: a binary fraction is not exact; use decimal_...",
            ));
        }
        Val::Num(number) => number.to_string(),
        Val::TStr(_) => super::text_of(value, "read as decimal")?.trim().to_owned(),
        _ => return Err(wrong()),
    };
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|b| b.wrapping_sub(b'0')).collect();
    if digits.is_empty() || digits.iter().any(|d| *d > 9) {
        return Err(wrong());
    }
    if digits.len() > MAX_DECIMAL_DIGITS {
        return Err(Error::str(format!("a decimal of more than {MAX_DECIMAL_DIGITS} digits")));
    }
    Ok(Decimal { negative, digits, scale: fraction.len() })
}

fn written(value: &Decimal) -> Val {
    let mut digits = value.digits.clone();
    while digits.len() <= value.scale {
        digits.insert(0, 0);
    }
    let point = digits.len() - value.scale;
    let text: String = digits.iter().map(|d| char::from(b'0' + d)).collect();
    let (whole, fraction) = text.split_at(point);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let sign = if value.negative && digits.iter().any(|d| *d != 0) { "-" } else { "" };
    let dot = if fraction.is_empty() { "" } else { "." };
    Val::utf8_str(format!("{sign}{whole}{dot}{fraction}"))
}

/// Both with the same scale and the same number of digits.
fn aligned(mut a: Decimal, mut b: Decimal) -> (Decimal, Decimal) {
    let scale = a.scale.max(b.scale);
    for value in [&mut a, &mut b] {
        value.digits.extend(std::iter::repeat_n(0, scale - value.scale));
        value.scale = scale;
    }
    let width = a.digits.len().max(b.digits.len());
    for value in [&mut a, &mut b] {
        let missing = width - value.digits.len();
        value.digits.splice(0..0, std::iter::repeat_n(0, missing));
    }
    (a, b)
}

fn add(a: Decimal, b: Decimal) -> Decimal {
    let (a, b) = aligned(a, b);
    if a.negative == b.negative {
        let mut carry = 0;
        let mut digits: Vec<u8> = Vec::with_capacity(a.digits.len() + 1);
        for (x, y) in a.digits.iter().zip(&b.digits).rev() {
            let sum = x + y + carry;
            carry = sum / 10;
            digits.push(sum % 10);
        }
        digits.push(carry);
        digits.reverse();
        return Decimal { negative: a.negative, digits, scale: a.scale };
    }
    let (large, small) = if a.digits >= b.digits { (a, b) } else { (b, a) };
    let mut borrow = 0;
    let mut digits: Vec<u8> = Vec::with_capacity(large.digits.len());
    for (x, y) in large.digits.iter().zip(&small.digits).rev() {
        let taken = y + borrow;
        borrow = u8::from(*x < taken);
        digits.push(x + 10 * borrow - taken);
    }
    digits.reverse();
    Decimal { negative: large.negative, digits, scale: large.scale }
}

fn multiply(a: &Decimal, b: &Decimal) -> Decimal {
    let mut product = vec![0_u32; a.digits.len() + b.digits.len()];
    for (i, x) in a.digits.iter().rev().enumerate() {
        for (j, y) in b.digits.iter().rev().enumerate() {
            if let Some(place) = product.get_mut(i + j) {
                *place += u32::from(*x) * u32::from(*y);
            }
        }
    }
    let mut carry = 0;
    let mut digits: Vec<u8> = product
        .iter()
        .map(|place| {
            let sum = place + carry;
            carry = sum / 10;
            (sum % 10) as u8
        })
        .collect();
    digits.reverse();
    Decimal { negative: a.negative != b.negative, digits, scale: a.scale + b.scale }
}

/// Half away from zero, as accounting in Viet Nam rounds.
fn round(mut value: Decimal, places: usize) -> Decimal {
    if value.scale <= places {
        value.digits.extend(std::iter::repeat_n(0, places - value.scale));
        return Decimal { scale: places, ..value };
    }
    let kept = value.digits.len().saturating_sub(value.scale - places);
    let missing = (value.scale - places).saturating_sub(value.digits.len());
    let up = missing == 0 && value.digits.get(kept).is_some_and(|d| *d >= 5);
    value.digits.truncate(kept);
    value.scale = places;
    let unit = Decimal { negative: value.negative, digits: vec![u8::from(up)], scale: places };
    if value.digits.is_empty() {
        value.digits.push(0);
    }
    add(value, unit)
}

fn compare(a: Decimal, b: Decimal) -> Ordering {
    let (mut a, mut b) = aligned(a, b);
    for value in [&mut a, &mut b] {
        value.negative &= value.digits.iter().any(|d| *d != 0);
    }
    match (a.negative, b.negative) {
        (false, true) => Ordering::Greater,
        (true, false) => Ordering::Less,
        (false, false) => a.digits.cmp(&b.digits),
        (true, true) => b.digits.cmp(&a.digits),
    }
}

#[cfg(test)]
mod tests {
    use super::{Val, calculate};

    fn run(a: &str, what: &str, b: Val) -> String {
        let argument = Val::Arr(jaq_json::Rc::new(vec![Val::utf8_str(what.to_owned()), b]));
        match calculate(Val::utf8_str(a.to_owned()), argument) {
            Ok(value) => crate::json::excerpt(&value, 500),
            Err(error) => error.to_string(),
        }
    }
    fn text(s: &str) -> Val {
        Val::utf8_str(s.to_owned())
    }

    #[test]
    fn sums_and_products_are_exact() {
        assert_eq!(run("0.1", "add", text("0.2")), "0.3");
        assert_eq!(run("1", "sub", text("1.05")), "-0.05");
        assert_eq!(run("-5", "add", text("5.00")), "0.00");
        assert_eq!(run("12345678901234567890.12", "mul", text("-100")), "-1234567890123456789012.00");
        assert_eq!(run("0.001", "mul", text("0.01")), "0.00001");
    }

    #[test]
    fn rounding_is_half_away_from_zero() {
        let places = |n: usize| Val::from(n);
        assert_eq!(run("2.5", "round", places(0)), "3");
        assert_eq!(run("-2.345", "round", places(2)), "-2.35");
        assert_eq!(run("9.999", "round", places(2)), "10.00");
        assert_eq!(run("7", "round", places(2)), "7.00");
        assert_eq!(run(".04", "round", places(0)), "0");
    }

    #[test]
    fn comparison_minds_signs_and_scales() {
        assert_eq!(run("1.0", "compare", text("1.00")), "0");
        assert_eq!(run("-1", "compare", text("0.5")), "-1");
        assert_eq!(run("-0", "compare", text("0")), "0");
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        assert!(run("1e5", "add", text("1")).contains("cannot read 1e5"));
        assert!(run("", "add", text("1")).contains("cannot read"));
        assert!(run("1", "add", Val::from(0.5)).contains("binary fraction"));
    }
}
