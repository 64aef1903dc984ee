//! Why a message was not converted: what was expected, and where in it. Texts are fit for the caller.

use std::fmt;

/// What is wrong with a message, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodecFault {
    /// What sort of thing.
    pub kind: CodecFaultKind,
    /// In XML a path of local names with the numbers (from 1) of repeated elements, such as `/TraCuu/HoVaTen[2]/@loai`, from the converted
    /// element on; in JSON a pointer (RFC 6901). Empty: the document as a whole.
    pub path: String,
    /// Offset in bytes.
    pub offset: usize,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What was expected. Values of fields are not repeated, names are.
    pub message: String,
}

/// Sorts of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodecFaultKind {
    /// Not well-formed XML or not JSON, or outside what the platform takes of them (encoding, DOCTYPE, nesting).
    Syntax,
    /// Members, elements or attributes that the schema does not have, that are missing or that stand in the wrong place.
    Structure,
    /// A value that its type does not have.
    Value,
    /// Something that has no reading here, such as `xsi:type` of a derived type.
    Unsupported,
    /// Larger than the limits allow.
    Limit,
}

impl fmt::Display for CodecFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = if self.path.is_empty() { "the document" } else { &self.path };
        write!(f, "{at} (line {}, column {}): {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for CodecFault {}

/// A fault on its way out of a conversion: every level puts its step before the path, so that nothing is kept on the way in.
#[derive(Debug)]
pub(crate) struct Fault {
    kind: CodecFaultKind,
    offset: usize,
    message: String,
    /// Innermost first.
    steps: Vec<String>,
}

/// A boxed fault: results stay small on the way that has none.
pub(crate) type Failed = Box<Fault>;

/// A new fault at a byte of the document.
pub(crate) fn fault(kind: CodecFaultKind, offset: usize, message: impl Into<String>) -> Failed {
    Box::new(Fault { kind, offset, message: message.into(), steps: Vec::new() })
}

impl Fault {
    /// The same, one level further out. `step` has its slash.
    pub(crate) fn under(mut self: Box<Self>, step: impl FnOnce() -> String) -> Box<Self> {
        self.steps.push(step());
        self
    }

    /// With its place in the document.
    pub(crate) fn locate(mut self, document: &[u8]) -> CodecFault {
        let before = &document[..self.offset.min(document.len())];
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |i| i + 1);
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        let column = String::from_utf8_lossy(&before[line_start..]).chars().count() + 1;
        self.steps.reverse();
        CodecFault {
            kind: self.kind,
            path: self.steps.concat(),
            offset: self.offset,
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
            message: self.message,
        }
    }
}

/// A name out of a message, short enough for an error text.
pub(crate) fn clip(name: &str) -> String {
    const CLIP: usize = 60;
    name.chars().take(CLIP).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A name as a step of a JSON pointer.
pub(crate) fn pointer_step(name: &str) -> String {
    format!("/{}", clip(name).replace('~', "~0").replace('/', "~1"))
}
