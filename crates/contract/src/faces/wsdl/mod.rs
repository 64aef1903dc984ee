//! The SOAP face of a REST service: WSDL 1.1 with its XSD, document/literal wrapped, SOAP 1.1 and 1.2, written from an OpenAPI document of
//! the documented subset. What converts messages is `lgsp_schema::codec` by the model made here; what becomes of a request's members is `call`'s.

mod call;
mod document;
mod names;
mod pattern;
mod types;
mod xsd;

pub use call::RestCall;

use crate::openapi::doc::Node;
use crate::openapi::{In, Media, OpenApi, Operation, Parameter, Style};
use lgsp_schema::Problem;
use lgsp_schema::model::{Element, Model, Particle, QName};
use names::{Once, xml_name};
use std::sync::Arc;
use types::{Member, Types, is_object, json_name};

/// How a SOAP face is to be written. The service's address is `{address}` in the WSDL.
#[derive(Debug, Clone)]
pub struct SoapFaceOptions {
    /// The namespace of all elements and of the WSDL, a URI.
    pub target_namespace: String,
    /// The service's name.
    pub service: String,
}

/// A SOAP face.
#[derive(Debug, Clone)]
pub struct SoapFace {
    /// The WSDL, with `{address}` where the service's address goes.
    pub wsdl: String,
    /// The types of its messages.
    pub model: Arc<Model>,
    /// Its operations.
    pub operations: Vec<SoapFaceOperation>,
    /// The element of a declared fault's detail: `type`, `title`, `status`, `detail`, `instance` of a problem (RFC 9457).
    pub fault: QName,
}

/// An operation of a SOAP face.
#[derive(Debug, Clone)]
pub struct SoapFaceOperation {
    /// The operation's name in the OpenAPI document, which it is recorded and granted by.
    pub name: String,
    /// SOAPAction.
    pub soap_action: String,
    /// The request's body element, by which the operation is found.
    pub input: Arc<Element>,
    /// The answer's body element.
    pub output: Arc<Element>,
    /// The method of the REST call.
    pub method: String,
    /// The path template of the REST call.
    pub path: String,
    /// What becomes of each member of the request.
    pub children: Vec<Child>,
    /// The media type of the REST call's body; none: it has none.
    pub content_type: Option<String>,
    /// Where the answer's JSON goes.
    pub answer: AnswerShape,
}

/// A member of the request and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// The member's name in the request's JSON.
    pub json: String,
    /// Where it goes.
    pub to: Target,
}

/// Where a member of the request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A variable of the path.
    Path(String),
    /// A parameter of the query; `explode`: an item each.
    Query {
        /// Its name.
        name: String,
        /// Whether each item is a parameter.
        explode: bool,
    },
    /// A header.
    Header(String),
    /// A member of the body, by the same name.
    Member,
    /// The whole body.
    Body,
}

/// Where the answer's JSON goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerShape {
    /// The answer is an object: its members are the element's.
    Members,
    /// The answer is the one member `body`.
    Body,
    /// There is no answer's body.
    Empty,
}

/// Writes the SOAP face. What has no place in it is refused by name, all at once.
pub fn write(api: &OpenApi, options: &SoapFaceOptions) -> Result<SoapFace, Vec<Problem>> {
    let namespace: Arc<str> = Arc::from(options.target_namespace.as_str());
    let mut types = Types::new(api, &namespace);
    let mut names = Once::default();
    let fault = fault(&mut types, &names.take("Problem"));
    let mut operations = Vec::new();
    for operation in &api.operations {
        types.operation = Some(operation);
        operations.push(one(api, options, operation, &mut types, &mut names));
    }
    if !types.problems.is_empty() {
        return Err(types.problems);
    }
    let globals: Vec<&Element> =
        operations.iter().flat_map(|o| [&*o.input, &*o.output]).chain([&*fault]).collect();
    let xsd = xsd::schema(&types.model, &namespace, &globals);
    let wsdl = document::write(api, options, &operations, &fault, &xsd);
    Ok(SoapFace { wsdl, model: Arc::new(types.model), operations, fault: fault.name.clone() })
}

fn one<'a>(
    api: &'a OpenApi,
    options: &SoapFaceOptions,
    operation: &'a Operation,
    types: &mut Types<'a>,
    names: &mut Once,
) -> SoapFaceOperation {
    let name = names.take(&xml_name(&operation.name));
    let output_name = names.take(&format!("{name}Response"));
    let (mut children, mut particles) = (Vec::new(), Vec::new());
    let body =
        operation.body.as_ref().and_then(|b| Some((json(&b.content, types, "requestBody")?, b.required)));
    let mut taken = Once::default();
    if let Some((media, required)) = body {
        let schema = media.schema.as_ref();
        let found = particles_of(api, schema, required, &format!("{name}_body"), types);
        for particle in found.1 {
            let json = json_name(&particle.particle).to_owned();
            taken.take(&json);
            children.push(Child {
                json,
                to: if found.0 == AnswerShape::Body { Target::Body } else { Target::Member },
            });
            particles.push(particle);
        }
    }
    let mut before = Vec::new();
    for (i, parameter) in operation.parameters.iter().enumerate() {
        if let Some((child, particle)) = parameter_child(api, parameter, types, &mut taken) {
            children.insert(i.min(children.len()), child);
            before.push(particle);
        }
    }
    before.extend(particles);
    let (answer, parts) = answer(api, operation, &output_name, types);
    let base = options.target_namespace.trim_end_matches('/');
    SoapFaceOperation {
        soap_action: format!("{base}/{name}"),
        input: types.wrapper(&name, before),
        output: types.wrapper(&output_name, parts),
        name: operation.name.clone(),
        method: operation.method.clone(),
        path: operation.path.clone(),
        children,
        content_type: body.map(|(media, _)| media.name.clone()),
        answer,
    }
}

