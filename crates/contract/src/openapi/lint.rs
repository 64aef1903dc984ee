//! What the official schemas do not check: names given twice, paths that cannot be told apart, variables without parameters, and
//! schemas that refer to themselves without end.

use super::doc::{Data, Node};
use super::schema::SCHEMAS_MAX;
use super::{In, Operation, Style, template};
use indexmap::IndexMap;
use lgsp_schema::Problem;
use std::collections::{HashMap, HashSet};

/// References in a row that describe one and the same value.
const IN_PLACE_DEPTH_MAX: usize = 64;
/// Schemas that one value may have to be held against: alternatives within alternatives multiply.
const IN_PLACE_MAX: u64 = 10_000;

/// Names, paths and parameters against each other.
pub fn operations(operations: &[Operation], problems: &mut Vec<Problem>) {
    let mut names = HashSet::new();
    let mut paths: HashMap<(String, String), &str> = HashMap::new();
    for operation in operations {
        let mut say = |construct: &str, message: String| {
            let place = operation.place.clone();
            problems.push(Problem { place, construct: construct.into(), message });
        };
        if !names.insert(&operation.name) {
            say(
                "operationId",
                format!("{:?} is given twice: each operation needs a name of its own", operation.name),
            );
        }
        let segments = operation.path.split('/').map(template::segment).collect::<Option<Vec<_>>>();
        let Some(segments) = segments else {
            let path = &operation.path;
            say(
                "paths",
                format!("{path:?}: a segment has at most one variable, `{{name}}` with text around it"),
            );
            continue;
        };
        let shape = segments.iter().map(|(before, name, after)| match name {
            Some(_) => format!("{before}{{}}{after}"),
            None => (*before).to_owned(),
        });
        let shape = (operation.method.clone(), shape.collect::<Vec<_>>().join("/"));
        if let Some(other) = paths.insert(shape, &operation.path) {
            say("paths", format!("{:?} and {other:?} cannot be told apart", operation.path));
        }
        variables(operation, &mut say);
    }
}

fn variables(operation: &Operation, say: &mut impl FnMut(&str, String)) {
    let variables = template::variables(&operation.path);
    let declared = |name: &str| operation.parameters.iter().any(|p| p.location == In::Path && p.name == name);
    for (i, name) in variables.iter().enumerate() {
        if variables[..i].contains(name) {
            say("paths", format!("the variable {name:?} stands twice in {:?}", operation.path));
        }
        if !declared(name) {
            say(
                "parameters",
                format!("{:?} has the variable {name:?}, but no path parameter describes it", operation.path),
            );
        }
    }
    for parameter in &operation.parameters {
        let (name, location) = (&parameter.name, parameter.location);
        if location == In::Path && !variables.contains(&name.as_str()) {
            say("parameters", format!("the path parameter {name:?} is not in {:?}", operation.path));
        }
        let fits = match location {
            In::Path => matches!(parameter.style, Style::Simple | Style::Label | Style::Matrix),
            In::Query => matches!(parameter.style, Style::Form | Style::DeepObject),
            In::Header => parameter.style == Style::Simple,
            In::Cookie => parameter.style == Style::Form,
        };
        if !fits {
            say("style", format!("{name:?}: this style does not exist where the parameter is"));
        }
    }
}

/// Schemas that describe one value by themselves again without end, or by too many others.
pub fn schemas(schemas: &IndexMap<String, Node>, problems: &mut Vec<Problem>) {
    if schemas.len() > SCHEMAS_MAX {
        return;
    }
    let mut known = HashMap::new();
    for (name, node) in schemas {
        if let Err(message) = cost_of(schemas, name, &mut Vec::new(), &mut known) {
            // The schema itself stands where its first member does; the file is that of the first reference and not known here.
            let _ = node;
            problems.push(Problem { place: None, construct: format!("schema {name}"), message });
            return;
        }
    }
}

/// How many schemas a value is held against where it is held against this one.
fn cost_of<'s>(
    schemas: &'s IndexMap<String, Node>,
    name: &'s str,
    open: &mut Vec<&'s str>,
    known: &mut HashMap<&'s str, u64>,
) -> Result<u64, String> {
    if let Some(cost) = known.get(name) {
        return Ok(*cost);
    }
    if open.contains(&name) {
        return Err(format!("refers to itself without end: {} -> {name}", open.join(" -> ")));
    }
    if open.len() == IN_PLACE_DEPTH_MAX {
        return Err(format!("more than {IN_PLACE_DEPTH_MAX} references in a row describe one value"));
    }
    let Some(node) = schemas.get(name) else { return Ok(1) };
    open.push(name);
    let cost = in_place(schemas, node, open, known)?;
    open.pop();
    if cost > IN_PLACE_MAX {
        return Err(format!(
            "one value would be held against more than {IN_PLACE_MAX} schemas: alternatives multiply"
        ));
    }
    known.insert(name, cost);
    Ok(cost)
}

fn in_place<'s>(
    schemas: &'s IndexMap<String, Node>,
    node: &'s Node,
    open: &mut Vec<&'s str>,
    known: &mut HashMap<&'s str, u64>,
) -> Result<u64, String> {
    let mut cost = 1u64;
    for (keyword, value) in node.members() {
        match (keyword.as_str(), &value.data) {
            ("$ref", Data::Text(reference)) => {
                let name = reference.strip_prefix("#/$defs/").unwrap_or_default();
                let Some((name, _)) = schemas.get_key_value(name) else { continue };
                cost = cost.saturating_add(cost_of(schemas, name, open, known)?);
            }
            ("allOf" | "anyOf" | "oneOf", Data::List(items)) => {
                for item in items {
                    cost = cost.saturating_add(in_place(schemas, item, open, known)?);
                }
            }
            ("not" | "if" | "then" | "else", _) => {
                cost = cost.saturating_add(in_place(schemas, value, open, known)?);
            }
            ("dependentSchemas", Data::Map(members)) => {
                for (_, schema) in members {
                    cost = cost.saturating_add(in_place(schemas, schema, open, known)?);
                }
            }
            _ => {}
        }
    }
    Ok(cost)
}
