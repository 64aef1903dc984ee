//! Metadata services: who is here, what a system offers, what of it the caller may use, and descriptions. Answered from the snapshot and, where
//! the node gives one, from a catalogue of what lies beyond this node. Exchanges like any other, on record before they are answered.

use super::names::{class, index, soap_code, system};
use super::{Said, bad, broken, describe, rest, soap};
use crate::edge::whole;
use crate::exchange::{Exchange, Why};
use crate::steps::verify::{Content, Given};
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use lgsp_kernel::model::{AgencyKind, Protocol};
use lgsp_kernel::snapshot::{Service, System, Version};
use lgsp_kernel::{Refusal, Step, fault};
use lgsp_xroad::id::{ClientId, ServiceId};
use lgsp_xroad::meta::{
    Catalogue, Client, Document, MetaService, Plain, Service as Listed, ServiceKind, open_api_wanted,
    without_endpoints, wsdl_answer,
};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A member of the network, or a system of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedMember {
    /// Whether it is a business (class `COM`) and no agency (`GOV`).
    pub enterprise: bool,
    /// The agency's code, or the tax code.
    pub code: String,
    /// Its name.
    pub name: Option<String>,
    /// One of its systems; none: the member itself.
    pub system: Option<String>,
    /// The system's name.
    pub system_name: Option<String>,
}

/// What a node knows beyond its registry.
pub trait CatalogueSource: Send + Sync {
    /// Members and systems of other nodes, as the directory lists them.
    fn members(&self) -> Vec<ListedMember>;
    /// The description of a version as it was registered: OpenAPI or WSDL.
    fn description(&self, service: &str, version: &str) -> Option<Bytes>;
}

/// The platform's own answer, where the request asks for one.
pub(crate) fn own_answer(x: &mut Exchange) -> Result<Option<Given>, Refusal> {
    if x.route.is_some() {
        return Ok(None);
    }
    let Some((content_type, body)) = document(x)? else { return Ok(None) };
    let mut response = whole(StatusCode::OK, "text/xml", Bytes::new());
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&content_type) {
        headers.insert(CONTENT_TYPE, value);
    }
    *headers = rest::own_lines(x, headers);
    crate::edge::name_exchange(headers, &x.id_text);
    let (head, _) = response.into_parts();
    let body = if x.head.method == Method::HEAD { Bytes::new() } else { body };
    Ok(Some(Given { head, content: Content::Whole(body, None) }))
}

fn document(x: &mut Exchange) -> Result<Option<Document>, Refusal> {
    let (what, document) = match x.xroad.as_ref().map(|call| &call.said) {
        Some(Said::Plain(plain)) => {
            let plain = (**plain).clone();
            ("metadata", of_plain(x, &plain)?)
        }
        Some(Said::Rest(said)) => {
            let request = said.request.clone();
            let Some(meta) = MetaService::of(&request.service.service) else { return Ok(None) };
            (meta.code(), of_rest(x, meta, &request.service, &request.path)?)
        }
        Some(Said::Soap(said)) => {
            let Some((meta, wanted)) = said.meta.clone() else { return Ok(None) };
            (meta.code(), of_soap(x, meta, wanted)?)
        }
        _ => return Ok(None),
    };
    x.passed(Step::Resolve, Why::Text(Cow::Borrowed(what)));
    Ok(Some(document))
}

fn of_plain(x: &mut Exchange, plain: &Plain) -> Result<Document, Refusal> {
    match plain {
        Plain::ListClients { instance } => {
            let accept = x.head.headers.get(ACCEPT).and_then(|v| v.to_str().ok());
            let catalogue = Catalogue { clients: clients(x), services: Vec::new() };
            Ok(catalogue.list_clients(instance.as_deref(), accept))
        }
        Plain::Wsdl(wanted) => {
            let provider = system(x, &wanted.provider)?;
            let wsdl = wsdl(x, &provider, &wanted.service, wanted.version.as_deref())?;
            let plain = without_endpoints(&wsdl).map_err(|e| undescribed(&e))?;
            Ok(("text/xml;charset=utf-8".into(), plain))
        }
    }
}

