//! The adapter form: an X-Road identifier names a system but no service, so the operation is looked for among all REST services of that system.
//! An address that the caller names is compared, and nothing more.

use super::rest::stated_client;
use super::{Said, bad, broken, names, set_said};
use crate::edge::rest::{Found, find};
use crate::exchange::{Exchange, Route, Why};
use http::header::HeaderMap;
use lgsp_kernel::model::{LegSpec, Protocol};
use lgsp_kernel::snapshot::{Operation, Service, Version};
use lgsp_kernel::{Refusal, Step, fault};
use lgsp_xroad::adapter::{DSTCODE, Forward, PROVIDERURL, same_target};
use std::sync::Arc;

pub(super) fn identify(x: &mut Exchange) -> Result<(), Refusal> {
    let forward = Forward::parse(x.head.uri.path(), x.head.uri.query(), &x.head.headers);
    let forward = forward.map_err(|e| broken(x, e.error("")))?;
    set_said(x, Said::Adapter(Box::new(forward)));
    stated_client(x)
}

type Candidate = (Arc<Service>, Arc<Version>, Arc<Operation>);

pub(super) fn resolve(x: &mut Exchange) -> Result<(), Refusal> {
    let Some(Said::Adapter(forward)) = x.xroad.as_ref().map(|call| &call.said) else {
        return Err(bad(x, "the request was not read"));
    };
    let Forward { destination, path, query, provider_url } = (**forward).clone();
    let provider = names::system(x, &destination)?;
    let decoded = lgsp_wire::path::clean(&path).map_err(|f| f.refusal())?.decoded_after(0).into_owned();
    let mut found = candidates(x, provider.spec.id.as_str(), &decoded)?;
    if let Some(named) = &provider_url {
        found.retain(|(_, version, _)| targets(version).any(|target| same_target(named, target)));
        if found.is_empty() {
            let detail =
                "The providerurl is not the address registered for this operation; nothing was sent there.";
            return Err(Refusal::new(&fault::PROVIDER_URL, detail));
        }
    }
    let mut found = found.into_iter();
    let (Some((service, version, operation)), None) = (found.next(), found.next()) else {
        let detail = format!("Several services of {destination} have an operation at this path.");
        return Err(Refusal::new(&fault::XROAD_AMBIGUOUS, detail));
    };
    let rest = match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    x.passed(Step::Resolve, Why::Route(version.clone(), operation.clone()));
    x.route = Some(Route { service, version, operation, path: decoded, rest });
    Ok(())
}

/// The services of a system whose default version has the operation.
fn candidates(x: &Exchange, system: &str, path: &str) -> Result<Vec<Candidate>, Refusal> {
    let index = names::index(x);
    let (mut found, mut methods) = (Vec::new(), None);
    for service in index.services(system).iter().filter(|s| s.spec.protocol == Protocol::Rest) {
        let Ok(version) = names::version(service, None) else { continue };
        match find(&version, &x.head.method, path) {
            Found::Operation(operation) => {
                let operation = operation.clone();
                found.push((service.clone(), version, operation));
            }
            Found::OtherMethods(others) => methods = Some(others),
            Found::Nothing => {}
        }
    }
    match methods {
        _ if !found.is_empty() => Ok(found),
        Some(methods) => Err(Refusal::new(&fault::WRONG_METHOD, format!("Allowed: {methods}"))),
        None => {
            Err(Refusal::new(&fault::NO_OPERATION, format!("{system} has no REST operation at this path.")))
        }
    }
}

/// The addresses registered for a version.
fn targets(version: &Version) -> impl Iterator<Item = &str> {
    let of_legs = version.spec.routes.iter().flat_map(|leg| match leg {
        LegSpec::Direct { targets, .. } => targets.as_slice(),
        LegSpec::Xroad { .. } | LegSpec::Peer { .. } => &[],
    });
    version.spec.targets.iter().chain(of_legs).map(|t| t.url.as_str())
}

/// The destination is this platform's to know.
pub(super) fn outgoing(mut headers: HeaderMap) -> HeaderMap {
    headers.remove(&DSTCODE);
    headers.remove(&PROVIDERURL);
    headers
}
