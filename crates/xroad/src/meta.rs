//! Service metadata (PR-META 2.15, PR-MREST 0.5): who is there, what they offer, and descriptions. The node fills the lists from what it knows; which
//! services a caller may use is decided there, too.

use crate::error::XRoadError;
use crate::id::{ClientId, ServiceId};
use crate::mime;
use crate::soap::emit::{client_element, element, service_element};
use crate::soap::{self, Header, RequestHash, SoapError, XROAD};
use bytes::Bytes;
use lgsp_wire::xml;
use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use serde_json::{Value, json};
use std::borrow::Cow;

/// What every address in a WSDL becomes (PR-META 4): where a provider really is, is not the consumers' business.
pub const ENDPOINT: &str = "http://example.org/xroad-endpoint";

/// The services that every provider has without offering them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetaService {
    /// What a provider offers.
    ListMethods,
    /// What it offers to the caller.
    AllowedMethods,
    /// The OpenAPI description of a REST service.
    GetOpenApi,
    /// The WSDL of a SOAP service.
    GetWsdl,
}

impl MetaService {
    const ALL: [Self; 4] = [Self::ListMethods, Self::AllowedMethods, Self::GetOpenApi, Self::GetWsdl];

    /// By service code.
    pub fn of(service_code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.code() == service_code)
    }

    /// The service code.
    pub fn code(self) -> &'static str {
        match self {
            Self::ListMethods => "listMethods",
            Self::AllowedMethods => "allowedMethods",
            Self::GetOpenApi => "getOpenAPI",
            Self::GetWsdl => "getWsdl",
        }
    }
}

/// A member or subsystem that is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its identifier.
    pub id: ClientId,
    /// The member's name.
    pub name: Option<String>,
    /// The subsystem's name.
    pub subsystem_name: Option<String>,
}

/// What kind of service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceKind {
    /// REST without a description.
    Rest,
    /// REST with an OpenAPI description.
    OpenApi,
    /// SOAP.
    Soap,
}

/// A service that is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its identifier; with a version for SOAP only.
    pub id: ServiceId,
    /// What kind.
    pub kind: ServiceKind,
    /// Method and path of each operation of a REST service; `*` for a variable part.
    pub endpoints: Vec<(String, String)>,
}

/// Who is there and what they offer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// Members and subsystems.
    pub clients: Vec<Client>,
    /// Services. For `allowedMethods`, those that the caller may use.
    pub services: Vec<Service>,
}

/// Content type and body.
pub type Document = (String, Bytes);

impl Catalogue {
    /// `listClients`: JSON where the consumer accepts `application/json`, else XML. With an instance, only its clients.
    pub fn list_clients(&self, instance: Option<&str>, accept: Option<&str>) -> Document {
        let wanted = |c: &&Client| instance.is_none_or(|i| c.id.instance == i);
        let listed: Vec<&Client> = self.clients.iter().filter(wanted).collect();
        let names_json = |a: &str| a.split(',').any(|r| media(r) == "application/json");
        if accept.is_some_and(names_json) {
            let members: Vec<Value> = listed.into_iter().map(client_json).collect();
            return ("application/json;charset=utf-8".into(), to_bytes(&json!({ "member": members })));
        }
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>");
        out.push_str(&format!("<xrd:clientList xmlns:xrd=\"{XROAD}\">"));
        for client in listed {
            out.push_str("<xrd:member>");
            client_element(&mut out, "id", &client.id);
            for (name, text) in [("xrd:name", &client.name), ("xrd:subsystemName", &client.subsystem_name)] {
                if let Some(text) = text {
                    element(&mut out, name, text);
                }
            }
            out.push_str("</xrd:member>");
        }
        out.push_str("</xrd:clientList>");
        ("text/xml;charset=utf-8".into(), Bytes::from(out))
    }

    /// `listMethods` and `allowedMethods` for REST: the REST services of a provider.
    pub fn rest_methods(&self, provider: &ClientId) -> Document {
        let services: Vec<Value> =
            self.of(provider).filter(|s| s.kind != ServiceKind::Soap).map(service_json).collect();
        ("application/json;charset=utf-8".into(), to_bytes(&json!({ "service": services })))
    }

