//! Resolve: which service, version and operation is meant. The cost does not depend on how many services there are.

use crate::body::intake::{Intake, RequestBody};
use crate::edge::describe::{Asked, Document};
use crate::edge::{Edge, rest, soap, xroad};
use crate::exchange::{Exchange, Route, Why};
use crate::steps::mediate;
use http::Method;
use lgsp_kernel::mediation::Face;
use lgsp_kernel::model::{FaceSpec, Lifecycle, Protocol};
use lgsp_kernel::snapshot::{Operation, Service, Version};
use lgsp_kernel::{Refusal, Step, fault};
use lgsp_wire::path::{CleanPath, clean};
use lgsp_wire::soap::SoapVersion;
use std::borrow::Cow;
use std::sync::Arc;

/// Finds the route. A SOAP envelope is read here, because it names the operation.
pub(crate) async fn resolve(x: &mut Exchange) -> Result<(), Refusal> {
    let uri = match &x.xroad {
        None => x.head.uri.clone(),
        Some(_) => match Box::pin(xroad::resolve(x)).await? {
            Some(uri) => uri,
            None => return Ok(()),
        },
    };
    let path = clean(uri.path()).map_err(|f| f.refusal())?;
    let name = path.segments.first().map_or("", |s| &**s);
    let service =
        x.snapshot.services.get(name).cloned().ok_or_else(|| {
            Refusal::new(&fault::NO_SERVICE, format!("There is no service {:?}.", clip(name)))
        })?;
    if service.spec.protocol == Protocol::Soap && x.edge != Edge::Peer {
        x.edge = Edge::of_soap_service(&x.head.headers);
    }
    let (version, taken) = version(&service, &path)?;
    let face = other_face(x, &service, &version, &path.decoded_after(taken));
    if x.edge == Edge::Peer && taken != 2 {
        // Another node names the version that it means, and has signed it.
        return Err(Refusal::new(&fault::NO_VERSION, format!("{} has no such version.", service.spec.id)));
    }
    let decoded = path.decoded_after(taken);
    let operation = match (service.spec.protocol, face) {
        (Protocol::Rest, None) | (Protocol::Soap, Some(_)) => {
            rest_operation(&version, &x.head.method, &decoded)
        }
        (Protocol::Soap, None) | (Protocol::Rest, Some(_)) => soap_operation(x, &version, &decoded).await,
    };
    if operation.is_err()
        && version.mediator.is_some()
        && x.edge != Edge::Peer
        && let Some(document) = Document::of(&x.head.method, &decoded, uri.query())
    {
        x.asked = Some(Box::new(Asked { service, version, document }));
        return Ok(());
    }
    let operation = operation.map_err(|refusal| maybe_no_version(refusal, &service, &path, taken))?;
    let spoken = if face == Some(Face::Rest) { Protocol::Rest } else { service.spec.protocol };
    let rest = rest(&path, taken, uri.query(), &operation, spoken);
    x.face = face;
    x.passed(Step::Resolve, Why::Route(version.clone(), operation.clone()));
    let path = decoded.into_owned();
    x.route = Some(Route { service, version, operation, path, rest });
    Ok(())
}

/// How the caller speaks, where that is another way than the service's own and the version has a face for it.
fn other_face(x: &mut Exchange, service: &Service, version: &Version, path: &str) -> Option<Face> {
    if version.mediator.is_none() || x.edge == Edge::Peer {
        return None;
    }
    let envelope = Edge::of_soap_service(&x.head.headers);
    let has = |face| version.spec.has_face(face, service.spec.protocol);
    match (service.spec.protocol, envelope) {
        (Protocol::Soap, Edge::Soap(_)) => None,
        (Protocol::Soap, _) if soap::has_attachments(&x.head.headers) => None,
        (Protocol::Soap, _) => has(FaceSpec::Rest).then_some(Face::Rest),
        (Protocol::Rest, Edge::Soap(spoken)) if has(FaceSpec::Soap) && matches!(path, "" | "/") => {
            if let rest::Found::Operation(_) = rest::find(version, &x.head.method, path) {
                return None;
            }
            x.edge = envelope;
            Some(if spoken == SoapVersion::V12 { Face::Soap12 } else { Face::Soap11 })
        }
        (Protocol::Rest, _) => None,
    }
}

/// The version that the second segment names, or the default one; and how many segments that took.
pub(crate) fn version(
    service: &Arc<Service>,
    path: &CleanPath<'_>,
) -> Result<(Arc<Version>, usize), Refusal> {
    let default = service.default_version.and_then(|i| service.versions.get(i));
    let named = path.segments.get(1).and_then(|label| service.version(label));
    match named {
        Some(v) if v.callable() => Ok((v.clone(), 2)),
        Some(v) if v.spec.lifecycle == Lifecycle::Retired => Err(Refusal::new(
            &fault::RETIRED_VERSION,
            match default {
                Some(d) => format!("Version {} is retired; use {}.", v.spec.version, d.spec.version),
                None => format!("Version {} is retired, and no other is published.", v.spec.version),
            },
        )),
        // A draft is not there.
        _ => match default.filter(|d| d.callable()) {
            Some(d) => Ok((d.clone(), 1)),
            None => Err(Refusal::new(
                &fault::NO_VERSION,
                format!("No version of {} is published.", service.spec.id),
            )),
        },
    }
}

