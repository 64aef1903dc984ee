//! Finds attachments in JSON as its bytes come: strings at declared pointers. Checks only nesting; the rest of the syntax is the guard's.

use super::xml::{Frame, REFERENCE_MAX, Token, reference};
use super::{AttachFault, Base64Decoder, Form, TAG_MAX};
use lgsp_kernel::bounds::JSON_DEPTH_MAX;
use memchr::memchr2;

#[derive(Debug)]
enum Level {
    Object(String),
    Array(usize),
}

#[derive(Debug)]
enum State {
    /// Between strings.
    Plain,
    /// The name of a member.
    Name,
    /// A string that is no attachment.
    Text,
    /// base64 of a declared one.
    Inline(Base64Decoder),
    /// A declared string that may be a reference: its characters, and how it is written.
    May(usize, Vec<u8>, Vec<u8>),
}

/// A scan under way.
#[derive(Debug)]
pub(super) struct JsonScanner {
    source: Form,
    paths: Vec<Vec<String>>,
    levels: Vec<Level>,
    state: State,
    /// A name is next, not a value.
    names: bool,
    /// An escape that is not complete, backslash included.
    escape: Vec<u8>,
    name: Vec<u8>,
    seen: bool,
    out: Vec<Token>,
}

impl JsonScanner {
    pub(super) fn new(source: Form, paths: impl Iterator<Item = String>) -> Self {
        let read =
            |p: String| p.split('/').skip(1).map(|t| t.replace("~1", "/").replace("~0", "~")).collect();
        Self {
            source,
            paths: paths.map(read).collect(),
            levels: Vec::new(),
            state: State::Plain,
            names: false,
            escape: Vec::new(),
            name: Vec::new(),
            seen: false,
            out: Vec::new(),
        }
    }

    pub(super) fn held(&self) -> usize {
        let may = if let State::May(_, text, raw) = &self.state { text.len() + raw.len() } else { 0 };
        self.name.len() + self.escape.len() + may
    }

    pub(super) fn push(&mut self, input: &[u8]) -> Result<Vec<Token>, AttachFault> {
        let mut input = input;
        while !input.is_empty() {
            let used =
                if matches!(self.state, State::Plain) { self.plain(input)? } else { self.string(input)? };
            input = &input[used..];
        }
        Ok(std::mem::take(&mut self.out))
    }

    pub(super) fn finish(&self) -> Result<(), AttachFault> {
        let ended = matches!(self.state, State::Plain) && self.levels.is_empty() && self.seen;
        if ended { Ok(()) } else { Err(AttachFault::Truncated("the end of the document")) }
    }

    fn doc(&mut self, bytes: &[u8]) {
        match self.out.last_mut() {
            Some(Token::Doc(doc)) => doc.extend_from_slice(bytes),
            _ if bytes.is_empty() => {}
            _ => self.out.push(Token::Doc(bytes.to_vec())),
        }
    }

    fn plain(&mut self, input: &[u8]) -> Result<usize, AttachFault> {
        let n = input.iter().position(|b| b"{}[],:\"".contains(b)).unwrap_or(input.len());
        self.seen |= !input[..n].trim_ascii().is_empty();
        let Some(b) = input.get(n) else {
            self.doc(input);
            return Ok(n);
        };
        if *b == b'"' {
            self.doc(&input[..n]);
            self.begin();
            return Ok(n + 1);
        }
        self.doc(&input[..=n]);
        self.seen = true;
        match b {
            b'{' | b'[' => {
                if self.levels.len() == JSON_DEPTH_MAX {
                    return Err(AttachFault::Bound("nesting"));
                }
                let object = *b == b'{';
                self.levels.push(if object { Level::Object(String::new()) } else { Level::Array(0) });
                self.names = object;
            }
            b'}' | b']' => match (self.levels.pop(), b) {
                (Some(Level::Object(_)), b'}') | (Some(Level::Array(_)), b']') => self.names = false,
                _ => return Err(AttachFault::Syntax("a bracket that does not match")),
            },
            b',' => match self.levels.last_mut() {
                Some(Level::Array(i)) => *i += 1,
                Some(Level::Object(_)) => self.names = true,
                None => return Err(AttachFault::Syntax("a second value")),
            },
            _ => self.names = false,
        }
        Ok(n + 1)
    }

