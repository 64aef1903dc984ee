//! Schemas of a checked document compiled for messages: one set for requests, one for answers, since `readOnly` and `writeOnly`
//! members are required in one of them only. Limits of numbers are compared digit by digit.

use super::doc::{Data, Node};
use super::exact::{Exact, Look};
use super::{OpenApi, number, patterns};
use jsonschema::json::{JsonNumber, Node as _};
use jsonschema::{Draft, Keyword, Registry, ValidationError, Validator};
use lgsp_schema::Problem;
use serde_json::{Map, Value, json};
use std::cmp::Ordering;

/// Formats that values are held to; others say something to people only. `int32` and `int64` become limits.
const FORMATS: [&str; 13] = [
    "date",
    "date-time",
    "time",
    "uuid",
    "email",
    "ipv4",
    "ipv6",
    "uri",
    "uri-reference",
    "hostname",
    "byte",
    "duration",
    "json-pointer",
];
/// Keywords that say something to people only, or that are compiled into another.
const SPOKEN: [&str; 7] =
    ["title", "description", "default", "readOnly", "writeOnly", "contentEncoding", "format"];

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the provider: `readOnly` members are not required.
    Request,
    /// To the caller: `writeOnly` members are not required.
    Answer,
}

/// Compiles schemas of one direction.
pub struct Compiler<'a> {
    api: &'a OpenApi,
    direction: Direction,
    registry: Registry<'static>,
}

impl<'a> Compiler<'a> {
    /// With all schemas of a document at hand.
    pub fn new(api: &'a OpenApi, direction: Direction) -> Result<Self, Problem> {
        let defs: Map<String, Value> =
            api.schemas.iter().map(|(name, node)| (name.clone(), value(api, direction, node))).collect();
        let root = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": defs});
        let registry = Registry::new()
            .draft(Draft::Draft202012)
            .add(ROOT, root)
            .and_then(jsonschema::RegistryBuilder::prepare)
            .map_err(|e| problem("components.schemas", e.to_string()))?;
        Ok(Self { api, direction, registry })
    }

    /// A schema, ready to hold messages against. `place` names it for the problem.
    pub fn compile(&self, schema: &Node, place: &str) -> Result<Validator<Exact>, Problem> {
        let schema = value(self.api, self.direction, schema);
        jsonschema::options_for::<Exact>()
            .with_draft(Draft::Draft202012)
            .with_registry(&self.registry)
            .with_pattern_options(patterns::engine())
            .should_validate_formats(true)
            .with_format("byte", |text: &str| is_base64(text))
            .with_keyword(MIN, |_, v, _| Ok(Box::new(Limit::new(v, "below", Ordering::is_ge))))
            .with_keyword(MAX, |_, v, _| Ok(Box::new(Limit::new(v, "above", Ordering::is_le))))
            .with_keyword(ABOVE, |_, v, _| Ok(Box::new(Limit::new(v, "not above", Ordering::is_gt))))
            .with_keyword(BELOW, |_, v, _| Ok(Box::new(Limit::new(v, "not below", Ordering::is_lt))))
            .with_keyword(STEP, |_, v, _| Ok(Box::new(Step(text(v)))))
            .build(&schema)
            .map_err(|e| problem(place, e.to_string()))
    }
}

fn problem(construct: &str, message: String) -> Problem {
    Problem { place: None, construct: construct.into(), message }
}

const ROOT: &str = "urn:lgsp:contract";
const MIN: &str = "lgsp-minimum";
const MAX: &str = "lgsp-maximum";
const ABOVE: &str = "lgsp-exclusiveMinimum";
const BELOW: &str = "lgsp-exclusiveMaximum";
const STEP: &str = "lgsp-multipleOf";

