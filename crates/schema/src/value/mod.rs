//! Simple values: white space, lexical spaces, facets, equality (XSD 1.0 part 2), for all simple types of a [`Model`]. Not here: how values
//! are written in JSON (`codec`), the translation of patterns (`pattern`).

mod decimal;
mod facets;
mod lexical;
mod space;
mod time;

pub(crate) use decimal::without_exponent;
pub(crate) use space::{is_space, items, trim};

use crate::Problem;
use crate::model::{Builtin, Facets, Model, SimpleId, SimpleType, Variety, WhiteSpace};
use crate::pattern::Pattern;
use facets::{Bound, Limits};
use std::borrow::Cow;
use std::cmp::Ordering;

/// Types that a list or union may lead through: deeper nesting is a circle or a joke.
pub const VARIETY_DEPTH_MAX: usize = 16;

/// The simple types of a model, compiled.
#[derive(Debug)]
pub struct Values(Vec<Check>);

#[derive(Debug)]
struct Check {
    base: Builtin,
    space: WhiteSpace,
    variety: Variety,
    limits: Option<Box<Limits>>,
    /// Any text is a value.
    any: bool,
}

impl Values {
    /// Compiles the simple types: patterns, bounds.
    pub fn compile(model: &Model) -> Result<Self, Vec<Problem>> {
        let mut problems = endless(model);
        let values = Self::build(model, &mut problems);
        if problems.is_empty() { Ok(values) } else { Err(problems) }
    }

    /// As [`Values::compile`]; of types that cannot be compiled, any text is a value. None where types lead in a circle.
    pub(crate) fn compile_known(model: &Model) -> Option<Self> {
        endless(model).is_empty().then(|| Self::build(model, &mut Vec::new()))
    }

    fn build(model: &Model, problems: &mut Vec<Problem>) -> Self {
        let mut checks = Vec::with_capacity(model.simple.len());
        for (i, ty) in model.simple.iter().enumerate() {
            checks.push(compile(ty).unwrap_or_else(|message| {
                problems.push(problem(ty, &message));
                Check {
                    base: ty.base,
                    space: WhiteSpace::Preserve,
                    variety: Variety::Atomic,
                    limits: None,
                    any: true,
                }
            }));
            debug_assert_eq!(checks.len(), i + 1);
        }
        Self(checks)
    }

    /// Checks a value as it stands in XML (references expanded): the value after white space processing, or what was expected.
    pub fn check<'t>(&self, id: SimpleId, text: &'t str) -> Result<Cow<'t, str>, String> {
        let check = &self.0[id.0 as usize];
        match &check.variety {
            Variety::Union(members) => self.check_union(check, members, text),
            Variety::List(item) => self.check_list(check, *item, text),
            Variety::Atomic => {
                let value = space::processed(text, check.space);
                if check.any {
                    return Ok(value);
                }
                if !in_lexical_space(check.base, &value) {
                    return Err(format!("{} was expected", expected(check.base)));
                }
                if let Some(limits) = &check.limits {
                    limits.check(check.base, &value)?;
                }
                Ok(value)
            }
        }
    }

    fn check_list<'t>(&self, check: &Check, item: SimpleId, text: &'t str) -> Result<Cow<'t, str>, String> {
        let value = space::processed(text, WhiteSpace::Collapse);
        let mut n = 0;
        for one in items(&value) {
            self.check(item, one).map_err(|e| format!("item {}: {e}", n + 1))?;
            n += 1;
        }
        if let Some(limits) = &check.limits {
            limits.check_patterns(&value)?;
            limits.check_length(n, "items")?;
            let same = |allowed: &str| self.same_items(item, &value, allowed);
            if !limits.enumeration.is_empty() && !limits.enumeration.iter().any(|a| same(a)) {
                return Err(limits.not_enumerated());
            }
        }
        Ok(value)
    }

    fn check_union<'t>(
        &self,
        check: &Check,
        members: &[SimpleId],
        text: &'t str,
    ) -> Result<Cow<'t, str>, String> {
        let mut last = "no value is allowed".to_owned();
        let fitting = members.iter().find_map(|m| match self.check(*m, text) {
            Ok(value) => Some((*m, value)),
            Err(e) => {
                last = e;
                None
            }
        });
        let Some((member, value)) = fitting else {
            return Err(if members.len() > 1 {
                "a value of one of the union's types was expected".into()
            } else {
                last
            });
        };
        if let Some(limits) = &check.limits {
            limits.check_patterns(&value)?;
            let same =
                |allowed: &str| self.check(member, allowed).is_ok() && self.equal(member, &value, allowed);
            if !limits.enumeration.is_empty() && !limits.enumeration.iter().any(|a| same(a)) {
                return Err(limits.not_enumerated());
            }
        }
        Ok(value)
    }

    /// Whether two values of a type, in its lexical space, are equal.
    pub fn equal(&self, id: SimpleId, a: &str, b: &str) -> bool {
        let check = &self.0[id.0 as usize];
        match &check.variety {
            Variety::Atomic => {
                let (a, b) = (space::processed(a, check.space), space::processed(b, check.space));
                a == b || facets::equal(check.base, &a, &b)
            }
            Variety::List(item) => self.same_items(*item, a, b),
            Variety::Union(members) => {
                let member = |text| members.iter().find(|m| self.check(**m, text).is_ok());
                match (member(a), member(b)) {
                    (Some(m), Some(n)) => m == n && self.equal(*m, a, b),
                    _ => false,
                }
            }
        }
    }

    fn same_items(&self, item: SimpleId, a: &str, b: &str) -> bool {
        let (mut a, mut b) = (items(a), items(b));
        loop {
            match (a.next(), b.next()) {
                (None, None) => return true,
                (Some(x), Some(y)) if self.equal(item, x, y) => {}
                _ => return false,
            }
        }
    }
}

