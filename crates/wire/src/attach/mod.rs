//! Attachments in all their forms (MTOM/XOP, SOAP with Attachments, form-data, base64 inside the document), each converted into each other
//! as the bytes come, in bounded memory. No I/O: bytes are pushed in, steps come out. Not here: which form a service speaks.

mod convert;
mod fault;
mod head;
mod json;
mod multipart;
mod plan;
mod sink;
mod transfer;
mod whole;
mod xml;

pub use convert::Converter;
pub use fault::AttachFault;
pub use head::{PART_HEAD_MAX, PartHead, bare_id, cid_of, header_lines, is_boundary, multipart_boundary};
pub use multipart::{MultipartReader, PADDING_MAX, PARTS_MAX, PartEvent};
pub use plan::{AttachmentPlan, Binary, Document, Form, Step};
pub use transfer::{Base64Decoder, Base64Encoder};
pub use whole::convert_whole;
pub use xml::TAG_MAX;

/// What must not appear in the content of parts that are written.
pub(crate) fn delimiter(boundary: &str) -> Vec<u8> {
    format!("--{boundary}").into_bytes()
}
