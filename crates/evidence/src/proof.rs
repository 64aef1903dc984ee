//! Proof files: everything that shows to someone who has only the node's public key that the records of an exchange are in the
//! log. Made from the archive, checked without it. The format is in `docs/protocol/message-log.md`, "Proof files".

use crate::archive::{Archive, ArchiveError, FOUND_MAX, Found};
use crate::draft::{Position, document_id};
use crate::frame::BodyRole;
use crate::hash::{self, ENTRY_LEN, Hash, SALT_LEN};
use crate::note::{Checkpoint, NoteError, Verifier};
use crate::tree::{PATH_MAX, root_from_path};
use crate::verify::covers;
use base64::{Engine, engine::general_purpose::STANDARD};
use lgsp_kernel::ExchangeId;
use lgsp_kernel::record::Entry;
use serde::{Deserialize, Serialize};

/// The `format` field of a proof file.
pub const FORMAT: &str = "lgsp-exchange-proof";
/// The `version` field of a proof file.
pub const VERSION: u32 = 1;
/// The largest proof file that is read, bytes.
pub const PROOF_MAX: usize = 32 << 20;
/// The most entries of a proof file: those of an exchange, and the documents that they rely on.
pub const PROOF_ENTRIES_MAX: usize = FOUND_MAX + DOCUMENTS_MAX;
/// The most documents that are sought for one proof: a delegation for each message of each party, and renewals between.
const DOCUMENTS_MAX: usize = 16;

/// A proof file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofFile {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// The exchange.
    pub exchange: ExchangeId,
    /// The checkpoints, signed notes, that paths lead to.
    pub checkpoints: Vec<String>,
    /// The entries, oldest first.
    pub entries: Vec<ProofEntry>,
}

/// An entry in a proof file. Bytes are standard base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofEntry {
    /// The epoch.
    pub epoch: u32,
    /// The index in its tree.
    pub index: u64,
    /// The entry of the tree.
    pub entry: String,
    /// The record, exactly as it was committed to; absent if it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// The salt; absent if it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// Which of the checkpoints the path leads to.
    pub checkpoint: usize,
    /// RFC 6962 inclusion path, the leaf's sibling first.
    pub path: Vec<String>,
    /// Kept bodies, where they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bodies: Vec<ProofBody>,
}

/// A kept body in a proof file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofBody {
    /// Which message it is of.
    pub role: BodyRole,
    /// The bytes.
    pub bytes: String,
}

impl ProofFile {
    /// As JSON for a file.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("texts and numbers");
        json.push(b'\n');
        json
    }
}

/// Why a file proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// Larger than [`PROOF_MAX`], or more entries or longer paths than any proof has.
    #[error("the file is larger than a proof can be: {0}")]
    TooLarge(&'static str),
    /// Not a proof file.
    #[error("not a proof file: {0}")]
    Format(String),
    /// A checkpoint that the key did not sign.
    #[error("checkpoint {number}: {source}")]
    Checkpoint {
        /// Which.
        number: usize,
        /// Why.
        source: NoteError,
    },
    /// An entry that is not shown.
    #[error("entry {index} of epoch {epoch}: {what}")]
    Entry {
        /// The epoch.
        epoch: u32,
        /// The index.
        index: u64,
        /// Why.
        what: String,
    },
}

/// What a proof file shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofReport {
    /// The exchange.
    pub exchange: ExchangeId,
    /// The entries, oldest first.
    pub entries: Vec<Proven>,
}

/// An entry that is shown to be in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// Where it stands.
    pub position: Position,
    /// The record; none if it was erased, and then nothing ties the entry to the exchange but the file's word.
    pub record: Option<Entry>,
    /// The record's text.
    pub text: Option<String>,
    /// The checkpoint that covers it.
    pub checkpoint: Checkpoint,
    /// Bodies whose digests are in the record: which, and the bytes.
    pub bodies: Vec<(BodyRole, Vec<u8>)>,
}

