//! Complex types, flattened: what a type inherits stands in it as if it were its own.

use super::attributes::Attributes;
use super::elements::is_true;
use super::load::At;
use super::particles::{Groups, count};
use super::read::{Reader, STEPS_MAX, State};
use crate::model::{ComplexId, Content, Particle, SimpleId, Term, TypeId};
use crate::problem::Problem;

impl Reader {
    /// Reads a complex type that waits, and first those it is derived from.
    pub fn complex(&mut self, id: ComplexId, steps: usize) -> Option<()> {
        let (at, state) = *self.states.get(&id)?;
        match state {
            State::Done => return Some(()),
            State::Reading => {
                self.problem(self.docs.refuse(at, "xs:complexType", "the type is derived from itself"));
                return None;
            }
            State::Waiting if steps >= STEPS_MAX => {
                let message = format!("derived in more than {STEPS_MAX} steps");
                self.problem(self.docs.refuse(at, "xs:complexType", message));
                return None;
            }
            State::Waiting => {}
        }
        self.states.insert(id, (at, State::Reading));
        let mut attributes = Attributes::default();
        let content = self.content(at, &mut attributes, steps).unwrap_or(Content::Empty);
        if self.docs.attribute(at, "mixed").is_some_and(|v| is_true(v)) {
            attributes.unsupported.push(self.mixed(at));
        }
        if let Content::Group(particle) = &content {
            self.check_members(at, particle, &mut attributes.unsupported);
        }
        if self.docs.attribute(at, "abstract").is_some_and(|v| is_true(v)) {
            let advice =
                "only derived types, named by xsi:type, may stand in its place; use one of them as the type";
            let problem = self.docs.refuse(at, "xs:complexType abstract", advice);
            self.abstracts.insert(TypeId::Complex(id), problem);
        }
        let ty = &mut self.out.model.complex[id.0 as usize];
        ty.attributes = attributes.found;
        ty.content = content;
        if !attributes.unsupported.is_empty() {
            self.out.types.entry(TypeId::Complex(id)).or_default().extend(attributes.unsupported);
        }
        self.states.insert(id, (at, State::Done));
        Some(())
    }

    fn mixed(&self, at: At) -> Problem {
        let advice = "text between elements has no member in JSON; put it into an element";
        self.docs.refuse(at, "xs:complexType mixed", advice)
    }

    /// The content of a type, and its attributes.
    fn content(&mut self, at: At, attributes: &mut Attributes, steps: usize) -> Option<Content> {
        for child in self.docs.children(at) {
            let derivation = |r: &Self| {
                r.docs
                    .child(child, "extension")
                    .map(|d| (d, true))
                    .or(r.docs.child(child, "restriction").map(|d| (d, false)))
            };
            match self.docs.local(child) {
                "simpleContent" => {
                    let Some((derived, extends)) = derivation(self) else { return self.neither(child) };
                    return self.simple_content(derived, extends, attributes, steps);
                }
                "complexContent" => {
                    if self.docs.attribute(child, "mixed").is_some_and(|v| is_true(v)) {
                        attributes.unsupported.push(self.mixed(child));
                    }
                    let Some((derived, extends)) = derivation(self) else { return self.neither(child) };
                    return self.complex_content(derived, extends, attributes, steps);
                }
                "group" | "sequence" | "choice" | "all" | "attribute" | "attributeGroup" | "anyAttribute" => {
                }
                other => {
                    let construct = format!("xs:{other}");
                    self.problem(self.docs.refuse(child, &construct, "not allowed in a complex type"));
                }
            }
        }
        let own = self.own_group(at, attributes);
        self.attributes(at, attributes, 0);
        Some(as_content(own))
    }

    fn neither(&mut self, at: At) -> Option<Content> {
        let construct = format!("xs:{}", self.docs.local(at));
        self.problem(self.docs.refuse(at, &construct, "is neither an extension nor a restriction"));
        None
    }

    /// The group that stands in an element.
    fn own_group(&mut self, at: At, attributes: &mut Attributes) -> Option<Particle> {
        let children = self.docs.children(at);
        let group = |c: &&At| matches!(self.docs.local(**c), "group" | "sequence" | "choice" | "all");
        let mut found = children.iter().filter(group);
        let first = *found.next()?;
        if let Some(second) = found.next() {
            let construct = format!("xs:{}", self.docs.local(*second));
            self.problem(self.docs.refuse(*second, &construct, "a second group; put both into a sequence"));
        }
        let mut groups = Groups::default();
        let particle = self.particle(first, &mut groups);
        attributes.unsupported.append(&mut groups.unsupported);
        particle
    }

