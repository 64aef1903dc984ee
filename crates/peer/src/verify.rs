//! Whether a message is what its sender stands by: the statement, the delegation, the signature or the path to a checkpoint, the clock. What was verified
//! once (delegations, checkpoints) is remembered, so that a message of a known group only costs hashing. Not here: repetition (`replay`), what the message
//! is for (`open`, `answer`).

use crate::bounds::{DELEGATION_MAX, DELEGATIONS_MAX, NOTE_MAX, NOTES_MAX};
use crate::fields::{self, read_bytes_item, single};
use crate::input::Input;
use crate::known_key::KnownKey;
use crate::members::{CheckpointSink, Delegated, KeyUse, Members};
use crate::proof::Proof;
use crate::statement::{Statement, StatementError, Subject, record};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue};
use lgsp_evidence::hash::sha256;
use lgsp_evidence::note::{key_hash, origin_name};
use lgsp_evidence::{Checkpoint, Verifier};
use lgsp_kernel::model::SignatureMode;
use lgsp_kernel::{AgencyCode, ExchangeId, Millis, NodeName, Refusal, RefusalKind, fault};
use parking_lot::{Mutex, RwLock};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

/// The type of Ed25519 keys in C2SP verifier keys.
const ED25519_TYPE: u8 = 1;

/// Why a message is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// Its statement.
    #[error("{0}")]
    Statement(#[from] StatementError),
    /// A field of the protocol is absent or cannot be read.
    #[error("{0} is absent or not of its form")]
    Field(&'static str),
    /// Signature, proof or checkpoint.
    #[error("{0}")]
    Proof(&'static str),
    /// The delegation.
    #[error("the delegation: {0}")]
    Delegation(String),
    /// A certificate, a node or an agency was revoked.
    #[error("revoked: {0}")]
    Revoked(String),
    /// Not a member.
    #[error("{0} is not a member")]
    Unknown(String),
    /// The clocks differ by too much, seconds: ours minus theirs.
    #[error("the message's time differs from this node's by {0} s")]
    Clock(i64),
    /// The body.
    #[error("the content is not the one whose digest was stated")]
    Digest,
    /// What is known of the members is too old.
    #[error("the directory is too old to decide on")]
    DirectoryStale,
}

impl Unproven {
    fn kind(&self) -> &'static RefusalKind {
        match self {
            Self::Statement(_) | Self::Field(_) | Self::Proof(_) => &fault::PEER_SIGNATURE,
            Self::Delegation(_) => &fault::PEER_AGENCY,
            Self::Revoked(_) => &fault::PEER_REVOKED,
            Self::Unknown(_) => &fault::PEER_UNKNOWN,
            Self::Clock(_) => &fault::PEER_CLOCK,
            Self::Digest => &fault::PEER_BODY,
            Self::DirectoryStale => &fault::DIRECTORY_STALE,
        }
    }
    /// What the sender of a request is told.
    pub fn of_request(&self) -> Refusal {
        Refusal::new(self.kind(), sentence(self))
    }
    /// What the consumer is told of an answer.
    pub fn of_answer(&self) -> Refusal {
        Refusal::new(&fault::ANSWER_UNPROVEN, sentence(self))
    }
}

fn sentence(why: &Unproven) -> String {
    format!("The check that failed: {why}.")
}

/// A delegation that was verified, with its key made ready.
#[derive(Debug)]
pub struct KnownDelegation {
    /// What it says.
    pub says: Delegated,
    /// The base64 SHA-256 of its text.
    pub keyid: String,
    /// Its text.
    pub text: String,
    key: KnownKey,
    log: Option<Arc<LogView>>,
    /// The state of the directory that it was last verified against.
    version: AtomicU64,
    /// Whether it is in our log.
    pub(crate) recorded: AtomicBool,
    /// Our clock minus the sender's, seconds, as it was last reported.
    pub(crate) clock_difference: AtomicI64,
}

/// The checkpoints of another log that were verified.
#[derive(Debug)]
struct LogView {
    verifier: Verifier,
    notes: Mutex<VecDeque<(HeaderValue, Arc<Checkpoint>)>>,
}

/// The log that a state of the directory lists for a node, if it lists one.
#[derive(Debug)]
struct Listed {
    version: u64,
    log: Option<Arc<LogView>>,
}

/// Who must have sent a message, how, and when.
#[derive(Debug)]
pub struct Expected<'a> {
    /// The node in `lgsp-from`.
    pub node: &'a NodeName,
    /// The agency in `lgsp-from`.
    pub agency: &'a AgencyCode,
    /// The exchange.
    pub exchange: &'a ExchangeId,
    /// The mode that it must have; none: either.
    pub mode: Option<SignatureMode>,
    /// How far its time may be from ours, seconds.
    pub skew_max: i64,
}

