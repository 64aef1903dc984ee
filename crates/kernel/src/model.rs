//! What an operator declares: agencies, systems, credentials, services and grants, in the one shape that YAML files, the
//! administration API and the store share. Unknown fields are refused. Rules that need more than one item (does the
//! parent exist?) are the registry's.

pub use crate::contracts::{
    CheckMode, CheckSpec, ContractKind, ContractSpec, FaceSpec, FileSpec, MappingsSpec, TextForm, TextLabel,
    TextRule, TextSpec,
};
use crate::patterns::PathPattern;
pub use crate::routes::{LegSpec, SignatureMode};
use crate::{AgencyCode, CredentialId, GrantId, Millis, NodeName, ServiceId, SystemId, VersionLabel};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A point in time as an operator writes it: RFC 3339, or a date (its first instant at UTC+7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct When(pub Millis);

impl Serialize for When {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0.rfc3339())
    }
}
impl<'de> Deserialize<'de> for When {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Millis::parse(&text).map(Self).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "{text:?} is not a time: write 2026-01-31 or 2026-01-31T08:00:00+07:00"
            ))
        })
    }
}
impl utoipa::PartialSchema for When {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        <String as utoipa::PartialSchema>::schema()
    }
}
impl ToSchema for When {}

/// A secret as an operator writes it, or as the store keeps it. Exactly one field is set. Only `sealed` is ever stored or shown.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretInput {
    /// The secret itself. Fit for trials; prefer `env` or `file` in files that are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The environment variable, of the process that applies, that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// The file that holds it (a final line end is dropped).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Sealed under the node's master key: what the store holds and what is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<String>,
}

impl std::fmt::Debug for SecretInput {
    /// Says which way the secret is given, never the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |set: bool| if set { "[secret]" } else { "-" };
        f.debug_struct("SecretInput")
            .field("value", &shown(self.value.is_some()))
            .field("env", &self.env)
            .field("file", &self.file)
            .field("sealed", &shown(self.sealed.is_some()))
            .finish()
    }
}

/// What kind of body an agency is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgencyKind {
    /// A ministry or an agency of ministry rank.
    Ministry,
    /// A province or centrally run city.
    Province,
    /// A department of a province or ministry.
    Department,
    /// A district.
    District,
    /// A commune or ward.
    Commune,
    /// A business.
    Enterprise,
    /// Anything else.
    Other,
}

/// An agency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgencySpec {
    /// Today's code.
    pub code: AgencyCode,
    /// Its name, in Vietnamese as a rule.
    pub name: String,
    /// What kind of body it is.
    pub kind: AgencyKind,
    /// The agency above it, by any of that agency's codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<AgencyCode>,
    /// Other codes of the same agency: the QCVN 102 form, an old code.
    #[serde(default, skip_serializing_if = "is_default")]
    pub aliases: Vec<AgencyCode>,
}

/// A system of an agency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SystemSpec {
    /// Its id.
    pub id: SystemId,
    /// Its agency, by any of its codes.
    pub agency: AgencyCode,
    /// Its name.
    pub name: String,
    /// Who to ask: a mail address or telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// A system of another node: its calls come signed from there, and no credential of this platform is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<RemoteSystem>,
    /// Whether its calls are refused for now.
    #[serde(default, skip_serializing_if = "is_default")]
    pub suspended: bool,
}

/// Where a system of another node is at home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoteSystem {
    /// The node, as the directory names it.
    pub node: NodeName,
    /// Its id there; none: the same as here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<SystemId>,
}

/// How a system proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// OAuth 2 client credentials: the id is the `client_id`, the secret the `client_secret`. Also accepted in `lgspaccesstoken`
    /// (`AccessKey`, `SecretKey`).
    Client,
    /// An API key, sent in the header `apikey` or `x-api-key`.
    ApiKey,
    /// A client certificate, known by the SHA-256 digest of its DER form.
    Certificate,
}

