//! Finds attachments in XML as its bytes come: declared elements, `xop:Include`, references. Checks only what it needs for that (nesting,
//! tags, no DOCTYPE); whether the document is well formed is the guard's to say.

use super::head::cid_of;
use super::{AttachFault, Base64Decoder, Form};
use lgsp_kernel::bounds::XML_DEPTH_MAX;
use memchr::{memchr, memchr3};

/// One tag with its attributes, bytes; so much is held.
pub const TAG_MAX: usize = 64 << 10;
/// The text of a reference, bytes, white space included.
pub(super) const REFERENCE_MAX: usize = 2 << 10;
/// Namespace of `xop:Include` (XOP 1.0, 2.1).
pub(super) const XOP: &str = "http://www.w3.org/2004/08/xop/include";
/// Namespace declarations in scope.
const NAMESPACES_MAX: usize = crate::xml::NAMESPACES_MAX;

/// What stands around an attachment's content.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Frame {
    /// XML: the start tag without its end, `<photo id="1"`. JSON: nothing.
    pub(super) open: Vec<u8>,
    /// XML: the end tag. JSON: nothing.
    pub(super) close: Vec<u8>,
    /// The start tag has an attribute `href` of its own.
    pub(super) href: bool,
}

/// What a document is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// Bytes as they are.
    Doc(Vec<u8>),
    /// The content of a declared attachment begins.
    Slot(usize, Frame),
    /// Some of it, decoded.
    Data(Vec<u8>),
    /// It ends.
    SlotEnd,
    /// A reference to a part: which attachment of the plan, where it is declared, and the part's name.
    Ref(Option<usize>, Frame, String),
}

/// A path of the plan: names from the last step backwards, and whether the first is the root's.
#[derive(Debug)]
struct Path {
    steps: Vec<(Option<String>, String)>,
    rooted: bool,
}

impl Path {
    fn parse(path: &str) -> Self {
        let rooted = !path.starts_with("//");
        // A namespace may hold slashes.
        let (mut steps, mut rest) = (Vec::new(), path.trim_start_matches('/'));
        while !rest.is_empty() {
            let (namespace, name) = match rest.strip_prefix('{').and_then(|r| r.split_once('}')) {
                Some((namespace, name)) => (Some(namespace.to_owned()), name),
                None => (None, rest),
            };
            let (local, after) = name.split_once('/').unwrap_or((name, ""));
            steps.push((namespace, local.to_owned()));
            rest = after;
        }
        steps.reverse();
        Self { steps, rooted }
    }

    fn matches(&self, stack: &[Open]) -> bool {
        let deep =
            if self.rooted { stack.len() == self.steps.len() } else { stack.len() >= self.steps.len() };
        deep && self.steps.iter().zip(stack.iter().rev()).all(|((namespace, local), open)| {
            *local == open.local && namespace.as_ref().is_none_or(|n| *n == open.namespace)
        })
    }
}

#[derive(Debug)]
struct Open {
    name: String,
    local: String,
    namespace: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Text,
    /// A tag, or what begins like one.
    Tag,
    /// Up to this end: comment, CDATA, instruction.
    Until(&'static [u8; 3]),
}

/// Where in an attachment the scan is.
#[derive(Debug)]
enum Slot {
    None,
    /// base64 of a declared element, and a reference in it that may be split.
    Inline(Base64Decoder, Vec<u8>),
    /// A start tag with the white space after it: an Include may follow, or a reference in text.
    May {
        binary: Option<usize>,
        open: Vec<u8>,
        raw: Vec<u8>,
        text: Vec<u8>,
        href: bool,
    },
    /// A reference was found; the end tags must follow, so many.
    Found {
        binary: Option<usize>,
        frame: Frame,
        name: String,
        ends: usize,
    },
}

/// A scan under way.
#[derive(Debug)]
pub(super) struct XmlScanner {
    source: Form,
    paths: Vec<Path>,
    state: State,
    token: Vec<u8>,
    quote: Option<u8>,
    tail: [u8; 2],
    stack: Vec<Open>,
    bindings: Vec<(String, String, usize)>,
    slot: Slot,
    seen_root: bool,
    out: Vec<Token>,
}

/// A start tag, read.
struct Tag {
    name: String,
    attributes: Vec<(String, String, std::ops::Range<usize>)>,
    empty: bool,
    /// Without `>` or `/>`.
    len: usize,
}

impl XmlScanner {
    pub(super) fn new(source: Form, paths: impl Iterator<Item = String>) -> Self {
        Self {
            source,
            paths: paths.map(|p| Path::parse(&p)).collect(),
            state: State::Text,
            token: Vec::new(),
            quote: None,
            tail: [0; 2],
            stack: Vec::new(),
            bindings: Vec::new(),
            slot: Slot::None,
            seen_root: false,
            out: Vec::new(),
        }
    }

