//! The members document: who takes part, what they offer and where, whose certificates count. What the hub decides stands beside
//! what a member says of itself (`profile`).

use crate::bounds::{CERTIFICATE_MAX, LIST_MAX, MEMBERS_COUNT_MAX, OPERATIONS_MAX, SERVICES_MAX};
use crate::document::{Document, Head, Role, bounded, short};
use crate::error::{Check, Defect};
use crate::key::sha256;
use base64::{Engine, engine::general_purpose::STANDARD};
use lgsp_kernel::model::{Protocol, SignatureMode};
use lgsp_kernel::{AgencyCode, NodeName, ServiceId, SystemId, VersionLabel};
pub use lgsp_trust::Purpose;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A certificate in DER, written as base64.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Der(Box<[u8]>);

impl Der {
    /// Takes the bytes.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
    /// SHA-256 of the bytes: what revocations and bindings name a certificate by.
    pub fn sha256(&self) -> [u8; 32] {
        sha256(&self.0)
    }
}
impl fmt::Debug for Der {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Der(sha256 {})", hex::encode(self.sha256()))
    }
}
impl Serialize for Der {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&STANDARD.encode(&self.0))
    }
}
impl<'de> Deserialize<'de> for Der {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(d)?;
        if text.len() > CERTIFICATE_MAX / 3 * 4 + 4 {
            return Err(serde::de::Error::custom(format!(
                "a certificate has at most {CERTIFICATE_MAX} bytes"
            )));
        }
        let bytes = STANDARD.decode(text.as_bytes()).map_err(serde::de::Error::custom)?;
        Ok(Self(bytes.into()))
    }
}

/// Lists of known words: what a later version adds is passed over.
fn known_words<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Vec<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Word<T> {
        Known(T),
        Other(serde::de::IgnoredAny),
    }
    let words = Vec::<Word<T>>::deserialize(d)?;
    Ok(words.into_iter().filter_map(|w| if let Word::Known(t) = w { Some(t) } else { None }).collect())
}

/// A certificate authority that the directory trusts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// Its id, for operators.
    pub id: Box<str>,
    /// What for.
    #[serde(deserialize_with = "known_words")]
    pub purposes: Vec<Purpose>,
    /// Its certificate.
    pub certificate: Der,
}

/// What kind of platform a member runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberKind {
    /// The national platform.
    National,
    /// A ministry's or sector's.
    Ministry,
    /// A province's.
    Province,
    /// Anything else.
    #[serde(other)]
    Other,
}

/// Whether a member may take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberState {
    /// It may.
    Active,
    /// Not for now; also what a reader takes an unknown word for.
    #[serde(other)]
    Suspended,
}

/// A member: a node, as the hub approved it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The node.
    pub name: NodeName,
    /// Its name for people.
    pub title: Box<str>,
    /// What kind of platform it is.
    pub kind: MemberKind,
    /// Whether it may take part.
    pub state: MemberState,
    /// The agencies that it was approved for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub agencies: Vec<MemberAgency>,
    /// What it says of itself.
    #[serde(default)]
    pub profile: Profile,
}

/// An agency that a member speaks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberAgency {
    /// Its code.
    pub code: AgencyCode,
    /// Other codes of the same agency.
    #[serde(default, skip_serializing_if = "is_default")]
    pub aliases: Vec<AgencyCode>,
    /// Its name.
    pub name: Box<str>,
    /// Its certificates, current and next: whoever issued them, this binds them to the code.
    #[serde(default, skip_serializing_if = "is_default")]
    pub certificates: Vec<Der>,
}

impl MemberAgency {
    /// Whether the code is one of this agency's.
    pub fn has_code(&self, code: &AgencyCode) -> bool {
        self.code == *code || self.aliases.contains(code)
    }
}

/// What a member says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Where its peer listener is reached: `https://host:port`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub endpoints: Vec<Box<str>>,
    /// Versions of the peer protocol that it speaks.
    #[serde(default, skip_serializing_if = "is_default")]
    pub protocols: Vec<u32>,
    /// Keys of its message log, the current one last.
    #[serde(default, skip_serializing_if = "is_default")]
    pub logs: Vec<LogEntry>,
    /// How it can sign messages, the preferred way first.
    #[serde(default, skip_serializing_if = "is_default", deserialize_with = "known_words")]
    pub modes: Vec<SignatureMode>,
    /// Whether it relays messages between others.
    #[serde(default, skip_serializing_if = "is_default")]
    pub relays: bool,
    /// Its witness, if it runs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<Witness>,
    /// Systems that call or offer services.
    #[serde(default, skip_serializing_if = "is_default")]
    pub systems: Vec<System>,
    /// Services that others may find.
    #[serde(default, skip_serializing_if = "is_default")]
    pub services: Vec<Service>,
}

