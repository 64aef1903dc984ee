//! The publisher's files: the public folder (numbered documents and one freshness statement for each root) and the private one (sealed
//! keys, requests to join, the pinned first root).

use super::{PublishError, Published, PublisherConfig};
use crate::bounds::{FRESHNESS_MAX, ROOT_MAX};
use crate::disk::{Disk, PRIVATE, PUBLIC, read_bounded};
use crate::document::{Anchor, Document, FreshnessStatement, Listed, Revocations, Role};
use crate::error::{Check, Defect};
use crate::key::{KeyId, PublicKey, SigningKey};
use crate::members::{Member, Members};
use crate::trusted::{Held, Trusted, named_document, size_max, verify, verify_anchor};
use lgsp_kernel::Vault;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// How many earlier versions of a document stay for readers that are in the middle of an update.
const KEPT: usize = 8;
/// The largest file of requests to join, bytes.
const PENDING_MAX: usize = 64 << 20;
/// The largest key file, bytes.
const KEY_MAX: usize = 4 << 10;

#[derive(Debug)]
pub struct Files {
    private: PathBuf,
    public: PathBuf,
    disk: Disk,
}

fn disk<'a>(path: &'a Path) -> impl Fn(std::io::Error) -> PublishError + 'a {
    move |e| PublishError::Disk(format!("{}: {e}", path.display()))
}

fn place(id: &KeyId) -> String {
    format!("directory-key/{id}")
}

impl Files {
    pub fn new(config: &PublisherConfig, disk_: Disk) -> Result<Self, PublishError> {
        let files = Self { private: config.private.clone(), public: config.public.clone(), disk: disk_ };
        let keys = files.private.join("keys");
        files.disk.create_dir(&keys).map_err(disk(&keys))?;
        let owner_only = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(&files.private, owner_only).map_err(disk(&files.private))?;
        files.disk.create_dir(&files.public).map_err(disk(&files.public))?;
        Ok(files)
    }

    pub fn lock(&self) -> Result<std::fs::File, PublishError> {
        Disk::lock(&self.private).map_err(disk(&self.private))
    }

    fn read(&self, path: &Path, max: usize) -> Result<Option<Vec<u8>>, PublishError> {
        read_bounded(path, max).map_err(disk(path))
    }

    fn replace(&self, path: &Path, bytes: &[u8], mode: u32) -> Result<(), PublishError> {
        self.disk.replace(path, bytes, mode).map_err(disk(path))
    }

    pub fn generate_key(&self, vault: &Vault) -> Result<PublicKey, PublishError> {
        let wrong = |e: &dyn std::fmt::Display| PublishError::Key(e.to_string());
        let key = SigningKey::generate().map_err(|e| wrong(&e))?;
        let sealed = vault.seal(&place(&key.id()), key.seed()).map_err(|e| wrong(&e))?;
        let path = self.private.join("keys").join(format!("{}.key", key.id()));
        self.replace(&path, sealed.as_bytes(), PRIVATE)?;
        Ok(key.public())
    }

    pub fn load_keys(&self, vault: &Vault) -> Result<BTreeMap<KeyId, SigningKey>, PublishError> {
        let dir = self.private.join("keys");
        let mut keys = BTreeMap::new();
        for entry in std::fs::read_dir(&dir).map_err(disk(&dir))? {
            let path = entry.map_err(disk(&dir))?.path();
            if path.extension().is_none_or(|e| e != "key") {
                continue;
            }
            let wrong = |why: String| PublishError::Key(format!("{}: {why}", path.display()));
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let id: KeyId = stem.parse().map_err(|e| wrong(format!("{e}")))?;
            let sealed = self.read(&path, KEY_MAX)?.unwrap_or_default();
            let sealed = String::from_utf8(sealed).map_err(|e| wrong(e.to_string()))?;
            let seed = vault.open(&place(&id), sealed.trim()).map_err(|e| wrong(e.to_string()))?;
            let seed = seed.expose().try_into().map_err(|_| wrong("the seed has not 32 bytes".into()))?;
            keys.insert(id, SigningKey::from_seed(seed));
        }
        Ok(keys)
    }

    pub fn anchor(&self) -> Result<Option<Anchor>, PublishError> {
        let path = self.private.join("anchor");
        let Some(text) = self.read(&path, KEY_MAX)? else { return Ok(None) };
        let text = String::from_utf8_lossy(&text);
        let anchor = text.parse().map_err(|e| PublishError::Disk(format!("{}: {e}", path.display())))?;
        Ok(Some(anchor))
    }

