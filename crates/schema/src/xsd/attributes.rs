//! Attributes of complex types, with their groups and what is inherited.

use super::load::{At, Kind};
use super::read::{Reader, STEPS_MAX};
use super::{XML, XS};
use crate::model::{Attribute, QName, SimpleId, TypeId};
use crate::problem::Problem;
use std::collections::HashSet;

/// The attributes of a type that is being read.
#[derive(Default)]
pub(super) struct Attributes {
    /// Inherited ones first.
    pub found: Vec<Attribute>,
    /// Those that this type itself declares.
    own: HashSet<QName>,
    groups: HashSet<At>,
    /// A restriction's: its own take the place of inherited ones.
    pub restricts: bool,
    pub unsupported: Vec<Problem>,
}

impl Reader {
    /// Adds the attributes that stand inside an element.
    pub fn attributes(&mut self, at: At, into: &mut Attributes, steps: usize) {
        for child in self.docs.children(at) {
            match self.docs.local(child) {
                "attribute" => {
                    self.attribute(child, into);
                }
                "attributeGroup" => self.attribute_group(child, into, steps),
                "anyAttribute" => {
                    let advice = "attributes without a name have no member in JSON; name them";
                    into.unsupported.push(self.docs.refuse(child, "xs:anyAttribute", advice));
                }
                _ => {}
            }
        }
    }

    fn attribute_group(&mut self, at: At, into: &mut Attributes, steps: usize) {
        let Some(reference) = self.docs.attribute(at, "ref").cloned() else {
            self.problem(self.docs.refuse(at, "xs:attributeGroup", "a ref is required here"));
            return;
        };
        let Some(name) = self.told(|r| r.docs.resolve(at, &reference)) else { return };
        let Some(declared) = self.told(|r| r.docs.find(Kind::AttributeGroup, &name, at)) else { return };
        if steps >= STEPS_MAX {
            let message = format!("attribute groups are nested in more than {STEPS_MAX} steps");
            self.problem(self.docs.refuse(at, "xs:attributeGroup", message));
            return;
        }
        // A group that a type reaches twice, or that reaches itself, adds nothing the second time.
        if into.groups.insert(declared) {
            self.attributes(declared, into, steps + 1);
        }
    }

    fn attribute(&mut self, at: At, into: &mut Attributes) -> Option<()> {
        if !self.take(1, at) {
            return None;
        }
        let usage = self.docs.attribute(at, "use").cloned();
        let (name, ty, declared) = self.attribute_name_and_type(at)?;
        let prohibited = usage.as_deref() == Some("prohibited");
        if prohibited {
            if into.restricts {
                into.found.retain(|a| a.name != name);
            }
            return Some(());
        }
        if self.docs.tree(at).has_foreign(at.node, "arrayType") {
            let advice = "arrays of SOAP's encoding are not supported; use document/literal or rpc/literal";
            into.unsupported.push(self.docs.refuse(at, "soapenc:Array", advice));
        }
        let value = |r: &Self, which: &str| {
            let outer = declared.and_then(|d| r.docs.attribute(d, which).cloned());
            r.docs.attribute(at, which).cloned().or(outer)
        };
        let attribute = Attribute {
            json: format!("@{}", name.local).into(),
            ty,
            required: usage.as_deref() == Some("required"),
            default: value(self, "default"),
            fixed: value(self, "fixed"),
            name: name.clone(),
        };
        self.state(at, "xs:attribute default", TypeId::Simple(ty), attribute.default.as_ref());
        self.state(at, "xs:attribute fixed", TypeId::Simple(ty), attribute.fixed.as_ref());
        if !into.own.insert(name.clone()) {
            self.problem(self.docs.refuse(at, "xs:attribute", format!("{name} is declared a second time")));
            return None;
        }
        match into.found.iter().position(|a| a.name == name) {
            Some(inherited) if into.restricts => into.found[inherited] = attribute,
            Some(_) => {
                let message = format!("{name} is inherited already");
                self.problem(self.docs.refuse(at, "xs:attribute", message));
            }
            None => {
                if into.found.iter().any(|a| a.json == attribute.json) {
                    let message =
                        format!("{name} and another attribute of this local name are one member in JSON");
                    into.unsupported.push(self.docs.refuse(at, "xs:attribute", message));
                }
                into.found.push(attribute);
            }
        }
        Some(())
    }

    /// Name and type, and where the global declaration is that a `ref` means.
    fn attribute_name_and_type(&mut self, at: At) -> Option<(QName, SimpleId, Option<At>)> {
        let Some(reference) = self.docs.attribute(at, "ref").cloned() else {
            let Some(local) = self.docs.attribute(at, "name").cloned() else {
                self.problem(self.docs.refuse(at, "xs:attribute", "a name or a ref is required"));
                return None;
            };
            let doc = self.docs.doc(at);
            let qualified = match self.docs.attribute(at, "form").map(|f| &**f) {
                Some("qualified") => true,
                Some("unqualified") => false,
                _ => doc.attributes_qualified,
            };
            let namespace = if qualified { doc.target.clone() } else { "".into() };
            let ty = self.attribute_type(at)?;
            return Some((QName::new(namespace, local.trim()), ty, None));
        };
        let name = self.told(|r| r.docs.resolve(at, &reference))?;
        match (self.docs.find(Kind::Attribute, &name, at), &*name.namespace) {
            (Ok(declared), _) => {
                let ty = self.attribute_type(declared)?;
                Some((name, ty, Some(declared)))
            }
            // Their schema is published by the W3C and seldom part of a contract.
            (Err(_), XML) => {
                let ty = match &*name.local {
                    "lang" => "language",
                    "space" => "NCName",
                    "id" => "ID",
                    _ => "anyURI",
                };
                let TypeId::Simple(ty) = self.builtin(at, ty) else { return None };
                Some((name, ty, None))
            }
            (Err(_), super::SOAP_ENCODING) => {
                let advice = "SOAP's encoding is not supported; use document/literal or rpc/literal";
                let TypeId::Simple(ty) = self.unsupported(at, "soapenc:Array", advice) else { return None };
                Some((name, ty, None))
            }
            (Err(problem), _) => {
                self.problem(problem);
                None
            }
        }
    }

    fn attribute_type(&mut self, at: At) -> Option<SimpleId> {
        let ty = match (self.docs.attribute(at, "type").cloned(), self.docs.child(at, "simpleType")) {
            (Some(name), _) => self.type_named(at, &name, 0)?,
            (None, Some(inner)) => self.type_at(inner, None, 0)?,
            (None, None) => self.builtin(at, "anySimpleType"),
        };
        match ty {
            TypeId::Simple(id) => Some(id),
            TypeId::Complex(_) => {
                let message = format!("an attribute's type is simple ({{{XS}}}simpleType)");
                self.problem(self.docs.refuse(at, "xs:attribute", message));
                None
            }
        }
    }
}
