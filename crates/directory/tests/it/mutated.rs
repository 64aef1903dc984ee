//! Whatever is done to a signed file, a reader takes only what was signed, and never panics.

use crate::support::{Hub, NOW};
use lgsp_directory::document::{Document, FreshnessStatement, Revocations, Root, read};
use lgsp_directory::envelope::Envelope;
use lgsp_directory::members::Members;
use lgsp_directory::{Role, read_root};
use proptest::prelude::{ProptestConfig, any, prop_assert, proptest};
use std::sync::LazyLock;

type Files = [(Role, Vec<u8>); 4];

static FILES: LazyLock<(Hub, Files)> = LazyLock::new(|| {
    let hub = Hub::new();
    let files = Role::ALL.map(|role| (role, hub.file(&role.file(1))));
    (hub, files)
});

fn signed_payload(hub: &Hub, role: Role, file: &[u8]) -> Option<Vec<u8>> {
    let envelope = Envelope::parse(file).ok()?;
    let signers = envelope.signers(role.payload_type(), &hub.root.keys_of(role));
    hub.root.suffices(role, &signers).then(|| envelope.into_payload())
}

fn read_all(payload: &[u8]) {
    let _ = read::<Root>(payload).map(|d| d.check());
    let _ = read::<Members>(payload).map(|d| d.check());
    let _ = read::<Revocations>(payload).map(|d| d.check());
    let _ = read::<FreshnessStatement>(payload).map(|d| d.check());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_mutated_file_still_says_what_was_signed_or_is_refused(
        which in 0usize..4, at in any::<proptest::sample::Index>(), byte in any::<u8>(), cut in 0usize..3, with in any::<Vec<u8>>()
    ) {
        let (hub, files) = &*FILES;
        let (role, file) = &files[which];
        let original = signed_payload(hub, *role, file).expect("signed");
        let at = at.index(file.len());
        let mut bad = file.clone();
        bad[at] = byte;
        bad.splice(at..(at + cut).min(file.len()), with.iter().take(cut).copied());
        if let Some(payload) = signed_payload(hub, *role, &bad) {
            prop_assert!(payload == original);
        }
        for other in Role::ALL.into_iter().filter(|r| r != role) {
            prop_assert!(signed_payload(hub, other, &bad).is_none(), "signed for {role}, taken for {other}");
        }
    }

    #[test]
    fn a_mutated_payload_never_panics_its_reader(
        which in 0usize..4, at in any::<proptest::sample::Index>(), with in any::<Vec<u8>>()
    ) {
        let (hub, files) = &*FILES;
        let (role, file) = &files[which];
        let mut payload = signed_payload(hub, *role, file).expect("signed");
        let at = at.index(payload.len());
        let end = (at + with.len()).min(payload.len());
        payload.splice(at..end, with);
        read_all(&payload);
    }

    #[test]
    fn random_bytes_never_panic_a_reader(bytes in any::<Vec<u8>>()) {
        prop_assert!(Envelope::parse(&bytes).is_err() || bytes.len() > 40);
        prop_assert!(read_root(&bytes).is_err());
        read_all(&bytes);
    }
}

#[test]
fn deep_nesting_and_wrong_types_are_refused_without_harm() {
    let deep = format!("{{\"type\":\"members\",\"x\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    read_all(deep.as_bytes());
    assert!(Envelope::parse(deep.as_bytes()).is_err());
    let head = format!(r#""format":1,"version":1,"issued":"{0}","expires":"{0}""#, NOW.rfc3339());
    for payload in [
        format!(r#"{{"type":"members",{head},"members":[null]}}"#),
        format!(r#"{{"type":"members",{head},"members":{{}}}}"#),
        format!(r#"{{"type":"members",{head},{head}}}"#),
        format!(r#"{{"type":"members",{head},"members":[{{"name":"a","title":"","kind":"other","state":"active"}},
            {{"name":"a","title":"","kind":"other","state":"active"}}]}}"#),
        format!(r#"{{"type":"revocations",{head}}}"#),
        r#"{"type":"members","format":1,"version":0,"issued":"2026-01-01T00:00:00Z","expires":"2026-01-01T00:00:00Z"}"#.into(),
        r#"{"type":"members","format":1,"version":9007199254740993,"issued":"2026-01-01T00:00:00Z","expires":"2026-01-01T00:00:00Z"}"#.into(),
        r#"{"type":"members","format":1,"version":1,"issued":"2026-01-01","expires":"2026-01-01T00:00:00Z"}"#.into(),
    ] {
        assert!(read::<Members>(payload.as_bytes()).is_err(), "{payload}");
    }
}

#[test]
fn an_envelope_made_with_openssl_alone_is_accepted() {
    let file = include_bytes!("../../../../fuzz/seeds/directory/signed.json");
    let envelope = Envelope::parse(file).expect("an envelope");
    let key = lgsp_directory::SigningKey::from_seed(&[7; 32]).public();
    assert_eq!(envelope.signers(Role::Revocations.payload_type(), &[key]).len(), 1);
    assert!(envelope.signers(Role::Members.payload_type(), &[key]).is_empty());
    read::<Revocations>(envelope.unverified_payload()).expect("revocations");
}
