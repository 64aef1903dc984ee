//! A provider that speaks SOAP by a WSDL: its REST face, and envelopes held against the contract. How bodies are converted is the codec's.

use crate::document::Documents;
use crate::lane::Lane;
use crate::mapping::{self, Way};
use crate::parameters;
use crate::pointer::{self, Leaf, Steps};
use crate::template::Template;
use crate::text::{Reader, is_json, is_xml};
use bytes::Bytes;
use lgsp_contract::soap::{
    Answer, SoapError, answer_envelope_to_json, request_envelope_to_json, request_json_to_envelope,
};
use lgsp_contract::wsdl::{SoapVersion, Wsdl, WsdlOperation};
use lgsp_kernel::mediation::{
    CallFacts, CallerAnswer, CallerRequest, Face, Mediate, Mediated, Note, NoteKind, ProviderAnswer,
    ProviderRequest,
};
use lgsp_kernel::model::{CheckMode, CheckSpec};
use lgsp_kernel::{Refusal, RefusalKind, fault};
use lgsp_mapping::{Mapping, Pool};
use lgsp_schema::codec::{Codec, CodecFaultKind, Limits};
use std::collections::HashMap;
use std::sync::Arc;

const JSON: &str = "application/json; charset=utf-8";
const PROBLEM: &str = "application/problem+json";
/// Bytes of a note or detail about a message.
const TOLD_MAX: usize = 500;

/// A version, compiled. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct SoapProvider(pub Arc<Parts>);

/// What it is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub wsdl: Wsdl,
    pub codec: Codec,
    pub operations: HashMap<String, Bound>,
    pub requests: Option<Reader>,
    pub answers: Option<Reader>,
    pub documents: Documents,
    pub lane: Lane,
    pub pool: Option<Pool>,
}

/// An operation with what the operator declared of it.
#[derive(Debug)]
pub(crate) struct Bound {
    /// Its place in the WSDL's operations.
    pub at: usize,
    /// Its path on the REST face.
    pub path: String,
    /// Where variables and parameters go, by their names.
    pub bind: HashMap<String, (Steps, Leaf)>,
    pub set: Vec<(Steps, Leaf, Template)>,
    pub result: Option<Steps>,
    pub request: Option<Mapping>,
    pub answer: Option<Mapping>,
}

impl SoapProvider {
    fn operation(&self, name: &str) -> Result<(&Bound, &WsdlOperation), Refusal> {
        let found = self.0.operations.get(name).and_then(|b| Some((b, self.0.wsdl.operations.get(b.at)?)));
        found.ok_or_else(|| Refusal::new(&fault::INTERNAL, "The contract has no such operation."))
    }

    async fn rest_request(
        &self,
        request: CallerRequest<'_>,
        facts: CallFacts<'_>,
    ) -> Result<ProviderRequest, Refusal> {
        let (bound, operation) = self.operation(request.operation)?;
        let mut notes = Vec::new();
        let mut json = self.read_json(&request, &mut notes)?;
        json = bind(bound, &request, json)?;
        let kept = mapping::keep(bound.answer.as_ref(), &json)?;
        if let Some(mapping) = &bound.request {
            let pool = self.0.pool.as_ref();
            json = mapping::run(pool, mapping, Way::Request, json, facts, None).await?;
            notes
                .push(Note { kind: NoteKind::Mapped, text: format!("request mapped by {}", mapping.name()) });
        }
        json = set(bound, &facts, json)?;
        let (soap_action, version, at) = (action(operation), operation.version, bound.at);
        let this = self.clone();
        let body = self.0.lane.run(json.len(), move || this.envelope(at, &json)).await?;
        notes.push(converted("request", "JSON to SOAP", body.len()));
        let content_type = match version {
            SoapVersion::V11 => "text/xml; charset=utf-8".to_owned(),
            SoapVersion::V12 => match &soap_action {
                Some(action) => format!("application/soap+xml; charset=utf-8; action=\"{action}\""),
                None => "application/soap+xml; charset=utf-8".to_owned(),
            },
        };
        Ok(ProviderRequest {
            method: "POST".into(),
            target: String::new(),
            content_type: Some(content_type),
            soap_action: (version == SoapVersion::V11).then(|| soap_action.unwrap_or_default()),
            accept: Some("text/xml, application/soap+xml, multipart/related;q=0.5".into()),
            headers: Vec::new(),
            body,
            kept,
            notes,
        })
    }

