//! The X-Road edge: callers that speak X-Road's message protocols or the adapter form, led through the ordinary steps. Here: what a request
//! looks like, what is known of it, how it is refused. `names` says whom an identifier means, `rest`, `soap` and `adapter` are the three forms,
//! `meta` answers what providers are asked about themselves. Not here: the forms byte for byte (`lgsp_xroad`).

mod adapter;
mod describe;
mod hashed;
mod meta;
mod names;
mod rest;
mod soap;

pub(crate) use hashed::{Hashed, Slot};
pub(crate) use meta::own_answer;
pub use meta::{CatalogueSource, ListedMember};
pub(crate) use names::Index;

use super::{name_exchange, whole};
use crate::answer::AnswerBody;
use crate::exchange::{Exchange, Why};
use crate::steps::verify::Given;
use http::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use http::request::Parts;
use http::{Method, Response, StatusCode, Uri};
use lgsp_kernel::{Refusal, RefusalKind, Step, fault};
use lgsp_xroad::error::XRoadError;
use lgsp_xroad::id::ClientId;
use lgsp_xroad::rest::{ID, REQUEST_ID};
use std::borrow::Cow;

/// What this node is to X-Road.
#[derive(Debug, Clone)]
pub struct XRoadConfig {
    /// The instance that members of this platform belong to.
    pub instance: String,
    /// Where SOAP messages are taken besides `/`; none: only there.
    pub soap_path: Option<String>,
}

impl Default for XRoadConfig {
    fn default() -> Self {
        Self { instance: "VN".into(), soap_path: None }
    }
}

/// Which of the forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Rest,
    Soap,
    Adapter,
}