    /// `listMethods` and `allowedMethods` for SOAP: the answer to a request whose body asked for one of them.
    pub fn soap_methods(
        &self,
        meta: MetaService,
        request: &Header,
        hash: &RequestHash,
    ) -> Result<Bytes, SoapError> {
        let provider = provider_of(request)?;
        let mut body = String::new();
        for service in self.of(provider).filter(|s| s.kind == ServiceKind::Soap) {
            service_element(&mut body, &service.id);
        }
        answer(meta, &body, request, hash)
    }

    fn of<'a>(&'a self, provider: &'a ClientId) -> impl Iterator<Item = &'a Service> {
        let offered = move |s: &&Service| s.id.provider == *provider;
        self.services.iter().filter(offered).filter(|s| MetaService::of(&s.id.service).is_none())
    }
}

fn provider_of(request: &Header) -> Result<&ClientId, SoapError> {
    request.service.as_ref().map(|s| &s.provider).ok_or(SoapError::Missing("service"))
}

/// `getWsdl`: the answer with the description as its attachment, its addresses replaced. `wanted` is what the request's body names, `boundary`
/// one that nobody can have foreseen. None where the boundary occurs in the description all the same.
pub fn wsdl_answer(
    request: &Header,
    hash: &RequestHash,
    wanted: &(String, Option<String>),
    wsdl: &[u8],
    boundary: &str,
) -> Result<Option<Document>, SoapError> {
    let mut body = String::new();
    element(&mut body, "xrd:serviceCode", &wanted.0);
    if let Some(version) = &wanted.1 {
        element(&mut body, "xrd:serviceVersion", version);
    }
    let envelope = answer(MetaService::GetWsdl, &body, request, hash)?;
    let wsdl = without_endpoints(wsdl)?;
    Ok(mime::write(boundary, &envelope, &[("wsdl", "text/xml; charset=UTF-8", &wsdl)]))
}

fn answer(meta: MetaService, body: &str, request: &Header, hash: &RequestHash) -> Result<Bytes, SoapError> {
    let code = meta.code();
    let envelope = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><SOAP-ENV:Envelope xmlns:SOAP-ENV=\"{}\"><SOAP-ENV:Body>\
         <xrd:{code}Response xmlns:xrd=\"{XROAD}\">{body}</xrd:{code}Response></SOAP-ENV:Body></SOAP-ENV:Envelope>",
        lgsp_wire::soap::ENVELOPE_11
    );
    soap::complete_answer(request, &Bytes::from(envelope), hash)
}

/// A WSDL with [`ENDPOINT`] in place of every address; everything else stays.
pub fn without_endpoints(wsdl: &[u8]) -> Result<Bytes, SoapError> {
    xml::guard(wsdl)?;
    let bare = wsdl.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(wsdl);
    let mut reader = NsReader::from_reader(bare);
    let (mut out, mut done) = (Vec::with_capacity(bare.len()), 0);
    let wrong = |at| {
        let what = xml::XmlError::Markup("this cannot be read for certain");
        SoapError::Xml(xml::XmlFault { what, at })
    };
    loop {
        let before = usize::try_from(reader.buffer_position()).unwrap_or(bare.len());
        let event = reader.read_event().map_err(|_| wrong(before))?;
        let (tag, end) = match &event {
            Event::Start(tag) => (tag, ">"),
            Event::Empty(tag) => (tag, "/>"),
            Event::Eof => break,
            _ => continue,
        };
        let (namespace, local) = reader.resolver().resolve_element(tag.name());
        // Addresses of every binding: SOAP 1.1 and 1.2, HTTP.
        let ours = matches!(namespace, ResolveResult::Bound(n) if n.into_inner().starts_with(b"http://schemas.xmlsoap.org/wsdl/"));
        if local.into_inner() != b"address" || !ours {
            continue;
        }
        let after = usize::try_from(reader.buffer_position()).unwrap_or(bare.len());
        out.extend_from_slice(&bare[done..before]);
        out.extend_from_slice(&relocated(tag, end).map_err(|()| wrong(before))?);
        done = after;
    }
    out.extend_from_slice(&bare[done..]);
    Ok(Bytes::from(out))
}

