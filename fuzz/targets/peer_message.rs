//! Heads of messages between nodes: whatever comes, no panic; what is taken is in the one canonical form, covers what it must, and is recorded in bytes
//! that read back as the same statement.
#![no_main]

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use lgsp_kernel::ExchangeId;
use lgsp_kernel::record::Entry;
use lgsp_peer::proof::Proof;
use lgsp_peer::statement::{Statement, Subject};
use lgsp_peer::{fields, input};
use libfuzzer_sys::fuzz_target;

const EXCHANGE: &str = "ex_019a0c5e3f4071238000000000000001";

/// Lines `name: value`; the first is the target.
fn head(data: &[u8]) -> Option<(String, HeaderMap)> {
    let mut lines = data.split(|b| *b == b'\n');
    let target = String::from_utf8(lines.next()?.to_vec()).ok()?;
    let mut headers = HeaderMap::new();
    for line in lines.take(100) {
        let at = line.windows(2).position(|w| w == b": ")?;
        let name = HeaderName::from_bytes(&line[..at]).ok()?;
        headers.append(name, HeaderValue::from_bytes(&line[at + 2..]).ok()?);
    }
    Some((target, headers))
}

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = (input::read(text), fields::read_path(text), fields::From::parse(text), fields::To::parse(text));
        if let Some(proof) = Proof::decode(text) {
            assert_eq!(Proof::decode(&proof.encode()).as_ref(), Some(&proof));
            let _ = proof.root(b"record", proof.index.saturating_add(1));
        }
    }
    let Some((target, headers)) = head(data) else { return };
    let (path, query) = target.split_once('?').map_or((target.as_str(), None), |(p, q)| (p, Some(q)));
    let subject = Subject::Request { method: &Method::POST, path, query };
    let exchange: ExchangeId = EXCHANGE.parse().expect("an id");
    if let Ok(built) = Statement::build(subject, &headers, 1_795_322_400, "a2V5") {
        let (read, _) = Statement::of_received(subject, &headers, &built.input).expect("what is built is taken");
        assert_eq!(read, built);
    }
    let Some(text) = fields::single(&headers, &fields::SIGNATURE_INPUT) else { return };
    let Ok((statement, _)) = Statement::of_received(subject, &headers, text) else { return };
    assert!(statement.base.bytes().all(|b| b == b'\n' || (0x20..0x7f).contains(&b)));
    for needed in ["\"@method\"", "\"@path\"", "\"@query\"", "\"lgsp-exchange\"", "\"lgsp-from\"", "\"lgsp-to\""] {
        assert!(statement.input.contains(needed));
    }
    let record = statement.record(&exchange);
    match serde_json::from_slice(&record).expect("the record is JSON") {
        Entry::Statement(r) => assert_eq!((r.base, r.exchange), (statement.base, exchange)),
        _ => panic!("the record is a statement"),
    }
});
