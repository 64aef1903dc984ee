//! Signed notes (c2sp.org/signed-note) with Ed25519 and the checkpoints they carry (c2sp.org/tlog-checkpoint).
//! Not here: cosignatures of witnesses; a note may carry them, and they are passed over.

use crate::hash::{Hash, sha256};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::fmt;
use std::sync::Arc;

/// The longest note that is read, bytes: a checkpoint with some dozens of cosignatures.
pub const NOTE_MAX: usize = 16 << 10;
/// The most signature lines that are looked at.
pub const SIGNATURES_MAX: usize = 64;
const ALG_ED25519: u8 = 1;

/// Why a note, a checkpoint or a key was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not a signed note.
    #[error("not a signed note: {0}")]
    Note(&'static str),
    /// Its text is no checkpoint.
    #[error("not a checkpoint: {0}")]
    Checkpoint(&'static str),
    /// No signature by the key.
    #[error("the note carries no signature of {0}")]
    Unsigned(String),
    /// A signature by the key that does not verify.
    #[error("the signature of {0} does not verify")]
    BadSignature(String),
    /// Not a verifier key of the form `name+hash+key`.
    #[error("not a verifier key (name+hash+base64 key): {0}")]
    Key(&'static str),
}

fn key_id(name: &str, public: &[u8]) -> u32 {
    key_hash(name, ALG_ED25519, public)
}

/// The hash of a key in its signatures and its verifier key: of its name, its type and its public bytes.
pub fn key_hash(name: &str, algorithm: u8, public: &[u8]) -> u32 {
    let mut input = name.as_bytes().to_vec();
    input.extend([b'\n', algorithm]);
    input.extend(public);
    let h = sha256(&input).0;
    u32::from_be_bytes([h[0], h[1], h[2], h[3]])
}

/// Whether a key may have this name.
pub fn name_is_valid(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 256
        && !name.chars().any(|c| c.is_whitespace() || c == '+' || c.is_control())
}

/// The key that signs a log's checkpoints.
#[derive(Clone)]
pub struct LogKey {
    name: Arc<str>,
    id: u32,
    public: [u8; 32],
    signer: Signer,
}

/// Signs bytes with a key that is elsewhere, such as on a token.
pub type ExternalSigner = dyn Fn(&[u8]) -> Result<[u8; 64], String> + Send + Sync;

#[derive(Clone)]
enum Signer {
    Here(Arc<Ed25519KeyPair>),
    Elsewhere(Arc<ExternalSigner>),
}

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogKey({})", self.verifier())
    }
}

impl LogKey {
    /// A key from its 32 secret bytes. The name is what all origins of the log begin with: `lgsp/<node>/log`.
    pub fn from_seed(origin_name: &str, seed: [u8; 32]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("32 bytes are a seed");
        let public: [u8; 32] = pair.public_key().as_ref().try_into().expect("an Ed25519 key has 32 bytes");
        let id = key_id(origin_name, &public);
        Self { name: origin_name.into(), id, public, signer: Signer::Here(Arc::new(pair)) }
    }
    /// A key whose secret part is elsewhere: `sign` makes a pure Ed25519 signature over the bytes. It is called on the log's own thread, once
    /// a group: a slow one makes larger groups. It must come to an end by itself; an error refuses the group.
    pub fn external(origin_name: &str, public: [u8; 32], sign: Arc<ExternalSigner>) -> Self {
        let id = key_id(origin_name, &public);
        Self { name: origin_name.into(), id, public, signer: Signer::Elsewhere(sign) }
    }
    /// The key of a node, named as its log's origins begin.
    pub fn for_node(node_name: &str, seed: [u8; 32]) -> Self {
        Self::from_seed(&origin_name(node_name), seed)
    }
    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// The C2SP verifier key, `name+hash+base64`: what others need to check.
    pub fn verifier(&self) -> String {
        let mut key = vec![ALG_ED25519];
        key.extend(self.public);
        format!("{}+{:08x}+{}", self.name, self.id, STANDARD.encode(key))
    }
    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        self.public
    }
    /// Signs a checkpoint.
    pub fn sign(&self, origin: &str, size: u64, root: Hash) -> Result<Checkpoint, String> {
        let text = format!("{origin}\n{size}\n{root}\n");
        let mut signature = self.id.to_be_bytes().to_vec();
        match &self.signer {
            Signer::Here(pair) => signature.extend(pair.sign(text.as_bytes()).as_ref()),
            Signer::Elsewhere(sign) => {
                let made = sign(text.as_bytes())?;
                // A log that holds a wrong signature cannot be opened again.
                UnparsedPublicKey::new(&ED25519, self.public)
                    .verify(text.as_bytes(), &made)
                    .map_err(|_| "its signature does not verify with its public key".to_owned())?;
                signature.extend(made);
            }
        }
        let note = format!("{text}\n\u{2014} {} {}\n", self.name, STANDARD.encode(signature));
        Ok(Checkpoint { origin: origin.to_owned(), size, root, note })
    }
}

/// `lgsp/<node>/log`: the name of a node's log key, and what its origins begin with.
pub fn origin_name(node_name: &str) -> String {
    format!("lgsp/{node_name}/log")
}

/// The public key that checks a log's checkpoints.
#[derive(Clone)]
pub struct Verifier {
    name: String,
    id: u32,
    public: [u8; 32],
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({}+{:08x})", self.name, self.id)
    }
}