/// The members of an object as children; anything else as one child `body`.
fn particles_of<'a>(
    api: &'a OpenApi,
    schema: Option<&'a Node>,
    required: bool,
    at: &str,
    types: &mut Types<'a>,
) -> (AnswerShape, Vec<Member>) {
    let Some(schema) = schema else {
        types.refuse("schema", at, "a JSON body needs a schema");
        return (AnswerShape::Empty, Vec::new());
    };
    if is_object(api, schema, 0) {
        let members = types.members(schema, at, 0);
        let shape = if members.is_empty() { AnswerShape::Empty } else { AnswerShape::Members };
        return (shape, members);
    }
    (AnswerShape::Body, vec![types.member("body", schema, required, at, 0)])
}

fn parameter_child<'a>(
    api: &'a OpenApi,
    parameter: &'a Parameter,
    types: &mut Types<'a>,
    taken: &mut Once,
) -> Option<(Child, Member)> {
    let name = &parameter.name;
    let at = format!("parameter {name}");
    let target = match parameter.location {
        In::Path => Target::Path(name.clone()),
        In::Query => Target::Query { name: name.clone(), explode: parameter.explode },
        In::Header => Target::Header(name.clone()),
        In::Cookie if parameter.required => {
            types.refuse("in: cookie", &at, "a cookie cannot come from a SOAP request: use a header");
            return None;
        }
        In::Cookie => return None,
    };
    let plain = matches!(parameter.style, Style::Simple | Style::Form) && !parameter.json;
    if !plain || is_object(api, &parameter.schema, 0) {
        types.refuse(
            "style",
            &at,
            "a parameter of a SOAP face is a single value or a list, in the style simple or form",
        );
        return None;
    }
    let json = taken.take(name);
    let particle = types.member(&json, &parameter.schema, parameter.required, &at, 0);
    Some((Child { json, to: target }, particle))
}

fn answer<'a>(
    api: &'a OpenApi,
    operation: &'a Operation,
    at: &str,
    types: &mut Types<'a>,
) -> (AnswerShape, Vec<Member>) {
    let mut good: Vec<_> = operation.responses.iter().filter(|r| r.status.is_success()).collect();
    good.sort_by_key(|r| r.status);
    let mut with_body = good.iter().filter(|r| !r.content.is_empty());
    let Some(first) = with_body.next() else { return (AnswerShape::Empty, Vec::new()) };
    let Some(media) = json(&first.content, types, "responses") else {
        return (AnswerShape::Empty, Vec::new());
    };
    for other in with_body {
        let same = other.content.iter().any(|m| m.is_json() && m.schema == media.schema);
        if !same {
            types.refuse(
                "responses",
                at,
                "answers of different shapes under different statuses of success have no single reading",
            );
        }
    }
    let (shape, particles) = particles_of(api, media.schema.as_ref(), true, at, types);
    (shape, particles)
}

fn json<'a>(content: &'a [Media], types: &mut Types<'_>, at: &str) -> Option<&'a Media> {
    let found = content.iter().find(|m| m.is_json());
    if found.is_none() && !content.is_empty() {
        types.refuse("content", at, "only bodies in JSON have a SOAP face: offer application/json");
    }
    found
}

/// The fields of a problem (RFC 9457), as the detail of a fault.
fn fault(types: &mut Types<'_>, name: &str) -> Arc<Element> {
    use lgsp_schema::model::{Builtin, Facets, JsonForm, SimpleId, SimpleType, Term, TypeId, Variety};
    let mut add = |base, json| {
        let facets = Facets::default();
        let ty = SimpleType { name: None, base, variety: Variety::Atomic, facets, json, doc: None };
        types.model.simple.push(ty);
        TypeId::Simple(SimpleId(u32::try_from(types.model.simple.len() - 1).unwrap_or(u32::MAX)))
    };
    let (text, number) = (add(Builtin::String, JsonForm::String), add(Builtin::Int, JsonForm::Number));
    let fields = [("type", text), ("title", text), ("status", number), ("detail", text), ("instance", text)];
    let particles = fields.map(|(json, ty)| {
        let (name, json) = (types.qname(json), Arc::from(json));
        let element = Element { name, json, ty, nillable: false, default: None, fixed: None, doc: None };
        let particle = Particle { min: 0, max: Some(1), term: Term::Element(Arc::new(element)) };
        Member { particle, required_array: false }
    });
    types.wrapper(name, particles.into())
}
