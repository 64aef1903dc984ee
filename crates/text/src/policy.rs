//! What a service asks of text, what was done to it, and why it was refused. Data only.

use crate::Charset;

/// Offsets that a report lists; the counts are always complete.
pub const PLACES_MAX: usize = 10;

/// What kind of document the bytes are: decides what may be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Text without structure; a line is a field.
    #[default]
    Plain,
    /// XML: the declaration's encoding, texts, CDATA and attribute values. References to characters beyond ASCII count as those characters.
    Xml,
    /// JSON: strings, also names. Escapes of characters beyond ASCII count as those characters.
    Json,
}

/// What the label (`charset` of the Content-Type, encoding of the XML declaration) is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LabelPolicy {
    /// The label is taken at its word; without one, what is expected, or UTF-8.
    #[default]
    Believe,
    /// The bytes decide; a label that says something else is refused.
    Refuse,
    /// The bytes decide; a wrong label is reported. It only breaks a tie.
    Detect,
}

/// Whether fields of a Unicode document are searched for text whose legacy bytes were once taken for Latin-1 (`NguyÔn V¨n An`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Inner {
    /// No.
    #[default]
    Keep,
    /// A field is converted where it is no Vietnamese as it is and clearly is in exactly one of these.
    Detect(Vec<Charset>),
    /// The operator knows: every field that has characters beyond ASCII, none beyond U+00FF, and can be read in this charset.
    Always(Charset),
}

/// What a service asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextPolicy {
    /// The structure.
    pub format: Format,
    /// Which charsets may come; empty, or [`Charset::Auto`] in it: all. Exactly one: it is taken without statistics, whatever the bytes look
    /// like, unless a byte order mark says otherwise.
    pub expected: Vec<Charset>,
    /// What the label is worth.
    pub label: LabelPolicy,
    /// Legacy text inside Unicode fields.
    pub inner: Inner,
    /// UTF-8 that was once taken for windows-1252 and encoded again is undone in fields (at most twice).
    pub mojibake: bool,
    /// Fields are composed (NFC).
    pub nfc: bool,
}

impl Default for TextPolicy {
    fn default() -> Self {
        Self {
            format: Format::Plain,
            expected: Vec::new(),
            label: LabelPolicy::Believe,
            inner: Inner::Keep,
            mojibake: false,
            nfc: true,
        }
    }
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextReport {
    /// The charset of the bytes as they came.
    pub from: Charset,
    /// How sure, in percent: of words with characters beyond ASCII, how many are Vietnamese in this charset. 100 where nothing was guessed.
    pub confidence: u8,
    /// The label as it was stated.
    pub label: Option<String>,
    /// The label says something else than the bytes.
    pub label_wrong: bool,
    /// A byte order mark was taken off.
    pub bom: bool,
    /// The XML declaration names UTF-8 now and did not before.
    pub declaration: bool,
    /// Characters beyond ASCII that came in another charset than UTF-8.
    pub converted: usize,
    /// Fields in which legacy text inside Unicode was converted, or a second encoding undone.
    pub repaired: usize,
    /// By how many characters composing made the text shorter; at least one for each field it changed.
    pub composed: usize,
    /// Where the first changes are: offsets in the input, bytes.
    pub places: Vec<usize>,
}

impl TextReport {
    pub(crate) fn new(from: Charset, label: Option<String>) -> Self {
        Self {
            from,
            confidence: 100,
            label,
            label_wrong: false,
            bom: false,
            declaration: false,
            converted: 0,
            repaired: 0,
            composed: 0,
            places: Vec::new(),
        }
    }

    /// Whether the text differs from what came.
    pub fn changed(&self) -> bool {
        self.bom
            || self.declaration
            || self.converted + self.repaired + self.composed > 0
            || !matches!(self.from, Charset::Utf8)
    }

    pub(crate) fn place(&mut self, at: usize) {
        if self.places.len() < PLACES_MAX {
            self.places.push(at);
        }
    }
}

/// Why text is refused. Nothing is ever replaced by a substitute.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextFault {
    /// Bytes that mean nothing in the charset.
    #[error("byte {at} cannot be read as {charset}")]
    Undecodable {
        /// The charset.
        charset: Charset,
        /// Offset in bytes.
        at: usize,
    },
    /// A label that names nothing known.
    #[error("the charset {0:?} is not known")]
    UnknownLabel(String),
    /// The label contradicts the bytes.
    #[error("the charset is stated as {label:?}, the bytes are {found}")]
    WrongLabel {
        /// As stated.
        label: String,
        /// As found.
        found: Charset,
    },
    /// A charset that the service does not expect.
    #[error("text in {0} is not expected here")]
    NotExpected(Charset),
    /// No charset fits clearly.
    #[error("the charset is not clear (first at byte {at}); state it, or send UTF-8")]
    Unsure {
        /// The first byte beyond ASCII.
        at: usize,
    },
    /// Parts of the text are in different charsets.
    #[error("the text is {first}, but from byte {at} on something is {then}")]
    Mixed {
        /// The charset of most of it.
        first: Charset,
        /// Of the part.
        then: Charset,
        /// Where the part begins.
        at: usize,
    },
}
