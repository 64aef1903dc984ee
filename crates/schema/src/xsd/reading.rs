//! What was read of schemas, and the question whether an element or a type of it can be used: whether all that it reaches has a reading.

use crate::model::{Content, Element, Model, Particle, QName, SimpleId, Term, TypeId, Variety};
use crate::problem::Problem;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What was read.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// Types and global elements. Ask [`Reading::element`] and [`Reading::named_type`] for what a message is made of: the model
    /// itself also holds what reaches unsupported constructs.
    pub model: Model,
    /// What was read and is checked less strictly than the standard has it.
    pub warnings: Vec<Problem>,
    /// What has no reading, by the type whose content it is in.
    pub(super) types: HashMap<TypeId, Vec<Problem>>,
    /// The same of global elements.
    pub(super) elements: HashMap<QName, Vec<Problem>>,
    /// The same of names of types.
    pub(super) names: HashMap<QName, Vec<Problem>>,
}

impl Reading {
    /// A global element. Refused with all that it reaches and that has no reading, by name; with one problem if there is no such element.
    pub fn element(&self, name: &QName) -> Result<Arc<Element>, Vec<Problem>> {
        let mut found = self.elements.get(name).cloned().unwrap_or_default();
        let element = self.model.elements.get(name);
        if let Some(element) = element {
            self.reach(element.ty, &mut found);
        }
        match element {
            Some(element) if found.is_empty() => Ok(element.clone()),
            None if found.is_empty() => Err(vec![missing("xs:element", name)]),
            _ => Err(found),
        }
    }

    /// A named type, the built-in ones among them. Refused as [`Reading::element`] has it.
    pub fn named_type(&self, name: &QName) -> Result<TypeId, Vec<Problem>> {
        let mut found = self.names.get(name).cloned().unwrap_or_default();
        let ty = self.model.types.get(name);
        if let Some(ty) = ty {
            self.reach(*ty, &mut found);
        }
        match ty {
            Some(ty) if found.is_empty() => Ok(*ty),
            None if found.is_empty() => Err(vec![missing("type", name)]),
            _ => Err(found),
        }
    }

    /// All that a type reaches and that has no reading, each once.
    fn reach(&self, from: TypeId, found: &mut Vec<Problem>) {
        let mut seen = HashSet::from([from]);
        let mut waiting = vec![from];
        while let Some(ty) = waiting.pop() {
            for problem in self.types.get(&ty).into_iter().flatten() {
                if !found.contains(problem) {
                    found.push(problem.clone());
                }
            }
            self.each_below(ty, &mut |next| {
                if seen.insert(next) {
                    waiting.push(next);
                }
            });
        }
    }

    /// The types that a type is made of.
    fn each_below(&self, ty: TypeId, visit: &mut impl FnMut(TypeId)) {
        let mut simple = |id: SimpleId| visit(TypeId::Simple(id));
        match ty {
            TypeId::Simple(id) => match &self.model.simple(id).variety {
                Variety::Atomic => {}
                Variety::List(item) => simple(*item),
                Variety::Union(members) => members.iter().for_each(|m| simple(*m)),
            },
            TypeId::Complex(id) => {
                let complex = self.model.complex(id);
                complex.attributes.iter().for_each(|a| simple(a.ty));
                match &complex.content {
                    Content::Empty => {}
                    Content::Simple(id) => simple(*id),
                    Content::Group(particle) => each_element(particle, visit),
                }
            }
        }
    }
}

/// The types of a group's elements.
fn each_element(particle: &Particle, visit: &mut impl FnMut(TypeId)) {
    match &particle.term {
        Term::Element(element) => visit(element.ty),
        Term::Sequence(all) | Term::Choice(all) | Term::All(all) => {
            all.iter().for_each(|p| each_element(p, visit));
        }
    }
}

fn missing(construct: &str, name: &QName) -> Problem {
    Problem {
        place: None,
        construct: construct.into(),
        message: format!("{name} is not declared in the schemas"),
    }
}
