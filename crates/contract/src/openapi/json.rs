//! A message's JSON as a tree that borrows from its bytes and keeps numbers digit by digit, built once a
//! message; members given twice, depth and bad syntax are refused here. How the validator walks it is `exact`'s.

use super::number;
use lgsp_kernel::bounds::JSON_DEPTH_MAX;
use std::borrow::Cow;

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
                Some(_) => self.at += plain_len(&self.text.as_bytes()[self.at..]),
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

/// How many bytes from the front may stand in a string as they are. Blocks without an exit inside are compared as vectors.
fn plain_len(bytes: &[u8]) -> usize {
    const BLOCK: usize = 16;
    let special = |b: &u8| *b < 0x20 || *b == b'"' || *b == b'\\';
    let mut blocks = bytes.chunks_exact(BLOCK);
    let mut passed = 0;
    for block in &mut blocks {
        if block.iter().fold(false, |found, b| found | special(b)) {
            return passed + block.iter().position(special).unwrap_or(0);
        }
        passed += BLOCK;
    }
    let rest = blocks.remainder();
    passed + rest.iter().position(special).unwrap_or(rest.len())
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
