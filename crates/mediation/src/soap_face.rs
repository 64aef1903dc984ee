//! The SOAP face of a provider that speaks REST: a request's envelope becomes the REST call, its answer an envelope or a fault.

use crate::rest::RestProvider;
use crate::soap::{clip, converted};
use crate::text::is_json;
use bytes::Bytes;
use lgsp_contract::faces::wsdl::{SoapFace, SoapFaceOperation};
use lgsp_contract::soap::{DetailEntry, FaultBlame, SoapFault, envelope, open, write_fault};
use lgsp_contract::wsdl::SoapVersion;
use lgsp_kernel::mediation::{CallerAnswer, CallerRequest, Face, ProviderAnswer, ProviderRequest};
use lgsp_kernel::{Refusal, fault};
use lgsp_schema::codec::{Codec, Limits, Prefixes};
use serde_json::json;

/// Bytes of a detail about a message.
const TOLD_MAX: usize = 500;

/// A SOAP face, compiled.
#[derive(Debug)]
pub(crate) struct SoapSide {
    pub face: SoapFace,
    pub codec: Codec,
}

impl SoapSide {
    fn operation(&self, name: &str) -> Result<&SoapFaceOperation, Refusal> {
        let found = self.face.operations.iter().find(|o| o.name == name);
        found.ok_or_else(|| Refusal::new(&fault::NO_OPERATION, "The SOAP face has no such operation."))
    }

    fn call(&self, name: &str, body: &[u8]) -> Result<ProviderRequest, Refusal> {
        let refused =
            |why: &dyn std::fmt::Display| Refusal::new(&fault::CONVERSION, clip(&why.to_string(), TOLD_MAX));
        let operation = self.operation(name)?;
        let opened = open(body).map_err(|f| f.refusal())?;
        let document = opened.document().ok_or_else(|| refused(&"the body is empty"))?;
        let element = self
            .codec
            .element(&operation.input.name)
            .ok_or_else(|| refused(&"the contract has no such element"))?;
        let json = self.codec.xml_to_json(element, &document, Limits::default()).map_err(|e| refused(&e))?;
        let call = operation.rest_call(&json).map_err(|why| refused(&why))?;
        let notes = vec![converted("request", "SOAP to JSON", call.body.len())];
        Ok(ProviderRequest {
            method: call.method,
            target: call.target,
            content_type: call.content_type,
            soap_action: None,
            accept: Some("application/json, application/problem+json".into()),
            headers: call.headers,
            body: Bytes::from(call.body),
            kept: None,
            notes,
        })
    }

    fn envelope(&self, name: &str, version: SoapVersion, answer: &Told) -> Result<CallerAnswer, Refusal> {
        let operation = self.operation(name)?;
        if !(200..300).contains(&answer.status) {
            return Ok(self.fault(version, answer));
        }
        let refused =
            |kind, why: &dyn std::fmt::Display| Refusal::new(kind, clip(&why.to_string(), TOLD_MAX));
        if !answer.body.is_empty() && !is_json(&answer.content_type) {
            let why = format!(
                "The provider answered with {:?} in the place of JSON.",
                clip(&answer.content_type, 80)
            );
            return Err(Refusal::new(&fault::ANSWER_CONVERSION, why));
        }
        let json = operation.answer_json(if answer.body.is_empty() { b"{}" } else { &answer.body });
        let element = self.codec.element(&operation.output.name);
        let element =
            element.ok_or_else(|| refused(&fault::ANSWER_CONVERSION, &"the contract has no such element"))?;
        let xml = self
            .codec
            .json_to_xml(element, &json, Prefixes::default(), Limits::default())
            .map_err(|e| refused(&fault::ANSWER_CONTRACT, &e))?;
        let body = Bytes::from(envelope(version, &[], &xml));
        let notes = vec![converted("answer", "JSON to SOAP", body.len())];
        Ok(CallerAnswer { status: 200, content_type: Some(version.content_type().into()), body, notes })
    }

    /// What the provider answered in the place of success, as a fault whose detail is its problem (RFC 9457).
    fn fault(&self, version: SoapVersion, answer: &Told) -> CallerAnswer {
        let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let text = |name: &str| problem.get(name).and_then(|v| v.as_str());
        let reason = text("detail").or_else(|| text("title"));
        let reason =
            reason.map_or_else(|| format!("The provider answered {}.", answer.status), |r| clip(r, TOLD_MAX));
        let blame = if answer.status < 500 { FaultBlame::Sender } else { FaultBlame::Receiver };
        let mut fault = SoapFault::new(blame, reason);
        let mut detail = serde_json::Map::new();
        for name in ["type", "title", "detail", "instance"] {
            if let Some(value) = text(name) {
                detail.insert(name.into(), json!(value));
            }
        }
        detail.insert("status".into(), json!(answer.status));
        let json = serde_json::Value::Object(detail).to_string();
        let element = self.codec.element(&self.face.fault);
        let xml = element.and_then(|e| {
            self.codec.json_to_xml(e, json.as_bytes(), Prefixes::default(), Limits::default()).ok()
        });
        if let Some(xml) = xml {
            fault.detail.push(DetailEntry { name: self.face.fault.clone(), xml });
        }
        // SOAP 1.1 over HTTP, section 6.2; SOAP 1.2 part 2, table 20.
        let status = if version == SoapVersion::V12 && blame == FaultBlame::Sender { 400 } else { 500 };
        let body = Bytes::from(write_fault(version, &fault));
        let notes = vec![converted("answer", "problem to SOAP fault", body.len())];
        CallerAnswer { status, content_type: Some(version.content_type().into()), body, notes }
    }
}

/// A provider's answer, held for a thread of its own.
struct Told {
    status: u16,
    content_type: String,
    body: Bytes,
}

fn no_face() -> Refusal {
    Refusal::new(&fault::NO_OPERATION, "This version has no SOAP face.")
}

impl RestProvider {
    pub(crate) async fn soap_request(&self, request: CallerRequest<'_>) -> Result<ProviderRequest, Refusal> {
        let (this, name, mut notes) = (self.clone(), request.operation.to_owned(), Vec::new());
        let body = match &self.0.requests {
            Some(reader) => reader.read(request.content_type, &request.body, &fault::CHARSET, &mut notes)?.0,
            None => request.body.clone(),
        };
        let work = move || this.0.face.as_ref().ok_or_else(no_face)?.call(&name, &body);
        let mut made = self.0.lane.run(request.body.len(), work).await?;
        made.notes.splice(0..0, notes);
        Ok(made)
    }

    pub(crate) async fn soap_answer(&self, answer: ProviderAnswer<'_>) -> Result<CallerAnswer, Refusal> {
        let version = if answer.face == Face::Soap12 { SoapVersion::V12 } else { SoapVersion::V11 };
        let (this, name, mut notes) = (self.clone(), answer.operation.to_owned(), Vec::new());
        let body = match &self.0.answers {
            Some(reader) => {
                reader.read(answer.content_type, &answer.body, &fault::ANSWER_CONVERSION, &mut notes)?.0
            }
            None => answer.body.clone(),
        };
        let told = Told { status: answer.status, content_type: answer.content_type.to_owned(), body };
        let size = told.body.len();
        let work = move || this.0.face.as_ref().ok_or_else(no_face)?.envelope(&name, version, &told);
        let mut made = self.0.lane.run(size, work).await?;
        made.notes.splice(0..0, notes);
        Ok(made)
    }
}