fn problem(ty: &SimpleType, message: &str) -> Problem {
    let name =
        ty.name.as_ref().map_or("an anonymous simple type".to_owned(), |n| format!("the simple type {n}"));
    Problem { place: None, construct: "xs:simpleType".into(), message: format!("{name}: {message}") }
}

/// Types whose lists and unions do not end.
fn endless(model: &Model) -> Vec<Problem> {
    let endless = model.simple.iter().filter(|ty| !ends(model, ty, 0));
    endless.map(|ty| problem(ty, "its lists and unions lead in a circle or too deep")).collect()
}

fn ends(model: &Model, ty: &SimpleType, depth: usize) -> bool {
    let inner: &[SimpleId] = match &ty.variety {
        Variety::Atomic => &[],
        Variety::List(item) => std::slice::from_ref(item),
        Variety::Union(members) => members,
    };
    depth < VARIETY_DEPTH_MAX
        && inner.iter().all(|i| model.simple.get(i.0 as usize).is_some_and(|t| ends(model, t, depth + 1)))
}

fn compile(ty: &SimpleType) -> Result<Check, String> {
    let limits = limits(ty.base, &ty.variety, &ty.facets)?;
    let space = ty.facets.white_space.unwrap_or_else(|| white_space(ty.base));
    let text = matches!(
        ty.base,
        Builtin::String | Builtin::AnySimpleType | Builtin::NormalizedString | Builtin::Token
    );
    let any = text && limits.is_empty() && ty.variety == Variety::Atomic;
    let limits = (!limits.is_empty()).then(|| Box::new(limits));
    Ok(Check { base: ty.base, space, variety: ty.variety.clone(), limits, any })
}

fn limits(base: Builtin, variety: &Variety, facets: &Facets) -> Result<Limits, String> {
    use Ordering::{Equal, Greater, Less};
    let mut bounds = Vec::new();
    for (text, words, allowed) in [
        (&facets.min_inclusive, "of at least", [Greater, Equal]),
        (&facets.max_inclusive, "of at most", [Less, Equal]),
        (&facets.min_exclusive, "above", [Greater, Greater]),
        (&facets.max_exclusive, "below", [Less, Less]),
    ] {
        let Some(text) = text else { continue };
        let text: std::sync::Arc<str> = trim(text).into();
        if *variety != Variety::Atomic || !is_ordered(base) || !in_lexical_space(base, &text) {
            return Err(format!("the bound {text:?} is no value of a type that has an order"));
        }
        bounds.push(Bound { text, words, allowed });
    }
    let compiled =
        |step: &Vec<std::sync::Arc<str>>| step.iter().map(|p| pattern(p)).collect::<Result<Vec<_>, _>>();
    let space = facets.white_space.unwrap_or_else(|| white_space(base));
    Ok(Limits {
        enumeration: facets.enumeration.iter().map(|v| space::processed(v, space).into()).collect(),
        patterns: facets.patterns.iter().map(compiled).collect::<Result<_, _>>()?,
        length: facets.length,
        min_length: facets.min_length.filter(|n| *n > 0),
        max_length: facets.max_length,
        bounds,
        total_digits: facets.total_digits,
        fraction_digits: facets.fraction_digits,
    })
}

fn pattern(text: &str) -> Result<Pattern, String> {
    Pattern::compile(text).map_err(|e| format!("the pattern {text:?}: {e}"))
}

pub(crate) fn white_space(ty: Builtin) -> WhiteSpace {
    match ty {
        Builtin::String | Builtin::AnySimpleType => WhiteSpace::Preserve,
        Builtin::NormalizedString => WhiteSpace::Replace,
        _ => WhiteSpace::Collapse,
    }
}

fn is_ordered(ty: Builtin) -> bool {
    is_decimal(ty) || is_moment(ty) || matches!(ty, Builtin::Float | Builtin::Double | Builtin::Duration)
}

pub(crate) fn is_moment(ty: Builtin) -> bool {
    use Builtin as B;
    matches!(
        ty,
        B::DateTime | B::Time | B::Date | B::GYearMonth | B::GYear | B::GMonthDay | B::GDay | B::GMonth
    )
}

pub(crate) fn is_decimal(ty: Builtin) -> bool {
    ty == Builtin::Decimal || is_integer(ty)
}