impl Archive {
    /// Makes the proof file of an exchange, with the documents that its messages rely on, and with kept bodies if wanted. What is proven was
    /// made durable before.
    pub fn prove(&self, exchange: ExchangeId, with_bodies: bool) -> Result<ProofFile, ArchiveError> {
        let mut found = self.find(exchange)?;
        if found.is_empty() {
            return Err(ArchiveError::Missing(format!("the log holds no entry of {exchange}")));
        }
        found.extend(self.documents(&found)?);
        found.sort_by_key(|f| f.position);
        let mut heads: Vec<Checkpoint> = Vec::new();
        let mut entries = Vec::new();
        for f in found {
            let Position { epoch, index } = f.position;
            let known = heads.iter().position(|h| h.epoch() == Some(epoch) && h.size > index);
            let checkpoint = match known {
                Some(n) => n,
                None => {
                    let head = self.head(epoch)?.filter(|h| h.size > index);
                    heads.push(head.ok_or_else(|| {
                        ArchiveError::Broken(format!("no checkpoint covers entry {index}"))
                    })?);
                    heads.len() - 1
                }
            };
            let path = self.path(f.position, hash::leaf(&f.entry), &heads[checkpoint])?;
            entries.push(proof_entry(f, checkpoint, &path, with_bodies)?);
        }
        Ok(ProofFile {
            format: FORMAT.into(),
            version: VERSION,
            exchange,
            checkpoints: heads.into_iter().map(|h| h.note).collect(),
            entries,
        })
    }

    /// The first entry that holds the document with this SHA-256 (base64): a delegation, a certificate.
    pub fn document(&self, sha256: &str) -> Result<Option<Found>, ArchiveError> {
        let holds = |f: &Found| {
            let record = f.record().and_then(|r| serde_json::from_slice(r).ok());
            matches!(record, Some(Entry::Credential(c)) if c.sha256 == sha256)
        };
        Ok(self.find(document_id(sha256))?.into_iter().find(holds))
    }

    /// The documents that these messages name and that the log holds.
    fn documents(&self, found: &[Found]) -> Result<Vec<Found>, ArchiveError> {
        let mut names: Vec<String> = Vec::new();
        for record in found.iter().filter_map(Found::record) {
            if let Ok(record) = serde_json::from_slice(record) {
                names.extend(relied_on(&record).map(str::to_owned));
            }
        }
        names.sort_unstable();
        names.dedup();
        names.truncate(DOCUMENTS_MAX);
        names.iter().filter_map(|name| self.document(name).transpose()).collect()
    }
}

/// The document (by its SHA-256, base64) that a message relies on.
fn relied_on(record: &Entry) -> Option<&str> {
    match record {
        Entry::Received(r) => Some(&r.delegation),
        Entry::Statement(s) => key_of(&s.base),
        _ => None,
    }
}

/// The `keyid` in a signature base (RFC 9421, section 2.5): the delegation of the key that speaks.
fn key_of(base: &str) -> Option<&str> {
    let parameters = base.lines().next_back()?.strip_prefix("\"@signature-params\": ")?;
    let (_, rest) = parameters.split_once(";keyid=\"")?;
    rest.split_once('"').map(|(id, _)| id)
}

fn proof_entry(
    f: Found,
    checkpoint: usize,
    path: &[Hash],
    with_bodies: bool,
) -> Result<ProofEntry, ArchiveError> {
    let Position { epoch, index } = f.position;
    let (record, salt) = match f.content {
        None => (None, None),
        Some(c) => {
            let text = String::from_utf8(c.record.to_vec()).map_err(|_| {
                ArchiveError::Broken(format!("the record of entry {index} of epoch {epoch} is no text"))
            })?;
            (Some(text), Some(STANDARD.encode(c.salt)))
        }
    };
    let bodies = f.bodies.iter().filter(|_| with_bodies);
    Ok(ProofEntry {
        epoch,
        index,
        entry: STANDARD.encode(f.entry),
        record,
        salt,
        checkpoint,
        path: path.iter().map(Hash::base64).collect(),
        bodies: bodies.map(|(role, b)| ProofBody { role: *role, bytes: STANDARD.encode(b) }).collect(),
    })
}

/// Checks a proof file with the node's public key and nothing else.
pub fn check_proof(bytes: &[u8], verifier: &Verifier) -> Result<ProofReport, ProofError> {
    if bytes.len() > PROOF_MAX {
        return Err(ProofError::TooLarge("bytes"));
    }
    let file: ProofFile = serde_json::from_slice(bytes).map_err(|e| ProofError::Format(e.to_string()))?;
    if file.format != FORMAT || file.version != VERSION {
        let what = format!(
            "it is {:?} version {}, this reads {FORMAT:?} version {VERSION}",
            file.format, file.version
        );
        return Err(ProofError::Format(what));
    }
    if file.entries.len() > PROOF_ENTRIES_MAX || file.checkpoints.len() > PROOF_ENTRIES_MAX {
        return Err(ProofError::TooLarge("entries"));
    }
    if file.entries.is_empty() {
        return Err(ProofError::Format("it has no entries".into()));
    }
    let mut checkpoints = Vec::new();
    for (number, note) in file.checkpoints.iter().enumerate() {
        checkpoints.push(verifier.check(note).map_err(|source| ProofError::Checkpoint { number, source })?);
    }
    let mut entries: Vec<Proven> = Vec::new();
    for e in &file.entries {
        let proven = check_entry(e, file.exchange, &checkpoints).map_err(|what| ProofError::Entry {
            epoch: e.epoch,
            index: e.index,
            what,
        })?;
        if entries.last().is_some_and(|last| last.position >= proven.position) {
            return Err(ProofError::Format("entries are not in the order of the log".into()));
        }
        entries.push(proven);
    }
    check_documents(&entries)?;
    Ok(ProofReport { exchange: file.exchange, entries })
}

