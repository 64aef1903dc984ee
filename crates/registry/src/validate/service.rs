//! What a service shows by itself: its id, versions, targets and operations.

use super::{Scope, mediation, route, rules, target, text, upstream};
use lgsp_kernel::ids::check_name;
use lgsp_kernel::model::{FaceSpec, Lifecycle, OperationSpec, Protocol, ServiceSpec, VersionSpec};
use lgsp_kernel::patterns::PathPattern;
use std::collections::HashMap;

/// First segments of addresses that are the platform's own: no service may be called so, in any case of letters.
pub const RESERVED_SEGMENTS: [&str; 52] = [
    "token",
    "revoke",
    "introspect",
    "authorize",
    "oauth",
    "oauth2",
    "userinfo",
    "logout",
    "login",
    ".well-known",
    "jwks",
    "jwks.json",
    "health",
    "healthz",
    "live",
    "livez",
    "ready",
    "readyz",
    "status",
    "metrics",
    "admin",
    "api-docs",
    "docs",
    "openapi",
    "openapi.json",
    "openapi.yaml",
    "console",
    "portal",
    "static",
    "assets",
    "log",
    "tlog",
    "checkpoint",
    "peer",
    "lgsp",
    "favicon.ico",
    "robots.txt",
    "version",
    "r0",
    "r1",
    "r2",
    "r3",
    "r4",
    "r5",
    "r6",
    "r7",
    "r8",
    "r9",
    "listclients",
    "wsdl",
    "xrdadapter",
    "vxpadapter",
];

/// Versions of a service, operations of a version: bounds far above what is met.
const VERSIONS_MAX: usize = 100;
const OPERATIONS_MAX: usize = 2_000;

pub(crate) fn service(spec: &ServiceSpec, scope: &mut Scope<'_>) {
    let lower = spec.id.as_str().to_ascii_lowercase();
    if RESERVED_SEGMENTS.contains(&lower.as_str()) {
        scope.bad(
            "id",
            format!("{:?} is one of the platform's own addresses: choose another id", spec.id.as_str()),
        );
    }
    text::line(scope, "title", &spec.title);
    if let Some(description) = &spec.description {
        text::prose(scope, "description", description);
    }
    if spec.evidence.keep_days == Some(0) {
        scope.bad("evidence.keep_days", "0 keeps nothing: use `body: digest` for that");
    }
    if spec.versions.is_empty() {
        scope.bad("versions", "a service needs at least one version");
    } else if spec.versions.len() > VERSIONS_MAX {
        scope.bad("versions", format!("more than {VERSIONS_MAX} versions"));
    }
    for (i, v) in spec.versions.iter().enumerate().take(VERSIONS_MAX) {
        let at = format!("versions[{i}].");
        if spec.versions[..i].iter().any(|o| o.version.as_str().eq_ignore_ascii_case(v.version.as_str())) {
            scope.bad(format!("{at}version"), format!("version {:?} is declared twice", v.version.as_str()));
        }
        version(v, spec.protocol, &at, scope);
    }
    if let Some(default) = &spec.default_version {
        match spec.versions.iter().find(|v| v.version == *default) {
            None => {
                let known = spec.versions.iter().map(|v| v.version.as_str());
                let near = crate::problem::did_you_mean(default.as_str(), known);
                scope.bad("default_version", format!("there is no version {:?}{near}", default.as_str()));
            }
            Some(v) if v.lifecycle == Lifecycle::Retired => {
                scope.bad("default_version", format!("version {:?} is retired", default.as_str()));
            }
            Some(_) => {}
        }
    }
}

fn version(spec: &VersionSpec, protocol: Protocol, at: &str, scope: &mut Scope<'_>) {
    if !spec.routes.is_empty() {
        route::routes(spec, at, scope);
    } else if spec.targets.is_empty() {
        scope.bad(
            format!("{at}targets"),
            "a version needs at least one target, or `routes` where its provider is elsewhere",
        );
    }
    target::targets(&spec.targets, at, scope);
    if spec.sunset.is_some()
        && spec.lifecycle != Lifecycle::Deprecated
        && spec.lifecycle != Lifecycle::Retired
    {
        scope.bad(format!("{at}sunset"), "only a deprecated version has a sunset");
    }
    for (name, limit) in
        [("request_body_max", spec.request_body_max), ("answer_body_max", spec.answer_body_max)]
    {
        text::within(scope, format!("{at}{name}"), limit, 1, 1 << 50);
    }
    upstream::upstream(&spec.upstream, at, scope);
    upstream::auth(&spec.auth, at, scope);
    mediation::version(spec, protocol, at, scope);
    if spec.operations.is_empty() && spec.contract.is_none() && spec.lifecycle != Lifecycle::Draft {
        scope.bad(format!("{at}operations"), "a version that is in use needs at least one operation");
    } else if spec.operations.len() > OPERATIONS_MAX {
        scope.bad(format!("{at}operations"), format!("more than {OPERATIONS_MAX} operations"));
        return;
    }
    operations(spec, protocol, at, scope);
}

