//! Two nodes, their agencies, an authority, a witness and a timestamp authority: what one exchange leaves behind at the node that exports.

use crate::shell::ok;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::STANDARD};
use lgsp_evidence::hash::{Hash, sha256};
use lgsp_evidence::{Archive, BodyRole, Draft, Log, LogConfig, LogKey, ProofFile, tree};
use lgsp_export::asice::{Bundle, Link, StampedCheckpoint, checkpoint_digest};
use lgsp_export::tsa::Authority;
use lgsp_export::{SealAlgorithm, SealKey};
use lgsp_kernel::record::{CredentialRecord, Entry, ReceivedRecord, StatementRecord};
use lgsp_kernel::{Clock, ExchangeId, Millis};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub const CONSUMER: &str = "tinh-a";
pub const PROVIDER: &str = "bo-y";

/// Which way messages are signed.
#[derive(Clone, Copy, PartialEq)]
pub enum Mode {
    Group,
    Message,
}

/// A key and its certificate.
pub struct Party {
    key: EcdsaKeyPair,
    pub certificate: Vec<u8>,
}

impl SealKey for Party {
    fn algorithm(&self) -> SealAlgorithm {
        SealAlgorithm::EcdsaP256
    }
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        Ok(self.key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec())
    }
}

/// A certificate authority of `openssl`, as a hub has one.
pub struct Hub {
    dir: tempfile::TempDir,
}

impl Hub {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        ok(
            dir.path(),
            "printf '[req]\\ndistinguished_name=dn\\n[dn]\\n[ca]\\nbasicConstraints=critical,CA:true\\nkeyUsage=keyCertSign\\n' > c.cnf
             openssl req -x509 -config c.cnf -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj '/CN=Hub' -days 3650 -extensions ca
             openssl x509 -in ca.pem -outform DER -out ca.der",
        );
        Self { dir }
    }
    pub fn root(&self) -> Vec<u8> {
        std::fs::read(self.dir.path().join("ca.der")).unwrap()
    }
    pub fn pem(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }
    pub fn issue(&self, uri: &str, extra: &str) -> Party {
        let d = self.dir.path();
        std::fs::write(
            d.join("ext"),
            format!("basicConstraints=critical,CA:false\nsubjectAltName=URI:{uri}\n{extra}\n"),
        )
        .unwrap();
        ok(
            d,
            "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -outform DER -out k.der
             openssl req -new -config c.cnf -key k.der -keyform DER -subj '/CN=Party' -out r.csr
             openssl x509 -req -in r.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 365 -extfile ext -outform DER -out r.der
             openssl pkcs8 -topk8 -nocrypt -inform DER -in k.der -outform DER -out k8.der",
        );
        let key = std::fs::read(d.join("k8.der")).unwrap();
        let key = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_ASN1_SIGNING, &key).unwrap();
        Party { key, certificate: std::fs::read(d.join("r.der")).unwrap() }
    }
}

pub fn delegation(agency: &str, node: &str, usage: &str, key: &[u8], by: &Party) -> String {
    let day = |n: i64| Clock::System.now().plus_seconds(n * 86_400).rfc3339()[..19].to_owned() + "Z";
    let body = format!(
        "lgsp-delegation/1\nagency {agency}\nnode {node}\nuse {usage}\nkey ed25519:{}\nnot-before {}\nnot-after {}\ncertificate {}\n\n",
        STANDARD.encode(key),
        day(-1),
        day(1),
        STANDARD.encode(&by.certificate)
    );
    let signature = by.sign(body.as_bytes()).unwrap();
    format!("{body}signature {}\n", STANDARD.encode(signature))
}

fn log_key(node: &str) -> LogKey {
    LogKey::for_node(node, sha256(node.as_bytes()).0)
}
fn public(vkey: &str) -> Vec<u8> {
    STANDARD.decode(vkey.splitn(3, '+').nth(2).unwrap()).unwrap()[1..].to_vec()
}
fn open(dir: &Path, node: &str) -> Log {
    let config = LogConfig { gather: Duration::ZERO, disk_reserve_bytes: 0, ..LogConfig::new(dir, node) };
    Log::open(config, log_key(node), Clock::System).unwrap()
}
fn append(log: &Log, id: ExchangeId, entry: &Entry, bodies: Vec<(BodyRole, &[u8])>) {
    let mut draft = Draft::of(Some(id), serde_json::to_vec(entry).unwrap().into());
    draft.bodies = bodies.into_iter().map(|(r, b)| (r, bytes::Bytes::copy_from_slice(b))).collect();
    let _ = log.append(draft).unwrap().wait().unwrap();
}
fn exchange_id(n: u8) -> ExchangeId {
    ExchangeId::at(Clock::System.now(), [n; 10])
}

