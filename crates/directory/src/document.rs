//! The documents but the members': root, revocations and freshness, and what all four share. Unknown fields are tolerated, so that a
//! later version may add some. Not here: signatures (`envelope`) and the order of checks (`trusted`).

use crate::bounds::{KEYS_MAX, LIST_MAX, TEXT_MAX, VERSION_MAX};
use crate::error::{Check, Defect};
use crate::key::{Digest, KeyId, KeyTextError, PublicKey};
use lgsp_kernel::{Millis, NodeName};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// The format of all documents that this program writes, and the only one that it reads.
pub const FORMAT: u32 = 1;

/// A kind of document, and who signs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Keys and thresholds; offline keys.
    Root,
    /// Members and authorities; an online key.
    Members,
    /// What is withdrawn; an online key.
    Revocations,
    /// Which documents are current; an online key.
    Freshness,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Root, Self::Members, Self::Revocations, Self::Freshness];

    /// Its name in file names and payloads.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Members => "members",
            Self::Revocations => "revocations",
            Self::Freshness => "freshness",
        }
    }
    /// The type that its envelopes state and its signatures cover.
    pub fn payload_type(self) -> &'static str {
        match self {
            Self::Root => "application/vnd.lgsp.directory.root+json",
            Self::Members => "application/vnd.lgsp.directory.members+json",
            Self::Revocations => "application/vnd.lgsp.directory.revocations+json",
            Self::Freshness => "application/vnd.lgsp.directory.freshness+json",
        }
    }
    /// The name of the file of a version. For freshness the number is the root's version: it is the one file that is replaced.
    pub fn file(self, number: u64) -> String {
        match self {
            Self::Freshness => format!("freshness.{number}.json"),
            _ => format!("{number}.{}.json", self.name()),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Times in documents: RFC 3339 with a time of day.
pub(crate) mod stamp {
    use lgsp_kernel::Millis;
    use serde::{Deserialize, Deserializer, Serializer};
    use std::borrow::Cow;

    /// The year 9999 ends the calendar that RFC 3339 writes.
    const LAST: Millis = Millis(253_402_300_800_000);

    pub fn serialize<S: Serializer>(at: &Millis, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&at.rfc3339())
    }
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Millis, D::Error> {
        let text = Cow::<'de, str>::deserialize(d)?;
        let at = if text.contains(['T', 't']) { Millis::parse(&text) } else { None };
        at.filter(|at| (0..LAST.0).contains(&at.0))
            .ok_or_else(|| serde::de::Error::custom("a time is written as 2026-01-31T08:00:00Z"))
    }
}

/// What every payload begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The role's name.
    #[serde(rename = "type")]
    pub role: Role,
    /// The format.
    pub format: u32,
    /// The version: each is higher than the one before.
    pub version: u64,
    /// When it was made.
    #[serde(with = "stamp")]
    pub issued: Millis,
    /// Not taken at or after.
    #[serde(with = "stamp")]
    pub expires: Millis,
}

/// What all documents have in common.
pub trait Document: DeserializeOwned + Serialize {
    /// Whose document this is.
    const ROLE: Role;
    /// Its head.
    fn head(&self) -> &Head;
    /// Rules that its shape does not show.
    fn check(&self) -> Result<(), Defect>;
}

/// Reads a payload whose signatures have been counted.
pub fn read<T: Document>(payload: &[u8]) -> Result<T, Defect> {
    // The head first, so that a document of a later format is refused for that and not for a field it lacks.
    let head: Head = serde_json::from_slice(payload)
        .map_err(|e| Defect::new(Check::Content, format!("its head is not readable: {e}")))?;
    if head.role != T::ROLE {
        return Err(Defect::new(Check::Content, format!("it says that it is a {} document", head.role)));
    }
    if head.format != FORMAT {
        let found = format!("format {}; this program reads format {FORMAT}: it may be too old", head.format);
        return Err(Defect::new(Check::Content, found));
    }
    if head.version == 0 || head.version > VERSION_MAX {
        return Err(Defect::new(Check::Content, format!("version {} is out of range", head.version)));
    }
    let document: T =
        serde_json::from_slice(payload).map_err(|e| Defect::new(Check::Content, e.to_string()))?;
    document.check()?;
    Ok(document)
}