impl Verifier {
    /// Reads a C2SP verifier key. Surrounding white space is ignored.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let text = text.trim();
        if text.len() > 1024 {
            return Err(NoteError::Key("too long"));
        }
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key("three parts are separated by '+'"));
        };
        if !name_is_valid(name) {
            return Err(NoteError::Key("the name is empty or holds white space"));
        }
        if id.len() != 8 || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NoteError::Key("the hash has eight hexadecimal digits"));
        }
        let id = u32::from_str_radix(id, 16).map_err(|_| NoteError::Key("the hash is hexadecimal"))?;
        let key = STANDARD.decode(key).map_err(|_| NoteError::Key("the key is base64"))?;
        let public: [u8; 32] = match key.split_first() {
            Some((&ALG_ED25519, key)) => {
                key.try_into().map_err(|_| NoteError::Key("an Ed25519 key has 32 bytes"))?
            }
            _ => return Err(NoteError::Key("only Ed25519 (type 1) is known")),
        };
        if id != key_id(name, &public) {
            return Err(NoteError::Key("the hash does not belong to name and key"));
        }
        Ok(Self { name: name.to_owned(), id, public })
    }
    /// The name of the key: what all origins of its log begin with.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Checks a note and reads the checkpoint in it.
    pub fn check(&self, note: &str) -> Result<Checkpoint, NoteError> {
        let (text, signatures) = split_note(note)?;
        let mut found = false;
        for line in signatures.lines().take(SIGNATURES_MAX) {
            let (name, blob) = signature_line(line)?;
            if name != self.name || blob[..4] != self.id.to_be_bytes() {
                continue;
            }
            let key = UnparsedPublicKey::new(&ED25519, self.public);
            key.verify(text.as_bytes(), &blob[4..])
                .map_err(|_| NoteError::BadSignature(self.name.clone()))?;
            found = true;
        }
        if !found {
            return Err(NoteError::Unsigned(self.name.clone()));
        }
        let checkpoint = read_text(text, note)?;
        let under = checkpoint.origin.strip_prefix(&self.name).and_then(|rest| rest.strip_prefix('/'));
        if under.is_none() {
            return Err(NoteError::Checkpoint("its origin does not begin with the name of the key"));
        }
        Ok(checkpoint)
    }
}

/// A signed head of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: `lgsp/<node>/log/<epoch>`.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// Root of the tree of that size.
    pub root: Hash,
    /// The signed note, as text.
    pub note: String,
}

impl Checkpoint {
    /// Reads a checkpoint WITHOUT checking any signature: to learn which log it speaks of.
    pub fn read_unchecked(note: &str) -> Result<Self, NoteError> {
        let (text, _) = split_note(note)?;
        read_text(text, note)
    }
    /// The epoch in the origin.
    pub fn epoch(&self) -> Option<u32> {
        self.origin.rsplit_once('/').and_then(|(_, n)| n.parse().ok())
    }
}

/// The two parts of a signed note: the text with its last newline, and the lines of signatures.
pub fn split_note(note: &str) -> Result<(&str, &str), NoteError> {
    if note.len() > NOTE_MAX {
        return Err(NoteError::Note("too long"));
    }
    if note.bytes().any(|b| b < 0x20 && b != b'\n') {
        return Err(NoteError::Note("control characters"));
    }
    let at = note.rfind("\n\n").ok_or(NoteError::Note("no empty line before the signatures"))?;
    let (text, signatures) = (&note[..=at], &note[at + 2..]);
    if signatures.is_empty() || !signatures.ends_with('\n') {
        return Err(NoteError::Note("no signature line, or the last one does not end"));
    }
    Ok((text, signatures))
}

/// A line of a signature: the name of the key, and the bytes, at least five, that begin with the key's hash (4).
pub fn signature_line(line: &str) -> Result<(&str, Vec<u8>), NoteError> {
    let bad = NoteError::Note("a line after the text is no signature");
    let rest = line.strip_prefix("\u{2014} ").ok_or_else(|| bad.clone())?;
    let (name, blob) = rest.split_once(' ').ok_or_else(|| bad.clone())?;
    let blob = STANDARD.decode(blob).map_err(|_| bad.clone())?;
    if !name_is_valid(name) || blob.len() < 5 {
        return Err(bad);
    }
    Ok((name, blob))
}

fn read_text(text: &str, note: &str) -> Result<Checkpoint, NoteError> {
    let mut lines = text.split_terminator('\n');
    let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
        return Err(NoteError::Checkpoint("it has three lines: origin, size, root"));
    };
    if origin.is_empty() {
        return Err(NoteError::Checkpoint("the origin is empty"));
    }
    if size.is_empty()
        || !size.bytes().all(|b| b.is_ascii_digit())
        || (size.len() > 1 && size.starts_with('0'))
    {
        return Err(NoteError::Checkpoint("the size is a decimal number without leading zeroes"));
    }
    let size = size.parse().map_err(|_| NoteError::Checkpoint("the size is too large"))?;
    let root = Hash::from_base64(root).ok_or(NoteError::Checkpoint("the root is 32 bytes in base64"))?;
    if lines.any(str::is_empty) {
        return Err(NoteError::Checkpoint("an extension line is empty"));
    }
    Ok(Checkpoint { origin: origin.to_owned(), size, root, note: note.to_owned() })
}
