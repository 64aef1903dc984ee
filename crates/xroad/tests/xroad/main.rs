//! What the X-Road codecs read, write and refuse: the documents' own examples, bad inputs, round trips.
#![allow(clippy::unwrap_used, missing_docs)]

mod adapter;
mod errors;
mod ids;
mod meta;
mod mime;
mod rest;
mod soap;
