//! A message's JSON as a tree that borrows from its bytes and keeps numbers digit by digit, for the validator to walk. Built once a
//! message; members given twice, depth and bad syntax are refused here. What the tree must look like is `checker`'s.

use super::number;
use jsonschema::JsonType;
use jsonschema::json::{Array, Json, JsonNumber, Node, NodeIdentity, Object};
use lgsp_kernel::bounds::JSON_DEPTH_MAX;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::HashSet;

/// Members above which an object keeps an index sorted by name.
const INDEXED_FROM: usize = 12;

/// A value and the byte at which it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree<'t> {
    /// Offset in bytes.
    pub at: usize,
    /// What it is.
    pub data: Data<'t>,
}

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Data<'t> {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as written.
    Number(Cow<'t, str>),
    /// A string, unescaped.
    Text(Cow<'t, str>),
    /// An array.
    List(Vec<Tree<'t>>),
    /// An object.
    Map(Members<'t>),
}

/// The members of an object, in their order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Members<'t> {
    members: Vec<(Cow<'t, str>, Tree<'t>)>,
    /// Places in `members` sorted by name, where there are many.
    sorted: Vec<u32>,
}

/// Why bytes are no tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} (byte {at})")]
pub struct Fault {
    /// Offset in bytes.
    pub at: usize,
    /// What is wrong.
    pub what: String,
}

impl<'t> Tree<'t> {
    /// A value that stands nowhere in a text.
    pub fn new(data: Data<'t>) -> Self {
        Self { at: 0, data }
    }
}

impl<'t> Members<'t> {
    /// Members with their index; the name that is given twice, if one is.
    pub fn new(members: Vec<(Cow<'t, str>, Tree<'t>)>) -> Result<Self, usize> {
        let mut sorted = Vec::new();
        if members.len() < INDEXED_FROM {
            for (i, (name, _)) in members.iter().enumerate() {
                if members[..i].iter().any(|(n, _)| n == name) {
                    return Err(i);
                }
            }
        } else {
            sorted = (0..u32::try_from(members.len()).unwrap_or(u32::MAX)).collect();
            sorted.sort_unstable_by(|a, b| members[*a as usize].0.cmp(&members[*b as usize].0));
            for pair in sorted.windows(2) {
                if members[pair[0] as usize].0 == members[pair[1] as usize].0 {
                    return Err(pair[0].max(pair[1]) as usize);
                }
            }
        }
        Ok(Self { members, sorted })
    }

    /// The member of this name.
    pub fn get(&self, name: &str) -> Option<&Tree<'t>> {
        if self.sorted.is_empty() {
            return self.members.iter().find(|(n, _)| n == name).map(|(_, v)| v);
        }
        let found = self.sorted.binary_search_by(|i| self.members[*i as usize].0.as_ref().cmp(name)).ok()?;
        Some(&self.members[self.sorted[found] as usize].1)
    }

    /// All, in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, (Cow<'t, str>, Tree<'t>)> {
        self.members.iter()
    }

    /// All, taken.
    pub fn into_vec(self) -> Vec<(Cow<'t, str>, Tree<'t>)> {
        self.members
    }
}

