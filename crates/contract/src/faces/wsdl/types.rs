//! JSON Schemas of the documented subset as types of messages. What has no reading as elements is refused, by name.

use super::names::{Once, xml_name};
use super::pattern::xsd_pattern;
use crate::openapi::doc::{Data, Node};
use crate::openapi::{OpenApi, Operation};
use lgsp_schema::Problem;
use lgsp_schema::model::{
    Builtin, ComplexId, ComplexType, Content, Element, Facets, JsonForm, Model, Particle, QName, SimpleId,
    SimpleType, Term, TypeId, Variety,
};
use std::collections::HashMap;
use std::sync::Arc;

/// Schemas inside schemas, without a name of their own.
const DEPTH_MAX: usize = 32;

/// Keywords whose presence means that a schema has no single reading as elements.
const REFUSED: [&str; 12] = [
    "not",
    "if",
    "patternProperties",
    "prefixItems",
    "contains",
    "propertyNames",
    "dependentSchemas",
    "dependentRequired",
    "unevaluatedItems",
    "unevaluatedProperties",
    "minProperties",
    "maxProperties",
];

/// Makes types.
pub struct Types<'a> {
    api: &'a OpenApi,
    namespace: Arc<str>,
    pub model: Model,
    /// Complex types of named schemas, begun before their content is known, since they may contain themselves.
    begun: HashMap<String, ComplexId>,
    names: Once,
    pub problems: Vec<Problem>,
    /// Which operation is looked at, for problems.
    pub operation: Option<&'a Operation>,
}

/// A child of an element.
pub struct Member {
    pub particle: Particle,
    /// An array that must be there, if only as `[]`.
    pub required_array: bool,
}

/// What a member of an object is in XML.
pub struct Use {
    ty: TypeId,
    nillable: bool,
    /// How often, where it is an array.
    many: Option<(u32, Option<u32>)>,
}

impl<'a> Types<'a> {
    pub fn new(api: &'a OpenApi, namespace: &Arc<str>) -> Self {
        let (namespace, begun) = (namespace.clone(), HashMap::new());
        let (model, names, problems) = (Model::default(), Once::default(), Vec::new());
        Self { api, namespace, model, begun, names, problems, operation: None }
    }

    pub fn refuse(&mut self, construct: &str, at: &str, advice: &str) {
        let operation = self.operation.map_or("", |o| o.name.as_str());
        self.problems.push(Problem {
            place: self.operation.and_then(|o| o.place.clone()),
            construct: construct.into(),
            message: format!("{operation}: {at}: {advice}"),
        });
    }

    pub fn qname(&self, local: &str) -> QName {
        QName::new(self.namespace.clone(), local)
    }

    /// A member as an element. `at` names it for problems and for its type.
    pub fn member(&mut self, json: &str, schema: &'a Node, required: bool, at: &str, depth: usize) -> Member {
        let used = self.usage(schema, at, depth);
        let name = self.qname(&xml_name(json));
        let doc = schema.str_of("description").map(Arc::from);
        let (json, ty, nillable) = (Arc::from(json), used.ty, used.nillable);
        let element = Element { name, json, ty, nillable, default: None, fixed: None, doc };
        let (min, max) = used.many.unwrap_or((1, Some(1)));
        let min = if required { min } else { 0 };
        Member {
            particle: Particle { min, max, term: Term::Element(Arc::new(element)) },
            required_array: required && used.many.is_some(),
        }
    }

    fn usage(&mut self, schema: &'a Node, at: &str, depth: usize) -> Use {
        let (inner, null) = without_null(self.api, schema);
        let resolved = self.api.resolve(inner);
        let (resolved, more_null) = without_null(self.api, resolved);
        let resolved = self.api.resolve(resolved);
        let nillable = null || more_null;
        if type_of(resolved) == Some("array") {
            return self.array(resolved, nillable, at, depth);
        }
        Use { ty: self.ty(inner, at, depth), nillable, many: None }
    }

