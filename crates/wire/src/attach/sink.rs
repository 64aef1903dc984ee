//! What is written: the document with its references or its base64, header lines of parts, boundaries.

use super::head::cid_url;
use super::xml::{Frame, XOP};
use super::{AttachFault, AttachmentPlan, Document, Form, delimiter};
use memchr::memmem;

/// The name of the part with the document.
const ROOT: &str = "rootpart@lgsp";

/// How a message is written.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) form: Form,
    document: Document,
    boundary: String,
    watch: Option<Watch>,
}

/// Looks for the boundary in what is written.
#[derive(Debug)]
struct Watch {
    finder: memmem::Finder<'static>,
    tail: Vec<u8>,
}

impl Sink {
    pub(super) fn new(form: Form, document: Document, boundary: &str) -> Self {
        let line = delimiter(boundary);
        let finder = memmem::Finder::new(&line).into_owned();
        let watch = (form != Form::Inline).then(|| Watch { finder, tail: Vec::new() });
        Self { form, document, boundary: boundary.into(), watch }
    }

    pub(super) fn packaged(&self) -> bool {
        self.form != Form::Inline
    }

    /// Content of a part goes out, or is set aside to go out later.
    pub(super) fn check(&mut self, bytes: &[u8]) -> Result<(), AttachFault> {
        let Some(watch) = &mut self.watch else { return Ok(()) };
        let keep = self.boundary.len() + 1;
        let seam: Vec<u8> = watch.tail.iter().chain(bytes.iter().take(keep)).copied().collect();
        if watch.finder.find(&seam).is_some() || watch.finder.find(bytes).is_some() {
            return Err(AttachFault::BoundaryInData);
        }
        if bytes.len() >= keep {
            watch.tail = bytes[bytes.len() - keep..].to_vec();
        } else {
            watch.tail.extend_from_slice(bytes);
            let over = watch.tail.len().saturating_sub(keep);
            watch.tail.drain(..over);
        }
        Ok(())
    }

    /// Other content begins.
    pub(super) fn fresh(&mut self) {
        if let Some(watch) = &mut self.watch {
            watch.tail.clear();
        }
    }

    /// The content type of the message.
    pub(super) fn content_type(&self, plan: &AttachmentPlan) -> String {
        let media = &plan.document_type;
        let essence = media.split(';').next().unwrap_or_default().trim();
        let boundary = &self.boundary;
        match self.form {
            Form::Inline => format!("{media}; charset=utf-8"),
            Form::Xop => format!(
                "multipart/related; type=\"application/xop+xml\"; start=\"<{ROOT}>\"; start-info=\"{essence}\"; boundary=\"{boundary}\""
            ),
            Form::SwaRef | Form::Href => {
                format!("multipart/related; type=\"{essence}\"; start=\"<{ROOT}>\"; boundary=\"{boundary}\"")
            }
            Form::FormData => format!("multipart/form-data; boundary=\"{boundary}\""),
        }
    }

    /// What stands before the document.
    pub(super) fn root(&self, plan: &AttachmentPlan) -> String {
        let (line, media) = (&self.boundary, &plan.document_type);
        let essence = media.split(';').next().unwrap_or_default().trim();
        let related = |content_type: &str| {
            format!(
                "--{line}\r\nContent-Type: {content_type}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <{ROOT}>\r\n\r\n"
            )
        };
        match self.form {
            Form::Inline => String::new(),
            Form::Xop => related(&format!("application/xop+xml; charset=UTF-8; type=\"{essence}\"")),
            Form::SwaRef | Form::Href => related(&format!("{media}; charset=UTF-8")),
            Form::FormData => format!(
                "--{line}\r\nContent-Disposition: form-data; name=\"{}\"\r\nContent-Type: {media}; charset=UTF-8\r\n\r\n",
                plan.document_field
            ),
        }
    }

    /// What stands before an attachment in a part of its own.
    pub(super) fn part(&self, name: &str, content_type: &str, file_name: Option<&str>) -> String {
        let line = &self.boundary;
        match self.form {
            Form::FormData => {
                let file = file_name.map(|f| format!("; filename=\"{f}\"")).unwrap_or_default();
                format!(
                    "--{line}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\nContent-Type: {content_type}\r\n\r\n"
                )
            }
            _ => format!(
                "--{line}\r\nContent-Type: {content_type}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <{name}>\r\n\r\n"
            ),
        }
    }

    /// What ends the message.
    pub(super) fn end(&self) -> String {
        if self.packaged() { format!("--{}--\r\n", self.boundary) } else { String::new() }
    }

    /// The element or string that refers to a part.
    pub(super) fn reference(&self, frame: &Frame, name: &str) -> Result<Vec<u8>, AttachFault> {
        let url = cid_url(name);
        if self.document == Document::Json {
            return Ok(format!("\"{url}\"").into_bytes());
        }
        let text = match self.form {
            Form::Xop => format!("><xop:Include xmlns:xop=\"{XOP}\" href=\"{url}\"/>"),
            Form::Href if frame.href => {
                return Err(AttachFault::Syntax("the element has an attribute href already"));
            }
            Form::Href => format!(" href=\"{url}\">"),
            _ => format!(">{url}"),
        };
        Ok([&frame.open, text.as_bytes(), &frame.close].concat())
    }

    /// What stands before base64 inside the document.
    pub(super) fn lead(&self, frame: &Frame) -> Vec<u8> {
        match self.document {
            Document::Xml => [frame.open.as_slice(), b">"].concat(),
            Document::Json => b"\"".to_vec(),
        }
    }

    /// What stands behind it.
    pub(super) fn close(&self, frame: &Frame) -> Vec<u8> {
        match self.document {
            Document::Xml => frame.close.clone(),
            Document::Json => b"\"".to_vec(),
        }
    }
}
