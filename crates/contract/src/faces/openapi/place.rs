//! Members of messages, found by the JSON pointers of a declaration.

use super::schema::members;
use super::{FaceOperation, prune};
use lgsp_schema::model::{Attribute, Content, Element, Model, Particle, SimpleId, Term, TypeId};
use std::sync::Arc;

/// What a declaration fills.
pub(super) struct Filled<'f> {
    pub(super) face: &'f FaceOperation,
    /// There is no body that could fill the rest.
    pub(super) bodiless: bool,
}

impl Filled<'_> {
    /// Whether a choice can have one branch only: without a body, the only one of which something is filled.
    fn decides(&self, above: &str, branches: &[Particle]) -> bool {
        let is_filled = |name: &String| {
            let own = format!("{above}/{}", name.replace('~', "~0").replace('/', "~1"));
            let below = format!("{own}/");
            let all = self.face.bind.values().chain(self.face.set.keys());
            all.into_iter().any(|p| *p == own || p.starts_with(&below))
        };
        self.bodiless && branches.iter().filter(|b| members(b).iter().any(is_filled)).count() == 1
    }
}

/// A member of a message with a simple type.
pub(super) struct Place {
    pub(super) ty: SimpleId,
    /// May be left out.
    pub(super) optional: bool,
    pub(super) doc: Option<Arc<str>>,
}

/// Finds the member that a pointer means.
pub(super) fn find(
    model: &Model,
    root: Option<&Element>,
    pointer: &str,
    filled: &Filled<'_>,
) -> Result<Place, String> {
    let wrong = |why: &str| format!("{pointer}: {why}");
    let steps = prune::steps(pointer).ok_or_else(|| wrong("a JSON pointer begins with '/'"))?;
    let root = root.ok_or_else(|| wrong("the request is empty"))?;
    let (mut ty, mut optional, mut doc) = (root.ty, false, None);
    let mut above = String::new();
    for step in &steps {
        let TypeId::Complex(id) = ty else { return Err(wrong("it leads into a plain value")) };
        let complex = model.complex(id);
        match member(model, ty, step, &|branches| filled.decides(&above, branches)) {
            Some(Member::Element(element, particle_optional, many)) => {
                if many {
                    return Err(wrong("it leads into an array; a parameter fills one value"));
                }
                optional |= particle_optional;
                (ty, doc) = (element.ty, element.doc.clone());
            }
            Some(Member::Attribute(attribute)) => {
                optional |= !attribute.required;
                ty = TypeId::Simple(attribute.ty);
            }
            None => {
                return Err(wrong(&format!(
                    "there is no member {step:?} in {}",
                    named(complex.name.as_ref())
                )));
            }
        }
        above.extend(["/", &step.replace('~', "~0").replace('/', "~1")]);
    }
    match ty {
        TypeId::Simple(ty) => Ok(Place { ty, optional, doc }),
        TypeId::Complex(_) => Err(wrong("it is an object; a parameter fills one value")),
    }
}

fn named(name: Option<&lgsp_schema::model::QName>) -> String {
    name.map_or_else(|| "the message".into(), |n| n.local.to_string())
}

/// A member of an object.
pub(super) enum Member<'m> {
    /// With whether it may be left out, and whether it is an array.
    Element(&'m Element, bool, bool),
    Attribute(&'m Attribute),
}

/// Finds a member of a type. `decided` says whether a choice is decided for the branch that the member is in.
pub(super) fn member<'m>(
    model: &'m Model,
    ty: TypeId,
    name: &str,
    decided: &dyn Fn(&[Particle]) -> bool,
) -> Option<Member<'m>> {
    let TypeId::Complex(id) = ty else { return None };
    let complex = model.complex(id);
    if let Some(attribute) = complex.attributes.iter().find(|a| &*a.json == name) {
        return Some(Member::Attribute(attribute));
    }
    match &complex.content {
        Content::Group(particle) => in_group(particle, name, false, decided),
        _ => None,
    }
}

fn in_group<'m>(
    particle: &'m Particle,
    name: &str,
    optional: bool,
    decided: &dyn Fn(&[Particle]) -> bool,
) -> Option<Member<'m>> {
    let optional = optional || particle.min == 0;
    match &particle.term {
        Term::Element(element) if &*element.json == name => {
            Some(Member::Element(element, optional, particle.max != Some(1)))
        }
        Term::Element(_) => None,
        Term::Sequence(all) | Term::All(all) => all.iter().find_map(|p| in_group(p, name, optional, decided)),
        Term::Choice(all) => {
            let optional = optional || !decided(all);
            all.iter().find_map(|p| in_group(p, name, optional, decided))
        }
    }
}
