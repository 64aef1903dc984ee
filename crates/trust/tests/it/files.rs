//! Keys in files.

use lgsp_kernel::Vault;
use lgsp_trust::testing::SlowSigner;
use lgsp_trust::{Algorithm, FileKey, KeyConfig, KeyError, PinSource, Signer as _, Tokens, verify};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[test]
fn a_key_signs_the_same_after_it_was_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::new(&[1; 32]);
    for algorithm in [Algorithm::EcdsaP256, Algorithm::Ed25519] {
        let path = folder.path().join(format!("{algorithm}.key"));
        let made = FileKey::create(&path, &vault, algorithm).unwrap();
        let read = FileKey::load(&path, &vault).unwrap();
        assert_eq!(made.public_key_der(), read.public_key_der());
        let signature = read.sign(b"m").unwrap();
        assert!(verify(&made.public_key_der(), algorithm, b"m", &signature).is_ok());
        assert_eq!(verify(&made.public_key_der(), algorithm, b"n", &signature), Err(KeyError::Signature));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(
            std::fs::read_dir(folder.path())
                .unwrap()
                .filter(|e| { e.as_ref().unwrap().file_name().to_string_lossy().starts_with(".new") })
                .count(),
            0
        );
    }
}

#[test]
fn a_key_file_does_not_open_under_another_name_or_master_key_or_when_altered() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::new(&[1; 32]);
    let (tls, log) = (folder.path().join("tls.key"), folder.path().join("log.key"));
    FileKey::create(&tls, &vault, Algorithm::Ed25519).unwrap();
    std::fs::copy(&tls, &log).unwrap();
    assert_eq!(FileKey::load(&log, &vault).unwrap_err(), KeyError::Sealed(log));
    assert!(matches!(FileKey::load(&tls, &Vault::new(&[2; 32])), Err(KeyError::Sealed(_))));
    let text = std::fs::read(&tls).unwrap();
    // The last byte is the line's end, which is not part of what it says.
    for at in 0..text.len() - 1 {
        let mut altered = text.clone();
        altered[at] ^= 1;
        std::fs::write(&tls, &altered).unwrap();
        assert!(FileKey::load(&tls, &vault).is_err(), "byte {at}");
    }
    for short in [0, 1, 20, text.len() / 2] {
        std::fs::write(&tls, &text[..short]).unwrap();
        assert!(
            matches!(FileKey::load(&tls, &vault), Err(KeyError::Form { .. } | KeyError::Sealed(_))),
            "{short}"
        );
    }
}

#[test]
fn a_key_is_never_overwritten_and_never_read_where_others_may_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::new(&[1; 32]);
    let path = folder.path().join("a.key");
    let first = FileKey::create(&path, &vault, Algorithm::EcdsaP256).unwrap();
    assert!(matches!(FileKey::create(&path, &vault, Algorithm::EcdsaP256), Err(KeyError::Exists(_))));
    let again = FileKey::load_or_create(&path, &vault, Algorithm::EcdsaP256).unwrap();
    assert_eq!(first.public_key_der(), again.public_key_der());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(FileKey::load(&path, &vault), Err(KeyError::Mode(_))));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&path, vec![b'x'; 5000]).unwrap();
    assert!(matches!(FileKey::load(&path, &vault), Err(KeyError::Form { .. })));
    assert!(matches!(FileKey::load(folder.path(), &vault), Err(KeyError::Form { .. } | KeyError::Mode(_))));
    assert!(matches!(FileKey::load(&folder.path().join("none"), &vault), Err(KeyError::File { .. })));
}

#[test]
fn of_two_that_make_the_same_key_at_once_one_makes_it_and_both_have_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.key");
    let keys: Vec<_> = std::thread::scope(|s| {
        let go = || {
            FileKey::load_or_create(&path, &Vault::new(&[1; 32]), Algorithm::Ed25519)
                .unwrap()
                .public_key_der()
        };
        let all: Vec<_> = (0..8).map(|_| s.spawn(go)).collect();
        all.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(keys.windows(2).all(|w| w[0] == w[1]));
}

#[test]
fn what_is_no_public_key_is_refused_without_a_panic() {
    let key = FileKey::generate(Algorithm::EcdsaP256).unwrap();
    let spki = key.public_key_der();
    let signature = key.sign(b"m").unwrap();
    assert!(verify(&spki, Algorithm::Ed25519, b"m", &signature).is_err());
    for length in 0..spki.len() {
        assert!(verify(&spki[..length], Algorithm::EcdsaP256, b"m", &signature).is_err());
    }
    assert!(verify(&[spki.clone(), vec![0]].concat(), Algorithm::EcdsaP256, b"m", &signature).is_err());
    assert!(verify(&vec![0x30; 100_000], Algorithm::RsaPss, b"m", &[]).is_err());
    assert!(verify(&spki, Algorithm::EcdsaP256, b"m", &vec![0; 100_000]).is_err());
}

#[test]
fn nothing_secret_is_shown_by_debug() {
    let key = FileKey::generate(Algorithm::Ed25519).unwrap();
    assert!(format!("{key:?}").len() < 60);
}

#[test]
fn where_a_key_lives_is_read_from_the_configuration_and_mixed_forms_are_refused() {
    let read = |text: &str| serde_json::from_str::<KeyConfig>(text);
    assert_eq!(read(r#"{"file": "a.key"}"#).unwrap(), KeyConfig::File { file: "a.key".into() });
    let token = read(r#"{"module": "/m.so", "token": "t", "key": "k", "pin": {"env": "PIN"}}"#).unwrap();
    let pin = PinSource::Env("PIN".into());
    assert_eq!(token, KeyConfig::Token { module: "/m.so".into(), token: "t".into(), key: "k".into(), pin });
    for bad in [
        r#"{"file": "a.key", "pin": {"env": "PIN"}}"#,
        r#"{"module": "/m.so", "token": "t", "key": "k"}"#,
        r#"{"module": "/m.so", "token": "t", "key": "k", "pin": "1234"}"#,
        "{}",
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
    let folder = tempfile::tempdir().unwrap();
    let (vault, tokens) = (Vault::new(&[1; 32]), Tokens::default());
    let config = KeyConfig::File { file: folder.path().join("a.key") };
    assert!(matches!(config.open(&vault, &tokens), Err(KeyError::File { .. })));
    let made = config.create(&vault, &tokens, Algorithm::Ed25519).unwrap();
    assert_eq!(config.open(&vault, &tokens).unwrap().public_key_der(), made.public_key_der());
}

#[test]
fn the_double_of_a_token_is_as_slow_and_can_be_taken_out() {
    let slow =
        SlowSigner::new(Arc::new(FileKey::generate(Algorithm::Ed25519).unwrap()), Duration::from_millis(5));
    let began = Instant::now();
    std::thread::scope(|s| (0..4).for_each(|_| drop(s.spawn(|| slow.sign(b"m").unwrap()))));
    assert!(began.elapsed() >= Duration::from_millis(20));
    assert_eq!(slow.made(), 4);
    slow.set_absent(true);
    assert!(matches!(slow.sign(b"m"), Err(KeyError::TokenAbsent(_))));
}
