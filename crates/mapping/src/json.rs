//! JSON in and out of the language's values: strict (RFC 8259), numbers kept digit by digit, the order of members kept, a name that
//! stands twice refused. Its own reader, because the language's accepts more than JSON and lets the last of two names win.

use crate::limits::{MAX_DEPTH, MAX_INTEGER_DIGITS};
use jaq_json::{Map, Num, Rc, Val};

/// Why a text is no JSON that is taken: what, and at which byte.
#[derive(Debug, PartialEq, Eq)]
pub struct JsonError {
    /// Offset of the byte.
    pub at: usize,
    /// What is wrong there.
    pub message: String,
}

/// Reads one value.
pub fn read(bytes: &[u8]) -> Result<Val, JsonError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|e| JsonError { at: e.valid_up_to(), message: "the message is not UTF-8".into() })?;
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.space();
    if reader.at < text.len() {
        return reader.fail("nothing may follow the value");
    }
    Ok(value)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn fail<T>(&self, message: impl Into<String>) -> Result<T, JsonError> {
        Err(JsonError { at: self.at, message: message.into() })
    }
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }
    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let taken = self.peek() == Some(byte);
        self.at += usize::from(taken);
        taken
    }
    fn value(&mut self, depth: usize) -> Result<Val, JsonError> {
        if depth > MAX_DEPTH {
            return self.fail(format!("the message nests deeper than {MAX_DEPTH}"));
        }
        self.space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Val::utf8_str(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }
    fn word(&mut self) -> Result<Val, JsonError> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        for (word, value) in [("null", Val::Null), ("true", Val::Bool(true)), ("false", Val::Bool(false))] {
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        self.fail("a JSON value is expected")
    }
    fn array(&mut self, depth: usize) -> Result<Val, JsonError> {
        self.at += 1;
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Val::Arr(Rc::new(items)));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.take(b']') {
                return Ok(Val::Arr(Rc::new(items)));
            }
            if !self.take(b',') {
                return self.fail("`,` or `]` is expected");
            }
        }
    }
    fn object(&mut self, depth: usize) -> Result<Val, JsonError> {
        self.at += 1;
        let mut members = Map::default();
        if self.take(b'}') {
            return Ok(Val::obj(members));
        }
        loop {
            self.space();
            let start = self.at;
            let name = self.string()?;
            if !self.take(b':') {
                return self.fail("`:` is expected");
            }
            let value = self.value(depth + 1)?;
            if members.insert(Val::utf8_str(name.clone()), value).is_some() {
                let name: String = name.chars().take(60).collect();
                return Err(JsonError { at: start, message: format!("the member \"{name}\" stands twice") });
            }
            if self.take(b'}') {
                return Ok(Val::obj(members));
            }
            if !self.take(b',') {
                return self.fail("`,` or `}` is expected");
            }
        }
    }
    /// A string; its escapes are read by serde_json.
    fn string(&mut self) -> Result<String, JsonError> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return self.fail("a string is expected");
        }
        let bytes = self.text.as_bytes();
        let mut end = start + 1;
        let mut plain = true;
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => {
                    plain = false;
                    end += 2;
                }
                Some(0..=0x1f) => {
                    self.at = end;
                    return self.fail("a control character in a string");
                }
                Some(_) => end += 1,
                None => return self.fail("the string does not end"),
            }
        }
        self.at = end + 1;
        let quoted = self.text.get(start..=end).unwrap_or_default();
        if plain {
            return Ok(quoted.trim_start_matches('"').trim_end_matches('"').to_owned());
        }
        serde_json::from_str(quoted)
            .map_err(|_| JsonError { at: start, message: "a string with a wrong escape".into() })
    }
    fn number(&mut self) -> Result<Val, JsonError> {
        let start = self.at;
        let digits = |reader: &mut Self| {
            let from = reader.at;
            while matches!(reader.peek(), Some(b'0'..=b'9')) {
                reader.at += 1;
            }
            reader.at - from
        };
        self.at += usize::from(self.peek() == Some(b'-'));
        let first = self.peek();
        let whole = digits(self);
        if whole == 0 || (first == Some(b'0') && whole > 1) {
            return self.fail("a number that JSON does not have");
        }
        let mut integer = true;
        if self.peek() == Some(b'.') {
            integer = false;
            self.at += 1;
            if digits(self) == 0 {
                return self.fail("digits are expected after the point");
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            integer = false;
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            if digits(self) == 0 {
                return self.fail("digits are expected in the exponent");
            }
        }
        let literal = self.text.get(start..self.at).unwrap_or_default();
        let calculable = integer && whole <= MAX_INTEGER_DIGITS && literal != "-0";
        let integer = calculable.then(|| Num::from_str_radix(literal, 10)).flatten();
        Ok(Val::Num(integer.unwrap_or_else(|| Num::Dec(Rc::new(literal.to_owned())))))
    }
}

