//! The log's side of tlog-witness: brings a checkpoint to a witness with the proof that it needs, and takes its cosignature. Not here: HTTP; the
//! caller sends what it is given.

use crate::cosign::{CosignVerifier, Cosignature, with_lines};
use crate::http::{ADD_CHECKPOINT, Response};
use crate::request::{AddCheckpoint, size};
use lgsp_evidence::note::NoteError;
use lgsp_evidence::{ArchiveError, Checkpoint, Hash};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::future::Future;

/// How often a submission is begun anew because the witness saw another size meanwhile.
const ATTEMPTS: usize = 3;
/// The longest answer that is read, bytes.
pub const ANSWER_MAX: usize = 16 << 10;

/// Why there is no cosignature.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The witness did not answer.
    #[error("the witness cannot be reached: {0}")]
    Away(String),
    /// The witness saw a larger tree than this checkpoint's. If the log never had as many entries, it has lost some: it was restored
    /// without beginning a new epoch.
    #[error("the witness saw {seen} entries, the checkpoint has {size}")]
    Behind {
        /// What the witness saw.
        seen: u64,
        /// What was brought.
        size: u64,
    },
    /// The witness cosigned another tree of the same size.
    #[error("the witness cosigned another tree of {0} entries: this log has forked")]
    Forked(u64),
    /// The witness refused.
    #[error("the witness answered {status}: {text}")]
    Refused {
        /// The status.
        status: u16,
        /// The beginning of what it said.
        text: String,
    },
    /// The answer is no cosignature of this witness on this checkpoint.
    #[error("the witness's answer: {0}")]
    Answer(NoteError),
    /// It answered, but with no line of its own.
    #[error("the witness's answer holds no cosignature by its key")]
    NoCosignature,
    /// Others submit the same log to it at the same time.
    #[error("the witness saw another size each time")]
    Contended,
    /// The proof could not be made.
    #[error(transparent)]
    Log(#[from] ArchiveError),
}

/// A log's way to one witness.
#[derive(Debug)]
pub struct Client {
    witness: CosignVerifier,
    /// What the witness saw last, by origin; forgotten at the end of the process: the witness tells it.
    seen: Mutex<HashMap<String, u64>>,
}

impl Client {
    /// To the witness with this key.
    pub fn new(witness: CosignVerifier) -> Self {
        Self { witness, seen: Mutex::default() }
    }
    /// The path that bodies are posted to, under the witness's submission prefix.
    pub const PATH: &'static str = ADD_CHECKPOINT;

    /// Brings a checkpoint of the log's own. `prove` makes the proof of consistency from a size to the checkpoint
    /// (`Archive::consistency`; a published checkpoint has the tiles it needs); `post` sends a body and brings the answer, of which no more than
    /// [`ANSWER_MAX`] bytes are wanted. Gives the checkpoint's note with the cosignature added, and the cosignature.
    pub async fn submit<F: Future<Output = Result<Response, String>>>(
        &self,
        checkpoint: &Checkpoint,
        prove: impl Fn(u64) -> Result<Vec<Hash>, ArchiveError>,
        mut post: impl FnMut(String) -> F,
    ) -> Result<(String, Cosignature), ClientError> {
        let mut old = self.seen.lock().get(&checkpoint.origin).copied().unwrap_or(0);
        for _ in 0..ATTEMPTS {
            if old > checkpoint.size {
                return Err(ClientError::Behind { seen: old, size: checkpoint.size });
            }
            let proof = if old == 0 { Vec::new() } else { prove(old)? };
            let body = AddCheckpoint { old, proof, note: checkpoint.note.clone() }.encode();
            let answer = post(body).await.map_err(ClientError::Away)?;
            match answer.status {
                200 => return self.cosigned(checkpoint, &answer.body),
                409 => {
                    let seen = size(answer.body.trim_end_matches('\n'));
                    let seen = seen.ok_or_else(|| refused(&answer))?;
                    if seen == old && old == checkpoint.size {
                        return Err(ClientError::Forked(old));
                    }
                    self.remember(&checkpoint.origin, seen);
                    old = seen;
                }
                _ => return Err(refused(&answer)),
            }
        }
        Err(ClientError::Contended)
    }

    fn remember(&self, origin: &str, size: u64) {
        self.seen.lock().insert(origin.to_owned(), size);
    }

    fn cosigned(&self, checkpoint: &Checkpoint, lines: &str) -> Result<(String, Cosignature), ClientError> {
        // What others signed is passed over; it need not even be well formed.
        let own = format!("\u{2014} {} ", self.witness.name());
        let own = lines.lines().filter(|l| l.starts_with(&own));
        let note = with_lines(&checkpoint.note, own).map_err(ClientError::Answer)?;
        let found = self.witness.check(&note).map_err(ClientError::Answer)?;
        let cosignature = found.ok_or(ClientError::NoCosignature)?;
        self.remember(&checkpoint.origin, checkpoint.size);
        let note = with_lines(&checkpoint.note, [cosignature.line.as_str()]).map_err(ClientError::Answer)?;
        Ok((note, cosignature))
    }
}

fn refused(answer: &Response) -> ClientError {
    let text = answer.body.chars().filter(|c| !c.is_control()).take(200).collect();
    ClientError::Refused { status: answer.status, text }
}
