//! The worked example of docs/protocol/peer.md: computed here, compared with the document, written there with `LGSP_BLESS=1`.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use lgsp_evidence::LogKey;
use lgsp_evidence::hash::{commit, leaf, sha256};
use lgsp_kernel::ExchangeId;
use lgsp_peer::proof::Proof;
use lgsp_peer::sign::MessageKey;
use lgsp_peer::statement::{Statement, Subject};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/protocol/peer.md");
const DELEGATION: &str = "(the text of a delegation)\n";
const EXCHANGE: &str = "ex_019a0c5e3f4071238000000000000001";

fn statement() -> (HeaderMap, Statement) {
    let mut headers = HeaderMap::new();
    let digest = format!("sha-256=:{}:", sha256(b"{\"so\":\"012345678901\"}").base64());
    for (name, value) in [
        ("content-type", "application/json"),
        ("content-digest", digest.as_str()),
        ("lgsp-exchange", EXCHANGE),
        ("lgsp-from", "province-a/H01.15/mot-cua"),
        ("lgsp-to", "hub/dan-cu/1.0"),
        ("lgsp-purpose", "C%E1%BA%A5p gi%E1%BA%A5y ph%C3%A9p"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    headers.insert("x-name", HeaderValue::from_bytes("Đà Nẵng".as_bytes()).unwrap());
    let path = "/peer/1/hub/dan-cu/1.0/tra-cuu";
    let subject = Subject::Request { method: &Method::POST, path, query: Some("page=1") };
    let keyid = sha256(DELEGATION.as_bytes()).base64();
    let statement = Statement::build(subject, &headers, 1_795_322_400, &keyid).unwrap();
    (headers, statement)
}

fn example() -> String {
    let (headers, statement) = statement();
    let exchange: ExchangeId = EXCHANGE.parse().unwrap();
    let record = statement.record(&exchange);
    let key = MessageKey::from_seed(&[5; 32]);
    let salt = [3; 32];
    let hash = leaf(&commit(&salt, &record));
    let proof = Proof { index: 0, salt, path: vec![] };
    assert_eq!(proof.root(&record, 1), Some(hash));
    let log = LogKey::for_node("province-a", [7; 32]);
    let note = log.sign("lgsp/province-a/log/1", 1, hash).unwrap().note;
    let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    let lines = names.iter().map(|n| format!("{n}: {}\n", String::from_utf8_lossy(headers[*n].as_bytes())));
    format!(
        "The request, with the body `{{\"so\":\"012345678901\"}}`:\n```\nPOST /peer/1/hub/dan-cu/1.0/tra-cuu?page=1\n{}```\n\
         Its statement, where the text of the delegation is `(the text of a delegation)` and LF:\n```\n{}\n```\n\
         SHA-256 of the statement, as an answer names it: `{}`.\n\n\
         `message`, with the key whose secret is 32 bytes 0x05 (public key `{}`):\n```\nsignature: lgsp=:{}:\n```\n\
         `group`, where it is the first record of the log of the key whose secret is 32 bytes 0x07, with a salt of 32 bytes 0x03. The record:\n```\n{}\n```\n\
         The leaf hash, here also the root: `{}`. The fields:\n```\nlgsp-proof: {}\nlgsp-checkpoint: :{}:\n```\nand the note in the latter:\n```\n{}```\n",
        lines.collect::<String>(),
        statement.base,
        statement.digest.base64(),
        STANDARD.encode(key.public()),
        STANDARD.encode(key.sign(&statement.base)),
        String::from_utf8_lossy(&record),
        hash.base64(),
        proof.encode(),
        STANDARD.encode(&note),
        note,
    )
}

#[test]
fn the_example_in_the_document_is_what_the_program_does() {
    const BEGIN: &str = "<!-- example:begin -->\n";
    const END: &str = "<!-- example:end -->";
    let text = std::fs::read_to_string(DOCUMENT).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (shown, after) = rest.split_once(END).unwrap();
    let now = example();
    if std::env::var_os("LGSP_BLESS").is_some() {
        std::fs::write(DOCUMENT, format!("{before}{BEGIN}{now}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(shown, now, "run again with LGSP_BLESS=1 if the change is meant");
}