pub(crate) fn is_integer(ty: Builtin) -> bool {
    use Builtin as B;
    let signed = matches!(
        ty,
        B::Integer | B::NonPositiveInteger | B::NegativeInteger | B::Long | B::Int | B::Short | B::Byte
    );
    signed
        || matches!(ty, B::NonNegativeInteger | B::PositiveInteger | B::UnsignedLong)
        || matches!(ty, B::UnsignedInt | B::UnsignedShort | B::UnsignedByte)
}

/// The range of an integer type, as far as it has one.
fn range(ty: Builtin) -> (Option<i128>, Option<i128>) {
    let all = |min: i128, max: i128| (Some(min), Some(max));
    match ty {
        Builtin::NonPositiveInteger => (None, Some(0)),
        Builtin::NegativeInteger => (None, Some(-1)),
        Builtin::NonNegativeInteger => (Some(0), None),
        Builtin::PositiveInteger => (Some(1), None),
        Builtin::Long => all(i64::MIN.into(), i64::MAX.into()),
        Builtin::Int => all(i32::MIN.into(), i32::MAX.into()),
        Builtin::Short => all(i16::MIN.into(), i16::MAX.into()),
        Builtin::Byte => all(i8::MIN.into(), i8::MAX.into()),
        Builtin::UnsignedLong => all(0, u64::MAX.into()),
        Builtin::UnsignedInt => all(0, u32::MAX.into()),
        Builtin::UnsignedShort => all(0, u16::MAX.into()),
        Builtin::UnsignedByte => all(0, u8::MAX.into()),
        _ => (None, None),
    }
}

fn in_integer_range(ty: Builtin, text: &str) -> bool {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    let (min, max) = range(ty);
    // Nearly all: no wide arithmetic. Eighteen digits fit into 64 bits.
    if digits.len() <= 18 {
        let n = digits.bytes().fold(0i64, |n, d| n * 10 + i64::from(d - b'0'));
        let n = i128::from(if negative { -n } else { n });
        return min.is_none_or(|m| n >= m) && max.is_none_or(|m| n <= m);
    }
    let digits = digits.trim_start_matches('0');
    // Beyond 38 digits only the sign matters: no bounded type is that wide.
    let huge = digits.len() > 38;
    let n = if huge { i128::MAX } else { digits.parse::<i128>().unwrap_or(0) };
    let n = if negative { -n } else { n };
    min.is_none_or(|m| n >= m) && max.is_none_or(|m| n <= m)
}

/// Whether a value, its white space processed, is in a built-in type's lexical space.
pub(crate) fn in_lexical_space(ty: Builtin, text: &str) -> bool {
    use Builtin as B;
    match ty {
        B::String | B::AnySimpleType | B::NormalizedString | B::Token => true,
        B::Boolean => matches!(text, "true" | "false" | "1" | "0"),
        B::Decimal => decimal::Decimal::parse(text).is_some(),
        B::Float | B::Double => lexical::is_float(text),
        B::Duration => time::duration(text).is_some(),
        B::HexBinary => lexical::hex_len(text).is_some(),
        B::Base64Binary => lexical::base64_len(text).is_some(),
        B::Language => lexical::is_language(text),
        B::NmToken => lexical::is_nmtoken(text),
        B::NmTokens => lexical::are(text, lexical::is_nmtoken),
        B::Name => lexical::is_name(text),
        B::NcName | B::Id | B::IdRef => lexical::is_ncname(text),
        B::IdRefs => lexical::are(text, lexical::is_ncname),
        B::AnyUri => lexical::is_any_uri(text),
        ty if is_moment(ty) => time::moment(ty, text).is_some(),
        ty => in_integer_range(ty, text),
    }
}

/// A built-in type in words, for messages.
fn expected(ty: Builtin) -> String {
    match ty {
        Builtin::Boolean => "true or false".into(),
        Builtin::Decimal => "a decimal number".into(),
        Builtin::Float | Builtin::Double => "a number, INF, -INF or NaN".into(),
        Builtin::Date => "a date (YYYY-MM-DD)".into(),
        Builtin::DateTime => "a date and time (YYYY-MM-DDThh:mm:ss)".into(),
        Builtin::Time => "a time (hh:mm:ss)".into(),
        Builtin::Duration => "a duration such as P1Y2M3DT4H".into(),
        Builtin::HexBinary => "hexadecimal digits in pairs".into(),
        Builtin::Base64Binary => "base64".into(),
        Builtin::AnyUri => "a URI".into(),
        ty if is_integer(ty) => match range(ty) {
            (Some(min), Some(max)) => format!("an integer from {min} to {max}"),
            (Some(min), None) => format!("an integer of at least {min}"),
            (None, Some(max)) => format!("an integer of at most {max}"),
            (None, None) => "an integer".into(),
        },
        ty => {
            let name = format!("{ty:?}");
            format!("a value of xs:{}{}", name[..1].to_ascii_lowercase(), &name[1..])
        }
    }
}