fn relocated(tag: &BytesStart<'_>, end: &str) -> Result<Vec<u8>, ()> {
    let mut out = b"<".to_vec();
    out.extend_from_slice(tag.name().into_inner());
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|_| ())?;
        let location = attribute.key.into_inner() == b"location";
        let value = if location { Cow::Borrowed(ENDPOINT.as_bytes()) } else { attribute.value };
        let quote = if value.contains(&b'"') { b'\'' } else { b'"' };
        out.push(b' ');
        out.extend_from_slice(attribute.key.into_inner());
        out.extend_from_slice(&[b'=', quote]);
        out.extend_from_slice(&value);
        out.push(quote);
    }
    out.extend_from_slice(end.as_bytes());
    Ok(out)
}

/// A request for metadata outside both message protocols: a plain GET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plain {
    /// `/listClients[?xRoadInstance=...]`
    ListClients {
        /// The instance whose clients are listed; none for this one.
        instance: Option<String>,
    },
    /// `/wsdl?xRoadInstance=...&memberClass=...&memberCode=...[&subsystemCode=...]&serviceCode=...[&version=...]`: gone from PR-META since
    /// 2.11, and still what older software asks for.
    Wsdl(ServiceId),
}

impl Plain {
    /// Reads path and query. None where the path is not one of these.
    pub fn parse(path: &str, query: Option<&str>) -> Option<Result<Self, XRoadError>> {
        match path {
            "/listClients" => Some(parameters(query).map(|q| {
                let instance = value(&q, "xRoadInstance").map(str::to_owned);
                Self::ListClients { instance }
            })),
            "/wsdl" => Some(parameters(query).and_then(|q| wsdl_service(&q).map(Self::Wsdl))),
            _ => None,
        }
    }
}

/// The `serviceCode` of a `getOpenAPI` request's query.
pub fn open_api_wanted(query: Option<&str>) -> Result<String, XRoadError> {
    let parameters = parameters(query)?;
    let wanted = value(&parameters, "serviceCode").ok_or_else(|| missing("serviceCode"))?;
    crate::id::check(wanted, "serviceCode").map_err(|e| XRoadError::bad_request(e, ""))?;
    Ok(wanted.to_owned())
}

fn wsdl_service(query: &[(String, String)]) -> Result<ServiceId, XRoadError> {
    let need = |name: &'static str| value(query, name).ok_or_else(|| missing(name));
    let bad = |e: crate::id::IdError| XRoadError::bad_request(e, "");
    let (instance, class) = (need("xRoadInstance")?, need("memberClass")?);
    let provider =
        ClientId::new(instance, class, need("memberCode")?, value(query, "subsystemCode")).map_err(bad)?;
    ServiceId::new(provider, need("serviceCode")?, value(query, "version")).map_err(bad)
}

fn missing(name: &str) -> XRoadError {
    XRoadError::bad_request(format_args!("the query parameter {name} is missing"), "")
}

/// Parameters of a query; one that is there twice is refused (PR-REST 4.2 warns of it).
fn parameters(query: Option<&str>) -> Result<Vec<(String, String)>, XRoadError> {
    lgsp_wire::credentials::form(query.unwrap_or_default().as_bytes())
        .map_err(|_| XRoadError::bad_request("the query cannot be read, or has a parameter twice", ""))
}

fn value<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
}

fn media(range: &str) -> String {
    range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn client_json(client: &Client) -> Value {
    let mut id = json!({
        "member_class": client.id.class,
        "member_code": client.id.member,
        "object_type": client.id.object_type(),
        "xroad_instance": client.id.instance,
    });
    if let Some(subsystem) = &client.id.subsystem {
        id["subsystem_code"] = json!(subsystem);
    }
    let mut out = json!({ "id": id });
    for (name, text) in [("name", &client.name), ("subsystem_name", &client.subsystem_name)] {
        if let Some(text) = text {
            out[name] = json!(text);
        }
    }
    out
}

fn service_json(service: &Service) -> Value {
    let provider = &service.id.provider;
    let endpoints: Vec<Value> =
        service.endpoints.iter().map(|(m, p)| json!({ "method": m, "path": p })).collect();
    let mut out = json!({
        "member_class": provider.class,
        "member_code": provider.member,
        "object_type": "SERVICE",
        "service_code": service.id.service,
        "service_type": if service.kind == ServiceKind::OpenApi { "OPENAPI" } else { "REST" },
        "xroad_instance": provider.instance,
        "endpoint_list": endpoints,
    });
    if let Some(subsystem) = &provider.subsystem {
        out["subsystem_code"] = json!(subsystem);
    }
    out
}

fn to_bytes(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}