    pub(super) fn held(&self) -> usize {
        let slot = match &self.slot {
            Slot::May { raw, text, open, .. } => raw.len() + text.len() + open.len(),
            Slot::Found { frame, .. } => frame.open.len(),
            _ => 0,
        };
        self.token.len() + slot
    }

    /// Takes the next bytes; hands over what they made.
    pub(super) fn push(&mut self, input: &[u8]) -> Result<Vec<Token>, AttachFault> {
        let mut input = input;
        while !input.is_empty() {
            let used = match self.state {
                State::Text => {
                    let n = memchr(b'<', input).unwrap_or(input.len());
                    self.text(&input[..n])?;
                    if n < input.len() {
                        self.state = State::Tag;
                        self.quote = None;
                    }
                    n
                }
                State::Tag => self.tag_bytes(input)?,
                State::Until(end) => self.until(end, input)?,
            };
            input = &input[used..];
        }
        Ok(std::mem::take(&mut self.out))
    }

    pub(super) fn finish(&self) -> Result<(), AttachFault> {
        let ended = self.state == State::Text && self.stack.is_empty() && self.seen_root;
        if ended { Ok(()) } else { Err(AttachFault::Truncated("the end of the document")) }
    }

    fn doc(&mut self, bytes: &[u8]) {
        match self.out.last_mut() {
            Some(Token::Doc(doc)) => doc.extend_from_slice(bytes),
            _ if bytes.is_empty() => {}
            _ => self.out.push(Token::Doc(bytes.to_vec())),
        }
    }

    /// Collects a tag up to its end, or until it is clear that it is none.
    fn tag_bytes(&mut self, input: &[u8]) -> Result<usize, AttachFault> {
        let mut used = 0;
        while used < input.len() {
            let (n, ended) = match self.quote {
                Some(quote) => match memchr(quote, &input[used..]) {
                    Some(n) => {
                        self.quote = None;
                        (n + 1, false)
                    }
                    None => (input.len() - used, false),
                },
                // The first bytes one by one: they decide what this is.
                None if self.token.len() < 9 => {
                    let b = input[used];
                    self.quote = matches!(b, b'"' | b'\'').then_some(b);
                    (1, b == b'>')
                }
                None => match memchr3(b'>', b'"', b'\'', &input[used..]) {
                    Some(n) if input[used + n] == b'>' => (n + 1, true),
                    Some(n) => {
                        self.quote = Some(input[used + n]);
                        (n + 1, false)
                    }
                    None => (input.len() - used, false),
                },
            };
            self.token.extend_from_slice(&input[used..used + n]);
            used += n;
            if self.token.len() > TAG_MAX {
                return Err(AttachFault::Bound("a tag"));
            }
            if self.other_markup()? {
                return Ok(used);
            }
            let undecided = self.token.starts_with(b"<!");
            if ended && !undecided {
                let token = std::mem::take(&mut self.token);
                self.state = State::Text;
                self.tag(&token)?;
                return Ok(used);
            }
        }
        Ok(used)
    }

