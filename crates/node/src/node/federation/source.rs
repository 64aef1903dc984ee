//! Where a node's directory comes from: its hub, or its own folder if it is the hub.

use crate::hub::HubDesk;
use crate::membership::http::{Http, HubFiles};
use bytes::Bytes;
use lgsp_directory::{Fetch, FetchError, FolderFetch};

/// The place.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// Another node.
    Hub(HubFiles),
    /// This node.
    Own(FolderFetch),
}

impl Source {
    /// Of a node that is a hub, or of one that has another.
    pub(super) fn new(hub: Option<&HubDesk>, http: &Http, url: &str) -> Self {
        match hub {
            Some(desk) => Self::Own(FolderFetch(desk.public())),
            None => Self::Hub(HubFiles::new(http.clone(), url)),
        }
    }
}

impl Fetch for Source {
    async fn get(&self, name: &str, max: usize) -> Result<Bytes, FetchError> {
        match self {
            Self::Hub(files) => files.get(name, max).await,
            Self::Own(folder) => folder.get(name, max).await,
        }
    }
}