/// A document is in the file because a message of the exchange relies on it.
fn check_documents(entries: &[Proven]) -> Result<(), ProofError> {
    let named: Vec<&str> = entries.iter().filter_map(|e| relied_on(e.record.as_ref()?)).collect();
    for e in entries {
        if let Some(Entry::Credential(c)) = &e.record
            && !named.contains(&c.sha256.as_str())
        {
            let Position { epoch, index } = e.position;
            let what = "no message of the exchange relies on this document".into();
            return Err(ProofError::Entry { epoch, index, what });
        }
    }
    Ok(())
}

/// Whether the record is of this exchange, or a document that says what it is.
fn check_kind(record: &Entry, exchange: ExchangeId) -> Result<(), String> {
    let of = match record {
        Entry::Exchange(of) => of.id,
        Entry::Statement(of) => of.exchange,
        Entry::Received(of) => of.exchange,
        Entry::Credential(c) => {
            let document = STANDARD.decode(&c.document).map_err(|_| "its document is not base64")?;
            let right = hash::sha256(&document).base64() == c.sha256;
            return if right {
                Ok(())
            } else {
                Err("its document does not have the digest it states".into())
            };
        }
        _ => return Err("its record is not of an exchange".into()),
    };
    if of == exchange { Ok(()) } else { Err(format!("its record is of {of}")) }
}

fn check_entry(e: &ProofEntry, exchange: ExchangeId, checkpoints: &[Checkpoint]) -> Result<Proven, String> {
    let checkpoint = checkpoints.get(e.checkpoint).ok_or("it names a checkpoint that is not in the file")?;
    if checkpoint.epoch() != Some(e.epoch) {
        return Err(format!("its checkpoint is of {}", checkpoint.origin));
    }
    let entry: [u8; ENTRY_LEN] = decode(&e.entry).ok_or("its entry is not 33 bytes in base64")?;
    if e.path.len() > PATH_MAX {
        return Err("its path is longer than any tree is high".into());
    }
    let path: Option<Vec<Hash>> = e.path.iter().map(|h| Hash::from_base64(h)).collect();
    let path = path.ok_or("its path holds something that is no hash")?;
    if root_from_path(hash::leaf(&entry), e.index, checkpoint.size, &path) != Some(checkpoint.root) {
        return Err("its path does not lead to the root of the checkpoint: it is not in the log".into());
    }
    let position = Position { epoch: e.epoch, index: e.index };
    let (Some(text), Some(salt)) = (&e.record, &e.salt) else {
        if e.record.is_some() || e.salt.is_some() || !e.bodies.is_empty() {
            return Err("record and salt are there together or not at all, and bodies only with them".into());
        }
        return Ok(Proven {
            position,
            record: None,
            text: None,
            checkpoint: checkpoint.clone(),
            bodies: vec![],
        });
    };
    let salt: [u8; SALT_LEN] = decode(salt).ok_or("its salt is not 32 bytes in base64")?;
    if hash::commit(&salt, text.as_bytes()) != entry {
        return Err(
            "record and salt do not open the commitment: this is not the record that was logged".into()
        );
    }
    let record: Entry =
        serde_json::from_str(text).map_err(|err| format!("its record cannot be read: {err}"))?;
    check_kind(&record, exchange)?;
    let mut bodies = Vec::new();
    for b in &e.bodies {
        let bytes = STANDARD.decode(&b.bytes).map_err(|_| "a body is not base64")?;
        let stated =
            matches!(&record, Entry::Exchange(of) if covers(of, b.role, &hash::sha256(&bytes).base64()));
        if !stated {
            return Err("a body does not have the digest in the record".into());
        }
        bodies.push((b.role, bytes));
    }
    let text = Some(text.clone());
    Ok(Proven { position, record: Some(record), text, checkpoint: checkpoint.clone(), bodies })
}

fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}