    /// Whether the token is a comment, CDATA or an instruction; then it goes on as such.
    fn other_markup(&mut self) -> Result<bool, AttachFault> {
        let end = match self.token.as_slice() {
            b"<!--" => b"-->",
            b"<![CDATA[" => b"]]>",
            b"<?" => b"\0?>",
            [b'<', b'!', rest @ ..] => {
                let fine = b"--".starts_with(rest) || b"[CDATA[".starts_with(rest);
                return if fine {
                    Ok(false)
                } else {
                    Err(AttachFault::Syntax("a DOCTYPE or unknown markup"))
                };
            }
            _ => return Ok(false),
        };
        match &self.slot {
            Slot::Inline(..) | Slot::Found { .. } => {
                return Err(AttachFault::Markup("a comment, CDATA or an instruction"));
            }
            Slot::May { .. } => self.flush(),
            Slot::None => {}
        }
        let token = std::mem::take(&mut self.token);
        self.doc(&token);
        (self.state, self.tail, self.quote) = (State::Until(end), [0; 2], None);
        Ok(true)
    }

    fn until(&mut self, end: &'static [u8; 3], input: &[u8]) -> Result<usize, AttachFault> {
        let mut from = 0;
        while let Some(i) = memchr(b'>', &input[from..]).map(|i| from + i) {
            let before = |back: usize| if i >= back { input[i - back] } else { self.tail[2 + i - back] };
            if before(1) == end[1] && (end[0] == 0 || before(2) == end[0]) {
                self.doc(&input[..=i]);
                self.state = State::Text;
                return Ok(i + 1);
            }
            from = i + 1;
        }
        self.doc(input);
        for b in &input[input.len().saturating_sub(2)..] {
            self.tail = [self.tail[1], *b];
        }
        Ok(input.len())
    }

    /// What was held because an attachment might begin is part of the document after all.
    fn flush(&mut self) {
        if let Slot::May { raw, .. } = std::mem::replace(&mut self.slot, Slot::None) {
            self.doc(&raw);
        }
    }

    fn text(&mut self, text: &[u8]) -> Result<(), AttachFault> {
        let blank = text.trim_ascii().is_empty();
        match &mut self.slot {
            Slot::None => self.doc(text),
            Slot::Inline(decoder, reference) => {
                let mut data = Vec::new();
                inline_text(decoder, reference, text, &mut data)?;
                if !data.is_empty() {
                    self.out.push(Token::Data(data));
                }
            }
            Slot::Found { .. } if blank => {}
            Slot::Found { .. } => return Err(AttachFault::Markup("text beside a reference")),
            Slot::May { raw, text: collected, .. } => {
                raw.extend_from_slice(text);
                collected.extend_from_slice(text);
                let include = self.source == Form::Xop;
                if collected.len() > REFERENCE_MAX || (include && !blank) {
                    self.flush();
                }
            }
        }
        Ok(())
    }

    fn tag(&mut self, raw: &[u8]) -> Result<(), AttachFault> {
        if raw.starts_with(b"</") {
            return self.end_tag(raw);
        }
        let tag = read_tag(raw)?;
        if self.stack.is_empty() && self.seen_root {
            return Err(AttachFault::Syntax("a second root element"));
        }
        self.seen_root = true;
        if self.stack.len() == XML_DEPTH_MAX {
            return Err(AttachFault::Bound("nesting"));
        }
        self.open(&tag)?;
        let include = self.stack.last().is_some_and(|o| o.local == "Include" && o.namespace == XOP);
        match &self.slot {
            Slot::Inline(..) | Slot::Found { .. } => return Err(AttachFault::Markup("an element")),
            Slot::May { .. } if include && self.source == Form::Xop => self.include(&tag)?,
            Slot::None if include && self.source == Form::Xop => {
                return Err(AttachFault::Syntax("xop:Include must be all that its element contains"));
            }
            _ => {
                self.flush();
                self.element(raw, &tag)?;
            }
        }
        if tag.empty { self.close() } else { Ok(()) }
    }