/// Writes a payload.
pub fn write<T: Document>(document: &T) -> Vec<u8> {
    serde_json::to_vec(document).expect("documents have text keys and no other values than JSON's")
}

pub(crate) fn bounded(what: &str, len: usize, max: usize) -> Result<(), Defect> {
    if len <= max { Ok(()) } else { Err(Defect::new(Check::Content, format!("{len} {what}; at most {max}"))) }
}

pub(crate) fn short(what: &str, text: &str) -> Result<(), Defect> {
    if text.len() > TEXT_MAX || text.chars().any(char::is_control) {
        return Err(Defect::new(Check::Content, format!("{what} is too long or has control characters")));
    }
    Ok(())
}

/// Who may sign a role, and how many must.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleKeys {
    /// The keys.
    pub keys: BTreeSet<KeyId>,
    /// How many of them.
    pub threshold: u32,
}

/// The root: keys and thresholds of all roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// Type, format, version and times.
    #[serde(flatten)]
    pub head: Head,
    /// The keys that any role uses, as `ed25519:<base64>`; a key of a kind that is not known is passed over and never counts.
    #[serde(deserialize_with = "known_keys")]
    pub keys: BTreeMap<KeyId, PublicKey>,
    /// The keys of each role.
    pub roles: Roles,
}

/// The keys of each role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles {
    /// Of the root.
    pub root: RoleKeys,
    /// Of the members document.
    pub members: RoleKeys,
    /// Of the revocations.
    pub revocations: RoleKeys,
    /// Of the freshness statement.
    pub freshness: RoleKeys,
}

impl Roles {
    /// The keys of a role.
    pub fn of(&self, role: Role) -> &RoleKeys {
        match role {
            Role::Root => &self.root,
            Role::Members => &self.members,
            Role::Revocations => &self.revocations,
            Role::Freshness => &self.freshness,
        }
    }
    /// The keys of a role, to change.
    pub fn of_mut(&mut self, role: Role) -> &mut RoleKeys {
        match role {
            Role::Root => &mut self.root,
            Role::Members => &mut self.members,
            Role::Revocations => &mut self.revocations,
            Role::Freshness => &mut self.freshness,
        }
    }
}

impl Serialize for PublicKey {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

fn known_keys<'de, D: serde::Deserializer<'de>>(d: D) -> Result<BTreeMap<KeyId, PublicKey>, D::Error> {
    let texts = BTreeMap::<String, String>::deserialize(d)?;
    let mut keys = BTreeMap::new();
    for (id, text) in texts {
        if !text.starts_with("ed25519:") {
            continue;
        }
        let key: PublicKey = text.parse().map_err(serde::de::Error::custom)?;
        if key.id().to_string() != id {
            return Err(serde::de::Error::custom(format!("key id {id} is not the digest of its key")));
        }
        keys.insert(key.id(), key);
    }
    Ok(keys)
}

impl Root {
    /// The keys of a role.
    pub fn keys_of(&self, role: Role) -> Vec<PublicKey> {
        self.roles.of(role).keys.iter().filter_map(|id| self.keys.get(id).copied()).collect()
    }
    /// Whether these signers are enough for a role.
    pub fn suffices(&self, role: Role, signers: &BTreeSet<KeyId>) -> bool {
        let wanted = self.roles.of(role);
        let count =
            signers.iter().filter(|id| wanted.keys.contains(id) && self.keys.contains_key(id)).count();
        wanted.threshold >= 1 && count >= wanted.threshold as usize
    }
}

impl Document for Root {
    const ROLE: Role = Role::Root;
    fn head(&self) -> &Head {
        &self.head
    }
    fn check(&self) -> Result<(), Defect> {
        bounded("keys", self.keys.len(), KEYS_MAX)?;
        for role in Role::ALL {
            let of = self.roles.of(role);
            bounded("keys of a role", of.keys.len(), KEYS_MAX)?;
            let known = of.keys.iter().filter(|id| self.keys.contains_key(id)).count();
            if of.threshold == 0 || of.threshold as usize > known {
                let found = format!("{role} needs {} signatures of {known} known keys", of.threshold);
                return Err(Defect::new(Check::Content, found));
            }
        }
        Ok(())
    }
}

/// Which bytes are meant: their length and SHA-256, and the version that they state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The version.
    pub version: u64,
    /// The length of the file, bytes.
    pub length: u64,
    /// SHA-256 of the file.
    pub sha256: Digest,
}

