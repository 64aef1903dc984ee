//! The MIME binding (section 5): which parts of a message travel as attachments beside the envelope.

use super::index::At;
use super::{AttachmentShape, MIME};
use lgsp_schema::Problem;

/// The part of `mime:multipartRelated` that holds the envelope, and the attachments. Alternatives of one part are one attachment.
pub(super) fn related<'a>(multipart: At<'a>, soap: &str) -> Result<(At<'a>, Vec<AttachmentShape>), Problem> {
    let mut root = None;
    let mut attachments: Vec<AttachmentShape> = Vec::new();
    for part in multipart.children(MIME, "part") {
        if part.child(soap, "body").is_some() {
            if root.replace(part).is_some() {
                return Err(part.problem("mime:part", "two parts hold the envelope"));
            }
            continue;
        }
        for content in part.children(MIME, "content") {
            let Some(name) = content.attribute("part") else {
                return Err(content.problem("mime:content", "it names no part of the message"));
            };
            let media = content.attribute("type").filter(|t| !matches!(*t, "*/*" | "*"));
            match attachments.iter_mut().find(|a| &*a.part == name) {
                Some(known) => known.media_types.extend(media.map(Into::into)),
                None => attachments.push(AttachmentShape {
                    part: name.into(),
                    media_types: media.into_iter().map(Into::into).collect(),
                }),
            }
        }
        if let Some(xml) = part.child(MIME, "mimeXml") {
            return Err(
                xml.problem("mime:mimeXml", "XML beside the envelope is not supported: put it into the body")
            );
        }
    }
    let root =
        root.ok_or_else(|| multipart.problem("mime:multipartRelated", "no part of it holds soap:body"))?;
    Ok((root, attachments))
}
