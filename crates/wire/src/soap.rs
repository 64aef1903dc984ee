//! SOAP 1.1 and 1.2 as far as the platform needs them: which version, which operation, and faults in the caller's version. Envelopes are
//! scanned, never built as trees. Not here: routing by what is found.

use crate::xml::{self, Event, Scanner, XmlError, XmlFault};
use bytes::Bytes;
use lgsp_kernel::{Blame, ExchangeId, Refusal};

/// Namespace of SOAP 1.1 envelopes (W3C Note of 8 May 2000).
pub const ENVELOPE_11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// Namespace of SOAP 1.2 envelopes (W3C Recommendation of 27 April 2007).
pub const ENVELOPE_12: &str = "http://www.w3.org/2003/05/soap-envelope";
/// Namespace of the platform's problem elements in a fault's detail.
pub const PROBLEM: &str = "urn:lgsp:problem";

/// The version of SOAP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SoapVersion {
    /// SOAP 1.1.
    V11,
    /// SOAP 1.2.
    V12,
}

/// What routing needs to know of an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// By the envelope's namespace.
    pub version: SoapVersion,
    /// Namespace of the body's element; empty for none.
    pub body_namespace: String,
    /// Local name of the body's element.
    pub body_element: String,
}

impl Envelope {
    /// Refuses an envelope whose version is not the one its content type announced: receivers disagree about which of them counts.
    pub fn expect_version(&self, announced: SoapVersion) -> Result<(), XmlFault> {
        if self.version == announced {
            return Ok(());
        }
        let (found, said) = (self.version.as_str(), announced.as_str());
        Err(not_soap(format!("the envelope is SOAP {found}, its content type says SOAP {said}"), 0))
    }
}

impl SoapVersion {
    /// The version that a content type announces, and the action that it carries (SOAP 1.2 only). None where it is not SOAP's.
    pub fn of_content_type(content_type: &str) -> Option<(Self, Option<String>)> {
        let media = content_type.split(';').next().unwrap_or_default().trim();
        if media.eq_ignore_ascii_case("text/xml") {
            Some((Self::V11, None))
        } else if media.eq_ignore_ascii_case("application/soap+xml") {
            Some((Self::V12, xml::parameters(content_type, "action").next()))
        } else {
            None
        }
    }

    /// The content type of what the platform answers in this version.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::V11 => "text/xml; charset=utf-8",
            Self::V12 => "application/soap+xml; charset=utf-8",
        }
    }

    /// The namespace of envelopes.
    pub fn namespace(self) -> &'static str {
        match self {
            Self::V11 => ENVELOPE_11,
            Self::V12 => ENVELOPE_12,
        }
    }

    /// `1.1` or `1.2`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V11 => "1.1",
            Self::V12 => "1.2",
        }
    }

    fn of_namespace(name: &str) -> Option<Self> {
        [Self::V11, Self::V12].into_iter().find(|v| v.namespace() == name)
    }
}

/// The value of a `SOAPAction` header without its quotes; empty where the client states none.
pub fn soap_action_header(value: &str) -> &str {
    let value = value.trim();
    value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value)
}

/// Checks a whole envelope as [`xml::guard`] does, and finds what it is.
///
/// The body must have one element (WS-I Basic Profile 1.1, R9981): of several, receivers run the first, the last or all, and the platform
/// would have decided on one of them. Processing instructions are refused, as SOAP 1.1 (section 3) and 1.2 (section 5) have it.
pub fn inspect(bytes: &[u8]) -> Result<Envelope, XmlFault> {
    let mut scanner = Scanner::new(bytes)?;
    let mut version = None;
    let mut parts = Parts::Start;
    let mut first: Option<(String, String)> = None;
    while let Some(event) = scanner.next()? {
        match event {
            Event::Open { depth: 1, local, at } => {
                version = Some(envelope_version(local, scanner.namespace(), at)?);
            }
            Event::Open { depth: 2, local, at } => {
                let ours = version.is_some_and(|v: SoapVersion| v.namespace() == scanner.namespace());
                parts = parts.next(local, ours).map_err(|why| not_soap(why.into(), at))?;
            }
            Event::Open { depth: 3, local, at } if parts == Parts::Body => {
                if first.is_some() {
                    return Err(not_soap("its Body has more than one element".into(), at));
                }
                first = Some((scanner.namespace().to_owned(), local.to_owned()));
            }
            Event::Instruction { at } => {
                return Err(not_soap("it has a processing instruction".into(), at));
            }
            Event::Text { depth: 1, at } => return Err(not_soap("there is text in the Envelope".into(), at)),
            _ => {}
        }
    }
    let end = bytes.len();
    let version = version.ok_or_else(|| not_soap("it has no Envelope".into(), end))?;
    if parts != Parts::Body {
        return Err(not_soap("it has no Body".into(), end));
    }
    let (body_namespace, body_element) = first.ok_or_else(|| not_soap("its Body is empty".into(), end))?;
    Ok(Envelope { version, body_namespace, body_element })
}

