//! Models by hand, short.

use lgsp_schema::codec::Codec;
use lgsp_schema::model::{
    Attribute, Builtin, ComplexId, ComplexType, Content, Element, Facets, JsonForm, Model, Particle, QName,
    SimpleId, SimpleType, Term, TypeId, Variety,
};
use std::sync::Arc;

pub const NS: &str = "http://dancu.example/037";

#[derive(Default)]
pub struct Build(pub Model);

impl Build {
    pub fn simple(&mut self, base: Builtin, json: JsonForm, facets: Facets) -> SimpleId {
        self.full(base, json, facets, Variety::Atomic)
    }

    pub fn full(&mut self, base: Builtin, json: JsonForm, facets: Facets, variety: Variety) -> SimpleId {
        self.0.simple.push(SimpleType { name: None, base, variety, facets, json, doc: None });
        SimpleId(self.0.simple.len() as u32 - 1)
    }

    pub fn string(&mut self) -> SimpleId {
        self.simple(Builtin::String, JsonForm::String, Facets::default())
    }

    pub fn complex(&mut self, attributes: Vec<Attribute>, content: Content) -> ComplexId {
        self.0.complex.push(ComplexType { name: None, attributes, content, doc: None });
        ComplexId(self.0.complex.len() as u32 - 1)
    }

    pub fn root(&mut self, element: Element) {
        self.0.elements.insert(element.name.clone(), Arc::new(element));
    }

    pub fn codec(self) -> Codec {
        Codec::compile(Arc::new(self.0)).unwrap()
    }
}

pub fn element(name: &str, ty: TypeId) -> Element {
    let (nillable, default, fixed, doc) = (false, None, None, None);
    Element { name: QName::new(NS, name), json: name.into(), ty, nillable, default, fixed, doc }
}

pub fn attribute(name: &str, ty: SimpleId) -> Attribute {
    let (required, default, fixed) = (false, None, None);
    Attribute { name: QName::new("", name), json: format!("@{name}").into(), ty, required, default, fixed }
}

pub fn place(min: u32, max: Option<u32>, e: Element) -> Particle {
    Particle { min, max, term: Term::Element(Arc::new(e)) }
}

pub fn group(min: u32, term: Term) -> Particle {
    Particle { min, max: Some(1), term }
}