/// A message that is believed.
#[derive(Debug, Clone)]
pub struct Believed {
    /// What it states.
    pub statement: Statement,
    /// When it was made, by the sender's clock, seconds since 1970.
    pub created: i64,
    /// How the sender stands by it.
    pub mode: SignatureMode,
    /// By whose leave.
    pub delegation: Arc<KnownDelegation>,
    /// `message`: the signature; `group`: index, salt and path. Base64.
    pub proof: String,
    /// The sender's checkpoint.
    pub checkpoint: Option<Arc<Checkpoint>>,
    /// Our clock minus the sender's, seconds.
    pub clock_difference: i64,
    /// The covered fields: nothing else of the message may be read.
    pub fields: HeaderMap,
}

/// Checks messages. One for the process.
pub struct Checker {
    members: Arc<dyn Members>,
    sink: Arc<dyn CheckpointSink>,
    delegations: RwLock<HashMap<String, Arc<KnownDelegation>>>,
    /// By verifier key.
    logs: RwLock<HashMap<String, Arc<LogView>>>,
    /// The logs' keys as the directory, in this state, lists them.
    listed: RwLock<HashMap<NodeName, Listed>>,
}

impl std::fmt::Debug for Checker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Checker({} delegations)", self.delegations.read().len())
    }
}

impl Checker {
    /// With what is known of the members, and who learns of checkpoints.
    pub fn new(members: Arc<dyn Members>, sink: Arc<dyn CheckpointSink>) -> Self {
        Self {
            members,
            sink,
            delegations: RwLock::default(),
            logs: RwLock::default(),
            listed: RwLock::default(),
        }
    }
    /// What is known of the members.
    pub fn members(&self) -> &Arc<dyn Members> {
        &self.members
    }

    /// Checks a head, or trailers, all but the body's digest.
    pub fn check(
        &self,
        subject: Subject<'_>,
        headers: &HeaderMap,
        expected: &Expected<'_>,
        now: Millis,
    ) -> Result<Believed, Unproven> {
        self.members.usable(now)?;
        let carrier = match subject {
            Subject::Trailers(trailers) => trailers,
            _ => headers,
        };
        let text = single(carrier, &fields::SIGNATURE_INPUT).ok_or(Unproven::Field("signature-input"))?;
        let (statement, input) = Statement::of_received(subject, headers, text)?;
        let clock_difference = clock(&input, expected.skew_max, now)?;
        let delegation = self.delegation(&input, headers, now)?;
        speaks_for(&delegation.says, expected, input.created, now)?;
        let (mode, proof, checkpoint) =
            self.stands_by(&delegation, &statement, input.alg, carrier, headers, expected)?;
        let (created, fields) = (input.created, covered_fields(&input, headers));
        Ok(Believed { statement, created, mode, delegation, proof, checkpoint, clock_difference, fields })
    }

    fn stands_by(
        &self,
        delegation: &KnownDelegation,
        statement: &Statement,
        alg: bool,
        carrier: &HeaderMap,
        headers: &HeaderMap,
        expected: &Expected<'_>,
    ) -> Result<(SignatureMode, String, Option<Arc<Checkpoint>>), Unproven> {
        let signed = carrier.contains_key(&fields::SIGNATURE);
        let mode = match (signed, carrier.contains_key(&fields::PROOF)) {
            (true, false) => SignatureMode::Message,
            (false, true) => SignatureMode::Group,
            _ => return Err(Unproven::Proof("the message has either signature or lgsp-proof")),
        };
        if expected.mode.is_some_and(|m| m != mode) {
            return Err(Unproven::Proof("the mode is not the request's"));
        }
        match mode {
            SignatureMode::Message => {
                let text = single(carrier, &fields::SIGNATURE).and_then(|t| t.strip_prefix("lgsp="));
                let signature = text.and_then(|t| read_bytes_item(t, 64));
                let signature = signature.and_then(|s| <[u8; 64]>::try_from(s).ok());
                let signature = signature.ok_or(Unproven::Field("signature"))?;
                let fits = delegation.says.key_use == KeyUse::Message;
                let holds = fits && delegation.key.verify(statement.base.as_bytes(), &signature);
                if !holds {
                    return Err(Unproven::Proof("the signature does not hold"));
                }
                let checkpoint = self.passing_checkpoint(expected.node, headers)?;
                Ok((mode, STANDARD.encode(signature), checkpoint))
            }
            SignatureMode::Group => {
                if alg {
                    return Err(Unproven::Proof("alg has no place in group mode"));
                }
                let text = single(carrier, &fields::PROOF).ok_or(Unproven::Field("lgsp-proof"))?;
                let proof = Proof::decode(text).ok_or(Unproven::Field("lgsp-proof"))?;
                let log = delegation.log.as_ref();
                let log = log.ok_or(Unproven::Proof("the key of the delegation is not a log's"))?;
                let checkpoint = self.checkpoint(expected.node, log, carrier)?;
                let root = proof.root(&record(expected.exchange, &statement.base), checkpoint.size);
                if root != Some(checkpoint.root) {
                    return Err(Unproven::Proof("the path does not lead to the checkpoint"));
                }
                Ok((mode, text.trim_matches(':').to_owned(), Some(checkpoint)))
            }
        }
    }