/// A credential of a system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialSpec {
    /// Its id; for `client` the `client_id`.
    pub id: CredentialId,
    /// Whose it is.
    pub system: SystemId,
    /// Its kind.
    pub kind: CredentialKind,
    /// The client secret or API key, at least 16 characters; kept only as a keyed digest (`digest`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretInput>,
    /// Keyed digest (HMAC-SHA-256, hexadecimal) of the secret: what the store keeps in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// For `certificate`: SHA-256 of the DER form, hexadecimal, colons allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Not valid before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<When>,
    /// Not valid at or after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<When>,
    /// Revoked for good.
    #[serde(default, skip_serializing_if = "is_default")]
    pub revoked: bool,
}

/// How a service speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// HTTP resources, any content type.
    Rest,
    /// SOAP 1.1 or 1.2 over HTTP POST.
    Soap,
}

/// What the message log keeps of bodies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeepBody {
    /// The whole body beside the record (bodies up to the collect limit), until `keep_days`.
    Full,
    /// The digest only.
    #[default]
    Digest,
    /// Neither body nor digest: the record says that an exchange took place.
    Off,
}

/// What is recorded of a service's exchanges.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidencePolicy {
    /// What is kept of bodies.
    #[serde(default, skip_serializing_if = "is_default")]
    pub body: KeepBody,
    /// Days that kept bodies stay; none: as long as the records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_days: Option<u32>,
    /// Record GET and HEAD requests durably before they are forwarded, as other methods always are. Default: they are recorded with
    /// their answer, before the answer is given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub record_reads_first: bool,
}

/// The life of a version. Only forward, except that `deprecated` may return to `published`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    /// Seen by its owner only; calls are refused as if it were not there.
    Draft,
    /// In use.
    Published,
    /// In use, with `Deprecation` (RFC 9745) and `Sunset` (RFC 8594) headers in every answer.
    Deprecated,
    /// Gone: calls are refused with 410.
    Retired,
}

/// A service of a system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceSpec {
    /// Its id: the `{api}` segment of its address. Not one of the platform's own first segments (`token`, `.well-known`, ...).
    pub id: ServiceId,
    /// The system that offers it.
    pub system: SystemId,
    /// Its title.
    pub title: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How it speaks.
    pub protocol: Protocol,
    /// The version meant when a caller names none; otherwise the highest published one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_version: Option<VersionLabel>,
    /// What is recorded.
    #[serde(default, skip_serializing_if = "is_default")]
    pub evidence: EvidencePolicy,
    /// Listed in the directory, for other members to find: its published versions, with their operations.
    #[serde(default, skip_serializing_if = "is_default")]
    pub listed: bool,
    /// Its versions.
    pub versions: Vec<VersionSpec>,
}

/// A version of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VersionSpec {
    /// Its label: the `{version}` segment.
    pub version: VersionLabel,
    /// Where it is in its life.
    pub lifecycle: Lifecycle,
    /// When a deprecated version will be retired (`Sunset`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sunset: Option<When>,
    /// Where its provider listens; several share the load. `http://` or `https://`, with an optional base path.
    #[serde(default, skip_serializing_if = "is_default")]
    pub targets: Vec<TargetSpec>,
    /// Ways to a provider that is not reached at `targets`: the first healthy one is used. Either targets or routes are given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub routes: Vec<LegSpec>,
    /// How its provider is reached.
    #[serde(default, skip_serializing_if = "is_default")]
    pub upstream: UpstreamSpec,
    /// The credential that the platform adds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub auth: ProviderAuth,
    /// Its contract: what its provider speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<ContractSpec>,
    /// How callers may speak to it; none: as its provider does.
    #[serde(default, skip_serializing_if = "is_default")]
    pub faces: Vec<FaceSpec>,
    /// REST with a SOAP face: the WSDL of that face; none: written from the contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wsdl: Option<FileSpec>,
    /// What it can do; with a contract it may be left out.
    #[serde(default)]
    pub operations: Vec<OperationSpec>,
    /// Whether messages are checked against the contract.
    #[serde(default, skip_serializing_if = "is_default")]
    pub check: CheckSpec,
    /// What is done with the characters of messages.
    #[serde(default, skip_serializing_if = "is_default")]
    pub text: TextSpec,
    /// Largest request body, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_body_max: Option<u64>,
    /// Largest answer body, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_body_max: Option<u64>,
    /// Collect JSON and XML request bodies and refuse malformed ones. SOAP always does.
    #[serde(default, skip_serializing_if = "is_default")]
    pub check_syntax: bool,
    /// Pass the stated officer, purpose and dossier, and the caller's system and agency, on to the provider as `lgsp-*` headers.
    #[serde(default, skip_serializing_if = "is_default")]
    pub pass_context: bool,
}

