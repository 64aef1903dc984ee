//! The compiled state that a call is decided on: immutable, shared, swapped whole. Maps share structure, so the next
//! snapshot costs what changed, not what exists. Compiled by the registry; read by identity and gateway.

use crate::mediation::Mediate;
use crate::model::{
    AgencySpec, CredentialKind, CredentialSpec, GrantSpec, Lifecycle, OperationSpec, ServiceSpec, SystemSpec,
    VersionSpec,
};
use crate::patterns::PathPattern;
use crate::routes::LegSpec;
use crate::{AgencyCode, CredentialId, Millis, NodeName, Secret, ServiceId, SystemId};
use std::sync::Arc;

/// A digest of a secret or a certificate.
pub type Digest = [u8; 32];

/// The grants of one consumer, by service.
pub type GrantsByService = imbl::HashMap<ServiceId, Arc<[Arc<Grant>]>>;

/// The state of the registry at one generation.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Grows with every change; equal generations are equal states.
    pub generation: u64,
    /// Agencies by every code and alias.
    pub agencies: imbl::HashMap<AgencyCode, Arc<AgencySpec>>,
    /// Systems.
    pub systems: imbl::HashMap<SystemId, Arc<System>>,
    /// Systems of other nodes: by that node and their id there, their id here.
    pub remotes: imbl::HashMap<(NodeName, SystemId), SystemId>,
    /// Services.
    pub services: imbl::HashMap<ServiceId, Arc<Service>>,
    /// Grants by consumer, then service.
    pub grants: imbl::HashMap<SystemId, GrantsByService>,
    /// Credentials by id, revoked and expired ones included (so that a refusal can say which).
    pub credentials: imbl::HashMap<CredentialId, Arc<Credential>>,
    /// API keys by keyed digest.
    pub api_keys: imbl::HashMap<Digest, Arc<Credential>>,
    /// Client certificates by SHA-256 of their DER form.
    pub certificates: imbl::HashMap<Digest, Arc<Credential>>,
}

impl Snapshot {
    /// The grants of a consumer for a service; empty where there is none.
    pub fn grants_for(&self, consumer: &str, service: &str) -> &[Arc<Grant>] {
        self.grants.get(consumer).and_then(|s| s.get(service)).map_or(&[], |g| &**g)
    }
}

/// A system and its agency, resolved.
#[derive(Debug)]
pub struct System {
    /// As declared.
    pub spec: SystemSpec,
    /// Today's code of its agency.
    pub agency: AgencyCode,
}

/// A credential with its digests decoded.
#[derive(Debug)]
pub struct Credential {
    /// As declared; no secret in it.
    pub spec: CredentialSpec,
    /// Keyed digest of the secret, or the certificate's fingerprint.
    pub digest: Digest,
    /// Changes with every change of this credential: a token remembered under another stamp is no longer good.
    pub stamp: u64,
}

/// Why a credential cannot be used now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialState {
    /// It can.
    Valid,
    /// Revoked.
    Revoked,
    /// Past its last day.
    Expired,
    /// Before its first day.
    NotYetValid,
}

impl Credential {
    /// Whether it can be used at this time.
    pub fn state(&self, now: Millis) -> CredentialState {
        if self.spec.revoked {
            CredentialState::Revoked
        } else if self.spec.valid_until.is_some_and(|t| now >= t.0) {
            CredentialState::Expired
        } else if self.spec.valid_from.is_some_and(|t| now < t.0) {
            CredentialState::NotYetValid
        } else {
            CredentialState::Valid
        }
    }
    /// Its kind.
    pub fn kind(&self) -> CredentialKind {
        self.spec.kind
    }
}

/// A service, compiled.
#[derive(Debug)]
pub struct Service {
    /// As declared (secrets sealed).
    pub spec: ServiceSpec,
    /// The agency of the system that offers it: today's code.
    pub agency: AgencyCode,
    /// Its versions, highest first.
    pub versions: Vec<Arc<Version>>,
    /// Index into `versions` of the one meant when none is named; none where nothing is published.
    pub default_version: Option<usize>,
}

