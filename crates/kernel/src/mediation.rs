//! What the data plane asks of a version's contract, faces and mappings. The registry has them compiled when a version is published
//! and puts the result into the snapshot; the gateway runs it; `lgsp-mediation` implements it. No knowledge of XML or JSON here.

use crate::model::{CheckMode, CheckSpec, FaceSpec, Protocol, VersionSpec};
use crate::{Millis, Refusal};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// How a caller speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Face {
    /// HTTP resources, JSON.
    Rest,
    /// SOAP 1.1.
    Soap11,
    /// SOAP 1.2.
    Soap12,
}

impl Face {
    /// The face that a declaration names.
    pub fn spec(self) -> FaceSpec {
        match self {
            Self::Rest => FaceSpec::Rest,
            Self::Soap11 | Self::Soap12 => FaceSpec::Soap,
        }
    }
    /// Whether it is how a service of this protocol speaks itself.
    pub fn is_native(self, protocol: Protocol) -> bool {
        (self == Self::Rest) == (protocol == Protocol::Rest)
    }
    /// The word in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Soap11 => "soap11",
            Self::Soap12 => "soap12",
        }
    }
}

/// What a conversion may know of the call that it serves: the sources of values that the operator's declaration asks for.
#[derive(Debug, Clone, Copy)]
pub struct CallFacts<'a> {
    /// The exchange's id.
    pub exchange: &'a str,
    /// The calling system.
    pub system: &'a str,
    /// Its agency's code.
    pub agency: &'a str,
    /// The stated officer.
    pub officer: Option<&'a str>,
    /// The stated purpose.
    pub purpose: Option<&'a str>,
    /// The stated dossier.
    pub dossier: Option<&'a str>,
    /// When the call came.
    pub at: Millis,
}

/// A request as its caller sent it, after its operation was found.
#[derive(Debug, Clone)]
pub struct CallerRequest<'a> {
    /// How the caller speaks.
    pub face: Face,
    /// The operation's name.
    pub operation: &'a str,
    /// The method.
    pub method: &'a str,
    /// The decoded path after the version.
    pub path: &'a str,
    /// The path and query after the version, as received.
    pub target: &'a str,
    /// Content-Type; empty where there is none.
    pub content_type: &'a str,
    /// SOAPAction; empty where there is none.
    pub soap_action: &'a str,
    /// Header lines that are plain text, names in lower case.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body; empty where there is none.
    pub body: Bytes,
    /// How strictly it is checked: the version's way, or the grant's where that is stricter.
    pub check: CheckMode,
}

/// A request as the provider is to get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderRequest {
    /// The method.
    pub method: String,
    /// The path and query after the target's base, escaped.
    pub target: String,
    /// Content-Type; none: no body.
    pub content_type: Option<String>,
    /// SOAPAction, without quotes; none: no such header.
    pub soap_action: Option<String>,
    /// Accept; none: the caller's stays.
    pub accept: Option<String>,
    /// Header lines that the conversion adds.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// What the answer's conversion needs of the request; held until then.
    pub kept: Option<Bytes>,
    /// What was changed or found, for the record.
    pub notes: Vec<Note>,
}

/// A provider's answer, whole.
#[derive(Debug, Clone)]
pub struct ProviderAnswer<'a> {
    /// How the caller of this exchange speaks.
    pub face: Face,
    /// The operation's name.
    pub operation: &'a str,
    /// HTTP status.
    pub status: u16,
    /// Content-Type; empty where there is none.
    pub content_type: &'a str,
    /// The body.
    pub body: Bytes,
    /// What the request's conversion asked to be held.
    pub kept: Option<Bytes>,
    /// How strictly it is checked: the version's way, or the grant's where that is stricter.
    pub check: CheckMode,
}

/// An answer as the caller is to get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerAnswer {
    /// HTTP status.
    pub status: u16,
    /// Content-Type; none: no body.
    pub content_type: Option<String>,
    /// The body.
    pub body: Bytes,
    /// What was changed or found, for the record.
    pub notes: Vec<Note>,
}

/// Something that a mediation step did or found, for record, `explain` and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Which step.
    pub kind: NoteKind,
    /// In words; bounded to 500 bytes; no values of fields.
    pub text: String,
}

