//! Attachments: what comes out does not depend on how the bytes come, from MTOM into base64 inside the document.
#![no_main]

use lgsp_wire::attach::{AttachmentPlan, Converter, Document, Form, Step};
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;

/// What the steps say, and how much was held at most.
fn run(body: &[u8], size: usize) -> Option<Vec<Step>> {
    let plan = Arc::new(AttachmentPlan::new("text/xml", Vec::new()));
    let content_type = "multipart/related; boundary=b";
    let mut c = Converter::new(plan, Document::Xml, Form::Xop, content_type, Form::Inline, "").expect("a plan");
    let mut steps = Vec::new();
    for piece in body.chunks(size) {
        steps.extend(c.push(piece).ok()?);
    }
    steps.extend(c.finish().ok()?);
    let mut out: Vec<Step> = Vec::new();
    for step in steps {
        match (out.last_mut(), step) {
            (Some(Step::Bytes(before)), Step::Bytes(bytes)) => *before = [&before[..], &bytes[..]].concat().into(),
            (_, Step::Spool { .. }) => {}
            (_, step) => out.push(step),
        }
    }
    Some(out)
}

fuzz_target!(|data: &[u8]| {
    let Some((size, body)) = data.split_first() else { return };
    assert_eq!(run(body, usize::from(*size).max(1)), run(body, body.len().max(1)));
});
