//! Tests of text: tables against independent ones, detection, structure, bad input.
#![allow(clippy::unwrap_used)]
