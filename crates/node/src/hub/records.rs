//! What the hub remembers of a member besides the directory: the keys that its letters are signed with, and when the last one was written.

use crate::membership::files::write;
use lgsp_kernel::{Millis, NodeName};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Keys of a node that are remembered: the current one last, and those before it until their certificates end.
const KEYS_MAX: usize = 4;

/// A member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The node.
    pub node: NodeName,
    /// Its public keys (SubjectPublicKeyInfo, hexadecimal), the current one last.
    pub keys: Vec<String>,
    /// Its certificates, PEM, the current one last.
    pub certificates: Vec<String>,
    /// When its last letter was written, by its own clock: an older one is a repetition.
    pub last_letter: Millis,
}

impl Record {
    /// Of a node that was just approved.
    pub fn new(node: NodeName) -> Self {
        Self { node, keys: Vec::new(), certificates: Vec::new(), last_letter: Millis(0) }
    }
    /// Whether a key is one of the node's.
    pub fn knows(&self, key: &[u8]) -> bool {
        self.keys.contains(&hex::encode(key))
    }
    /// Takes a key and its certificate as the current ones.
    pub fn put(&mut self, key: &[u8], certificate_pem: String) {
        let key = hex::encode(key);
        self.keys.retain(|k| *k != key);
        self.keys.push(key);
        self.certificates.push(certificate_pem);
        let over = |len: usize| len.saturating_sub(KEYS_MAX);
        self.keys.drain(..over(self.keys.len()));
        self.certificates.drain(..over(self.certificates.len()));
    }
}

/// All of them: a file each.
#[derive(Debug, Clone)]
pub struct Records(PathBuf);

impl Records {
    /// In this folder.
    pub fn at(folder: PathBuf) -> Self {
        Self(folder)
    }
    /// One.
    pub fn get(&self, node: &NodeName) -> std::io::Result<Option<Record>> {
        match std::fs::read(self.place(node)) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }
    /// Keeps one.
    pub fn keep(&self, record: &Record) -> std::io::Result<()> {
        write(&self.place(&record.node), &serde_json::to_vec_pretty(record)?)
    }
    /// Forgets one.
    pub fn forget(&self, node: &NodeName) -> std::io::Result<()> {
        match std::fs::remove_file(self.place(node)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }

    fn place(&self, node: &NodeName) -> PathBuf {
        // Names of nodes have no separators: their grammar is that of ids.
        self.0.join(format!("{node}.json"))
    }
}
