//! What a security server of X-Road is sent: the same request under our name there, at the address of the service there; for SOAP with
//! the header that its message protocol demands. Not here: the protocols' forms (`lgsp_xroad`).

use super::carried::Carried;
use crate::exchange::Exchange;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use lgsp_kernel::model::Protocol;
use lgsp_kernel::{Refusal, fault};
use lgsp_provider::OutHead;
use lgsp_xroad::id::{ClientId, ServiceId};
use lgsp_xroad::mime::{Multipart, is_multipart};
use lgsp_xroad::rest::{outgoing_lines, outgoing_path};
use lgsp_xroad::soap::{Header, with_header};

/// The head and, where it is another one, the body.
pub(super) fn request(
    x: &Exchange,
    client: &str,
    service: &str,
    out: OutHead,
    body: &Carried,
) -> Result<(OutHead, Option<Bytes>), Refusal> {
    let unusable = |why: &dyn std::fmt::Display| {
        let refusal =
            Refusal::new(&fault::TARGET_FORBIDDEN, "The route's X-Road identifiers are not usable.");
        refusal.with_internal(why)
    };
    let client = ClientId::parse(client).map_err(|e| unusable(&e))?;
    let service = ServiceId::parse(service).map_err(|e| unusable(&e))?;
    match x.route().service.spec.protocol {
        Protocol::Rest => Ok((rest(x, &client, &service, out), None)),
        Protocol::Soap => {
            let envelope = soap(x, client, service, &out, body)?;
            Ok((out.with_rest(""), Some(envelope)))
        }
    }
}

fn rest(x: &Exchange, client: &ClientId, service: &ServiceId, out: OutHead) -> OutHead {
    let (path, query) = match out.rest().split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (out.rest(), String::new()),
    };
    let address = format!("{}{query}", outgoing_path(service, path));
    let mut out = out.with_rest(address);
    let (user, case) = (x.stated.officer.as_deref(), x.stated.dossier.as_deref());
    outgoing_lines(out.headers_mut(), client, &x.id_text, user, case);
    out
}

/// The envelope with the header of the message protocol; attachments stay as they are.
fn soap(
    x: &Exchange,
    client: ClientId,
    service: ServiceId,
    out: &OutHead,
    body: &Carried,
) -> Result<Bytes, Refusal> {
    let bad = |why: &dyn std::fmt::Display| Refusal::new(&fault::BAD_SOAP, format!("Not accepted: {why}."));
    let Carried::Whole(bytes, _) = body else { return Err(bad(&"the envelope is too large")) };
    let mut header = Header::new(client, service, x.id_text.as_str());
    if let Some(officer) = &x.stated.officer {
        header = header.with_user(officer.as_str());
    }
    if let Some(dossier) = &x.stated.dossier {
        header = header.with_issue(dossier.as_str());
    }
    let content_type = out.headers().get(CONTENT_TYPE).map(HeaderValue::to_str);
    let content_type = content_type.and_then(Result::ok).unwrap_or_default();
    if !is_multipart(content_type) {
        return with_header(&header, bytes).map_err(|e| bad(&e));
    }
    let message = Multipart::parse(content_type, bytes).map_err(|e| bad(&e))?;
    let envelope = with_header(&header, message.soap()).map_err(|e| bad(&e))?;
    message.with_soap(&envelope).ok_or_else(|| bad(&"the boundary occurs in the envelope"))
}
