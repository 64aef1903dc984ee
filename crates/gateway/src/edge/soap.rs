//! SOAP: which operation an envelope means, by its action (the SOAPAction header of 1.1, the `action` parameter of 1.2), by the first
//! element of its body, or by both, which then must agree. An operation that declares no action is found whatever action is stated:
//! clients send all sorts.

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue};
use lgsp_kernel::snapshot::{Operation, Version};
use lgsp_kernel::{Refusal, fault};
use lgsp_wire::media::MediaType;
use lgsp_wire::soap::{Envelope, soap_action_header};
use lgsp_xroad::mime::{Multipart, is_multipart};
use std::borrow::Cow;
use std::sync::Arc;

/// The action that a request states; empty where it states none. Providers look in either place, whatever the version, so all that is
/// stated must be one action.
pub(crate) fn action(headers: &HeaderMap) -> Result<Cow<'_, str>, Refusal> {
    let ambiguous = |detail: &str| Refusal::new(&fault::AMBIGUOUS_OPERATION, detail);
    let mut lines = headers.get_all("soapaction").iter();
    let header = match lines.next().map(HeaderValue::to_str) {
        Some(Ok(text)) => soap_action_header(text),
        Some(Err(_)) => return Err(ambiguous("The SOAPAction is not plain ASCII.")),
        None => "",
    };
    if lines.next().is_some() {
        return Err(ambiguous("SOAPAction is there twice."));
    }
    let content_type = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let media = content_type.and_then(|text| MediaType::parse(text).ok());
    match media.as_ref().and_then(|m| m.parameter("action")) {
        None | Some("") => Ok(Cow::Borrowed(header)),
        Some(parameter) if header.is_empty() || header == parameter => Ok(Cow::Owned(parameter.to_owned())),
        Some(parameter) => Err(Refusal::new(
            &fault::AMBIGUOUS_OPERATION,
            format!("The SOAPAction is {:?}, the Content-Type says {:?}.", clip(header), clip(parameter)),
        )),
    }
}

fn clip(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Whether a message has attachments (SOAP Messages with Attachments).
pub(crate) fn has_attachments(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).is_some_and(is_multipart)
}

/// The envelope of a message with attachments.
pub(crate) fn first_part(headers: &HeaderMap, body: &Bytes) -> Result<Bytes, Refusal> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let message = Multipart::parse(content_type, body);
    let message = message.map_err(|e| Refusal::new(&fault::BAD_SOAP, format!("Not accepted: {e}.")))?;
    Ok(message.soap().clone())
}

/// Finds the operation of a version.
pub(crate) fn find<'a>(
    version: &'a Version,
    action: &str,
    envelope: &Envelope,
    path: &str,
) -> Result<&'a Arc<Operation>, Refusal> {
    let here = || version.operations.iter().filter(|o| leads_here(o, path));
    let by_action = |o: &Operation| !action.is_empty() && o.spec.soap_action.as_deref() == Some(action);
    let by_element = |o: &Operation| o.spec.element.as_deref().is_some_and(|e| names(e, envelope));
    if let Some(both) = here().find(|o| by_action(o) && by_element(o)) {
        return Ok(both);
    }
    let (acted, named) = (here().find(|o| by_action(o)), here().find(|o| by_element(o)));
    match (acted, named) {
        // Declared by its action alone: any element will do, unless that is another operation's.
        (Some(o), None) if o.spec.element.is_none() => Ok(o),
        // Another action than the declared one might be an operation of the provider's that was never declared here.
        (None, Some(o)) if action.is_empty() || !declares_action(o) => Ok(o),
        (None, None) => Err(Refusal::new(
            &fault::NO_OPERATION,
            format!("No operation has the action {action:?} or the body element {}.", shown(envelope)),
        )),
        _ => Err(Refusal::new(
            &fault::AMBIGUOUS_OPERATION,
            format!("The action is {action:?}, the body element is {}.", shown(envelope)),
        )),
    }
}

fn declares_action(operation: &Operation) -> bool {
    operation.spec.soap_action.as_deref().is_some_and(|declared| !declared.is_empty())
}

/// A SOAP operation lives at its version's address, under its own name, or where its path says.
fn leads_here(operation: &Operation, path: &str) -> bool {
    match &operation.spec.path {
        // With a method it is where the REST face has it.
        Some(pattern) if operation.spec.method.is_none() => pattern.matches(path),
        _ => path.is_empty() || path == "/" || path.strip_prefix('/') == Some(operation.spec.name.as_str()),
    }
}

/// Whether `{namespace}name` or `name` is the envelope's body element.
fn names(declared: &str, envelope: &Envelope) -> bool {
    match declared.strip_prefix('{').and_then(|d| d.split_once('}')) {
        Some((namespace, local)) => namespace == envelope.body_namespace && local == envelope.body_element,
        None => declared == envelope.body_element,
    }
}

