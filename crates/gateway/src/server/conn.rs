//! What is known of one connection, shared by its requests. Not here: bytes (`guard`, `framing`).

use lgsp_kernel::NodeName;
use lgsp_kernel::snapshot::Digest;
use lgsp_trust::Subject;
use lgsp_wire::framing::Fault;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// One connection of a caller.
#[derive(Debug)]
pub struct Conn {
    /// Where it comes from.
    pub peer: SocketAddr,
    /// Its address as records write it.
    pub source: String,
    /// SHA-256 of the certificate that the caller showed, made once per connection.
    pub certificate: Option<Digest>,
    /// On a connection of another node: which one, and its certificate.
    pub member: Option<(NodeName, Subject)>,
    /// Requests taken up, for HTTP/1 in the order of their heads.
    taken: AtomicU64,
    /// Exchanges whose answer is not complete.
    open: AtomicU32,
    /// The number of the head that was refused (0: none), and why.
    refused_head: AtomicU64,
    refused_body: AtomicU64,
    fault: Mutex<Option<Fault>>,
}

impl Conn {
    /// A connection from this address.
    pub fn new(peer: SocketAddr, certificate: Option<Digest>) -> Self {
        Self {
            peer,
            source: peer.ip().to_canonical().to_string(),
            certificate,
            member: None,
            taken: AtomicU64::new(0),
            open: AtomicU32::new(0),
            refused_head: AtomicU64::new(0),
            refused_body: AtomicU64::new(0),
            fault: Mutex::new(None),
        }
    }
    /// A connection of another node.
    pub fn of_member(peer: SocketAddr, node: NodeName, subject: Subject) -> Self {
        Self { member: Some((node, subject)), ..Self::new(peer, None) }
    }
    pub(super) fn refuse(&self, head: u64, fault: Fault) {
        *self.fault.lock() = Some(fault);
        self.refused_head.store(head, Relaxed);
    }
    pub(super) fn refuse_body(&self, head: u64, fault: Fault) {
        *self.fault.lock() = Some(fault);
        self.refused_body.store(head, Relaxed);
    }
    /// Counts a request in; the fault, if this is the one whose head was refused.
    pub(crate) fn take(&self) -> (u64, Option<Fault>) {
        let number = self.taken.fetch_add(1, Relaxed) + 1;
        let refused = self.refused_head.load(Relaxed) == number;
        (number, if refused { *self.fault.lock() } else { None })
    }
    /// How many requests were taken up.
    pub(super) fn count(&self) -> u64 {
        self.taken.load(Relaxed)
    }
    /// What was wrong with the framing of this request's body.
    pub(crate) fn body_refused(&self, number: u64) -> Option<Fault> {
        if self.refused_body.load(Relaxed) == number { *self.fault.lock() } else { None }
    }
    pub(super) fn busy(&self) -> bool {
        self.open.load(Relaxed) > 0
    }
    pub(crate) fn opened(&self) {
        self.open.fetch_add(1, Relaxed);
    }
    pub(crate) fn closed(&self) {
        self.open.fetch_sub(1, Relaxed);
    }
}