/// Why a value cannot be written.
#[derive(Debug, PartialEq, Eq)]
pub enum WriteError {
    /// It is larger or deeper than it may be.
    TooLarge,
    /// It has something that JSON does not have.
    NotJson(&'static str),
}

/// Writes a value of at most `limit` bytes. Values may share their parts, so that a small one can be long to write.
pub fn write(value: &Val, limit: usize) -> Result<Vec<u8>, WriteError> {
    let mut out = Vec::new();
    put(value, limit, 0, &mut out)?;
    Ok(out)
}

fn put(value: &Val, limit: usize, depth: usize, out: &mut Vec<u8>) -> Result<(), WriteError> {
    if out.len() > limit || depth > MAX_DEPTH {
        return Err(WriteError::TooLarge);
    }
    match value {
        Val::Null => out.extend_from_slice(b"null"),
        Val::Bool(true) => out.extend_from_slice(b"true"),
        Val::Bool(false) => out.extend_from_slice(b"false"),
        Val::Num(number) => out.extend_from_slice(number_text(number)?.as_bytes()),
        Val::TStr(bytes) => put_string(bytes, out)?,
        Val::BStr(_) => return Err(WriteError::NotJson("a byte string; use @base64")),
        Val::Arr(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                put(item, limit, depth + 1, out)?;
            }
            out.push(b']');
        }
        Val::Obj(members) => {
            out.push(b'{');
            for (index, (name, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                let Val::TStr(name) = name else {
                    return Err(WriteError::NotJson("a member whose name is no string"));
                };
                put_string(name, out)?;
                out.push(b':');
                put(value, limit, depth + 1, out)?;
            }
            out.push(b'}');
        }
    }
    if out.len() > limit { Err(WriteError::TooLarge) } else { Ok(()) }
}

fn put_string(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), WriteError> {
    let text = std::str::from_utf8(bytes).map_err(|_| WriteError::NotJson("a string that is not UTF-8"))?;
    serde_json::to_writer(out, text).map_err(|_| WriteError::NotJson("a string"))
}

/// A number as JSON: what was not calculated with stands as it came; a whole result is written without a point.
fn number_text(number: &Num) -> Result<String, WriteError> {
    /// Whole numbers below it are exact in a double.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number {
        Num::Float(f) if !f.is_finite() => {
            Err(WriteError::NotJson("a number that is infinite or none (NaN)"))
        }
        Num::Float(f) if f.fract() == 0.0 && f.abs() < EXACT => Ok(format!("{f:.0}")),
        number => Ok(number.to_string()),
    }
}

/// A value in words for an error, of bounded length: a string as it stands, anything else as JSON.
pub fn excerpt(value: &Val, limit: usize) -> String {
    let text = match value {
        Val::TStr(bytes) => String::from_utf8_lossy(bytes.get(..limit * 4).unwrap_or(bytes)).into_owned(),
        value => match write(value, limit * 4) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(_) => "an error that is too long to show".to_owned(),
        },
    };
    let end = text
        .char_indices()
        .map(|(at, c)| at + c.len_utf8())
        .take_while(|end| *end <= limit)
        .last()
        .unwrap_or(0);
    if end < text.len() { format!("{}...", &text[..end]) } else { text }
}

