//! Why XML, or a SOAP envelope, is not accepted; the texts are fit for the caller.

use lgsp_kernel::bounds::{XML_ATTRIBUTES_MAX, XML_DEPTH_MAX};
use lgsp_kernel::{Refusal, fault};

/// What is wrong, and at which byte.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} (byte {at})")]
pub struct XmlFault {
    /// What is wrong.
    pub what: XmlError,
    /// Offset in bytes from the start of the body.
    pub at: usize,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// An encoding other than UTF-8, by name.
    #[error("the encoding {0} is not accepted, send UTF-8")]
    Encoding(String),
    /// Bytes that are not UTF-8 although nothing else is declared.
    #[error("these bytes are not UTF-8")]
    NotUtf8,
    /// Not XML 1.0.
    #[error("the XML declaration is malformed or names a version other than 1.0")]
    Declaration,
    /// A character that XML does not allow at all.
    #[error("the character U+{0:04X} is not allowed in XML")]
    Character(u32),
    /// A document type declaration.
    #[error("a DOCTYPE is not accepted")]
    Doctype,
    /// An entity other than the five predefined ones.
    #[error("the entity {0:?} is not accepted; only amp, lt, gt, quot, apos and character references are")]
    Entity(String),
    /// `&` without a reference after it, or a reference to a character that XML does not allow.
    #[error("a malformed reference; write & as &amp;")]
    Reference,
    /// Nested too deeply.
    #[error("nested deeper than {XML_DEPTH_MAX} elements")]
    Depth,
    /// Too many attributes.
    #[error("an element has more than {XML_ATTRIBUTES_MAX} attributes")]
    Attributes,
    /// Too many namespaces in scope.
    #[error("more than {} namespace declarations in scope", super::NAMESPACES_MAX)]
    Namespaces,
    /// The same attribute twice, also where two prefixes name the same namespace.
    #[error("the attribute {0:?} occurs twice")]
    DuplicateAttribute(String),
    /// A prefix that nothing binds.
    #[error("the prefix {0:?} is not bound to a namespace")]
    UnboundPrefix(String),
    /// A namespace declaration that the namespaces recommendation forbids.
    #[error("the namespace declaration of {0:?} is not allowed")]
    BadBinding(String),
    /// Not a name.
    #[error("a name was expected here")]
    Name,
    /// Markup that is not what the grammar has here.
    #[error("malformed markup: {0}")]
    Markup(&'static str),
    /// An end tag that does not match.
    #[error("the end tag {found:?} does not close {open:?}")]
    Mismatch {
        /// The open element.
        open: String,
        /// The end tag's name.
        found: String,
    },
    /// The document ends inside something.
    #[error("the document ends inside {0}")]
    Truncated(&'static str),
    /// Text, a reference or CDATA outside the root element, or a second root element.
    #[error("{0} outside the one root element")]
    OutsideRoot(&'static str),
    /// No element at all.
    #[error("there is no root element")]
    NoRoot,
    /// Well formed so far, and not a SOAP envelope.
    #[error("this is not a SOAP envelope: {0}")]
    NotSoap(String),
}

impl XmlError {
    pub(crate) fn at(self, at: usize) -> XmlFault {
        XmlFault { what: self, at }
    }
}

impl XmlFault {
    /// The refusal of the step `validate` that tells the caller.
    pub fn refusal(&self) -> Refusal {
        let kind = match self.what {
            XmlError::NotSoap(_) => &fault::BAD_SOAP,
            _ => &fault::BAD_XML,
        };
        Refusal::new(kind, self.to_string())
    }
}
