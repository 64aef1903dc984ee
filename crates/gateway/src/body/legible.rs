//! Whether a provider will read in a body what the platform has read in it. Asked before the platform decides anything by a body's
//! content. Not here: whether the operation takes the content type.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use lgsp_kernel::{Refusal, fault};
use lgsp_wire::media::MediaType;

/// Refuses a repeated Content-Type: the platform would look at one, the provider perhaps at the other.
pub(crate) fn one_content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get_all(CONTENT_TYPE).iter().nth(1) {
        Some(_) => Err(refusal("Content-Type is there twice.")),
        None => Ok(()),
    }
}

/// Refuses what could make the content be read in another way: a content type with two readings, a charset other than UTF-8 (RFC 7303:
/// it outranks what the document says itself), a content coding.
pub(crate) fn legible(headers: &HeaderMap) -> Result<(), Refusal> {
    decodable(headers)?;
    let text = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    lgsp_wire::xml::check_charset(text).map_err(|f| refusal(&format!("Not accepted: {}.", f.what)))
}

/// The same for a version that takes other charsets: its body is looked at once it is UTF-8.
pub(crate) fn decodable(headers: &HeaderMap) -> Result<(), Refusal> {
    one_content_type(headers)?;
    if let Some(value) = headers.get(CONTENT_TYPE) {
        let text = value.to_str().map_err(|_| refusal("The Content-Type is not plain ASCII."))?;
        MediaType::parse(text).map_err(|f| refusal(&format!("Not accepted: {f}.")))?;
    }
    let plain = |v: &http::HeaderValue| v.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().all(plain) {
        return Ok(());
    }
    Err(refusal("Send it without a Content-Encoding: the platform reads this body."))
}

fn refusal(detail: &str) -> Refusal {
    Refusal::new(&fault::MEDIA_TYPE, detail)
}
