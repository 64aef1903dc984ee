//! Schema Objects of OpenAPI 3.0 and 3.1 brought into one form: JSON Schema 2020-12 whose references all lead to `#/$defs/<name>`.
//! What has no reading here is refused by name. Checking messages against the result is `compile`'s.

use super::doc::{Data, Node};
use super::files::{At, Files};
use super::{Dialect, number, patterns};
use indexmap::IndexMap;
use lgsp_schema::Problem;
use std::collections::{HashMap, HashSet, VecDeque};

/// Named schemas of one contract.
pub const SCHEMAS_MAX: usize = 5_000;
/// Digits of `multipleOf`: remainders are taken in 128 bits.
const STEP_DIGITS_MAX: usize = 18;

/// Keywords whose value is a schema.
const SCHEMA: [&str; 10] = [
    "not",
    "if",
    "then",
    "else",
    "items",
    "additionalProperties",
    "contains",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
];
/// Keywords whose value is a list of schemas.
const SCHEMAS: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
/// Keywords whose value is an object of schemas.
const NAMED: [&str; 3] = ["properties", "patternProperties", "dependentSchemas"];
/// Keywords kept as they are.
const KEPT: [&str; 27] = [
    "type",
    "enum",
    "const",
    "multipleOf",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "uniqueItems",
    "maxContains",
    "minContains",
    "maxProperties",
    "minProperties",
    "required",
    "dependentRequired",
    "format",
    "readOnly",
    "writeOnly",
    "title",
    "description",
    "default",
    "contentEncoding",
];
const TYPES: [&str; 7] = ["null", "boolean", "integer", "number", "string", "array", "object"];
/// Keywords that change what a reference or a whole schema means: one reading only, so they are not taken.
const REFUSED: [&str; 8] = [
    "$id",
    "id",
    "$anchor",
    "$dynamicRef",
    "$dynamicAnchor",
    "$recursiveRef",
    "$recursiveAnchor",
    "$vocabulary",
];
/// The dialects that 3.1 schemas may state.
const DIALECTS: [&str; 2] =
    ["https://json-schema.org/draft/2020-12/schema", "https://spec.openapis.org/oas/3.1/dialect/base"];

