//! Types written as the XSD inside a WSDL. Only what `types` makes: sequences of elements, simple types with facets.

use super::names::escape;
use lgsp_schema::model::{
    Builtin, ComplexType, Content, Element, Facets, Model, Particle, SimpleType, Term, TypeId,
};
use std::fmt::Write as _;

/// A schema document of one namespace, `xs` and `tns` declared on it.
pub fn schema(model: &Model, namespace: &str, globals: &[&Element]) -> String {
    let mut out = format!(
        "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:tns=\"{0}\" targetNamespace=\"{0}\" elementFormDefault=\"qualified\">\n",
        escape(namespace)
    );
    for ty in &model.complex {
        if let Some(name) = &ty.name {
            let _ = writeln!(out, "<xs:complexType name=\"{}\">", escape(&name.local));
            content(model, ty, &mut out);
            out.push_str("</xs:complexType>\n");
        }
    }
    for element in globals {
        write_element(model, element, (1, Some(1)), &mut out);
    }
    out.push_str("</xs:schema>\n");
    out
}

fn doc(text: Option<&str>, out: &mut String) {
    if let Some(text) = text {
        let _ = writeln!(
            out,
            "<xs:annotation><xs:documentation>{}</xs:documentation></xs:annotation>",
            escape(text)
        );
    }
}

fn content(model: &Model, ty: &ComplexType, out: &mut String) {
    doc(ty.doc.as_deref(), out);
    out.push_str("<xs:sequence>\n");
    if let Content::Group(Particle { term: Term::Sequence(particles), .. }) = &ty.content {
        for particle in particles {
            if let Term::Element(element) = &particle.term {
                write_element(model, element, (particle.min, particle.max), out);
            }
        }
    }
    out.push_str("</xs:sequence>\n");
}

fn write_element(model: &Model, element: &Element, (min, max): (u32, Option<u32>), out: &mut String) {
    let _ = write!(out, "<xs:element name=\"{}\"", escape(&element.name.local));
    if min != 1 {
        let _ = write!(out, " minOccurs=\"{min}\"");
    }
    match max {
        Some(1) => {}
        Some(max) => {
            let _ = write!(out, " maxOccurs=\"{max}\"");
        }
        None => out.push_str(" maxOccurs=\"unbounded\""),
    }
    if element.nillable {
        out.push_str(" nillable=\"true\"");
    }
    let inline = |out: &mut String, ty: &dyn Fn(&mut String)| {
        out.push_str(">\n");
        doc(element.doc.as_deref(), out);
        ty(out);
        out.push_str("</xs:element>\n");
    };
    let plain = |out: &mut String, name: &str| {
        let _ = write!(out, " type=\"{}\"", escape(name));
        inline(out, &|_| ());
    };
    match element.ty {
        TypeId::Simple(id) if model.simple(id).facets == Facets::default() => {
            plain(out, &format!("xs:{}", builtin(model.simple(id).base)));
        }
        TypeId::Simple(id) => inline(out, &|out| simple(model.simple(id), out)),
        TypeId::Complex(id) => match &model.complex(id).name {
            Some(name) => plain(out, &format!("tns:{}", name.local)),
            None => inline(out, &|out| {
                out.push_str("<xs:complexType>\n");
                content(model, model.complex(id), out);
                out.push_str("</xs:complexType>\n");
            }),
        },
    }
}

fn simple(ty: &SimpleType, out: &mut String) {
    let _ = writeln!(out, "<xs:simpleType><xs:restriction base=\"xs:{}\">", builtin(ty.base));
    let mut facet = |name: &str, value: &str| {
        let _ = writeln!(out, "<xs:{name} value=\"{}\"/>", escape(value));
    };
    let f = &ty.facets;
    for (name, value) in [
        ("minExclusive", &f.min_exclusive),
        ("minInclusive", &f.min_inclusive),
        ("maxExclusive", &f.max_exclusive),
        ("maxInclusive", &f.max_inclusive),
    ] {
        if let Some(value) = value {
            facet(name, value);
        }
    }
    for (name, value) in [("length", f.length), ("minLength", f.min_length), ("maxLength", f.max_length)] {
        if let Some(value) = value {
            facet(name, &value.to_string());
        }
    }
    for value in &f.enumeration {
        facet("enumeration", value);
    }
    for pattern in f.patterns.iter().flatten() {
        facet("pattern", pattern);
    }
    out.push_str("</xs:restriction></xs:simpleType>\n");
}

fn builtin(base: Builtin) -> &'static str {
    match base {
        Builtin::Boolean => "boolean",
        Builtin::Decimal => "decimal",
        Builtin::Integer => "integer",
        Builtin::Long => "long",
        Builtin::Int => "int",
        Builtin::Double => "double",
        Builtin::Date => "date",
        Builtin::DateTime => "dateTime",
        Builtin::Base64Binary => "base64Binary",
        _ => "string",
    }
}