    /// The caller's body as JSON; an empty one is an empty object.
    fn read_json(&self, request: &CallerRequest<'_>, notes: &mut Vec<Note>) -> Result<Bytes, Refusal> {
        if request.body.is_empty() {
            return Ok(Bytes::from_static(b"{}"));
        }
        if !is_json(request.content_type) {
            return Err(Refusal::new(&fault::MEDIA_TYPE, "Send application/json, or a SOAP envelope."));
        }
        let body = match &self.0.requests {
            Some(reader) => reader.read(request.content_type, &request.body, &fault::CHARSET, notes)?.0,
            None => request.body.clone(),
        };
        lgsp_wire::json::guard(&body).map_err(|f| f.refusal())?;
        Ok(body)
    }

    fn envelope(&self, at: usize, json: &[u8]) -> Result<Bytes, Refusal> {
        let operation = &self.0.wsdl.operations[at];
        let made = request_json_to_envelope(operation, &self.0.codec, json, Limits::default());
        made.map(Bytes::from).map_err(|e| request_refusal(&e, &fault::CONVERSION))
    }

    /// An envelope that goes on as it is, held against the contract.
    async fn check_request(&self, request: CallerRequest<'_>) -> Result<ProviderRequest, Refusal> {
        let mut notes = Vec::new();
        let mut content_type = request.content_type.to_owned();
        let mut body = request.body.clone();
        if let Some(reader) = &self.0.requests {
            (body, content_type) =
                reader.read(request.content_type, &request.body, &fault::CHARSET, &mut notes)?;
        }
        if request.check != CheckMode::Off && is_xml(&content_type) {
            let (bound, _) = self.operation(request.operation)?;
            let (this, at, envelope) = (self.clone(), bound.at, body.clone());
            let held = self.0.lane.run(body.len(), move || {
                let (parts, operation) = (&this.0, &this.0.wsdl.operations[at]);
                Ok(request_envelope_to_json(operation, &parts.codec, &envelope, Limits::default()).err())
            });
            if let Some(error) = held.await? {
                report(request.check, || request_refusal(&error, &fault::CONTRACT), "request", &mut notes)?;
            }
        }
        Ok(ProviderRequest {
            method: request.method.into(),
            target: request.target.into(),
            content_type: Some(content_type).filter(|c| !c.is_empty()),
            soap_action: Some(request.soap_action.to_owned()).filter(|a| !a.is_empty()),
            accept: None,
            headers: Vec::new(),
            body,
            kept: None,
            notes,
        })
    }

    async fn rest_answer(
        &self,
        answer: ProviderAnswer<'_>,
        facts: CallFacts<'_>,
    ) -> Result<CallerAnswer, Refusal> {
        let (bound, operation) = self.operation(answer.operation)?;
        let mut notes = Vec::new();
        if operation.output.is_none() && answer.body.is_empty() && answer.status < 300 {
            return Ok(CallerAnswer { status: 202, content_type: None, body: Bytes::new(), notes });
        }
        if !is_xml(answer.content_type) {
            let detail = format!(
                "The provider answered {} with {:?} in the place of a SOAP envelope.",
                answer.status,
                clip(answer.content_type, 80)
            );
            return Err(Refusal::new(&fault::ANSWER_CONVERSION, detail));
        }
        let body = match &self.0.answers {
            Some(reader) => {
                reader.read(answer.content_type, &answer.body, &fault::ANSWER_CONVERSION, &mut notes)?.0
            }
            None => answer.body.clone(),
        };
        let (this, at, status, size) = (self.clone(), bound.at, answer.status, body.len());
        let read = self.0.lane.run(size, move || {
            let (parts, operation) = (&this.0, &this.0.wsdl.operations[at]);
            answer_envelope_to_json(operation, &parts.codec, &body, Limits::default())
                .map_err(|e| answer_refusal(status, &e))
        });
        let mut json = match read.await? {
            Answer::Body(json) => Bytes::from(json),
            Answer::Fault(fault) => {
                notes.push(converted("answer", "SOAP fault to problem", fault.body.len()));
                let body = Bytes::from(fault.body);
                return Ok(CallerAnswer {
                    status: fault.status,
                    content_type: Some(PROBLEM.into()),
                    body,
                    notes,
                });
            }
        };
        notes.push(converted("answer", "SOAP to JSON", json.len()));
        if let Some(mapping) = &bound.answer {
            let pool = self.0.pool.as_ref();
            json = mapping::run(pool, mapping, Way::Answer, json, facts, answer.kept.clone()).await?;
            notes.push(Note { kind: NoteKind::Mapped, text: format!("answer mapped by {}", mapping.name()) });
        }
        if let Some(steps) = &bound.result {
            let text = std::str::from_utf8(&json).unwrap_or("null");
            let part = pointer::get(text, steps).unwrap_or("null");
            json = Bytes::copy_from_slice(part.as_bytes());
        }
        Ok(CallerAnswer { status: 200, content_type: Some(JSON.into()), body: json, notes })
    }

