//! What the gateway holds: the parts that both sides of the protocol share. The consumer's side is in `seal` and `answer`, the provider's in `open` and `reply`.

use crate::fields::{self, To};
use crate::members::{CheckpointSink, Members};
use crate::replay::Replay;
use crate::sign::{AgencyKeys, CheckpointField, Speaker};
use crate::statement::Statement;
use crate::transport::{Connect, Hello, Known, Transport, TransportConfig};
use crate::verify::{Believed, Checker};
use bytes::Bytes;
use http::HeaderMap;
use lgsp_evidence::hash::sha256;
use lgsp_evidence::{AppendError, Draft, Log, Ticket};
use lgsp_kernel::model::SignatureMode;
use lgsp_kernel::record::CredentialRecord;
use lgsp_kernel::{AgencyCode, Clock, ExchangeId, Millis, NodeName, Refusal, RefusalKind, fault};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How a node takes part.
#[derive(Debug, Clone)]
pub struct PeerConfig {
    /// The largest body that is taken whole, bytes.
    pub body_max: u64,
    /// Modes in which requests are taken.
    pub modes: Vec<SignatureMode>,
    /// Whether messages between others are passed on.
    pub relay: bool,
    /// Connections to others.
    pub transport: TransportConfig,
}

impl Default for PeerConfig {
    fn default() -> Self {
        Self {
            body_max: lgsp_kernel::bounds::COLLECT_MAX as u64,
            modes: vec![SignatureMode::Group, SignatureMode::Message],
            relay: false,
            transport: TransportConfig::default(),
        }
    }
}

/// What the protocol is put together from.
pub struct PeerParts {
    /// This node.
    pub node: NodeName,
    /// Its message log.
    pub log: Log,
    /// The time.
    pub clock: Clock,
    /// What is known of the others.
    pub members: Arc<dyn Members>,
    /// How they are reached.
    pub connect: Arc<dyn Connect>,
    /// What this node speaks with.
    pub keys: AgencyKeys,
    /// Who learns of the others' checkpoints.
    pub sink: Arc<dyn CheckpointSink>,
    /// What was received before the start.
    pub replay: Replay,
    /// Settings.
    pub config: PeerConfig,
}

/// The protocol. Clones are the same.
#[derive(Clone)]
pub struct Peers(pub(crate) Arc<Inner>);

impl std::fmt::Debug for Peers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Peers({})", self.0.node)
    }
}

pub(crate) struct Inner {
    pub(crate) node: NodeName,
    pub(crate) log: Log,
    pub(crate) clock: Clock,
    pub(crate) checker: Checker,
    pub(crate) transport: Transport,
    pub(crate) keys: AgencyKeys,
    pub(crate) replay: Replay,
    pub(crate) config: PeerConfig,
    checkpoint: CheckpointField,
}

impl Peers {
    /// Put together.
    pub fn new(parts: PeerParts) -> Self {
        let transport = Transport::new(parts.connect, parts.config.transport.clone());
        Self(Arc::new(Inner {
            node: parts.node,
            log: parts.log,
            clock: parts.clock,
            checker: Checker::new(parts.members, parts.sink),
            transport,
            keys: parts.keys,
            replay: parts.replay,
            config: parts.config,
            checkpoint: CheckpointField::default(),
        }))
    }

    /// This node.
    pub fn node(&self) -> &NodeName {
        &self.0.node
    }
    /// What is known of the others.
    pub fn members(&self) -> &Arc<dyn Members> {
        self.0.checker.members()
    }
    /// Whether a path is one of this protocol, whatever its version.
    pub fn is_peer_path(path: &str) -> bool {
        path.starts_with("/peer/")
    }
    /// Whom a request's path addresses; none if it is not of version 1 or not of its form.
    pub fn addressee(path: &str) -> Option<To> {
        fields::read_path(path).and_then(|(to, _)| To::parse(to))
    }
    /// What a client is told first, as JSON.
    pub fn hello(&self) -> Bytes {
        let hello = Hello {
            node: self.0.node.clone(),
            versions: crate::transport::VERSIONS.to_vec(),
            modes: self.0.config.modes.iter().map(|m| (*m).into()).collect(),
            now: self.0.clock.now(),
            checkpoint: self.0.log.checkpoint().note.clone(),
            body_max: self.0.config.body_max,
        };
        Bytes::from(serde_json::to_vec(&hello).expect("names, numbers and text are JSON"))
    }
    /// Open connections to a node, and whether the last attempt to open one failed.
    pub fn health(&self, node: &NodeName) -> (usize, bool) {
        self.0.transport.health(node)
    }
    /// Opens a connection to a node, unless there is one: whether it can be reached.
    pub async fn probe(&self, node: &NodeName) -> Result<Hello, Refusal> {
        Ok(self.0.lease(node).await?.hello().clone())
    }
    /// Drops the connections to a node.
    pub fn forget(&self, node: &NodeName) {
        self.0.transport.forget(node);
    }
    /// Whether this node can answer in the agency's name in this mode: to be asked before anything is forwarded.
    pub fn can_speak(&self, agency: &AgencyCode, mode: SignatureMode) -> Result<(), Refusal> {
        self.0.speaker(agency, mode, self.0.clock.now()).map(drop)
    }
    /// Hands what was received to the log; durable when the ticket says so.
    pub fn record(&self, received: Received) -> Result<ReceivedTicket, AppendError> {
        self.0.record(received)
    }
}

