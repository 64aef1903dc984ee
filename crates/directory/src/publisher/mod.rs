//! The hub's side: applies edits, signs documents with the online keys, and writes them into a folder that any web server can serve.
//! What is published is switched by replacing one file. Not here: root keys (`root_keys`) and who may ask for which edit.

mod edit;
mod files;
#[cfg(test)]
mod tests;

pub use edit::Edit;

use crate::bounds::VERSION_MAX;
use crate::disk::Disk;
use crate::document::write;
use crate::document::{
    Anchor, Current, Document, FORMAT, FreshnessStatement, Head, Listed, Revocations, Role, Root,
};
use crate::envelope::Envelope;
use crate::error::{Defect, DirectoryError};
use crate::key::{Digest, KeyId, PublicKey, SigningKey, sha256};
use crate::members::{Member, Members};
use crate::trusted::{Held, verify_next, verify_self};
use crate::view::Versions;
use files::Files;
use lgsp_kernel::{Millis, Vault};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// How long documents are valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// Members documents. Default 30 days.
    pub members_ms: i64,
    /// Revocations. Default 7 days.
    pub revocations_ms: i64,
    /// Freshness statements. Default one hour; renew several times within it.
    pub freshness_ms: i64,
}

impl Default for Lifetimes {
    fn default() -> Self {
        const HOUR: i64 = 3_600_000;
        Self { members_ms: 30 * 24 * HOUR, revocations_ms: 7 * 24 * HOUR, freshness_ms: HOUR }
    }
}

/// Where a publisher works.
#[derive(Debug, Clone)]
pub struct PublisherConfig {
    /// A folder of its own: online keys (sealed), requests to join, the pinned root.
    pub private: PathBuf,
    /// The folder that is served.
    pub public: PathBuf,
    /// How long documents are valid.
    pub lifetimes: Lifetimes,
}

/// Why something was not published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The edit cannot be made.
    #[error("{0}")]
    Refused(String),
    /// The published folder or a root does not verify.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// A key is missing or does not open.
    #[error("key: {0}")]
    Key(String),
    /// A file could not be read or written.
    #[error("{0}")]
    Disk(String),
}

/// What is published now, in memory.
#[derive(Debug, Clone)]
struct Published {
    root: Held<Arc<Root>>,
    members: Held<Members>,
    revocations: Held<Revocations>,
    freshness: u64,
}

/// The hub's side of the directory. One process at a time uses a folder.
#[derive(Debug)]
pub struct Publisher {
    lifetimes: Lifetimes,
    files: Files,
    keys: BTreeMap<KeyId, SigningKey>,
    pending: Vec<Member>,
    now: Published,
    /// A write failed: what is on disk may be newer than what is in memory.
    torn: bool,
    _lock: std::fs::File,
}

fn version_after(last: u64, now: Millis) -> u64 {
    // Seconds since 1970 where they are ahead: a hub restored from a backup does not repeat versions that readers have seen.
    (last + 1).max(u64::try_from(now.seconds()).unwrap_or(0)).min(VERSION_MAX)
}

impl Publisher {
    /// Makes an online key and keeps it sealed in the private folder. Its public part goes into a root.
    pub fn generate_key(config: &PublisherConfig, vault: &Vault) -> Result<PublicKey, PublishError> {
        Files::new(config, Disk::default())?.generate_key(vault)
    }

    /// Begins a directory: publishes an empty one under its first root.
    pub fn init(
        config: &PublisherConfig,
        vault: &Vault,
        root: &[u8],
        now: Millis,
    ) -> Result<Self, PublishError> {
        Self::init_on(config, vault, root, now, Disk::default())
    }

    fn init_on(
        config: &PublisherConfig,
        vault: &Vault,
        root: &[u8],
        now: Millis,
        disk: Disk,
    ) -> Result<Self, PublishError> {
        let files = Files::new(config, disk)?;
        let lock = files.lock()?;
        if files.anchor()?.is_some() {
            return Err(PublishError::Refused("the folder already holds a directory".into()));
        }
        let held = verify_self(root).map_err(|d| d.of(Role::Root, None))?;
        let version = held.listed.version;
        let head = |role| Head { role, format: FORMAT, version: 1, issued: now, expires: now };
        let members = Members {
            head: head(Role::Members),
            authorities: Vec::new(),
            members: Vec::new(),
            timestamp_authorities: Vec::new(),
            witnesses: Vec::new(),
        };
        let revocations = Revocations {
            head: head(Role::Revocations),
            certificates: Vec::new(),
            keys: Vec::new(),
            members: Vec::new(),
        };
        let unsigned = Listed { version: 0, length: 0, sha256: Digest([0; 32]) };
        let root_held =
            Held { document: Arc::new(held.document), listed: held.listed, signers: held.signers };
        let first = Published {
            root: root_held,
            members: Held { document: members, listed: unsigned, signers: Default::default() },
            revocations: Held { document: revocations, listed: unsigned, signers: Default::default() },
            freshness: 0,
        };
        let keys = files.load_keys(vault)?;
        let lifetimes = config.lifetimes;
        let pending = files.pending()?;
        let mut publisher = Self { lifetimes, files, keys, pending, now: first, torn: false, _lock: lock };
        let anchor = Anchor { version, sha256: publisher.now.root.listed.sha256 };
        let next = publisher.now.clone();
        publisher.write(next, now, Some(root))?;
        publisher.files.store_anchor(&anchor)?;
        Ok(publisher)
    }