/// Kinds of notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoteKind {
    /// Characters were converted.
    Text,
    /// The message breaks its contract, and that is reported only.
    Contract,
    /// The message was converted from one protocol to another.
    Converted,
    /// A mapping changed it.
    Mapped,
    /// Attachments changed their form.
    Attachments,
}

/// The result of a mediation step that may wait (for a worker).
pub type Mediated<'a, T> = Pin<Box<dyn Future<Output = Result<T, Refusal>> + Send + 'a>>;

/// A version's compiled contract, faces and mappings.
pub trait Mediate: fmt::Debug + Send + Sync {
    /// Whether requests of this operation by callers of this face must be collected and handed to [`Mediate::request`].
    fn reads_request(&self, operation: &str, face: Face, check: CheckSpec) -> bool;
    /// Whether answers must be collected and handed to [`Mediate::answer`].
    fn reads_answer(&self, operation: &str, face: Face, check: CheckSpec) -> bool;
    /// Converts and checks a request. A refusal of kind blame caller says what in the message is wrong, and where.
    fn request<'a>(
        &'a self,
        request: CallerRequest<'a>,
        facts: CallFacts<'a>,
    ) -> Mediated<'a, ProviderRequest>;
    /// Converts and checks an answer.
    fn answer<'a>(&'a self, answer: ProviderAnswer<'a>, facts: CallFacts<'a>) -> Mediated<'a, CallerAnswer>;
    /// Whether requests may come in other encodings than UTF-8. Then nothing is decided by their bytes, only by
    /// [`Mediate::request_text`].
    fn reads_text(&self) -> bool {
        false
    }
    /// A request's body in UTF-8, to find its operation and check its syntax by; what is forwarded is made by [`Mediate::request`].
    fn request_text(&self, _content_type: &str, body: &Bytes) -> Result<Bytes, Refusal> {
        Ok(body.clone())
    }
    /// The OpenAPI document of the REST face, JSON, as callers get it at `openapi.json`; none: no REST face with a contract.
    fn openapi(&self) -> Option<Arc<str>>;
    /// The WSDL of the SOAP face, as callers get it at `?wsdl`, with `{address}` where the service's address goes; none: no SOAP face.
    fn wsdl(&self) -> Option<Arc<str>>;
    /// A schema that the WSDL imports as `?xsd=name`; none: there is none of this name.
    fn xsd(&self, name: &str) -> Option<Arc<str>>;
}

/// Files that belong together, by their names relative to their folder.
pub type ContractFiles = BTreeMap<String, Bytes>;

/// All files that a version names, by the digests that it names them by.
pub type VersionFiles = BTreeMap<String, Arc<ContractFiles>>;

/// What is wrong with a contract, mapping or face, or is worth a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractProblem {
    /// The field of the declaration, such as `contract` or `operations[0].mappings.request`.
    pub field: String,
    /// The file, line and column (from 1) in the contract's own files, where known.
    pub place: Option<(String, u32, u32)>,
    /// What is wrong and what to do.
    pub message: String,
    /// A warning does not hinder publishing.
    pub warning: bool,
}

/// What compiling came to.
#[derive(Debug)]
pub struct Compiled {
    /// To be run; none where the version needs no mediation.
    pub mediator: Option<Arc<dyn Mediate>>,
    /// Operations as the contract has them, with those declared merged in.
    pub operations: Vec<crate::model::OperationSpec>,
    /// Warnings.
    pub warnings: Vec<ContractProblem>,
}

/// Compiles a version's contract. Handed to the registry by the node.
pub trait CompileContract: Send + Sync {
    /// Compiles; the same input gives the same result. May take seconds for large contracts: called on threads that may block.
    fn compile(
        &self,
        protocol: Protocol,
        version: &VersionSpec,
        files: &VersionFiles,
    ) -> Result<Compiled, Vec<ContractProblem>>;
    /// What a caller of the old version would meet in the new one: breaking changes, one a line, named by operation and place.
    fn compare(
        &self,
        protocol: Protocol,
        old: (&VersionSpec, &VersionFiles),
        new: (&VersionSpec, &VersionFiles),
    ) -> Vec<ContractChange>;
}

/// A difference between two contracts.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct ContractChange {
    /// Whether a caller or provider that kept to the old one may fail.
    pub breaking: bool,
    /// Where: operation and JSON pointer or XPath.
    pub place: String,
    /// What changed.
    pub what: String,
}
