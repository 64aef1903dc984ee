//! The model that the codec's targets convert by: every sort of type and group once, and one that holds itself.

use lgsp_schema::codec::{Codec, ElementId};
use lgsp_schema::model::{
    Attribute, Builtin, ComplexId, ComplexType, Content, Element, Facets, JsonForm, Model, Particle, QName,
    SimpleId, SimpleType, Term, TypeId, Variety,
};
use std::sync::Arc;

fn simple(base: Builtin, json: JsonForm, facets: Facets, variety: Variety) -> SimpleType {
    SimpleType { name: None, base, variety, facets, json, doc: None }
}

fn place(min: u32, max: Option<u32>, name: &str, ty: TypeId) -> Particle {
    let (nillable, default, fixed, doc) = (true, None, None, None);
    let e = Element { name: QName::new("urn:x", name), json: name.into(), ty, nillable, default, fixed, doc };
    Particle { min, max, term: Term::Element(Arc::new(e)) }
}

fn group(min: u32, term: Term) -> Particle {
    Particle { min, max: Some(1), term }
}

pub fn codec() -> (Codec, ElementId) {
    let s = |i| TypeId::Simple(SimpleId(i));
    let any = Facets::default;
    let simple = vec![
        simple(Builtin::String, JsonForm::String, any(), Variety::Atomic),
        simple(Builtin::Int, JsonForm::Number, any(), Variety::Atomic),
        simple(
            Builtin::Decimal,
            JsonForm::String,
            Facets { total_digits: Some(9), ..any() },
            Variety::Atomic,
        ),
        simple(Builtin::Boolean, JsonForm::Boolean, any(), Variety::Atomic),
        simple(
            Builtin::DateTime,
            JsonForm::String,
            Facets { min_inclusive: Some("2000-01-01T00:00:00".into()), ..any() },
            Variety::Atomic,
        ),
        simple(Builtin::Double, JsonForm::Number, any(), Variety::Atomic),
        simple(Builtin::String, JsonForm::String, any(), Variety::List(SimpleId(1))),
        simple(
            Builtin::Duration,
            JsonForm::String,
            Facets { max_exclusive: Some("P1Y".into()), ..any() },
            Variety::Atomic,
        ),
        simple(
            Builtin::Base64Binary,
            JsonForm::String,
            Facets { max_length: Some(4), ..any() },
            Variety::Atomic,
        ),
    ];
    let choice = Term::Choice(vec![
        place(1, Some(1), "c", s(2)),
        group(0, Term::Sequence(vec![place(1, Some(2), "d", s(3)), place(0, Some(1), "e", s(4))])),
    ]);
    let sequence = Term::Sequence(vec![
        place(0, None, "a", TypeId::Complex(ComplexId(0))),
        place(0, Some(1), "b", TypeId::Complex(ComplexId(1))),
        group(0, choice),
        place(0, None, "f", s(5)),
        place(0, Some(1), "g", s(6)),
        place(0, Some(1), "h", s(7)),
        place(0, Some(1), "i", s(8)),
        place(0, Some(1), "j", s(0)),
    ]);
    let k = QName::new("", "k");
    let attribute = Attribute {
        name: k,
        json: "@k".into(),
        ty: SimpleId(1),
        required: false,
        default: None,
        fixed: None,
    };
    let complex = |attributes, content| ComplexType { name: None, attributes, content, doc: None };
    let complex = vec![
        complex(vec![attribute.clone()], Content::Group(group(1, sequence))),
        complex(vec![attribute], Content::Simple(SimpleId(0))),
    ];
    let root = place(1, Some(1), "a", TypeId::Complex(ComplexId(0)));
    let Term::Element(root) = root.term else { unreachable!("made above") };
    let key = root.name.clone();
    let model = Model { simple, complex, elements: [(key.clone(), root)].into(), ..Model::default() };
    let codec = Codec::compile(Arc::new(model)).expect("the model is sound");
    let root = codec.element(&key).expect("declared above");
    (codec, root)
}
