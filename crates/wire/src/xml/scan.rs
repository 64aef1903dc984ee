//! The scanner: one pass over the bytes, no tree, no copy of the content, a stack bounded by the depth allowed. It finds the ends of
//! markup with `memchr` and checks the grammar of everything between.

use super::chars::{self, is_space, ncname_len};
use super::declaration::{declaration_end, not_utf8, refuse_other_encodings};
use super::fault::{XmlError, XmlFault};
use super::names::{Bindings, Namespace};
use lgsp_kernel::bounds::{XML_ATTRIBUTES_MAX, XML_DEPTH_MAX};

/// What the scanner tells its caller; the rest it only checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// An element begins.
    Open {
        /// 1 for the root.
        depth: usize,
        /// Its name behind the prefix.
        local: &'a str,
        /// Where its tag begins.
        at: usize,
    },
    /// An element ends.
    Close {
        /// The depth that it had.
        depth: usize,
    },
    /// Text that is not white space, or CDATA.
    Text {
        /// The depth of the element that it is in.
        depth: usize,
        /// Where it begins.
        at: usize,
    },
    /// A processing instruction, wherever it is.
    Instruction {
        /// Where it begins.
        at: usize,
    },
}

/// An attribute of the element opened last, declarations of namespaces included.
pub struct Attribute<'a> {
    namespace: Namespace,
    /// Empty for none; `xmlns` for the declaration of a prefix.
    pub prefix: &'a str,
    /// The name behind the prefix.
    pub local: &'a str,
    /// Where its name begins.
    pub at: usize,
    /// Behind its closing quote.
    pub end: usize,
    /// Between its quotes, as written.
    pub value: &'a str,
}

impl Attribute<'_> {
    /// Whether it declares a namespace.
    pub fn declares(&self) -> bool {
        self.prefix == "xmlns" || (self.prefix.is_empty() && self.local == "xmlns")
    }
}

/// A scan under way.
pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
    open: Vec<&'a str>,
    bindings: Bindings<'a>,
    attributes: Vec<Attribute<'a>>,
    /// The namespace of the element opened last.
    namespace: Namespace,
    /// The element opened last was `<a/>` and must still be closed.
    empty: bool,
    root_seen: bool,
}

impl<'a> Scanner<'a> {
    /// Checks encoding, characters and the XML declaration.
    pub fn new(bytes: &'a [u8]) -> Result<Self, XmlFault> {
        refuse_other_encodings(bytes)?;
        let text = std::str::from_utf8(bytes).map_err(|e| not_utf8(bytes, e.valid_up_to()))?;
        chars::check_chars(text)?;
        let mut scanner = Self {
            text,
            at: if text.starts_with('\u{feff}') { 3 } else { 0 },
            open: Vec::with_capacity(16),
            bindings: Bindings::new(),
            attributes: Vec::with_capacity(8),
            namespace: None,
            empty: false,
            root_seen: false,
        };
        if let Some(end) = declaration_end(text, scanner.at)? {
            scanner.at = end;
        }
        Ok(scanner)
    }

    /// The namespace of the element that the last [`Event::Open`] told of; empty for none.
    pub fn namespace(&self) -> &str {
        self.bindings.name(self.namespace)
    }

    /// The whole document.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Behind what the last event told of: a start tag, an end tag, a text.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The attributes of the element that the last [`Event::Open`] told of, in no particular order, and the namespace of each.
    pub fn attributes(&self) -> impl Iterator<Item = (&Attribute<'a>, &str)> {
        self.attributes.iter().map(|a| (a, self.bindings.name(a.namespace)))
    }

    /// What a prefix means inside the element opened last; none where nothing binds it.
    pub fn meaning(&self, prefix: &str) -> Option<&str> {
        self.bindings.resolve(prefix, 0).ok().flatten().map(|n| self.bindings.name(Some(n)))
    }