/// A schema as the validator takes it.
fn value(api: &OpenApi, direction: Direction, node: &Node) -> Value {
    let Data::Map(members) = &node.data else { return node.to_value() };
    let one = |node: &Node| value(api, direction, node);
    let mut out = Map::new();
    for (keyword, node) in members {
        let (name, made) = match keyword.as_str() {
            "$ref" => {
                let fragment = node.as_str().unwrap_or_default();
                ("$ref", Value::String(format!("{ROOT}{fragment}")))
            }
            "minimum" => (MIN, digits(node)),
            "maximum" => (MAX, digits(node)),
            "exclusiveMinimum" => (ABOVE, digits(node)),
            "exclusiveMaximum" => (BELOW, digits(node)),
            "multipleOf" => (STEP, digits(node)),
            "properties" | "patternProperties" | "dependentSchemas" => {
                (keyword.as_str(), node.members().iter().map(|(n, v)| (n.clone(), one(v))).collect())
            }
            "allOf" | "anyOf" | "oneOf" | "prefixItems" => {
                (keyword.as_str(), node.items().iter().map(one).collect())
            }
            "not"
            | "if"
            | "then"
            | "else"
            | "items"
            | "additionalProperties"
            | "contains"
            | "propertyNames"
            | "unevaluatedItems"
            | "unevaluatedProperties" => (keyword.as_str(), one(node)),
            "required" => ("required", required(api, direction, members, node)),
            k if SPOKEN.contains(&k) => continue,
            k => (k, node.to_value()),
        };
        out.insert(name.to_owned(), made);
    }
    format(members, &mut out);
    Value::Object(out)
}

fn digits(node: &Node) -> Value {
    Value::String(node.as_number().unwrap_or("0").to_owned())
}

/// The required members, without those that travel only the other way.
fn required(api: &OpenApi, direction: Direction, members: &[(String, Node)], names: &Node) -> Value {
    let other = match direction {
        Direction::Request => "readOnly",
        Direction::Answer => "writeOnly",
    };
    let properties = members.iter().find(|(k, _)| k == "properties").map(|(_, v)| v);
    let stays = |name: &&Node| {
        let property = properties.and_then(|p| p.get(name.as_str()?));
        !property.is_some_and(|p| p.is_true(other) || api.resolve(p).is_true(other))
    };
    names.items().iter().filter(stays).map(Node::to_value).collect()
}

fn format(members: &[(String, Node)], out: &mut Map<String, Value>) {
    let Some((_, node)) = members.iter().find(|(k, _)| k == "format") else { return };
    let limits = match node.as_str() {
        Some("int32") => ("-2147483648", "2147483647"),
        Some("int64") => ("-9223372036854775808", "9223372036854775807"),
        Some(name) if FORMATS.contains(&name) => {
            out.insert("format".into(), name.into());
            return;
        }
        _ => return,
    };
    for (keyword, exclusive, limit) in [(MIN, ABOVE, limits.0), (MAX, BELOW, limits.1)] {
        if !out.contains_key(exclusive) && !out.contains_key(keyword) {
            out.insert(keyword.into(), limit.into());
        }
    }
}

/// Base64 of RFC 4648, section 4, with or without line ends.
fn is_base64(text: &str) -> bool {
    let letters = text.bytes().filter(|b| !matches!(b, b'\r' | b'\n'));
    let (mut length, mut padding) = (0usize, 0usize);
    for b in letters {
        length += 1;
        match b {
            b'=' => padding += 1,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if padding == 0 => {}
            _ => return false,
        }
    }
    length.is_multiple_of(4) && padding <= 2
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("0").to_owned()
}

/// A limit, compared by value.
struct Limit {
    limit: String,
    wrong: &'static str,
    holds: fn(Ordering) -> bool,
}

impl Limit {
    fn new(limit: &Value, wrong: &'static str, holds: fn(Ordering) -> bool) -> Self {
        Self { limit: text(limit), wrong, holds }
    }
}

impl<'i> Keyword<'i, Exact> for Limit {
    fn validate(&self, instance: Look<'i>) -> Result<(), ValidationError<'i>> {
        if Keyword::<Exact>::is_valid(self, instance) {
            return Ok(());
        }
        Err(ValidationError::custom(format!("this is {} {}", self.wrong, self.limit)))
    }
    fn is_valid(&self, instance: Look<'i>) -> bool {
        instance.as_number().is_none_or(|n| (self.holds)(number::compare(&n.as_str(), &self.limit)))
    }
}

/// `multipleOf`
struct Step(String);

impl<'i> Keyword<'i, Exact> for Step {
    fn validate(&self, instance: Look<'i>) -> Result<(), ValidationError<'i>> {
        if Keyword::<Exact>::is_valid(self, instance) {
            return Ok(());
        }
        Err(ValidationError::custom(format!("this is not a multiple of {}", self.0)))
    }
    fn is_valid(&self, instance: Look<'i>) -> bool {
        instance.as_number().is_none_or(|n| number::is_multiple(&n.as_str(), &self.0))
    }
}