/// The current documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Current {
    /// The root.
    pub root: Listed,
    /// The members.
    pub members: Listed,
    /// The revocations.
    pub revocations: Listed,
}

/// The freshness statement: these documents were current at `head.issued`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreshnessStatement {
    /// Type, format, version and times.
    #[serde(flatten)]
    pub head: Head,
    /// The current documents.
    pub documents: Current,
}

impl Document for FreshnessStatement {
    const ROLE: Role = Role::Freshness;
    fn head(&self) -> &Head {
        &self.head
    }
    fn check(&self) -> Result<(), Defect> {
        let d = &self.documents;
        let fine = [d.root, d.members, d.revocations].iter().all(|l| (1..=VERSION_MAX).contains(&l.version));
        if fine { Ok(()) } else { Err(Defect::new(Check::Content, "a listed version is out of range")) }
    }
}

/// A withdrawn certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedCertificate {
    /// SHA-256 of its DER form.
    pub sha256: Digest,
    /// Since when.
    #[serde(with = "stamp")]
    pub at: Millis,
    /// Why, for an operator.
    pub reason: Box<str>,
}

/// A withdrawn key or delegation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedKey {
    /// Its id as its own document defines it: a delegation's id, or `ed25519:<base64>`.
    pub id: Box<str>,
    /// Since when.
    #[serde(with = "stamp")]
    pub at: Millis,
    /// Why, for an operator.
    pub reason: Box<str>,
}

/// A member that is shut out at once, whatever the members document says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedMember {
    /// The node.
    pub name: NodeName,
    /// Since when.
    #[serde(with = "stamp")]
    pub at: Millis,
    /// Why, for an operator.
    pub reason: Box<str>,
}

/// What is withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocations {
    /// Type, format, version and times.
    #[serde(flatten)]
    pub head: Head,
    /// Certificates.
    #[serde(default)]
    pub certificates: Vec<RevokedCertificate>,
    /// Keys and delegations.
    #[serde(default)]
    pub keys: Vec<RevokedKey>,
    /// Members.
    #[serde(default)]
    pub members: Vec<RevokedMember>,
}

impl Document for Revocations {
    const ROLE: Role = Role::Revocations;
    fn head(&self) -> &Head {
        &self.head
    }
    fn check(&self) -> Result<(), Defect> {
        bounded("revoked members", self.members.len(), LIST_MAX)?;
        let reasons = self.certificates.iter().map(|c| &c.reason);
        let reasons = reasons.chain(self.keys.iter().flat_map(|k| [&k.reason, &k.id]));
        for text in reasons.chain(self.members.iter().map(|m| &m.reason)) {
            short("a reason or id", text)?;
        }
        Ok(())
    }
}

/// The root that a node was told to trust, out of band: `<version>:<SHA-256 of its file>`; a bare digest means version 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// Its version.
    pub version: u64,
    /// SHA-256 of its file.
    pub sha256: Digest,
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.version, self.sha256)
    }
}
impl FromStr for Anchor {
    type Err = KeyTextError;
    fn from_str(s: &str) -> Result<Self, KeyTextError> {
        let wrong = KeyTextError("a pinned root is <version>:<64 hexadecimal digits>");
        let (version, digest) = s.trim().split_once(':').unwrap_or(("1", s.trim()));
        let version = version.parse().map_err(|_| wrong.clone())?;
        if !(1..=VERSION_MAX).contains(&version) {
            return Err(wrong);
        }
        let sha256 = digest.to_ascii_lowercase().parse().map_err(|_| wrong)?;
        Ok(Self { version, sha256 })
    }
}
