//! A node's side: fetches through a [`Fetch`], verifies in the order of The Update Framework (`trusted`), keeps the last good copy on
//! disk (`cache`) and in memory. Not here: HTTP, and when to update.

use crate::bounds::{FRESHNESS_MAX, ROOT_MAX, ROOTS_PER_UPDATE};
use crate::cache::{Cache, Loaded, SetFiles};
use crate::disk::Disk;
use crate::document::{Anchor, Listed, Role};
use crate::error::{Check, Defect, DirectoryError};
use crate::trusted::{Set, Trusted, size_max, verify_anchor};
use crate::view::{Directory, DirectoryHandle, Versions};
use bytes::Bytes;
use lgsp_kernel::Millis;
use std::path::PathBuf;
use std::sync::Arc;

/// Why a file was not fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The hub says that there is no such file.
    #[error("there is no such file")]
    NotFound,
    /// More bytes than asked for.
    #[error("more than {0} bytes")]
    TooLarge(usize),
    /// Anything else: no connection, a refusal, a broken answer.
    #[error("{0}")]
    Failed(String),
}

/// Where files come from: a folder, or a hub over HTTP. Nothing it gives is trusted.
pub trait Fetch: Send + Sync {
    /// The file of this name (letters, digits, dots), of at most `max` bytes: an implementation stops reading there.
    fn get(&self, name: &str, max: usize) -> impl Future<Output = Result<Bytes, FetchError>> + Send;
}

/// Files from a folder, such as the one that the publisher of this same node writes.
#[derive(Debug, Clone)]
pub struct FolderFetch(pub PathBuf);

impl Fetch for FolderFetch {
    async fn get(&self, name: &str, max: usize) -> Result<Bytes, FetchError> {
        let path = self.0.join(name);
        let read = tokio::task::spawn_blocking(move || crate::disk::read_bounded(&path, max)).await;
        match read {
            Ok(Ok(Some(bytes))) => Ok(bytes.into()),
            Ok(Ok(None)) => Err(FetchError::NotFound),
            Ok(Err(e)) => Err(FetchError::Failed(e.to_string())),
            Err(e) => Err(FetchError::Failed(e.to_string())),
        }
    }
}

/// Where a client keeps its copy, and what it trusts to begin with.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// A folder of its own.
    pub cache: PathBuf,
    /// The root that was pinned out of band.
    pub anchor: Anchor,
}

/// What an update did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updated {
    /// The versions now.
    pub versions: Versions,
    /// Whether anything but the freshness statement is new.
    pub changed: bool,
}

/// A node's side of the directory. One process at a time uses a folder.
pub struct Client<F> {
    anchor: Anchor,
    fetch: F,
    handle: DirectoryHandle,
    cache: Cache,
    cache_problem: Option<DirectoryError>,
    trusted: tokio::sync::Mutex<Option<Trusted>>,
    _lock: std::fs::File,
}

fn disk_error(e: &dyn std::fmt::Display) -> DirectoryError {
    Defect::new(Check::Disk, e.to_string()).of(Role::Freshness, None)
}

/// Work that takes long enough to hold others up, away from the threads that serve.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DirectoryError> + Send + 'static,
) -> Result<T, DirectoryError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|e| Err(disk_error(&e)))
}

impl<F: Fetch> Client<F> {
    /// Reads and verifies the copy on disk, if there is one; nothing is fetched. A copy that does not verify is no copy: see
    /// [`Client::cache_problem`].
    pub fn open(config: ClientConfig, fetch: F) -> Result<Self, DirectoryError> {
        Self::open_on(config, fetch, Disk::default())
    }

    pub(crate) fn open_on(config: ClientConfig, fetch: F, disk: Disk) -> Result<Self, DirectoryError> {
        let cache = Cache::new(config.cache, disk.clone());
        let at = |e: std::io::Error| disk_error(&format!("{}: {e}", cache.dir().display()));
        disk.create_dir(cache.dir()).map_err(at)?;
        let lock = Disk::lock(cache.dir()).map_err(at)?;
        let Loaded { trusted, problem } = cache.load(&config.anchor);
        let handle = DirectoryHandle::new();
        if let Some(view) = trusted.as_ref().and_then(Trusted::view) {
            handle.set(Arc::new(view));
        }
        let (anchor, trusted) = (config.anchor, tokio::sync::Mutex::new(trusted));
        Ok(Self { anchor, fetch, handle, cache, cache_problem: problem, trusted, _lock: lock })
    }

    /// The place of the current view.
    pub fn handle(&self) -> DirectoryHandle {
        self.handle.clone()
    }
    /// The current view.
    pub fn directory(&self) -> Option<Arc<Directory>> {
        self.handle.get()
    }
    /// Why the copy on disk was not used when the client was opened.
    pub fn cache_problem(&self) -> Option<&DirectoryError> {
        self.cache_problem.as_ref()
    }