/// What was received and must be on record before it is relied on. Clones are the same.
#[derive(Debug, Clone)]
pub struct Received {
    believed: Arc<Believed>,
    exchange: ExchangeId,
}

impl Received {
    pub(crate) fn new(believed: Believed, exchange: ExchangeId) -> Self {
        Self { believed: Arc::new(believed), exchange }
    }
    /// What was believed.
    pub fn believed(&self) -> &Believed {
        &self.believed
    }
    /// The log's entry.
    pub fn record(&self) -> Bytes {
        let b = &self.believed;
        let view = ReceivedView {
            exchange: &self.exchange,
            from: b.delegation.says.node.as_str(),
            agency: b.delegation.says.agency.as_str(),
            mode: mode_text(b.mode),
            base: &b.statement.base,
            proof: &b.proof,
            checkpoint: b.checkpoint.as_ref().map(|c| c.note.as_str()),
            delegation: &b.delegation.keyid,
        };
        // Without growing: quotation marks and line ends of a base are an eighth of it at most, as a rule.
        let mut out =
            Vec::with_capacity(512 + b.statement.base.len() * 9 / 8 + b.proof.len() + view.note_len());
        serde_json::to_writer(&mut out, &view).expect("records are JSON");
        Bytes::from(out)
    }
}

/// `kernel::record::ReceivedRecord` as an entry, from borrowed parts: it is written for every message.
#[derive(Serialize)]
#[serde(tag = "type", rename = "received")]
struct ReceivedView<'a> {
    exchange: &'a ExchangeId,
    from: &'a str,
    agency: &'a str,
    mode: &'a str,
    base: &'a str,
    proof: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<&'a str>,
    delegation: &'a str,
}

impl ReceivedView<'_> {
    fn note_len(&self) -> usize {
        self.checkpoint.map_or(0, |note| note.len() + 16)
    }
}

/// Completes when what was received is durable.
#[derive(Debug)]
#[must_use = "nothing is recorded before the ticket says so"]
pub struct ReceivedTicket {
    entry: Ticket,
    credential: Option<(Ticket, Arc<crate::verify::KnownDelegation>)>,
}

impl ReceivedTicket {
    /// Waits.
    pub async fn durable(self) -> Result<(), AppendError> {
        if let Some((ticket, delegation)) = self.credential
            && let Err(e) = ticket.await
        {
            delegation.recorded.store(false, Ordering::Release);
            return Err(e);
        }
        self.entry.await.map(drop)
    }
}

/// How a mode is written in records.
pub fn mode_text(mode: SignatureMode) -> &'static str {
    match mode {
        SignatureMode::Message => "message",
        SignatureMode::Group => "group",
    }
}

/// A statement on its way to being stood by: in the log's queue.
pub(crate) enum Pending {
    Group(lgsp_evidence::ReceiptTicket),
    Message(Ticket),
}

impl Inner {
    /// A place on a connection to a member.
    pub(crate) async fn lease(&self, node: &NodeName) -> Result<crate::transport::Lease, Refusal> {
        let members = self.checker.members();
        members.usable(self.clock.now()).map_err(|e| e.of_request())?;
        if !members.is_member(node) {
            let detail = format!("The node {node} is not a member.");
            return Err(Refusal::new(&fault::PEER_UNREACHABLE, detail));
        }
        let endpoints = || members.endpoints(node).unwrap_or_default();
        let known = || Known { endpoints: endpoints(), version: members.version() };
        let lease = self.transport.lease(node, known).await?;
        if !lease.hello().speaks() {
            let detail = format!("The node {node} speaks {:?}; this one 1.", lease.hello().versions);
            return Err(Refusal::new(&fault::PEER_VERSION, detail));
        }
        Ok(lease)
    }

    pub(crate) fn speaker(
        &self,
        agency: &AgencyCode,
        mode: SignatureMode,
        now: Millis,
    ) -> Result<Speaker, Refusal> {
        self.keys.of(agency, mode, now).ok_or_else(|| {
            let detail =
                format!("This node has no valid delegation of {agency} for mode {}.", mode_text(mode));
            Refusal::new(&fault::PEER_AGENCY, detail)
        })
    }

