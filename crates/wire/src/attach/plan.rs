//! What is converted into what, as plain data, and the steps that come out.

use super::AttachFault;
use bytes::Bytes;
use lgsp_kernel::bounds::XML_DEPTH_MAX;

/// Attachments that one message may declare.
const BINARIES_MAX: usize = 64;
/// The largest `inline_below`: so much of each is held until it is clear where it goes.
const INLINE_BELOW_MAX: usize = 1 << 20;

/// How attachments travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As base64 inside the document.
    Inline,
    /// MTOM: `multipart/related`, `xop:Include` in the place of the content. XML only.
    Xop,
    /// SOAP with Attachments, WS-I swaRef: `multipart/related`, the text is `cid:...`. Also for JSON.
    SwaRef,
    /// SOAP with Attachments: `multipart/related`, the empty element's attribute `href` is `cid:...`. XML only.
    Href,
    /// `multipart/form-data` (RFC 7578): the document is a field, each attachment another; the text in the document is `cid:` and the field's name.
    FormData,
}

/// What the document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// XML in UTF-8.
    Xml,
    /// JSON in UTF-8.
    Json,
}

/// A binary element or string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binary {
    /// XML: local names from the root on, `/Envelope/Body/upload/photo`, or `//photo` at any depth; `{namespace}` may stand before each.
    /// JSON: a pointer (RFC 6901), `*` for any member or element.
    pub path: String,
    /// The field's name in form-data. A second one of the same path gets `name.2`, and so on.
    pub field: String,
    /// The part's type where the source does not say.
    pub content_type: String,
    /// The file's name in form-data; many frameworks take a field without one for text.
    pub file_name: Option<String>,
}

/// What the operator declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentPlan {
    /// The attachments.
    pub binaries: Vec<Binary>,
    /// The document's content type without `charset`: `text/xml`, `application/soap+xml`, `application/json`.
    pub document_type: String,
    /// The document's field in form-data.
    pub document_field: String,
    /// Attachments of fewer bytes stay in the document.
    pub inline_below: usize,
    /// The document without its attachments, bytes; so much is held where it must be.
    pub document_max: usize,
    /// One attachment, decoded, bytes.
    pub binary_max: u64,
}

impl AttachmentPlan {
    /// A plan with the bounds of ordinary messages.
    pub fn new(document_type: &str, binaries: Vec<Binary>) -> Self {
        Self {
            binaries,
            document_type: document_type.into(),
            document_field: "document".into(),
            inline_below: 0,
            document_max: 10 << 20,
            binary_max: lgsp_kernel::bounds::BODY_MAX,
        }
    }

    /// Whether the plan can be used; what is wrong otherwise, naming the entry. For publishing.
    pub fn check(&self, document: Document, source: Form, sink: Form) -> Result<(), AttachFault> {
        let wrong = |what: String| Err(AttachFault::Plan(what));
        if self.binaries.len() > BINARIES_MAX {
            return wrong(format!("more than {BINARIES_MAX} attachments"));
        }
        if self.inline_below > INLINE_BELOW_MAX {
            return wrong(format!("inline_below is above {INLINE_BELOW_MAX}"));
        }
        let xml_only = |form| matches!(form, Form::Xop | Form::Href);
        if document == Document::Json && (xml_only(source) || xml_only(sink)) {
            return wrong("MTOM and href need XML".into());
        }
        let mut names = vec![self.document_field.as_str()];
        for binary in &self.binaries {
            let shown = crate::clip(&binary.path);
            let steps = binary.path.matches('/').count();
            if !binary.path.starts_with('/') || steps > XML_DEPTH_MAX || binary.path.ends_with('/') {
                return wrong(format!("the path {shown:?} is none"));
            }
            let quotable = |t: &str| {
                !t.is_empty() && t.len() <= 128 && !t.chars().any(|c| c.is_control() || "\"\\%".contains(c))
            };
            if !quotable(&binary.field) || binary.file_name.as_deref().is_some_and(|n| !quotable(n)) {
                return wrong(format!(
                    "the names of {shown:?} are empty, too long or hold quotes, % or controls"
                ));
            }
            if names.contains(&binary.field.as_str()) {
                return wrong(format!("the field {:?} is there twice", crate::clip(&binary.field)));
            }
            if crate::media::MediaType::parse(&binary.content_type).is_err() {
                return wrong(format!("the content type of {shown:?} is none"));
            }
            names.push(&binary.field);
        }
        Ok(())
    }
}

/// What to do next, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Send this on.
    Bytes(Bytes),
    /// An attachment must be set aside before it can be sent: it comes too early (or the document ends too late). The caller decides whether
    /// that is allowed and where it goes; [`Step::Spool`] brings it.
    NeedsSpool {
        /// Its number in this message.
        id: usize,
        /// Its name.
        name: String,
    },
    /// Add this to the attachment set aside.
    Spool {
        /// Its number.
        id: usize,
        /// Decoded bytes.
        bytes: Bytes,
    },
    /// Send the whole attachment that was set aside, as base64 or as it is. It is not needed afterwards.
    Insert {
        /// Its number.
        id: usize,
        /// With [`super::Base64Encoder`].
        base64: bool,
    },
}
