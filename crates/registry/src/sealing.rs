//! Secrets on their way into the store: consumers' become keyed digests, providers' are sealed for their place. A secret that did
//! not change keeps its stored form, so that applying the same files again changes nothing.

use crate::manifest::version_secrets;
use crate::validate::{Scope, fingerprint, secret_length};
use lgsp_kernel::model::{CredentialKind, CredentialSpec, SecretInput, ServiceSpec};
use lgsp_kernel::snapshot::Digest;
use lgsp_kernel::{Secret, Vault};
use std::collections::HashMap;

/// Where a provider credential is sealed for.
pub(crate) fn auth_place(service: &str, version: &str) -> String {
    format!("service/{service}/{version}/auth")
}

/// Where the certificate and key that the platform shows a provider are sealed for.
pub(crate) fn certificate_place(service: &str, version: &str) -> String {
    format!("service/{service}/{version}/client-certificate")
}

/// Where the credentials of a version's legs are sealed for: one place for all of them, so that legs may change their order.
pub(crate) fn leg_auth_place(service: &str, version: &str) -> String {
    format!("service/{service}/{version}/routes/auth")
}

/// Where the client certificates of a version's legs are sealed for.
pub(crate) fn leg_certificate_place(service: &str, version: &str) -> String {
    format!("service/{service}/{version}/routes/client-certificate")
}

/// Replaces a consumer's secret by its digest. Where none is given, the one that is kept stays.
pub(crate) fn credential(
    vault: &Vault,
    spec: &mut CredentialSpec,
    existing: Option<&CredentialSpec>,
    scope: &mut Scope<'_>,
) {
    if let Some(print) = spec.fingerprint.as_deref().and_then(fingerprint) {
        spec.fingerprint = Some(hex::encode(print));
    }
    if spec.kind == CredentialKind::Certificate {
        return;
    }
    if let Some(secret) = spec.secret.take() {
        let Some(text) = secret.value.map(Secret::new) else { return };
        // Checked here and not only in the files: an environment variable may hold anything.
        if let Some(wrong) = text.expose_str().and_then(secret_length) {
            scope.bad("secret", wrong);
        }
        spec.digest = Some(hex::encode(vault.digest(text.expose())));
        return;
    }
    match &spec.digest {
        Some(digest) => spec.digest = fingerprint(digest).map(hex::encode),
        None => spec.digest = existing.and_then(|e| e.digest.clone()),
    }
    if spec.digest.is_none() {
        scope.bad("secret", format!("a new {} credential needs a secret", kind(spec.kind)));
    }
}

fn kind(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::Client => "client",
        CredentialKind::ApiKey => "api_key",
        CredentialKind::Certificate => "certificate",
    }
}

/// Seals the provider secrets of a service.
pub(crate) fn service(
    vault: &Vault,
    spec: &mut ServiceSpec,
    existing: Option<&ServiceSpec>,
    scope: &mut Scope<'_>,
) {
    let id = spec.id.as_str().to_owned();
    let mut kept: HashMap<String, String> = HashMap::new();
    for version in existing.into_iter().flat_map(|s| &s.versions) {
        let mut copy = version.clone();
        let label = version.version.as_str();
        version_secrets(&mut copy, &mut |path, secret| {
            if let Some(sealed) = &secret.sealed {
                kept.insert(format!("{label}/{path}"), sealed.clone());
            }
        });
    }
    for (i, version) in spec.versions.iter_mut().enumerate() {
        let label = version.version.as_str().to_owned();
        version_secrets(version, &mut |path, secret| {
            let place = place(&id, &label, path);
            let kept = kept.get(&format!("{label}/{path}"));
            if let Err(message) = seal(vault, &place, secret, kept) {
                scope.bad(format!("versions[{i}].{path}"), message);
            }
        });
    }
}

fn place(service: &str, version: &str, path: &str) -> String {
    let (leg, path) = match path.strip_prefix("routes[").and_then(|p| p.split_once("].")) {
        Some((_, path)) => (true, path),
        None => (false, path),
    };
    match (leg, path.starts_with("auth.")) {
        (false, true) => auth_place(service, version),
        (false, false) => certificate_place(service, version),
        (true, true) => leg_auth_place(service, version),
        (true, false) => leg_certificate_place(service, version),
    }
}

fn seal(vault: &Vault, place: &str, secret: &mut SecretInput, kept: Option<&String>) -> Result<(), String> {
    let plain = match (secret.value.take(), secret.sealed.take()) {
        (Some(text), _) => Secret::new(text),
        // The stored form, as it was shown: it must be the one that is there, or open here.
        (None, Some(sealed)) if Some(&sealed) == kept => {
            secret.sealed = Some(sealed);
            return Ok(());
        }
        (None, Some(sealed)) => vault.open(place, &sealed).map_err(|e| e.to_string())?,
        (None, None) => return Err("a secret needs one of `env`, `file` or `value`".into()),
    };
    let same = kept.filter(|k| vault.open(place, k).is_ok_and(|old| old == plain));
    secret.sealed = Some(match same {
        Some(kept) => kept.clone(),
        None => vault.seal(place, plain.expose()).map_err(|e| e.to_string())?,
    });
    Ok(())
}

/// The 32 bytes of a stored digest.
pub(crate) fn digest(text: Option<&str>) -> Option<Digest> {
    text.and_then(fingerprint)
}