/// Where two values differ, as JSON pointers (RFC 6901), at most `most`. Numbers differ when their digits do.
pub fn differences(expected: &Val, got: &Val, pointer: &mut String, found: &mut Vec<String>, most: usize) {
    if found.len() >= most {
        return;
    }
    let length = pointer.len();
    let name = |key: &Val| excerpt(key, 200).replace('~', "~0").replace('/', "~1");
    match (expected, got) {
        (Val::Obj(a), Val::Obj(b)) => {
            for (key, value) in a.iter() {
                pointer.push('/');
                pointer.push_str(&name(key));
                match b.get(key) {
                    Some(other) => differences(value, other, pointer, found, most),
                    None => found.push(format!("{pointer}: expected {}, got nothing", shown(value))),
                }
                pointer.truncate(length);
            }
            for (key, value) in b.iter().filter(|(key, _)| !a.contains_key(*key)) {
                found.push(format!("{pointer}/{}: expected nothing, got {}", name(key), shown(value)));
            }
        }
        (Val::Arr(a), Val::Arr(b)) => {
            for (index, (value, other)) in a.iter().zip(b.iter()).enumerate() {
                pointer.push_str(&format!("/{index}"));
                differences(value, other, pointer, found, most);
                pointer.truncate(length);
            }
            if a.len() != b.len() {
                found.push(format!("{pointer}: expected {} elements, got {}", a.len(), b.len()));
            }
        }
        _ => {
            if write(expected, usize::MAX) != write(got, usize::MAX) {
                found.push(format!("{pointer}: expected {}, got {}", shown(expected), shown(got)));
            }
        }
    }
}

/// A value as JSON, cut where it is long.
fn shown(value: &Val) -> String {
    const SHOWN: usize = 200;
    let bytes = write(value, usize::MAX).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let start: String = text.chars().take(SHOWN).collect();
    if start.len() < text.len() { format!("{start}...") } else { start }
}

/// Lays JSON out in lines, two spaces a level. The words themselves stay as they are, digit by digit; what is no JSON stays readable.
pub fn pretty(json: &[u8]) -> String {
    let text = String::from_utf8_lossy(json);
    let mut out = String::with_capacity(text.len() * 2);
    let (mut level, mut quoted, mut escaped) = (0_usize, false, false);
    let mut chars = text.chars().filter(|c| !matches!(c, '\n' | '\r' | '\t')).peekable();
    let line = |out: &mut String, level: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", level.min(MAX_DEPTH)));
    };
    while let Some(c) = chars.next() {
        if quoted {
            out.push(c);
            quoted = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            continue;
        }
        match c {
            ' ' => {}
            '{' | '[' => {
                out.push(c);
                while chars.next_if_eq(&' ').is_some() {}
                if let Some(close) = chars.next_if(|c| matches!(c, '}' | ']')) {
                    out.push(close);
                } else {
                    level += 1;
                    line(&mut out, level);
                }
            }
            '}' | ']' => {
                level = level.saturating_sub(1);
                line(&mut out, level);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, level);
            }
            ':' => out.push_str(": "),
            c => {
                quoted = c == '"';
                out.push(c);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{pretty, read};

    #[test]
    fn json_laid_out_in_lines_is_the_same_json() {
        let json = "{\"a\": [1.10,\n {}],\"b\":\"x, \\\"{\\\\\",\"c\":[ ]}";
        let wanted = "{\n  \"a\": [\n    1.10,\n    {}\n  ],\n  \"b\": \"x, \\\"{\\\\\",\n  \"c\": []\n}";
        assert_eq!(pretty(json.as_bytes()), wanted);
        assert_eq!(read(wanted.as_bytes()), read(json.as_bytes()));
    }
}