    /// The delegation that `keyid` names: remembered, or from its field.
    fn delegation(
        &self,
        input: &Input<'_>,
        headers: &HeaderMap,
        now: Millis,
    ) -> Result<Arc<KnownDelegation>, Unproven> {
        let version = self.members.version();
        let known = self.delegations.read().get(input.keyid).cloned();
        if let Some(known) = known {
            if known.version.load(Ordering::Acquire) == version {
                return Ok(known);
            }
            // Same text, so it says the same; whether it may still be believed is asked anew.
            self.members.delegation(&known.text, now)?;
            known.version.store(version, Ordering::Release);
            return Ok(known);
        }
        let field = single(headers, &fields::DELEGATION).ok_or(Unproven::Field("lgsp-delegation"))?;
        let text = read_bytes_item(field, DELEGATION_MAX).and_then(|b| String::from_utf8(b).ok());
        let text = text.ok_or(Unproven::Field("lgsp-delegation"))?;
        let keyid = sha256(text.as_bytes()).base64();
        if keyid != input.keyid {
            return Err(Unproven::Delegation("keyid is not its digest".to_owned()));
        }
        let says = self.members.delegation(&text, now)?;
        let known = Arc::new(self.ready(says, keyid, text, version)?);
        let mut all = self.delegations.write();
        if all.len() >= DELEGATIONS_MAX {
            all.retain(|_, d| d.says.not_after > now);
        }
        if all.len() >= DELEGATIONS_MAX {
            let any = all.keys().next().cloned();
            any.map(|k| all.remove(&k));
        }
        Ok(all.entry(known.keyid.clone()).or_insert(known).clone())
    }

    fn ready(
        &self,
        says: Delegated,
        keyid: String,
        text: String,
        version: u64,
    ) -> Result<KnownDelegation, Unproven> {
        let key = KnownKey::new(says.key)
            .ok_or_else(|| Unproven::Delegation("its key is not an Ed25519 key".to_owned()))?;
        let log = match says.key_use {
            KeyUse::Log => {
                let view = self.log_view(&vkey(&says.node, &says.key));
                Some(view.ok_or(Unproven::Proof("the log's key cannot be used"))?)
            }
            KeyUse::Message => None,
        };
        let (version, recorded) = (AtomicU64::new(version), AtomicBool::new(false));
        let clock_difference = AtomicI64::new(i64::MIN);
        Ok(KnownDelegation { says, keyid, text, key, log, version, recorded, clock_difference })
    }

    /// What is remembered of the log with this key.
    fn log_view(&self, vkey: &str) -> Option<Arc<LogView>> {
        if let Some(view) = self.logs.read().get(vkey) {
            return Some(view.clone());
        }
        let verifier = Verifier::parse(vkey).ok()?;
        let mut logs = self.logs.write();
        if logs.len() >= DELEGATIONS_MAX {
            logs.clear();
        }
        let view = || Arc::new(LogView { verifier, notes: Mutex::default() });
        Some(logs.entry(vkey.to_owned()).or_insert_with(view).clone())
    }

    /// The log that the directory lists for a node.
    fn listed_log(&self, node: &NodeName) -> Option<Arc<LogView>> {
        let version = self.members.version();
        if let Some(listed) = self.listed.read().get(node)
            && listed.version == version
        {
            return listed.log.clone();
        }
        let view = self.members.log_key(node).and_then(|key| self.log_view(&key));
        let mut listed = self.listed.write();
        if listed.len() >= DELEGATIONS_MAX {
            listed.clear();
        }
        listed.insert(node.clone(), Listed { version, log: view.clone() });
        view
    }

