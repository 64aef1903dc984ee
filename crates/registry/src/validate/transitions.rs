//! What may become of what is there: lifecycles go forward, revocations stay, versions in use do not vanish.

use super::Scope;
use lgsp_kernel::model::{CredentialSpec, Lifecycle, ServiceSpec};

fn name(lifecycle: Lifecycle) -> &'static str {
    match lifecycle {
        Lifecycle::Draft => "draft",
        Lifecycle::Published => "published",
        Lifecycle::Deprecated => "deprecated",
        Lifecycle::Retired => "retired",
    }
}

/// From one lifecycle to another: forward, or from deprecated back to published.
pub(crate) fn allowed(from: Lifecycle, to: Lifecycle) -> bool {
    from <= to || (from, to) == (Lifecycle::Deprecated, Lifecycle::Published)
}

pub(crate) fn service(before: &ServiceSpec, after: &ServiceSpec, scope: &mut Scope<'_>) {
    for old in &before.versions {
        let label = old.version.as_str();
        match after.versions.iter().position(|v| v.version == old.version) {
            Some(i) if !allowed(old.lifecycle, after.versions[i].lifecycle) => {
                let (from, to) = (name(old.lifecycle), name(after.versions[i].lifecycle));
                let hint = match old.lifecycle {
                    Lifecycle::Retired => "a retired version stays so: declare a new version instead",
                    _ => {
                        "a version goes draft, published, deprecated, retired; only deprecated may return to published"
                    }
                };
                scope.bad(
                    format!("versions[{i}].lifecycle"),
                    format!("version {label:?} is {from} and cannot become {to}: {hint}"),
                );
            }
            Some(_) => {}
            None if matches!(old.lifecycle, Lifecycle::Published | Lifecycle::Deprecated) => scope.bad(
                "versions",
                format!(
                    "version {label:?} is {} and cannot be left out: retire it first",
                    name(old.lifecycle)
                ),
            ),
            None => {}
        }
    }
    if before.protocol != after.protocol && before.versions.iter().any(|v| v.lifecycle != Lifecycle::Draft) {
        scope.bad(
            "protocol",
            "the protocol of a service that was published cannot change: declare another service",
        );
    }
}

pub(crate) fn credential(before: &CredentialSpec, after: &CredentialSpec, scope: &mut Scope<'_>) {
    if before.revoked && !after.revoked {
        scope.bad(
            "revoked",
            format!("credential {:?} was revoked for good: declare a new one", before.id.as_str()),
        );
    }
    if before.system != after.system {
        scope.bad(
            "system",
            format!(
                "credential {:?} belongs to system {:?} and cannot pass to another: declare a new one",
                before.id.as_str(),
                before.system.as_str()
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{Lifecycle, allowed};

    #[test]
    fn lifecycles_go_forward_and_only_deprecated_returns() {
        use Lifecycle::{Deprecated, Draft, Published, Retired};
        let all = [Draft, Published, Deprecated, Retired];
        let back: Vec<(Lifecycle, Lifecycle)> = all
            .into_iter()
            .flat_map(|a| all.into_iter().map(move |b| (a, b)))
            .filter(|(a, b)| !allowed(*a, *b))
            .collect();
        assert_eq!(
            back,
            [
                (Published, Draft),
                (Deprecated, Draft),
                (Retired, Draft),
                (Retired, Published),
                (Retired, Deprecated)
            ]
        );
    }
}
