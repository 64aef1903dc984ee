//! Groups: sequences, choices and alls with their particles, flattened to what the model holds.

use super::load::{At, Kind};
use super::read::{Reader, STEPS_MAX};
use crate::model::{Particle, Term};
use crate::problem::Problem;
use std::collections::HashSet;

/// The groups that are being read, and what has no reading in them.
#[derive(Default)]
pub(super) struct Groups {
    open: Vec<At>,
    pub unsupported: Vec<Problem>,
}

impl Reader {
    /// What stands at a place; none where nothing may.
    pub fn particle(&mut self, at: At, groups: &mut Groups) -> Option<Particle> {
        let (min, max) = self.occurs(at);
        if max == Some(0) || !self.take(1, at) {
            return None;
        }
        match self.docs.local(at) {
            "element" => {
                let element = self.local_element(at, &mut groups.unsupported)?;
                Some(Particle { min, max, term: Term::Element(element) })
            }
            "sequence" | "choice" | "all" => {
                let term = self.group(at, groups);
                self.repeated(at, min, max, term, groups)
            }
            "group" => {
                let reference = self.docs.attribute(at, "ref").cloned();
                let Some(reference) = reference else {
                    self.problem(self.docs.refuse(at, "xs:group", "a ref is required here"));
                    return None;
                };
                let name = self.told(|r| r.docs.resolve(at, &reference))?;
                let declared = self.told(|r| r.docs.find(Kind::Group, &name, at))?;
                if groups.open.contains(&declared) || groups.open.len() >= STEPS_MAX {
                    let message = format!("the group {name} holds itself");
                    self.problem(self.docs.refuse(at, "xs:group", message));
                    return None;
                }
                let inner = self.docs.children(declared);
                let Some(inner) = inner.into_iter().find(|c| is_model_group(self.docs.local(*c))) else {
                    self.problem(self.docs.refuse(declared, "xs:group", "is empty"));
                    return None;
                };
                groups.open.push(declared);
                let term = self.group(inner, groups);
                groups.open.pop();
                self.repeated(at, min, max, term, groups)
            }
            "any" => {
                let advice = "any element has no name in JSON; name the elements";
                groups.unsupported.push(self.docs.refuse(at, "xs:any", advice));
                None
            }
            other => {
                let construct = format!("xs:{other}");
                self.problem(self.docs.refuse(at, &construct, "not allowed in a group"));
                None
            }
        }
    }

    /// The particles of a sequence, a choice or an all.
    fn group(&mut self, at: At, groups: &mut Groups) -> Term {
        let local = self.docs.local(at).to_owned();
        let mut particles = Vec::new();
        for child in self.docs.children(at) {
            if local == "all" && self.docs.local(child) != "element" {
                let construct = format!("xs:{}", self.docs.local(child));
                self.problem(self.docs.refuse(child, &construct, "only elements stand in xs:all"));
                continue;
            }
            let Some(particle) = self.particle(child, groups) else { continue };
            if local == "all" && particle.max != Some(1) {
                self.problem(self.docs.refuse(child, "xs:all", "elements of xs:all stand at most once"));
            }
            match particle {
                // A sequence in a sequence is its particles.
                Particle { min: 1, max: Some(1), term: Term::Sequence(inner) } if local == "sequence" => {
                    particles.extend(inner);
                }
                other => particles.push(other),
            }
        }
        match local.as_str() {
            "choice" => Term::Choice(particles),
            "all" => Term::All(particles),
            _ => Term::Sequence(particles),
        }
    }

    /// A group as often as it may stand. One that may be repeated and holds one element is that element, repeated.
    fn repeated(
        &mut self,
        at: At,
        min: u32,
        max: Option<u32>,
        mut term: Term,
        groups: &mut Groups,
    ) -> Option<Particle> {
        if max == Some(1) {
            return Some(Particle { min, max, term });
        }
        if let Term::Sequence(inner) | Term::Choice(inner) = &mut term {
            if inner.is_empty() {
                return Some(Particle { min: 1, max: Some(1), term: Term::Sequence(Vec::new()) });
            }
            if let [Particle { min: 1, max: Some(1), term: Term::Element(element) }] = inner.as_slice() {
                return Some(Particle { min, max, term: Term::Element(element.clone()) });
            }
        }
        let construct = format!("xs:{} maxOccurs", self.docs.local(at));
        let advice = "a repeated group has no reading as JSON members; put its elements into an element of \
                      their own and repeat that";
        groups.unsupported.push(self.docs.refuse(at, &construct, advice));
        Some(Particle { min, max: Some(1), term })
    }

    /// How often something may stand at its place.
    fn occurs(&mut self, at: At) -> (u32, Option<u32>) {
        let number = |reader: &mut Self, name: &str| {
            let text = reader.docs.attribute(at, name).cloned()?;
            let parsed = text.trim().parse::<u32>();
            if parsed.is_err() {
                let message = format!("{text:?} is no number of times from 0 to {}", u32::MAX);
                reader.problem(reader.docs.refuse(at, name, message));
            }
            parsed.ok()
        };
        let min = number(self, "minOccurs").unwrap_or(1);
        let unbounded = self.docs.attribute(at, "maxOccurs").is_some_and(|v| v.trim() == "unbounded");
        let max = if unbounded { None } else { Some(number(self, "maxOccurs").unwrap_or(1)) };
        if max.is_some_and(|max| max < min) {
            self.problem(self.docs.refuse(at, "minOccurs", "is above maxOccurs"));
        }
        (min, max)
    }

    /// Refuses a group in which two elements would be one member of a JSON object. With each name once, content is deterministic as
    /// the standard wants it (unique particle attribution).
    pub fn check_members(&mut self, at: At, particle: &Particle, unsupported: &mut Vec<Problem>) {
        let mut seen = HashSet::new();
        let mut twice = Vec::new();
        members(particle, &mut |name| {
            if !seen.insert(name.to_owned()) && !twice.iter().any(|t| t == name) {
                twice.push(name.to_owned());
            }
        });
        for name in twice {
            let message = format!(
                "the element {name} stands at two places of the content, which are one member in JSON; rename one, \
                 or repeat one by maxOccurs"
            );
            unsupported.push(self.docs.refuse(at, "xs:element", message));
        }
    }
}

fn is_model_group(local: &str) -> bool {
    matches!(local, "sequence" | "choice" | "all")
}

/// The members of a group.
fn members(particle: &Particle, visit: &mut impl FnMut(&str)) {
    match &particle.term {
        Term::Element(element) => visit(&element.json),
        Term::Sequence(all) | Term::Choice(all) | Term::All(all) => {
            all.iter().for_each(|p| members(p, visit));
        }
    }
}

/// How many particles there are.
pub(super) fn count(particle: &Particle) -> usize {
    match &particle.term {
        Term::Element(_) => 1,
        Term::Sequence(all) | Term::Choice(all) | Term::All(all) => 1 + all.iter().map(count).sum::<usize>(),
    }
}
