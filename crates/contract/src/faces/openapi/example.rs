//! Examples of messages: the smallest that say something. None where a value would have to be guessed.

use super::{pattern, simple as simples};
use lgsp_schema::model::{
    Builtin, Content, Element, JsonForm, Model, Particle, SimpleId, Term, TypeId, Variety,
};
use serde_json::{Map, Value, json};

/// Nesting of an example: what is deeper is left out where it may be.
const DEPTH_MAX: usize = 12;
/// Members of one example.
const MEMBERS_MAX: usize = 500;

/// An example of an element's value.
pub(super) fn of(model: &Model, element: Option<&Element>) -> Option<Value> {
    Maker { model, left: MEMBERS_MAX }.element(element?, 0)
}

/// An example of a simple type's value.
pub(super) fn simple(model: &Model, id: SimpleId) -> Option<Value> {
    at_depth(model, id, 0)
}

struct Maker<'m> {
    model: &'m Model,
    left: usize,
}

impl Maker<'_> {
    fn element(&mut self, element: &Element, depth: usize) -> Option<Value> {
        self.left = self.left.checked_sub(1)?;
        if depth > DEPTH_MAX {
            return None;
        }
        match element.ty {
            TypeId::Simple(id) => {
                let stated = element.fixed.as_deref().or(element.default.as_deref());
                match stated {
                    Some(stated) => simples::value(self.model.simple(id), stated),
                    None => simple(self.model, id),
                }
            }
            TypeId::Complex(id) => {
                let ty = self.model.complex(id);
                let mut out = Map::new();
                for attribute in ty.attributes.iter().filter(|a| a.required) {
                    let value = match attribute.fixed.as_deref() {
                        Some(fixed) => simples::value(self.model.simple(attribute.ty), fixed)?,
                        None => simple(self.model, attribute.ty)?,
                    };
                    out.insert(attribute.json.to_string(), value);
                }
                match &ty.content {
                    Content::Empty => {}
                    Content::Simple(text) => drop(out.insert("$".into(), simple(self.model, *text)?)),
                    Content::Group(particle) => self.group(particle, &mut out, depth + 1)?,
                }
                Some(Value::Object(out))
            }
        }
    }

    /// None where something that must be there has no example.
    fn group(&mut self, particle: &Particle, out: &mut Map<String, Value>, depth: usize) -> Option<()> {
        let mut own = Map::new();
        let found = match &particle.term {
            Term::Element(_) if particle.max == Some(0) => None,
            Term::Element(element) => self.element(element, depth).map(|value| {
                let many = particle.max != Some(1);
                let count = usize::try_from(particle.min).unwrap_or(usize::MAX).clamp(1, 10);
                let value = if many { Value::Array(vec![value; count]) } else { value };
                own.insert(element.json.to_string(), value);
            }),
            Term::Sequence(all) | Term::All(all) => {
                all.iter().try_for_each(|p| self.group(p, &mut own, depth))
            }
            Term::Choice(all) => all.iter().find_map(|p| {
                let mut branch = Map::new();
                self.group(p, &mut branch, depth)?;
                own = branch;
                Some(())
            }),
        };
        match found {
            Some(()) => out.extend(own),
            None if particle.min == 0 => {}
            None => return None,
        }
        Some(())
    }
}

fn at_depth(model: &Model, id: SimpleId, depth: usize) -> Option<Value> {
    let ty = model.simple(id);
    if let Some(first) = ty.facets.enumeration.first() {
        return match ty.variety {
            Variety::List(_) => None,
            _ => simples::value(ty, first),
        };
    }
    match &ty.variety {
        Variety::List(_) if !ty.facets.patterns.is_empty() => None,
        Variety::List(item) if depth < 8 => {
            let count = ty.facets.length.or(ty.facets.min_length).unwrap_or(1).clamp(1, 10);
            Some(json!(vec![at_depth(model, *item, depth + 1)?; usize::try_from(count).unwrap_or(1)]))
        }
        Variety::Union(members) if depth < 8 && ty.facets.patterns.is_empty() => {
            let value = members.iter().find_map(|m| at_depth(model, *m, depth + 1))?;
            Some(match (ty.json, value) {
                (JsonForm::String, Value::Number(n)) => json!(n.to_string()),
                (JsonForm::String, Value::Bool(b)) => json!(b.to_string()),
                (_, value) => value,
            })
        }
        Variety::Atomic => match ty.json {
            JsonForm::Boolean => Some(json!(true)),
            _ => from_pattern(ty).unwrap_or_else(|| plain(ty)),
        },
        _ => None,
    }
}