/// A record of an exchange in the shape that the gateway writes.
fn record(id: ExchangeId, part: &str, leg: &str, body: &[u8]) -> Entry {
    let message = serde_json::json!({"head": sha256(b"head").base64(), "body": sha256(body).base64(), "bytes": body.len()});
    let mut record = serde_json::json!({
        "type": "exchange", "id": id, "part": part, "at": Clock::System.now(), "edge": "rest", "outcome": "answered",
        "stated": {"officer": "\"body\":\"AAAA\" \\ {", "purpose": "tra cứu"}, "status": 200,
    });
    record[leg] = serde_json::json!({"received": message, "sent": message});
    serde_json::from_value(record).unwrap()
}

struct Said<'a> {
    id: ExchangeId,
    delegation: &'a str,
    body: &'a [u8],
}

fn end(fields: &str, said: &Said<'_>, tag: &str) -> String {
    let keyid = sha256(said.delegation.as_bytes());
    let created = Clock::System.now().seconds();
    format!(
        "\"content-digest\": sha-256=:{}:\n{fields}\"lgsp-exchange\": {}\n\"x-quote\": a \"b\" \\c\n\
         \"@signature-params\": (\"content-digest\" \"lgsp-exchange\");created={created};keyid=\"{keyid}\";tag=\"{tag}\"",
        sha256(said.body),
        said.id
    )
}
fn request(said: &Said<'_>) -> String {
    let fields = format!("\"lgsp-from\": {CONSUMER}/H01.15/mot-cua\n\"lgsp-to\": {PROVIDER}/csdl/1.0\n");
    format!(
        "\"@method\": POST\n\"@path\": /peer/1/bo-y/csdl/1.0\n\"@query\": ?\n{}",
        end(&fields, said, "lgsp-request")
    )
}
fn answer(said: &Said<'_>, request: &str) -> String {
    let to = sha256(request.as_bytes());
    let fields = format!("\"lgsp-from\": {PROVIDER}/G15\n\"lgsp-in-reply-to\": {to}\n");
    format!("\"@status\": 200\n{}", end(&fields, said, "lgsp-answer"))
}

fn group_proof(file: &ProofFile, n: usize) -> (String, String) {
    let e = &file.entries[n];
    let mut proof = e.index.to_be_bytes().to_vec();
    proof.extend(STANDARD.decode(e.salt.as_ref().unwrap()).unwrap());
    proof.push(u8::try_from(e.path.len()).unwrap());
    e.path.iter().for_each(|h| proof.extend(STANDARD.decode(h).unwrap()));
    (STANDARD.encode(proof), file.checkpoints[e.checkpoint].clone())
}

/// C2SP tlog-cosignature, written from its document.
pub fn cosign(name: &str, seed: [u8; 32], time: i64, note: &str) -> (String, String) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    let blob = [&[4], pair.public_key().as_ref()].concat();
    let id = sha256(&[name.as_bytes(), b"\n", &blob].concat()).0[..4].to_vec();
    let body = &note[..=note.rfind("\n\n").unwrap()];
    let signature = pair.sign(format!("cosignature/v1\ntime {time}\n{body}").as_bytes());
    let line = [&id, &time.to_be_bytes()[..], signature.as_ref()].concat();
    let vkey = format!("{name}+{}+{}", hex::encode(&id), STANDARD.encode(blob));
    (vkey, format!("{note}\u{2014} {name} {}\n", STANDARD.encode(line)))
}

/// All that a test needs to make and check containers.
pub struct Country {
    pub hub: Hub,
    pub tsa: Authority,
    pub node: Party,
    pub bundle: Bundle,
    pub log_vkey: String,
    pub witness_vkey: String,
}

