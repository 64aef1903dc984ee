//! Facets of restrictions: read, checked against each other, and what they make of a type's form in JSON.

use super::load::At;
use super::read::Reader;
use crate::model::{Builtin, Facets, JsonForm, SimpleId, SimpleType, TypeId, Variety, WhiteSpace};
use crate::pattern::Pattern;
use crate::problem::Problem;
use crate::value::{in_lexical_space, is_integer};
use std::sync::Arc;

/// 2^53: whole numbers up to it are read the same by every JSON library.
const SAFE: i128 = 1 << 53;
/// Digits that always stay below 2^53.
const SAFE_DIGITS: u32 = 15;

impl Reader {
    /// Reads the facets of a restriction into a type that has its base's.
    pub fn facets(&mut self, at: At, base: SimpleId, ty: &mut SimpleType, unsupported: &mut Vec<Problem>) {
        let mut seen: Vec<String> = Vec::new();
        let mut enumeration: Vec<Arc<str>> = Vec::new();
        let mut patterns: Vec<Arc<str>> = Vec::new();
        for child in self.docs.children(at) {
            let facet = self.docs.local(child).to_owned();
            if matches!(facet.as_str(), "simpleType" | "attribute" | "attributeGroup" | "anyAttribute") {
                continue;
            }
            let construct = format!("xs:{facet}");
            let Some(value) = self.docs.attribute(child, "value").cloned() else {
                self.problem(self.docs.refuse(child, &construct, "a value is required"));
                continue;
            };
            if !applies(&facet, ty) {
                let message = format!("not a facet of this type ({:?})", ty.base);
                self.problem(self.docs.refuse(child, &construct, message));
                continue;
            }
            if let Some(other) = excluded(&facet).filter(|o| seen.iter().any(|s| s == o)) {
                let message = format!("{facet} and {other} exclude each other");
                self.problem(self.docs.refuse(child, &construct, message));
                continue;
            }
            seen.push(facet.clone());
            match facet.as_str() {
                "enumeration" => {
                    self.state(child, "xs:enumeration", TypeId::Simple(base), Some(&value));
                    enumeration.push(value);
                }
                "pattern" => match Pattern::compile(&value) {
                    Ok(_) => patterns.push(value),
                    Err(why) => {
                        let message = format!("{value:?}: {why}");
                        unsupported.push(self.docs.refuse(child, &construct, message));
                    }
                },
                _ => {
                    if let Err(message) = set(&facet, &value, ty) {
                        self.problem(self.docs.refuse(child, &construct, message));
                    }
                }
            }
        }
        if !enumeration.is_empty() {
            ty.facets.enumeration = enumeration;
        }
        if !patterns.is_empty() {
            ty.facets.patterns.push(patterns);
        }
        if let Err(message) = consistent(ty) {
            self.problem(self.docs.refuse(at, "xs:restriction", message));
        }
    }
}

/// The bound that may not stand beside this one in one step (part 2, sections 4.3.8.4 and 4.3.9.4).
fn excluded(facet: &str) -> Option<&'static str> {
    match facet {
        "minInclusive" => Some("minExclusive"),
        "minExclusive" => Some("minInclusive"),
        "maxInclusive" => Some("maxExclusive"),
        "maxExclusive" => Some("maxInclusive"),
        _ => None,
    }
}

/// Whether a type has this facet (part 2, section 4.1.5).
fn applies(facet: &str, ty: &SimpleType) -> bool {
    let atomic = ty.variety == Variety::Atomic;
    match facet {
        "pattern" => true,
        "enumeration" => ty.base != Builtin::Boolean || !atomic,
        "whiteSpace" => !matches!(ty.variety, Variety::Union(_)),
        "length" | "minLength" | "maxLength" => length_applies(ty),
        "totalDigits" | "fractionDigits" => atomic && is_decimal(ty.base),
        "minInclusive" | "maxInclusive" | "minExclusive" | "maxExclusive" => {
            atomic && (is_decimal(ty.base) || is_float(ty.base) || is_time(ty.base))
        }
        _ => false,
    }
}

/// Whether values of a type have a length.
fn length_applies(ty: &SimpleType) -> bool {
    match ty.variety {
        Variety::List(_) => true,
        Variety::Union(_) => false,
        Variety::Atomic => {
            !(is_decimal(ty.base) || is_float(ty.base) || is_time(ty.base) || ty.base == Builtin::Boolean)
        }
    }
}

