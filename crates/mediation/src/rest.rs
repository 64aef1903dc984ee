//! A provider that speaks REST by an OpenAPI document: requests and answers held against it, text read as the version says.

use crate::document::Documents;
use crate::lane::Lane;
use crate::mapping::{self, Way};
use crate::parameters;
use crate::soap::{clip, report};
use crate::soap_face::SoapSide;
use crate::text::{Reader, is_json};
use bytes::Bytes;
use lgsp_contract::openapi::Checker;
use lgsp_kernel::mediation::{
    CallFacts, CallerAnswer, CallerRequest, Face, Mediate, Mediated, Note, NoteKind, ProviderAnswer,
    ProviderRequest,
};
use lgsp_kernel::model::{CheckMode, CheckSpec};
use lgsp_kernel::{Refusal, fault};
use lgsp_mapping::{Mapping, Pool};
use std::collections::HashMap;
use std::sync::Arc;

/// Bytes of a note or detail about a message.
const TOLD_MAX: usize = 500;

/// A version, compiled. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct RestProvider(pub Arc<Parts>);

/// What it is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    /// None: no contract, only text or mappings.
    pub checker: Option<Checker>,
    pub operations: HashMap<String, Bound>,
    /// The SOAP face, where there is one.
    pub face: Option<SoapSide>,
    pub requests: Option<Reader>,
    pub answers: Option<Reader>,
    pub documents: Documents,
    pub lane: Lane,
    pub pool: Option<Pool>,
}

/// An operation with what the operator declared of it.
#[derive(Debug, Default)]
pub(crate) struct Bound {
    /// Its path pattern.
    pub path: String,
    pub request: Option<Mapping>,
    pub answer: Option<Mapping>,
}

impl RestProvider {
    async fn held(
        &self,
        request: CallerRequest<'_>,
        facts: CallFacts<'_>,
    ) -> Result<ProviderRequest, Refusal> {
        let mut notes = Vec::new();
        let (mut body, mut content_type) = (request.body.clone(), request.content_type.to_owned());
        if let Some(reader) = &self.0.requests {
            (body, content_type) = reader.read(request.content_type, &body, &fault::CHARSET, &mut notes)?;
        }
        let bound = self.0.operations.get(request.operation);
        let asks =
            bound.and_then(|b| b.answer.as_ref()).filter(|_| !body.is_empty() && is_json(&content_type));
        let kept = mapping::keep(asks, &body)?;
        if let (Some(mapping), false) = (bound.and_then(|b| b.request.as_ref()), body.is_empty()) {
            if !is_json(&content_type) {
                return Err(Refusal::new(&fault::MEDIA_TYPE, "Send application/json."));
            }
            lgsp_wire::json::guard(&body).map_err(|f| f.refusal())?;
            body = mapping::run(self.0.pool.as_ref(), mapping, Way::Request, body, facts, None).await?;
            notes
                .push(Note { kind: NoteKind::Mapped, text: format!("request mapped by {}", mapping.name()) });
        }
        if request.check != CheckMode::Off && self.0.checker.is_some() {
            let found = self.held_request(&request, &content_type, body.clone()).await?;
            if let Some(why) = found {
                report(request.check, || Refusal::new(&fault::CONTRACT, why), "request", &mut notes)?;
            }
        }
        Ok(ProviderRequest {
            method: request.method.into(),
            target: request.target.into(),
            content_type: Some(content_type).filter(|c| !c.is_empty()),
            soap_action: None,
            accept: None,
            headers: Vec::new(),
            body,
            kept,
            notes,
        })
    }

