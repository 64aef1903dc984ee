//! XSD written from a model, for an oracle.

use crate::build::NS;
use lgsp_schema::model::{Builtin, Content, Element, Model, Particle, Term, TypeId, Variety};
use std::fmt::Write;

pub fn write(model: &Model) -> String {
    let mut out = format!(
        r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="{NS}" targetNamespace="{NS}" elementFormDefault="qualified">"#
    );
    for e in model.elements.values() {
        element(&mut out, e, "");
    }
    for (i, ty) in model.simple.iter().enumerate() {
        let _ = write!(out, r#"<xs:simpleType name="S{i}">"#);
        if let Variety::List(item) = ty.variety {
            let _ = write!(out, r#"<xs:list itemType="t:S{}"/>"#, item.0);
        } else {
            let _ = write!(out, r#"<xs:restriction base="xs:{}">"#, builtin(ty.base));
            let f = &ty.facets;
            for v in &f.enumeration {
                let _ = write!(out, r#"<xs:enumeration value="{v}"/>"#);
            }
            for p in f.patterns.iter().flatten() {
                let _ = write!(out, r#"<xs:pattern value="{p}"/>"#);
            }
            for (name, value) in [
                ("maxLength", f.max_length.map(|n| n.to_string())),
                ("minInclusive", f.min_inclusive.as_deref().map(str::to_owned)),
                ("maxExclusive", f.max_exclusive.as_deref().map(str::to_owned)),
                ("fractionDigits", f.fraction_digits.map(|n| n.to_string())),
                ("totalDigits", f.total_digits.map(|n| n.to_string())),
            ] {
                if let Some(value) = value {
                    let _ = write!(out, r#"<xs:{name} value="{value}"/>"#);
                }
            }
            out.push_str("</xs:restriction>");
        }
        out.push_str("</xs:simpleType>");
    }
    for (i, ty) in model.complex.iter().enumerate() {
        let _ = write!(out, r#"<xs:complexType name="C{i}">"#);
        match &ty.content {
            Content::Simple(id) => {
                let _ = write!(out, r#"<xs:simpleContent><xs:extension base="t:S{}">"#, id.0);
            }
            Content::Group(p) => particle(&mut out, p),
            Content::Empty => {}
        }
        for a in &ty.attributes {
            let required = if a.required { "required" } else { "optional" };
            let _ = write!(
                out,
                r#"<xs:attribute name="{}" type="t:S{}" use="{required}"/>"#,
                a.name.local, a.ty.0
            );
        }
        if let Content::Simple(_) = &ty.content {
            out.push_str("</xs:extension></xs:simpleContent>");
        }
        out.push_str("</xs:complexType>");
    }
    out + "</xs:schema>"
}

fn builtin(ty: Builtin) -> String {
    let name = format!("{ty:?}");
    name[..1].to_lowercase() + &name[1..]
}

fn element(out: &mut String, e: &Element, occurs: &str) {
    let ty = match e.ty {
        TypeId::Simple(id) => format!("S{}", id.0),
        TypeId::Complex(id) => format!("C{}", id.0),
    };
    let _ = write!(
        out,
        r#"<xs:element name="{}" type="t:{ty}" nillable="{}"{occurs}/>"#,
        e.name.local, e.nillable
    );
}

fn particle(out: &mut String, p: &Particle) {
    let max = p.max.map_or("unbounded".to_owned(), |n| n.to_string());
    let occurs = format!(r#" minOccurs="{}" maxOccurs="{max}""#, p.min);
    let (name, children) = match &p.term {
        Term::Element(e) => return element(out, e, &occurs),
        Term::Sequence(c) => ("sequence", c),
        Term::Choice(c) => ("choice", c),
        Term::All(c) => ("all", c),
    };
    let _ = write!(out, "<xs:{name}{occurs}>");
    for c in children {
        particle(out, c);
    }
    let _ = write!(out, "</xs:{name}>");
}