/// One exchange between two nodes, seen at the consumer's.
pub fn country(mode: Mode) -> Country {
    let dir = tempfile::tempdir().unwrap();
    let (here, there) = (dir.path().join("here"), dir.path().join("there"));
    let hub = Hub::new();
    let tsa = Authority::create("TSA", Clock::System).unwrap();
    let (ours, theirs) = (hub.issue("lgsp:agency:H01.15", ""), hub.issue("lgsp:agency:G15", ""));
    let (our_log, their_log) = (open(&here, CONSUMER), open(&there, PROVIDER));
    let message_key = Ed25519KeyPair::from_seed_unchecked(&[5; 32]).unwrap();
    let d_ours = delegation("H01.15", CONSUMER, "log", &public(&our_log.verifier()), &ours);
    let d_theirs = match mode {
        Mode::Group => delegation("G15", PROVIDER, "log", &public(&their_log.verifier()), &theirs),
        Mode::Message => delegation("G15", PROVIDER, "message", message_key.public_key().as_ref(), &theirs),
    };
    let id = exchange_id(1);
    for n in 2..9 {
        append(&our_log, exchange_id(n), &record(exchange_id(n), "whole", "request", b"x"), vec![]);
        append(&their_log, exchange_id(n), &record(exchange_id(n), "whole", "request", b"x"), vec![]);
    }
    let (asked, answered) = (b"{\"so\":\"1\"}".as_slice(), "{\"ten\":\"Nguyễn\"}".as_bytes());
    append(&our_log, id, &record(id, "request", "request", asked), vec![(BodyRole::Request, asked)]);
    let base = request(&Said { id, delegation: &d_ours, body: asked });
    append(&our_log, id, &Entry::Statement(StatementRecord { exchange: id, base: base.clone() }), vec![]);
    let base = answer(&Said { id, delegation: &d_theirs, body: answered }, &base);
    append(&their_log, id, &Entry::Statement(StatementRecord { exchange: id, base: base.clone() }), vec![]);
    let (proof, checkpoint) = match mode {
        Mode::Group => group_proof(&Archive::open(&there).prove(id, false).unwrap(), 0),
        Mode::Message => (
            STANDARD.encode(message_key.sign(base.as_bytes())),
            Archive::open(&there).head(1).unwrap().unwrap().note,
        ),
    };
    let received = ReceivedRecord {
        exchange: id,
        from: PROVIDER.into(),
        agency: "G15".into(),
        mode: if mode == Mode::Group { "group" } else { "message" }.into(),
        base,
        proof,
        checkpoint: Some(checkpoint),
        delegation: sha256(d_theirs.as_bytes()).base64(),
    };
    append(&our_log, id, &Entry::Received(Box::new(received)), vec![]);
    if mode == Mode::Message {
        let kept = CredentialRecord {
            at: Clock::System.now(),
            kind: "delegation".into(),
            sha256: sha256(d_theirs.as_bytes()).base64(),
            document: STANDARD.encode(&d_theirs),
        };
        append(&our_log, id, &Entry::Credential(kept), vec![]);
    }
    append(&our_log, id, &record(id, "answer", "answer", answered), vec![(BodyRole::Answer, answered)]);
    let archive = Archive::open(&here);
    let proof = archive.prove(id, true).unwrap();
    let older = archive.head(1).unwrap().unwrap();
    for n in 20..25 {
        append(&our_log, exchange_id(n), &record(exchange_id(n), "whole", "request", b"y"), vec![]);
    }
    let newer = archive.head(1).unwrap().unwrap();
    let leaves: Vec<Hash> = archive
        .entries(1, 0..newer.size)
        .unwrap()
        .map(|found| lgsp_evidence::hash::leaf(&found.unwrap().entry))
        .collect();
    let mut full = |level: u32, n: u64| {
        let (from, to) = ((n << level) as usize, ((n + 1) << level) as usize);
        Ok::<_, ()>(tree::root_of(&leaves[from..to]))
    };
    let consistency = tree::consistency_proof(older.size, newer.size, &mut full).unwrap();
    let (witness_vkey, note) =
        cosign("bo-noi-vu/witness", [8; 32], Clock::System.now().seconds(), &newer.note);
    let token = tsa.stamp(&checkpoint_digest(&note).unwrap()).unwrap();
    let node = hub.issue("lgsp:node:tinh-a", "extendedKeyUsage=serverAuth,clientAuth");
    let bundle = Bundle {
        node: CONSUMER.into(),
        made: Millis(Clock::System.now().0),
        proof,
        log_keys: vec![our_log.verifier()],
        // In `message` mode it is in the log.
        delegations: if mode == Mode::Group { vec![d_ours, d_theirs] } else { vec![d_ours] },
        certificates: vec![],
        checkpoints: vec![StampedCheckpoint { note, tokens: vec![token] }],
        links: vec![Link { origin: newer.origin, older: older.size, newer: newer.size, proof: consistency }],
        witnesses: vec![witness_vkey.clone()],
        authorities: vec![hub.root()],
        timestamp_authorities: vec![tsa.chain()[1].clone()],
    };
    Country { hub, tsa, node, bundle, log_vkey: our_log.verifier(), witness_vkey }
}
