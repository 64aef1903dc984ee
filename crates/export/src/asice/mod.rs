//! One ASiC-E container (ETSI EN 319 162-1) with everything that proves an exchange at this node: a court or an auditor checks it with
//! `docs/verify-asice.sh`, `openssl` and nothing of ours. `docs/protocol/export.md` specifies the members.
//! Not here: collecting the parts, and asking an authority for the timestamp.

mod bundle;
mod container;
mod layout;
mod statements;

pub use bundle::{Bundle, ExportError, Link, StampedCheckpoint};
pub use container::{Container, FORMAT, MIMETYPE};

use crate::cms::SealKey;

/// The container of a bundle, signed by a key whose certificate comes first in `certificates` (DER), its issuers after it.
pub fn export(bundle: &Bundle, certificates: &[Vec<u8>], key: &dyn SealKey) -> Result<Vec<u8>, ExportError> {
    let mut container = Container::of(bundle)?;
    container.sign(certificates, key)?;
    container.to_zip()
}

/// What a timestamp on a checkpoint is over: the note with the signature of its log and without cosignatures, which come later.
pub fn checkpoint_digest(note: &str) -> Result<[u8; 32], ExportError> {
    let (signed, _) = layout::split_cosignatures(note)?;
    Ok(lgsp_evidence::hash::sha256(signed.as_bytes()).0)
}
