//! Mask: takes out of the answer what the grant says the consumer may not see, before the answer is recorded and given. What cannot be
//! masked is not given. The record says which rules met something and what the answer was before. Not here: how a body is masked
//! (`lgsp_wire::mask`).

use super::verify::{Content, Given};
use crate::exchange::Exchange;
use crate::record::digest::sha256;
use crate::record::view::base64_string;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue};
use lgsp_kernel::record::{MaskedRecord, MessageDigest};
use lgsp_kernel::snapshot::Grant;
use lgsp_kernel::{Refusal, fault};
use lgsp_wire::mask::{MaskSet, Masked};

/// What an answer says of its body as the provider made it: with it the hidden values could be guessed and the guess be checked.
const TELLTALES: [&str; 6] =
    ["content-digest", "repr-digest", "digest", "content-md5", "signature", "signature-input"];

/// Whether fields of the answer are hidden from this consumer: then it is needed whole.
pub(super) fn hides(x: &Exchange) -> bool {
    x.grant.as_ref().is_some_and(|g| !g.spec.hide.is_empty())
}

/// Takes out what is hidden.
pub(crate) fn mask(x: &mut Exchange, given: Given) -> Result<Given, Refusal> {
    if !hides(x) {
        return Ok(given);
    }
    let Some(grant) = x.grant.clone() else { return Ok(given) };
    let Given { mut head, content } = given;
    let Content::Whole(before, _) = content else {
        let detail = format!("The answer is larger than {} bytes.", x.gateway.config.collect_max);
        return Err(Refusal::new(&fault::ANSWER_UNMASKED, detail));
    };
    let rules = MaskSet::compile(&grant.spec.hide).map_err(|e| e.refusal())?;
    let masked = masked(&rules, &head.headers, &before)?;
    for name in TELLTALES {
        head.headers.remove(name);
    }
    head.headers.remove(ETAG);
    head.headers.remove(CONTENT_LENGTH);
    if masked.values > 0 {
        note(x, &grant, &masked, &before);
    }
    // Trailers were made for the body as it was.
    Ok(Given { head, content: Content::Whole(masked.bytes, None) })
}

/// Says in the record which rules met something, and keeps the digest of what came apart from that of what is given.
fn note(x: &mut Exchange, grant: &Grant, masked: &Masked, before: &Bytes) {
    let (digest, bytes) = (x.digests_bodies().then(|| sha256(before)), before.len() as u64);
    // Where the answer was converted, what came is known already.
    if let Some(received) = x.answer.received.as_mut().filter(|m| m.bytes.is_none()) {
        (received.body, received.bytes) = (digest, Some(bytes));
    }
    x.masked = Some(Box::new(MaskedRecord {
        rules: masked.rules_met.iter().filter_map(|i| grant.spec.hide.get(*i)).cloned().collect(),
        values: masked.values as u64,
        before: MessageDigest {
            head: x.answer.received.map(|m| base64_string(m.head)).unwrap_or_default(),
            body: digest.map(base64_string),
            bytes: Some(bytes),
        },
    }));
}

fn masked(rules: &MaskSet, headers: &HeaderMap, body: &Bytes) -> Result<Masked, Refusal> {
    let unmasked = |detail| Refusal::new(&fault::ANSWER_UNMASKED, detail);
    let plain = |v: &HeaderValue| v.as_bytes().eq_ignore_ascii_case(b"identity");
    if !body.is_empty() && !headers.get_all(CONTENT_ENCODING).iter().all(plain) {
        return Err(unmasked("The answer has a Content-Encoding."));
    }
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let content_type = types.next().map(HeaderValue::to_str).transpose();
    let content_type = content_type.map_err(|_| unmasked("The Content-Type is not plain ASCII."))?;
    if types.next().is_some() {
        return Err(unmasked("Content-Type is there twice."));
    }
    rules.apply(content_type, body).map_err(|e| e.refusal())
}