    /// The checkpoint that comes with a signed message: not what is relied on, so its absence is no fault, but a false one is.
    fn passing_checkpoint(
        &self,
        node: &NodeName,
        headers: &HeaderMap,
    ) -> Result<Option<Arc<Checkpoint>>, Unproven> {
        if !headers.contains_key(&fields::CHECKPOINT) {
            return Ok(None);
        }
        let Some(view) = self.listed_log(node) else { return Ok(None) };
        self.checkpoint(node, &view, headers).map(Some)
    }

    /// The checkpoint in its field, verified now or before.
    fn checkpoint(
        &self,
        node: &NodeName,
        log: &LogView,
        carrier: &HeaderMap,
    ) -> Result<Arc<Checkpoint>, Unproven> {
        let field = carrier.get(&fields::CHECKPOINT).ok_or(Unproven::Field("lgsp-checkpoint"))?;
        let text = single(carrier, &fields::CHECKPOINT).ok_or(Unproven::Field("lgsp-checkpoint"))?;
        let known = log.notes.lock().iter().find(|(f, _)| f == field).map(|(_, c)| c.clone());
        if let Some(known) = known {
            return Ok(known);
        }
        let note = read_bytes_item(text, NOTE_MAX).and_then(|b| String::from_utf8(b).ok());
        let note = note.ok_or(Unproven::Field("lgsp-checkpoint"))?;
        let checked = log.verifier.check(&note);
        let checkpoint =
            checked.map_err(|_| Unproven::Proof("the checkpoint is not signed by the sender's log"))?;
        if checkpoint.epoch().is_none() {
            return Err(Unproven::Proof("the checkpoint's origin names no epoch"));
        }
        let checkpoint = Arc::new(checkpoint);
        let mut notes = log.notes.lock();
        notes.push_front((field.clone(), checkpoint.clone()));
        notes.truncate(NOTES_MAX);
        drop(notes);
        self.sink.seen(node, &checkpoint);
        Ok(checkpoint)
    }

    /// Checks and remembers a node's checkpoint that came otherwise, such as in `hello`.
    pub fn note(&self, node: &NodeName, note: &str) -> Result<Option<Arc<Checkpoint>>, Unproven> {
        let mut headers = HeaderMap::new();
        headers.insert(&fields::CHECKPOINT, fields::value(fields::bytes_item(note.as_bytes())));
        self.passing_checkpoint(node, &headers)
    }
}

fn covered_fields(input: &Input<'_>, headers: &HeaderMap) -> HeaderMap {
    let mut fields = HeaderMap::with_capacity(input.components.len());
    for (name, line) in headers {
        if input.components.iter().any(|c| c.name == name.as_str() && !c.tr) {
            fields.append(name.clone(), line.clone());
        }
    }
    fields
}

fn clock(input: &Input<'_>, skew_max: i64, now: Millis) -> Result<i64, Unproven> {
    let difference = now.seconds() - input.created;
    if difference.abs() > skew_max {
        return Err(Unproven::Clock(difference));
    }
    if input.expires.is_some_and(|e| e + skew_max < now.seconds()) {
        return Err(Unproven::Proof("the statement has expired"));
    }
    Ok(difference)
}

fn speaks_for(says: &Delegated, expected: &Expected<'_>, created: i64, now: Millis) -> Result<(), Unproven> {
    let refuse = |why: &str| Err(Unproven::Delegation(why.to_owned()));
    if says.agency != *expected.agency {
        return refuse("it is of another agency");
    }
    if says.node != *expected.node {
        return refuse("it is for another node");
    }
    let made = Millis(created.saturating_mul(1000));
    // The sender's clock may be off; what it says of itself must fit its own delegation, and now by ours, within what clocks may differ.
    let slack = expected.skew_max;
    if made.plus_seconds(1) <= says.not_before || made >= says.not_after {
        return refuse("the message was not made within its validity");
    }
    if now.plus_seconds(slack) < says.not_before || now >= says.not_after.plus_seconds(slack) {
        return refuse("it is not valid now");
    }
    Ok(())
}

/// A log's key under the name that all its checkpoints have.
fn vkey(node: &NodeName, key: &[u8; 32]) -> String {
    let name = origin_name(node.as_str());
    let hash = key_hash(&name, ED25519_TYPE, key);
    let mut typed = vec![ED25519_TYPE];
    typed.extend(key);
    format!("{name}+{hash:08x}+{}", STANDARD.encode(typed))
}
