//! Simple types: built-in ones, restrictions, lists and unions.

use super::XS;
use super::facets::json_form;
use super::load::At;
use super::read::{Reader, STEPS_MAX, push_simple};
use crate::model::{Builtin, Facets, QName, SimpleId, SimpleType, TypeId, Variety};

/// The built-in types by their names, those that a list is made of before the list.
#[rustfmt::skip]
const BUILTINS: &[(&str, Builtin)] = {
    use Builtin as B;
    &[
        ("anySimpleType", B::AnySimpleType), ("string", B::String), ("normalizedString", B::NormalizedString),
        ("token", B::Token), ("language", B::Language), ("NMTOKEN", B::NmToken), ("NMTOKENS", B::NmTokens),
        ("Name", B::Name), ("NCName", B::NcName), ("ID", B::Id), ("IDREF", B::IdRef), ("IDREFS", B::IdRefs),
        ("anyURI", B::AnyUri), ("boolean", B::Boolean), ("decimal", B::Decimal), ("integer", B::Integer),
        ("nonPositiveInteger", B::NonPositiveInteger), ("negativeInteger", B::NegativeInteger),
        ("nonNegativeInteger", B::NonNegativeInteger), ("positiveInteger", B::PositiveInteger),
        ("long", B::Long), ("int", B::Int), ("short", B::Short), ("byte", B::Byte),
        ("unsignedLong", B::UnsignedLong), ("unsignedInt", B::UnsignedInt), ("unsignedShort", B::UnsignedShort),
        ("unsignedByte", B::UnsignedByte), ("float", B::Float), ("double", B::Double), ("duration", B::Duration),
        ("dateTime", B::DateTime), ("time", B::Time), ("date", B::Date), ("gYearMonth", B::GYearMonth),
        ("gYear", B::GYear), ("gMonthDay", B::GMonthDay), ("gDay", B::GDay), ("gMonth", B::GMonth),
        ("hexBinary", B::HexBinary), ("base64Binary", B::Base64Binary),
    ]
};

impl Reader {
    /// The built-in types, under their names.
    pub fn declare_builtins(&mut self) {
        for (local, base) in BUILTINS {
            let name = QName::new(XS, *local);
            let variety = match base {
                Builtin::NmTokens => Variety::List(self.builtins["NMTOKEN"]),
                Builtin::IdRefs => Variety::List(self.builtins["IDREF"]),
                _ => Variety::Atomic,
            };
            let facets = Facets::default();
            let json = json_form(*base, &variety, &facets);
            let ty = SimpleType { name: Some(name.clone()), base: *base, variety, facets, json, doc: None };
            let id = push_simple(&mut self.out.model, ty);
            self.builtins.insert(local, id);
            self.out.model.types.insert(name, TypeId::Simple(id));
        }
    }

    /// A type of the namespace of XML Schema.
    pub fn builtin(&mut self, at: At, local: &str) -> TypeId {
        if let Some(id) = self.builtins.get(local) {
            return TypeId::Simple(*id);
        }
        match local {
            "anyType" => self.unsupported(at, "xs:anyType", "anything may stand here; name a type"),
            "QName" | "NOTATION" | "ENTITY" | "ENTITIES" => {
                let advice = "its values mean something in their document only; use xs:string";
                self.unsupported(at, &format!("xs:{local}"), advice)
            }
            other => {
                let message = format!("XML Schema has no type {other:?}");
                self.problem(self.docs.refuse(at, "type", message));
                TypeId::Simple(self.builtins["anySimpleType"])
            }
        }
    }

    /// The type that an `xs:simpleType` declares.
    pub fn simple_at(&mut self, at: At, name: Option<QName>, steps: usize) -> Option<SimpleId> {
        if steps >= STEPS_MAX || !self.open.insert(at) {
            let message = format!("the type is made of itself, or of more than {STEPS_MAX} steps");
            self.problem(self.docs.refuse(at, "xs:simpleType", message));
            return None;
        }
        let id = self.simple_inside(at, name, steps);
        self.open.remove(&at);
        let id = id?;
        self.out.model.simple[id.0 as usize].doc = self.docs.tree(at).documentation(at.node);
        self.ids.insert(at, TypeId::Simple(id));
        Some(id)
    }