fn of_rest(x: &mut Exchange, meta: MetaService, asked: &ServiceId, path: &str) -> Result<Document, Refusal> {
    if !matches!(x.head.method, Method::GET | Method::HEAD) {
        return Err(Refusal::new(&fault::WRONG_METHOD, "Allowed: GET, HEAD"));
    }
    if !matches!(path, "" | "/") {
        return Err(Refusal::new(&fault::NO_OPERATION, format!("{} has no path of its own.", meta.code())));
    }
    let provider = system(x, &asked.provider)?;
    match meta {
        MetaService::ListMethods | MetaService::AllowedMethods => {
            let granted = meta == MetaService::AllowedMethods;
            let services = services(x, &provider, &asked.provider, granted);
            Ok(Catalogue { clients: Vec::new(), services }.rest_methods(&asked.provider))
        }
        MetaService::GetOpenApi => {
            let wanted = open_api_wanted(x.head.uri.query()).map_err(|e| broken(x, e))?;
            open_api(x, &provider, &wanted)
        }
        MetaService::GetWsdl => Err(Refusal::new(&fault::NO_SERVICE, "getWsdl is asked for in SOAP.")),
    }
}

fn of_soap(x: &mut Exchange, meta: MetaService, wanted: Option<soap::Wanted>) -> Result<Document, Refusal> {
    let Some(Said::Soap(said)) = x.xroad.as_ref().map(|call| &call.said) else {
        return Err(bad(x, "the request was not read"));
    };
    let (header, hash) = (said.header.clone(), said.hash.clone());
    let Some(asked) = &header.service else {
        return Err(Refusal::new(&fault::NO_SERVICE, "There are no central services."));
    };
    let provider = system(x, &asked.provider)?;
    match meta {
        MetaService::ListMethods | MetaService::AllowedMethods => {
            let services = services(x, &provider, &asked.provider, meta == MetaService::AllowedMethods);
            let catalogue = Catalogue { clients: Vec::new(), services };
            let body = catalogue.soap_methods(meta, &header, &hash).map_err(|e| broken(x, e.error("")))?;
            Ok(("text/xml; charset=utf-8".into(), body))
        }
        MetaService::GetWsdl => {
            let wanted = wanted.ok_or_else(|| bad(x, "the element serviceCode is missing in getWsdl"))?;
            let wsdl = wsdl(x, &provider, &wanted.0, wanted.1.as_deref())?;
            let boundary = format!("lgsp-{}", x.id_text);
            let answer = wsdl_answer(&header, &hash, &wanted, &wsdl, &boundary);
            answer.map_err(|e| undescribed(&e))?.ok_or_else(|| undescribed(&"the boundary occurs in it"))
        }
        MetaService::GetOpenApi => {
            Err(Refusal::new(&fault::NO_SERVICE, "getOpenAPI is asked for in the message protocol for REST."))
        }
    }
}

/// Members and systems: those declared here, then those that the directory has besides.
fn clients(x: &Exchange) -> Vec<Client> {
    let config = &x.gateway.config.xroad;
    let mut listed: BTreeMap<ClientId, Client> = BTreeMap::new();
    let mut put = |enterprise: bool, code: &str, sub: Option<&str>, name: Option<String>, sub_name| {
        if let Ok(id) = ClientId::new(&config.instance, class(enterprise), code, sub) {
            listed.entry(id.clone()).or_insert(Client { id, name, subsystem_name: sub_name });
        }
    };
    let agencies = &x.snapshot.agencies;
    for agency in agencies.values() {
        put(
            agency.kind == AgencyKind::Enterprise,
            agency.code.as_str(),
            None,
            Some(agency.name.clone()),
            None,
        );
    }
    for system in x.snapshot.systems.values() {
        let Some(agency) = agencies.get(&system.agency) else { continue };
        let (id, name) = (system.spec.id.as_str(), system.spec.name.clone());
        let enterprise = agency.kind == AgencyKind::Enterprise;
        put(enterprise, agency.code.as_str(), Some(id), Some(agency.name.clone()), Some(name));
    }
    for member in x.gateway.catalogue().map(CatalogueSource::members).unwrap_or_default() {
        put(member.enterprise, &member.code, member.system.as_deref(), member.name, member.system_name);
    }
    listed.into_values().collect()
}