/// A key of a member's log and the epochs that it signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// The C2SP verifier key, `name+hash+base64`.
    pub vkey: Box<str>,
    /// The first epoch.
    pub first_epoch: u32,
    /// The last epoch; none: still in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_epoch: Option<u32>,
}

/// A witness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// Its name.
    pub name: Box<str>,
    /// Its C2SP verifier key.
    pub vkey: Box<str>,
    /// Where it is reached.
    pub url: Box<str>,
}

/// A timestamp authority (RFC 3161).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimestampAuthority {
    /// Its name.
    pub name: Box<str>,
    /// Where it is reached.
    pub url: Box<str>,
    /// The certificate that its tokens chain to.
    pub certificate: Der,
}

/// A system of a member's agency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct System {
    /// Its id at its node.
    pub id: SystemId,
    /// Its agency, by any of its codes.
    pub agency: AgencyCode,
    /// Its name.
    pub name: Box<str>,
}

/// A published version of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its id at its node.
    pub id: ServiceId,
    /// The version.
    pub version: VersionLabel,
    /// Its title.
    pub title: Box<str>,
    /// How it speaks.
    pub protocol: Protocol,
    /// The agency that offers it.
    pub agency: AgencyCode,
    /// The system that offers it.
    pub system: SystemId,
    /// What it can do.
    #[serde(default, skip_serializing_if = "is_default")]
    pub operations: Box<[Operation]>,
    /// What a caller should know before it connects.
    #[serde(default, skip_serializing_if = "is_default")]
    pub hints: Hints,
}

/// An operation of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Its name.
    pub name: Box<str>,
    /// REST: the method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Box<str>>,
    /// REST: the path after the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<Box<str>>,
    /// SOAP: the first element of the body, `{namespace}name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element: Option<Box<str>>,
    /// SOAP: the action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soap_action: Option<Box<str>>,
    /// May be repeated without harm.
    #[serde(default, skip_serializing_if = "is_default")]
    pub idempotent: bool,
    /// Has no effect.
    #[serde(default, skip_serializing_if = "is_default")]
    pub safe: bool,
}

/// What a caller should know before it connects; nothing here is enforced by the directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hints {
    /// A node to relay through when the provider's is not reached directly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<NodeName>,
    /// How long an answer may take, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u32>,
    /// Largest request body, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_body_max: Option<u64>,
    /// Largest answer body, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_body_max: Option<u64>,
}

/// The members document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Members {
    /// Type, format, version and times.
    #[serde(flatten)]
    pub head: Head,
    /// Certificate authorities.
    pub authorities: Vec<Authority>,
    /// Members, by name.
    pub members: Vec<Member>,
    /// Timestamp authorities.
    pub timestamp_authorities: Vec<TimestampAuthority>,
    /// Witnesses that are no member's.
    pub witnesses: Vec<Witness>,
}

/// The document as it is read: without `flatten`, which would hold all of it in memory once more.
#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    authorities: Vec<Authority>,
    #[serde(default)]
    members: Vec<Member>,
    #[serde(default)]
    timestamp_authorities: Vec<TimestampAuthority>,
    #[serde(default)]
    witnesses: Vec<Witness>,
    #[serde(rename = "type")]
    role: Role,
    format: u32,
    version: u64,
    #[serde(with = "crate::document::stamp")]
    issued: lgsp_kernel::Millis,
    #[serde(with = "crate::document::stamp")]
    expires: lgsp_kernel::Millis,
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let body = Body::deserialize(d)?;
        let Body { role, format, version, issued, expires, .. } = body;
        let mut members = body.members;
        for member in &mut members {
            member.sort();
        }
        members.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self {
            head: Head { role, format, version, issued, expires },
            authorities: body.authorities,
            members,
            timestamp_authorities: body.timestamp_authorities,
            witnesses: body.witnesses,
        })
    }
}

impl Member {
    /// Brings systems and services into the order in which they are looked up.
    pub(crate) fn sort(&mut self) {
        self.profile.systems.sort_by(|a, b| a.id.cmp(&b.id));
        self.profile.services.sort_by(|a, b| (&a.id, &a.version).cmp(&(&b.id, &b.version)));
    }
    /// The agency with this code or alias, if the member was approved for it.
    pub fn agency(&self, code: &AgencyCode) -> Option<&MemberAgency> {
        self.agencies.iter().find(|a| a.has_code(code))
    }
    /// A system.
    pub fn system(&self, id: &str) -> Option<&System> {
        let systems = &self.profile.systems;
        systems.binary_search_by(|s| s.id.as_str().cmp(id)).ok().map(|i| &systems[i])
    }
    /// A version of a service.
    pub fn service(&self, id: &str, version: &str) -> Option<&Service> {
        let services = &self.profile.services;
        let found = services.binary_search_by(|s| (s.id.as_str(), s.version.as_str()).cmp(&(id, version)));
        found.ok().map(|i| &services[i])
    }
    /// The key of the log that is in use.
    pub fn current_log(&self) -> Option<&LogEntry> {
        self.profile.logs.iter().rev().find(|l| l.last_epoch.is_none())
    }

