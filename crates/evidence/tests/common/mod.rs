//! What the tests of the log share.
#![allow(dead_code, clippy::unwrap_used)]

use lgsp_evidence::*;
use lgsp_kernel::record::*;
use lgsp_kernel::{Clock, ExchangeId, Millis};
use std::path::Path;
use std::time::Duration;

pub const NODE: &str = "tinh-test";

pub fn key() -> LogKey {
    LogKey::for_node(NODE, [7; 32])
}
pub fn verifier() -> Verifier {
    Verifier::parse(&key().verifier()).unwrap()
}
pub fn config(dir: &Path) -> LogConfig {
    LogConfig { gather: Duration::ZERO, disk_reserve_bytes: 0, ..LogConfig::new(dir, NODE) }
}
pub fn open(dir: &Path) -> Log {
    Log::open(config(dir), key(), Clock::System).unwrap()
}
pub fn exchange(n: u64) -> ExchangeId {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&n.to_be_bytes());
    ExchangeId::at(Millis(1_780_000_000_000 + n as i64), random)
}
pub fn record(id: ExchangeId, part: Part) -> ExchangeRecord {
    ExchangeRecord {
        id,
        part,
        at: id.time(),
        edge: "rest".into(),
        caller: None,
        service: Some("csdl-dkdn".into()),
        version: None,
        operation: Some("chi-tiet".into()),
        grant: None,
        method: Some("GET".into()),
        target: None,
        stated: None,
        idempotency_key: None,
        request: None,
        answer: None,
        status: None,
        provider: None,
        leg: None,
        masked: None,
        outcome: Outcome::Pending,
        refusal: None,
        steps: Vec::new(),
        took_ms: None,
        trace: None,
    }
}
pub fn bytes_of(r: ExchangeRecord) -> bytes::Bytes {
    serde_json::to_vec(&Entry::Exchange(Box::new(r))).unwrap().into()
}
pub fn draft(id: ExchangeId, what: &str) -> Draft {
    let part = if what == "answer" { Part::Answer } else { Part::Request };
    Draft::of(Some(id), bytes_of(record(id, part)))
}
