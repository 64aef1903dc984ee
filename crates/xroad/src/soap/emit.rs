//! Writing headers into envelopes: the request hash of an answer, and whole headers where a provider does not know X-Road. All other bytes stay.

use super::{Field, Header, IDENTIFIERS, Message, REPRESENTATION, RequestHash, SoapError, XROAD};
use crate::id::ClientId;
use bytes::Bytes;
use lgsp_wire::xml::escape_into;

/// What the consumer gets of a provider's answer (PR-MESS 2.2): the request's header fields, in their order, and the request's hash in place of
/// any that the provider stated. A provider that set the fields itself must have copied them; for one that set none they are written. A
/// fault goes through as it is.
pub fn complete_answer(request: &Header, answer: &Bytes, hash: &RequestHash) -> Result<Bytes, SoapError> {
    let message = Message::parse(answer)?;
    if message.is_fault() {
        return Ok(answer.clone());
    }
    let mut xml = String::new();
    match &message.header {
        Some(theirs) => {
            same(request, theirs)?;
            request_hash(&mut xml, hash);
        }
        None => {
            let order = request.order.iter().filter(|f| **f != Field::RequestHash);
            order.for_each(|f| field(&mut xml, request, *f));
            request_hash(&mut xml, hash);
        }
    }
    Ok(inserted(&message, answer, &xml))
}

/// An envelope with this header, for a provider or a security server that wants one. The envelope must have none of the protocol's fields.
pub fn with_header(header: &Header, envelope: &Bytes) -> Result<Bytes, SoapError> {
    let message = Message::parse(envelope)?;
    if message.header.is_some() {
        return Err(SoapError::Duplicate("client"));
    }
    let mut xml = String::new();
    header.order.iter().for_each(|f| field(&mut xml, header, *f));
    Ok(inserted(&message, envelope, &xml))
}

fn same(request: &Header, answer: &Header) -> Result<(), SoapError> {
    let pairs = [
        ("client", request.client == answer.client),
        ("service", request.service.is_none() || request.service == answer.service),
        ("centralService", request.central_service == answer.central_service),
        ("id", request.id == answer.id),
        ("userId", request.user_id == answer.user_id),
        ("issue", request.issue == answer.issue),
        ("protocolVersion", request.protocol_version == answer.protocol_version),
        ("representedParty", request.represented_party == answer.represented_party),
    ];
    match pairs.iter().find(|(_, same)| !same) {
        Some((name, _)) => Err(SoapError::Inconsistent(name)),
        None => Ok(()),
    }
}

/// The envelope without its request hashes, and with this at the end of its Header.
fn inserted(message: &Message, envelope: &Bytes, xml: &str) -> Bytes {
    let places = &message.places;
    let mut out = Vec::with_capacity(envelope.len() + xml.len() + 64);
    let mut done = 0;
    for hash in &places.hashes {
        out.extend_from_slice(&envelope[done..hash.start]);
        done = hash.end;
    }
    let prefix = &places.prefix;
    match (&places.header_tag, places.header_end) {
        (Some(tag), _) if envelope[tag.clone()].ends_with(b"/>") => {
            out.extend_from_slice(&envelope[done..tag.end - 2]);
            let name = String::from_utf8_lossy(&envelope[tag.start + 1..tag.end - 2]).into_owned();
            let name = name.split_ascii_whitespace().next().unwrap_or_default().to_owned();
            out.extend_from_slice(format!(">{xml}</{name}>").as_bytes());
            done = tag.end;
        }
        (Some(_), Some(end)) => {
            out.extend_from_slice(&envelope[done..end]);
            out.extend_from_slice(xml.as_bytes());
            done = end;
        }
        _ => {
            out.extend_from_slice(&envelope[done..places.body]);
            out.extend_from_slice(format!("<{prefix}Header>{xml}</{prefix}Header>").as_bytes());
            done = places.body;
        }
    }
    out.extend_from_slice(&envelope[done..]);
    Bytes::from(out)
}

