//! Statements (RFC 9421 signature bases) as they stand in the records: taken apart into what a shell can check.
//! Not here: the checking.

use super::bundle::ExportError;
use base64::{Engine, engine::general_purpose::STANDARD};
use lgsp_kernel::record::{Entry, ReceivedRecord, StatementRecord};

const SALT: usize = 32;
const HASH: usize = 32;
/// The longest path, hashes.
const PATH_MAX: usize = 64;

/// What makes a statement the sender's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proof {
    /// This node's own: the entry of its log is the signature.
    Own,
    /// Signed with a message key.
    Message(Vec<u8>),
    /// Committed to by the sender's log.
    Group { index: u64, salt: Vec<u8>, path: Vec<Vec<u8>>, note: String, record: Vec<u8> },
}

/// A statement in the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) base: String,
    pub(crate) proof: Proof,
    /// SHA-256, base64, of its delegation as the record states it; this node's own state it in the text only.
    pub(crate) delegation: Option<String>,
}

/// The statement in a record, if it is of that kind.
pub(crate) fn statement(record: &str, part: &str) -> Result<Option<Statement>, ExportError> {
    // A record of a kind that is not known here is carried as it is.
    match serde_json::from_str(record) {
        Ok(Entry::Statement(s)) => {
            plain(&s.base, part)?;
            Ok(Some(Statement { base: s.base, proof: Proof::Own, delegation: None }))
        }
        Ok(Entry::Received(r)) => received(*r, part).map(Some),
        _ => Ok(None),
    }
}

/// A statement consists of bytes 0x20 to 0x7E and line breaks between its lines (docs/protocol/peer.md, "Statements").
fn plain(base: &str, part: &str) -> Result<(), ExportError> {
    let good = |b: u8| (0x20..0x7f).contains(&b) || b == b'\n';
    if base.is_empty() || base.ends_with('\n') || !base.bytes().all(good) {
        return Err(ExportError::part(part, "its statement is no signature base"));
    }
    Ok(())
}

fn received(r: ReceivedRecord, part: &str) -> Result<Statement, ExportError> {
    let bad = |what: &str| ExportError::part(part, what);
    plain(&r.base, part)?;
    let proof = STANDARD.decode(&r.proof).map_err(|_| bad("its proof is not base64"))?;
    let proof = match r.mode.as_str() {
        "message" if proof.len() == 64 => Proof::Message(proof),
        "message" => return Err(bad("an Ed25519 signature has 64 bytes")),
        "group" => {
            let note = r.checkpoint.as_deref().ok_or_else(|| bad("its checkpoint is not there"))?;
            let statement = StatementRecord { exchange: r.exchange, base: r.base.clone() };
            let record = serde_json::to_vec(&Entry::Statement(statement)).map_err(|_| bad("no record"))?;
            group(&proof, text_of(note).ok_or_else(|| bad("its checkpoint is no text"))?, record)
                .ok_or_else(|| bad("its proof is not index, salt and path"))?
        }
        _ => return Err(bad("its mode is not known here")),
    };
    Ok(Statement { base: r.base, proof, delegation: Some(r.delegation) })
}

/// A note may stand in a record as text or, as in the header field, in base64.
fn text_of(note: &str) -> Option<String> {
    if note.contains('\n') {
        return Some(note.to_owned());
    }
    String::from_utf8(STANDARD.decode(note).ok()?).ok()
}

fn group(proof: &[u8], note: String, record: Vec<u8>) -> Option<Proof> {
    let (index, rest) = proof.split_first_chunk::<8>()?;
    let (salt, rest) = rest.split_at_checked(SALT)?;
    let (n, path) = rest.split_first()?;
    let n = usize::from(*n);
    if n > PATH_MAX || path.len() != n * HASH {
        return None;
    }
    let path = path.chunks(HASH).map(<[u8]>::to_vec).collect();
    Some(Proof::Group { index: u64::from_be_bytes(*index), salt: salt.to_vec(), path, note, record })
}

#[cfg(test)]
mod tests {
    use super::{Proof, group};

    #[test]
    fn a_proof_is_read_only_if_it_has_exactly_its_parts() {
        let mut bytes = 7u64.to_be_bytes().to_vec();
        bytes.extend([3; 32]);
        bytes.push(2);
        bytes.extend([4; 64]);
        let read = group(&bytes, "n".into(), vec![]);
        assert!(matches!(&read, Some(Proof::Group { index: 7, path, .. }) if path.len() == 2), "{read:?}");
        for bad in [0, 8, 40, 41, 104] {
            assert_eq!(group(&bytes[..bad], "n".into(), vec![]), None, "{bad} bytes");
        }
        bytes[40] = 3;
        assert_eq!(group(&bytes, "n".into(), vec![]), None);
    }
}
