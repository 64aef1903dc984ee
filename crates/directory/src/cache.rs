//! A reader's copy on disk: the chain of roots from the pinned one, and one set. It is verified again whenever it is read, so a
//! damaged or altered copy is no copy. Documents are named by their digests; `freshness.json`, written last, says which ones count.

use crate::bounds::ROOT_MAX;
use crate::disk::{Disk, PUBLIC, read_bounded};
use crate::document::{Anchor, FreshnessStatement, Listed, Revocations, Role};
use crate::error::{Check, Defect, DirectoryError};
use crate::members::Members;
use crate::trusted::{Held, Set, Trusted, named_document, size_max, verify, verify_anchor};
use crate::view::{SharedMembers, SharedRevocations};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder.
#[derive(Debug, Clone)]
pub struct Cache {
    dir: PathBuf,
    disk: Disk,
}

/// The files of a set; those that are already there are not given again.
pub struct SetFiles<'a> {
    pub freshness: &'a [u8],
    pub members: Option<&'a [u8]>,
    pub revocations: Option<&'a [u8]>,
}

/// What was found, and why it is not more.
pub struct Loaded {
    pub trusted: Option<Trusted>,
    pub problem: Option<DirectoryError>,
}

fn disk_error(role: Role, path: &Path, e: &io::Error) -> DirectoryError {
    Defect::new(Check::Disk, format!("{}: {e}", path.display())).of(role, None)
}

impl Cache {
    pub fn new(dir: PathBuf, disk: Disk) -> Self {
        Self { dir, disk }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn root_path(&self, version: u64) -> PathBuf {
        self.dir.join(Role::Root.file(version))
    }
    fn freshness_path(&self) -> PathBuf {
        self.dir.join("freshness.json")
    }
    fn document_path(&self, role: Role, listed: &Listed) -> PathBuf {
        self.dir.join(format!("{}.{role}", listed.sha256))
    }

    /// Reads and verifies everything.
    pub fn load(&self, anchor: &Anchor) -> Loaded {
        let chain = match self.load_roots(anchor) {
            Ok(chain) if chain.is_empty() => return Loaded { trusted: None, problem: None },
            Ok(chain) => chain,
            Err(problem) => return Loaded { trusted: None, problem: Some(problem) },
        };
        let mut trusted = chain.last().expect("the chain has a root").clone();
        let mut problem = None;
        match self.load_set(&chain) {
            Ok(set) => trusted.set = set,
            Err(e) => problem = Some(e),
        }
        Loaded { trusted: Some(trusted), problem }
    }

    /// The chain from the pinned root as far as it verifies.
    fn load_roots(&self, anchor: &Anchor) -> Result<Vec<Trusted>, DirectoryError> {
        let read = |version| {
            let path = self.root_path(version);
            read_bounded(&path, ROOT_MAX).map_err(|e| disk_error(Role::Root, &path, &e))
        };
        let Some(first) = read(anchor.version)? else { return Ok(Vec::new()) };
        let first = verify_anchor(anchor, &first).map_err(|d| d.of(Role::Root, Some(anchor.version)))?;
        let mut chain = vec![Trusted::new(first)];
        loop {
            let mut next = chain.last().expect("the chain has a root").clone();
            let Some(file) = read(next.root.listed.version + 1)? else { return Ok(chain) };
            if next.follow(&file).is_err() {
                return Ok(chain);
            }
            chain.push(next);
        }
    }

    fn load_set(&self, chain: &[Trusted]) -> Result<Option<Set>, DirectoryError> {
        let path = self.freshness_path();
        let file = read_bounded(&path, size_max(Role::Freshness));
        let Some(file) = file.map_err(|e| disk_error(Role::Freshness, &path, &e))? else { return Ok(None) };
        // The set was taken under the root that its statement names; whether a later root still covers it is the view's to say.
        let under = chain.iter().rev().find_map(|t| {
            let held = verify::<FreshnessStatement>(&t.root.document, &file).ok()?;
            (held.document.documents.root == t.root.listed).then_some((t, held))
        });
        let Some((trusted, freshness)) = under else {
            let found = "the copy on disk is not signed as any root of the chain demands";
            return Err(Defect::new(Check::Signatures, found).of(Role::Freshness, None));
        };
        let root = &trusted.root.document;
        let named = freshness.document.documents;
        let members = self.read_document(Role::Members, &named.members)?;
        let members = named_document::<Members>(root, named.members, &members)?;
        let revocations = self.read_document(Role::Revocations, &named.revocations)?;
        let revocations = named_document::<Revocations>(root, named.revocations, &revocations)?;
        Ok(Some(Set {
            freshness: Held {
                document: Arc::new(freshness.document),
                listed: freshness.listed,
                signers: freshness.signers,
            },
            members: Held {
                document: SharedMembers::new(members.document),
                listed: members.listed,
                signers: members.signers,
            },
            revocations: Held {
                document: SharedRevocations::new(revocations.document),
                listed: revocations.listed,
                signers: revocations.signers,
            },
        }))
    }

    fn read_document(&self, role: Role, listed: &Listed) -> Result<Vec<u8>, DirectoryError> {
        let path = self.document_path(role, listed);
        match read_bounded(&path, size_max(role)) {
            Ok(Some(file)) => Ok(file),
            Ok(None) => Err(disk_error(role, &path, &io::ErrorKind::NotFound.into())),
            Err(e) => Err(disk_error(role, &path, &e)),
        }
    }

    /// Adds a root to the chain.
    pub fn store_root(&self, version: u64, file: &[u8]) -> Result<(), DirectoryError> {
        let path = self.root_path(version);
        self.disk.replace(&path, file, PUBLIC).map_err(|e| disk_error(Role::Root, &path, &e))
    }

    /// Replaces the set: its documents first, then the statement that names them; what it no longer names is removed.
    pub fn store_set(&self, set: &Set, files: &SetFiles<'_>) -> Result<(), DirectoryError> {
        let write = |role, path: &Path, file: &[u8]| {
            self.disk.replace(path, file, PUBLIC).map_err(|e| disk_error(role, path, &e))
        };
        let members = self.document_path(Role::Members, &set.members.listed);
        let revocations = self.document_path(Role::Revocations, &set.revocations.listed);
        if let Some(file) = files.members {
            write(Role::Members, &members, file)?;
        }
        if let Some(file) = files.revocations {
            write(Role::Revocations, &revocations, file)?;
        }
        write(Role::Freshness, &self.freshness_path(), files.freshness)?;
        if files.members.is_some() || files.revocations.is_some() {
            self.remove_others(&[members, revocations]);
        }
        Ok(())
    }

    /// Documents of earlier sets. What cannot be removed now is removed by a later update.
    fn remove_others(&self, keep: &[PathBuf]) {
        for entry in std::fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let ours = path.extension().is_some_and(|e| e == "members" || e == "revocations");
            if ours && !keep.contains(&path) && self.disk.remove(&path).is_err() {
                return;
            }
        }
    }
}
