//! What the ways to a provider show by themselves. Which nodes there are is the directory's to say, when a call is carried.

use super::{Scope, target, upstream};
use lgsp_kernel::model::{LegSpec, ProviderAuth, TargetSpec, UpstreamSpec, VersionSpec};

/// Legs of one version: each may be tried on a call.
const LEGS_MAX: usize = 8;
/// The longest part of an X-Road identifier, bytes (message protocol for REST, 4.1).
const PART_MAX: usize = 255;

pub(crate) fn routes(spec: &VersionSpec, at: &str, scope: &mut Scope<'_>) {
    let field = format!("{at}routes");
    if !spec.targets.is_empty() {
        scope.bad(
            &field,
            "a version has `targets` or `routes`, not both: make the targets a leg of kind direct",
        );
    }
    if spec.routes.len() > LEGS_MAX {
        scope.bad(&field, format!("more than {LEGS_MAX} legs"));
    }
    if spec.auth != ProviderAuth::None {
        scope.bad(
            format!("{at}auth"),
            "a version with `routes` has none of its own: give it with the leg it is for",
        );
    }
    for name in not_for_nodes(&spec.upstream) {
        scope.bad(
            format!("{at}upstream.{name}"),
            "with `routes` this is given with each leg; here are only the times and the breaker for legs of kind peer",
        );
    }
    for (i, leg) in spec.routes.iter().enumerate().take(LEGS_MAX) {
        if spec.routes[..i].contains(leg) {
            scope.bad(format!("{field}[{i}]"), "the same way twice");
        }
        one(leg, &format!("{field}[{i}]."), scope);
    }
}

/// What of a version's `upstream` means nothing on the way to another node.
fn not_for_nodes(spec: &UpstreamSpec) -> impl Iterator<Item = &'static str> {
    [
        ("http", spec.http != Default::default()),
        ("retries", spec.retries.is_some()),
        ("ca_pem", spec.ca_pem.is_some()),
        ("server_name", spec.server_name.is_some()),
        ("client_certificate", spec.client_certificate.is_some()),
        ("health", spec.health.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, set)| set.then_some(name))
}

fn one(leg: &LegSpec, at: &str, scope: &mut Scope<'_>) {
    match leg {
        LegSpec::Peer { node, via, .. } => {
            if via.as_ref() == Some(node) {
                scope.bad(format!("{at}via"), "this is the provider's node itself: leave `via` out");
            }
        }
        LegSpec::Xroad { targets, client, service, upstream: how } => {
            some_targets(targets, at, scope);
            upstream::upstream(how, at, scope);
            id(client, 4..=4, &format!("{at}client"), "instance/class/member/subsystem", scope);
            let form = "instance/class/member/subsystem/service[/version]";
            id(service, 5..=6, &format!("{at}service"), form, scope);
        }
        LegSpec::Direct { targets, upstream: how, auth } => {
            some_targets(targets, at, scope);
            upstream::upstream(how, at, scope);
            upstream::auth(auth, at, scope);
        }
    }
}

fn some_targets(list: &[TargetSpec], at: &str, scope: &mut Scope<'_>) {
    if list.is_empty() {
        scope.bad(format!("{at}targets"), "this leg needs at least one target");
    }
    target::targets(list, at, scope);
}

/// An X-Road identifier. Characters that its readers take for separators or escapes are not allowed in its parts.
fn id(text: &str, parts: std::ops::RangeInclusive<usize>, field: &str, form: &str, scope: &mut Scope<'_>) {
    let given: Vec<&str> = text.split('/').collect();
    let bad = |p: &&str| {
        p.is_empty()
            || p.len() > PART_MAX
            || matches!(*p, "." | "..")
            || p.contains(|c: char| {
                c.is_control() || c.is_whitespace() || matches!(c, ':' | ';' | '\\' | '%')
            })
    };
    if !parts.contains(&given.len()) {
        scope.bad(field, format!("has {} parts: write {form}", given.len()));
    } else if let Some(part) = given.iter().find(|p| bad(p)) {
        let shown: String = part.chars().take(60).collect();
        scope.bad(field, format!("{shown:?} cannot be a part of an X-Road identifier"));
    }
}
