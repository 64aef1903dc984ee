//! Tests of text: tables against independent ones, detection, structure, bad input.
#![allow(clippy::unwrap_used)]

mod detection;
mod fields;
mod limits;
mod tables;

use lgsp_text::{Charset, TextFault, TextPolicy, TextReport, decode};

/// Decodes to text.
fn read(bytes: &[u8], label: Option<&str>, policy: &TextPolicy) -> Result<(String, TextReport), TextFault> {
    decode(bytes, label, policy).map(|(text, report)| (String::from_utf8(text.into_owned()).unwrap(), report))
}

/// A service that sends one charset.
fn only(charset: Charset) -> TextPolicy {
    TextPolicy { expected: vec![charset], label: lgsp_text::LabelPolicy::Detect, ..TextPolicy::default() }
}

/// A service whose charset must be found.
fn guessed() -> TextPolicy {
    TextPolicy { label: lgsp_text::LabelPolicy::Detect, ..TextPolicy::default() }
}