impl Service {
    /// The version with this label.
    pub fn version(&self, label: &str) -> Option<&Arc<Version>> {
        self.versions.iter().find(|v| v.spec.version.as_str() == label)
    }
}

/// A version, compiled: its secrets opened, in memory only.
#[derive(Debug)]
pub struct Version {
    /// As declared (secrets sealed).
    pub spec: VersionSpec,
    /// `service/version`: names its connections, breaker and metrics.
    pub key: String,
    /// Changes when its targets, upstream or auth change: connections of another stamp are not used.
    pub stamp: u64,
    /// The provider's credential, opened.
    pub auth: OpenAuth,
    /// PEM certificate chain and key for the provider's mutual TLS, opened.
    pub client_certificate: Option<Secret>,
    /// The ways to its provider, the best first; none where it has targets of its own.
    pub legs: Vec<Leg>,
    /// Its operations.
    pub operations: Vec<Arc<Operation>>,
    /// Its contract, faces and mappings, compiled; none where messages are passed on as they are.
    pub mediator: Option<Arc<dyn Mediate>>,
}

/// A way to a provider, compiled.
#[derive(Debug)]
pub struct Leg {
    /// Its number in the version's routes, from 1.
    pub number: u8,
    /// As declared (secrets sealed).
    pub spec: LegSpec,
    /// For what is called over plain HTTP (`xroad`, `direct`): the version as if this leg's targets, upstream and credential were its
    /// own. Its key has the leg's number after `#`.
    pub version: Option<Arc<Version>>,
}

impl Version {
    /// Whether calls are carried.
    pub fn callable(&self) -> bool {
        matches!(self.spec.lifecycle, Lifecycle::Published | Lifecycle::Deprecated)
    }
}

/// A provider's credential with its secret in clear, in memory only.
#[derive(Debug, Clone)]
pub enum OpenAuth {
    /// None.
    None,
    /// HTTP Basic.
    Basic {
        /// User.
        user: String,
        /// Password.
        password: Secret,
    },
    /// A fixed bearer token.
    Bearer {
        /// The token.
        token: Secret,
    },
    /// The population database's timestamp hash.
    TimestampHash {
        /// User.
        user: String,
        /// The shared secret.
        secret: Secret,
        /// The text that is hashed first.
        auth_url: String,
    },
    /// A fixed header.
    Header {
        /// The header's name.
        name: String,
        /// Its value.
        value: Secret,
    },
}

/// An operation, compiled.
#[derive(Debug)]
pub struct Operation {
    /// As declared.
    pub spec: OperationSpec,
    /// `service.operation`: for records and metrics.
    pub key: String,
    /// GET, HEAD or OPTIONS.
    pub safe: bool,
    /// May be repeated without harm.
    pub idempotent: bool,
}

/// What a grant says of operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationRule {
    /// All.
    Any,
    /// The operation with this name.
    Name(String),
    /// Calls with this method (none: any) and path.
    MethodPath(Option<String>, PathPattern),
    /// The operation with this SOAPAction.
    Action(String),
}

/// A grant, compiled.
#[derive(Debug)]
pub struct Grant {
    /// As declared.
    pub spec: GrantSpec,
    /// Which operations.
    pub rules: Vec<OperationRule>,
}

impl Grant {
    /// Whether it covers an operation reached by this method and path (the path after the version).
    pub fn covers(&self, version: &str, operation: &OperationSpec, method: &str, path: &str) -> bool {
        let version_fits =
            self.spec.versions.is_empty() || self.spec.versions.iter().any(|v| v.as_str() == version);
        version_fits
            && self.rules.iter().any(|rule| match rule {
                OperationRule::Any => true,
                OperationRule::Name(n) => *n == operation.name,
                OperationRule::Action(a) => operation.soap_action.as_deref() == Some(a),
                OperationRule::MethodPath(m, p) => {
                    m.as_deref().is_none_or(|m| m == method) && p.matches(path)
                }
            })
    }
}
