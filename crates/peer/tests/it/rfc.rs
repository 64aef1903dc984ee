//! A client that knows only the RFCs (Python, with a library from PyPI) verifies a captured request and answer, and refuses altered copies.

use crate::world::{World, node, over_tls};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, Method};
use lgsp_kernel::model::SignatureMode;
use lgsp_peer::PeerConfig;
use lgsp_peer::members::Endpoint;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rfc/verify.py");
const PACKAGES: [&str; 2] = ["http-message-signatures==3.0.0", "cryptography"];

fn lines(headers: &HeaderMap) -> Value {
    let latin1 = |bytes: &[u8]| bytes.iter().map(|b| char::from(*b)).collect::<String>();
    headers.iter().map(|(n, v)| json!([n.as_str(), latin1(v.as_bytes())])).collect()
}

async fn capture() -> Value {
    let world = World::new();
    let connect: Option<&dyn Fn(&_) -> _> = Some(&over_tls);
    let a = world.node_with("a", "H01.01", connect, PeerConfig::default());
    let b = world.node_with("b", "H02.02", connect, PeerConfig::default());
    let port = b.listen().await;
    world.book.endpoints.lock().insert(node("b"), vec![Endpoint { host: "127.0.0.1".into(), port }]);
    let answered = Arc::new(parking_lot::Mutex::new(Value::Null));
    let slot = answered.clone();
    *b.spoil.lock() = Some(Arc::new(move |r| {
        *slot.lock() = json!({"status": r.status().as_u16(), "headers": lines(r.headers())});
    }));
    let request = a.request(Method::POST, "/tra-cuu/%C4%91?q=1&r=", b"{\"x\":1}");
    let sealed = a.peers.seal_request(&b.leg(SignatureMode::Message), request).await.unwrap();
    let answer = a.peers.send(sealed).await.unwrap();
    assert!(answer.status.is_success());
    let head = b.arrived.lock().pop().unwrap();
    let body = STANDARD.encode(b"{\"x\":1}");
    let mut answer = answered.lock().clone();
    answer["body"] = json!(body);
    let url = head.uri.to_string();
    let request =
        json!({"method": head.method.as_str(), "url": url, "headers": lines(&head.headers), "body": body});
    json!({"request": request, "answer": answer})
}

/// A Python with the library; none if no index can be reached.
fn python(dir: &Path) -> Option<PathBuf> {
    let run = |program: &Path, args: &[&str]| Command::new(program).args(args).output();
    let made = run(Path::new("python3"), &["-m", "venv", dir.join("venv").to_str().unwrap()]);
    let python = dir.join("venv/bin/python");
    let args = [&["-m", "pip", "install", "--quiet", "--disable-pip-version-check"][..], &PACKAGES].concat();
    match made.and_then(|_| run(&python, &args)) {
        Ok(out) if out.status.success() => Some(python),
        other => {
            eprintln!(
                "\n*** SKIPPED: no Python with {PACKAGES:?} could be made, so no outsider verified a message: {other:?}\n"
            );
            None
        }
    }
}

fn verify(python: &Path, dir: &Path, capture: &Value) -> Output {
    let file = dir.join("capture.json");
    std::fs::write(&file, capture.to_string()).unwrap();
    Command::new(python).arg(SCRIPT).arg(&file).output().unwrap()
}

/// Copies in which one thing was altered.
fn altered(capture: &Value) -> Vec<(String, Value)> {
    let mut copies = Vec::new();
    for message in ["request", "answer"] {
        for (i, line) in capture[message]["headers"].as_array().unwrap().iter().enumerate() {
            let (name, value) = (line[0].as_str().unwrap(), line[1].as_str().unwrap());
            // Not covered: they travel beside the statement.
            if matches!(name, "lgsp-checkpoint" | "content-length") || value.is_empty() {
                continue;
            }
            let mut letters: Vec<char> = value.chars().collect();
            let at = letters.len() / 2;
            letters[at] = if letters[at] == 'B' { 'C' } else { 'B' };
            let mut copy = capture.clone();
            copy[message]["headers"][i][1] = json!(letters.into_iter().collect::<String>());
            copies.push((format!("{message} {name}"), copy));
        }
        let mut copy = capture.clone();
        copy[message]["body"] = json!(STANDARD.encode(b"{\"x\":2}"));
        copies.push((format!("{message} body"), copy));
    }
    let mut change = |what: &str, pointer: &str, value: Value| {
        let mut copy = capture.clone();
        *copy.pointer_mut(pointer).unwrap() = value;
        copies.push((what.to_owned(), copy));
    };
    change("method", "/request/method", json!("PUT"));
    change("status", "/answer/status", json!(201));
    let url = capture["request"]["url"].as_str().unwrap();
    change("path", "/request/url", json!(url.replace("tra-cuu", "tra-cux")));
    change("query", "/request/url", json!(url.replace("q=1", "q=2")));
    copies
}

#[tokio::test]
async fn a_client_that_knows_only_the_rfcs_verifies_a_captured_message_and_refuses_altered_ones() {
    let capture = capture().await;
    let dir = tempfile::tempdir().unwrap();
    let Some(python) = python(dir.path()) else { return };
    let out = verify(&python, dir.path(), &capture);
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{said} {}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(said.trim(), "verified");
    for (what, copy) in altered(&capture) {
        let out = verify(&python, dir.path(), &copy);
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(!out.status.success() && said.starts_with("refused"), "{what}: {said}");
    }
}
