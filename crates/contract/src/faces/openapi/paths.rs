//! One operation of the face: parameters, body, answers.

use super::place::{Filled, Member, Place, find, member};
use super::prune::{self, Members};
use super::schema::{Writer, accepts_empty};
use super::{FaceOperation, example, simple, wrong};
use crate::wsdl::{BodyShape, WsdlOperation};
use lgsp_schema::Problem;
use lgsp_schema::model::{Element, Model, TypeId};
use serde_json::{Map, Value, json};

/// Methods that OpenAPI knows and a face may have.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// The operation object.
pub(super) fn operation(
    writer: &mut Writer<'_>,
    operation: &WsdlOperation,
    face: &FaceOperation,
) -> Result<Value, Problem> {
    let refused = |message: String| wrong(&format!("operation {}", face.name), message);
    if !METHODS.contains(&face.method.as_str()) {
        return Err(refused(format!("the method {:?} is not one of {}", face.method, METHODS.join(", "))));
    }
    let mut taken = Members::new();
    let parameters = parameters(writer.model, operation, face, &mut taken).map_err(refused)?;
    let mut out = Map::new();
    out.insert("operationId".into(), json!(&*operation.name));
    if let Some(doc) = &operation.doc {
        out.insert("description".into(), json!(doc));
    }
    if !parameters.is_empty() {
        out.insert("parameters".into(), Value::Array(parameters));
    }
    let bodiless = bodiless(face);
    if let Some(body) = request(writer, &operation.input, &taken) {
        let needed = !accepts_empty(&body);
        if bodiless && needed {
            return Err(refused(format!(
                "{} has no body, and the request needs more than what is bound or set: {}",
                face.method,
                body.get("required").unwrap_or(&body)
            )));
        }
        let empty = body.get("properties").and_then(Value::as_object).is_some_and(Map::is_empty);
        if !bodiless && (!empty || taken.is_empty()) {
            let mut media = json!({"schema": body});
            if let (true, Some(example)) =
                (taken.is_empty(), example::of(writer.model, operation.input.element.as_deref()))
            {
                media["example"] = example;
            }
            out.insert(
                "requestBody".into(),
                json!({"required": needed, "content": {"application/json": media}}),
            );
        }
    }
    out.insert("responses".into(), responses(writer, operation, face).map_err(refused)?);
    Ok(Value::Object(out))
}

/// Whether requests have no body.
fn bodiless(face: &FaceOperation) -> bool {
    matches!(face.method.as_str(), "GET" | "DELETE")
}

/// The request's body without what was taken out of it; none: an empty message.
fn request(writer: &mut Writer<'_>, input: &BodyShape, taken: &Members) -> Option<Value> {
    let element = input.element.as_deref()?;
    let prune = (!taken.is_empty()).then_some(taken);
    Some(match element.ty {
        TypeId::Complex(id) => writer.complex(id, prune),
        TypeId::Simple(_) => writer.element(element, None),
    })
}

fn variables(path: &str) -> Vec<&str> {
    path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
}

fn parameters(
    model: &Model,
    operation: &WsdlOperation,
    face: &FaceOperation,
    taken: &mut Members,
) -> Result<Vec<Value>, String> {
    let variables = variables(&face.path);
    if let Some(unbound) = variables.iter().find(|v| !face.bind.contains_key(**v)) {
        return Err(format!("the path variable {unbound:?} is bound to nothing; say which member it fills"));
    }
    let filled = Filled { face, bodiless: bodiless(face) };
    let mut take = |pointer: &str, always: bool| -> Result<Place, String> {
        let place = find(model, operation.input.element.as_deref(), pointer, &filled)?;
        let steps = prune::steps(pointer).unwrap_or_default();
        match prune::take(taken, &steps, always) {
            true => Ok(place),
            false => Err(format!("{pointer} is filled twice")),
        }
    };
    for pointer in face.set.keys() {
        take(pointer, true)?;
    }
    let mut out = statements(face);
    for (name, pointer) in &face.bind {
        let in_path = variables.contains(&name.as_str());
        let optional = find(model, operation.input.element.as_deref(), pointer, &filled)?.optional;
        let place = take(pointer, in_path || !optional)?;
        let mut schema = simple::schema(model, place.ty);
        let description = schema.as_object_mut().and_then(|s| s.remove("description"));
        let description = place.doc.map(|d| json!(&*d)).or(description);
        let mut parameter = json!({
            "name": name,
            "in": if in_path { "path" } else { "query" },
            "required": in_path || !optional,
            "schema": schema,
        });
        if let Some(description) = description {
            parameter["description"] = description;
        }
        if let Some(example) = example::simple(model, place.ty) {
            parameter["example"] = example;
        }
        out.push(parameter);
    }
    Ok(out)
}