    /// Rules that the shape does not show: bounds, and nothing listed of an agency that the member was not approved for.
    pub fn check(&self) -> Result<(), Defect> {
        let wrong =
            |found: String| Err(Defect::new(Check::Content, format!("member {}: {found}", self.name)));
        let profile = &self.profile;
        short("a title", &self.title)?;
        bounded("agencies of a member", self.agencies.len(), LIST_MAX)?;
        bounded("systems of a member", profile.systems.len(), LIST_MAX)?;
        bounded("services of a member", profile.services.len(), SERVICES_MAX)?;
        bounded("endpoints of a member", profile.endpoints.len(), LIST_MAX)?;
        bounded("log keys of a member", profile.logs.len(), LIST_MAX)?;
        for agency in &self.agencies {
            short("an agency's name", &agency.name)?;
            bounded("aliases of an agency", agency.aliases.len(), LIST_MAX)?;
            bounded("certificates of an agency", agency.certificates.len(), LIST_MAX)?;
        }
        for text in profile.endpoints.iter().chain(profile.logs.iter().map(|l| &l.vkey)) {
            short("an endpoint or log key", text)?;
        }
        for pair in profile.systems.windows(2) {
            if pair[0].id == pair[1].id {
                return wrong(format!("system {} is listed twice", pair[0].id));
            }
        }
        for pair in profile.services.windows(2) {
            if (&pair[0].id, &pair[0].version) == (&pair[1].id, &pair[1].version) {
                return wrong(format!("service {} {} is listed twice", pair[0].id, pair[0].version));
            }
        }
        for system in &profile.systems {
            short("a system's name", &system.name)?;
            if self.agency(&system.agency).is_none() {
                let (id, agency) = (&system.id, &system.agency);
                return wrong(format!("system {id} is of agency {agency}, for which it was not approved"));
            }
        }
        for service in &profile.services {
            if let Some(found) = self.service_defect(service) {
                return wrong(found);
            }
        }
        Ok(())
    }

    fn service_defect(&self, service: &Service) -> Option<String> {
        let Service { id, version, agency, system, operations, .. } = service;
        if operations.len() > OPERATIONS_MAX {
            return Some(format!("service {id} {version} has more than {OPERATIONS_MAX} operations"));
        }
        let Some(approved) = self.agency(agency) else {
            return Some(format!(
                "service {id} {version} is of agency {agency}, for which it was not approved"
            ));
        };
        if !self.system(system.as_str()).is_some_and(|s| approved.has_code(&s.agency)) {
            return Some(format!("service {id} {version}: system {system} is not listed as {agency}'s"));
        }
        let texts = operations.iter().flat_map(|o| {
            [Some(&o.name), o.method.as_ref(), o.path.as_ref(), o.element.as_ref(), o.soap_action.as_ref()]
        });
        texts
            .flatten()
            .chain([&service.title])
            .find_map(|t| short("a title, name, path or action", t).err())
            .map(|d| format!("service {id} {version}: {}", d.found))
    }
}

impl Document for Members {
    const ROLE: Role = Role::Members;
    fn head(&self) -> &Head {
        &self.head
    }
    fn check(&self) -> Result<(), Defect> {
        bounded("members", self.members.len(), MEMBERS_COUNT_MAX)?;
        bounded("authorities", self.authorities.len(), LIST_MAX)?;
        bounded("timestamp authorities", self.timestamp_authorities.len(), LIST_MAX)?;
        bounded("witnesses", self.witnesses.len(), LIST_MAX)?;
        let tsas = self.timestamp_authorities.iter().flat_map(|t| [&t.name, &t.url]);
        let witnesses = self.witnesses.iter().flat_map(|w| [&w.name, &w.url, &w.vkey]);
        for text in tsas.chain(witnesses).chain(self.authorities.iter().map(|a| &a.id)) {
            short("a name, URL or key", text)?;
        }
        for pair in self.members.windows(2) {
            if pair[0].name == pair[1].name {
                return Err(Defect::new(Check::Content, format!("member {} is listed twice", pair[0].name)));
            }
        }
        self.members.iter().try_for_each(Member::check)
    }
}
