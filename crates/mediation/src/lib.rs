//! Mediation: what a version declares of contract, faces, mappings and text, compiled into one thing that the gateway runs. How contracts
//! are read is `lgsp-contract`'s, how messages are converted `lgsp-schema`'s, how they are mapped `lgsp-mapping`'s.

mod compile;
mod document;
mod lane;
mod mapping;
mod parameters;
mod pointer;
mod rest;
mod soap;
mod soap_face;
mod template;
mod text;

pub use compile::{Compiler, address};
