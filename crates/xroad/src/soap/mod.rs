//! The message protocol for SOAP, version 4.0 (PR-MESS): what an envelope's header says, whether it keeps the rules, and what an answer needs
//! before the consumer gets it. Bodies are not read but for the name of their element. Attachments are in `mime`.

pub(crate) mod emit;
mod read;

pub use emit::{complete_answer, with_header};

use crate::error::XRoadError;
use crate::id::{ClientId, IdError, RepresentedParty, ServerId, ServiceId};
use aws_lc_rs::digest::{SHA512, digest};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lgsp_wire::xml::XmlFault;
use std::ops::Range;

/// Namespace of the header fields.
pub const XROAD: &str = "http://x-road.eu/xsd/xroad.xsd";
/// Namespace of identifiers.
pub const IDENTIFIERS: &str = "http://x-road.eu/xsd/identifiers";
/// Namespace of the third party representation extension.
pub const REPRESENTATION: &str = "http://x-road.eu/xsd/representation.xsd";
/// The algorithm of request hashes, as XML-DSIG names it.
pub const SHA512_URI: &str = "http://www.w3.org/2001/04/xmlenc#sha512";
/// The version of the protocol that we emit.
pub const PROTOCOL_VERSION: &str = "4.0";
/// Length of `id`, `userId` and `issue`, bytes.
pub const VALUE_MAX: usize = 256;

/// Why an envelope is not a message of this protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SoapError {
    /// Not well formed, or not an envelope.
    #[error("{0}")]
    Xml(#[from] XmlFault),
    /// SOAP 1.2.
    #[error("the message protocol is a profile of SOAP 1.1")]
    Version,
    /// A header field that must be there is not.
    #[error("the header field {0} is missing")]
    Missing(&'static str),
    /// A header field is there twice.
    #[error("the header field {0} occurs twice")]
    Duplicate(&'static str),
    /// Both `service` and `centralService`, in a request.
    #[error("only one of the header fields service and centralService may be there")]
    TwoServices,
    /// An identifier.
    #[error("the header field {field}: {why}")]
    Id {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        why: IdError,
    },
    /// A field whose elements are not those of its type.
    #[error("the header field {0} does not have the elements of its type")]
    Shape(&'static str),
    /// A value that is empty or too long.
    #[error("the header field {0} must be 1 to {VALUE_MAX} characters")]
    Value(&'static str),
    /// Another version of the protocol.
    #[error("the protocol version {0:?} is not supported, use 4.0")]
    Protocol(String),
    /// A namespace written with references: two readers could differ about it.
    #[error("a namespace in the header is written with references")]
    Namespace,
    /// The body's element is not named after the service.
    #[error("the element {found:?} in the body must be named {expected:?}")]
    Body {
        /// As the header has it.
        expected: String,
        /// As the body has it.
        found: String,
    },
    /// The answer's header differs from the request's.
    #[error("the header field {0} of the answer is not that of the request")]
    Inconsistent(&'static str),
}

impl SoapError {
    /// The fault's content; types as X-Road's security servers use them.
    pub fn error(&self, exchange: &str) -> XRoadError {
        let kind = match self {
            Self::Xml(_) | Self::Version | Self::Namespace => "Client.InvalidSoap",
            Self::Missing(_) => "Client.MissingHeaderField",
            Self::Duplicate(_) | Self::TwoServices => "Client.DuplicateHeaderField",
            Self::Id { .. } | Self::Shape(_) | Self::Value(_) => "Client.InvalidSoap",
            Self::Protocol(_) => "Client.InvalidProtocolVersion",
            Self::Body { .. } => "Client.InvalidBody",
            Self::Inconsistent(_) => "Server.ServerProxy.ServiceFailed.InconsistentHeaders",
        };
        XRoadError { kind: kind.into(), message: self.to_string(), detail: exchange.into() }
    }
}

/// A header field, in the order in which a message has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// `client`.
    Client,
    /// `service`.
    Service,
    /// `centralService`.
    CentralService,
    /// `id`.
    Id,
    /// `userId`.
    UserId,
    /// `issue`.
    Issue,
    /// `protocolVersion`.
    ProtocolVersion,
    /// `requestHash`.
    RequestHash,
    /// `securityServer` (PR-TARGETSS).
    SecurityServer,
    /// `representedParty` (PR-THIRDPARTY).
    RepresentedParty,
}

impl Field {
    const ALL: [Self; 10] = [
        Self::Client,
        Self::Service,
        Self::CentralService,
        Self::Id,
        Self::UserId,
        Self::Issue,
        Self::ProtocolVersion,
        Self::RequestHash,
        Self::SecurityServer,
        Self::RepresentedParty,
    ];

    /// The element's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Service => "service",
            Self::CentralService => "centralService",
            Self::Id => "id",
            Self::UserId => "userId",
            Self::Issue => "issue",
            Self::ProtocolVersion => "protocolVersion",
            Self::RequestHash => "requestHash",
            Self::SecurityServer => "securityServer",
            Self::RepresentedParty => "representedParty",
        }
    }

    /// The element's namespace.
    pub fn namespace(self) -> &'static str {
        if self == Self::RepresentedParty { REPRESENTATION } else { XROAD }
    }
}

/// A central service: an alias that the X-Road instance keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CentralServiceId {
    /// The instance.
    pub instance: String,
    /// The service's code.
    pub service: String,
}

