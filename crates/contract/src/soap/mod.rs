//! An operation's messages between envelopes and JSON: the body by the codec, faults by their codes. Pure functions, whole messages.
//! Not here: attachments, HTTP, who is called.

mod fault;
mod open;

pub use fault::{DetailEntry, FaultBlame, SoapFault};
pub use fault::{read as read_fault, write as write_fault};
pub use open::{BodyElement, Opened, envelope, open};

use crate::wsdl::{BodyShape, WsdlOperation};
use lgsp_schema::codec::{Codec, CodecFault, Limits, Prefixes, XmlReader};
use lgsp_wire::soap::SoapVersion;
use lgsp_wire::xml::XmlFault;
use serde_json::{Value, json};

/// `type` of the problem document of a provider's fault that blames the message.
pub const FAULT_SENDER: &str = "urn:lgsp:problem:provider.fault.sender";
/// `type` of the problem document of a provider's fault that blames itself.
pub const FAULT_RECEIVER: &str = "urn:lgsp:problem:provider.fault.receiver";

/// Why a message was not converted. Texts are fit for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SoapError {
    /// Not XML, or no envelope.
    #[error(transparent)]
    Envelope(#[from] XmlFault),
    /// An envelope with something else in it than the operation's message.
    #[error("{0}")]
    Body(String),
    /// The message breaks its schema.
    #[error(transparent)]
    Codec(#[from] CodecFault),
}

/// An answer as JSON.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The message.
    Body(Vec<u8>),
    /// The provider's fault.
    Fault(FaultAnswer),
}

/// A fault for a caller that speaks JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultAnswer {
    /// HTTP status: 422 where the message is to blame, 502 else.
    pub status: u16,
    /// A problem document (RFC 9457) with the member `fault`: `code`, `subcode`, `reason`, and `detail` by the declared faults.
    pub body: Vec<u8>,
    /// The fault itself.
    pub fault: SoapFault,
}

/// A JSON request as the envelope that the provider gets.
pub fn request_json_to_envelope(
    op: &WsdlOperation,
    codec: &Codec,
    json: &[u8],
    limits: Limits,
) -> Result<Vec<u8>, SoapError> {
    to_envelope(op, &op.input, codec, json, limits)
}

/// A JSON answer as the envelope that the caller gets. A one-way operation has no answer.
pub fn answer_json_to_envelope(
    op: &WsdlOperation,
    codec: &Codec,
    json: &[u8],
    limits: Limits,
) -> Result<Vec<u8>, SoapError> {
    to_envelope(op, output(op)?, codec, json, limits)
}

/// A caller's envelope as the JSON request.
pub fn request_envelope_to_json(
    op: &WsdlOperation,
    codec: &Codec,
    bytes: &[u8],
    limits: Limits,
) -> Result<Vec<u8>, SoapError> {
    match at_once(&op.input, codec, bytes, limits) {
        Some(json) => Ok(json),
        None => from_envelope(&op.input, codec, &open(bytes)?, limits),
    }
}

/// The provider's envelope as JSON: its message, or its fault.
pub fn answer_envelope_to_json(
    op: &WsdlOperation,
    codec: &Codec,
    bytes: &[u8],
    limits: Limits,
) -> Result<Answer, SoapError> {
    if let Some(json) = op.output.as_ref().and_then(|shape| at_once(shape, codec, bytes, limits)) {
        return Ok(Answer::Body(json));
    }
    let opened = open(bytes)?;
    match read_fault(&opened) {
        Some(fault) => Ok(Answer::Fault(fault_answer(op, codec, fault, limits))),
        None => from_envelope(output(op)?, codec, &opened, limits).map(Answer::Body),
    }
}

fn output(op: &WsdlOperation) -> Result<&BodyShape, SoapError> {
    op.output
        .as_ref()
        .ok_or_else(|| SoapError::Body(format!("the operation {} is one-way: it has no answer", op.name)))
}

fn to_envelope(
    op: &WsdlOperation,
    shape: &BodyShape,
    codec: &Codec,
    json: &[u8],
    limits: Limits,
) -> Result<Vec<u8>, SoapError> {
    let Some(key) = &shape.key else {
        // Nothing can be said by a message that has no body.
        return match serde_json::from_slice(if json.is_empty() { b"{}" } else { json }) {
            Ok(Value::Null) => Ok(envelope(op.version, &[], b"")),
            Ok(Value::Object(members)) if members.is_empty() => Ok(envelope(op.version, &[], b"")),
            _ => Err(SoapError::Body("this message has no content; send {}".into())),
        };
    };
    let element = codec.element(key).ok_or_else(|| unknown(key))?;
    let body = codec.json_to_xml(element, json, Prefixes::default(), limits)?;
    Ok(envelope(op.version, &[], &body))
}

