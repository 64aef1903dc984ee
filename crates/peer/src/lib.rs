//! The peer protocol between nodes (docs/protocol/peer.md): statements and the two modes in which a node stands by them, their verification, replay, and the
//! connections. Not here: who is a member (`lgsp-directory`), what a call may do (the gateway), the server's sockets.

pub mod body;
pub mod bounds;
pub mod directory;
pub mod fields;
pub mod idempotency;
pub mod input;
pub mod members;
pub mod proof;
pub mod replay;
pub mod sign;
pub mod statement;
pub mod transport;
pub mod verify;

mod answer;
mod known_key;
mod open;
mod peers;
mod rebuild;
mod relay;
mod reply;
mod seal;
mod stream;

pub use answer::{Awaited, PeerAnswer, PeerRefusal};
pub use body::{BodyError, OutBody, PeerBody};
pub use open::{Opened, Unopened};
pub use peers::{PeerConfig, PeerParts, Peers, Received, ReceivedTicket, mode_text};
pub use relay::Relayed;
pub use replay::{Remembered, Replay};
pub use reply::{OutgoingAnswer, ReplyTo};
pub use seal::{OutgoingRequest, PeerLeg, Sealed, SendError, StatedRequest};