/// A request hash as a message states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHash {
    /// URI of the algorithm.
    pub algorithm: String,
    /// Base64, without white space.
    pub value: String,
}

impl RequestHash {
    /// Of a request's bytes: the POST's body, or its first part where it has attachments (PR-MESS 2.2).
    pub fn of(soap_part: &[u8]) -> Self {
        let value = BASE64_STANDARD.encode(digest(&SHA512, soap_part).as_ref());
        Self { algorithm: SHA512_URI.into(), value }
    }
}

/// The header of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Who asks.
    pub client: ClientId,
    /// What is asked for.
    pub service: Option<ServiceId>,
    /// What is asked for, by its alias.
    pub central_service: Option<CentralServiceId>,
    /// The message.
    pub id: String,
    /// The user whose action began it.
    pub user_id: Option<String>,
    /// The case it belongs to.
    pub issue: Option<String>,
    /// As stated: `4.0`.
    pub protocol_version: String,
    /// In answers.
    pub request_hash: Option<RequestHash>,
    /// The security server that shall take it.
    pub security_server: Option<ServerId>,
    /// On whose behalf.
    pub represented_party: Option<RepresentedParty>,
    /// The fields that are there, in their order: an answer repeats it.
    pub order: Vec<Field>,
}

impl Header {
    /// A header of our own.
    pub fn new(client: ClientId, service: ServiceId, id: impl Into<String>) -> Self {
        Self {
            client,
            service: Some(service),
            central_service: None,
            id: id.into(),
            user_id: None,
            issue: None,
            protocol_version: PROTOCOL_VERSION.into(),
            request_hash: None,
            security_server: None,
            represented_party: None,
            order: vec![Field::Client, Field::Service, Field::Id, Field::ProtocolVersion],
        }
    }

    /// Adds the user whose action began the exchange.
    pub fn with_user(mut self, user_id: impl Into<String>) -> Self {
        self.user_id = Some(user_id.into());
        self.order.push(Field::UserId);
        self
    }

    /// Adds the case that the exchange belongs to.
    pub fn with_issue(mut self, issue: impl Into<String>) -> Self {
        self.issue = Some(issue.into());
        self.order.push(Field::Issue);
        self
    }

    /// The code of the service that is asked for, by whichever field.
    pub fn service_code(&self) -> Option<&str> {
        let central = || self.central_service.as_ref().map(|c| &*c.service);
        self.service.as_ref().map(|s| &*s.service).or_else(central)
    }
}

/// An envelope as far as this protocol reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// None where the envelope has none of the protocol's fields.
    pub header: Option<Header>,
    /// Namespace of the body's element.
    pub body_namespace: String,
    /// Local name of the body's element.
    pub body_element: String,
    /// For `getWsdl`: what its body's `serviceCode` and `serviceVersion` say.
    pub wanted: Option<(String, Option<String>)>,
    places: Places,
}

/// Where in the envelope things are, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Places {
    /// The prefix of SOAP's elements with its colon; empty for none.
    prefix: String,
    /// The Header's start tag.
    header_tag: Option<Range<usize>>,
    /// Where the Header's end tag begins.
    header_end: Option<usize>,
    /// Where the Body begins.
    body: usize,
    /// The `requestHash` elements.
    hashes: Vec<Range<usize>>,
}

impl Message {
    /// Reads any envelope of SOAP 1.1, with or without the protocol's fields; those that are there must be right.
    pub fn parse(envelope: &[u8]) -> Result<Self, SoapError> {
        read::message(envelope)
    }

    /// Whether the body is a fault.
    pub fn is_fault(&self) -> bool {
        self.body_namespace == lgsp_wire::soap::ENVELOPE_11 && self.body_element == "Fault"
    }

    /// Reads a request: all mandatory fields, one of `service` and `centralService`, and the body's element named as the service (2.2, 2.3).
    pub fn parse_request(envelope: &[u8]) -> Result<(Self, Header), SoapError> {
        let message = Self::parse(envelope)?;
        let header = message.header.clone().ok_or(SoapError::Missing("client"))?;
        match (&header.service, &header.central_service) {
            (None, None) => return Err(SoapError::Missing("service")),
            (Some(_), Some(_)) => return Err(SoapError::TwoServices),
            _ => {}
        }
        message.expect_body(header.service_code().unwrap_or_default())?;
        Ok((message, header))
    }

    /// Checks that an answer's body is a fault or named as the service with `Response` (2.3).
    pub fn expect_answer(&self, service_code: &str) -> Result<(), SoapError> {
        if self.is_fault() { Ok(()) } else { self.expect_body(&format!("{service_code}Response")) }
    }

    fn expect_body(&self, expected: &str) -> Result<(), SoapError> {
        if self.body_element == expected {
            return Ok(());
        }
        Err(SoapError::Body { expected: crate::clip(expected), found: crate::clip(&self.body_element) })
    }
}