/// The message of an envelope that has nothing unusual in it, read in one pass. None: [`open`] says what there is, or what is wrong. What is
/// taken here is taken there, to the same JSON.
fn at_once(shape: &BodyShape, codec: &Codec, bytes: &[u8], limits: Limits) -> Option<Vec<u8>> {
    let expected = &shape.element.as_ref()?.name;
    let element = codec.element(shape.key.as_ref()?)?;
    let mut reader = XmlReader::new(bytes).ok()?;
    let (namespace, local) = reader.child().ok()??;
    let soap = [SoapVersion::V11, SoapVersion::V12].map(SoapVersion::namespace);
    let soap = soap.into_iter().find(|n| *n == namespace).filter(|_| local == "Envelope")?;
    let mut part = reader.child().ok()??;
    if part == (soap, "Header") {
        reader.skip().ok()?;
        part = reader.child().ok()??;
    }
    if part != (soap, "Body") || reader.child().ok()?? != (&*expected.namespace, &*expected.local) {
        return None;
    }
    let mut json = Vec::with_capacity(bytes.len().min(limits.output_max));
    codec.read(element, &mut reader, limits, &mut json).ok()?;
    let ends = reader.child().ok()?.is_none() && reader.child().ok()?.is_none();
    reader.finish().ok()?;
    (ends && !reader.has_instruction()).then_some(json)
}

fn from_envelope(
    shape: &BodyShape,
    codec: &Codec,
    opened: &Opened<'_>,
    limits: Limits,
) -> Result<Vec<u8>, SoapError> {
    match (&shape.element, &shape.key, &opened.body) {
        (None, ..) | (_, None, _) => match &opened.body {
            None => Ok(b"{}".to_vec()),
            Some(body) => Err(SoapError::Body(format!("the body must be empty, it has {}", body.name))),
        },
        (Some(expected), _, None) => {
            Err(SoapError::Body(format!("the body is empty, {} was expected", expected.name)))
        }
        (Some(expected), _, Some(body)) if expected.name != body.name => {
            Err(SoapError::Body(format!("the body has {}, {} was expected", body.name, expected.name)))
        }
        (_, Some(key), Some(_)) => {
            let element = codec.element(key).ok_or_else(|| unknown(key))?;
            let document = opened.document().unwrap_or_default();
            Ok(codec.xml_to_json(element, &document, limits)?)
        }
    }
}

fn unknown(key: &lgsp_schema::model::QName) -> SoapError {
    SoapError::Body(format!("the codec was made of another contract: it has no {key}"))
}

/// A fault as the problem document that a caller of the REST face gets. Undeclared details stay inside: they are stack traces more often
/// than answers.
pub fn fault_answer(op: &WsdlOperation, codec: &Codec, fault: SoapFault, limits: Limits) -> FaultAnswer {
    let (status, kind, title) = match fault.blame {
        FaultBlame::Sender => (422, FAULT_SENDER, "The provider refuses the request"),
        FaultBlame::Receiver => (502, FAULT_RECEIVER, "The provider failed"),
    };
    let mut told = json!({"code": fault.code, "reason": fault.reason});
    if let Some(subcode) = &fault.subcode {
        told["subcode"] = json!(subcode);
    }
    if let Some((name, detail)) = fault.detail.iter().find_map(|d| declared(op, codec, d, limits)) {
        told["detail"] = json!({ name: detail });
    }
    let body = json!({
        "type": kind,
        "title": title,
        "status": status,
        "detail": fault.reason,
        "fault": told,
    });
    FaultAnswer { status, body: body.to_string().into_bytes(), fault }
}

/// A detail by the fault that declares it. Goes through a tree: its numbers are strings wherever one could be lost.
fn declared(
    op: &WsdlOperation,
    codec: &Codec,
    entry: &DetailEntry,
    limits: Limits,
) -> Option<(String, Value)> {
    let fault = op.faults.iter().find(|f| f.element.name == entry.name)?;
    let element = codec.element(&fault.element.name)?;
    let json = codec.xml_to_json(element, &entry.xml, limits).ok()?;
    Some((fault.element.json.to_string(), serde_json::from_slice(&json).ok()?))
}
