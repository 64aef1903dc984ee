//! Values compared, and the facets that limit them (XSD 1.0 part 2, 4.3).

use super::decimal::Decimal;
use super::lexical::{base64_len, float, hex_len};
use super::space::items;
use super::time::{Duration, Moment, duration, moment};
use crate::model::Builtin;
use crate::pattern::Pattern;
use std::cmp::Ordering;
use std::sync::Arc;

/// A value, as far as it must be compared. The text is in its lexical space already.
#[derive(Debug, Clone)]
pub(crate) enum Value<'a> {
    Text(&'a str),
    Boolean(bool),
    Decimal(Decimal<'a>),
    Float(f64),
    Moment(Moment),
    Duration(Duration),
    /// Octets, written one way.
    Binary(String),
}

impl<'a> Value<'a> {
    /// The value of a text that is in the type's lexical space.
    pub(crate) fn of(ty: Builtin, text: &'a str) -> Option<Self> {
        Some(match ty {
            Builtin::Boolean => Self::Boolean(matches!(text, "true" | "1")),
            Builtin::Float | Builtin::Double => Self::Float(float(text, ty == Builtin::Float)),
            Builtin::Duration => Self::Duration(duration(text)?),
            Builtin::HexBinary => Self::Binary(text.to_ascii_uppercase()),
            Builtin::Base64Binary => Self::Binary(items(text).collect()),
            ty if super::is_decimal(ty) => Self::Decimal(Decimal::parse(text)?),
            ty if super::is_moment(ty) => Self::Moment(moment(ty, text)?),
            _ => Self::Text(text),
        })
    }

    /// The order of the value space; none: there is none between these two.
    pub(crate) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Decimal(a), Self::Decimal(b)) => Some(a.cmp(b)),
            (Self::Float(a), Self::Float(b)) if a.is_nan() && b.is_nan() => Some(Ordering::Equal),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(b),
            (Self::Moment(a), Self::Moment(b)) => a.order(b),
            (Self::Duration(a), Self::Duration(b)) => a.order(b),
            (Self::Text(a), Self::Text(b)) => (a == b).then_some(Ordering::Equal),
            (Self::Boolean(a), Self::Boolean(b)) => (a == b).then_some(Ordering::Equal),
            (Self::Binary(a), Self::Binary(b)) => (a == b).then_some(Ordering::Equal),
            _ => None,
        }
    }
}

/// A bound and the orders that a value may have to it.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) text: Arc<str>,
    pub(crate) words: &'static str,
    pub(crate) allowed: [Ordering; 2],
}

/// Facets of a type, compiled.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    pub(crate) enumeration: Vec<Arc<str>>,
    pub(crate) patterns: Vec<Vec<Pattern>>,
    pub(crate) length: Option<u64>,
    pub(crate) min_length: Option<u64>,
    pub(crate) max_length: Option<u64>,
    pub(crate) bounds: Vec<Bound>,
    pub(crate) total_digits: Option<u32>,
    pub(crate) fraction_digits: Option<u32>,
}

impl Limits {
    pub(crate) fn is_empty(&self) -> bool {
        self.enumeration.is_empty()
            && self.patterns.is_empty()
            && self.bounds.is_empty()
            && !self.has_length()
            && !self.has_digits()
    }

    fn has_length(&self) -> bool {
        self.length.is_some() || self.min_length.is_some() || self.max_length.is_some()
    }

    fn has_digits(&self) -> bool {
        self.total_digits.is_some() || self.fraction_digits.is_some()
    }

    /// Checks a value of one item; the text is in the lexical space of its type.
    pub(crate) fn check(&self, ty: Builtin, text: &str) -> Result<(), String> {
        self.check_patterns(text)?;
        if self.has_length() {
            self.check_length(length(ty, text), unit(ty))?;
        }
        if self.has_digits() {
            self.check_digits(text)?;
        }
        let value = if self.bounds.is_empty() { None } else { Value::of(ty, text) };
        for bound in &self.bounds {
            let limit = Value::of(ty, &bound.text);
            let order = value.as_ref().zip(limit.as_ref()).and_then(|(a, b)| a.order(b));
            if !order.is_some_and(|o| bound.allowed.contains(&o)) {
                return Err(format!("a value {} {} was expected", bound.words, bound.text));
            }
        }
        let same = |allowed: &Arc<str>| text == &**allowed || equal(ty, text, allowed);
        if self.enumeration.is_empty() || self.enumeration.iter().any(same) {
            return Ok(());
        }
        Err(self.not_enumerated())
    }

    pub(crate) fn not_enumerated(&self) -> String {
        const SHOWN: usize = 10;
        let mut list =
            self.enumeration.iter().take(SHOWN).map(|v| format!("{v:?}")).collect::<Vec<_>>().join(", ");
        if self.enumeration.len() > SHOWN {
            list.push_str(", ...");
        }
        format!("one of {list} was expected")
    }

    pub(crate) fn check_patterns(&self, text: &str) -> Result<(), String> {
        if self.patterns.iter().all(|step| step.iter().any(|p| p.is_match(text))) {
            return Ok(());
        }
        Err("the value does not match its type's pattern".into())
    }

    pub(crate) fn check_length(&self, n: u64, unit: &str) -> Result<(), String> {
        let wrong =
            |n: u64, words: &str, limit: u64| format!("{words} {limit} {unit} were expected; there are {n}");
        match (self.length, self.min_length, self.max_length) {
            (Some(l), ..) if n != l => Err(wrong(n, "exactly", l)),
            (_, Some(l), _) if n < l => Err(wrong(n, "at least", l)),
            (.., Some(l)) if n > l => Err(wrong(n, "at most", l)),
            _ => Ok(()),
        }
    }

    fn check_digits(&self, text: &str) -> Result<(), String> {
        let Some(d) = Decimal::parse(text) else { return Ok(()) };
        match (self.total_digits, self.fraction_digits) {
            (Some(l), _) if d.total_digits() > l as usize => Err(format!("at most {l} digits were expected")),
            (_, Some(l)) if d.fraction_digits() > l as usize => {
                Err(format!("at most {l} digits after the point were expected"))
            }
            _ => Ok(()),
        }
    }
}

/// Whether two texts of a type's lexical space mean the same value.
pub(crate) fn equal(ty: Builtin, a: &str, b: &str) -> bool {
    Value::of(ty, a).zip(Value::of(ty, b)).is_some_and(|(a, b)| a.order(&b) == Some(Ordering::Equal))
}

fn length(ty: Builtin, text: &str) -> u64 {
    match ty {
        Builtin::HexBinary => hex_len(text).unwrap_or(0),
        Builtin::Base64Binary => base64_len(text).unwrap_or(0),
        Builtin::NmTokens | Builtin::IdRefs => items(text).count() as u64,
        _ => text.chars().count() as u64,
    }
}

fn unit(ty: Builtin) -> &'static str {
    match ty {
        Builtin::HexBinary | Builtin::Base64Binary => "octets",
        Builtin::NmTokens | Builtin::IdRefs => "items",
        _ => "characters",
    }
}