    /// One update. On any failure the last good copy stays, in memory and on disk; a new root is kept all the same, since what it says
    /// about keys must not be forgotten. A second update waits for the first.
    pub async fn update(&self, now: Millis) -> Result<Updated, DirectoryError> {
        let mut held = self.trusted.lock().await;
        let before = held.as_ref().and_then(Trusted::view).map(|v| v.versions());
        let outcome = self.round(&mut held, now).await;
        let view = held.as_ref().and_then(Trusted::view);
        let versions = view.as_ref().map(Directory::versions);
        if let Some(view) = view {
            self.handle.set(Arc::new(view));
        }
        outcome?;
        let versions = versions.expect("an update that succeeded leaves a set");
        let changed = before.is_none_or(|b| Versions { freshness: versions.freshness, ..b } != versions);
        Ok(Updated { versions, changed })
    }

    async fn round(&self, held: &mut Option<Trusted>, now: Millis) -> Result<(), DirectoryError> {
        if held.is_none() {
            *held = Some(Trusted::new(self.first_root().await?));
        }
        let trusted = held.as_mut().expect("the first root was just taken");
        self.follow_roots(trusted).await?;
        trusted.check_root_expiry(now)?;
        if let Some(set) = self.next_set(trusted, now).await? {
            trusted.set = Some(set);
        }
        Ok(())
    }

    async fn first_root(&self) -> Result<crate::trusted::Held<crate::document::Root>, DirectoryError> {
        let version = self.anchor.version;
        let file = self.fetch(Role::Root, version, Role::Root.file(version), ROOT_MAX).await?;
        let root = verify_anchor(&self.anchor, &file).map_err(|d| d.of(Role::Root, Some(version)))?;
        self.cache.store_root(version, &file)?;
        Ok(root)
    }

    async fn follow_roots(&self, trusted: &mut Trusted) -> Result<(), DirectoryError> {
        for _ in 0..ROOTS_PER_UPDATE {
            let version = trusted.root.listed.version + 1;
            let file = match self.fetch.get(&Role::Root.file(version), ROOT_MAX).await {
                Ok(file) => file,
                Err(FetchError::NotFound) => return Ok(()),
                Err(e) => return Err(fetch_error(Role::Root, version, &e)),
            };
            let mut next = trusted.clone();
            next.follow(&file)?;
            self.cache.store_root(version, &file)?;
            *trusted = next;
        }
        Ok(())
    }

    /// The set that the current freshness statement names; none: it is the one that is held.
    async fn next_set(&self, trusted: &Trusted, now: Millis) -> Result<Option<Set>, DirectoryError> {
        let root = trusted.root.listed.version;
        let file = self.fetch(Role::Freshness, root, Role::Freshness.file(root), FRESHNESS_MAX).await?;
        let freshness = trusted.check_freshness(&file, now)?;
        let named = freshness.document.documents;
        let mut members_file = None;
        let members = match trusted.same_members(named.members, now)? {
            Some(same) => same,
            None => {
                let file = self.document(Role::Members, &named.members).await?;
                members_file = Some(file.clone());
                let trusted = trusted.clone();
                aside(move || trusted.check_members(named.members, &file, now)).await?
            }
        };
        let mut revocations_file = None;
        let revocations = match trusted.same_revocations(named.revocations, now)? {
            Some(same) => same,
            None => {
                let file = self.document(Role::Revocations, &named.revocations).await?;
                revocations_file = Some(file.clone());
                let trusted = trusted.clone();
                aside(move || trusted.check_revocations(named.revocations, &file, now)).await?
            }
        };
        let same = trusted.set.as_ref().is_some_and(|s| s.freshness.listed == freshness.listed);
        if same && members_file.is_none() && revocations_file.is_none() {
            return Ok(None);
        }
        let set = Set { freshness, members, revocations };
        let (cache, stored) = (self.cache.clone(), set.clone());
        aside(move || {
            let files = SetFiles {
                freshness: &file,
                members: members_file.as_deref(),
                revocations: revocations_file.as_deref(),
            };
            cache.store_set(&stored, &files)
        })
        .await?;
        Ok(Some(set))
    }

    /// A document that is named by version and length; no more bytes than that are read.
    async fn document(&self, role: Role, named: &Listed) -> Result<Bytes, DirectoryError> {
        let max = size_max(role);
        let length = usize::try_from(named.length).unwrap_or(usize::MAX);
        if length > max {
            let found = format!("the freshness statement says {length} bytes; at most {max} are read");
            return Err(Defect::new(Check::Size, found).of(role, Some(named.version)));
        }
        self.fetch(role, named.version, role.file(named.version), length).await
    }

    async fn fetch(
        &self,
        role: Role,
        version: u64,
        name: String,
        max: usize,
    ) -> Result<Bytes, DirectoryError> {
        let fetched = self.fetch.get(&name, max).await;
        let file = fetched.map_err(|e| fetch_error(role, version, &e))?;
        if file.len() > max {
            return Err(fetch_error(role, version, &FetchError::TooLarge(max)));
        }
        Ok(file)
    }
}

fn fetch_error(role: Role, version: u64, e: &FetchError) -> DirectoryError {
    let check = if matches!(e, FetchError::TooLarge(_)) { Check::Size } else { Check::Fetch };
    Defect::new(check, format!("{}: {e}", role.file(version))).of(role, Some(version))
}

impl<F> std::fmt::Debug for Client<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({}, pinned root {})", self.cache.dir().display(), self.anchor)
    }
}
