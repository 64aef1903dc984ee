//! Services, their versions and operations, compiled: the provider's secrets opened, in memory only.

use super::Compiled;
use crate::contracts::Workshop;
use crate::resource::Kind;
use crate::sealing::{auth_place, certificate_place, leg_auth_place, leg_certificate_place};
use crate::state::{Declared, to_text};
use lgsp_kernel::mediation::Mediate;
use lgsp_kernel::model::{
    LegSpec, Lifecycle, OperationSpec, ProviderAuth, SecretInput, ServiceSpec, UpstreamSpec, VersionSpec,
};
use lgsp_kernel::snapshot::{Leg, OpenAuth, Operation, Service, Version};
use lgsp_kernel::{Secret, Vault};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) fn services(
    out: &mut Compiled,
    new: &Declared,
    touched: &BTreeSet<Arc<str>>,
    vault: &Vault,
    shop: &Workshop,
) {
    for id in touched {
        let Some(held) = new.services.get(id) else {
            out.snapshot.services.remove(&**id);
            out.note(Kind::Service, id, None);
            continue;
        };
        let before = out.snapshot.services.get(&**id).cloned();
        let why = match service(out, &held.spec, before.as_deref(), vault, shop) {
            Ok(service) => {
                out.snapshot.services.insert(held.spec.id.clone(), Arc::new(service));
                None
            }
            Err(why) => {
                out.snapshot.services.remove(&**id);
                Some(why)
            }
        };
        out.note(Kind::Service, id, why);
    }
}

fn service(
    out: &Compiled,
    spec: &ServiceSpec,
    before: Option<&Service>,
    vault: &Vault,
    shop: &Workshop,
) -> Result<Service, String> {
    let system = out
        .snapshot
        .systems
        .get(&spec.system)
        .ok_or_else(|| format!("its system {} is not there", spec.system))?;
    let mut versions = Vec::with_capacity(spec.versions.len());
    for v in &spec.versions {
        // An unchanged version is the same one: its connections, breakers and health stay.
        let same = before
            .filter(|s| s.spec.protocol == spec.protocol)
            .and_then(|s| s.version(v.version.as_str()))
            .filter(|old| old.spec == *v);
        versions.push(match same {
            Some(same) => same.clone(),
            None => Arc::new(version(spec, v, vault, shop)?),
        });
    }
    versions.sort_by(|a, b| compare_labels(b.spec.version.as_str(), a.spec.version.as_str()));
    let default_version = default_version(spec, &versions);
    Ok(Service { spec: spec.clone(), agency: system.agency.clone(), versions, default_version })
}

/// The version meant when none is named: the declared one while it is callable, otherwise the highest published, otherwise the
/// highest deprecated.
fn default_version(spec: &ServiceSpec, versions: &[Arc<Version>]) -> Option<usize> {
    let declared = spec.default_version.as_ref();
    let at = |lifecycle: Lifecycle| versions.iter().position(|v| v.spec.lifecycle == lifecycle);
    versions
        .iter()
        .position(|v| v.callable() && Some(&v.spec.version) == declared)
        .or_else(|| at(Lifecycle::Published))
        .or_else(|| at(Lifecycle::Deprecated))
}

/// Opens what of one version is sealed, each for its place.
struct Opener<'a> {
    vault: &'a Vault,
    label: &'a str,
    auth: String,
    certificate: String,
}

impl Opener<'_> {
    fn open(&self, what: &str, place: &str, secret: &SecretInput) -> Result<Secret, String> {
        let label = self.label;
        let sealed =
            secret.sealed.as_deref().ok_or_else(|| format!("version {label}: {what} is not sealed"))?;
        self.vault.open(place, sealed).map_err(|e| format!("version {label}: {what}: {e}"))
    }

    fn auth(&self, auth: &ProviderAuth) -> Result<OpenAuth, String> {
        let opened = |secret: &SecretInput| self.open("the provider's credential", &self.auth, secret);
        Ok(match auth {
            ProviderAuth::None => OpenAuth::None,
            ProviderAuth::Basic { user, password } => {
                OpenAuth::Basic { user: user.clone(), password: opened(password)? }
            }
            ProviderAuth::Bearer { token } => OpenAuth::Bearer { token: opened(token)? },
            ProviderAuth::TimestampHash { user, secret, auth_url } => OpenAuth::TimestampHash {
                user: user.clone(),
                secret: opened(secret)?,
                auth_url: auth_url.clone(),
            },
            ProviderAuth::Header { name, value } => {
                OpenAuth::Header { name: name.clone(), value: opened(value)? }
            }
        })
    }

    fn certificate(&self, upstream: &UpstreamSpec) -> Result<Option<Secret>, String> {
        let open = |secret| self.open("the client certificate", &self.certificate, secret);
        upstream.client_certificate.as_ref().map(open).transpose()
    }
}

