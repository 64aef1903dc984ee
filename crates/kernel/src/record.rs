//! What an entry of the message log says: the JSON text whose salted commitment is in the tree. The log itself (`lgsp-evidence`)
//! treats it as bytes. Fields are only ever added; a reader ignores those it does not know. See `docs/protocol/message-log.md`.

use crate::{Blame, ExchangeId, Millis, Step};
use serde::{Deserialize, Serialize};

/// An entry of the message log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Entry {
    /// Something of an exchange.
    Exchange(Box<ExchangeRecord>),
    /// The first entry of an epoch.
    Epoch(EpochRecord),
    /// The state of the audit trail at this moment.
    AuditAnchor(AuditAnchor),
    /// Content was erased by retention.
    Erasure(ErasureRecord),
    /// A message that this node sent to a peer: what it stands by.
    Statement(StatementRecord),
    /// A message of a peer, with what proves it.
    Received(Box<ReceivedRecord>),
    /// A document that later proofs need: a delegation or a certificate, the first time it was relied on.
    Credential(CredentialRecord),
}

/// A message that this node sent: its signature base (RFC 9421, section 2.5), whole. In `group` mode this very entry, with its salt and its
/// path to a signed checkpoint, is the signature, so its text must be reproducible: `docs/protocol/peer.md`, "Statements".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementRecord {
    /// The exchange.
    pub exchange: ExchangeId,
    /// The signature base.
    pub base: String,
}

/// A message received from a peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedRecord {
    /// The exchange.
    pub exchange: ExchangeId,
    /// The node that stands by the message.
    pub from: String,
    /// Its agency, as certified.
    pub agency: String,
    /// `message` or `group`.
    pub mode: String,
    /// The signature base.
    pub base: String,
    /// `message`: the signature, base64. `group`: index, salt and path as in the header `lgsp-proof`.
    pub proof: String,
    /// The sender's signed checkpoint that came with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
    /// SHA-256, base64, of the delegation that lets the key speak for the agency (a `Credential` entry holds it).
    pub delegation: String,
}

/// A document that proofs rely on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialRecord {
    /// When it was first relied on.
    pub at: Millis,
    /// `delegation`, `certificate`.
    pub kind: String,
    /// SHA-256 of the document, base64.
    pub sha256: String,
    /// The document: base64.
    pub document: String,
}

/// Which part of an exchange a record covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The request, before it was forwarded.
    Request,
    /// The answer, before it was given; also how a request without an answer ended.
    Answer,
    /// Both in one: a read, or a refusal.
    Whole,
    /// Head of an answer (or of a request) whose body streams; `Answer` or `Whole` closes it.
    Opening,
}

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Not ended yet (`Request`, `Opening`).
    Pending,
    /// The provider's answer was given to the consumer.
    Answered,
    /// The platform refused; nothing was forwarded.
    Refused,
    /// Forwarding failed, and the provider cannot have acted.
    Failed,
    /// Forwarding failed after the provider may have acted.
    Unknown,
    /// The consumer went away before it had its answer.
    ConsumerGone,
    /// A streamed body broke off.
    Incomplete,
}

/// One message, at one moment. Digests are SHA-256, base64 (standard alphabet, padded) as in RFC 9530.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageDigest {
    /// Of the head in the form of `docs/protocol/message-log.md`, credentials left out.
    pub head: String,
    /// Of the body; absent where the service's evidence is off or the body is not complete yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Length of the body, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// One leg of one message: as it came and as it went on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// As received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<MessageDigest>,
    /// As sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<MessageDigest>,
}

/// What one step decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepDecision {
    /// The step.
    pub step: Step,
    /// Whether it let the call pass.
    pub ok: bool,
    /// On what ground: the credential, the route, the grant, the remaining quota.
    pub why: String,
}

/// Who called, as far as it was known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallerRecord {
    /// The system.
    pub system: String,
    /// Its agency's code.
    pub agency: String,
    /// The credential.
    pub credential: String,
    /// How it was shown: `token`, `api_key`, `certificate`, `access_token_header`.
    pub how: String,
    /// The address it called from.
    pub source: String,
}

/// What the caller stated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stated {
    /// The officer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub officer: Option<String>,
    /// The purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// The dossier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dossier: Option<String>,
}

/// A refusal in a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalRecord {
    /// [`crate::RefusalKind::code`].
    pub code: String,
    /// The step that refused.
    pub step: Step,
    /// Whose fault.
    pub blame: Blame,
    /// The public detail.
    pub detail: String,
}

/// A record of an exchange, or of a part of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeRecord {
    /// The exchange.
    pub id: ExchangeId,
    /// Which part.
    pub part: Part,
    /// When this record was made.
    pub at: Millis,
    /// `rest`, `soap11`, `soap12`, or `peer` for a message of another node.
    pub edge: String,
    /// Who called. In `Answer` records only the fields that `Request` did not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<CallerRecord>,
    /// `service`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The operation's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The grant that allowed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// The method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The request target as received, credentials in its query masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What the caller stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated: Option<Stated>,
    /// The idempotency key that the caller named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// The request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Leg>,
    /// The answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Leg>,
    /// The status given to the consumer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Which of the provider's targets answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Which way between platforms the exchange took, and what that way can prove.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leg: Option<LegRecord>,
    /// What the consumer was not permitted to see, and the answer as it was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked: Option<MaskedRecord>,
    /// How it ended.
    pub outcome: Outcome,
    /// The refusal, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RefusalRecord>,
    /// What each step decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepDecision>,
    /// Milliseconds from the request's head to this record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// W3C trace id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// The way an exchange took between platforms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegRecord {
    /// `peer`, `xroad`, `direct`; at the provider's side `peer`; at a relay `relay`.
    pub kind: String,
    /// Its number in the version's routes, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u8>,
    /// The node at the other end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The node that relays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// `message` or `group`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// What it can prove: `countersigned` (both ends signed) or `ours` (this node's record alone).
    pub proves: String,
}

/// Fields that were taken out of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskedRecord {
    /// The rules of the grant that met something.
    pub rules: Vec<String>,
    /// How many values were taken out.
    pub values: u64,
    /// The body as the provider gave it.
    pub before: MessageDigest,
}

/// The first entry of an epoch: which node, and what came before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// When.
    pub at: Millis,
    /// The log's origin, as in its checkpoints.
    pub origin: String,
    /// The number of the epoch, from 1.
    pub epoch: u32,
    /// Why it was opened: `first`, `restored`.
    pub cause: String,
    /// The last checkpoint known of the epoch before, as its signed note; none for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
}

/// The head of the audit trail, put in the log so that the trail cannot be cut or rewritten unseen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditAnchor {
    /// When.
    pub at: Millis,
    /// Sequence number of the last row.
    pub seq: i64,
    /// Hash of the last row, hexadecimal.
    pub hash: String,
}

/// What retention erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureRecord {
    /// When.
    pub at: Millis,
    /// The epoch of the range, where it is another than the one this entry is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u32>,
    /// First and last index of the range that was gone through.
    pub range: (u64, u64),
    /// Records whose content was erased.
    pub records: u64,
    /// Bodies that were erased.
    pub bodies: u64,
    /// The rule: `body older than 30 days`, ...
    pub rule: String,
}
