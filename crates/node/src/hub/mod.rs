//! The hub: who asks to join, who decides, what the directory then says. Works on the hub's folder, so that commands and the running
//! node do the same things; the directory's own lock keeps them apart. Not here: the directory's documents and signatures
//! (`lgsp-directory`), keys and certificates (`lgsp-trust`).

pub mod authority;
pub mod begin;
pub mod decisions;
pub mod desk;
pub mod letters;
pub mod records;
pub mod requests;
pub mod rotate;

pub use begin::{Beginning, Begun};
pub use decisions::{DecisionError, Decisions};
pub use desk::{HubDesk, HubError};
pub use requests::{Request, RequestState, Requests};
