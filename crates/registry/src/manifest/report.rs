//! Problems met while decoding: where the decoding stands, what serde reports, and the words for it. No value is ever quoted from
//! a node that could hold a secret.

use super::tree::{Data, Entry, Node};
use crate::problem::{Problem, did_you_mean};
use serde::de;
use std::cell::RefCell;
use std::fmt;

/// Where the decoding stands, and what it found.
pub(crate) struct Context<'f> {
    file: Option<&'f str>,
    path: RefCell<Vec<Part>>,
    pub(super) problems: RefCell<Vec<Problem>>,
}

#[derive(Debug, Clone)]
pub(super) enum Part {
    Key(String),
    Index(usize),
}

impl<'f> Context<'f> {
    pub fn new(file: Option<&'f str>) -> Self {
        Self { file, path: RefCell::default(), problems: RefCell::default() }
    }

    pub fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }

    fn path(&self) -> String {
        let mut text = String::new();
        for part in self.path.borrow().iter() {
            match part {
                Part::Key(k) if text.is_empty() => text.push_str(k),
                Part::Key(k) => text.extend([".", k]),
                Part::Index(i) => text.push_str(&format!("[{i}]")),
            }
        }
        text
    }

    /// Reports a problem at a place; `below` is a field of the current path.
    pub fn report(&self, at: (u32, u32), below: Option<&str>, message: impl Into<String>) {
        let mut field = self.path();
        if let Some(below) = below {
            if !field.is_empty() {
                field.push('.');
            }
            field.push_str(below);
        }
        self.problems.borrow_mut().push(Problem {
            file: self.file.map(str::to_owned),
            line: (at.0 > 0).then_some(at.0),
            column: (at.1 > 0).then_some(at.1),
            field,
            message: message.into(),
        });
    }

    pub(super) fn within<T>(&self, part: Part, f: impl FnOnce() -> T) -> T {
        self.path.borrow_mut().push(part);
        let out = f();
        self.path.borrow_mut().pop();
        out
    }

    /// Does something below a named field.
    pub fn field<T>(&self, name: &str, f: impl FnOnce() -> T) -> T {
        self.within(Part::Key(name.into()), f)
    }

    /// Does something below a list's item.
    pub fn item<T>(&self, index: usize, f: impl FnOnce() -> T) -> T {
        self.within(Part::Index(index), f)
    }

    /// Reports a failure at the deepest node that saw it, and marks that node.
    pub(super) fn settle(&self, fail: Fail, node: &Node<'_>) -> Fail {
        let at = (node.line, node.column);
        match fail {
            Fail::Reported => return fail,
            Fail::Missing(field) => {
                let already = node.get(field).is_some_and(|e| e.value.reported.get());
                if !already {
                    self.report(at, None, format!("the field `{field}` is missing"));
                    // Not below a tagged enum: serde reads its fields through a buffer, and a stand-in would have to be of the right kind.
                    if node.get("type").is_none() && !node.missing.borrow().contains(&field) {
                        node.missing.borrow_mut().push(field);
                        return Fail::Reported;
                    }
                }
            }
            Fail::Unknown(field, known) => {
                let message = unknown_field(&field, known);
                if let Some(entry) = node.get(&field) {
                    self.report((entry.line, entry.column), Some(&field), message);
                    entry.value.reported.set(true);
                    return Fail::Reported;
                }
                self.report(at, Some(&field), message);
            }
            Fail::Type(message) => {
                if let Some(entry) = bare_secret(node) {
                    let (at, key) = ((entry.value.line, entry.value.column), &*entry.key);
                    self.report(
                        at,
                        Some(key),
                        "a secret is written as {env: NAME}, {file: PATH} or {value: TEXT}",
                    );
                    entry.value.reported.set(true);
                    return Fail::Reported;
                }
                self.report(at, None, message);
            }
            Fail::Other(message) if message == "invalid IP address syntax" => {
                self.report(at, None, "not a network: write 10.0.0.0/8, or 10.1.2.3/32 for one address");
            }
            Fail::Other(message) => self.report(at, None, message),
        }
        node.reported.set(true);
        Fail::Reported
    }
}

pub(super) fn unknown_field(field: &str, known: &[&str]) -> String {
    let shown: String = field.chars().take(60).collect();
    let near = did_you_mean(&shown, known.iter().copied());
    let list = known.join(", ");
    if near.is_empty() {
        format!("unknown field {shown:?}; there are: {list}")
    } else {
        format!("unknown field {shown:?}{near}")
    }
}

/// A provider credential whose secret was written as plain text. serde reads these through a buffer that forgets which
/// field failed.
fn bare_secret<'n, 't>(node: &'n Node<'t>) -> Option<&'n Entry<'t>> {
    node.get("type")?;
    ["password", "token", "secret", "value"]
        .into_iter()
        .filter_map(|k| node.get(k))
        .find(|e| !matches!(e.value.data, Data::Map(_)))
}

/// What serde reports, kept apart so that each gets words of its own.
#[derive(Debug)]
pub(crate) enum Fail {
    Reported,
    Missing(&'static str),
    Unknown(String, &'static [&'static str]),
    Type(String),
    Other(String),
}

impl fmt::Display for Fail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
impl std::error::Error for Fail {}
impl de::Error for Fail {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Other(message.to_string())
    }
    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::Unknown(field.to_owned(), expected)
    }
    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::Other(unknown_variant(variant, expected))
    }
    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let found = match found {
            de::Unexpected::Str(_) => "text",
            de::Unexpected::Unit | de::Unexpected::Option => "nothing",
            de::Unexpected::Seq => "a list",
            de::Unexpected::Map => "a map",
            de::Unexpected::Bool(_) => "true or false",
            _ => "a number",
        };
        Self::Type(format!("expected {}, found {found}", words(expected)))
    }
    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        match found {
            de::Unexpected::Str(_) => Self::Other(format!("expected {}", words(expected))),
            other => Self::Other(format!("{} is out of range: expected {}", number(other), words(expected))),
        }
    }
}

fn number(value: de::Unexpected<'_>) -> String {
    match value {
        de::Unexpected::Unsigned(n) => n.to_string(),
        de::Unexpected::Signed(n) => n.to_string(),
        other => other.to_string(),
    }
}

pub(super) fn unknown_variant(variant: &str, known: &[&str]) -> String {
    let shown: String = variant.chars().take(60).collect();
    let near = did_you_mean(&shown, known.iter().copied());
    format!("{shown:?} is none of {}{near}", known.join(", "))
}

/// serde's words for what it expects, in an operator's.
fn words(expected: &dyn de::Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "a string" => "text".into(),
        "a boolean" => "true or false".into(),
        "a sequence" => "a list".into(),
        "u8" => "a whole number up to 255".into(),
        "u16" => "a whole number up to 65,535".into(),
        "u32" => "a whole number up to 4,294,967,295".into(),
        "u64" => "a whole number".into(),
        "struct SecretInput" => "{env: NAME}, {file: PATH} or {value: TEXT}".into(),
        t if t.starts_with("struct ") || t.contains("tagged enum") => "a map".into(),
        _ => text,
    }
}