/// What a system offers, under the names that the caller used for it.
fn services(x: &Exchange, provider: &System, named: &ClientId, granted: bool) -> Vec<Listed> {
    let consumer = x.caller.as_ref().map_or("", |c| c.system.spec.id.as_str());
    let may = |s: &Service, v: &Version, o: &lgsp_kernel::snapshot::Operation| {
        let (method, path) = endpoint(o);
        let usable = |g: &lgsp_kernel::snapshot::Grant| {
            let (now, spec) = (x.now(), &g.spec);
            let in_time =
                spec.valid_from.is_none_or(|t| now >= t.0) && spec.valid_until.is_none_or(|t| now < t.0);
            in_time && !spec.suspended && g.covers(v.spec.version.as_str(), &o.spec, &method, &path)
        };
        !granted || x.snapshot.grants_for(consumer, s.spec.id.as_str()).iter().any(|g| usable(g))
    };
    let mut listed = Vec::new();
    for service in index(x).services(provider.spec.id.as_str()) {
        match service.spec.protocol {
            Protocol::Rest => listed.extend(rest_service(x, service, named, &may)),
            Protocol::Soap => {
                for version in service.versions.iter().filter(|v| v.callable()) {
                    let label = Some(version.spec.version.as_str());
                    let allowed = version.operations.iter().filter(|o| may(service, version, o));
                    listed.extend(allowed.filter_map(|o| {
                        let id = ServiceId::new(named.clone(), soap_code(o), label).ok()?;
                        Some(Listed { id, kind: ServiceKind::Soap, endpoints: Vec::new() })
                    }));
                }
            }
        }
    }
    listed
}

type May<'a> = &'a dyn Fn(&Service, &Version, &lgsp_kernel::snapshot::Operation) -> bool;

/// A REST service with the operations of its versions; those of versions besides the default one begin with the version's label.
fn rest_service(x: &Exchange, service: &Service, named: &ClientId, may: May<'_>) -> Option<Listed> {
    let mut endpoints = Vec::new();
    for (i, version) in service.versions.iter().enumerate().filter(|(_, v)| v.callable()) {
        let label = (service.default_version != Some(i)).then(|| format!("/{}", version.spec.version));
        for operation in version.operations.iter().filter(|o| may(service, version, o)) {
            let (method, path) = endpoint(operation);
            endpoints.push((method, format!("{}{}", label.as_deref().unwrap_or_default(), starred(&path))));
        }
    }
    if endpoints.is_empty() {
        return None;
    }
    let default = service.default_version.and_then(|i| service.versions.get(i));
    let described = default.is_some_and(|v| registered(x, service, v).is_some());
    let kind = if described { ServiceKind::OpenApi } else { ServiceKind::Rest };
    let id = ServiceId::new(named.clone(), service.spec.id.as_str(), None).ok()?;
    Some(Listed { id, kind, endpoints })
}

fn endpoint(operation: &lgsp_kernel::snapshot::Operation) -> (String, String) {
    let spec = &operation.spec;
    let path = spec.path.as_ref().map_or("/", |p| p.as_str());
    (spec.method.clone().unwrap_or_else(|| "POST".into()), path.to_owned())
}

/// `/a/{id}` as `/a/*`.
fn starred(path: &str) -> String {
    let star = |segment: &str| if segment.starts_with('{') { "*".to_owned() } else { segment.to_owned() };
    path.split('/').map(star).collect::<Vec<_>>().join("/")
}

fn registered(x: &Exchange, service: &Service, version: &Version) -> Option<Bytes> {
    let (service, version) = (service.spec.id.as_str(), version.spec.version.as_str());
    x.gateway.catalogue().and_then(|c| c.description(service, version))
}

fn open_api(x: &Exchange, provider: &System, wanted: &str) -> Result<Document, Refusal> {
    let offered = index(x)
        .services(provider.spec.id.as_str())
        .iter()
        .find(|s| s.spec.protocol == Protocol::Rest && s.spec.id.as_str() == wanted)
        .cloned();
    let service: Arc<Service> = offered.ok_or_else(|| {
        Refusal::new(&fault::NO_SERVICE, format!("{} offers no such REST service.", provider.spec.id))
    })?;
    let version = super::names::version(&service, None)?;
    let body = registered(x, &service, &version).unwrap_or_else(|| describe::open_api(&service, &version));
    let json = body.trim_ascii_start().starts_with(b"{");
    Ok((if json { "application/json" } else { "application/yaml" }.into(), body))
}

fn wsdl(x: &Exchange, provider: &System, code: &str, label: Option<&str>) -> Result<Bytes, Refusal> {
    let (service, version) = soap::described(x, provider.spec.id.as_str(), code, label)?;
    Ok(registered(x, &service, &version).unwrap_or_else(|| describe::wsdl(&service, &version)))
}

fn undescribed(why: &dyn std::fmt::Display) -> Refusal {
    let refusal = Refusal::new(&fault::INTERNAL, "The registered description cannot be given out.");
    refusal.with_internal(why)
}
