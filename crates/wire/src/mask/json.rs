//! Hidden values in JSON. The guard has accepted the text before it is walked, so that the walk only has to find where values begin and
//! end; every occurrence of a repeated name is hidden, however it is escaped.

use super::rule::{Pointer, Token};
use super::{MaskError, Masked, NOT_PERMITTED_JSON, Rewrite};
use bytes::Bytes;

pub(super) fn apply(pointers: &[Pointer], body: &Bytes) -> Result<Masked, MaskError> {
    crate::json::guard(body)?;
    let rules = pointers.iter().map(|p| p.rule + 1).max().unwrap_or(0);
    let start = if body.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let mut walk = Walk {
        bytes: body,
        at: start,
        pointers,
        levels: vec![],
        live: (0..pointers.len()).collect(),
        rewrite: Rewrite::new(body, rules),
    };
    walk.document();
    Ok(walk.rewrite.finish())
}

/// An array or object that is open.
struct Level {
    /// The index of the next element; none in an object.
    index: Option<usize>,
    /// Where in [`Walk::live`] the pointers begin that lead into it.
    live: usize,
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    pointers: &'a [Pointer],
    levels: Vec<Level>,
    /// The pointers that lead to the value at hand, behind those that led to what it is in.
    live: Vec<usize>,
    rewrite: Rewrite<'a>,
}

impl Walk<'_> {
    fn document(&mut self) {
        self.value(0);
        while let Some(live) = self.levels.last().map(|level| level.live) {
            self.space();
            match self.peek() {
                Some(b'}' | b']') => {
                    self.at += 1;
                    self.live.truncate(live);
                    self.levels.pop();
                }
                Some(b',') => self.at += 1,
                Some(_) => self.child(),
                // Not reached: the guard has seen the end.
                None => return,
            }
        }
    }

    /// A member or an element: which pointers lead on to it, then its value.
    fn child(&mut self) {
        let depth = self.levels.len();
        let first = self.live.len();
        let Some(level) = self.levels.last_mut() else { return };
        let from = level.live;
        let index = level.index;
        if let Some(i) = &mut level.index {
            *i += 1;
        }
        let name = self.at..if index.is_none() { end_of_string(self.bytes, self.at) } else { self.at };
        for i in from..first {
            let pointer = self.live[i];
            let fits = match &self.pointers[pointer].tokens[depth - 1] {
                Token::Any => true,
                Token::Name(wanted, n) => match index {
                    Some(index) => *n == Some(index),
                    None => is_name(&self.bytes[name.clone()], wanted),
                },
            };
            if fits {
                self.live.push(pointer);
            }
        }
        if index.is_none() {
            self.at = name.end;
            self.space();
            self.at += 1;
        }
        self.value(first);
    }

    /// A value whose pointers are `live[first..]`: hidden, passed, or entered.
    fn value(&mut self, first: usize) {
        self.space();
        let depth = self.levels.len();
        let hidden = self.live[first..].iter().filter(|p| self.pointers[**p].tokens.len() == depth).count();
        let container = matches!(self.peek(), Some(b'{' | b'['));
        if hidden > 0 {
            for p in &self.live[first..] {
                if self.pointers[*p].tokens.len() == depth {
                    self.rewrite.met[self.pointers[*p].rule] = true;
                }
            }
            let start = self.at;
            self.at = end_of_value(self.bytes, start);
            self.rewrite.replace(start, self.at, NOT_PERMITTED_JSON);
            self.rewrite.values += 1;
        } else if container && self.live.len() > first {
            let index = (self.peek() == Some(b'[')).then_some(0);
            self.levels.push(Level { index, live: first });
            self.at += 1;
            return;
        } else {
            self.at = end_of_value(self.bytes, self.at);
        }
        self.live.truncate(first);
    }

    fn space(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')).count();
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }
}

/// Behind the string whose quote is at `at`.
fn end_of_string(bytes: &[u8], at: usize) -> usize {
    let mut i = at + 1;
    while let Some(found) = bytes.get(i..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        i += found;
        if bytes[i] == b'"' {
            return i + 1;
        }
        i += 2;
    }
    bytes.len()
}

/// Behind the value that begins at `at`.
fn end_of_value(bytes: &[u8], at: usize) -> usize {
    let (mut i, mut depth) = (at, 0usize);
    while let Some(b) = bytes.get(i) {
        match b {
            b'"' => i = end_of_string(bytes, i),
            b'{' | b'[' => {
                depth += 1;
                i += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                i += 1;
            }
            b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'E' => {
                let word = bytes[i..].iter().take_while(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b));
                i += word.count();
            }
            _ => i += 1,
        }
        if depth == 0 {
            return i;
        }
    }
    bytes.len()
}

/// Whether a string as written (its quotes included) means this name.
fn is_name(written: &[u8], wanted: &str) -> bool {
    let inner = written.get(1..written.len().saturating_sub(1)).unwrap_or_default();
    if memchr::memchr(b'\\', inner).is_none() {
        return inner == wanted.as_bytes();
    }
    // Rare: the parser decides what the escapes mean.
    serde_json::from_slice::<String>(written).is_ok_and(|name| name == wanted)
}