    fn array(&mut self, schema: &'a Node, nillable: bool, at: &str, depth: usize) -> Use {
        if nillable {
            self.refuse(
                "nullable",
                at,
                "an array that may be null cannot be told from an empty one in XML: leave null out",
            );
        }
        let Some(items) = schema.get("items") else {
            self.refuse("items", at, "an array needs the schema of its items");
            return self.text();
        };
        let item = if depth < DEPTH_MAX { self.usage(items, at, depth + 1) } else { self.text() };
        if item.many.is_some() {
            self.refuse(
                "items",
                at,
                "an array of arrays has no reading as elements: put the inner one into an object",
            );
        }
        let count = |name| schema.get(name).and_then(Node::as_number).and_then(|n| n.parse::<u32>().ok());
        // One at most would be read as no array at all; the REST contract holds the limit.
        let max = count("maxItems").filter(|n| *n > 1);
        Use { many: Some((count("minItems").unwrap_or(0).min(max.unwrap_or(u32::MAX)), max)), ..item }
    }

    fn text(&mut self) -> Use {
        let ty = TypeId::Simple(self.simple(Builtin::String, Facets::default(), JsonForm::String));
        Use { ty, nillable: false, many: None }
    }

    /// The type of a schema that is no array.
    fn ty(&mut self, schema: &'a Node, at: &str, depth: usize) -> TypeId {
        if depth > DEPTH_MAX {
            self.refuse("schema", at, "nested too deeply: give inner schemas names in components.schemas");
            return self.text().ty;
        }
        let named = schema.str_of("$ref").and_then(|r| r.strip_prefix("#/$defs/"));
        if let Some(id) = named.and_then(|n| self.begun.get(n)) {
            return TypeId::Complex(*id);
        }
        let target = self.api.resolve(schema);
        if !is_object(self.api, target, 0) {
            return self.scalar(target, at);
        }
        let name = self.names.take(&xml_name(named.unwrap_or(at)));
        let id = ComplexId(u32::try_from(self.model.complex.len()).unwrap_or(u32::MAX));
        let doc = target.str_of("description").map(Arc::from);
        let name = Some(self.qname(&name));
        let ty = ComplexType { name: name.clone(), attributes: Vec::new(), content: Content::Empty, doc };
        self.model.complex.push(ty);
        self.model.types.extend(name.map(|n| (n, TypeId::Complex(id))));
        if let Some(named) = named {
            self.begun.insert(named.to_owned(), id);
        }
        let members = self.members(target, at, depth);
        self.model.complex[id.0 as usize].content = self.content(id, members);
        TypeId::Complex(id)
    }

    /// Members one after the other, as the content of this type.
    fn content(&mut self, id: ComplexId, members: Vec<Member>) -> Content {
        if members.is_empty() {
            return Content::Empty;
        }
        let arrays = members.iter().filter(|m| m.required_array);
        let arrays = arrays.map(|m| (id, Arc::from(json_name(&m.particle))));
        self.model.required_arrays.extend(arrays);
        let particles = members.into_iter().map(|m| m.particle).collect();
        Content::Group(Particle { min: 1, max: Some(1), term: Term::Sequence(particles) })
    }

    /// The members of an object, those of `allOf` first or where they stand, in declared order.
    pub fn members(&mut self, schema: &'a Node, at: &str, depth: usize) -> Vec<Member> {
        let mut found: Vec<(&'a str, &'a Node)> = Vec::new();
        let mut required = Vec::new();
        self.collect(schema, at, depth, &mut found, &mut required);
        if found.is_empty() && schema.get("additionalProperties").and_then(Node::as_bool) != Some(false) {
            self.refuse(
                "properties",
                at,
                "an object whose members are not described has no reading as elements: describe them",
            );
        }
        let one = |this: &mut Self, (name, node): (&'a str, &'a Node)| {
            this.member(name, node, required.contains(&name), &format!("{at}.{name}"), depth + 1)
        };
        found.into_iter().map(|f| one(self, f)).collect()
    }

