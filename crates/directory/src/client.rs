//! A node's side: fetches through a [`Fetch`], verifies in the order of The Update Framework, keeps the last good copy on disk and in
//! memory. Not here: HTTP, and when to update.

use crate::document::Anchor;
use crate::error::DirectoryError;
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

/// A node's side of the directory.
pub struct Client<F> {
    config: ClientConfig,
    fetch: F,
    handle: DirectoryHandle,
}

impl<F: Fetch> Client<F> {
    /// Reads and verifies the copy on disk, if there is one; nothing is fetched. A copy that does not verify is no copy: the
    /// error is kept for [`Client::cache_problem`].
    pub fn open(config: ClientConfig, fetch: F) -> Result<Self, DirectoryError> {
        Ok(Self { config, fetch, handle: DirectoryHandle::new() })
    }
    /// The place of the current view.
    pub fn handle(&self) -> DirectoryHandle {
        self.handle.clone()
    }
    /// The current view.
    pub fn directory(&self) -> Option<Arc<Directory>> {
        self.handle.get()
    }
}