impl Form {
    /// By path and method; for ordinary paths a look at one byte.
    pub fn of(head: &Parts, config: &XRoadConfig) -> Option<Self> {
        let path = head.uri.path();
        let posted = || head.method == Method::POST;
        match path.as_bytes().get(1) {
            None => posted().then_some(Self::Soap),
            Some(b'r') if lgsp_xroad::rest::is_rest(path) => Some(Self::Rest),
            Some(b'l' | b'w') if matches!(path, "/listClients" | "/wsdl") => Some(Self::Rest),
            Some(b'x' | b'X' | b'v' | b'V') if lgsp_xroad::adapter::is_adapter(path) => Some(Self::Adapter),
            Some(_) => (config.soap_path.as_deref() == Some(path) && posted()).then_some(Self::Soap),
        }
    }
    /// The word in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rest => "xroad_rest",
            Self::Soap => "xroad_soap",
            Self::Adapter => "xrd_adapter",
        }
    }
    /// The HTTP status of a refusal.
    pub fn status(self, refusal: &Refusal) -> StatusCode {
        self.status_of(&XRoadError::of_refusal(refusal, ""))
    }
    fn status_of(self, error: &XRoadError) -> StatusCode {
        match self {
            Self::Soap => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Rest | Self::Adapter => {
                StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }
}

/// What is known of a call beyond what every exchange knows.
pub(crate) struct Call {
    form: Form,
    accept: Option<HeaderValue>,
    said: Said,
    /// What the refusal is in X-Road's words, where they say more than the refusal's kind.
    error: Option<(&'static RefusalKind, XRoadError)>,
}

/// What the request says, once that is read.
enum Said {
    Nothing,
    Rest(Box<rest::Said>),
    Soap(Box<soap::Said>),
    Adapter(Box<lgsp_xroad::adapter::Forward>),
    Plain(Box<lgsp_xroad::meta::Plain>),
}

impl Call {
    pub fn of(form: Form, headers: &HeaderMap) -> Self {
        Self { form, accept: headers.get(ACCEPT).cloned(), said: Said::Nothing, error: None }
    }

    /// The message's id, where it is read.
    fn id(&self) -> Option<&str> {
        match &self.said {
            Said::Rest(said) => Some(said.id()),
            Said::Soap(_) | Said::Adapter(_) | Said::Plain(_) | Said::Nothing => None,
        }
    }

    /// A refusal as the caller reads it.
    pub fn refuse(&self, refusal: &Refusal, id_text: &str) -> Response<AnswerBody> {
        let own = self.error.as_ref().filter(|(kind, _)| std::ptr::eq(*kind, refusal.kind));
        let error = own.map_or_else(|| XRoadError::of_refusal(refusal, id_text), |(_, e)| e.clone());
        let status = self.form.status_of(&error);
        let mut response = if self.form == Form::Soap {
            whole(status, "text/xml; charset=utf-8", error.fault().into())
        } else {
            let accept = self.accept.as_ref().and_then(|v| v.to_str().ok());
            let (headers, body) = error.rest(accept);
            let mut response = Response::new(AnswerBody::whole(body.into()));
            (*response.status_mut(), *response.headers_mut()) = (status, headers);
            response
        };
        let headers = response.headers_mut();
        name_exchange(headers, id_text);
        if self.form == Form::Rest {
            put(headers, &ID, self.id().unwrap_or(id_text));
            put(headers, &REQUEST_ID, id_text);
        }
        if let Some(seconds) = refusal.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

fn put(headers: &mut HeaderMap, name: &HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) {
        headers.insert(name.clone(), value);
    }
}

fn set_said(x: &mut Exchange, said: Said) {
    if let Some(call) = &mut x.xroad {
        call.said = said;
    }
}

/// A refusal in X-Road's own words.
fn broken(x: &mut Exchange, error: XRoadError) -> Refusal {
    let refusal = Refusal::new(&fault::XROAD_FORM, error.message.clone());
    if let Some(call) = &mut x.xroad {
        call.error = Some((refusal.kind, XRoadError { detail: x.id_text.clone(), ..error }));
    }
    refusal
}

fn bad(x: &mut Exchange, why: impl std::fmt::Display) -> Refusal {
    let error = XRoadError::bad_request(why, x.id_text.clone());
    broken(x, error)
}

/// Reads what the head says of the caller and the message, once the credentials are known to be good.
pub(crate) fn identify(x: &mut Exchange) -> Result<(), Refusal> {
    match x.xroad.as_ref().map(|call| call.form) {
        None | Some(Form::Soap) => Ok(()),
        Some(Form::Rest) => rest::identify(x),
        Some(Form::Adapter) => adapter::identify(x),
    }
}

/// The address here that is meant, where the ordinary rules go on from it; None where the route is found or the platform answers itself.
pub(crate) async fn resolve(x: &mut Exchange) -> Result<Option<Uri>, Refusal> {
    match x.xroad.as_ref().map(|call| call.form) {
        None => Ok(Some(x.head.uri.clone())),
        Some(Form::Rest) => rest::resolve(x),
        Some(Form::Adapter) => adapter::resolve(x).map(|()| None),
        Some(Form::Soap) => soap::resolve(x).await.map(|()| None),
    }
}

/// The header lines that go on.
pub(crate) fn outgoing(x: &mut Exchange, headers: HeaderMap) -> HeaderMap {
    match x.xroad.as_ref().map(|call| call.form) {
        None => headers,
        Some(Form::Rest) => rest::outgoing(x, &headers),
        Some(Form::Adapter) => adapter::outgoing(headers),
        Some(Form::Soap) => soap::outgoing(&headers),
    }
}

/// Where the hash of a body that streams is made.
pub(crate) fn slot(x: &Exchange) -> Option<Slot> {
    match x.xroad.as_ref().map(|call| &call.said) {
        Some(Said::Rest(said)) => said.slot(),
        _ => None,
    }
}

/// Whether the answer must be whole, because something is written into it.
pub(crate) fn reads_answer(x: &Exchange) -> bool {
    x.xroad.as_ref().is_some_and(|call| call.form == Form::Soap)
}

/// The answer as the protocol has it.
pub(crate) fn answer(x: &mut Exchange, given: Given) -> Result<Given, Refusal> {
    match x.xroad.as_ref().map(|call| call.form) {
        None | Some(Form::Adapter) => Ok(given),
        Some(Form::Rest) => Ok(rest::answer(x, given)),
        Some(Form::Soap) => soap::answer(x, given),
    }
}

/// Checks that an identifier of the client is that of the system whose credential was shown.
fn same_caller(x: &Exchange, client: &ClientId) -> Result<(), Refusal> {
    let named = names::system(x, client)?;
    let caller = x.caller.as_ref().map(|c| &c.system.spec.id);
    if caller == Some(&named.spec.id) {
        return Ok(());
    }
    let detail = match caller {
        Some(id) => format!("The client is {client}, the credential is of the system {id}."),
        None => format!("The client is {client}, and no credential was shown."),
    };
    Err(Refusal::new(&fault::XROAD_CLIENT, detail))
}

/// X-Road's names for statements: they count here, and must not contradict ours.
fn state(x: &mut Exchange, user: Option<&str>, issue: Option<&str>) -> Result<(), Refusal> {
    for (theirs, officer) in [(user, true), (issue, false)] {
        let Some(theirs) = theirs else { continue };
        let ours = if officer { &mut x.stated.officer } else { &mut x.stated.dossier };
        if ours.as_deref().is_some_and(|o| o != theirs) {
            let names = if officer { "userId and lgsp-officer" } else { "issue and lgsp-dossier" };
            return Err(bad(x, format_args!("{names} differ")));
        }
        *ours = Some(theirs.to_owned());
    }
    Ok(())
}

/// Refuses a message for another security server.
fn addressed_here(x: &mut Exchange, server: Option<&lgsp_xroad::id::ServerId>) -> Result<(), Refusal> {
    let Some(server) = server else { return Ok(()) };
    let here = &x.gateway.log.config().node_name;
    if server.instance == x.gateway.config.xroad.instance && server.server == *here {
        return Ok(());
    }
    Err(Refusal::new(&fault::XROAD_MEMBER, format!("The security server {server} is not this node, {here}.")))
}

/// Notes in the record what the message calls itself.
fn note(x: &mut Exchange, client: &ClientId, id: &str, party: Option<&lgsp_xroad::id::RepresentedParty>) {
    let on_behalf = party.map(|p| format!(" for {p}")).unwrap_or_default();
    let why = format!("X-Road client {client}{on_behalf}, message {id}");
    x.passed(Step::Identify, Why::Text(Cow::Owned(why)));
}