/// What callers must state for what is set: the texts that are set name it in braces.
fn statements(face: &FaceOperation) -> Vec<Value> {
    let named = |what: &str| {
        face.set
            .values()
            .any(|text| text.replace("{{", "").replace("}}", "").contains(&format!("{{{what}}}")))
    };
    let known = [
        ("officer", "Who asks: the officer's account."),
        ("purpose", "What for."),
        ("dossier", "For which dossier."),
    ];
    let all = known.into_iter().filter(|(what, _)| named(what));
    all.map(|(what, description)| {
        json!({
            "name": format!("lgsp-{what}"),
            "in": "header",
            "required": true,
            "schema": {"type": "string", "minLength": 1},
            "description": description,
        })
    })
    .collect()
}

fn responses(
    writer: &mut Writer<'_>,
    operation: &WsdlOperation,
    face: &FaceOperation,
) -> Result<Value, String> {
    let problem = |description: &str| {
        json!({
            "description": description,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        })
    };
    let mut out = Map::new();
    match &operation.output {
        None => drop(out.insert("202".into(), json!({"description": "Taken; there is no answer."}))),
        Some(output) => {
            let (schema, example, absent) = answer(writer, output, face.result.as_deref())?;
            let mut media = match absent {
                true => json!({"schema": {"anyOf": [schema, {"type": "null"}]}}),
                false => json!({ "schema": schema }),
            };
            if let Some(example) = example {
                media["example"] = example;
            }
            let description = if absent { "The answer; null where there is none." } else { "The answer." };
            out.insert(
                "200".into(),
                json!({"description": description, "content": {"application/json": media}}),
            );
        }
    }
    let faults: Vec<&str> = operation.faults.iter().map(|f| &*f.name).collect();
    let declared = match faults.is_empty() {
        true => String::new(),
        false => format!(" The provider's declared faults: {}.", faults.join(", ")),
    };
    let refused = format!("The request breaks the contract, or the provider refuses it.{declared}");
    out.insert("400".into(), problem("The request cannot be read."));
    out.insert("401".into(), problem("The caller is not known."));
    out.insert("403".into(), problem("The caller may not do this."));
    out.insert("422".into(), problem(&refused));
    out.insert("502".into(), problem("The provider failed, or its answer breaks the contract."));
    out.insert("default".into(), problem("Any other refusal."));
    Ok(Value::Object(out))
}

/// The answer's schema, an example, and whether the part that callers get may be absent.
fn answer(
    writer: &mut Writer<'_>,
    output: &BodyShape,
    result: Option<&str>,
) -> Result<(Value, Option<Value>, bool), String> {
    let Some(root) = output.element.as_deref() else {
        return match result {
            None => Ok((json!({"type": "object", "additionalProperties": false}), None, false)),
            Some(pointer) => Err(format!("result {pointer}: the answer is empty")),
        };
    };
    let Some(pointer) = result else {
        return Ok((writer.element(root, None), example::of(writer.model, Some(root)), false));
    };
    let steps =
        prune::steps(pointer).ok_or_else(|| format!("result {pointer}: a JSON pointer begins with '/'"))?;
    let mut at = Step { element: None, ty: root.ty, list: None };
    let mut absent = false;
    for step in &steps {
        let nothing = || format!("result {pointer}: there is no member {step:?} in the answer");
        if let (Some(element), Ok(_)) = (at.list.take(), step.parse::<usize>()) {
            (at, absent) = (Step { element: Some(element), ty: element.ty, list: None }, true);
            continue;
        }
        let model: &Model = writer.model;
        match member(model, at.ty, step, &|_| false).ok_or_else(nothing)? {
            Member::Element(element, optional, many) => {
                absent |= optional;
                at = Step { element: Some(element), ty: element.ty, list: many.then_some(element) };
            }
            Member::Attribute(attribute) => {
                absent |= !attribute.required;
                at = Step { element: None, ty: TypeId::Simple(attribute.ty), list: None };
            }
        }
    }
    let one = match (at.element, at.ty) {
        (Some(element), _) => writer.element(element, None),
        (None, TypeId::Simple(id)) => simple::schema(writer.model, id),
        (None, TypeId::Complex(id)) => writer.complex(id, None),
    };
    let example = example::of(writer.model, at.element);
    match at.list {
        // An array that is left out is an array of none.
        Some(_) => Ok((json!({"type": "array", "items": one}), example.map(|e| json!([e])), false)),
        None => Ok((one, example, absent)),
    }
}

/// Where a pointer has come to in the answer.
struct Step<'m> {
    element: Option<&'m Element>,
    ty: TypeId,
    /// The element whose array it is.
    list: Option<&'m Element>,
}
