//! What the codecs accept and refuse, as tables and as properties.
#![allow(clippy::unwrap_used, missing_docs)]

mod attach;
mod credentials;
mod framing;
mod json;
mod mask;
mod media;
mod path;
mod refusals;
mod soap;
mod trace;
mod xml;
