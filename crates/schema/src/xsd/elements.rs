//! Element declarations, global and local.

use super::load::{At, Kind};
use super::read::Reader;
use crate::model::{Element, QName, TypeId};
use crate::problem::Problem;
use std::sync::Arc;

impl Reader {
    /// A global element.
    pub fn global_element(&mut self, name: &QName, at: At) -> Option<Arc<Element>> {
        if let Some(element) = self.globals.get(name) {
            return Some(element.clone());
        }
        let element = self.element(at, name.clone())?;
        self.globals.insert(name.clone(), element.clone());
        if self.docs.attribute(at, "abstract").is_some_and(|v| is_true(v)) {
            let advice = "an abstract element never stands in a message; name one that does";
            let problem = self.docs.refuse(at, "xs:element abstract", advice);
            self.out.elements.insert(name.clone(), vec![problem]);
        } else if let Some(problem) = self.head(name, at) {
            self.out.elements.insert(name.clone(), vec![problem]);
        }
        Some(element)
    }

    /// An element inside a group; what has no reading goes to the type whose content it is.
    pub fn local_element(&mut self, at: At, unsupported: &mut Vec<Problem>) -> Option<Arc<Element>> {
        let Some(reference) = self.docs.attribute(at, "ref").cloned() else {
            let Some(local) = self.docs.attribute(at, "name").cloned() else {
                self.problem(self.docs.refuse(at, "xs:element", "a name or a ref is required"));
                return None;
            };
            let doc = self.docs.doc(at);
            let qualified = match self.docs.attribute(at, "form").map(|f| &**f) {
                Some("qualified") => true,
                Some("unqualified") => false,
                _ => doc.elements_qualified,
            };
            let namespace = if qualified { doc.target.clone() } else { "".into() };
            return self.element(at, QName::new(namespace, local.trim()));
        };
        let name = self.told(|r| r.docs.resolve(at, &reference))?;
        let declared = self.told(|r| r.docs.find(Kind::Element, &name, at))?;
        let element = self.global_element(&name, declared)?;
        if let Some(found) = self.out.elements.get(&name) {
            unsupported.extend(found.iter().cloned());
        }
        Some(element)
    }

    /// Whether others may stand for it, which the message alone decides.
    fn head(&self, name: &QName, at: At) -> Option<Problem> {
        let member = self.heads.get(name)?;
        let message = format!(
            "elements such as {member} may stand in the place of {name}; write a choice of the elements instead"
        );
        Some(self.docs.refuse(at, "xs:element substitutionGroup", message))
    }

    /// The declaration itself.
    fn element(&mut self, at: At, name: QName) -> Option<Arc<Element>> {
        if !is_ncname(&name.local) {
            self.problem(self.docs.refuse(at, "xs:element", format!("{:?} is no name", name.local)));
            return None;
        }
        for constraint in ["key", "keyref", "unique"] {
            if let Some(found) = self.docs.child(at, constraint) {
                let message =
                    "read, and not checked when messages are converted; only whole validation checks it";
                self.warn(self.docs.refuse(found, &format!("xs:{constraint}"), message));
            }
        }
        let ty = self.element_type(at)?;
        let default = self.docs.attribute(at, "default").cloned();
        let fixed = self.docs.attribute(at, "fixed").cloned();
        if default.is_some() && fixed.is_some() {
            self.problem(self.docs.refuse(at, "xs:element", "default and fixed exclude each other"));
        }
        self.state(at, "xs:element default", ty, default.as_ref());
        self.state(at, "xs:element fixed", ty, fixed.as_ref());
        Some(Arc::new(Element {
            json: name.local.clone(),
            name,
            ty,
            nillable: self.docs.attribute(at, "nillable").is_some_and(|v| is_true(v)),
            default,
            fixed,
            doc: self.docs.tree(at).documentation(at.node),
        }))
    }

    fn element_type(&mut self, at: At) -> Option<TypeId> {
        let named = self.docs.attribute(at, "type").cloned();
        let inner = self.docs.child(at, "simpleType").or_else(|| self.docs.child(at, "complexType"));
        match (named, inner) {
            (Some(_), Some(inner)) => {
                self.problem(self.docs.refuse(inner, "xs:element", "has a type and a type inside"));
                None
            }
            (Some(name), None) => self.type_named(at, &name, 0),
            (None, Some(inner)) => self.type_at(inner, None, 0),
            (None, None) => match self.docs.attribute(at, "substitutionGroup").cloned() {
                // The type is then the head's (part 1, section 3.3.2). One step: what has none either is anyType.
                Some(head) => {
                    let head = self.told(|r| r.docs.resolve(at, &head))?;
                    let declared = self.told(|r| r.docs.find(Kind::Element, &head, at))?;
                    match self.docs.attribute(declared, "type").cloned() {
                        Some(name) => self.type_named(declared, &name, 0),
                        None => Some(self.any_type(at)),
                    }
                }
                None => Some(self.any_type(at)),
            },
        }
    }

    fn any_type(&mut self, at: At) -> TypeId {
        self.unsupported(at, "xs:anyType", "an element without a type may hold anything; give it a type")
    }
}

/// A boolean of the schema language.
pub(super) fn is_true(value: &str) -> bool {
    matches!(value.trim(), "true" | "1")
}

/// A name without a colon, so far as it matters here: what XML's guard has passed can be an attribute's text of any kind.
pub(super) fn is_ncname(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_' || (!c.is_ascii() && !c.is_whitespace()))
        && chars.all(|c| c.is_alphanumeric() || "_-.".contains(c) || (!c.is_ascii() && !c.is_whitespace()))
}
