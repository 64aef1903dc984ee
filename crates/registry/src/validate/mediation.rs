//! What a version shows by itself of its faces, and an operation of what it binds, sets and maps. What they mean to the contract is asked
//! by what compiles it.

use super::Scope;
use super::service::anonymous;
use lgsp_kernel::model::{CheckSpec, FaceSpec, OperationSpec, Protocol, VersionSpec};

/// Bindings and settings of one operation: each is looked at on a call.
const BOUND_MAX: usize = 256;

pub(super) fn version(spec: &VersionSpec, protocol: Protocol, at: &str, scope: &mut Scope<'_>) {
    for (i, face) in spec.faces.iter().enumerate() {
        if spec.faces[..i].contains(face) {
            scope.bad(format!("{at}faces[{i}]"), "is listed twice");
        }
    }
    let other = match protocol {
        Protocol::Rest => FaceSpec::Soap,
        Protocol::Soap => FaceSpec::Rest,
    };
    if spec.contract.is_some() {
        if spec.wsdl.is_some() && (protocol == Protocol::Soap || !spec.faces.contains(&FaceSpec::Soap)) {
            scope
                .bad(format!("{at}wsdl"), "is the WSDL of a REST service's SOAP face: add `soap` to `faces`");
        }
        return;
    }
    let needs = "needs a `contract`: without one it is not known what messages mean";
    if spec.faces.contains(&other) {
        scope.bad(format!("{at}faces"), format!("a face that is not its provider's own {needs}"));
    }
    for (field, there) in [("wsdl", spec.wsdl.is_some()), ("check", spec.check != CheckSpec::default())] {
        if there {
            scope.bad(format!("{at}{field}"), needs);
        }
    }
}

pub(super) fn operation(
    op: &OperationSpec,
    version: &VersionSpec,
    protocol: Protocol,
    at: &str,
    scope: &mut Scope<'_>,
) {
    if op.bind.len() + op.set.len() > BOUND_MAX {
        scope.bad(format!("{at}.bind"), format!("more than {BOUND_MAX} entries in `bind` and `set`"));
    }
    for (name, pointer) in &op.bind {
        if !is_pointer(pointer) {
            scope.bad(
                format!("{at}.bind"),
                format!("{name}: {pointer:?} is no JSON pointer such as /Citizen/Id"),
            );
        }
    }
    for pointer in op.set.keys().chain(&op.result) {
        if !is_pointer(pointer) {
            scope.bad(at, format!("{pointer:?} is no JSON pointer such as /Citizen/Id"));
        }
    }
    let converted = protocol == Protocol::Soap && version.has_face(FaceSpec::Rest, protocol);
    if !converted && (!op.bind.is_empty() || !op.set.is_empty() || op.result.is_some()) {
        scope.bad(at, "`bind`, `set` and `result` belong to the REST face of a SOAP service");
    }
    if let (Protocol::Soap, Some(method), Some(path)) = (protocol, &op.method, &op.path) {
        if let Err(why) = super::rules::this_method(method) {
            scope.bad(format!("{at}.method"), why);
        }
        let twin = version.operations.iter().find(|o| {
            o.name != op.name
                && o.method.as_ref() == Some(method)
                && o.path.as_ref().is_some_and(|p| anonymous(p) == anonymous(path))
        });
        if let Some(twin) = twin.filter(|t| t.name < op.name) {
            scope.bad(
                format!("{at}.path"),
                format!("the same calls as operation {:?}: which is meant could not be told", twin.name),
            );
        }
    }
}

/// RFC 6901; not the whole document, which nothing can be put into.
fn is_pointer(text: &str) -> bool {
    text.starts_with('/') && text.len() <= 1_000 && !text.contains('\0')
}
