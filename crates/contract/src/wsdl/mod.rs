//! WSDL 1.1 (W3C Note of 15 March 2001) read as far as the platform calls by it: SOAP 1.1 and 1.2 over HTTP, document/literal and
//! rpc/literal. What has no reading is named per operation. Nothing is fetched. Messages themselves are in `crate::soap`.

mod bind;
mod content;
mod index;
mod load;
mod mime;
mod policy;
mod rpc;
pub(crate) mod tree;

pub use load::FILES_MAX;
pub use tree::{ELEMENTS_MAX, INLINE_SCHEMAS_MAX};

use lgsp_schema::Problem;
use lgsp_schema::bundle::Bundle;
use lgsp_schema::model::{Element, Model, QName};
pub use lgsp_wire::soap::SoapVersion;
use std::sync::Arc;

/// Namespace of WSDL 1.1.
pub const WSDL: &str = "http://schemas.xmlsoap.org/wsdl/";
/// Namespace of the SOAP 1.1 binding (section 3 of the Note).
pub const SOAP11: &str = "http://schemas.xmlsoap.org/wsdl/soap/";
/// Namespace of the SOAP 1.2 binding (W3C Member Submission of 5 April 2006).
pub const SOAP12: &str = "http://schemas.xmlsoap.org/wsdl/soap12/";
/// Namespace of the HTTP binding, which is passed over.
const HTTP: &str = "http://schemas.xmlsoap.org/wsdl/http/";
/// Namespace of the MIME binding (section 5).
const MIME: &str = "http://schemas.xmlsoap.org/wsdl/mime/";

/// Operations of the chosen port: the largest national interface known has some 400.
pub const OPERATIONS_MAX: usize = 2_000;

/// Which of several services and ports is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choose {
    /// Local name of the service; none: the only one with a SOAP port.
    pub service: Option<String>,
    /// Name of the port; none: the first of SOAP 1.1, else the first of SOAP 1.2.
    pub port: Option<String>,
}

/// A WSDL, read for one of its ports.
#[derive(Debug, Clone)]
pub struct Wsdl {
    /// Namespace of its definitions.
    pub target_namespace: Arc<str>,
    /// Documentation of the chosen service, or of the definitions.
    pub doc: Option<Arc<str>>,
    /// All services with their ports.
    pub services: Vec<Service>,
    /// The chosen port: places in `services` and in its `ports`.
    pub chosen: (usize, usize),
    /// Version of SOAP that the chosen port speaks.
    pub version: SoapVersion,
    /// The chosen port's operations, in the binding's order; names are unique.
    pub operations: Vec<WsdlOperation>,
    /// The types of its messages.
    pub model: Arc<Model>,
    /// What is taken although the standard has it otherwise, or is passed over.
    pub warnings: Vec<Problem>,
}

impl Wsdl {
    /// The chosen service.
    pub fn service(&self) -> &Service {
        &self.services[self.chosen.0]
    }
    /// The chosen port.
    pub fn port(&self) -> &Port {
        &self.service().ports[self.chosen.1]
    }
    /// An operation by its name.
    pub fn operation(&self, name: &str) -> Option<&WsdlOperation> {
        self.operations.iter().find(|o| &*o.name == name)
    }
    /// The operation that a message with this element in its body asks for; a SOAPAction decides where several have the same element.
    pub fn operation_of(&self, body: &QName, soap_action: &str) -> Option<&WsdlOperation> {
        let fits = |o: &&WsdlOperation| o.input.element.as_ref().is_some_and(|e| e.name == *body);
        let same = |o: &&WsdlOperation| {
            !soap_action.is_empty() && o.soap_action.as_deref().is_some_and(|a| a == soap_action)
        };
        self.operations.iter().filter(fits).find(same).or_else(|| self.operations.iter().find(fits))
    }
}

/// A service: ports that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: QName,
    /// Its ports in order.
    pub ports: Vec<Port>,
}

/// A port: a binding at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: Arc<str>,
    /// Its binding.
    pub binding: QName,
    /// The version of SOAP; none: not SOAP, cannot be chosen.
    pub version: Option<SoapVersion>,
    /// Where it is; often a placeholder of the generator.
    pub address: Option<Arc<str>>,
}

/// How an operation's body is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Style {
    /// The body's element is the message.
    Document,
    /// The body's element is made of the operation's name, its children are the parts.
    Rpc,
}

/// An operation of the chosen port.
#[derive(Debug, Clone)]
pub struct WsdlOperation {
    /// Its name; of an overloaded one, with the input's name behind a dot.
    pub name: Arc<str>,
    /// `SOAPAction` of requests, or `action` in SOAP 1.2; none: not stated.
    pub soap_action: Option<Arc<str>>,
    /// Version of SOAP.
    pub version: SoapVersion,
    /// Layout of the body.
    pub style: Style,
    /// Document style with an element that only wraps the parameters.
    pub wrapped: bool,
    /// The request.
    pub input: BodyShape,
    /// The answer; none: one-way.
    pub output: Option<BodyShape>,
    /// Declared faults.
    pub faults: Vec<FaultShape>,
    /// Attachments may travel as MTOM/XOP.
    pub mtom: bool,
    /// Documentation.
    pub doc: Option<Arc<str>>,
    /// What of it has no reading, each with construct and place; empty: it can be called.
    pub unsupported: Vec<Problem>,
}

/// A message in an envelope.
#[derive(Debug, Clone, Default)]
pub struct BodyShape {
    /// The one element of the body; none: the body is empty. An rpc body's element is made here: its children are the parts.
    pub element: Option<Arc<Element>>,
    /// The key of the element in [`Model::elements`]: its name, or for an rpc body's element one that no schema can declare.
    pub key: Option<QName>,
    /// Declared header blocks.
    pub headers: Vec<HeaderShape>,
    /// Attachments outside the envelope (SOAP with Attachments).
    pub attachments: Vec<AttachmentShape>,
}

/// A declared header block (section 3.7).
#[derive(Debug, Clone)]
pub struct HeaderShape {
    /// Its element.
    pub element: Arc<Element>,
    /// `wsdl:required`.
    pub required: bool,
}

/// A part of the message that travels as an attachment (section 5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentShape {
    /// Name of the part; its Content-ID begins with it (WS-I Attachments Profile 1.0, section 3.8).
    pub part: Arc<str>,
    /// Allowed media types; empty: any.
    pub media_types: Vec<Arc<str>>,
}

/// A declared fault (section 3.6).
#[derive(Debug, Clone)]
pub struct FaultShape {
    /// Its name.
    pub name: Arc<str>,
    /// The element in the fault's detail.
    pub element: Arc<Element>,
}

/// Reads a WSDL file of a bundle with what it imports, for one port.
///
/// Fails where the whole is of no use: not WSDL 1.1, a reference that leads nowhere, a binding that is missing, no SOAP port. What
/// touches single operations is in [`WsdlOperation::unsupported`].
pub fn read(bundle: &Bundle, main: &str, choose: &Choose) -> Result<Wsdl, Vec<Problem>> {
    let loaded = load::load(bundle, main)?;
    let index = index::Index::new(&loaded)?;
    bind::wsdl(bundle, &loaded, &index, choose)
}
