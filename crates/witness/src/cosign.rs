//! Cosignatures of version 1 (c2sp.org/tlog-cosignature) with Ed25519: a witness says that, at a time, this was the largest consistent tree it
//! had seen of a log. Not here: when it may say so (`witness`).

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use lgsp_evidence::note::{
    ExternalSigner, NOTE_MAX, NoteError, SIGNATURES_MAX, key_hash, name_is_valid, signature_line, split_note,
};
use std::fmt;
use std::sync::Arc;

/// The type of a key that makes Ed25519 cosignatures, in its hash and its verifier key.
pub const ALG_COSIGNATURE: u8 = 4;
/// Bytes of a cosignature: key hash (4), time (8), Ed25519 (64).
const BLOB: usize = 4 + 8 + 64;

/// The key of a witness. It must serve nothing else: the signed text does not hold its name.
#[derive(Clone)]
pub struct CosignKey {
    name: Arc<str>,
    id: u32,
    public: [u8; 32],
    sign: Arc<ExternalSigner>,
}

impl fmt::Debug for CosignKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CosignKey({})", self.verifier())
    }
}

impl CosignKey {
    /// A key from its 32 secret bytes.
    pub fn from_seed(name: &str, seed: [u8; 32]) -> Result<Self, NoteError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("32 bytes are a seed");
        let public: [u8; 32] = pair.public_key().as_ref().try_into().expect("an Ed25519 key has 32 bytes");
        let sign = move |bytes: &[u8]| {
            pair.sign(bytes).as_ref().try_into().map_err(|_| "an Ed25519 signature".to_owned())
        };
        Self::external(name, public, Arc::new(sign))
    }
    /// A key whose secret part is elsewhere; `sign` makes a pure Ed25519 signature over the bytes.
    pub fn external(name: &str, public: [u8; 32], sign: Arc<ExternalSigner>) -> Result<Self, NoteError> {
        if !name_is_valid(name) {
            return Err(NoteError::Key("the name is empty or holds white space"));
        }
        Ok(Self { name: name.into(), id: key_hash(name, ALG_COSIGNATURE, &public), public, sign })
    }
    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// The C2SP verifier key, `name+hash+base64`.
    pub fn verifier(&self) -> String {
        let mut key = vec![ALG_COSIGNATURE];
        key.extend(self.public);
        format!("{}+{:08x}+{}", self.name, self.id, STANDARD.encode(key))
    }
    /// Cosigns the text of a note at a time (seconds since 1970): a signature line, with its newline.
    pub fn cosign(&self, text: &str, time: u64) -> Result<String, String> {
        let message = message(text, time);
        let signature = (self.sign)(message.as_bytes())?;
        UnparsedPublicKey::new(&ED25519, self.public)
            .verify(message.as_bytes(), &signature)
            .map_err(|_| "its signature does not verify with its public key".to_owned())?;
        let mut blob = self.id.to_be_bytes().to_vec();
        blob.extend(time.to_be_bytes());
        blob.extend(signature);
        Ok(format!("\u{2014} {} {}\n", self.name, STANDARD.encode(blob)))
    }
}

fn message(text: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

/// A cosignature that verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosignature {
    /// The name of the witness.
    pub witness: String,
    /// When it was made, seconds since 1970.
    pub time: u64,
    /// The signature line, without its newline.
    pub line: String,
}

/// The public key of a witness.
#[derive(Clone, PartialEq, Eq)]
pub struct CosignVerifier {
    name: String,
    id: u32,
    public: [u8; 32],
}

impl fmt::Debug for CosignVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CosignVerifier({}+{:08x})", self.name, self.id)
    }
}

impl CosignVerifier {
    /// Reads a C2SP verifier key of type 4. Surrounding white space is ignored.
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
        let key = STANDARD.decode(key).map_err(|_| NoteError::Key("the key is base64"))?;
        let public: [u8; 32] = match key.split_first() {
            Some((&ALG_COSIGNATURE, key)) => {
                key.try_into().map_err(|_| NoteError::Key("an Ed25519 key has 32 bytes"))?
            }
            _ => return Err(NoteError::Key("only Ed25519 cosignatures (type 4) are known")),
        };
        let expected = key_hash(name, ALG_COSIGNATURE, &public);
        if id != format!("{expected:08x}") {
            return Err(NoteError::Key("the hash does not belong to name and key"));
        }
        Ok(Self { name: name.to_owned(), id: expected, public })
    }
    /// The name of the witness.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// The newest cosignature of this witness on a note; none if there is none. One by this key that does not verify is an error.
    pub fn check(&self, note: &str) -> Result<Option<Cosignature>, NoteError> {
        let (text, signatures) = split_note(note)?;
        let mut newest: Option<Cosignature> = None;
        for line in signatures.lines().take(SIGNATURES_MAX) {
            if let Some(found) = self.check_line(text, line)?
                && newest.as_ref().is_none_or(|n| n.time < found.time)
            {
                newest = Some(found);
            }
        }
        Ok(newest)
    }
    fn check_line(&self, text: &str, line: &str) -> Result<Option<Cosignature>, NoteError> {
        let (name, blob) = signature_line(line)?;
        if name != self.name || blob[..4] != self.id.to_be_bytes() {
            return Ok(None);
        }
        let bad = || NoteError::BadSignature(self.name.clone());
        let blob: [u8; BLOB] = blob.try_into().map_err(|_| bad())?;
        let time = u64::from_be_bytes(*blob[4..].first_chunk().expect("the length was checked"));
        if time > i64::MAX as u64 {
            return Err(bad());
        }
        let key = UnparsedPublicKey::new(&ED25519, self.public);
        key.verify(message(text, time).as_bytes(), &blob[12..]).map_err(|_| bad())?;
        Ok(Some(Cosignature { witness: self.name.clone(), time, line: line.to_owned() }))
    }
}

/// The cosignatures on a note by witnesses that are known, the newest of each; those of others are passed over.
pub fn cosignatures(note: &str, witnesses: &[CosignVerifier]) -> Result<Vec<Cosignature>, NoteError> {
    let found: Result<Vec<_>, _> = witnesses.iter().map(|w| w.check(note)).collect();
    Ok(found?.into_iter().flatten().collect())
}

/// The note with these signature lines added, each line once. Lines that would make it too long are left out.
pub fn with_lines<'a>(note: &str, lines: impl IntoIterator<Item = &'a str>) -> Result<String, NoteError> {
    let (_, signatures) = split_note(note)?;
    let mut known: Vec<&str> = signatures.lines().collect();
    let mut out = note.to_owned();
    for line in lines {
        let line = line.trim_end_matches('\n');
        signature_line(line)?;
        let fits = known.len() < SIGNATURES_MAX && out.len() + line.len() < NOTE_MAX;
        if fits && !known.contains(&line) {
            out.push_str(line);
            out.push('\n');
            known.push(line);
        }
    }
    Ok(out)
}
