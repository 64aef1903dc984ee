//! The body of `add-checkpoint` (c2sp.org/tlog-witness) and of its answers. Not here: what is done with it (`witness`).

use lgsp_evidence::Hash;
use lgsp_evidence::note::NOTE_MAX;

/// The most lines of a consistency proof.
pub const PROOF_LINES_MAX: usize = 63;
/// The longest body, bytes: an old size, a proof, a note.
pub const BODY_MAX: usize = 32 + PROOF_LINES_MAX * 45 + 1 + NOTE_MAX;

/// What a log asks of a witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size that the log believes the witness saw last; 0 for none.
    pub old: u64,
    /// RFC 6962 proof from there.
    pub proof: Vec<Hash>,
    /// The signed checkpoint.
    pub note: String,
}

impl AddCheckpoint {
    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, &'static str> {
        if body.len() > BODY_MAX {
            return Err("the body is longer than any such request");
        }
        let text = std::str::from_utf8(body).map_err(|_| "the body is not UTF-8")?;
        let (first, mut rest) = text.split_once('\n').ok_or("the first line does not end")?;
        let old = first.strip_prefix("old ").and_then(size).ok_or("the first line is `old` and a size")?;
        let mut proof = Vec::new();
        loop {
            let (line, behind) = rest.split_once('\n').ok_or("no empty line before the checkpoint")?;
            rest = behind;
            if line.is_empty() {
                break;
            }
            if proof.len() == PROOF_LINES_MAX {
                return Err("the proof has more than 63 lines");
            }
            proof.push(Hash::from_base64(line).ok_or("a line of the proof is not 32 bytes in base64")?);
        }
        Ok(Self { old, proof, note: rest.to_owned() })
    }

    /// As a body.
    pub fn encode(&self) -> String {
        let proof: String = self.proof.iter().map(|h| format!("{h}\n")).collect();
        format!("old {}\n{proof}\n{}", self.old, self.note)
    }
}

/// A size in decimal, without leading zeroes.
pub fn size(digits: &str) -> Option<u64> {
    let canonical = digits == "0" || !digits.starts_with('0');
    let plain = digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|_| canonical && plain)
}
