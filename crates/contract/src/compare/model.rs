//! Types of messages compared, as WSDL and XSD describe them: elements by name, order, occurrence and type.

use super::{Change, Changes, Way};
use crate::openapi::compare_numbers;
use lgsp_schema::model::{ComplexType, Content, Element, Model, Particle, SimpleId, Term, TypeId};
use std::collections::HashSet;
use std::sync::Arc;

/// A message's element with the types that it is made of.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The types.
    pub model: &'a Model,
    /// The element.
    pub element: &'a Element,
}

/// All changes from an old message to a new one.
pub fn element(old: Message<'_>, new: Message<'_>, way: Way, place: &str) -> Vec<Change> {
    let mut all =
        Comparison { old: old.model, new: new.model, way, changes: Changes::default(), seen: HashSet::new() };
    all.elements(old.element, new.element, place);
    all.changes.0
}

struct Comparison<'a> {
    old: &'a Model,
    new: &'a Model,
    way: Way,
    changes: Changes,
    seen: HashSet<(TypeId, TypeId)>,
}

impl Comparison<'_> {
    fn elements(&mut self, old: &Element, new: &Element, place: &str) {
        if old.name != new.name {
            self.changes.push(true, place, format!("the element is {} instead of {}", new.name, old.name));
        }
        match (old.nillable, new.nillable) {
            (true, false) => self.changes.narrowed(self.way, place, "nil is no longer allowed"),
            (false, true) => self.changes.widened(self.way, place, "nil is allowed now"),
            _ => {}
        }
        let fixed = (old.fixed.as_deref(), new.fixed.as_deref());
        self.changes.limit(self.way, place, "the fixed value", fixed, |o, n| (o != n).then_some(true));
        if old.default != new.default {
            self.changes.push(true, place, "the default of an empty element changed");
        }
        if !self.seen.insert((old.ty, new.ty)) {
            return;
        }
        match (old.ty, new.ty) {
            (TypeId::Simple(o), TypeId::Simple(n)) => self.simple(o, n, place),
            (TypeId::Complex(o), TypeId::Complex(n)) => {
                let (o, n) = (self.old.complex(o).clone(), self.new.complex(n).clone());
                self.complex(&o, &n, place);
            }
            _ => self.changes.push(true, place, "text became elements, or elements text"),
        }
    }

    fn complex(&mut self, old: &ComplexType, new: &ComplexType, place: &str) {
        for o in &old.attributes {
            let at = format!("{place}/@{}", o.name.local);
            match new.attributes.iter().find(|n| n.name == o.name) {
                Some(n) => {
                    match (o.required, n.required) {
                        (false, true) => {
                            self.changes.narrowed(self.way, &at, "this attribute must be there now")
                        }
                        (true, false) => {
                            self.changes.widened(self.way, &at, "this attribute may be missing now")
                        }
                        _ => {}
                    }
                    self.simple(o.ty, n.ty, &at);
                }
                None => self.changes.push(true, &at, "this attribute is gone"),
            }
        }
        for n in new.attributes.iter().filter(|n| !old.attributes.iter().any(|o| o.name == n.name)) {
            let at = format!("{place}/@{}", n.name.local);
            // What a schema does not describe, validators on the other side refuse.
            self.changes.push(n.required || self.way == Way::Answer, &at, "this attribute is new");
        }
        match (&old.content, &new.content) {
            (Content::Simple(o), Content::Simple(n)) => self.simple(*o, *n, place),
            (Content::Group(o), Content::Group(n)) => self.particles(o, n, place),
            (Content::Empty, Content::Empty) => {}
            (Content::Empty, Content::Group(n)) => {
                let breaks = self.way == Way::Answer || n.min > 0;
                self.changes.push(breaks, place, "there are elements inside now");
            }
            _ => self.changes.push(true, place, "what is inside changed its kind"),
        }
    }

    fn particles(&mut self, old: &Particle, new: &Particle, place: &str) {
        self.occurrence(old, new, place);
        match (&old.term, &new.term) {
            (Term::Element(o), Term::Element(n)) => self.elements(o, n, place),
            (Term::Sequence(o), Term::Sequence(n)) => {
                self.children(o, n, place);
                let names = |all: &[Particle], others: &[Particle]| {
                    let known = |n: &Arc<str>| others.iter().any(|p| name(p).as_ref() == Some(n));
                    all.iter().filter_map(name).filter(known).collect::<Vec<_>>()
                };
                if names(o, n) != names(n, o) {
                    self.changes.push(true, place, "the elements stand in another order");
                }
            }
            (Term::All(o), Term::All(n)) => self.children(o, n, place),
            (Term::Choice(o), Term::Choice(n)) => self.children(o, n, place),
            _ => self.changes.push(
                true,
                place,
                "the elements are grouped in another way (sequence, choice, all)",
            ),
        }
    }

    /// Elements by their names, groups by their places.
    fn children(&mut self, old: &[Particle], new: &[Particle], place: &str) {
        let is_choice = |p: &Particle| name(p).is_none();
        for o in old.iter().filter(|o| !is_choice(o)) {
            let Some(called) = name(o) else { continue };
            let at = format!("{place}/{called}");
            match new.iter().find(|n| name(n).as_ref() == Some(&called)) {
                Some(n) => self.particles(o, n, &at),
                None => self.changes.push(true, &at, "this element is gone"),
            }
        }
        for n in new.iter().filter(|n| !is_choice(n)) {
            let Some(called) = name(n) else { continue };
            if !old.iter().any(|o| name(o).as_ref() == Some(&called)) {
                let breaks = n.min > 0 || self.way == Way::Answer;
                self.changes.push(breaks, &format!("{place}/{called}"), "this element is new");
            }
        }
        let groups = |all: &[Particle]| all.iter().filter(|p| is_choice(p)).cloned().collect::<Vec<_>>();
        let (o, n) = (groups(old), groups(new));
        if o.len() != n.len() {
            self.changes.push(true, place, "the elements are grouped in another way");
        }
        for (o, n) in o.iter().zip(&n) {
            self.particles(o, n, place);
        }
    }

    fn occurrence(&mut self, old: &Particle, new: &Particle, place: &str) {
        let many = |p: &Particle| p.max != Some(1);
        if old.min < new.min {
            self.changes.narrowed(
                self.way,
                place,
                format!("must be there {} times at least, was {}", new.min, old.min),
            );
        } else if old.min > new.min {
            self.changes.widened(
                self.way,
                place,
                format!("must be there {} times at least, was {}", new.min, old.min),
            );
        }
        let max = |p: &Particle| p.max.unwrap_or(u32::MAX);
        if many(old) != many(new) {
            // In JSON the one becomes an array or is none any more.
            self.changes.push(true, place, "one became many, or many one");
        } else if max(old) > max(new) {
            self.changes.narrowed(self.way, place, "may be there fewer times");
        } else if max(old) < max(new) {
            self.changes.widened(self.way, place, "may be there more times");
        }
    }

    fn simple(&mut self, old: SimpleId, new: SimpleId, place: &str) {
        let (old, new) = (self.old.simple(old).clone(), self.new.simple(new).clone());
        if old.base != new.base
            || std::mem::discriminant(&old.variety) != std::mem::discriminant(&new.variety)
        {
            self.changes.push(true, place, format!("the type changed from {:?} to {:?}", old.base, new.base));
        }
        if old.json != new.json {
            self.changes.push(true, place, "it is written in another way in JSON (string or number)");
        }
        let (o, n, way) = (&old.facets, &new.facets, self.way);
        for gone in o.enumeration.iter().filter(|v| !n.enumeration.is_empty() && !n.enumeration.contains(v)) {
            self.changes.narrowed(way, place, format!("the value {gone:?} is no longer allowed"));
        }
        for added in n.enumeration.iter().filter(|v| !o.enumeration.is_empty() && !o.enumeration.contains(v))
        {
            self.changes.push(
                false,
                place,
                format!("the value {added:?} is new: callers that know only the old ones should be told"),
            );
        }
        match (o.enumeration.is_empty(), n.enumeration.is_empty()) {
            (true, false) => self.changes.narrowed(way, place, "only some values are allowed now"),
            (false, true) => self.changes.widened(way, place, "any value is allowed now"),
            _ => {}
        }
        match (o.patterns.is_empty(), n.patterns.is_empty()) {
            (true, false) => self.changes.narrowed(way, place, "a pattern is new"),
            (false, true) => self.changes.widened(way, place, "the pattern is gone"),
            _ if o.patterns != n.patterns => self.changes.push(true, place, "the pattern changed"),
            _ => {}
        }
        let length = |o: &u64, n: &u64| (o != n).then_some(true);
        self.changes.limit(way, place, "length", (o.length, n.length), length);
        let up = |o: &u64, n: &u64| (o != n).then_some(n > o);
        let down = |o: &u64, n: &u64| (o != n).then_some(n < o);
        self.changes.limit(way, place, "minLength", (o.min_length, n.min_length), up);
        self.changes.limit(way, place, "maxLength", (o.max_length, n.max_length), down);
        let digits = |d: Option<u32>| d.map(u64::from);
        self.changes.limit(way, place, "totalDigits", (digits(o.total_digits), digits(n.total_digits)), down);
        self.changes.limit(
            way,
            place,
            "fractionDigits",
            (digits(o.fraction_digits), digits(n.fraction_digits)),
            down,
        );
        for (name, o, n, up) in [
            ("minInclusive", &o.min_inclusive, &n.min_inclusive, true),
            ("minExclusive", &o.min_exclusive, &n.min_exclusive, true),
            ("maxInclusive", &o.max_inclusive, &n.max_inclusive, false),
            ("maxExclusive", &o.max_exclusive, &n.max_exclusive, false),
        ] {
            self.changes.limit(way, place, name, (o.as_deref(), n.as_deref()), |o, n| tighter(o, n, up));
        }
    }
}

/// Bounds of numbers by value; of dates and the like by their text, which orders them where both are written alike.
fn tighter(old: &str, new: &str, up: bool) -> Option<bool> {
    let number = |t: &str| crate::openapi::is_number(t);
    let order = if number(old) && number(new) { compare_numbers(old, new) } else { old.cmp(new) };
    (!order.is_eq()).then_some(order.is_lt() == up)
}

fn name(particle: &Particle) -> Option<Arc<str>> {
    match &particle.term {
        Term::Element(element) => Some(element.name.local.clone()),
        _ => None,
    }
}