/// One address of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetSpec {
    /// `http://host[:port][/base]` or `https://...`; no user, query or fragment.
    pub url: String,
    /// Its share of the load, relative to the others'. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u16>,
}

/// The version of HTTP spoken to a provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum UpstreamHttp {
    /// HTTP/1.1.
    #[default]
    #[serde(rename = "1.1")]
    Http1,
    /// HTTP/2 (with prior knowledge where the target is `http://`).
    #[serde(rename = "2")]
    Http2,
}

/// How a provider is reached. Times in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSpec {
    /// The version of HTTP.
    #[serde(default, skip_serializing_if = "is_default")]
    pub http: UpstreamHttp,
    /// Time to connect, TLS included. Default 3,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_timeout_ms: Option<u32>,
    /// Time from forwarding the head to the head of the answer; also the longest silence within a body. Default 30,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_timeout_ms: Option<u32>,
    /// How many more targets or connections are tried, where the provider cannot have seen the request or the operation is safe or declared
    /// idempotent. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<u8>,
    /// PEM certificates that the provider's must chain to; none: the node's configured ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
    /// The name that the provider's certificate must have, when it is not the target's host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// PEM certificate chain and private key that the platform shows the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<SecretInput>,
    /// Active health checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthSpec>,
    /// Failures in a row after which a target is left alone. Default 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker_failures: Option<u16>,
    /// How long it is left alone, milliseconds. Default 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker_open_ms: Option<u32>,
}

/// Active health checks of targets: a GET that must answer below 500.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthSpec {
    /// The path, from the target's root.
    pub path: String,
    /// Milliseconds between two checks. Default 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_ms: Option<u32>,
}

/// The credential that the platform adds to a call and the consumer never sees.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ProviderAuth {
    /// None.
    #[default]
    None,
    /// HTTP Basic.
    Basic {
        /// User.
        user: String,
        /// Password.
        password: SecretInput,
    },
    /// A fixed bearer token.
    Bearer {
        /// The token.
        token: SecretInput,
    },
    /// The population database's: headers `Timestamp` (epoch milliseconds) and
    /// `Authorization: Basic base64(user:hex(sha256(auth_url + user + timestamp + secret)))`.
    TimestampHash {
        /// User.
        user: String,
        /// The shared secret.
        secret: SecretInput,
        /// The text that the provider calls its authentication URL.
        auth_url: String,
    },
    /// A fixed header, such as `ApiKey`.
    Header {
        /// The header's name.
        name: String,
        /// Its value.
        value: SecretInput,
    },
}

impl VersionSpec {
    /// Whether callers may speak so to it, whose service speaks `protocol`.
    pub fn has_face(&self, face: FaceSpec, protocol: Protocol) -> bool {
        let own = match protocol {
            Protocol::Rest => FaceSpec::Rest,
            Protocol::Soap => FaceSpec::Soap,
        };
        if self.faces.is_empty() { face == own } else { self.faces.contains(&face) }
    }

    /// The digests of all files that it names.
    pub fn file_digests(&self) -> impl Iterator<Item = &str> {
        let mappings = self.operations.iter().filter_map(|o| o.mappings.as_ref());
        let mapped = mappings.flat_map(|m| [&m.request, &m.answer]).flatten();
        let files = mapped.chain(&self.wsdl).filter_map(|f| f.digest.as_deref());
        self.contract.iter().filter_map(|c| c.digest.as_deref()).chain(files)
    }

    /// Whether messages may be converted, checked or changed.
    pub fn is_mediated(&self) -> bool {
        self.contract.is_some()
            || self.wsdl.is_some()
            || self.text != TextSpec::default()
            || self.operations.iter().any(|o| o.mappings.is_some())
    }
}

