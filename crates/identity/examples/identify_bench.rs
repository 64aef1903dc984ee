//! What it costs to identify a caller whose token is remembered, and one whose token is not.
//! Run: `cargo run --release -p lgsp-identity --example identify_bench`.
#![allow(clippy::unwrap_used, missing_docs)]

use http::HeaderMap;
use lgsp_identity::{Identity, IdentityConfig, TokenRequest};
use lgsp_kernel::model::{CredentialKind, CredentialSpec, SystemSpec};
use lgsp_kernel::snapshot::{Credential, Snapshot, System};
use lgsp_kernel::{AgencyCode, Clock, CredentialId, SystemId, Vault};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

const SECRET: &str = "bench-secret-0123456789";

fn registry(vault: &Vault, systems: usize) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let agency: AgencyCode = "H01.15".parse().unwrap();
    for n in 0..systems {
        let id = SystemId::new(format!("system-{n}")).unwrap();
        let spec = SystemSpec {
            id: id.clone(),
            agency: agency.clone(),
            name: "bench".into(),
            contact: None,
            remote: None,
            suspended: false,
        };
        snapshot.systems.insert(id.clone(), Arc::new(System { spec, agency: agency.clone() }));
        let spec = CredentialSpec {
            id: CredentialId::new(format!("client-{n}")).unwrap(),
            system: id,
            kind: CredentialKind::Client,
            secret: None,
            digest: None,
            fingerprint: None,
            valid_from: None,
            valid_until: None,
            revoked: false,
        };
        let digest = vault.digest(SECRET.as_bytes());
        let credential = Arc::new(Credential { spec, digest, stamp: 1 });
        snapshot.credentials.insert(credential.spec.id.clone(), credential);
    }
    snapshot
}

fn call_of(identity: &Identity, snapshot: &Snapshot, client: usize) -> HeaderMap {
    let body = format!("grant_type=client_credentials&client_id=client-{client}&client_secret={SECRET}");
    let request =
        TokenRequest { headers: &HeaderMap::new(), body: body.as_bytes(), certificate: None, address: None };
    let answer = identity.token(snapshot, &request);
    let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let mut headers = HeaderMap::new();
    let value = format!("Bearer {}", json["access_token"].as_str().unwrap());
    headers.insert("authorization", value.parse().unwrap());
    headers
}

fn measure(name: &str, rounds: u32, mut work: impl FnMut(usize)) {
    for i in 0..rounds as usize / 10 {
        work(i);
    }
    let start = Instant::now();
    for i in 0..rounds as usize {
        work(i);
    }
    println!("{name}: {:.0} ns", start.elapsed().as_nanos() as f64 / f64::from(rounds));
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let store =
        lgsp_store::Store::open(&format!("sqlite:{}", folder.path().join("b.db").display())).await.unwrap();
    store.migrate().await.unwrap();
    let vault = Arc::new(Vault::new(&[3; 32]));
    let open = |cache_max| {
        let config = IdentityConfig { cache_max, ..IdentityConfig::default() };
        Identity::open(store.clone(), vault.clone(), Clock::System, config)
    };
    let (warm, cold) = (open(100_000).await.unwrap(), open(0).await.unwrap());
    let snapshot = registry(&vault, 10_000);
    let calls: Vec<HeaderMap> = (0..1_000).map(|n| call_of(&warm, &snapshot, n * 10)).collect();
    println!("token: {} bytes", calls[0]["authorization"].len() - 7);
    let now = Clock::System.now();
    measure("remembered token", 1_000_000, |i| {
        black_box(warm.identify(&snapshot, &calls[i % calls.len()], None, now)).unwrap();
    });
    measure("token verified anew", 20_000, |i| {
        black_box(cold.identify(&snapshot, &calls[i % calls.len()], None, now)).unwrap();
    });
    measure("token issued", 20_000, |i| {
        black_box(call_of(&warm, &snapshot, i % 10_000));
    });
}