    fn collect(
        &mut self,
        schema: &'a Node,
        at: &str,
        depth: usize,
        found: &mut Vec<(&'a str, &'a Node)>,
        required: &mut Vec<&'a str>,
    ) {
        let schema = self.api.resolve(schema);
        self.unusual(schema, at);
        for part in schema.get("allOf").map_or(&[][..], Node::items) {
            if depth > DEPTH_MAX {
                return;
            }
            self.collect(part, at, depth + 1, found, required);
        }
        for (name, node) in schema.get("properties").map_or(&[][..], Node::members) {
            match found.iter_mut().find(|(n, _)| n == name) {
                Some(known) if known.1 == node => {}
                Some(known) => {
                    known.1 = node;
                    self.refuse(
                        "allOf",
                        &format!("{at}.{name}"),
                        "described twice, differently: describe it once",
                    );
                }
                None => found.push((name, node)),
            }
        }
        required.extend(schema.get("required").map_or(&[][..], Node::items).iter().filter_map(Node::as_str));
    }

    fn unusual(&mut self, schema: &Node, at: &str) {
        let found = schema.members().iter().map(|(k, _)| k.as_str());
        let choice = |k: &str| k == "oneOf" || k == "anyOf";
        for keyword in found.filter(|k| REFUSED.contains(k) || choice(k)) {
            let advice = if choice(keyword) {
                "alternatives have no single reading as elements: describe one object whose members are optional"
            } else {
                "has no reading as elements: leave it out"
            };
            self.refuse(keyword, at, advice);
        }
        if schema.get("additionalProperties").is_some_and(|n| n.as_bool() != Some(false)) {
            self.refuse("additionalProperties", at, "members of any name have no reading as elements: describe them, or use an array of objects with name and value");
        }
    }

    fn scalar(&mut self, schema: &'a Node, at: &str) -> TypeId {
        if let [only] = schema.get("allOf").map_or(&[][..], Node::items) {
            return self.ty(only, at, DEPTH_MAX);
        }
        self.unusual(schema, at);
        if schema.get("allOf").is_some() {
            self.refuse("allOf", at, "only of objects: write the values' limits in one schema");
        }
        let (mut facets, format) = (facets(schema), schema.str_of("format").unwrap_or_default());
        let ty = type_of(schema).or_else(|| schema.get("enum").map(|_| "string"));
        let (base, form) = match (ty, format) {
            (Some("boolean"), _) => (Builtin::Boolean, JsonForm::Boolean),
            (Some("integer"), "int32") => (Builtin::Int, JsonForm::Number),
            (Some("integer"), "int64") => (Builtin::Long, JsonForm::Number),
            (Some("integer"), _) => (Builtin::Integer, JsonForm::Number),
            (Some("number"), "double" | "float") => (Builtin::Double, JsonForm::Number),
            (Some("number"), _) => (Builtin::Decimal, JsonForm::Number),
            (Some("string"), "date") => (Builtin::Date, JsonForm::String),
            (Some("string"), "date-time") => (Builtin::DateTime, JsonForm::String),
            (Some("string"), "byte") => (Builtin::Base64Binary, JsonForm::String),
            (Some("string"), _) => (Builtin::String, JsonForm::String),
            _ => {
                self.refuse("type", at, "one type is needed (object, array, string, number, integer or boolean), beside null at most");
                (Builtin::String, JsonForm::String)
            }
        };
        if base == Builtin::Base64Binary {
            // Lengths are of the text in JSON, of the octets in XSD.
            (facets.min_length, facets.max_length) = (None, None);
        }
        if matches!(base, Builtin::Boolean) {
            facets = Facets::default();
        }
        TypeId::Simple(self.simple(base, facets, form))
    }

    fn simple(&mut self, base: Builtin, facets: Facets, json: JsonForm) -> SimpleId {
        let ty = SimpleType { name: None, base, variety: Variety::Atomic, facets, json, doc: None };
        let known = self.model.simple.iter().position(|t| *t == ty);
        let place = known.unwrap_or_else(|| {
            self.model.simple.push(ty);
            self.model.simple.len() - 1
        });
        SimpleId(u32::try_from(place).unwrap_or(u32::MAX))
    }