/// Collects the schemas that operations use.
pub struct Schemas<'f, 'b> {
    files: &'f Files<'b>,
    dialect: Dialect,
    names: HashMap<(&'f str, String), String>,
    taken: HashSet<String>,
    waiting: VecDeque<(At<'f>, String)>,
    defs: IndexMap<String, Node>,
    /// What was found wrong.
    pub problems: Vec<Problem>,
}

impl<'f, 'b> Schemas<'f, 'b> {
    /// None yet.
    pub fn new(files: &'f Files<'b>, dialect: Dialect) -> Self {
        Self {
            files,
            dialect,
            names: HashMap::new(),
            taken: HashSet::new(),
            waiting: VecDeque::new(),
            defs: IndexMap::new(),
            problems: Vec::new(),
        }
    }

    /// Brings one Schema Object into the common form; those that it refers to wait for [`Self::finish`].
    pub fn add(&mut self, at: At<'f>) -> Node {
        let data = match at.node.data {
            Data::Bool(b) if self.dialect == Dialect::V31 => Data::Bool(b),
            Data::Map(_) => Data::Map(self.object(at)),
            _ => {
                self.problems.push(at.problem("schema", "a Schema Object was expected here"));
                Data::Bool(true)
            }
        };
        Node { data, ..*at.node }
    }

    /// All schemas that were referred to, by name.
    pub fn finish(mut self) -> (IndexMap<String, Node>, Vec<Problem>) {
        while let Some((at, name)) = self.waiting.pop_front() {
            let node = self.add(at);
            self.defs.insert(name, node);
        }
        if self.names.len() > SCHEMAS_MAX {
            let message =
                format!("{} schemas are referred to; at most {SCHEMAS_MAX} are taken", self.names.len());
            self.problems.push(Problem { place: None, construct: "components.schemas".into(), message });
        }
        (self.defs, self.problems)
    }

    fn object(&mut self, at: At<'f>) -> Vec<(String, Node)> {
        if let (Some(reference), Dialect::V30) = (at.node.str_of("$ref"), self.dialect) {
            // A Reference Object: its siblings mean nothing (OpenAPI 3.0.3, Reference Object).
            return vec![self.reference(at, reference)];
        }
        let mut out = Vec::new();
        for (keyword, value) in at.node.members() {
            let inside = At { node: value, ..at };
            match keyword.as_str() {
                "$ref" => {
                    let reference = value.as_str().unwrap_or_default();
                    out.push(self.reference(at, reference));
                }
                "$schema" if !value.as_str().is_some_and(|d| DIALECTS.contains(&d)) => {
                    let message = "only JSON Schema 2020-12, the dialect of OpenAPI 3.1, is taken";
                    self.problems.push(inside.problem("$schema", message));
                }
                k if REFUSED.contains(&k) => self.problems.push(inside.problem(
                    k,
                    "not taken: put the schema into components.schemas and refer to it by #/components/schemas/Name",
                )),
                k if SCHEMA.contains(&k) => out.push((keyword.clone(), self.sub(inside))),
                k if SCHEMAS.contains(&k) => {
                    let items = value.items().iter().map(|node| self.add(At { node, ..at })).collect();
                    out.push((keyword.clone(), Node { data: Data::List(items), ..*value }));
                }
                k if NAMED.contains(&k) => {
                    let members = value.members().iter();
                    let members =
                        members.map(|(n, node)| (n.clone(), self.add(At { node, ..at }))).collect();
                    out.push((keyword.clone(), Node { data: Data::Map(members), ..*value }));
                }
                k if KEPT.contains(&k) => out.push((keyword.clone(), value.clone())),
                _ => {}
            }
        }
        self.check(at);
        if self.dialect == Dialect::V30 {
            old_bounds(&mut out);
            if at.node.is_true("nullable") {
                out = nullable(out);
            }
        }
        out
    }

    /// A schema, or the truth value that 3.0 allows for `additionalProperties`.
    fn sub(&mut self, at: At<'f>) -> Node {
        if matches!(at.node.data, Data::Bool(_)) { at.node.clone() } else { self.add(at) }
    }

    fn reference(&mut self, at: At<'f>, reference: &str) -> (String, Node) {
        let name = match self.files.target(at, reference) {
            Ok((target, pointer)) => self.name(target, pointer),
            Err(problem) => {
                self.problems.push(problem);
                String::new()
            }
        };
        ("$ref".into(), Node { data: Data::Text(format!("#/$defs/{name}")), ..*at.node })
    }

    fn name(&mut self, target: At<'f>, pointer: String) -> String {
        let key = (target.file, pointer);
        if let Some(name) = self.names.get(&key) {
            return name.clone();
        }
        let last = key.1.rsplit('/').find(|s| !s.is_empty());
        let stem = last.unwrap_or_else(|| target.file.rsplit('/').next().unwrap_or("schema"));
        let plain: String = stem
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' })
            .collect();
        let mut name = plain.clone();
        for n in 2.. {
            if self.taken.insert(name.clone()) {
                break;
            }
            name = format!("{plain}_{n}");
        }
        self.names.insert(key, name.clone());
        if self.names.len() <= SCHEMAS_MAX {
            self.waiting.push_back((target, name.clone()));
        }
        name
    }

    /// What compiling would not say, or not where.
    fn check(&mut self, at: At<'f>) {
        let mut say = |node, construct, message: String| {
            self.problems.push(At { node, ..at }.problem(construct, message));
        };
        if let Some(node) = at.node.get("pattern")
            && let Err(why) = patterns::check(node.as_str().unwrap_or_default())
        {
            say(node, "pattern", why);
        }
        if let Some(node) = at.node.get("patternProperties") {
            for (pattern, value) in node.members() {
                if let Err(why) = patterns::check(pattern) {
                    say(value, "patternProperties", why);
                }
            }
        }
        if let Some(node) = at.node.get("multipleOf") {
            let step = node.as_number().unwrap_or("0");
            if number::compare(step, "0").is_le() || number::significant(step) > STEP_DIGITS_MAX {
                let range = format!("a number above zero of at most {STEP_DIGITS_MAX} digits is taken");
                say(node, "multipleOf", range);
            }
        }
        if let Some(node) = at.node.get("type") {
            let given = if node.items().is_empty() { std::slice::from_ref(node) } else { node.items() };
            for ty in given.iter().filter(|ty| !ty.as_str().is_some_and(|t| TYPES.contains(&t))) {
                let name = ty.as_str().unwrap_or("this");
                say(ty, "type", format!("{name:?} is no type of JSON Schema"));
            }
        }
        for limit in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] {
            let Some(node) = at.node.get(limit) else { continue };
            let old = self.dialect == Dialect::V30 && limit.starts_with("exclusive");
            if node.as_number().is_none() && !(old && node.as_bool().is_some()) {
                say(node, limit, "a number was expected here".into());
            }
        }
    }
}

/// `exclusiveMinimum: true` of 3.0 says that `minimum` is exclusive.
fn old_bounds(out: &mut Vec<(String, Node)>) {
    for (bound, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
        let flag = out.iter().position(|(k, v)| k == exclusive && v.as_bool().is_some());
        let Some(flag) = flag else { continue };
        let is_exclusive = out.remove(flag).1.as_bool() == Some(true);
        if let (true, Some(member)) = (is_exclusive, out.iter_mut().find(|(k, _)| k == bound)) {
            member.0 = exclusive.into();
        }
    }
}

/// `nullable: true` of 3.0. Read as it is meant: `null` is allowed beside an `enum` that does not name it and beside `allOf` too.
fn nullable(mut out: Vec<(String, Node)>) -> Vec<(String, Node)> {
    let null = || Node::text("null");
    if let Some((_, ty)) = out.iter_mut().find(|(k, _)| k == "type") {
        if let Data::Text(_) = ty.data {
            *ty = Node { data: Data::List(vec![ty.clone(), null()]), ..*ty };
        }
        if let Some((_, Node { data: Data::List(values), .. })) = out.iter_mut().find(|(k, _)| k == "enum")
            && !values.iter().any(|v| v.data == Data::Null)
        {
            values.push(Node::made(Data::Null));
        }
        if !out.iter().any(|(k, _)| SCHEMAS.contains(&k.as_str())) {
            return out;
        }
    }
    if !out.iter().any(|(k, _)| SCHEMAS.contains(&k.as_str())) {
        return out;
    }
    let only_null = Node::made(Data::Map(vec![("type".into(), null())]));
    vec![("anyOf".into(), Node::made(Data::List(vec![Node::made(Data::Map(out)), only_null])))]
}