    /// The base of a derivation, read.
    fn base(&mut self, at: At, steps: usize) -> Option<TypeId> {
        let Some(name) = self.docs.attribute(at, "base").cloned() else {
            let construct = format!("xs:{}", self.docs.local(at));
            self.problem(self.docs.refuse(at, &construct, "a base is required"));
            return None;
        };
        let base = self.type_named(at, &name, steps + 1)?;
        if let TypeId::Complex(id) = base {
            self.complex(id, steps + 1)?;
        }
        Some(base)
    }

    /// What a derived type inherits: attributes, and what has no reading.
    fn inherit(&mut self, base: TypeId, at: At, attributes: &mut Attributes) -> Content {
        attributes.unsupported.extend(self.out.types.get(&base).into_iter().flatten().cloned());
        match base {
            TypeId::Simple(id) => Content::Simple(id),
            TypeId::Complex(id) => {
                let base = self.out.model.complex(id);
                let size =
                    base.attributes.len() + if let Content::Group(p) = &base.content { count(p) } else { 0 };
                if !self.take(size, at) {
                    return Content::Empty;
                }
                let base = self.out.model.complex(id);
                attributes.found.clone_from(&base.attributes);
                base.content.clone()
            }
        }
    }

    fn simple_content(
        &mut self,
        at: At,
        extends: bool,
        attributes: &mut Attributes,
        steps: usize,
    ) -> Option<Content> {
        let base = self.base(at, steps)?;
        let inherited = self.inherit(base, at, attributes);
        let Content::Simple(simple) = inherited else {
            let message = "the base has no simple content";
            self.problem(self.docs.refuse(at, "xs:simpleContent", message));
            return None;
        };
        attributes.restricts = !extends;
        self.attributes(at, attributes, 0);
        if extends {
            return Some(Content::Simple(simple));
        }
        let narrowed: Option<SimpleId> = match self.docs.child(at, "simpleType") {
            Some(inner) => match self.type_at(inner, None, steps)? {
                TypeId::Simple(id) => Some(id),
                TypeId::Complex(_) => None,
            },
            None => Some(simple),
        };
        self.narrowed(at, narrowed?, None).map(Content::Simple)
    }

    fn complex_content(
        &mut self,
        at: At,
        extends: bool,
        attributes: &mut Attributes,
        steps: usize,
    ) -> Option<Content> {
        let name = self.docs.attribute(at, "base").cloned().unwrap_or_default();
        let name = self.told(|r| r.docs.resolve(at, &name))?;
        // Every complex type restricts anyType in the end: said so, it is a type without a base.
        let any = &*name.namespace == super::XS && &*name.local == "anyType";
        attributes.restricts = !extends;
        let inherited = if any {
            Content::Empty
        } else {
            let base = self.base(at, steps)?;
            self.inherit(base, at, attributes)
        };
        if any && extends {
            let advice = "an extension of anyType may hold anything";
            attributes.unsupported.push(self.docs.refuse(at, "xs:anyType", advice));
        }
        let own = self.own_group(at, attributes);
        self.attributes(at, attributes, 0);
        if !extends {
            return Some(as_content(own));
        }
        match (inherited, own) {
            (Content::Simple(_), _) => {
                let message = "the base has simple content; use xs:simpleContent";
                self.problem(self.docs.refuse(at, "xs:complexContent", message));
                None
            }
            (Content::Empty, own) => Some(as_content(own)),
            (Content::Group(base), None) => Some(Content::Group(base)),
            (Content::Group(base), Some(own)) => {
                if matches!(base.term, Term::All(_)) || matches!(own.term, Term::All(_)) {
                    self.problem(self.docs.refuse(at, "xs:all", "cannot be extended, nor extend"));
                    return None;
                }
                Some(Content::Group(one_after_the_other(base, own)))
            }
        }
    }
}

/// A group with nothing in it is no content.
fn as_content(group: Option<Particle>) -> Content {
    match group {
        Some(p) if matches!(&p.term, Term::Sequence(all) | Term::All(all) if all.is_empty()) => {
            Content::Empty
        }
        Some(particle) => Content::Group(particle),
        None => Content::Empty,
    }
}

/// The content of an extension: the base's, then its own, as one flat sequence where they are sequences.
fn one_after_the_other(base: Particle, own: Particle) -> Particle {
    let mut all = Vec::new();
    for particle in [base, own] {
        match particle {
            Particle { min: 1, max: Some(1), term: Term::Sequence(inner) } => all.extend(inner),
            other => all.push(other),
        }
    }
    Particle { min: 1, max: Some(1), term: Term::Sequence(all) }
}