    /// An element begins: may it be an attachment?
    fn element(&mut self, raw: &[u8], tag: &Tag) -> Result<(), AttachFault> {
        let binary = self.paths.iter().position(|p| p.matches(&self.stack));
        let href = tag.attributes.iter().find(|(name, ..)| name == "href");
        let frame = |open: Vec<u8>| Frame {
            open,
            close: format!("</{}>", tag.name).into_bytes(),
            href: href.is_some(),
        };
        let open = &raw[..tag.len];
        match (self.source, binary) {
            (Form::Inline, Some(binary)) => {
                self.out.push(Token::Slot(binary, frame(open.to_vec())));
                self.slot = Slot::Inline(Base64Decoder::default(), Vec::new());
            }
            (Form::Xop, _) | (Form::SwaRef | Form::FormData, Some(_)) if !tag.empty => {
                let (open, raw, href) = (open.to_vec(), raw.to_vec(), href.is_some());
                self.slot = Slot::May { binary, open, raw, text: Vec::new(), href };
            }
            (Form::Href, Some(_)) if href.is_some() => {
                let (_, url, range) = href.ok_or(AttachFault::Syntax("an attribute"))?;
                let name = reference(url)?;
                let mut frame = frame([&open[..range.start], &open[range.end..]].concat());
                frame.href = false;
                self.slot = Slot::Found { binary, frame, name, ends: 1 };
            }
            _ => self.doc(raw),
        }
        Ok(())
    }

    fn include(&mut self, tag: &Tag) -> Result<(), AttachFault> {
        let href = tag.attributes.iter().find(|(name, ..)| name == "href");
        let (_, url, _) = href.ok_or(AttachFault::Syntax("xop:Include without href"))?;
        let name = reference(url)?;
        if let Slot::May { binary, open, href, .. } = std::mem::replace(&mut self.slot, Slot::None) {
            let parent = self.stack.len().checked_sub(2).and_then(|i| self.stack.get(i));
            let close = parent.map(|p| format!("</{}>", p.name)).unwrap_or_default().into_bytes();
            self.slot = Slot::Found { binary, frame: Frame { open, close, href }, name, ends: 2 };
        }
        Ok(())
    }

    fn end_tag(&mut self, raw: &[u8]) -> Result<(), AttachFault> {
        let name = raw[2..raw.len() - 1].trim_ascii_end();
        if self.stack.last().is_none_or(|o| o.name.as_bytes() != name) {
            return Err(AttachFault::Syntax("an end tag that does not match"));
        }
        if let Slot::May { .. } = self.slot {
            self.text_reference()?;
        }
        if let Slot::None = self.slot {
            self.doc(raw);
        }
        self.close()
    }

    /// The text of a declared element is complete: a reference, or the content itself.
    fn text_reference(&mut self) -> Result<(), AttachFault> {
        let Slot::May { binary, open, text, href, .. } = &mut self.slot else { return Ok(()) };
        let trimmed = text.trim_ascii();
        let is_url = trimmed.get(..4).is_some_and(|s| s.eq_ignore_ascii_case(b"cid:"));
        if self.source == Form::Xop || !is_url {
            self.flush();
            return Ok(());
        }
        let name = reference(std::str::from_utf8(trimmed).unwrap_or_default())?;
        let close = self.stack.last().map(|o| format!("</{}>", o.name)).unwrap_or_default().into_bytes();
        let frame = Frame { open: std::mem::take(open), close, href: *href };
        self.slot = Slot::Found { binary: *binary, frame, name, ends: 1 };
        Ok(())
    }

    fn open(&mut self, tag: &Tag) -> Result<(), AttachFault> {
        let depth = self.stack.len() + 1;
        for (name, value, _) in &tag.attributes {
            let prefix = match name.strip_prefix("xmlns") {
                Some("") => "",
                Some(rest) => match rest.strip_prefix(':') {
                    Some(prefix) => prefix,
                    None => continue,
                },
                None => continue,
            };
            if self.bindings.len() == NAMESPACES_MAX {
                return Err(AttachFault::Bound("the number of namespaces"));
            }
            self.bindings.push((prefix.to_owned(), value.clone(), depth));
        }
        let (prefix, local) = tag.name.split_once(':').unwrap_or(("", &tag.name));
        let bound = self.bindings.iter().rev().find(|(p, ..)| p == prefix);
        let namespace = bound.map(|(_, n, _)| n.clone()).unwrap_or_default();
        self.stack.push(Open { name: tag.name.clone(), local: local.to_owned(), namespace });
        Ok(())
    }

