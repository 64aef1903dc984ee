//! Whether bytes are JSON the platform accepts (RFC 8259, UTF-8, bounded nesting). Checks syntax only: no values are built, nothing recurses.

use lgsp_kernel::bounds::JSON_DEPTH_MAX;
use lgsp_kernel::{Refusal, fault};

/// What is wrong, and at which byte.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} (byte {at})")]
pub struct JsonFault {
    /// What is wrong.
    pub what: JsonError,
    /// Offset in bytes from the start of the body.
    pub at: usize,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Bytes that are not UTF-8.
    #[error("these bytes are not UTF-8")]
    NotUtf8,
    /// Nested too deeply.
    #[error("nested deeper than {JSON_DEPTH_MAX} arrays and objects")]
    Depth,
    /// A character that the grammar does not have here.
    #[error("{0} was expected here")]
    Expected(&'static str),
    /// A control character, a bad escape or half a surrogate pair in a string.
    #[error("a control character, a malformed escape or half a surrogate pair in a string")]
    String,
    /// The text ends inside a value.
    #[error("the text ends before the value does")]
    Truncated,
    /// More than one value.
    #[error("something follows the value")]
    Trailing,
}

impl JsonFault {
    /// The refusal of the step `validate` that tells the caller.
    pub fn refusal(&self) -> Refusal {
        Refusal::new(&fault::BAD_JSON, self.to_string())
    }
}

/// Accepts one JSON value in UTF-8, nested at most [`JSON_DEPTH_MAX`] deep. A byte order mark is passed over (RFC 8259, 8.1 allows it).
pub fn guard(bytes: &[u8]) -> Result<(), JsonFault> {
    if let Err(e) = std::str::from_utf8(bytes) {
        return Err(JsonFault { what: JsonError::NotUtf8, at: e.valid_up_to() });
    }
    let mut scan =
        Scan { bytes, at: if bytes.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 }, open: Open::default() };
    scan.document()
}

/// What is open, outermost first: a bit each, set for an object.
#[derive(Default)]
struct Open {
    objects: u128,
    depth: usize,
}

impl Open {
    fn push(&mut self, object: bool) -> bool {
        if self.depth == JSON_DEPTH_MAX {
            return false;
        }
        self.objects = (self.objects << 1) | u128::from(object);
        self.depth += 1;
        true
    }
    fn pop(&mut self) {
        self.objects >>= 1;
        self.depth -= 1;
    }
    fn in_object(&self) -> bool {
        self.depth > 0 && self.objects & 1 == 1
    }
}

const _: () = assert!(JSON_DEPTH_MAX <= 128, "one bit of a u128 for each level");

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    open: Open,
}

impl Scan<'_> {
    fn document(&mut self) -> Result<(), JsonFault> {
        loop {
            self.space();
            // A container that was just opened and is not empty leads to its first value; so does every comma.
            if self.opened()? {
                continue;
            }
            if self.value_ended()? {
                return Ok(());
            }
        }
    }

    /// Takes one value, or the opening of a container that is not empty; tells whether it was the latter.
    fn opened(&mut self) -> Result<bool, JsonFault> {
        match self.peek() {
            Some(b'{') => {
                self.enter(true)?;
                if self.peek() == Some(b'}') {
                    self.leave();
                    return Ok(false);
                }
                self.key().map(|()| true)
            }
            Some(b'[') => {
                self.enter(false)?;
                if self.peek() == Some(b']') {
                    self.leave();
                    return Ok(false);
                }
                Ok(true)
            }
            Some(b'"') => self.string().map(|()| false),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| false),
            Some(b't') => self.word(b"true").map(|()| false),
            Some(b'f') => self.word(b"false").map(|()| false),
            Some(b'n') => self.word(b"null").map(|()| false),
            _ => Err(self.expected("a value")),
        }
    }

    /// After a value: closes what ends here and takes the comma. True where the document is complete.
    fn value_ended(&mut self) -> Result<bool, JsonFault> {
        loop {
            self.space();
            if self.open.depth == 0 {
                return if self.at == self.bytes.len() {
                    Ok(true)
                } else {
                    Err(self.fault(JsonError::Trailing))
                };
            }
            match (self.peek(), self.open.in_object()) {
                (Some(b'}'), true) | (Some(b']'), false) => self.leave(),
                (Some(b','), object) => {
                    self.at += 1;
                    self.space();
                    if object {
                        self.key()?;
                    }
                    return Ok(false);
                }
                (_, true) => return Err(self.expected("',' or '}'")),
                (_, false) => return Err(self.expected("',' or ']'")),
            }
        }
    }

    fn enter(&mut self, object: bool) -> Result<(), JsonFault> {
        if !self.open.push(object) {
            return Err(self.fault(JsonError::Depth));
        }
        self.at += 1;
        self.space();
        Ok(())
    }

    fn leave(&mut self) {
        self.at += 1;
        self.open.pop();
    }

    fn key(&mut self) -> Result<(), JsonFault> {
        if self.peek() != Some(b'"') {
            return Err(self.expected("a name in quotes"));
        }
        self.string()?;
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.expected("':'"));
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<(), JsonFault> {
        self.at += 1;
        loop {
            let rest = &self.bytes[self.at..];
            let Some(plain) = rest.iter().position(|b| *b < 0x20 || *b == b'"' || *b == b'\\') else {
                self.at = self.bytes.len();
                return Err(self.fault(JsonError::Truncated));
            };
            self.at += plain;
            match rest[plain] {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => self.escape()?,
                _ => return Err(self.fault(JsonError::String)),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonFault> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => match self.unit(self.at) {
                // A high surrogate needs its low one right after; a lone half is no character, and readers disagree about it.
                Some(0xD800..=0xDBFF) => match self.unit(self.at + 6) {
                    Some(0xDC00..=0xDFFF) => self.at += 12,
                    _ => return Err(self.fault(JsonError::String)),
                },
                Some(0xDC00..=0xDFFF) | None => return Err(self.fault(JsonError::String)),
                Some(_) => self.at += 6,
            },
            _ => return Err(self.fault(JsonError::String)),
        }
        Ok(())
    }

    /// The code unit of the escape (`\u1ea3`) at this place.
    fn unit(&self, at: usize) -> Option<u32> {
        let digits = self.bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0, |unit, d| Some(unit << 4 | char::from(*d).to_digit(16)?))
    }

    fn number(&mut self) -> Result<(), JsonFault> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonFault> {
        let n = self.bytes[self.at..].iter().take_while(|b| b.is_ascii_digit()).count();
        if n == 0 {
            return Err(self.expected("a digit"));
        }
        self.at += n;
        Ok(())
    }

    fn word(&mut self, word: &'static [u8]) -> Result<(), JsonFault> {
        if !self.bytes[self.at..].starts_with(word) {
            return Err(self.expected("a value"));
        }
        self.at += word.len();
        Ok(())
    }

    fn space(&mut self) {
        let rest = &self.bytes[self.at..];
        self.at += rest.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')).count();
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn fault(&self, what: JsonError) -> JsonFault {
        JsonFault { what, at: self.at }
    }

    fn expected(&self, what: &'static str) -> JsonFault {
        self.fault(if self.at == self.bytes.len() { JsonError::Truncated } else { JsonError::Expected(what) })
    }
}
