//! Pure codecs for what crosses the network: XML and SOAP, JSON syntax, paths, credentials, trace context, HTTP/1 framing, and the form in which
//! the platform refuses. No I/O, no clock, no state; every parser is bounded, never panics and never recurses.

pub mod attach;
pub mod credentials;
pub mod framing;
pub mod json;
pub mod mask;
pub mod media;
pub mod path;
pub mod problem;
pub mod soap;
pub mod trace;
pub mod xml;

/// The first characters of something a caller sent, fit for an error text.
pub(crate) fn clip(text: &str) -> String {
    const CLIP: usize = 60;
    text.chars().take(CLIP).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
