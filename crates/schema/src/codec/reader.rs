//! A document read from the front, element by element: envelopes are walked with it, and the codec reads on from where it stands.

use super::fault::{CodecFault, CodecFaultKind, Failed, fault};
use lgsp_wire::xml::{Event, Scanner, XmlError, XmlFault};

/// A well-formed document under way. It stands in an element; at first in the document itself.
pub struct XmlReader<'a> {
    pub(super) scanner: Scanner<'a>,
    pub(super) text: &'a str,
    depth: usize,
    /// Where the element opened last begins.
    opened: usize,
    instruction: bool,
}

impl std::fmt::Debug for XmlReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "XmlReader at byte {} of {}", self.scanner.position(), self.text.len())
    }
}

impl<'a> XmlReader<'a> {
    /// Begins a document; encoding, characters and the XML declaration are checked.
    pub fn new(xml: &'a [u8]) -> Result<Self, CodecFault> {
        let scanner = Scanner::new(xml).map_err(|e| syntax(e).locate(xml))?;
        Ok(Self { text: scanner.text(), scanner, depth: 0, opened: 0, instruction: false })
    }

    /// Enters the next element inside the one that this stands in: namespace and local name. None: that one ended, and this stands in its
    /// parent. Text but white space is refused.
    pub fn child(&mut self) -> Result<Option<(&str, &'a str)>, CodecFault> {
        loop {
            let fine = match self.next() {
                Err(e) => Err(e),
                Ok(None) => return Ok(None),
                Ok(Some(Event::Open { depth, local, .. })) => {
                    self.depth = depth;
                    return Ok(Some((self.scanner.namespace(), local)));
                }
                Ok(Some(Event::Close { depth })) => {
                    self.depth = depth - 1;
                    return Ok(None);
                }
                Ok(Some(Event::Text { at, .. })) => {
                    Err(fault(CodecFaultKind::Structure, at, "text stands where only elements may"))
                }
                Ok(Some(Event::Instruction { .. })) => Ok(()),
            };
            fine.map_err(|e| e.locate(self.text.as_bytes()))?;
        }
    }

    /// Passes over the rest of the element that this stands in, and stands in its parent.
    pub fn skip(&mut self) -> Result<(), CodecFault> {
        let depth = self.depth;
        loop {
            match self.next().map_err(|e| e.locate(self.text.as_bytes()))? {
                Some(Event::Close { depth: d }) if d == depth => {
                    self.depth = depth - 1;
                    return Ok(());
                }
                None => return Ok(()),
                _ => {}
            }
        }
    }

    /// Reads to the document's end: it is well-formed as a whole.
    pub fn finish(&mut self) -> Result<(), CodecFault> {
        while self.next().map_err(|e| e.locate(self.text.as_bytes()))?.is_some() {}
        Ok(())
    }

    /// An attribute of the element just entered, its value as written.
    pub fn attribute(&self, namespace: &str, local: &str) -> Option<&'a str> {
        self.scanner
            .attributes()
            .find(|(a, n)| a.local == local && *n == namespace && !a.declares())
            .map(|(a, _)| a.value)
    }

    /// Whether there was a processing instruction so far.
    pub fn has_instruction(&self) -> bool {
        self.instruction
    }

    /// Bytes read so far: behind the tag of the element just entered.
    pub fn position(&self) -> usize {
        self.scanner.position()
    }

    /// The name of the element just entered, as written.
    pub(crate) fn name(&self) -> &'a str {
        let at = self.opened;
        let rest = &self.text[at + 1..];
        &rest[..rest.find([' ', '\t', '\n', '\r', '/', '>']).unwrap_or(rest.len())]
    }

    /// The attributes of the element just entered, declarations included, in the order written: names and values as written.
    pub(crate) fn written_attributes(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut all: Vec<_> =
            self.scanner.attributes().map(|(a, _)| (a.at, a.prefix, a.local, a.value)).collect();
        all.sort_unstable_by_key(|a| a.0);
        let text = self.text;
        all.into_iter().map(move |(at, prefix, local, value)| {
            let len = if prefix.is_empty() { local.len() } else { prefix.len() + 1 + local.len() };
            (&text[at..at + len], value)
        })
    }

    /// The whole document.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    pub(crate) fn next(&mut self) -> Result<Option<Event<'a>>, Failed> {
        let event = self.scanner.next().map_err(syntax)?;
        match event {
            Some(Event::Open { at, .. }) => self.opened = at,
            Some(Event::Instruction { .. }) => self.instruction = true,
            _ => {}
        }
        Ok(event)
    }

    /// Says that the element entered last was read by others to its end.
    pub(super) fn left(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }
}

pub(super) fn syntax(e: XmlFault) -> Failed {
    let kind = match e.what {
        XmlError::Depth | XmlError::Attributes | XmlError::Namespaces => CodecFaultKind::Limit,
        _ => CodecFaultKind::Syntax,
    };
    fault(kind, e.at, e.what.to_string())
}
