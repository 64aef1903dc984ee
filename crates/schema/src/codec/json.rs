//! JSON read from the front, token by token (RFC 8259): numbers as written, strings borrowed where nothing is escaped.

use super::fault::{CodecFaultKind as Kind, Failed, fault};
use super::text::{json_special, plain_len};
use lgsp_kernel::bounds::JSON_DEPTH_MAX;
use std::borrow::Cow;

/// A text under way.
pub(crate) struct Json<'a> {
    text: &'a str,
    pub(crate) at: usize,
    depth: usize,
}

impl<'a> Json<'a> {
    /// Begins; a byte order mark is passed over.
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, Failed> {
        let text = std::str::from_utf8(bytes)
            .map_err(|e| fault(Kind::Syntax, e.valid_up_to(), "these bytes are not UTF-8"))?;
        let mut json = Self { text, at: if text.starts_with('\u{feff}') { 3 } else { 0 }, depth: 0 };
        json.space();
        Ok(json)
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// The next byte; white space before it is passed over already.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(crate) fn expected(&self, what: &str) -> Failed {
        let kind =
            if matches!(self.peek(), Some(b'"' | b'{' | b'[' | b't' | b'f' | b'n' | b'-' | b'0'..=b'9')) {
                Kind::Value
            } else {
                Kind::Syntax
            };
        fault(kind, self.at, format!("{what} was expected"))
    }

    fn syntax(&self, what: &str) -> Failed {
        fault(Kind::Syntax, self.at, format!("{what} was expected"))
    }

    /// Nothing may follow.
    pub(crate) fn end(&self) -> Result<(), Failed> {
        if self.at == self.text.len() { Ok(()) } else { Err(self.syntax("the end")) }
    }

    /// Takes `{` or `[`; whether anything is inside before its `close`.
    pub(crate) fn open(&mut self, close: u8) -> Result<bool, Failed> {
        if self.depth == JSON_DEPTH_MAX {
            return Err(fault(
                Kind::Limit,
                self.at,
                format!("nested deeper than {JSON_DEPTH_MAX} arrays and objects"),
            ));
        }
        self.at += 1;
        self.space();
        if self.peek() == Some(close) {
            self.at += 1;
            self.space();
            return Ok(false);
        }
        self.depth += 1;
        Ok(true)
    }

    /// After a value: takes the comma, or the end of what is open; whether another value follows.
    pub(crate) fn more(&mut self, close: u8) -> Result<bool, Failed> {
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                self.space();
                Ok(true)
            }
            Some(b) if b == close => {
                self.at += 1;
                self.depth -= 1;
                self.space();
                Ok(false)
            }
            _ => Err(self.syntax(if close == b'}' { "',' or '}'" } else { "',' or ']'" })),
        }
    }

    /// A member's name and its colon.
    pub(crate) fn key(&mut self) -> Result<Cow<'a, str>, Failed> {
        if self.peek() != Some(b'"') {
            return Err(self.syntax("a name in quotes"));
        }
        let key = self.string()?;
        if self.peek() != Some(b':') {
            return Err(self.syntax("':'"));
        }
        self.at += 1;
        self.space();
        Ok(key)
    }

    /// A string; the next byte is its quote.
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, Failed> {
        let start = self.at + 1;
        let bytes = self.text.as_bytes();
        let i = start + plain_len(&bytes[start..], json_special);
        match bytes.get(i) {
            None => return Err(fault(Kind::Syntax, bytes.len(), "the text ends inside a string")),
            Some(b'"') => {}
            Some(b'\\') => return self.escaped(start, i),
            Some(_) => return Err(fault(Kind::Syntax, i, "a control character stands in a string")),
        }
        self.at = i + 1;
        self.space();
        Ok(Cow::Borrowed(&self.text[start..i]))
    }

    /// The rest of a string from its first escape on.
    fn escaped(&mut self, start: usize, first: usize) -> Result<Cow<'a, str>, Failed> {
        let bytes = self.text.as_bytes();
        let mut out = String::from(&self.text[start..first]);
        let mut i = first;
        loop {
            let plain = plain_len(&bytes[i..], json_special);
            out.push_str(&self.text[i..i + plain]);
            i += plain;
            match bytes.get(i) {
                None => return Err(fault(Kind::Syntax, bytes.len(), "the text ends inside a string")),
                Some(b'"') => break,
                Some(b'\\') => {
                    let (c, len) = escape(&bytes[i..]).ok_or_else(|| {
                        fault(
                            Kind::Syntax,
                            i,
                            "a malformed escape or half a surrogate pair stands in a string",
                        )
                    })?;
                    out.push(c);
                    i += len;
                }
                Some(_) => return Err(fault(Kind::Syntax, i, "a control character stands in a string")),
            }
        }
        self.at = i + 1;
        self.space();
        Ok(Cow::Owned(out))
    }

    /// A number as written.
    pub(crate) fn number(&mut self) -> Result<&'a str, Failed> {
        let (start, bytes) = (self.at, self.text.as_bytes());
        let mut i = start;
        let digits = |from: usize| from + bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let bad = |at: usize| fault(Kind::Syntax, at, "a digit was expected");
        i += usize::from(bytes.get(i) == Some(&b'-'));
        let whole = digits(i);
        if whole == i {
            return Err(bad(i));
        }
        i = if bytes[i] == b'0' { i + 1 } else { whole };
        if bytes.get(i) == Some(&b'.') {
            let end = digits(i + 1);
            if end == i + 1 {
                return Err(bad(end));
            }
            i = end;
        }
        if matches!(bytes.get(i), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(i + 1), Some(b'+' | b'-')));
            let end = digits((i + 1 + sign).min(bytes.len()));
            if end == i + 1 + sign {
                return Err(bad(end));
            }
            i = end;
        }
        self.at = i;
        self.space();
        Ok(&self.text[start..i])
    }

    /// Takes this word if it stands here.
    pub(crate) fn word(&mut self, word: &str) -> bool {
        let here = self.text.as_bytes()[self.at..].starts_with(word.as_bytes());
        if here {
            self.at += word.len();
            self.space();
        }
        here
    }

    /// Where the reader stands.
    pub(crate) fn position(&self) -> usize {
        self.at
    }
}

/// The character of an escape and the length of its writing.
fn escape(bytes: &[u8]) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0u32, |unit, d| Some(unit << 4 | char::from(*d).to_digit(16)?))
    };
    Some((
        match bytes.get(1)? {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = unit(0)?;
                if !(0xD800..0xDC00).contains(&first) {
                    return Some((char::from_u32(first)?, 6));
                }
                let second = unit(6).filter(|u| (0xDC00..0xE000).contains(u))?;
                return Some((char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00))?, 12));
            }
            _ => return None,
        },
        2,
    ))
}