    /// The next event; none where a well-formed document ends.
    #[expect(
        clippy::should_implement_trait,
        reason = "a lending iterator: events go with attributes() and namespace()"
    )]
    pub fn next(&mut self) -> Result<Option<Event<'a>>, XmlFault> {
        if self.empty {
            self.empty = false;
            return Ok(Some(self.close()));
        }
        loop {
            let rest = self.rest();
            let Some(first) = rest.first() else { return self.end().map(|()| None) };
            let found = match (first, rest.get(1)) {
                (b'<', Some(b'/')) => Some(self.end_tag()?),
                (b'<', Some(b'!')) => self.bang()?,
                (b'<', Some(b'?')) => Some(self.instruction()?),
                (b'<', _) => Some(self.start_tag()?),
                _ => self.characters()?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn end(&self) -> Result<(), XmlFault> {
        match self.open.last() {
            Some(_) => Err(XmlError::Truncated("an element").at(self.at)),
            None if !self.root_seen => Err(XmlError::NoRoot.at(self.at)),
            None => Ok(()),
        }
    }

    fn close(&mut self) -> Event<'a> {
        let depth = self.open.len();
        self.bindings.leave(depth);
        self.open.pop();
        Event::Close { depth }
    }

    /// Text up to the next markup.
    fn characters(&mut self) -> Result<Option<Event<'a>>, XmlFault> {
        let start = self.at;
        let rest = self.rest();
        let text = &rest[..memchr::memchr(b'<', rest).unwrap_or(rest.len())];
        self.at += text.len();
        if text.iter().all(|b| is_space(*b)) {
            return Ok(None);
        }
        if self.open.is_empty() {
            return Err(XmlError::OutsideRoot("text").at(start));
        }
        for i in memchr::memchr2_iter(b'&', b'>', text) {
            if text[i] == b'&' {
                chars::reference(self.text, start + i)?;
            } else if text[..i].ends_with(b"]]") {
                return Err(XmlError::Markup("']]>' in text").at(start + i - 2));
            }
        }
        Ok(Some(Event::Text { depth: self.open.len(), at: start }))
    }

    /// `<!`: a comment or CDATA; a DOCTYPE is refused at sight.
    fn bang(&mut self) -> Result<Option<Event<'a>>, XmlFault> {
        let (start, rest) = (self.at, self.rest());
        if rest.starts_with(b"<!--") {
            let dashes = memchr::memmem::find(&rest[4..], b"--");
            let end = dashes.ok_or(XmlError::Truncated("a comment").at(start))? + 6;
            if rest.get(end) != Some(&b'>') {
                return Err(XmlError::Markup("'--' in a comment").at(start + end - 2));
            }
            self.at += end + 1;
            return Ok(None);
        }
        if rest.starts_with(b"<![CDATA[") {
            if self.open.is_empty() {
                return Err(XmlError::OutsideRoot("CDATA").at(start));
            }
            let end = memchr::memmem::find(rest, b"]]>").ok_or(XmlError::Truncated("CDATA").at(start))?;
            self.at += end + 3;
            return Ok(Some(Event::Text { depth: self.open.len(), at: start }));
        }
        let doctype = rest.get(2..9).is_some_and(|word| word.eq_ignore_ascii_case(b"DOCTYPE"));
        Err(if doctype { XmlError::Doctype } else { XmlError::Markup("'<!' begins nothing known") }.at(start))
    }

    /// `<?target ...?>`. The target `xml` is the declaration's alone.
    fn instruction(&mut self) -> Result<Event<'a>, XmlFault> {
        let (start, rest) = (self.at, self.rest());
        let target = &self.text[start + 2..][..ncname_len(&self.text[start + 2..])];
        if target.is_empty() || target.eq_ignore_ascii_case("xml") {
            return Err(XmlError::Markup("a processing instruction without a proper target").at(start));
        }
        let end = memchr::memmem::find(rest, b"?>");
        let end = end.ok_or(XmlError::Truncated("a processing instruction").at(start))?;
        let after = rest[2 + target.len()];
        if end != 2 + target.len() && !is_space(after) {
            return Err(XmlError::Name.at(start + 2));
        }
        self.at += end + 2;
        Ok(Event::Instruction { at: start })
    }

    fn end_tag(&mut self) -> Result<Event<'a>, XmlFault> {
        let (start, rest) = (self.at, self.rest());
        let end = memchr::memchr(b'>', rest).ok_or(XmlError::Truncated("an end tag").at(start))?;
        let name = self.text[start + 2..start + end].trim_end_matches([' ', '\t', '\n', '\r']);
        match self.open.last() {
            Some(open) if *open == name => {
                self.at += end + 1;
                Ok(self.close())
            }
            open => {
                let (open, found) = (crate::clip(open.unwrap_or(&"nothing")), crate::clip(name));
                Err(XmlError::Mismatch { open, found }.at(start))
            }
        }
    }

    fn start_tag(&mut self) -> Result<Event<'a>, XmlFault> {
        let start = self.at;
        if self.open.is_empty() && self.root_seen {
            return Err(XmlError::OutsideRoot("an element").at(start));
        }
        if self.open.len() == XML_DEPTH_MAX {
            return Err(XmlError::Depth.at(start));
        }
        self.at += 1;
        let (prefix, local) = self.qualified_name()?;
        self.open.push(&self.text[start + 1..self.at]);
        self.root_seen = true;
        self.attributes.clear();
        let depth = self.open.len();
        while self.attribute_follows()? {
            self.attribute(depth)?;
        }
        if prefix == "xmlns" {
            return Err(XmlError::UnboundPrefix(prefix.into()).at(start));
        }
        self.namespace = self.bindings.resolve(prefix, start + 1)?;
        self.check_attributes()?;
        Ok(Event::Open { depth, local, at: start })
    }

    /// Skips white space; whether an attribute follows. At the tag's end takes `>` or `/>`.
    fn attribute_follows(&mut self) -> Result<bool, XmlFault> {
        let before = self.at;
        self.skip_space();
        match self.rest() {
            [b'>', ..] => self.at += 1,
            [b'/', b'>', ..] => {
                self.at += 2;
                self.empty = true;
            }
            [] => return Err(XmlError::Truncated("a tag").at(self.at)),
            _ if self.at == before => {
                return Err(XmlError::Markup("white space was expected").at(self.at));
            }
            _ => return Ok(true),
        }
        Ok(false)
    }

    fn attribute(&mut self, depth: usize) -> Result<(), XmlFault> {
        let at = self.at;
        if self.attributes.len() == XML_ATTRIBUTES_MAX {
            return Err(XmlError::Attributes.at(at));
        }
        let (prefix, local) = self.qualified_name()?;
        self.skip_space();
        if self.rest().first() != Some(&b'=') {
            return Err(XmlError::Markup("'=' was expected").at(self.at));
        }
        self.at += 1;
        self.skip_space();
        let (value_at, value) = self.quoted()?;
        match (prefix, local) {
            ("", "xmlns") => self.bindings.declare("", value, depth, value_at)?,
            ("xmlns", prefix) => self.bindings.declare(prefix, value, depth, value_at)?,
            _ => {}
        }
        self.attributes.push(Attribute { namespace: None, prefix, local, at, end: self.at, value });
        Ok(())
    }

    /// An attribute's value between its quotes, its references checked.
    fn quoted(&mut self) -> Result<(usize, &'a str), XmlFault> {
        let start = self.at + 1;
        let quote = match self.rest().first() {
            Some(q @ (b'"' | b'\'')) => *q,
            _ => return Err(XmlError::Markup("a quoted value was expected").at(self.at)),
        };
        let rest = &self.text.as_bytes()[start..];
        let len = memchr::memchr(quote, rest).ok_or(XmlError::Truncated("an attribute").at(start))?;
        for i in memchr::memchr2_iter(b'&', b'<', &rest[..len]) {
            if rest[i] == b'<' {
                return Err(XmlError::Markup("'<' in an attribute").at(start + i));
            }
            chars::reference(self.text, start + i)?;
        }
        self.at = start + len + 1;
        Ok((start, &self.text[start..start + len]))
    }

    /// No attribute twice: neither as written nor after prefixes are resolved.
    fn check_attributes(&mut self) -> Result<(), XmlFault> {
        for a in &mut self.attributes {
            // Declarations are in a namespace of their own that nothing else can be in; the prefix alone tells them apart.
            if !a.prefix.is_empty() && a.prefix != "xmlns" {
                a.namespace = self.bindings.resolve(a.prefix, a.at)?;
            }
        }
        let key = |a: &Attribute<'a>| (a.namespace, a.prefix == "xmlns", a.local);
        let twice = |a: &Attribute<'a>| XmlError::DuplicateAttribute(crate::clip(a.local)).at(a.at);
        if self.attributes.len() <= 8 {
            for (i, a) in self.attributes.iter().enumerate() {
                if self.attributes[..i].iter().any(|b| key(a) == key(b)) {
                    return Err(twice(a));
                }
            }
        } else {
            self.attributes.sort_unstable_by(|a, b| key(a).cmp(&key(b)).then(a.at.cmp(&b.at)));
            if let Some(pair) = self.attributes.windows(2).find(|w| key(&w[0]) == key(&w[1])) {
                return Err(twice(&pair[1]));
            }
        }
        Ok(())
    }

    fn skip_space(&mut self) {
        self.at += self.rest().iter().take_while(|b| is_space(**b)).count();
    }

    /// A name with at most one colon, both sides of it names.
    fn qualified_name(&mut self) -> Result<(&'a str, &'a str), XmlFault> {
        let first = self.ncname()?;
        if self.rest().first() != Some(&b':') {
            return Ok(("", first));
        }
        self.at += 1;
        Ok((first, self.ncname()?))
    }

    fn ncname(&mut self) -> Result<&'a str, XmlFault> {
        let text = &self.text[self.at..];
        let len = ncname_len(text);
        if len == 0 {
            return Err(
                if text.is_empty() { XmlError::Truncated("a tag") } else { XmlError::Name }.at(self.at)
            );
        }
        self.at += len;
        Ok(&text[..len])
    }
}
