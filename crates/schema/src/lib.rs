//! Schemas of messages: the files of a contract, XSD read into types, values checked, messages converted between XML and JSON by
//! those types, and whole documents validated against XSD. Pure: nothing is fetched, no clock, every input bounded.

pub mod bundle;
pub mod codec;
pub mod generic;
pub mod model;
pub mod pattern;
mod problem;
pub mod validator;
pub mod value;
pub mod xsd;

pub use problem::{Place, Problem};
