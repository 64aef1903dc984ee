//! Standing by a statement: the delegations that this node's keys speak with, and the fields that carry signature or proof. Not here: verification (`verify`).

use crate::fields::{self, bytes_item, once, value};
use crate::proof::Proof;
use crate::statement::Statement;
use arc_swap::ArcSwap;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use http::{HeaderMap, HeaderValue};
use lgsp_evidence::hash::sha256;
use lgsp_evidence::{Checkpoint, Receipt};
use lgsp_kernel::model::SignatureMode;
use lgsp_kernel::{AgencyCode, Millis};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// A short-lived Ed25519 key that signs messages.
#[derive(Clone)]
pub struct MessageKey(Arc<Ed25519KeyPair>);

impl fmt::Debug for MessageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessageKey")
    }
}

impl MessageKey {
    /// A key from its 32 secret bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Arc::new(Ed25519KeyPair::from_seed_unchecked(seed).expect("32 bytes are a seed")))
    }
    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().expect("an Ed25519 key has 32 bytes")
    }
    /// The signature of a statement.
    pub fn sign(&self, base: &str) -> [u8; 64] {
        self.sign_bytes(base.as_bytes())
    }
    pub(crate) fn sign_bytes(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(bytes).as_ref().try_into().expect("an Ed25519 signature has 64 bytes")
    }
}

/// A delegation of one of our keys, ready to be sent.
#[derive(Debug, Clone)]
pub struct Voice {
    /// The base64 SHA-256 of the delegation's text.
    pub keyid: String,
    field: HeaderValue,
    not_before: Millis,
    not_after: Millis,
}

impl Voice {
    /// From the delegation's text and its validity.
    pub fn new(text: &str, not_before: Millis, not_after: Millis) -> Self {
        let keyid = sha256(text.as_bytes()).base64();
        Self { keyid, field: value(bytes_item(text.as_bytes())), not_before, not_after }
    }
    /// Whether it holds now.
    pub fn holds(&self, now: Millis) -> bool {
        self.not_before <= now && now < self.not_after
    }
}

/// What this node has to speak for one agency with.
#[derive(Debug, Clone, Default)]
pub struct AgencyVoices {
    /// The delegation of the log's key.
    pub log: Option<Voice>,
    /// A message key and its delegation.
    pub message: Option<(Voice, MessageKey)>,
}

/// What this node can speak with at one moment.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    /// The agency that operates the node: it stands by refusals.
    pub operator: Option<AgencyCode>,
    /// By agency.
    pub agencies: HashMap<AgencyCode, Arc<AgencyVoices>>,
}

/// The keys, exchangeable while the node runs. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct AgencyKeys(Arc<ArcSwap<KeySet>>);

impl AgencyKeys {
    /// With these keys.
    pub fn new(set: KeySet) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(set)))
    }
    /// From now on with these.
    pub fn replace(&self, set: KeySet) {
        self.0.store(Arc::new(set));
    }
    /// The agency that operates the node.
    pub fn operator(&self) -> Option<AgencyCode> {
        self.0.load().operator.clone()
    }
    /// What speaks for the agency now, if anything.
    pub fn of(&self, agency: &AgencyCode, mode: SignatureMode, now: Millis) -> Option<Speaker> {
        let set = self.0.load();
        let voices = set.agencies.get(agency)?;
        let found = match mode {
            SignatureMode::Group => voices.log.as_ref().filter(|v| v.holds(now)).is_some(),
            SignatureMode::Message => voices.message.as_ref().filter(|(v, _)| v.holds(now)).is_some(),
        };
        found.then(|| Speaker { voices: voices.clone(), mode })
    }
}

/// Who stands by a statement, and how.
#[derive(Debug, Clone)]
pub struct Speaker {
    voices: Arc<AgencyVoices>,
    mode: SignatureMode,
}

impl Speaker {
    /// How it stands by what it says.
    pub fn mode(&self) -> SignatureMode {
        self.mode
    }
    fn voice(&self) -> &Voice {
        let voice = match self.mode {
            SignatureMode::Group => self.voices.log.as_ref(),
            SignatureMode::Message => self.voices.message.as_ref().map(|(v, _)| v),
        };
        voice.expect("a speaker is only made of what there is")
    }
    /// The `keyid`.
    pub fn keyid(&self) -> &str {
        &self.voice().keyid
    }
    /// Adds the fields that stand by a statement in `message` mode.
    pub fn sign(&self, statement: &Statement, headers: &mut HeaderMap, checkpoint: HeaderValue) {
        if let Some((_, key)) = &self.voices.message {
            let signature = format!("lgsp={}", bytes_item(&key.sign(&statement.base)));
            headers.insert(&fields::SIGNATURE, once(value(signature)));
        }
        self.common(statement, headers, checkpoint);
    }
    /// Adds the fields that stand by a statement in `group` mode: the record is durable, and this is its receipt.
    pub fn prove(
        &self,
        statement: &Statement,
        headers: &mut HeaderMap,
        receipt: &Receipt,
        checkpoint: HeaderValue,
    ) {
        headers.insert(&fields::PROOF, once(value(Proof::of(receipt).encode())));
        self.common(statement, headers, checkpoint);
    }
    fn common(&self, statement: &Statement, headers: &mut HeaderMap, checkpoint: HeaderValue) {
        let input = HeaderValue::from_str(&statement.input).expect("a statement's input is visible ASCII");
        headers.insert(&fields::SIGNATURE_INPUT, once(input));
        headers.insert(&fields::CHECKPOINT, checkpoint);
        headers.insert(&fields::DELEGATION, self.voice().field.clone());
    }
}

/// The field of the last checkpoint: made once for all messages of a group.
#[derive(Debug, Default)]
pub(crate) struct CheckpointField(Mutex<Option<(Arc<Checkpoint>, HeaderValue)>>);

impl CheckpointField {
    pub(crate) fn of(&self, checkpoint: &Arc<Checkpoint>) -> HeaderValue {
        let mut last = self.0.lock();
        if let Some((known, field)) = &*last
            && Arc::ptr_eq(known, checkpoint)
        {
            return field.clone();
        }
        let field = value(bytes_item(checkpoint.note.as_bytes()));
        *last = Some((checkpoint.clone(), field.clone()));
        field
    }
}