fn version(of: &ServiceSpec, spec: &VersionSpec, vault: &Vault, shop: &Workshop) -> Result<Version, String> {
    let service = of.id.as_str();
    let label = spec.version.as_str();
    let (auth, certificate) = (auth_place(service, label), certificate_place(service, label));
    let opener = Opener { vault, label, auth, certificate };
    let key = format!("{service}/{label}");
    Ok(Version {
        stamp: stamp(spec),
        auth: opener.auth(&spec.auth)?,
        client_certificate: opener.certificate(&spec.upstream)?,
        legs: legs(service, &key, spec, vault)?,
        operations: spec.operations.iter().map(|op| Arc::new(operation(service, op))).collect(),
        mediator: mediator(of, spec, shop)?,
        spec: spec.clone(),
        key,
    })
}

/// A version in use that cannot be mediated as declared is not carried at all; a draft waits.
fn mediator(
    of: &ServiceSpec,
    spec: &VersionSpec,
    shop: &Workshop,
) -> Result<Option<Arc<dyn Mediate>>, String> {
    if !shop.serves()
        || !spec.is_mediated()
        || matches!(spec.lifecycle, Lifecycle::Draft | Lifecycle::Retired)
    {
        return Ok(None);
    }
    let label = spec.version.as_str();
    let files = shop.files(spec).map_err(|d| format!("version {label}: the files {d} are not there"))?;
    match shop.compile(of.protocol, spec, &files) {
        Ok(compiled) => Ok(compiled.mediator.clone()),
        Err(problems) => {
            let first = problems.first().map(|p| p.message.as_str()).unwrap_or_default();
            Err(format!("version {label}: its contract does not compile: {first}"))
        }
    }
}

fn legs(service: &str, key: &str, spec: &VersionSpec, vault: &Vault) -> Result<Vec<Leg>, String> {
    let label = spec.version.as_str();
    let (auth, certificate) = (leg_auth_place(service, label), leg_certificate_place(service, label));
    let opener = Opener { vault, label, auth, certificate };
    let leg = |(number, leg): (u8, &LegSpec)| {
        let plain = match leg {
            LegSpec::Peer { .. } => None,
            LegSpec::Xroad { targets, upstream, .. } => Some((targets, upstream, ProviderAuth::None)),
            LegSpec::Direct { targets, upstream, auth } => Some((targets, upstream, auth.clone())),
        };
        let version = plain.map(|(targets, upstream, auth)| {
            let spec = VersionSpec {
                targets: targets.clone(),
                upstream: upstream.clone(),
                auth,
                routes: Vec::new(),
                // Found in the version itself; here they would only take room.
                operations: Vec::new(),
                ..spec.clone()
            };
            Ok::<_, String>(Arc::new(Version {
                stamp: stamp(&spec),
                auth: opener.auth(&spec.auth)?,
                client_certificate: opener.certificate(&spec.upstream)?,
                legs: Vec::new(),
                operations: Vec::new(),
                mediator: None,
                key: format!("{key}#{number}"),
                spec,
            }))
        });
        Ok(Leg { number, spec: leg.clone(), version: version.transpose()? })
    };
    (1..).zip(&spec.routes).map(leg).collect()
}

/// Names how a version's provider is reached: the start of a digest of its targets, upstream and auth.
fn stamp(spec: &VersionSpec) -> u64 {
    let text = to_text(&(&spec.targets, &spec.upstream, &spec.auth));
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().take(8).fold(0, |n, b| (n << 8) | u64::from(*b))
}

fn operation(service: &str, spec: &OperationSpec) -> Operation {
    let method = spec.method.as_deref().unwrap_or("POST");
    let safe = matches!(method, "GET" | "HEAD" | "OPTIONS");
    Operation {
        key: format!("{service}.{}", spec.name),
        safe,
        idempotent: safe || spec.idempotent || matches!(method, "PUT" | "DELETE"),
        spec: spec.clone(),
    }
}

/// Orders version labels as people count: `1.9` before `1.10`, `v2` after `v1`.
pub(crate) fn compare_labels(a: &str, b: &str) -> Ordering {
    let (mut x, mut y) = (runs(a).into_iter(), runs(b).into_iter());
    loop {
        let order = match (x.next(), y.next()) {
            (None, None) => return a.cmp(b),
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(p), Some(q)) => compare_runs(p, q),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn compare_runs(a: &str, b: &str) -> Ordering {
    let digits = |s: &str| s.bytes().all(|c| c.is_ascii_digit());
    if digits(a) && digits(b) {
        let (p, q) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
        return p.len().cmp(&q.len()).then_with(|| p.cmp(q));
    }
    a.cmp(b)
}

/// Runs of digits and runs of anything else; separators end a run.
fn runs(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    for part in text.split(['.', '-', '_']) {
        let mut rest = part;
        while let Some(first) = rest.bytes().next() {
            let digit = first.is_ascii_digit();
            let end = rest.bytes().position(|b| b.is_ascii_digit() != digit).unwrap_or(rest.len());
            let (run, tail) = rest.split_at(end);
            out.push(run);
            rest = tail;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::compare_labels;

    #[test]
    fn versions_are_ordered_as_people_count() {
        let mut labels = ["2.0", "1.10", "1.9", "v2", "v10", "1", "1.0", "1.0-beta"];
        labels.sort_by(|a, b| compare_labels(a, b));
        assert_eq!(labels, ["1", "1.0", "1.0-beta", "1.9", "1.10", "2.0", "v2", "v10"]);
    }
}
