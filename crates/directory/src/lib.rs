//! The directory of members, after The Update Framework: documents, thresholds, rotation, freshness; the hub's publisher and every
//! node's verified, cached view. Not here: HTTP (a node brings a [`Fetch`]), certificates' own rules (the trust crate), and what is
//! done with the view. Norm: `docs/protocol/directory.md`.

pub mod bounds;
mod cache;
mod client;
mod disk;
pub mod document;
pub mod envelope;
mod error;
pub mod key;
pub mod members;
mod publisher;
mod root_keys;
mod trusted;
mod view;

pub use client::{Client, ClientConfig, Fetch, FetchError, FolderFetch, Updated};
pub use document::{Anchor, Role};
pub use error::{Check, Defect, DirectoryError};
pub use key::{KeyId, PublicKey, SigningKey};
pub use members::{
    Authority, Hints, LogEntry, Member, MemberAgency, MemberKind, MemberState, Operation, Profile, Purpose,
    Service, System, TimestampAuthority, Witness,
};
pub use publisher::{Edit, Lifetimes, PublishError, Publisher, PublisherConfig};
pub use root_keys::{
    PASSPHRASE_MIN, RootKeys, RootPlan, add_root_signature, open_root_key, read_root, seal_root_key,
};
pub use view::{AgencyAt, Ages, Directory, DirectoryHandle, Freshness, ServiceAt, Standing, State, Versions};
