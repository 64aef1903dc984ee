//! What the protocol must know of the other nodes, as traits: the directory stands behind them in a running node, a few lines in a simulation. Not
//! here: how the directory learns it.

use crate::verify::Unproven;
use lgsp_evidence::Checkpoint;
use lgsp_kernel::{AgencyCode, Millis, NodeName, ServiceId, VersionLabel};
use std::sync::Arc;

/// What a delegated key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// It signs the checkpoints of the node's log.
    Log,
    /// It signs messages.
    Message,
}

/// What a verified delegation says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegated {
    /// The agency that is spoken for.
    pub agency: AgencyCode,
    /// The node whose key it is.
    pub node: NodeName,
    /// What the key is for.
    pub key_use: KeyUse,
    /// The Ed25519 public key.
    pub key: [u8; 32],
    /// From when it holds.
    pub not_before: Millis,
    /// Until when it holds.
    pub not_after: Millis,
}

/// An address of a node's peer listener.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// What is known of the members. All answers are from memory: the hot path asks.
pub trait Members: Send + Sync + 'static {
    /// Whether what is known may still be decided on; `Unproven::DirectoryStale` otherwise.
    fn usable(&self, now: Millis) -> Result<(), Unproven>;
    /// A number that changes with everything that could make a delegation that was accepted unacceptable.
    fn version(&self) -> u64;
    /// Whether the node is a member, not revoked.
    fn is_member(&self, node: &NodeName) -> bool;
    /// Where a member listens, in the order of preference; none if it is no member.
    fn endpoints(&self, node: &NodeName) -> Option<Vec<Endpoint>>;
    /// Reads and verifies a delegation: its signature, its certificate for the agency, that the node may host the agency, revocation.
    fn delegation(&self, text: &str, now: Millis) -> Result<Delegated, Unproven>;
    /// Whether the agency is the one that offers this service; none where the directory does not list it.
    fn offers(
        &self,
        node: &NodeName,
        service: &ServiceId,
        version: &VersionLabel,
        agency: &AgencyCode,
    ) -> Option<bool>;
    /// The key of a member's log (a C2SP verifier key), for the checkpoints that come with signed messages.
    fn log_key(&self, node: &NodeName) -> Option<String>;
}

/// Learns every checkpoint of another node that was verified, once.
pub trait CheckpointSink: Send + Sync + 'static {
    /// A checkpoint of that node's log. Must not block.
    fn seen(&self, node: &NodeName, checkpoint: &Arc<Checkpoint>);
}

/// Nobody who wants to know.
#[derive(Debug, Clone, Copy)]
pub struct NoSink;

impl CheckpointSink for NoSink {
    fn seen(&self, _: &NodeName, _: &Arc<Checkpoint>) {}
}
