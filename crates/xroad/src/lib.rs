//! The X-Road edge: message protocols for REST (r1) and SOAP 4.0, service metadata, and the adapter form that one-stop software calls. Pure codecs:
//! no I/O, no clock, no state. Norms: PR-REST 1.0.3, PR-MESS 4.0, PR-META 2.15, PR-MREST 0.5. Not here: which of our systems an identifier means.

pub mod adapter;
pub mod error;
pub mod id;
pub mod meta;
pub mod mime;
pub mod rest;
pub mod soap;

/// The first characters of something a caller sent, fit for an error text.
pub(crate) fn clip(text: &str) -> String {
    const CLIP: usize = 60;
    text.chars().take(CLIP).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
