//! How the validator walks a message: the tree of `json`, every look at a value metered. Alternatives inside alternatives of a schema that
//! refers to itself multiply with each level of a body, and bodies may be wrong in a million places: both end here, by counting.

use super::json::{Data, Members, Tree, to_number};
use super::number;
use jsonschema::json::{Array, Json, JsonNumber, Node, NodeIdentity, Object};
use jsonschema::{JsonType, ValidationError, Validator};
use serde_json::Value;
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;

/// Looks at values of one message, to which come [`LOOKS_PER_BYTE`] a byte: below 0.2 s. A valid body of an ordinary contract takes five a
/// value.
pub const LOOKS_MAX: u64 = 4_000_000;
/// See [`LOOKS_MAX`]. The shortest value has two bytes with its comma.
pub const LOOKS_PER_BYTE: u64 = 16;
/// Violations made of one message, those inside alternatives that fail included; they take some hundred bytes each.
pub const FINDINGS_MAX: u64 = 10_000;

/// What one walk over a message may still take. Once it is used up, every value looks like `null` and every container ends, so that what
/// was begun comes to its end; its outcome means nothing then.
#[derive(Debug)]
pub struct Meter {
    looks: Cell<u64>,
    findings: Cell<u64>,
}

impl Meter {
    /// For a message of so many bytes.
    pub fn new(bytes: usize) -> Self {
        let more = LOOKS_PER_BYTE.saturating_mul(bytes as u64);
        Self { looks: Cell::new(LOOKS_MAX.saturating_add(more)), findings: Cell::new(FINDINGS_MAX) }
    }

    /// Whether the outcome means nothing.
    pub fn is_used_up(&self) -> bool {
        self.looks.get() == 0 || self.findings.get() == 0
    }

    fn look(&self) -> bool {
        let left = self.looks.get().saturating_sub(1);
        self.looks.set(left);
        left > 0 && self.findings.get() > 0
    }
}

/// What came of holding a message against a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It keeps it.
    Valid,
    /// It breaks it as told.
    Broken,
    /// It breaks it, in too many ways to tell them.
    Manifold,
    /// Whether it does was not found out within [`LOOKS_MAX`].
    Unknown,
}

/// Holds a message of so many bytes against a schema and tells at most `most` violations; of more than [`FINDINGS_MAX`] the first alone.
pub fn hold(
    schema: &Validator<Exact>,
    tree: &Tree<'_>,
    bytes: usize,
    most: usize,
    tell: &mut dyn FnMut(&ValidationError<'_>),
) -> Outcome {
    let meter = Meter::new(bytes);
    let is_valid = schema.is_valid(Look { tree, meter: &meter });
    if meter.is_used_up() {
        return Outcome::Unknown;
    }
    if is_valid {
        return Outcome::Valid;
    }
    let meter = Meter::new(bytes);
    let errors = schema.iter_errors(Look { tree, meter: &meter });
    if !meter.is_used_up() {
        errors.take(most).for_each(|e| tell(&e));
        return Outcome::Broken;
    }
    drop(errors);
    let meter = Meter::new(bytes);
    match schema.validate(Look { tree, meter: &meter }) {
        Err(error) if !meter.is_used_up() => {
            tell(&error);
            Outcome::Broken
        }
        _ => Outcome::Manifold,
    }
}

/// The representation for the validator.
#[derive(Debug)]
pub struct Exact;

/// A value and the meter of the walk that looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    tree: &'a Tree<'a>,
    meter: &'a Meter,
}

impl<'a> Look<'a> {
    fn data(&self) -> &'a Data<'a> {
        if self.meter.look() { &self.tree.data } else { &Data::Null }
    }
}

impl Json for Exact {
    type Node<'a> = Look<'a>;
    type PreparedKey = String;
    type StringBuffer = Option<(Tree<'static>, Meter)>;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>(
        buffer: &mut Self::StringBuffer,
        string: &str,
        f: impl for<'a> FnOnce(Look<'a>) -> T,
    ) -> T {
        let tree = Tree::new(Data::Text(Cow::Owned(string.to_owned())));
        let (tree, meter) = buffer.insert((tree, Meter::new(string.len())));
        f(Look { tree, meter })
    }
}

/// A number as written.
#[derive(Debug)]
pub struct Digits<'a>(&'a str);

impl JsonNumber for Digits<'_> {
    fn as_u64(&self) -> Option<u64> {
        self.0.parse().ok()
    }
    fn as_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }
    fn as_f64(&self) -> Option<f64> {
        self.0.parse().ok().filter(|n: &f64| n.is_finite())
    }
    fn as_str(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.0)
    }
    fn to_number(&self) -> Cow<'_, serde_json::Number> {
        Cow::Owned(to_number(self.0))
    }
    fn is_integer(&self) -> bool {
        number::is_integer(self.0)
    }
}