/// By the one pattern of the type. The outer none: there is no pattern.
fn from_pattern(ty: &lgsp_schema::model::SimpleType) -> Option<Option<Value>> {
    let group = ty.facets.patterns.last()?;
    let one = || {
        if ty.facets.patterns.len() > 1 {
            return None;
        }
        let text = group.iter().find_map(|p| pattern::sample(&pattern::ecma(p)?))?;
        let long = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
        let facets = &ty.facets;
        let fits = facets.length.is_none_or(|l| l == long)
            && facets.min_length.is_none_or(|l| l <= long)
            && facets.max_length.is_none_or(|l| l >= long);
        fits.then(|| simples::value(ty, &text)).flatten()
    };
    Some(one())
}

/// By the base and the other facets.
fn plain(ty: &lgsp_schema::model::SimpleType) -> Option<Value> {
    let facets = &ty.facets;
    let bound = facets.min_inclusive.as_deref().or(facets.max_inclusive.as_deref());
    let text = match (ty.base, bound) {
        (_, Some(bound)) => bound.to_owned(),
        _ if facets.min_exclusive.is_some() || facets.max_exclusive.is_some() => return None,
        (Builtin::Date, _) => "2026-01-31".into(),
        (Builtin::DateTime, _) => "2026-01-31T08:30:00+07:00".into(),
        (Builtin::Time, _) => "08:30:00".into(),
        (Builtin::GYear, _) => "2026".into(),
        (Builtin::GYearMonth, _) => "2026-01".into(),
        (Builtin::GMonth, _) => "--01".into(),
        (Builtin::GDay, _) => "---31".into(),
        (Builtin::GMonthDay, _) => "--01-31".into(),
        (Builtin::Duration, _) => "P1D".into(),
        (Builtin::Language, _) => "vi".into(),
        (Builtin::AnyUri, _) => "https://example.vn/".into(),
        (Builtin::NegativeInteger | Builtin::NonPositiveInteger, _) => "-1".into(),
        (Builtin::HexBinary, _) => {
            "00".repeat(usize::try_from(facets.length.or(facets.min_length).unwrap_or(1)).ok()?.min(100))
        }
        (Builtin::Base64Binary, _) if facets.length.or(facets.min_length).is_some() => return None,
        (Builtin::Base64Binary, _) => "AAAA".into(),
        (Builtin::Decimal | Builtin::Float | Builtin::Double, _) => "1.5".into(),
        (base, _) if !is_text(base) => "1".into(),
        _ => sized(facets.length.or(facets.min_length), facets.length.or(facets.max_length))?,
    };
    if facets.fraction_digits == Some(0) && text == "1.5" {
        return simples::value(ty, "1");
    }
    simples::value(ty, &text)
}

fn is_text(base: Builtin) -> bool {
    matches!(
        base,
        Builtin::AnySimpleType
            | Builtin::String
            | Builtin::NormalizedString
            | Builtin::Token
            | Builtin::NmToken
            | Builtin::NmTokens
            | Builtin::Name
            | Builtin::NcName
            | Builtin::Id
            | Builtin::IdRef
            | Builtin::IdRefs
    )
}

/// A text of an allowed length.
fn sized(min: Option<u64>, max: Option<u64>) -> Option<String> {
    let min = usize::try_from(min.unwrap_or(0)).ok()?;
    let max = max.and_then(|m| usize::try_from(m).ok()).unwrap_or(usize::MAX);
    let text: String = "string".chars().cycle().take(6.max(min).min(max)).collect();
    (text.len() <= 500).then_some(text)
}
