//! The body's element of `rpc`/`literal` messages, which no schema declares: named after the operation, its children the parts
//! (section 3.5 of the Note; WS-I Basic Profile 1.1, 4.7).

use super::content::Direction;
use super::index::At;
use lgsp_schema::Problem;
use lgsp_schema::model::{ComplexId, ComplexType, Content, Element, Particle, QName, Term, TypeId};
use lgsp_schema::xsd::Reading;
use std::sync::Arc;

/// Makes the element, and the key that it is filed under: in the body's namespace, its accessors in none (R2735), each once and not
/// nil (R2211).
pub(super) fn wrapper(
    schemas: &mut Reading,
    parts: &[At<'_>],
    namespace: Arc<str>,
    operation: &str,
    direction: Direction,
) -> Result<(QName, Arc<Element>), Vec<Problem>> {
    let mut names = std::collections::HashSet::new();
    if let Some(twice) = parts.iter().find(|p| !names.insert(p.attribute("name"))) {
        return Err(vec![twice.problem("wsdl:part", "two parts of the message have this name")]);
    }
    let mut children = Vec::new();
    let mut problems = Vec::new();
    for part in parts {
        match accessor(schemas, *part) {
            Ok(element) => {
                children.push(Particle { min: 1, max: Some(1), term: Term::Element(Arc::new(element)) })
            }
            Err(mut found) => problems.append(&mut found),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let content = match children.is_empty() {
        true => Content::Empty,
        false => Content::Group(Particle { min: 1, max: Some(1), term: Term::Sequence(children) }),
    };
    let id = ComplexId(u32::try_from(schemas.model.complex.len()).unwrap_or(u32::MAX));
    schemas.model.complex.push(ComplexType { name: None, attributes: Vec::new(), content, doc: None });
    let local: Arc<str> = match direction {
        Direction::Input => operation.into(),
        // R2729.
        Direction::Output => format!("{operation}Response").into(),
    };
    // `#` is in no name, so that no global element is hidden.
    let key = QName::new(namespace.clone(), format!("{local}#{}", schemas.model.complex.len()));
    let element = Arc::new(plain(QName { namespace, local }, TypeId::Complex(id)));
    schemas.model.elements.insert(key.clone(), element.clone());
    Ok((key, element))
}

fn accessor(schemas: &Reading, part: At<'_>) -> Result<Element, Vec<Problem>> {
    let name = part.attribute("name").unwrap_or_default();
    match part.qname("type").map_err(|p| vec![p])? {
        Some(ty) => Ok(plain(QName::new("", name), schemas.named_type(&ty)?)),
        None => Err(vec![part.problem(
            "wsdl:part element",
            format!(
                "the part {name:?} names an element in rpc style, where a type is needed (WS-I BP 1.1, R2203): name a type, or use document style"
            ),
        )]),
    }
}

fn plain(name: QName, ty: TypeId) -> Element {
    let json = name.local.clone();
    Element { name, json, ty, nillable: false, default: None, fixed: None, doc: None }
}
