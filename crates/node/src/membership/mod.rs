//! What makes a node a member: its keys and certificates, the letters by which it asks the hub for them, and what it tells of itself.
//! Not here: deciding about such letters (`hub`), and the tasks of a running node (`node/federation`).

pub mod ask;
pub mod files;
pub mod http;
pub mod join;
pub mod keys;
pub mod letter;
pub mod profile;

pub use files::{Certificates, MemberFiles, Membership};
pub use letter::{Ask, Enrolment, Letter};
