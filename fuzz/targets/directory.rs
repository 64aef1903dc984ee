//! The directory's files: only what the keys signed is taken from an envelope, and whatever a payload says is read without harm.
#![no_main]

use lgsp_directory::document::{FreshnessStatement, Revocations, Root, read, write};
use lgsp_directory::envelope::Envelope;
use lgsp_directory::members::Members;
use lgsp_directory::{Role, SigningKey, read_root};
use libfuzzer_sys::fuzz_target;

/// What the key signed; `seeds/directory/signed.json` is its envelope.
const SIGNED: &[u8] = br#"{"type":"revocations","format":1,"version":1,"issued":"2026-11-22T00:00:00Z","expires":"2026-11-29T00:00:00Z"}"#;

fuzz_target!(|data: &[u8]| {
    let key = SigningKey::from_seed(&[7; 32]).public();
    if let Ok(envelope) = Envelope::parse(data) {
        let again = Envelope::parse(&envelope.to_bytes()).expect("what is written is read");
        assert_eq!(again, envelope);
        for role in Role::ALL {
            let signers = envelope.signers(role.payload_type(), &[key]);
            assert!(
                signers.is_empty() || (role == Role::Revocations && envelope.unverified_payload() == SIGNED)
            );
        }
        read_all(envelope.unverified_payload());
    }
    let _ = read_root(data);
    read_all(data);
});

fn read_all(payload: &[u8]) {
    if let Ok(document) = read::<Members>(payload) {
        assert_eq!(read::<Members>(&write(&document)), Ok(document));
    }
    if let Ok(document) = read::<Root>(payload) {
        assert_eq!(read::<Root>(&write(&document)), Ok(document));
    }
    if let Ok(document) = read::<Revocations>(payload) {
        assert_eq!(read::<Revocations>(&write(&document)), Ok(document));
    }
    if let Ok(document) = read::<FreshnessStatement>(payload) {
        assert_eq!(read::<FreshnessStatement>(&write(&document)), Ok(document));
    }
}