fn rest_operation(version: &Version, method: &Method, path: &str) -> Result<Arc<Operation>, Refusal> {
    match rest::find(version, method, path) {
        rest::Found::Operation(operation) => Ok(operation.clone()),
        rest::Found::OtherMethods(methods) => Err(wrong_method(&methods)),
        rest::Found::Nothing => {
            Err(Refusal::new(&fault::NO_OPERATION, format!("{} has no path {:?}.", version.key, clip(path))))
        }
    }
}

/// The detail of a 405 ends with the methods; the edge makes `Allow` of it.
fn wrong_method(methods: &str) -> Refusal {
    Refusal::new(&fault::WRONG_METHOD, format!("{ALLOWED}{methods}"))
}
const ALLOWED: &str = "Allowed: ";

/// The methods that a 405 names.
pub(crate) fn allowed(refusal: &Refusal) -> Option<&str> {
    refusal.detail.strip_prefix(ALLOWED).filter(|_| std::ptr::eq(refusal.kind, &fault::WRONG_METHOD))
}

async fn soap_operation(x: &mut Exchange, version: &Version, path: &str) -> Result<Arc<Operation>, Refusal> {
    if x.head.method != Method::POST {
        return Err(wrong_method("POST"));
    }
    let attached = x.edge == Edge::Peer && soap::has_attachments(&x.head.headers);
    let spoken = match Edge::of_soap_service(&x.head.headers) {
        Edge::Soap(spoken) => spoken,
        // Taken from a caller that speaks X-Road, by the node that sends it.
        _ if attached => SoapVersion::V11,
        _ => {
            let detail = "Send text/xml (SOAP 1.1) or application/soap+xml (SOAP 1.2).";
            return Err(Refusal::new(&fault::MEDIA_TYPE, detail));
        }
    };
    mediate::legible(version, &x.head.headers)?;
    let max = x.gateway.config.collect_max;
    let limit = version.spec.request_body_max.unwrap_or(max as u64).min(max as u64);
    collect(x, limit).await?;
    let RequestBody::Whole(bytes, _) = &x.body else {
        return Err(Refusal::new(&fault::BAD_SOAP, "There is no body."));
    };
    let part = if attached {
        soap::first_part(&x.head.headers, bytes)?
    } else {
        mediate::as_text(version, &x.head.headers, bytes)?
    };
    let envelope = lgsp_wire::soap::inspect(&part).map_err(|f| f.refusal())?;
    envelope.expect_version(spoken).map_err(|f| f.refusal())?;
    soap::find(version, &soap::action(&x.head.headers)?, &envelope, path).cloned()
}

/// Collects a body that names the operation.
pub(crate) async fn collect(x: &mut Exchange, limit: u64) -> Result<(), Refusal> {
    let max = x.gateway.config.collect_max;
    x.body = match std::mem::take(&mut x.body) {
        RequestBody::Unread(body) => {
            let intake = Intake::new(body, limit, &x.gateway.config, x.conn.clone(), x.number);
            if intake.known_length().is_some_and(|n| n > limit) {
                return Err(crate::body::intake::too_large(limit));
            }
            intake.collect(max).await?
        }
        read => read,
    };
    if matches!(x.body, RequestBody::Large(_)) {
        return Err(crate::body::intake::too_large(limit));
    }
    Ok(())
}

/// Where nothing fits and the second segment looks like a version, the missing version is the better answer.
fn maybe_no_version(refusal: Refusal, service: &Service, path: &CleanPath<'_>, taken: usize) -> Refusal {
    let label = path.segments.get(1).filter(|_| taken == 1).map_or("", |s| &**s);
    let digits = label.strip_prefix(['v', 'V']).unwrap_or(label);
    let looks = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if looks && std::ptr::eq(refusal.kind, &fault::NO_OPERATION) {
        return Refusal::new(
            &fault::NO_VERSION,
            format!("{} has no version {:?}.", service.spec.id, clip(label)),
        );
    }
    refusal
}

/// What is forwarded: the path after the version as it was sent, and the query.
fn rest(
    path: &CleanPath<'_>,
    taken: usize,
    query: Option<&str>,
    operation: &Operation,
    protocol: Protocol,
) -> String {
    // A SOAP operation without a path of its own is reached at the target's own address.
    let at_base = path.segments.len() <= taken
        || (protocol == Protocol::Soap && (operation.spec.path.is_none() || operation.spec.method.is_some()));
    let rest = if at_base { "" } else { path.rest_after(taken) };
    match query {
        Some(query) => format!("{rest}?{query}"),
        None => rest.to_owned(),
    }
}

fn clip(text: &str) -> Cow<'_, str> {
    if text.len() <= 80 { Cow::Borrowed(text) } else { Cow::Owned(text.chars().take(80).collect()) }
}