/// Reads one JSON value (RFC 8259) in UTF-8. A byte order mark is passed over.
pub fn parse(bytes: &[u8]) -> Result<Tree<'_>, Fault> {
    let text = std::str::from_utf8(bytes)
        .map_err(|e| Fault { at: e.valid_up_to(), what: "these bytes are not UTF-8".into() })?;
    let mut reader = Reader { text, at: if text.starts_with('\u{feff}') { 3 } else { 0 } };
    reader.space();
    let tree = reader.value(0)?;
    reader.space();
    if reader.at < text.len() {
        return Err(reader.fault("something follows the value"));
    }
    Ok(tree)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn fault(&self, what: impl Into<String>) -> Fault {
        Fault { at: self.at, what: what.into() }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Tree<'t>, Fault> {
        if depth > JSON_DEPTH_MAX {
            return Err(self.fault(format!("nested deeper than {JSON_DEPTH_MAX} arrays and objects")));
        }
        let at = self.at;
        let data = match self.peek() {
            Some(b'{') => Data::Map(self.object(depth)?),
            Some(b'[') => Data::List(self.array(depth)?),
            Some(b'"') => Data::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => Data::Number(Cow::Borrowed(self.number()?)),
            Some(b't') => self.word("true", Data::Bool(true))?,
            Some(b'f') => self.word("false", Data::Bool(false))?,
            Some(b'n') => self.word("null", Data::Null)?,
            _ => return Err(self.fault("a value was expected here")),
        };
        Ok(Tree { at, data })
    }

    fn word(&mut self, word: &str, data: Data<'t>) -> Result<Data<'t>, Fault> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.fault("a value was expected here"));
        }
        self.at += word.len();
        Ok(data)
    }

    fn number(&mut self) -> Result<&'t str, Fault> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')) {
            self.at += 1;
        }
        let text = &self.text[start..self.at];
        if number::is_json(&bytes[start..self.at]) {
            return Ok(text);
        }
        self.at = start;
        Err(self.fault("a number was expected here"))
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Tree<'t>>, Fault> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(items);
        }
        loop {
            self.space();
            items.push(self.value(depth + 1)?);
            if self.ends(b']')? {
                return Ok(items);
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Members<'t>, Fault> {
        self.at += 1;
        let mut members = Vec::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Members::default());
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.fault("a member's name was expected here"));
            }
            let name = self.string()?;
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.fault("a colon was expected here"));
            }
            self.at += 1;
            self.space();
            members.push((name, self.value(depth + 1)?));
            if self.ends(b'}')? {
                break;
            }
        }
        Members::new(members).map_err(|_| self.fault("a member is given twice in the object that ends here"))
    }

    /// After a value: takes the comma, or the end of the container.
    fn ends(&mut self, close: u8) -> Result<bool, Fault> {
        self.space();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(false)
            }
            Some(b) if b == close => {
                self.at += 1;
                Ok(true)
            }
            Some(_) => Err(self.fault("a comma or the end was expected here")),
            None => Err(self.fault("the text ends before the value does")),
        }
    }

    fn string(&mut self) -> Result<Cow<'t, str>, Fault> {
        self.at += 1;
        let start = self.at;
        let mut owned: Option<String> = None;
        let mut from = start;
        loop {
            match self.peek() {
                None => return Err(self.fault("the text ends before the value does")),
                Some(b'"') => {
                    let piece = &self.text[from..self.at];
                    self.at += 1;
                    return Ok(match owned {
                        Some(mut s) => {
                            s.push_str(piece);
                            Cow::Owned(s)
                        }
                        None => Cow::Borrowed(piece),
                    });
                }
                Some(b'\\') => {
                    let s = owned.get_or_insert_default();
                    s.push_str(&self.text[from..self.at]);
                    let c = self.escape()?;
                    owned.get_or_insert_default().push(c);
                    from = self.at;
                }
                Some(0..=0x1f) => return Err(self.fault("a control character in a string")),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        self.at += 1;
        let c = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.fault("a malformed escape in a string")),
        };
        self.at += 1;
        Ok(c)
    }

    fn unicode(&mut self) -> Result<char, Fault> {
        let high = self.hex()?;
        let code = if (0xd800..0xdc00).contains(&high) {
            if !self.text.as_bytes()[self.at..].starts_with(b"\\u") {
                return Err(self.fault("half a surrogate pair in a string"));
            }
            self.at += 1;
            let low = self.hex()?;
            if !(0xdc00..0xe000).contains(&low) {
                return Err(self.fault("half a surrogate pair in a string"));
            }
            0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
        } else {
            high
        };
        char::from_u32(code).ok_or_else(|| self.fault("half a surrogate pair in a string"))
    }

    /// Four digits after `u`, which is where the reading stands.
    fn hex(&mut self) -> Result<u32, Fault> {
        let digits = self.text.as_bytes().get(self.at + 1..self.at + 5).unwrap_or_default();
        if digits.len() < 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(self.fault("a malformed escape in a string"));
        }
        self.at += 5;
        Ok(digits.iter().fold(0, |n, d| n * 16 + char::from(*d).to_digit(16).unwrap_or(0)))
    }
}

/// The representation for the validator.
#[derive(Debug)]
pub struct Exact;