fn operations(spec: &VersionSpec, protocol: Protocol, at: &str, scope: &mut Scope<'_>) {
    let mut names: HashMap<&str, usize> = HashMap::new();
    let mut addresses: HashMap<String, &str> = HashMap::new();
    for (i, op) in spec.operations.iter().enumerate() {
        let at = format!("{at}operations[{i}]");
        if let Err(e) = check_name(&op.name) {
            scope.bad(format!("{at}.name"), e.to_string());
        }
        if names.insert(&op.name, i).is_some() {
            scope.bad(format!("{at}.name"), format!("two operations are called {:?}", op.name));
        }
        let address = match protocol {
            Protocol::Rest => rest(op, spec, &at, scope),
            Protocol::Soap => soap(op, spec, &at, scope),
        };
        mediation::operation(op, spec, protocol, &at, scope);
        if let Some((field, address)) = address
            && let Some(other) = addresses.insert(address, &op.name)
        {
            scope.bad(
                format!("{at}{field}"),
                format!("the same calls as operation {other:?}: which is meant could not be told"),
            );
        }
        for (j, kind) in op.consumes.iter().enumerate() {
            if !media_type(kind) {
                scope.bad(
                    format!("{at}.consumes[{j}]"),
                    format!("{kind:?} is not a content type such as application/json"),
                );
            }
        }
    }
}

/// What tells the operation of a REST service from its siblings, and the field that says it.
fn rest(
    op: &OperationSpec,
    version: &VersionSpec,
    at: &str,
    scope: &mut Scope<'_>,
) -> Option<(&'static str, String)> {
    let soap = version.has_face(FaceSpec::Soap, Protocol::Rest);
    if !soap && (op.soap_action.is_some() || op.element.is_some()) {
        scope.bad(
            at,
            "an operation of a REST service has `method` and `path`, not `soap_action` or `element`, unless it has a SOAP face",
        );
    }
    if let Some(Err(why)) = op.method.as_deref().map(rules::this_method) {
        scope.bad(format!("{at}.method"), why);
    }
    match (&op.method, &op.path) {
        (Some(method), Some(path)) => Some((".path", format!("{method} {}", anonymous(path)))),
        _ if version.contract.is_some() => None,
        (None, _) => {
            scope.bad(at, "an operation of a REST service needs `method`, such as GET");
            None
        }
        (_, None) => {
            scope.bad(at, "an operation of a REST service needs `path`, such as /citizens/{id}");
            None
        }
    }
}

fn soap(
    op: &OperationSpec,
    version: &VersionSpec,
    at: &str,
    scope: &mut Scope<'_>,
) -> Option<(&'static str, String)> {
    let rest = version.has_face(FaceSpec::Rest, Protocol::Soap);
    if !rest && (op.method.is_some() || op.path.is_some()) {
        scope.bad(
            at,
            "an operation of a SOAP service has `soap_action` or `element`, not `method` and `path`, unless it has a REST face",
        );
    }
    let action = op.soap_action.as_deref().unwrap_or_default();
    if action.contains(|c: char| c.is_control() || c == '"') {
        scope.bad(format!("{at}.soap_action"), "has a quote or control character");
    }
    if let Some(element) = &op.element
        && !qualified(element)
    {
        scope.bad(
            format!("{at}.element"),
            format!("{element:?} is not an element: write {{namespace}}name or name"),
        );
    }
    if version.contract.is_some() && action.is_empty() && op.element.is_none() {
        return None;
    }
    if action.is_empty() && op.element.is_none() {
        scope.bad(at, "an operation of a SOAP service needs `soap_action` or `element`");
        return None;
    }
    Some(("", format!("{action} {}", op.element.as_deref().unwrap_or_default())))
}

/// A pattern without its variables' names: two that differ in those only match the same calls.
pub(super) fn anonymous(path: &PathPattern) -> String {
    path.as_str()
        .split('/')
        .map(|s| match (s.starts_with('{'), s.ends_with("*}")) {
            (true, true) => "{*}",
            (true, false) => "{}",
            _ => s,
        })
        .collect::<Vec<_>>()
        .join("/")
}

fn qualified(element: &str) -> bool {
    let name = match element.strip_prefix('{') {
        Some(rest) => match rest.split_once('}') {
            Some((namespace, name)) if !namespace.is_empty() => name,
            _ => return false,
        },
        None => element,
    };
    let starts = name.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
    starts && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

fn media_type(text: &str) -> bool {
    let token =
        |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+*".contains(&b));
    text.split_once('/').is_some_and(|(kind, sub)| token(kind) && token(sub))
}