    /// A global element with these children.
    pub fn wrapper(&mut self, name: &str, children: Vec<Member>) -> Arc<Element> {
        let id = ComplexId(u32::try_from(self.model.complex.len()).unwrap_or(u32::MAX));
        let content = self.content(id, children);
        self.model.complex.push(ComplexType { name: None, attributes: Vec::new(), content, doc: None });
        let (qname, ty) = (self.qname(name), TypeId::Complex(id));
        let json = Arc::from(name);
        let element = Arc::new(Element {
            name: qname.clone(),
            json,
            ty,
            nillable: false,
            default: None,
            fixed: None,
            doc: None,
        });
        self.model.elements.insert(qname, element.clone());
        element
    }
}

/// A schema without the `null` that it allows beside another type, and whether it does.
fn without_null<'a>(api: &'a OpenApi, schema: &'a Node) -> (&'a Node, bool) {
    let is_null = |n: &Node| type_of(api.resolve(n)) == Some("null");
    for keyword in ["anyOf", "oneOf"] {
        let Some(all) = schema.get(keyword).map(Node::items).filter(|_| schema.get("properties").is_none())
        else {
            continue;
        };
        let mut others = all.iter().filter(|n| !is_null(n));
        if let (true, Some(only), None) = (all.iter().any(is_null), others.next(), others.next()) {
            return (only, true);
        }
    }
    (schema, schema.get("type").is_some_and(|t| t.items().iter().any(|n| n.as_str() == Some("null"))))
}

/// The member's name in JSON.
pub fn json_name(particle: &Particle) -> &str {
    match &particle.term {
        Term::Element(element) => &element.json,
        _ => "",
    }
}

/// The one type that a schema states beside `null`.
fn type_of(schema: &Node) -> Option<&str> {
    let ty = schema.get("type")?;
    match &ty.data {
        Data::Text(name) => Some(name),
        Data::List(items) => {
            let mut others = items.iter().filter_map(Node::as_str).filter(|t| *t != "null");
            let first = others.next();
            if others.next().is_some() { None } else { first }
        }
        _ => None,
    }
}

/// Whether a schema describes an object, by its type, its members or what it is made of.
pub fn is_object(api: &OpenApi, schema: &Node, depth: usize) -> bool {
    let schema = api.resolve(schema);
    let by_type = type_of(schema) == Some("object");
    let parts = schema.get("allOf").map_or(&[][..], Node::items);
    by_type
        || (schema.get("type").is_none() && schema.get("properties").is_some())
        || (depth < DEPTH_MAX && parts.iter().any(|p| is_object(api, p, depth + 1)))
}

fn facets(schema: &Node) -> Facets {
    // Exponents are no decimals of XSD, and fractions no limits of its integers: the REST contract holds such limits.
    let integer = type_of(schema) == Some("integer");
    let fits = |n: &&str| !(n.contains(['e', 'E']) || (integer && n.contains('.')));
    let number = |name: &str| schema.get(name).and_then(Node::as_number).filter(fits).map(Arc::from);
    let (above, below) = (number("exclusiveMinimum"), number("exclusiveMaximum"));
    let count = |name: &str| schema.get(name).and_then(Node::as_number).and_then(|n| n.parse().ok());
    let text = |n: &Node| match &n.data {
        Data::Text(t) | Data::Number(t) => Some(Arc::from(t.as_str())),
        _ => None,
    };
    let mut enumeration: Vec<Arc<str>> =
        schema.get("enum").map_or(&[][..], Node::items).iter().filter_map(text).collect();
    enumeration.extend(schema.get("const").and_then(text));
    let pattern = schema.str_of("pattern").and_then(xsd_pattern);
    Facets {
        enumeration,
        patterns: pattern.map(|p| vec![vec![Arc::from(p)]]).unwrap_or_default(),
        min_length: count("minLength"),
        max_length: count("maxLength"),
        min_inclusive: number("minimum").filter(|_| above.is_none()),
        max_inclusive: number("maximum").filter(|_| below.is_none()),
        min_exclusive: above,
        max_exclusive: below,
        ..Facets::default()
    }
}