fn shown(envelope: &Envelope) -> String {
    let name = format!("{{{}}}{}", envelope.body_namespace, envelope.body_element);
    name.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{action, find};
    use lgsp_kernel::snapshot::{OpenAuth, Operation, Version};
    use lgsp_wire::soap::{Envelope, SoapVersion};
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn version(operations: Vec<Value>) -> Version {
        let operation = |spec| {
            Arc::new(Operation {
                spec: serde_json::from_value(spec).unwrap(),
                key: String::new(),
                safe: false,
                idempotent: false,
            })
        };
        let spec = json!({"version": "1", "lifecycle": "published", "targets": [], "operations": []});
        Version {
            spec: serde_json::from_value(spec).unwrap(),
            key: String::new(),
            stamp: 0,
            auth: OpenAuth::None,
            client_certificate: None,
            legs: Vec::new(),
            mediator: None,
            operations: operations.into_iter().map(operation).collect(),
        }
    }
    fn look(v: &Version, action: &str, namespace: &str, element: &str, path: &str) -> String {
        let envelope = Envelope {
            version: SoapVersion::V11,
            body_namespace: namespace.into(),
            body_element: element.into(),
        };
        match find(v, action, &envelope, path) {
            Ok(o) => o.spec.name.clone(),
            Err(refusal) => refusal.kind.code.into(),
        }
    }

    #[test]
    fn action_and_element_each_decide_and_together_must_agree() {
        let v = version(vec![
            json!({"name": "look", "soap_action": "urn:look", "element": "{urn:p}Look"}),
            json!({"name": "save", "soap_action": "urn:save", "element": "{urn:p}Save"}),
            json!({"name": "by-action", "soap_action": "urn:only"}),
            json!({"name": "by-element", "element": "{urn:p}Element"}),
        ]);
        assert_eq!(look(&v, "urn:look", "urn:p", "Look", ""), "look");
        assert_eq!(look(&v, "", "urn:p", "Save", "/"), "save");
        assert_eq!(look(&v, "", "urn:p", "Save", "/save"), "save");
        assert_eq!(look(&v, "urn:whatever", "urn:p", "Save", ""), "resolve.ambiguous", "never declared");
        assert_eq!(look(&v, "urn:whatever", "urn:p", "Element", ""), "by-element", "declares no action");
        assert_eq!(look(&v, "urn:only", "urn:x", "Anything", ""), "by-action");
        assert_eq!(look(&v, "urn:look", "urn:p", "Save", ""), "resolve.ambiguous");
        assert_eq!(look(&v, "urn:look", "urn:p", "Other", ""), "resolve.ambiguous");
        assert_eq!(look(&v, "urn:only", "urn:p", "Save", ""), "resolve.ambiguous");
        assert_eq!(look(&v, "", "urn:q", "Look", ""), "resolve.operation", "the namespace counts");
        assert_eq!(look(&v, "urn:look", "urn:p", "Look", "/elsewhere"), "resolve.operation");
    }

    fn stated(content_type: &str, actions: &[&[u8]]) -> Result<String, &'static str> {
        let mut headers = http::HeaderMap::new();
        headers.insert("content-type", content_type.parse().unwrap());
        for a in actions {
            headers.append("soapaction", http::HeaderValue::from_bytes(a).unwrap());
        }
        action(&headers).map(|a| a.into_owned()).map_err(|r| r.kind.code)
    }

    #[test]
    fn the_action_is_read_where_each_version_puts_it() {
        assert_eq!(stated("text/xml", &[b"\"urn:a\""]), Ok("urn:a".into()));
        assert_eq!(stated("application/soap+xml; action=\"urn:b\"", &[]), Ok("urn:b".into()));
        assert_eq!(stated("application/soap+xml; action=\"urn:b\"", &[b"urn:b"]), Ok("urn:b".into()));
        assert_eq!(stated("application/soap+xml; action=\"urn:b\"", &[b"\"\""]), Ok("urn:b".into()));
        assert_eq!(stated("text/xml", &[]), Ok(String::new()));
    }

    #[test]
    fn two_actions_in_one_request_are_ambiguous() {
        let ambiguous = Err("resolve.ambiguous");
        assert_eq!(stated("text/xml", &[b"urn:a", b"urn:b"]), ambiguous);
        assert_eq!(stated("text/xml", &[b"", b"urn:b"]), ambiguous);
        assert_eq!(stated("application/soap+xml; action=\"urn:a\"", &[b"urn:b"]), ambiguous);
        assert_eq!(stated("text/xml; action=\"urn:a\"", &[b"urn:b"]), ambiguous);
        assert_eq!(stated("text/xml", &[b"urn:\xc3\xa1"]), ambiguous);
    }
}