/// Sets a facet that has one value.
fn set(facet: &str, value: &str, ty: &mut SimpleType) -> Result<(), String> {
    let text = value.trim();
    let facets = &mut ty.facets;
    let count = || text.parse::<u64>().map_err(|_| format!("{text:?} is no number of characters or items"));
    let digits = || text.parse::<u32>().map_err(|_| format!("{text:?} is no number of digits"));
    match facet {
        "length" => facets.length = Some(count()?),
        "minLength" => facets.min_length = Some(count()?),
        "maxLength" => facets.max_length = Some(count()?),
        "totalDigits" => match digits()? {
            0 => return Err("0 digits leave no value".into()),
            digits => facets.total_digits = Some(digits),
        },
        "fractionDigits" => match digits()? {
            1.. if is_integer(ty.base) => return Err("an integer has no digits after the point".into()),
            digits => facets.fraction_digits = Some(digits),
        },
        "whiteSpace" => {
            facets.white_space = Some(match text {
                "preserve" => WhiteSpace::Preserve,
                "replace" => WhiteSpace::Replace,
                "collapse" => WhiteSpace::Collapse,
                _ => return Err(format!("{text:?} is none of preserve, replace and collapse")),
            });
        }
        bound => {
            if !in_lexical_space(ty.base, text) {
                return Err(format!("{text:?} is no value of the type ({:?})", ty.base));
            }
            let value = Some(text.into());
            match bound {
                "minInclusive" => (facets.min_inclusive, facets.min_exclusive) = (value, None),
                "minExclusive" => (facets.min_exclusive, facets.min_inclusive) = (value, None),
                "maxInclusive" => (facets.max_inclusive, facets.max_exclusive) = (value, None),
                _ => (facets.max_exclusive, facets.max_inclusive) = (value, None),
            }
        }
    }
    Ok(())
}

/// Facets that leave no value.
fn consistent(ty: &SimpleType) -> Result<(), String> {
    let f = &ty.facets;
    if let (Some(min), Some(max)) = (f.min_length, f.max_length)
        && min > max
    {
        return Err(format!("minLength {min} is above maxLength {max}"));
    }
    if let (Some(fraction), Some(total)) = (f.fraction_digits, f.total_digits)
        && fraction > total
    {
        return Err(format!("fractionDigits {fraction} is above totalDigits {total}"));
    }
    let min = f.min_inclusive.as_deref().or(f.min_exclusive.as_deref());
    let max = f.max_inclusive.as_deref().or(f.max_exclusive.as_deref());
    let number = |text: &str| text.parse::<f64>().ok();
    if let (true, Some(min), Some(max)) = (is_decimal(ty.base) || is_float(ty.base), min, max)
        && let (Some(low), Some(high)) = (number(min), number(max))
        && low > high
    {
        return Err(format!("the smallest value {min} is above the largest {max}"));
    }
    Ok(())
}

/// How values of a type are written in JSON.
pub(super) fn json_form(base: Builtin, variety: &Variety, facets: &Facets) -> JsonForm {
    use Builtin as B;
    if *variety != Variety::Atomic {
        return JsonForm::String;
    }
    match base {
        B::Boolean => JsonForm::Boolean,
        B::Float | B::Double => JsonForm::Number,
        B::Int | B::Short | B::Byte | B::UnsignedInt | B::UnsignedShort | B::UnsignedByte => JsonForm::Number,
        _ if is_decimal(base) && bounded(base, facets) => JsonForm::Number,
        _ => JsonForm::String,
    }
}

/// Whether all values are whole numbers within 2^53.
fn bounded(base: Builtin, facets: &Facets) -> bool {
    use Builtin as B;
    if base == B::Decimal && facets.fraction_digits != Some(0) {
        return false;
    }
    if facets.total_digits.is_some_and(|d| d <= SAFE_DIGITS) {
        return true;
    }
    let bound = |a: &Option<Arc<str>>, b: &Option<Arc<str>>| {
        let text = a.as_deref().or(b.as_deref())?;
        let whole = text.split('.').next().unwrap_or(text);
        whole.strip_prefix('+').unwrap_or(whole).parse::<i128>().ok()
    };
    let within = |bound: i128| (-SAFE..=SAFE).contains(&bound);
    let low = match base {
        B::NonNegativeInteger | B::PositiveInteger | B::UnsignedLong => Some(0),
        _ => None,
    };
    let high = match base {
        B::NonPositiveInteger | B::NegativeInteger => Some(0),
        _ => None,
    };
    bound(&facets.min_inclusive, &facets.min_exclusive).or(low).is_some_and(within)
        && bound(&facets.max_inclusive, &facets.max_exclusive).or(high).is_some_and(within)
}

fn is_decimal(base: Builtin) -> bool {
    use Builtin as B;
    matches!(
        base,
        B::Decimal
            | B::Integer
            | B::NonPositiveInteger
            | B::NegativeInteger
            | B::NonNegativeInteger
            | B::PositiveInteger
            | B::Long
            | B::Int
            | B::Short
            | B::Byte
            | B::UnsignedLong
            | B::UnsignedInt
            | B::UnsignedShort
            | B::UnsignedByte
    )
}

fn is_float(base: Builtin) -> bool {
    matches!(base, Builtin::Float | Builtin::Double)
}

fn is_time(base: Builtin) -> bool {
    use Builtin as B;
    matches!(
        base,
        B::Duration
            | B::DateTime
            | B::Time
            | B::Date
            | B::GYearMonth
            | B::GYear
            | B::GMonthDay
            | B::GDay
            | B::GMonth
    )
}
