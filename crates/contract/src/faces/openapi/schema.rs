//! Complex types as JSON Schema 2020-12 by the JSON convention: members, which of them must be there, and what choices and optional
//! groups allow together. Named types become components, so that circles end.

use super::prune::{Members, Prune, gives};
use super::simple;
use lgsp_schema::model::{
    Attribute, ComplexId, ComplexType, Content, Element, Model, Particle, QName, Term, TypeId,
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};

/// Writes schemas and gathers the components that they refer to.
pub(super) struct Writer<'m> {
    pub(super) model: &'m Model,
    names: HashMap<TypeId, String>,
    /// Components by name; null while it is being written.
    pub(super) components: BTreeMap<String, Value>,
    /// Components that were named and are still to be written: a list, not the stack, since types may nest without a bound.
    waiting: Vec<(String, TypeId)>,
}

impl<'m> Writer<'m> {
    pub(super) fn new(model: &'m Model) -> Self {
        Self { model, names: HashMap::new(), components: BTreeMap::new(), waiting: Vec::new() }
    }

    /// Writes the components that are waiting, and those that they need.
    pub(super) fn finish(&mut self) {
        while let Some((name, ty)) = self.waiting.pop() {
            let schema = match ty {
                TypeId::Simple(id) => simple::schema(self.model, id),
                TypeId::Complex(id) => self.complex(id, None),
            };
            self.components.insert(name, schema);
        }
    }

    /// A name for a component that no other has.
    pub(super) fn reserve(&mut self, wanted: &str) -> String {
        let clean: String = wanted
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' })
            .collect();
        let mut name = clean.clone();
        let mut number = 2;
        while self.components.contains_key(&name) {
            name = format!("{clean}_{number}");
            number += 1;
        }
        self.components.insert(name.clone(), Value::Null);
        name
    }

    /// The schema of an element's value, one of them.
    pub(super) fn element(&mut self, element: &Element, prune: Option<&Members>) -> Value {
        let mut schema = match (element.ty, prune) {
            (TypeId::Complex(id), Some(prune)) => self.complex(id, Some(prune)),
            (ty, _) => self.reference(ty, &element.name.local),
        };
        if let Some(fixed) = element.fixed.as_ref().and_then(|f| self.value(element.ty, f)) {
            schema = json!({"const": fixed});
        }
        if element.nillable && element.fixed.is_none() {
            schema = self.or_nil(schema, element.ty);
        }
        let default = element.default.as_ref().and_then(|d| self.value(element.ty, d));
        for (key, said) in [("description", element.doc.as_ref().map(|d| json!(d))), ("default", default)] {
            if let (Some(map), Some(said)) = (schema.as_object_mut(), said) {
                map.insert(key.into(), said);
            }
        }
        schema
    }

    /// A value or nil: `null`, or beside attributes an object whose `$` is null.
    fn or_nil(&mut self, schema: Value, ty: TypeId) -> Value {
        let model = self.model;
        let attributes = match ty {
            TypeId::Simple(_) => &[][..],
            TypeId::Complex(id) => &model.complex(id).attributes,
        };
        let needed = |a: &&Attribute| a.required && a.fixed.is_none();
        let mut forms = vec![];
        if !attributes.iter().any(|a| needed(&a)) {
            forms.push(json!({"type": "null"}));
        }
        if !attributes.is_empty() {
            let mut properties: Map<String, Value> =
                attributes.iter().map(|a| (a.json.to_string(), self.attribute(a))).collect();
            properties.insert("$".into(), json!({"type": "null"}));
            let names = attributes.iter().filter(needed).map(|a| a.json.to_string());
            let required: Vec<String> = names.chain(["$".to_owned()]).collect();
            forms.push(json!({
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": false,
            }));
        }
        let plain = attributes.is_empty() && schema.get("enum").is_none();
        match schema.get("type").and_then(Value::as_str) {
            Some(own) if plain => {
                let both = json!([own, "null"]);
                let mut schema = schema;
                schema["type"] = both;
                schema
            }
            _ => {
                forms.insert(0, schema);
                json!({ "anyOf": forms })
            }
        }
    }

    fn value(&self, ty: TypeId, lexical: &str) -> Option<Value> {
        match ty {
            TypeId::Simple(id) => simple::value(self.model.simple(id), lexical),
            TypeId::Complex(_) => None,
        }
    }