/// How far into an envelope.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parts {
    Start,
    Header,
    Body,
}

impl Parts {
    /// One optional Header, then one Body, then nothing: what more there is, receivers read differently.
    fn next(self, local: &str, ours: bool) -> Result<Self, &'static str> {
        match (self, local) {
            _ if !ours => Err("the Envelope holds an element that is not SOAP's"),
            (Self::Start, "Header") => Ok(Self::Header),
            (Self::Start | Self::Header, "Body") => Ok(Self::Body),
            (Self::Body, "Body") => Err("it has two Body elements"),
            _ => Err("its parts must be one optional Header, then one Body"),
        }
    }
}

fn envelope_version(local: &str, namespace: &str, at: usize) -> Result<SoapVersion, XmlFault> {
    if local != "Envelope" {
        return Err(not_soap(format!("the root element is {:?}", crate::clip(local)), at));
    }
    SoapVersion::of_namespace(namespace).ok_or_else(|| {
        not_soap(
            format!("{:?} is not an envelope's namespace of SOAP 1.1 or 1.2", crate::clip(namespace)),
            at,
        )
    })
}

fn not_soap(why: String, at: usize) -> XmlFault {
    XmlError::NotSoap(why).at(at)
}

/// A refusal as a fault in the caller's version. The detail carries the same members as the problem document, as elements in the
/// namespace [`PROBLEM`].
pub fn fault(version: SoapVersion, refusal: &Refusal, exchange: Option<ExchangeId>) -> Bytes {
    let caller = refusal.kind.blame == Blame::Caller;
    let reason = format!("{}: {}", refusal.kind.title, refusal.detail);
    let mut out = Writer(String::with_capacity(1024));
    out.raw("<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope xmlns:soap=\"")
        .raw(version.namespace());
    out.raw("\"><soap:Body><soap:Fault>");
    match version {
        SoapVersion::V11 => {
            out.element("faultcode", if caller { "soap:Client" } else { "soap:Server" });
            out.element("faultstring", &reason).raw("<detail>");
            out.problem(refusal, exchange).raw("</detail>");
        }
        SoapVersion::V12 => {
            out.raw("<soap:Code>")
                .element("soap:Value", if caller { "soap:Sender" } else { "soap:Receiver" });
            out.raw("</soap:Code><soap:Reason><soap:Text xml:lang=\"en\">").text(&reason);
            out.raw("</soap:Text></soap:Reason><soap:Detail>").problem(refusal, exchange);
            out.raw("</soap:Detail>");
        }
    }
    out.raw("</soap:Fault></soap:Body></soap:Envelope>");
    Bytes::from(out.0)
}

/// Writes XML; what is not markup goes through [`xml::escape_into`].
struct Writer(String);

impl Writer {
    fn raw(&mut self, markup: &str) -> &mut Self {
        self.0.push_str(markup);
        self
    }
    fn text(&mut self, text: &str) -> &mut Self {
        xml::escape_into(&mut self.0, text);
        self
    }
    fn element(&mut self, name: &str, text: &str) -> &mut Self {
        self.raw("<").raw(name).raw(">").text(text).raw("</").raw(name).raw(">")
    }
    fn problem(&mut self, refusal: &Refusal, exchange: Option<ExchangeId>) -> &mut Self {
        let kind = refusal.kind;
        self.raw("<p:problem xmlns:p=\"").raw(PROBLEM).raw("\">");
        self.element("p:type", &crate::problem::type_of(refusal)).element("p:title", kind.title);
        self.element("p:status", &kind.status.to_string()).element("p:detail", &refusal.detail);
        self.element("p:step", kind.step.as_str()).element("p:blame", kind.blame.as_str());
        self.element("p:remedy", kind.remedy);
        if let Some(exchange) = exchange {
            self.element("p:exchange", &exchange.to_string());
        }
        if let Some(seconds) = refusal.retry_after {
            self.element("p:retry_after", &seconds.to_string());
        }
        self.raw("</p:problem>")
    }
}