    fn simple_inside(&mut self, at: At, name: Option<QName>, steps: usize) -> Option<SimpleId> {
        let children = self.docs.children(at);
        let [inner] = children.as_slice() else {
            let message = "is one of xs:restriction, xs:list and xs:union";
            self.problem(self.docs.refuse(at, "xs:simpleType", message));
            return None;
        };
        let inner = *inner;
        match self.docs.local(inner) {
            "restriction" => {
                let base = self.one_of(inner, "base", steps)?;
                self.narrowed(inner, base, name)
            }
            "list" => {
                let item = self.one_of(inner, "itemType", steps)?;
                if let Variety::List(_) = self.out.model.simple(item).variety {
                    self.problem(self.docs.refuse(inner, "xs:list", "a list of lists"));
                    return None;
                }
                self.made_of(name, Variety::List(item))
            }
            "union" => {
                let names = self.docs.attribute(inner, "memberTypes").cloned().unwrap_or_default();
                let mut members = Vec::new();
                for member in names.split_whitespace() {
                    let ty = self.type_named(inner, member, steps + 1)?;
                    members.push(self.must_be_simple(inner, ty)?);
                }
                for member in self.docs.children(inner) {
                    let ty = self.type_at(member, None, steps + 1)?;
                    members.push(self.must_be_simple(member, ty)?);
                }
                if members.is_empty() {
                    self.problem(self.docs.refuse(inner, "xs:union", "has no member types"));
                    return None;
                }
                self.made_of(name, Variety::Union(members))
            }
            other => {
                let construct = format!("xs:{other}");
                self.problem(self.docs.refuse(inner, &construct, "not allowed in a simple type"));
                None
            }
        }
    }

    /// The type that an attribute names or that stands inside.
    fn one_of(&mut self, at: At, attribute: &str, steps: usize) -> Option<SimpleId> {
        let ty = match (self.docs.attribute(at, attribute).cloned(), self.docs.child(at, "simpleType")) {
            (Some(name), None) => self.type_named(at, &name, steps + 1)?,
            (None, Some(inner)) => self.type_at(inner, None, steps + 1)?,
            _ => {
                let message = format!("either {attribute} or a simple type inside is required");
                let construct = format!("xs:{}", self.docs.local(at));
                self.problem(self.docs.refuse(at, &construct, message));
                return None;
            }
        };
        self.must_be_simple(at, ty)
    }

    fn must_be_simple(&mut self, at: At, ty: TypeId) -> Option<SimpleId> {
        match ty {
            TypeId::Simple(id) => Some(id),
            TypeId::Complex(_) => {
                let construct = format!("xs:{}", self.docs.local(at));
                self.problem(self.docs.refuse(at, &construct, "a simple type is wanted here"));
                None
            }
        }
    }

    fn made_of(&mut self, name: Option<QName>, variety: Variety) -> Option<SimpleId> {
        let facets = Facets::default();
        let doc = None;
        let base = Builtin::String;
        let json = json_form(base, &variety, &facets);
        Some(self.push_simple(SimpleType { name, base, variety, facets, json, doc }))
    }

    /// A restriction of a simple type by the facets that stand in an element.
    pub fn narrowed(&mut self, at: At, base: SimpleId, name: Option<QName>) -> Option<SimpleId> {
        let outer = self.out.model.simple(base).clone();
        let mut ty = SimpleType { name, doc: None, ..outer };
        let mut unsupported = self.out.types.get(&TypeId::Simple(base)).cloned().unwrap_or_default();
        self.facets(at, base, &mut ty, &mut unsupported);
        ty.json = json_form(ty.base, &ty.variety, &ty.facets);
        let id = self.push_simple(ty);
        if !unsupported.is_empty() {
            self.out.types.insert(TypeId::Simple(id), unsupported);
        }
        Some(id)
    }
}