fn field(out: &mut String, header: &Header, field: Field) {
    let name = field.name();
    match field {
        Field::Client => identifier(out, name, header.client.object_type(), &client_parts(&header.client)),
        Field::Service => {
            if let Some(service) = &header.service {
                identifier(out, name, "SERVICE", &service_parts(service));
            }
        }
        Field::CentralService => {
            if let Some(c) = &header.central_service {
                let parts = [("xRoadInstance", &*c.instance), ("serviceCode", &*c.service)];
                identifier(out, name, "CENTRALSERVICE", &parts);
            }
        }
        Field::SecurityServer => {
            if let Some(s) = &header.security_server {
                let parts = [
                    ("xRoadInstance", &*s.instance),
                    ("memberClass", &*s.class),
                    ("memberCode", &*s.member),
                    ("serverCode", &*s.server),
                ];
                identifier(out, name, "SERVER", &parts);
            }
        }
        Field::RepresentedParty => {
            if let Some(p) = &header.represented_party {
                out.push_str(&format!("<repr:{name} xmlns:repr=\"{REPRESENTATION}\">"));
                if let Some(class) = &p.class {
                    element(out, "repr:partyClass", class);
                }
                element(out, "repr:partyCode", &p.code);
                out.push_str(&format!("</repr:{name}>"));
            }
        }
        Field::Id => simple(out, name, Some(&header.id)),
        Field::UserId => simple(out, name, header.user_id.as_deref()),
        Field::Issue => simple(out, name, header.issue.as_deref()),
        Field::ProtocolVersion => simple(out, name, Some(&header.protocol_version)),
        Field::RequestHash => {
            if let Some(hash) = &header.request_hash {
                request_hash(out, hash);
            }
        }
    }
}

fn client_parts(client: &ClientId) -> Vec<(&'static str, &str)> {
    let names = ["xRoadInstance", "memberClass", "memberCode", "subsystemCode"];
    names.into_iter().zip(client.parts()).collect()
}

fn service_parts(service: &crate::id::ServiceId) -> Vec<(&'static str, &str)> {
    let mut parts = client_parts(&service.provider);
    parts.push(("serviceCode", &service.service));
    parts.extend(service.version.as_deref().map(|v| ("serviceVersion", v)));
    parts
}

/// An element of X-Road's namespace that holds a service identifier; also in the answers of `listMethods`.
pub(crate) fn service_element(out: &mut String, service: &crate::id::ServiceId) {
    identifier(out, "service", "SERVICE", &service_parts(service));
}

/// An element of X-Road's namespace that holds a client identifier.
pub(crate) fn client_element(out: &mut String, name: &str, client: &ClientId) {
    identifier(out, name, client.object_type(), &client_parts(client));
}

fn identifier(out: &mut String, name: &str, object_type: &str, parts: &[(&str, &str)]) {
    out.push_str(&format!(
        "<xrd:{name} xmlns:xrd=\"{XROAD}\" xmlns:id=\"{IDENTIFIERS}\" id:objectType=\"{object_type}\">"
    ));
    for (part, text) in parts {
        element(out, &format!("id:{part}"), text);
    }
    out.push_str(&format!("</xrd:{name}>"));
}

fn simple(out: &mut String, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        out.push_str(&format!("<xrd:{name} xmlns:xrd=\"{XROAD}\">"));
        escape_into(out, text);
        out.push_str(&format!("</xrd:{name}>"));
    }
}

fn request_hash(out: &mut String, hash: &RequestHash) {
    out.push_str(&format!("<xrd:requestHash xmlns:xrd=\"{XROAD}\" algorithmId=\""));
    escape_into(out, &hash.algorithm);
    out.push_str("\">");
    escape_into(out, &hash.value);
    out.push_str("</xrd:requestHash>");
}

pub(crate) fn element(out: &mut String, name: &str, text: &str) {
    out.push_str(&format!("<{name}>"));
    escape_into(out, text);
    out.push_str(&format!("</{name}>"));
}