    /// What is wrong with a request, if anything.
    async fn held_request(
        &self,
        request: &CallerRequest<'_>,
        content_type: &str,
        body: Bytes,
    ) -> Result<Option<String>, Refusal> {
        let this = self.clone();
        let (operation, content_type) = (request.operation.to_owned(), content_type.to_owned());
        // A HEAD is held against the GET that it stands for; its path and query are the same.
        let path = request.path.to_owned();
        let query = request.target.split_once('?').map_or("", |(_, q)| q).to_owned();
        let lines: HashMap<String, String> =
            request.headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let held = move || {
            let (Some(checker), Some(bound)) = (&this.0.checker, this.0.operations.get(&operation)) else {
                return Ok(None);
            };
            let variables = parameters::variables(&bound.path, &path);
            let header = |name: &str| lines.get(name).map(String::as_str);
            let held = checker.check_request(&operation, &variables, &query, &header, &content_type, &body);
            Ok(held.err().map(|v| clip(&v.to_string(), TOLD_MAX)))
        };
        self.0.lane.run(request.body.len(), held).await
    }

    async fn told(&self, answer: ProviderAnswer<'_>, facts: CallFacts<'_>) -> Result<CallerAnswer, Refusal> {
        let mut notes = Vec::new();
        let (mut body, mut content_type) = (answer.body.clone(), answer.content_type.to_owned());
        if let Some(reader) = &self.0.answers {
            (body, content_type) =
                reader.read(answer.content_type, &body, &fault::ANSWER_CONVERSION, &mut notes)?;
        }
        if answer.check != CheckMode::Off && self.0.checker.is_some() {
            let (this, status, given) = (self.clone(), answer.status, body.clone());
            let (operation, kind) = (answer.operation.to_owned(), content_type.clone());
            let held = self.0.lane.run(body.len(), move || {
                let Some(checker) = &this.0.checker else { return Ok(None) };
                let held = checker.check_answer(&operation, status, &kind, &given);
                Ok(held.err().map(|v| clip(&v.to_string(), TOLD_MAX)))
            });
            if let Some(why) = held.await? {
                report(answer.check, || Refusal::new(&fault::ANSWER_CONTRACT, why), "answer", &mut notes)?;
            }
        }
        let bound = self.0.operations.get(answer.operation);
        let mapping =
            bound.and_then(|b| b.answer.as_ref()).filter(|_| answer.status < 300 && is_json(&content_type));
        if let (Some(mapping), false) = (mapping, body.is_empty()) {
            body = mapping::run(self.0.pool.as_ref(), mapping, Way::Answer, body, facts, answer.kept).await?;
            notes.push(Note { kind: NoteKind::Mapped, text: format!("answer mapped by {}", mapping.name()) });
        }
        let content_type = Some(content_type).filter(|c| !c.is_empty());
        Ok(CallerAnswer { status: answer.status, content_type, body, notes })
    }
}

impl Mediate for RestProvider {
    fn reads_request(&self, operation: &str, face: Face, check: CheckSpec) -> bool {
        face != Face::Rest
            || self.0.requests.is_some()
            || (check.requests != CheckMode::Off && self.0.checker.is_some())
            || self.0.operations.get(operation).is_some_and(|b| b.request.is_some())
    }

    fn reads_answer(&self, operation: &str, face: Face, check: CheckSpec) -> bool {
        face != Face::Rest
            || self.0.answers.is_some()
            || (check.answers != CheckMode::Off && self.0.checker.is_some())
            || self.0.operations.get(operation).is_some_and(|b| b.answer.is_some())
    }

    fn request<'a>(
        &'a self,
        request: CallerRequest<'a>,
        facts: CallFacts<'a>,
    ) -> Mediated<'a, ProviderRequest> {
        match request.face {
            Face::Rest => Box::pin(self.held(request, facts)),
            Face::Soap11 | Face::Soap12 => Box::pin(self.soap_request(request)),
        }
    }

    fn answer<'a>(&'a self, answer: ProviderAnswer<'a>, facts: CallFacts<'a>) -> Mediated<'a, CallerAnswer> {
        match answer.face {
            Face::Rest => Box::pin(self.told(answer, facts)),
            Face::Soap11 | Face::Soap12 => Box::pin(self.soap_answer(answer)),
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
