//! Keys and certificates between nodes: the hub's authority, signing requests, what a certificate may be used for, keys in files and on PKCS#11
//! tokens, and delegations by which an agency lets a node's key speak for it. Not here: who is a member and what is revoked; the directory says so.

mod authority;
mod certificate;
mod chain;
mod delegation;
pub mod key;
pub mod pem;
mod request;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod tls;

pub use authority::{Authority, Issued, Term};
pub use certificate::{CertError, Purpose, Subject, agency_uri, node_host, node_uri};
pub use chain::{Authorities, Chain, Origin};
pub use delegation::{Bindings, Delegation, DelegationError, DelegationTerms, Use};
pub use key::{
    Algorithm, FileKey, KeyConfig, KeyError, PinSource, Signer, TokenKey, TokenPlace, Tokens, verify,
};
pub use request::{Requested, csr_for_agency, csr_for_node};
pub use tls::{OwnCertificate, PeerTls};

/// SHA-256 of some bytes: how certificates are named in revocations and records.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let mut out = [0; 32];
    out.copy_from_slice(digest.as_ref());
    out
}