impl<'a> Node<'a, Exact> for Look<'a> {
    type Object = LookMembers<'a>;
    type Array = LookItems<'a>;
    type Number = Digits<'a>;

    fn as_object(&self) -> Option<LookMembers<'a>> {
        match self.data() {
            Data::Map(members) => Some(LookMembers { members, meter: self.meter }),
            _ => None,
        }
    }
    fn as_array(&self) -> Option<LookItems<'a>> {
        match self.data() {
            Data::List(items) => Some(LookItems { items, meter: self.meter }),
            _ => None,
        }
    }
    fn as_string(&self) -> Option<Cow<'a, str>> {
        match self.data() {
            Data::Text(text) => Some(Cow::Borrowed(text)),
            _ => None,
        }
    }
    fn as_number(&self) -> Option<Digits<'a>> {
        match self.data() {
            Data::Number(text) => Some(Digits(text)),
            _ => None,
        }
    }
    fn as_boolean(&self) -> Option<bool> {
        match self.data() {
            Data::Bool(b) => Some(*b),
            _ => None,
        }
    }
    fn is_null(&self) -> bool {
        matches!(self.data(), Data::Null)
    }
    fn json_type(&self) -> JsonType {
        match self.data() {
            Data::Null => JsonType::Null,
            Data::Bool(_) => JsonType::Boolean,
            Data::Number(_) => JsonType::Number,
            Data::Text(_) => JsonType::String,
            Data::List(_) => JsonType::Array,
            Data::Map(_) => JsonType::Object,
        }
    }
    fn equals_value(&self, expected: &Value) -> bool {
        self.meter.look() && equal(self.tree, expected)
    }
    /// Called for each violation made, and for nothing else. Violations never show a value.
    fn to_value(&self) -> Cow<'a, Value> {
        self.meter.findings.set(self.meter.findings.get().saturating_sub(1));
        Cow::Owned(Value::Null)
    }
    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref::<Tree<'_>>(self.tree).addr()))
    }
}

/// The members of an object.
#[derive(Debug, Clone, Copy)]
pub struct LookMembers<'a> {
    members: &'a Members<'a>,
    meter: &'a Meter,
}

impl<'a> Object<'a, Exact> for LookMembers<'a> {
    type Node = Look<'a>;
    type MemberName = &'a str;
    type MembersIter = LookMembersIter<'a>;

    fn len(&self) -> usize {
        self.members.iter().len()
    }
    fn get(&self, key: &String) -> Option<Look<'a>> {
        self.members.get(key).map(|tree| Look { tree, meter: self.meter })
    }
    fn members(&self) -> LookMembersIter<'a> {
        LookMembersIter { rest: self.members.iter(), meter: self.meter }
    }
}

/// One member after the other, while there is something left to look with.
#[derive(Debug)]
pub struct LookMembersIter<'a> {
    rest: std::slice::Iter<'a, (Cow<'a, str>, Tree<'a>)>,
    meter: &'a Meter,
}

impl<'a> Iterator for LookMembersIter<'a> {
    type Item = (&'a str, Look<'a>);
    fn next(&mut self) -> Option<Self::Item> {
        let (name, tree) = self.rest.next().filter(|_| !self.meter.is_used_up())?;
        Some((name.as_ref(), Look { tree, meter: self.meter }))
    }
}

/// The items of an array.
#[derive(Debug, Clone, Copy)]
pub struct LookItems<'a> {
    items: &'a [Tree<'a>],
    meter: &'a Meter,
}

impl<'a> Array<'a, Exact> for LookItems<'a> {
    type Node = Look<'a>;
    type ElementsIter = LookItemsIter<'a>;

    fn len(&self) -> usize {
        self.items.len()
    }
    fn elements(&self) -> LookItemsIter<'a> {
        LookItemsIter { rest: self.items.iter(), meter: self.meter }
    }
    fn is_unique(&self) -> bool {
        let mut seen = HashSet::with_capacity(self.items.len());
        self.items.iter().all(|item| seen.insert(canonical(item)))
    }
}

/// One item after the other, while there is something left to look with.
#[derive(Debug)]
pub struct LookItemsIter<'a> {
    rest: std::slice::Iter<'a, Tree<'a>>,
    meter: &'a Meter,
}

impl<'a> Iterator for LookItemsIter<'a> {
    type Item = Look<'a>;
    fn next(&mut self) -> Option<Look<'a>> {
        let tree = self.rest.next().filter(|_| !self.meter.is_used_up())?;
        Some(Look { tree, meter: self.meter })
    }
}

fn equal(tree: &Tree<'_>, expected: &Value) -> bool {
    match (&tree.data, expected) {
        (Data::Null, Value::Null) => true,
        (Data::Bool(a), Value::Bool(b)) => a == b,
        (Data::Number(a), Value::Number(b)) => number::compare(a, &b.to_string()).is_eq(),
        (Data::Text(a), Value::String(b)) => a == b,
        (Data::List(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Data::Map(a), Value::Object(b)) => {
            a.iter().len() == b.len()
                && a.iter().all(|(name, value)| b.get(name.as_ref()).is_some_and(|v| equal(value, v)))
        }
        _ => false,
    }
}

/// One text for all that are equal.
fn canonical(tree: &Tree<'_>) -> String {
    let mut out = String::new();
    write_canonical(tree, &mut out);
    out
}

fn write_canonical(tree: &Tree<'_>, out: &mut String) {
    match &tree.data {
        Data::Null => out.push('n'),
        Data::Bool(b) => out.push(if *b { 't' } else { 'f' }),
        Data::Number(text) => out.push_str(&number::canonical(text)),
        Data::Text(text) => out.push_str(&format!("{text:?}")),
        Data::List(items) => {
            out.push('[');
            for item in items {
                write_canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Data::Map(members) => {
            let mut all: Vec<_> = members.iter().collect();
            all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            out.push('{');
            for (name, value) in all {
                out.push_str(&format!("{name:?}:"));
                write_canonical(value, out);
                out.push(',');
            }
            out.push('}');
        }
    }
}