    /// An envelope that is given as it is, held against the contract.
    async fn check_answer(&self, answer: ProviderAnswer<'_>) -> Result<CallerAnswer, Refusal> {
        let mut notes = Vec::new();
        let (mut body, mut content_type) = (answer.body.clone(), answer.content_type.to_owned());
        if let Some(reader) = &self.0.answers {
            (body, content_type) =
                reader.read(answer.content_type, &answer.body, &fault::ANSWER_CONVERSION, &mut notes)?;
        }
        if answer.check != CheckMode::Off && is_xml(&content_type) {
            let (bound, _) = self.operation(answer.operation)?;
            let (this, at, envelope) = (self.clone(), bound.at, body.clone());
            let held = self.0.lane.run(body.len(), move || {
                let (parts, operation) = (&this.0, &this.0.wsdl.operations[at]);
                Ok(answer_envelope_to_json(operation, &parts.codec, &envelope, Limits::default()).err())
            });
            if let Some(error) = held.await? {
                let refused = || Refusal::new(&fault::ANSWER_CONTRACT, clip(&error.to_string(), TOLD_MAX));
                report(answer.check, refused, "answer", &mut notes)?;
            }
        }
        let content_type = Some(content_type).filter(|c| !c.is_empty());
        Ok(CallerAnswer { status: answer.status, content_type, body, notes })
    }
}

impl Mediate for SoapProvider {
    fn reads_request(&self, operation: &str, face: Face, check: CheckSpec) -> bool {
        let known = self.0.operations.contains_key(operation);
        known && (face == Face::Rest || check.requests != CheckMode::Off || self.0.requests.is_some())
    }

    fn reads_answer(&self, operation: &str, face: Face, check: CheckSpec) -> bool {
        let known = self.0.operations.contains_key(operation);
        known && (face == Face::Rest || check.answers != CheckMode::Off || self.0.answers.is_some())
    }

    fn request<'a>(
        &'a self,
        request: CallerRequest<'a>,
        facts: CallFacts<'a>,
    ) -> Mediated<'a, ProviderRequest> {
        match request.face {
            Face::Rest => Box::pin(self.rest_request(request, facts)),
            Face::Soap11 | Face::Soap12 => Box::pin(self.check_request(request)),
        }
    }

    fn answer<'a>(&'a self, answer: ProviderAnswer<'a>, facts: CallFacts<'a>) -> Mediated<'a, CallerAnswer> {
        match answer.face {
            Face::Rest => Box::pin(self.rest_answer(answer, facts)),
            Face::Soap11 | Face::Soap12 => Box::pin(self.check_answer(answer)),
        }
    }

    fn reads_text(&self) -> bool {
        self.0.requests.is_some()
    }
    fn request_text(&self, content_type: &str, body: &Bytes) -> Result<Bytes, Refusal> {
        match &self.0.requests {
            Some(reader) => Ok(reader.read(content_type, body, &fault::CHARSET, &mut Vec::new())?.0),
            None => Ok(body.clone()),
        }
    }
    fn openapi(&self) -> Option<Arc<str>> {
        self.0.documents.openapi.clone()
    }
    fn wsdl(&self) -> Option<Arc<str>> {
        self.0.documents.wsdl.clone()
    }
    fn xsd(&self, name: &str) -> Option<Arc<str>> {
        self.0.documents.xsd.get(name).cloned()
    }
}

