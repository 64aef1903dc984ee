//! How a provider is reached and what credential it is shown: what these say by themselves.

use super::{Scope, text};
use http::HeaderName;
use lgsp_kernel::model::{ProviderAuth, SecretInput, UpstreamSpec};

/// The longest time to connect, milliseconds.
const CONNECT_MS_MAX: u32 = 120_000;
/// The longest time for an answer, milliseconds: an hour, for reports that take long.
const TOTAL_MS_MAX: u32 = 3_600_000;
/// The most retries: more turn one failure into a storm.
const RETRIES_MAX: u8 = 5;

pub(crate) fn upstream(spec: &UpstreamSpec, at: &str, scope: &mut Scope<'_>) {
    let field = |name: &str| format!("{at}upstream.{name}");
    text::within(scope, field("connect_timeout_ms"), spec.connect_timeout_ms, 1, CONNECT_MS_MAX);
    text::within(scope, field("total_timeout_ms"), spec.total_timeout_ms, 1, TOTAL_MS_MAX);
    text::within(scope, field("retries"), spec.retries, 0, RETRIES_MAX);
    text::within(scope, field("breaker_failures"), spec.breaker_failures, 1, 10_000);
    text::within(scope, field("breaker_open_ms"), spec.breaker_open_ms, 1, TOTAL_MS_MAX);
    if spec.ca_pem.as_deref().is_some_and(|pem| !pem.contains("-----BEGIN CERTIFICATE-----")) {
        scope.bad(field("ca_pem"), "no PEM certificate in it: it must hold -----BEGIN CERTIFICATE-----");
    }
    let bad_name = |n: &str| {
        n.is_empty() || n.len() > 253 || n.contains(|c: char| !c.is_ascii_graphic() || "/@?#\\".contains(c))
    };
    if spec.server_name.as_deref().is_some_and(bad_name) {
        scope.bad(field("server_name"), "not a host name");
    }
    if let Some(certificate) = &spec.client_certificate {
        text::secret(scope, &field("client_certificate"), certificate, true);
        let lacks =
            |pem: &str| !(pem.contains("-----BEGIN CERTIFICATE-----") && pem.contains("PRIVATE KEY-----"));
        if certificate.value.as_deref().is_some_and(lacks) {
            scope.bad(field("client_certificate"), "must hold a PEM certificate chain and its private key");
        }
    }
    if let Some(health) = &spec.health {
        if !health.path.starts_with('/') || health.path.contains(|c: char| !c.is_ascii_graphic() || c == '#')
        {
            scope.bad(field("health.path"), "must be a path that starts with '/'");
        }
        text::within(scope, field("health.interval_ms"), health.interval_ms, 100, 86_400_000);
    }
}

/// Headers that the platform itself sets or that belong to the connection.
const TAKEN: [&str; 12] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "keep-alive",
    "proxy-connection",
    "expect",
    "content-type",
    "content-encoding",
];

pub(crate) fn auth(spec: &ProviderAuth, at: &str, scope: &mut Scope<'_>) {
    let field = |name: &str| format!("{at}auth.{name}");
    let user = |user: &str, scope: &mut Scope<'_>| {
        if user.is_empty() || user.len() > 256 || user.contains(|c: char| c.is_control() || c == ':') {
            scope.bad(field("user"), "must have 1 to 256 characters, without ':' and control characters");
        }
    };
    match spec {
        ProviderAuth::None => {}
        ProviderAuth::Basic { user: u, password } => {
            user(u, scope);
            text::secret(scope, &field("password"), password, true);
        }
        ProviderAuth::Bearer { token } => header_secret(scope, &field("token"), token),
        ProviderAuth::TimestampHash { user: u, secret, auth_url } => {
            user(u, scope);
            text::secret(scope, &field("secret"), secret, true);
            if auth_url.trim().is_empty() {
                scope.bad(field("auth_url"), "must not be empty");
            }
        }
        ProviderAuth::Header { name, value } => {
            if name.parse::<HeaderName>().is_err() {
                scope.bad(field("name"), format!("{name:?} is not a header's name"));
            } else if TAKEN.contains(&name.to_ascii_lowercase().as_str()) {
                scope.bad(
                    field("name"),
                    format!("{name:?} is set by the platform and cannot carry a credential"),
                );
            }
            header_secret(scope, &field("value"), value);
        }
    }
}

/// A secret that is sent as it is in a header.
fn header_secret(scope: &mut Scope<'_>, field: &str, secret: &SecretInput) {
    text::secret(scope, field, secret, true);
    if secret.value.as_deref().is_some_and(|v| http::HeaderValue::from_str(v).is_err()) {
        scope.bad(field, "holds characters that a header cannot carry");
    }
}