    /// A type by reference where it has a name or contains itself, else itself.
    fn reference(&mut self, ty: TypeId, element: &str) -> Value {
        let name = match ty {
            TypeId::Simple(id) => self.model.simple(id).name.as_ref(),
            TypeId::Complex(id) => self.model.complex(id).name.as_ref(),
        };
        let own = |n: &&QName| &*n.namespace != lgsp_schema::xsd::XS;
        let name = name.filter(own).map(|n| n.local.to_string());
        // Anonymous complex types get a component too: one may contain itself by way of a global element.
        let name = match (name, ty) {
            (Some(name), _) => name,
            (None, TypeId::Complex(_)) => element.to_owned(),
            (None, TypeId::Simple(id)) => return simple::schema(self.model, id),
        };
        if let Some(known) = self.names.get(&ty) {
            return json!({"$ref": format!("#/components/schemas/{known}")});
        }
        let name = self.reserve(&name);
        self.names.insert(ty, name.clone());
        self.waiting.push((name.clone(), ty));
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    /// A complex type in place.
    pub(super) fn complex(&mut self, id: ComplexId, prune: Option<&Members>) -> Value {
        let model = self.model;
        self.object(model.complex(id), prune)
    }

    fn object(&mut self, ty: &ComplexType, prune: Option<&Members>) -> Value {
        let mut group = Group::default();
        for attribute in &ty.attributes {
            if taken(prune, &attribute.json).is_none() {
                let schema = self.attribute(attribute);
                group.properties.insert(attribute.json.to_string(), schema);
                // One of a fixed value is written by itself.
                if attribute.required && attribute.fixed.is_none() {
                    group.required.push(attribute.json.to_string());
                }
            }
        }
        match &ty.content {
            Content::Empty => {}
            Content::Simple(id) => {
                group.properties.insert("$".into(), simple::schema(self.model, *id));
                group.required.push("$".into());
            }
            Content::Group(particle) => {
                let conditions = self.group(particle, prune, &mut group.properties);
                group.require(conditions);
            }
        }
        group.schema(ty.doc.as_deref())
    }

    fn attribute(&self, attribute: &Attribute) -> Value {
        let mut schema = simple::schema(self.model, attribute.ty);
        let value = |v: &str| simple::value(self.model.simple(attribute.ty), v);
        if let Some(fixed) = attribute.fixed.as_deref().and_then(value) {
            schema = json!({"const": fixed});
        }
        if let Some(default) = attribute.default.as_deref().and_then(value) {
            schema["default"] = default;
        }
        schema
    }

    /// Adds a group's members, and says which of them must be there together. Groups nest as deeply as the schema has them, which is bounded.
    fn group(
        &mut self,
        particle: &Particle,
        prune: Option<&Members>,
        out: &mut Map<String, Value>,
    ) -> Condition {
        match &particle.term {
            Term::Element(element) => self.member(particle, element, prune, out),
            Term::Sequence(all) | Term::All(all) => {
                let conditions: Vec<Condition> = all.iter().map(|p| self.group(p, prune, out)).collect();
                let condition =
                    Condition::All(conditions.into_iter().filter(|c| *c != Condition::True).collect());
                self.optional(particle, condition, prune)
            }
            Term::Choice(branches) => {
                // A branch that is always given decides the choice: the others would be refused.
                let decided = branches
                    .iter()
                    .position(|b| members(b).iter().any(|m| gives(prune.and_then(|p| p.get(m)))));
                if let Some(decided) = decided {
                    return self.group(&branches[decided], prune, out);
                }
                let mut found = Vec::new();
                for branch in branches {
                    let condition = self.group(branch, prune, out);
                    found.push((condition, remaining(branch, prune)));
                }
                let condition = Condition::One(found);
                self.optional(particle, condition, prune)
            }
        }
    }

    fn optional(&self, particle: &Particle, condition: Condition, prune: Option<&Members>) -> Condition {
        let given = members(particle).iter().any(|m| gives(prune.and_then(|p| p.get(m))));
        match particle.min {
            0 if !given && condition.is_true() => Condition::True,
            0 if !given => Condition::Or(Box::new(condition), remaining(particle, prune)),
            _ => condition,
        }
    }

    fn member(
        &mut self,
        particle: &Particle,
        element: &Element,
        prune: Option<&Members>,
        out: &mut Map<String, Value>,
    ) -> Condition {
        if particle.max == Some(0) {
            return Condition::True;
        }
        let below = match prune.and_then(|p| p.get(&*element.json)) {
            Some(Prune::Gone(_)) => return Condition::True,
            Some(Prune::Below(members)) => Some(members),
            None => None,
        };
        let one = self.element(element, below);
        // Nothing of it is left for the body to say.
        if below.is_some() && one.get("properties").and_then(Value::as_object).is_some_and(Map::is_empty) {
            return Condition::True;
        }
        let schema = match particle.max {
            Some(1) => one,
            max => {
                let mut array = json!({"type": "array", "items": one});
                if particle.min > 0 {
                    array["minItems"] = json!(particle.min);
                }
                if let Some(max) = max {
                    array["maxItems"] = json!(max);
                }
                array
            }
        };
        out.insert(element.json.to_string(), schema);
        let given =
            below.is_some_and(|b| b.values().any(|m| gives(Some(m)))) && !self.needs_more(element, below);
        if particle.min > 0 && !given { Condition::Member(element.json.to_string()) } else { Condition::True }
    }

    /// Whether something below must still come from the body.
    fn needs_more(&mut self, element: &Element, below: Option<&Members>) -> bool {
        let TypeId::Complex(id) = element.ty else { return false };
        !accepts_empty(&self.complex(id, below))
    }
}

/// Whether an object without members fits a schema that was written here.
pub(super) fn accepts_empty(schema: &Value) -> bool {
    let each = |key: &str| schema.get(key).and_then(Value::as_array);
    each("required").is_none_or(Vec::is_empty)
        && each("allOf").is_none_or(|all| all.iter().all(accepts_empty))
        && each("anyOf").is_none_or(|all| all.iter().any(accepts_empty))
        && each("oneOf").is_none_or(|all| all.iter().filter(|s| accepts_empty(s)).count() == 1)
        && schema.get("not").is_none_or(|not| !accepts_empty(not))
}

fn taken<'p>(prune: Option<&'p Members>, name: &str) -> Option<&'p Prune> {
    prune.and_then(|p| p.get(name))
}