    pub fn store_anchor(&self, anchor: &Anchor) -> Result<(), PublishError> {
        self.replace(&self.private.join("anchor"), format!("{anchor}\n").as_bytes(), PRIVATE)
    }

    pub fn pending(&self) -> Result<Vec<Member>, PublishError> {
        let path = self.private.join("pending.json");
        let Some(text) = self.read(&path, PENDING_MAX)? else { return Ok(Vec::new()) };
        serde_json::from_slice(&text).map_err(|e| PublishError::Disk(format!("{}: {e}", path.display())))
    }

    pub fn store_pending(&self, pending: &[Member]) -> Result<(), PublishError> {
        let text = serde_json::to_vec_pretty(pending).expect("members are JSON");
        self.replace(&self.private.join("pending.json"), &text, PRIVATE)
    }

    fn public_file(&self, role: Role, number: u64) -> PathBuf {
        self.public.join(role.file(number))
    }

    /// Reads what is published and verifies it from the pinned root on.
    pub fn load(&self) -> Result<Published, PublishError> {
        let Some(anchor) = self.anchor()? else {
            return Err(PublishError::Refused("the folder holds no directory".into()));
        };
        let missing = |role: Role, number: u64| {
            let found = format!("{} is missing", role.file(number));
            PublishError::from(Defect::new(Check::Disk, found).of(role, Some(number)))
        };
        let read_root = |version| self.read(&self.public_file(Role::Root, version), ROOT_MAX);
        let first = read_root(anchor.version)?.ok_or_else(|| missing(Role::Root, anchor.version))?;
        let first = verify_anchor(&anchor, &first).map_err(|d| d.of(Role::Root, Some(anchor.version)))?;
        let mut trusted = Trusted::new(first);
        while let Some(file) = read_root(trusted.root.listed.version + 1)? {
            trusted.follow(&file)?;
        }
        let root = trusted.root.listed.version;
        let statement = self.read(&self.public_file(Role::Freshness, root), FRESHNESS_MAX)?;
        let statement = statement.ok_or_else(|| missing(Role::Freshness, root))?;
        let statement = verify::<FreshnessStatement>(&trusted.root.document, &statement)
            .map_err(|d| d.of(Role::Freshness, None))?;
        let named = statement.document.documents;
        Ok(Published {
            members: self.document::<Members>(&trusted, named.members)?,
            revocations: self.document::<Revocations>(&trusted, named.revocations)?,
            freshness: statement.listed.version,
            root: trusted.root,
        })
    }

    fn document<T: Document>(&self, trusted: &Trusted, named: Listed) -> Result<Held<T>, PublishError> {
        let path = self.public_file(T::ROLE, named.version);
        let file = self.read(&path, size_max(T::ROLE))?.unwrap_or_default();
        Ok(named_document(&trusted.root.document, named, &file)?)
    }

    /// Writes in the order that keeps readers safe. Without a new root the statement is the switch; with one, the statement is that
    /// root's own file, which nobody asks for before the root is there.
    pub fn publish(
        &self,
        next: &Published,
        members: Option<&[u8]>,
        revocations: Option<&[u8]>,
        statement: &[u8],
        root: Option<&[u8]>,
    ) -> Result<(), PublishError> {
        let number = next.root.listed.version;
        let documents = [
            (Role::Members, next.members.listed.version, members),
            (Role::Revocations, next.revocations.listed.version, revocations),
            (Role::Freshness, number, Some(statement)),
            (Role::Root, number, root),
        ];
        for (role, number, file) in documents {
            if let Some(file) = file {
                self.replace(&self.public_file(role, number), file, PUBLIC)?;
            }
        }
        Ok(())
    }

    /// Removes old members and revocations documents. Roots stay for ever. What cannot be removed now is removed later.
    pub fn prune(&self, members: &Listed, revocations: &Listed) {
        for (role, current) in [(Role::Members, members), (Role::Revocations, revocations)] {
            let suffix = format!(".{}.json", role.name());
            let mut found: Vec<u64> = std::fs::read_dir(&self.public)
                .into_iter()
                .flatten()
                .flatten()
                .filter_map(|e| e.file_name().to_str()?.strip_suffix(&suffix)?.parse().ok())
                .filter(|version| version != &current.version)
                .collect();
            found.sort_unstable();
            found.truncate(found.len().saturating_sub(KEPT));
            for version in found {
                if self.disk.remove(&self.public_file(role, version)).is_err() {
                    return;
                }
            }
        }
    }
}
