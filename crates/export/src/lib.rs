//! Evidence for outsiders: RFC 3161 timestamps ([`tsa`]) and the ASiC-E container that proves one exchange ([`asice`]).
//! Not here: HTTP, where keys are kept, which checkpoints are stamped and when. `docs/protocol/export.md` specifies the container.

pub mod asice;
mod cms;
pub mod tsa;

pub use cms::{SealAlgorithm, SealError, SealKey};