fn action(operation: &WsdlOperation) -> Option<String> {
    operation.soap_action.as_deref().filter(|a| !a.is_empty()).map(str::to_owned)
}

/// Puts variables of the path and parameters of the query where the declaration says.
fn bind(bound: &Bound, request: &CallerRequest<'_>, json: Bytes) -> Result<Bytes, Refusal> {
    let query = parameters::query(request.target)
        .ok_or_else(|| Refusal::new(&fault::CONVERSION, "query: an escape is not UTF-8."))?;
    let variables = parameters::variables(&bound.path, request.path);
    if variables.is_empty() && query.is_empty() {
        return Ok(json);
    }
    let refused =
        |name: &str, why: &str| Refusal::new(&fault::CONVERSION, format!("{}: {why}.", clip(name, 80)));
    let mut text = String::from_utf8(json.to_vec())
        .map_err(|_| Refusal::new(&fault::CHARSET, "The body is not UTF-8."))?;
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let named = variables.iter().map(|(n, v)| (*n, v)).chain(query.iter().map(|(n, v)| (n.as_str(), v)));
    for (name, value) in named {
        let (steps, leaf) =
            bound.bind.get(name).ok_or_else(|| refused(name, "there is no such parameter"))?;
        let count = counts.entry(name).or_default();
        let mut steps = steps.clone();
        if leaf.many {
            steps.push(count.to_string());
        } else if *count > 0 {
            return Err(refused(name, "is given twice"));
        } else if pointer::get(&text, &steps).is_some() {
            return Err(refused(name, "the body says it too"));
        }
        *count += 1;
        text = pointer::put(&text, &steps, &leaf.json(value)).map_err(|why| refused(name, &why))?;
    }
    Ok(Bytes::from(text))
}

/// Puts in what the platform adds.
fn set(bound: &Bound, facts: &CallFacts<'_>, json: Bytes) -> Result<Bytes, Refusal> {
    if bound.set.is_empty() {
        return Ok(json);
    }
    let mut text = String::from_utf8(json.to_vec())
        .map_err(|_| Refusal::new(&fault::CHARSET, "The body is not UTF-8."))?;
    for (steps, leaf, template) in &bound.set {
        let value = template.fill(facts).map_err(|header| {
            Refusal::new(&fault::STATEMENT_MISSING, format!("The service needs the header {header}."))
        })?;
        text = pointer::put(&text, steps, &leaf.json(&value))
            .map_err(|why| Refusal::new(&fault::CONVERSION, format!("/{}: {why}.", steps.join("/"))))?;
    }
    Ok(Bytes::from(text))
}

pub(crate) fn converted(which: &str, how: &str, bytes: usize) -> Note {
    Note { kind: NoteKind::Converted, text: format!("{which} converted: {how}, {bytes} bytes") }
}

/// Refuses, or notes that it would have been.
pub(crate) fn report(
    check: CheckMode,
    refusal: impl FnOnce() -> Refusal,
    which: &str,
    notes: &mut Vec<Note>,
) -> Result<(), Refusal> {
    let refusal = refusal();
    if check == CheckMode::Enforce {
        return Err(refusal);
    }
    let text = clip(&format!("the {which} breaks its contract: {}", refusal.detail), TOLD_MAX);
    notes.push(Note { kind: NoteKind::Contract, text });
    Ok(())
}

fn request_refusal(error: &SoapError, kind: &'static RefusalKind) -> Refusal {
    let kind = match error {
        SoapError::Codec(f) if f.kind == CodecFaultKind::Limit => &fault::BODY_TOO_LARGE,
        SoapError::Codec(f) if f.kind == CodecFaultKind::Syntax && std::ptr::eq(kind, &fault::CONVERSION) => {
            &fault::BAD_JSON
        }
        _ => kind,
    };
    Refusal::new(kind, clip(&error.to_string(), TOLD_MAX))
}

fn answer_refusal(status: u16, error: &SoapError) -> Refusal {
    let kind = match error {
        SoapError::Codec(f) if f.kind != CodecFaultKind::Syntax => &fault::ANSWER_CONTRACT,
        _ => &fault::ANSWER_CONVERSION,
    };
    Refusal::new(kind, format!("Status {status}: {}", clip(&error.to_string(), TOLD_MAX)))
}

pub(crate) fn clip(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let end = (0..=max).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    format!("{}...", &text[..end])
}