/// All members of a group.
pub(super) fn members(particle: &Particle) -> Vec<String> {
    match &particle.term {
        Term::Element(element) => vec![element.json.to_string()],
        Term::Sequence(all) | Term::Choice(all) | Term::All(all) => all.iter().flat_map(members).collect(),
    }
}

/// Its members that were not taken out.
fn remaining(particle: &Particle, prune: Option<&Members>) -> Vec<String> {
    members(particle).into_iter().filter(|m| !matches!(taken(prune, m), Some(Prune::Gone(_)))).collect()
}

/// Which members must be there.
#[derive(Debug, Clone, PartialEq)]
enum Condition {
    True,
    Member(String),
    All(Vec<Condition>),
    /// One branch and none of the other branches' members.
    One(Vec<(Condition, Vec<String>)>),
    /// It holds, or none of the members is there.
    Or(Box<Condition>, Vec<String>),
}

impl Condition {
    fn is_true(&self) -> bool {
        match self {
            Self::True => true,
            Self::All(all) => all.iter().all(Self::is_true),
            _ => false,
        }
    }

    fn schema(&self) -> Map<String, Value> {
        let map = |v: Value| if let Value::Object(m) = v { m } else { Map::new() };
        match self {
            Self::True => Map::new(),
            Self::Member(name) => map(json!({"required": [name]})),
            Self::All(_) => {
                let mut group = Group::default();
                group.require(self.clone());
                group.conditions()
            }
            // Where each branch has a member that it needs, one of them is exactly one branch.
            Self::One(branches) if branches.iter().all(|b| matches!(b.0, Self::Member(_))) => {
                let all: Vec<Value> = branches.iter().map(|b| Value::Object(b.0.schema())).collect();
                map(json!({ "oneOf": all }))
            }
            Self::One(branches) => {
                let each = |i: usize| {
                    let others: Vec<&String> = branches
                        .iter()
                        .enumerate()
                        .filter(|(j, _)| *j != i)
                        .flat_map(|(_, b)| &b.1)
                        .collect();
                    let mut schema = branches[i].0.schema();
                    if !others.is_empty() {
                        schema.insert("not".into(), any_of(&others));
                    }
                    Value::Object(schema)
                };
                let all: Vec<Value> = (0..branches.len()).map(each).collect();
                map(json!({ "anyOf": all }))
            }
            Self::Or(inner, members) => {
                let members: Vec<&String> = members.iter().collect();
                map(json!({"anyOf": [Value::Object(inner.schema()), {"not": any_of(&members)}]}))
            }
        }
    }
}

fn any_of(members: &[&String]) -> Value {
    let all: Vec<Value> = members.iter().map(|m| json!({"required": [m]})).collect();
    if all.len() == 1 { all[0].clone() } else { json!({ "anyOf": all }) }
}

/// An object's schema in the making.
#[derive(Default)]
struct Group {
    properties: Map<String, Value>,
    required: Vec<String>,
    others: Vec<Map<String, Value>>,
}

impl Group {
    fn require(&mut self, condition: Condition) {
        match condition {
            Condition::True => {}
            Condition::Member(name) => self.required.push(name),
            Condition::All(all) => all.into_iter().for_each(|c| self.require(c)),
            other => self.others.push(other.schema()),
        }
    }

    fn conditions(self) -> Map<String, Value> {
        let mut out = Map::new();
        if !self.required.is_empty() {
            out.insert("required".into(), json!(self.required));
        }
        let mut others = self.others;
        match others.len() {
            0 => {}
            1 => out.extend(others.remove(0)),
            _ => drop(out.insert("allOf".into(), others.into_iter().map(Value::Object).collect())),
        }
        out
    }

    fn schema(mut self, doc: Option<&str>) -> Value {
        let mut out = Map::new();
        out.insert("type".into(), json!("object"));
        if let Some(doc) = doc {
            out.insert("description".into(), json!(doc));
        }
        out.insert("properties".into(), Value::Object(std::mem::take(&mut self.properties)));
        out.insert("additionalProperties".into(), json!(false));
        out.extend(self.conditions());
        Value::Object(out)
    }
}