    /// A string begins.
    fn begin(&mut self) {
        self.seen = true;
        let binary = if self.names { None } else { self.paths.iter().position(|p| self.at(p)) };
        self.state = match binary {
            Some(binary) if self.source == Form::Inline => {
                self.out.push(Token::Slot(binary, Frame::default()));
                State::Inline(Base64Decoder::default())
            }
            Some(binary) => State::May(binary, Vec::new(), b"\"".to_vec()),
            None => {
                self.doc(b"\"");
                if self.names { State::Name } else { State::Text }
            }
        };
    }

    fn at(&self, path: &[String]) -> bool {
        path.len() == self.levels.len()
            && path.iter().zip(&self.levels).all(|(token, level)| match level {
                _ if token == "*" => true,
                Level::Object(name) => token == name,
                Level::Array(i) => token.parse() == Ok(*i),
            })
    }

    /// Some of a string.
    fn string(&mut self, input: &[u8]) -> Result<usize, AttachFault> {
        if !self.escape.is_empty() {
            self.escape.push(input[0]);
            let whole = if self.escape[1] == b'u' { self.escape.len() == 6 } else { true };
            if whole {
                let escape = std::mem::take(&mut self.escape);
                let c = unescape(&escape);
                self.characters(&escape, c)?;
            }
            return Ok(1);
        }
        let n = memchr2(b'"', b'\\', input).unwrap_or(input.len());
        if n > 0 {
            self.characters(&input[..n], Some(&input[..n]))?;
            return Ok(n);
        }
        if input[0] == b'\\' {
            self.escape.push(b'\\');
        } else {
            self.end()?;
        }
        Ok(1)
    }

    /// Characters of a string as they are written, and what they are; none where they are beyond ASCII.
    fn characters(&mut self, raw: &[u8], text: Option<&[u8]>) -> Result<(), AttachFault> {
        match &mut self.state {
            State::Inline(decoder) => {
                let mut data = Vec::new();
                decoder.push(text.ok_or(AttachFault::Markup("an escape"))?, &mut data)?;
                if !data.is_empty() {
                    self.out.push(Token::Data(data));
                }
            }
            State::May(_, collected, written) => {
                written.extend_from_slice(raw);
                collected.extend_from_slice(text.unwrap_or(b"?"));
                if collected.len() > REFERENCE_MAX {
                    let written = std::mem::take(written);
                    self.state = State::Text;
                    self.doc(&written);
                }
            }
            State::Name => {
                self.name.extend_from_slice(raw);
                if self.name.len() > TAG_MAX {
                    return Err(AttachFault::Bound("a name"));
                }
                self.doc(raw);
            }
            State::Text | State::Plain => self.doc(raw),
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), AttachFault> {
        match std::mem::replace(&mut self.state, State::Plain) {
            State::Inline(decoder) => {
                decoder.finish()?;
                self.out.push(Token::SlotEnd);
            }
            State::May(binary, text, written) => {
                if text.get(..4).is_some_and(|s| s.eq_ignore_ascii_case(b"cid:")) {
                    let name = reference(std::str::from_utf8(&text).unwrap_or_default())?;
                    self.out.push(Token::Ref(Some(binary), Frame::default(), name));
                } else {
                    self.doc(&written);
                    self.doc(b"\"");
                }
            }
            State::Name => {
                let quoted = [b"\"", std::mem::take(&mut self.name).as_slice(), b"\""].concat();
                let name = serde_json::from_slice(&quoted).map_err(|_| AttachFault::Syntax("a name"))?;
                if let Some(Level::Object(last)) = self.levels.last_mut() {
                    *last = name;
                }
                self.doc(b"\"");
            }
            State::Text | State::Plain => self.doc(b"\""),
        }
        Ok(())
    }
}

/// The ASCII character of a complete escape.
fn unescape(escape: &[u8]) -> Option<&'static [u8]> {
    const ASCII: [u8; 128] = {
        let mut all = [0; 128];
        let mut i = 0;
        while i < 128 {
            all[i as usize] = i;
            i += 1;
        }
        all
    };
    let one = |b: u8| ASCII.get(usize::from(b)..=usize::from(b));
    match escape {
        [_, b'n'] => one(b'\n'),
        [_, b'r'] => one(b'\r'),
        [_, b't'] => one(b'\t'),
        [_, b @ (b'/' | b'"' | b'\\')] => one(*b),
        [_, b'u', hex @ ..] => {
            let code = std::str::from_utf8(hex).ok().and_then(|h| u8::from_str_radix(h, 16).ok())?;
            one(code)
        }
        _ => None,
    }
}