    /// Opens a directory that was published before, and verifies it.
    pub fn open(config: &PublisherConfig, vault: &Vault) -> Result<Self, PublishError> {
        Self::open_on(config, vault, Disk::default())
    }

    fn open_on(config: &PublisherConfig, vault: &Vault, disk: Disk) -> Result<Self, PublishError> {
        let files = Files::new(config, disk)?;
        let lock = files.lock()?;
        let now = files.load()?;
        let keys = files.load_keys(vault)?;
        let pending = open_requests(&files, &now)?;
        Ok(Self { lifetimes: config.lifetimes, files, keys, pending, now, torn: false, _lock: lock })
    }

    /// The current root, for a new node to pin out of band.
    pub fn anchor(&self) -> Anchor {
        let listed = self.now.root.listed;
        Anchor { version: listed.version, sha256: listed.sha256 }
    }
    /// The current root.
    pub fn root(&self) -> &Root {
        &self.now.root.document
    }
    /// The members document as published.
    pub fn members(&self) -> &Members {
        &self.now.members.document
    }
    /// The revocations as published.
    pub fn revocations(&self) -> &Revocations {
        &self.now.revocations.document
    }
    /// Requests to join that wait for approval.
    pub fn pending(&self) -> &[Member] {
        &self.pending
    }
    /// What is published.
    pub fn versions(&self) -> Versions {
        Versions {
            root: self.now.root.listed.version,
            members: self.now.members.listed.version,
            revocations: self.now.revocations.listed.version,
            freshness: self.now.freshness,
        }
    }

    /// Applies edits, all or none, and publishes the result.
    pub fn apply(&mut self, edits: &[Edit], now: Millis) -> Result<Versions, PublishError> {
        self.mend()?;
        let mut draft = edit::Draft {
            members: self.now.members.document.clone(),
            revocations: self.now.revocations.document.clone(),
            pending: self.pending.clone(),
        };
        for one in edits {
            draft.apply(one, now)?;
        }
        let refused = |d: Defect| PublishError::Refused(d.found);
        draft.members.check().map_err(refused)?;
        draft.revocations.check().map_err(refused)?;
        let mut next = self.now.clone();
        if draft.members != next.members.document {
            next.members = unsigned(draft.members, next.members.listed);
        }
        if draft.revocations != next.revocations.document {
            next.revocations = unsigned(draft.revocations, next.revocations.listed);
        }
        // An approved member is published before its request is forgotten: a crash between the two leaves a request too many.
        let changed = next.members.signers.is_empty() || next.revocations.signers.is_empty();
        if changed {
            self.write(next, now, None)?;
        }
        if draft.pending != self.pending {
            self.files.store_pending(&draft.pending)?;
            self.pending = draft.pending;
        }
        Ok(self.versions())
    }

    /// States again what is current, and signs anew what has lived half its life.
    pub fn renew(&mut self, now: Millis) -> Result<Versions, PublishError> {
        self.mend()?;
        let mut next = self.now.clone();
        let tired = |head: &Head, life: i64| now.0 >= head.expires.0.saturating_sub(life / 2);
        if tired(&next.members.document.head, self.lifetimes.members_ms) {
            next.members.signers.clear();
        }
        if tired(&next.revocations.document.head, self.lifetimes.revocations_ms) {
            next.revocations.signers.clear();
        }
        self.write(next, now, None)?;
        self.files.prune(&self.now.members.listed, &self.now.revocations.listed);
        Ok(self.versions())
    }

    /// Publishes the next root. Documents that its keys do not cover are signed anew; readers see the old directory or the new one.
    pub fn publish_root(&mut self, file: &[u8], now: Millis) -> Result<Versions, PublishError> {
        self.mend()?;
        let current = &self.now.root;
        let version = current.listed.version + 1;
        let next_root = verify_next(&current.document, file).map_err(|d| d.of(Role::Root, Some(version)))?;
        if next_root.document.head.expires <= now {
            return Err(PublishError::Refused("the root has already expired".into()));
        }
        let mut next = self.now.clone();
        if !next_root.document.suffices(Role::Members, &next.members.signers) {
            next.members.signers.clear();
        }
        if !next_root.document.suffices(Role::Revocations, &next.revocations.signers) {
            next.revocations.signers.clear();
        }
        next.root = Held {
            document: Arc::new(next_root.document),
            listed: next_root.listed,
            signers: next_root.signers,
        };
        self.write(next, now, Some(file))?;
        Ok(self.versions())
    }

