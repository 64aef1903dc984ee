//! Why attachments are not accepted; the texts are fit for the caller.

use super::{PADDING_MAX, PART_HEAD_MAX, PARTS_MAX, TAG_MAX};
use lgsp_kernel::{Refusal, fault};

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttachFault {
    /// The content type is not that of the form.
    #[error("the content type is not {0}")]
    ContentType(&'static str),
    /// RFC 2046, 5.1.1.
    #[error("the boundary is missing or not allowed")]
    Boundary,
    /// No closing boundary, no part, or a document that ends early.
    #[error("the message ends before {0}")]
    Truncated(&'static str),
    /// A line that some readers take for a boundary and others do not.
    #[error(
        "a line that looks like the boundary is not one (byte {0}; at most {PADDING_MAX} blanks may follow)"
    )]
    Ambiguous(u64),
    /// Too many parts.
    #[error("there are more than {PARTS_MAX} parts")]
    Parts,
    /// A part's header lines.
    #[error("the header lines of part {0} are malformed, repeated or longer than {PART_HEAD_MAX} bytes")]
    Head(usize),
    /// Something follows the closing boundary.
    #[error("something follows the closing boundary")]
    Trailing,
    /// The part with the document.
    #[error("the part with the document: {0}")]
    Root(&'static str),
    /// A Content-Transfer-Encoding that is not known.
    #[error("the Content-Transfer-Encoding {0:?} is not known")]
    Encoding(String),
    /// Not base64 (RFC 4648, 4), white space aside.
    #[error("this is not base64 (character {0})")]
    Base64(u64),
    /// Not quoted-printable (RFC 2045, 6.7).
    #[error("this is not quoted-printable")]
    QuotedPrintable,
    /// Two parts of one name, or two references to one part.
    #[error("{0:?} names two parts, or is referred to twice")]
    Twice(String),
    /// A reference without its part.
    #[error("the part {0:?} is referred to and missing")]
    Missing(String),
    /// A part that nothing refers to.
    #[error("nothing refers to the part {0:?}")]
    Unused(String),
    /// A reference to something other than a part of the message; never fetched.
    #[error("{0:?} is not a reference to a part of this message (cid:)")]
    Reference(String),
    /// An attachment where none is declared.
    #[error("the attachment {0:?} is not declared")]
    Undeclared(String),
    /// Markup where the content of an attachment should be.
    #[error("{0} inside the content of an attachment")]
    Markup(&'static str),
    /// The document's syntax, as far as it is looked at here.
    #[error("the document is malformed: {0}")]
    Syntax(&'static str),
    /// A start tag, name or nesting above its bound.
    #[error("{0} is above its bound ({TAG_MAX} bytes a tag)")]
    Bound(&'static str),
    /// The document beside the attachments.
    #[error("the document is larger than {0} bytes without its attachments")]
    DocumentSize(usize),
    /// One attachment.
    #[error("an attachment is larger than {0} bytes")]
    BinarySize(u64),
    /// More to set aside than the caller allows.
    #[error("the attachments come in an order that needs more than {0} bytes to be set aside")]
    Spool(usize),
    /// The boundary of the output is in the data: choose another.
    #[error("the data contains the boundary")]
    BoundaryInData,
    /// The plan.
    #[error("the declaration of attachments: {0}")]
    Plan(String),
}

impl AttachFault {
    /// The refusal of the step `validate` that tells the caller.
    pub fn refusal(&self) -> Refusal {
        Refusal::new(&fault::ATTACHMENTS, format!("Not accepted: {self}."))
    }
}
