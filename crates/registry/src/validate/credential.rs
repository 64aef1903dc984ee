//! What a credential shows by itself.

use super::{Scope, text};
use lgsp_kernel::model::{CredentialKind, CredentialSpec};
use lgsp_kernel::snapshot::Digest;

pub(crate) fn credential(spec: &CredentialSpec, scope: &mut Scope<'_>) {
    match spec.kind {
        CredentialKind::Certificate => {
            if spec.secret.is_some() || spec.digest.is_some() {
                scope.bad("secret", "a certificate credential has a fingerprint, no secret");
            }
            match &spec.fingerprint {
                None => scope.bad(
                    "fingerprint",
                    "a certificate credential needs the SHA-256 fingerprint of the certificate",
                ),
                Some(text) if fingerprint(text).is_none() => {
                    scope.bad(
                        "fingerprint",
                        "not a SHA-256 fingerprint: 64 hexadecimal digits, colons allowed",
                    );
                }
                Some(_) => {}
            }
        }
        CredentialKind::Client | CredentialKind::ApiKey => {
            if spec.fingerprint.is_some() {
                scope.bad("fingerprint", "only a certificate credential has a fingerprint");
            }
            if let Some(secret) = &spec.secret {
                text::secret(scope, "secret", secret, false);
                if spec.digest.is_some() {
                    scope.bad("digest", "give the secret or its digest, not both");
                }
                if let Some(wrong) =
                    secret.value.as_deref().filter(|v| !v.is_empty()).and_then(text::secret_length)
                {
                    scope.bad("secret", wrong);
                }
            }
            if spec.digest.as_deref().is_some_and(|d| fingerprint(d).is_none()) {
                scope.bad("digest", "not a digest as the platform writes it: 64 hexadecimal digits");
            }
        }
    }
    text::validity(scope, spec.valid_from, spec.valid_until);
}

/// The 32 bytes of a fingerprint or digest: 64 hexadecimal digits, colons allowed.
pub(crate) fn fingerprint(text: &str) -> Option<Digest> {
    let digits: String = text.chars().filter(|c| *c != ':').collect();
    let mut out = [0u8; 32];
    hex::decode_to_slice(&digits, &mut out).ok().map(|()| out)
}