    /// After a failed write: what is on disk counts.
    fn mend(&mut self) -> Result<(), PublishError> {
        if self.torn {
            self.now = self.files.load()?;
            self.pending = open_requests(&self.files, &self.now)?;
            self.torn = false;
        }
        Ok(())
    }

    /// Signs what has no signers, states what is current, and writes: documents, then the statement, then a new root. The last
    /// replacement is the switch.
    fn write(&mut self, mut next: Published, now: Millis, root: Option<&[u8]>) -> Result<(), PublishError> {
        let root_document = next.root.document.clone();
        let members = self.resign(&root_document, &mut next.members, now, self.lifetimes.members_ms)?;
        let revocations =
            self.resign(&root_document, &mut next.revocations, now, self.lifetimes.revocations_ms)?;
        next.freshness = version_after(next.freshness, now);
        let statement = FreshnessStatement {
            head: Head {
                role: Role::Freshness,
                format: FORMAT,
                version: next.freshness,
                issued: now,
                expires: now.plus_seconds(self.lifetimes.freshness_ms / 1000),
            },
            documents: Current {
                root: next.root.listed,
                members: next.members.listed,
                revocations: next.revocations.listed,
            },
        };
        let (statement, _) = self.sign(&root_document, &statement)?;
        let written = self.files.publish(&next, members.as_deref(), revocations.as_deref(), &statement, root);
        self.torn = written.is_err();
        written?;
        self.now = next;
        Ok(())
    }

    /// Signs a document again, with the next version, if it has no signers.
    fn resign<T: Document + Versioned>(
        &self,
        root: &Root,
        held: &mut Held<T>,
        now: Millis,
        life: i64,
    ) -> Result<Option<Vec<u8>>, PublishError> {
        if !held.signers.is_empty() {
            return Ok(None);
        }
        let version = version_after(held.listed.version, now);
        let head = held.document.head_mut();
        head.version = version;
        head.issued = now;
        head.expires = now.plus_seconds(life / 1000);
        let (file, signers) = self.sign(root, &held.document)?;
        let max = crate::trusted::size_max(T::ROLE);
        if file.len() > max {
            return Err(PublishError::Refused(format!("the {} document would exceed {max} bytes", T::ROLE)));
        }
        held.listed = Listed { version, length: file.len() as u64, sha256: Digest(sha256(&file)) };
        held.signers = signers;
        Ok(Some(file))
    }

    /// Signs with every online key that the root lists for the role and that is here.
    fn sign<T: Document>(
        &self,
        root: &Root,
        document: &T,
    ) -> Result<(Vec<u8>, std::collections::BTreeSet<KeyId>), PublishError> {
        let role = T::ROLE;
        let listed = &root.roles.of(role).keys;
        let keys: Vec<&SigningKey> = listed.iter().filter_map(|id| self.keys.get(id)).collect();
        let signers = keys.iter().map(|k| k.id()).collect();
        if !root.suffices(role, &signers) {
            let wanted = root.roles.of(role).threshold;
            let found = format!(
                "{} of the {wanted} keys that root {} asks for {role} are in the private folder",
                keys.len(),
                root.head.version
            );
            return Err(PublishError::Key(found));
        }
        Ok((Envelope::sign(role.payload_type(), write(document), &keys).to_bytes(), signers))
    }

    /// Reads the online keys again, after one was made or brought.
    pub fn reload_keys(&mut self, vault: &Vault) -> Result<(), PublishError> {
        self.keys = self.files.load_keys(vault)?;
        Ok(())
    }
}

/// The requests that wait. One that became a member just before a crash no longer does.
fn open_requests(files: &Files, now: &Published) -> Result<Vec<Member>, PublishError> {
    let mut pending = files.pending()?;
    pending.retain(|p| !now.members.document.members.iter().any(|m| m.name == p.name));
    Ok(pending)
}

/// A changed document, still to be signed.
fn unsigned<T>(document: T, last: Listed) -> Held<T> {
    Held { document, listed: last, signers: Default::default() }
}

/// Documents whose head the publisher sets.
trait Versioned {
    fn head_mut(&mut self) -> &mut Head;
}
impl Versioned for Members {
    fn head_mut(&mut self) -> &mut Head {
        &mut self.head
    }
}
impl Versioned for Revocations {
    fn head_mut(&mut self) -> &mut Head {
        &mut self.head
    }
}