impl Json for Exact {
    type Node<'a> = &'a Tree<'a>;
    type PreparedKey = String;
    type StringBuffer = Option<Tree<'static>>;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>(
        buffer: &mut Option<Tree<'static>>,
        string: &str,
        f: impl for<'a> FnOnce(&'a Tree<'a>) -> T,
    ) -> T {
        f(buffer.insert(Tree::new(Data::Text(Cow::Owned(string.to_owned())))))
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

/// The nearest number that `serde_json` keeps: for messages about a value only, never for a decision.
pub fn to_number(text: &str) -> serde_json::Number {
    if let Ok(n) = text.parse::<i64>() {
        return n.into();
    }
    if let Ok(n) = text.parse::<u64>() {
        return n.into();
    }
    let n: f64 = text.parse().unwrap_or_default();
    serde_json::Number::from_f64(n.clamp(f64::MIN, f64::MAX)).unwrap_or_else(|| 0.into())
}

impl<'a> Node<'a, Exact> for &'a Tree<'a> {
    type Object = &'a Members<'a>;
    type Array = &'a [Tree<'a>];
    type Number = Digits<'a>;

    fn as_object(&self) -> Option<&'a Members<'a>> {
        match &self.data {
            Data::Map(members) => Some(members),
            _ => None,
        }
    }
    fn as_array(&self) -> Option<&'a [Tree<'a>]> {
        match &self.data {
            Data::List(items) => Some(items),
            _ => None,
        }
    }
    fn as_string(&self) -> Option<Cow<'a, str>> {
        match &self.data {
            Data::Text(text) => Some(Cow::Borrowed(text)),
            _ => None,
        }
    }
    fn as_number(&self) -> Option<Digits<'a>> {
        match &self.data {
            Data::Number(text) => Some(Digits(text)),
            _ => None,
        }
    }
    fn as_boolean(&self) -> Option<bool> {
        match &self.data {
            Data::Bool(b) => Some(*b),
            _ => None,
        }
    }
    fn is_null(&self) -> bool {
        self.data == Data::Null
    }
    fn json_type(&self) -> JsonType {
        match &self.data {
            Data::Null => JsonType::Null,
            Data::Bool(_) => JsonType::Boolean,
            Data::Number(_) => JsonType::Number,
            Data::Text(_) => JsonType::String,
            Data::List(_) => JsonType::Array,
            Data::Map(_) => JsonType::Object,
        }
    }
    fn equals_value(&self, expected: &Value) -> bool {
        equal(self, expected)
    }
    fn to_value(&self) -> Cow<'a, Value> {
        Cow::Owned(to_value(self))
    }
    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref::<Tree<'_>>(self).addr()))
    }
}

impl<'a> Object<'a, Exact> for &'a Members<'a> {
    type Node = &'a Tree<'a>;
    type MemberName = &'a str;
    type MembersIter = std::iter::Map<
        std::slice::Iter<'a, (Cow<'a, str>, Tree<'a>)>,
        fn(&'a (Cow<'a, str>, Tree<'a>)) -> (&'a str, &'a Tree<'a>),
    >;

    fn len(&self) -> usize {
        self.members.len()
    }
    fn get(&self, key: &String) -> Option<&'a Tree<'a>> {
        Members::get(self, key)
    }
    fn members(&self) -> Self::MembersIter {
        self.members.iter().map(|(name, value)| (name.as_ref(), value))
    }
}

impl<'a> Array<'a, Exact> for &'a [Tree<'a>] {
    type Node = &'a Tree<'a>;
    type ElementsIter = std::slice::Iter<'a, Tree<'a>>;

    fn len(&self) -> usize {
        <[Tree<'_>]>::len(self)
    }
    fn elements(&self) -> std::slice::Iter<'a, Tree<'a>> {
        <[Tree<'_>]>::iter(self)
    }
    fn is_unique(&self) -> bool {
        let mut seen = HashSet::with_capacity(<[Tree<'_>]>::len(self));
        <[Tree<'_>]>::iter(self).all(|item| seen.insert(canonical(item)))
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
            a.members.len() == b.len()
                && a.iter().all(|(name, value)| b.get(name.as_ref()).is_some_and(|v| equal(value, v)))
        }
        _ => false,
    }
}

fn to_value(tree: &Tree<'_>) -> Value {
    match &tree.data {
        Data::Null => Value::Null,
        Data::Bool(b) => Value::Bool(*b),
        Data::Number(text) => Value::Number(to_number(text)),
        Data::Text(text) => Value::String(text.clone().into_owned()),
        Data::List(items) => items.iter().map(to_value).collect(),
        Data::Map(members) => members.iter().map(|(n, v)| (n.clone().into_owned(), to_value(v))).collect(),
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