    /// The innermost element ends.
    fn close(&mut self) -> Result<(), AttachFault> {
        let depth = self.stack.len();
        self.stack.pop();
        while self.bindings.last().is_some_and(|(.., d)| *d >= depth) {
            self.bindings.pop();
        }
        match std::mem::replace(&mut self.slot, Slot::None) {
            Slot::Inline(decoder, reference) => {
                if !reference.is_empty() {
                    return Err(AttachFault::Markup("a reference"));
                }
                decoder.finish()?;
                self.out.push(Token::SlotEnd);
            }
            Slot::Found { binary, frame, name, ends: 1 } => self.out.push(Token::Ref(binary, frame, name)),
            Slot::Found { binary, frame, name, ends } => {
                self.slot = Slot::Found { binary, frame, name, ends: ends - 1 };
            }
            other => self.slot = other,
        }
        Ok(())
    }
}

/// The part that a reference names.
pub(super) fn reference(url: &str) -> Result<String, AttachFault> {
    cid_of(url).ok_or_else(|| AttachFault::Reference(crate::clip(url)))
}

/// base64 in text: line ends may be written as references, which Java's libraries do.
fn inline_text(
    decoder: &mut Base64Decoder,
    held: &mut Vec<u8>,
    text: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), AttachFault> {
    let mut rest = text;
    while !rest.is_empty() {
        if held.is_empty() {
            let n = memchr(b'&', rest).unwrap_or(rest.len());
            decoder.push(&rest[..n], out)?;
            rest = &rest[n..];
        }
        let Some(first) = rest.first() else { break };
        held.push(*first);
        rest = &rest[1..];
        if *first == b';' {
            let blank: [&[u8]; 6] = [b"&#13;", b"&#10;", b"&#xD;", b"&#xA;", b"&#xd;", b"&#xa;"];
            if !blank.contains(&held.as_slice()) {
                return Err(AttachFault::Markup("a reference"));
            }
            held.clear();
        } else if held.len() > 8 {
            return Err(AttachFault::Markup("a reference"));
        }
    }
    Ok(())
}

fn read_tag(raw: &[u8]) -> Result<Tag, AttachFault> {
    let malformed = || AttachFault::Syntax("a start tag");
    let text = std::str::from_utf8(raw).map_err(|_| malformed())?;
    let inner = text[1..].strip_suffix('>').ok_or_else(malformed)?;
    let (inner, empty) = match inner.strip_suffix('/') {
        Some(inner) => (inner, true),
        None => (inner, false),
    };
    let space = [' ', '\t', '\r', '\n'];
    let name_len = inner.find(space).unwrap_or(inner.len());
    let name = &inner[..name_len];
    if name.is_empty() || name.contains(['<', '"', '\'', '=', '&', '/']) {
        return Err(malformed());
    }
    let mut attributes = Vec::new();
    let mut rest = &inner[name_len..];
    loop {
        let trimmed = rest.trim_start_matches(space);
        if trimmed.is_empty() {
            break;
        }
        let start = inner.len() - rest.len() + 1;
        if trimmed.len() == rest.len() {
            return Err(malformed());
        }
        let (attribute, after) = trimmed.split_once('=').ok_or_else(malformed)?;
        let after = after.trim_start_matches(space);
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or_else(malformed)?;
        let (value, after) = after[1..].split_once(quote).ok_or_else(malformed)?;
        let attribute = attribute.trim_end_matches(space);
        if attribute.is_empty() || attribute.contains(['<', '"', '\'', '&']) || value.contains('<') {
            return Err(malformed());
        }
        let end = inner.len() - after.len() + 1;
        attributes.push((attribute.to_owned(), value.to_owned(), start..end));
        rest = after;
    }
    if attributes.len() > lgsp_kernel::bounds::XML_ATTRIBUTES_MAX {
        return Err(AttachFault::Bound("the number of attributes"));
    }
    Ok(Tag { name: name.to_owned(), attributes, empty, len: 1 + inner.trim_end_matches(space).len() })
}