/// An operation of a version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OperationSpec {
    /// Its name, unique in its version.
    pub name: String,
    /// REST: the method, upper case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// REST: the path after the version, such as `/citizens/{id}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathPattern>,
    /// SOAP: the SOAPAction (1.1 header or 1.2 `action` parameter). May be absent or empty where the body's element decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soap_action: Option<String>,
    /// SOAP: the namespace and local name of the body's first element, `{namespace}name` or `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element: Option<String>,
    /// May be repeated without harm although its method is not safe. GET, HEAD, PUT, DELETE and OPTIONS always may.
    #[serde(default, skip_serializing_if = "is_default")]
    pub idempotent: bool,
    /// Content types that a request may have; none: any.
    #[serde(default, skip_serializing_if = "is_default")]
    pub consumes: Vec<String>,
    /// REST face: where variables of the path and query parameters go in the message, by their names: JSON pointers.
    #[serde(default, skip_serializing_if = "is_default")]
    pub bind: BTreeMap<String, String>,
    /// What the platform puts into the request: JSON pointer to text, in which `{exchange}`, `{officer}`, `{dossier}`, `{purpose}`,
    /// `{system}`, `{agency}` and `{time:yyyyMMddHHmmss}` stand for what is known of the call.
    #[serde(default, skip_serializing_if = "is_default")]
    pub set: BTreeMap<String, String>,
    /// REST face: which part of the answer callers get, a JSON pointer; none: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// Mappings between the caller's JSON and the provider's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mappings: Option<MappingsSpec>,
}

/// What a caller must state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Statement {
    /// The officer: header `lgsp-officer`.
    Officer,
    /// The purpose: header `lgsp-purpose`.
    Purpose,
    /// The dossier: header `lgsp-dossier`.
    Dossier,
}

/// Rate limit: a bucket that holds `burst` calls and refills with `per_second`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RateSpec {
    /// Calls a second, at least 1.
    pub per_second: u32,
    /// Calls at once, at least 1. Default: `per_second`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
}

/// A grant: this system may call these operations of this service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantSpec {
    /// Its id.
    pub id: GrantId,
    /// The system that may call.
    pub consumer: SystemId,
    /// The service that may be called.
    pub service: ServiceId,
    /// Versions; none: all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub versions: Vec<VersionLabel>,
    /// Operations: `*` for all, an operation's name, `METHOD /path/{pattern}` (method `*` for any), or `action:<SOAPAction>`.
    pub operations: Vec<String>,
    /// For what.
    pub purpose: String,
    /// On which legal basis.
    pub legal_basis: String,
    /// Not valid before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<When>,
    /// Not valid at or after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<When>,
    /// Rate limit; none: unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<RateSpec>,
    /// Calls a day (UTC+7); none: unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily_quota: Option<u64>,
    /// Networks that may call; none: any.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schema(value_type = Vec<String>)]
    pub sources: Vec<IpNet>,
    /// What every call must state.
    #[serde(default, skip_serializing_if = "is_default")]
    pub require: Vec<Statement>,
    /// Fields of the answer that the consumer may not see: JSON pointers (RFC 6901, `*` for any member or element) for JSON, XPaths
    /// (`/a/b`, `//p:c`, `{namespace}name` steps) for XML. They are answered as "not permitted", not as absent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub hide: Vec<String>,
    /// Checks of messages against the contract that are stricter than the version's own.
    #[serde(default, skip_serializing_if = "is_default")]
    pub check: CheckSpec,
    /// Suspended for now.
    #[serde(default, skip_serializing_if = "is_default")]
    pub suspended: bool,
}

/// A whole declaration: what a folder of YAML files says together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Agencies.
    #[serde(default, skip_serializing_if = "is_default")]
    pub agencies: Vec<AgencySpec>,
    /// Systems.
    #[serde(default, skip_serializing_if = "is_default")]
    pub systems: Vec<SystemSpec>,
    /// Credentials.
    #[serde(default, skip_serializing_if = "is_default")]
    pub credentials: Vec<CredentialSpec>,
    /// Services.
    #[serde(default, skip_serializing_if = "is_default")]
    pub services: Vec<ServiceSpec>,
    /// Grants.
    #[serde(default, skip_serializing_if = "is_default")]
    pub grants: Vec<GrantSpec>,
}