    /// Hands a statement to the log.
    pub(crate) fn append_statement(
        &self,
        statement: &Statement,
        exchange: &ExchangeId,
        mode: SignatureMode,
    ) -> Result<Pending, AppendError> {
        let draft = Draft::of(Some(*exchange), statement.record(exchange));
        Ok(match mode {
            SignatureMode::Group => Pending::Group(self.log.append_with_receipt(draft)?),
            SignatureMode::Message => Pending::Message(self.log.append(draft)?),
        })
    }

    /// Stands by a statement whose record is in the log's queue: waits for it and adds the fields.
    pub(crate) async fn stand_by(
        &self,
        speaker: &Speaker,
        statement: &Statement,
        pending: Pending,
        headers: &mut HeaderMap,
    ) -> Result<(), AppendError> {
        match pending {
            Pending::Group(ticket) => {
                let receipt = ticket.await?;
                let checkpoint = self.checkpoint.of(&receipt.checkpoint);
                speaker.prove(statement, headers, &receipt, checkpoint);
            }
            Pending::Message(ticket) => {
                ticket.await?;
                self.sign(speaker, statement, headers);
            }
        }
        Ok(())
    }

    /// Signs a statement, in `message` mode.
    pub(crate) fn sign(&self, speaker: &Speaker, statement: &Statement, headers: &mut HeaderMap) {
        let checkpoint = self.checkpoint.of(&self.log.checkpoint());
        speaker.sign(statement, headers, checkpoint);
    }

    pub(crate) fn record(&self, received: Received) -> Result<ReceivedTicket, AppendError> {
        let delegation = &received.believed.delegation;
        let first = !delegation.recorded.swap(true, Ordering::AcqRel);
        let credential = if first {
            let record = CredentialRecord {
                at: self.clock.now(),
                kind: "delegation".to_owned(),
                sha256: delegation.keyid.clone(),
                document: base64::Engine::encode(
                    &base64::engine::general_purpose::STANDARD,
                    delegation.text.as_bytes(),
                ),
            };
            let ticket = self.log.append(Draft::credential(record));
            let ticket = ticket.inspect_err(|_| delegation.recorded.store(false, Ordering::Release))?;
            Some((ticket, delegation.clone()))
        } else {
            None
        };
        let entry = self.log.append(Draft::of(Some(received.exchange), received.record()))?;
        Ok(ReceivedTicket { entry, credential })
    }

    /// Reports how far another node's clock is off, when that changes.
    pub(crate) fn meter_clock(believed: &Believed) {
        let (says, difference) = (&believed.delegation.says, believed.clock_difference);
        if believed.delegation.clock_difference.swap(difference, Ordering::Relaxed) != difference {
            metrics::gauge!("lgsp_peer_clock_difference_seconds", "node" => says.node.to_string())
                .set(difference as f64);
        }
    }
}

/// A refusal because the log did not take a record.
pub(crate) fn not_recorded(kind: &'static RefusalKind, why: AppendError) -> Refusal {
    Refusal::new(kind, "The message log did not take the record.").with_internal(why)
}

/// The digest of a whole body, as it is stated.
pub(crate) fn state_whole(headers: &mut HeaderMap, body: &[u8]) {
    headers.insert(&fields::CONTENT_DIGEST, fields::content_digest(&sha256(body).0));
}

#[cfg(test)]
mod tests {
    use super::ReceivedView;
    use lgsp_kernel::record::{Entry, ReceivedRecord};
    use lgsp_kernel::{ExchangeId, Millis};

    #[test]
    fn what_was_received_is_written_as_its_record_is() {
        let exchange = ExchangeId::at(Millis(1_767_000_000_000), [3; 10]);
        for checkpoint in [None, Some("lgsp/b/log/1\n7\nroot\n\n\u{2014} lgsp/b/log sig\n")] {
            let view = ReceivedView {
                exchange: &exchange,
                from: "b",
                agency: "H03",
                mode: "group",
                base: "\"@status\": 200\n\"x\": \\",
                proof: "AAAA",
                checkpoint,
                delegation: "k=",
            };
            let record = ReceivedRecord {
                exchange,
                from: "b".into(),
                agency: "H03".into(),
                mode: "group".into(),
                base: view.base.into(),
                proof: "AAAA".into(),
                checkpoint: checkpoint.map(Into::into),
                delegation: "k=".into(),
            };
            let as_entry = serde_json::to_string(&Entry::Received(Box::new(record))).unwrap_or_default();
            assert_eq!(serde_json::to_string(&view).unwrap_or_default(), as_entry);
        }
    }
}
