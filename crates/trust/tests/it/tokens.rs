//! Keys on a token: SoftHSM, in a process of its own, since a module is initialised once a process and reads its configuration from the
//! environment. Each test makes a token and runs one of the ignored tests below it in a child process.

use crate::common::{agency, never, node, now, succeeds, trusting};
use lgsp_trust::key::Token;
use lgsp_trust::{
    Algorithm, Authority, Chain, KeyError, PinSource, Purpose, Requested, Signer, Term, TokenKey, TokenPlace,
    Tokens, csr_for_agency, verify,
};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const MODULES: [&str; 3] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
];
const FOLDER: &str = "LGSP_TEST_TOKEN_FOLDER";
const MODULE: &str = "LGSP_TEST_TOKEN_MODULE";

fn softhsm() -> Option<PathBuf> {
    let there = || MODULES.iter().map(PathBuf::from).find(|p| p.exists());
    there().or_else(|| {
        let install = "test $(id -u) = 0 && apt-get install -y softhsm2 opensc >/dev/null 2>&1";
        let _ = std::process::Command::new("sh").args(["-c", install]).status();
        there()
    })
}

fn skipped(what: &str) {
    eprintln!(
        "SKIPPED: {what} is not on this machine, so keys on tokens were NOT tested. apt-get install softhsm2 opensc p11-kit"
    );
}

/// Makes a token called `t` in a new folder.
fn prepare(folder: &Path) {
    std::fs::create_dir(folder.join("tokens")).unwrap();
    let conf = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        folder.join("tokens").display()
    );
    std::fs::write(folder.join("softhsm2.conf"), conf).unwrap();
    std::fs::write(folder.join("pin"), "1234\n").unwrap();
    new_token(folder);
}

fn new_token(folder: &Path) {
    let init =
        ["softhsm2-util", "--init-token", "--free", "--label", "t", "--so-pin", "12345678", "--pin", "1234"];
    let conf = format!("SOFTHSM2_CONF={}", folder.join("softhsm2.conf").display());
    succeeds("env", &[&[conf.as_str()][..], &init].concat(), folder);
}

fn in_a_process_of_its_own(test: &str) {
    let Some(module) = softhsm() else { return skipped("SoftHSM") };
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", test])
        .env("SOFTHSM2_CONF", folder.path().join("softhsm2.conf"))
        .env(FOLDER, folder.path())
        .env(MODULE, module)
        .env("P11_KIT_SERVER_ADDRESS", format!("unix:path={}", folder.path().join("p11.sock").display()))
        .output()
        .unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

fn folder() -> PathBuf {
    PathBuf::from(std::env::var(FOLDER).expect("run by the test that makes the token"))
}

fn place() -> TokenPlace {
    let module = std::env::var(MODULE).unwrap().into();
    TokenPlace { module, label: "t".into(), pin: PinSource::File(folder().join("pin")) }
}

fn token() -> Arc<Token> {
    Tokens::default().token(&place()).unwrap()
}

/// Tries until it succeeds, as the platform's next call would.
fn soon(mut f: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !f() {
        assert!(Instant::now() < until, "it did not come back");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn keys_on_a_token_sign_requests_and_certificates_that_everybody_can_check() {
    in_a_process_of_its_own("tokens::child_signs");
}

#[test]
#[ignore = "run in a process of its own by the test above"]
fn child_signs() {
    let token = token();
    for algorithm in [Algorithm::EcdsaP256, Algorithm::Ed25519] {
        let label = algorithm.as_str();
        assert!(matches!(TokenKey::open(&token, label), Err(KeyError::NoSuchKey { .. })));
        let key = TokenKey::create(&token, label, algorithm).unwrap();
        assert!(matches!(TokenKey::create(&token, label, algorithm), Err(KeyError::KeyExists { .. })));
        let again = TokenKey::open(&token, label).unwrap();
        assert_eq!((again.algorithm(), again.public_key_der()), (algorithm, key.public_key_der()));
        for n in 0..50u32 {
            let message = vec![n as u8; n as usize * 100];
            let signature = again.sign(&message).unwrap();
            verify(&key.public_key_der(), algorithm, &message, &signature).unwrap();
        }
        let csr = csr_for_agency(&again, &agency("H01.15")).unwrap();
        assert_eq!(Requested::read(&csr).unwrap().public_key_der, key.public_key_der());
    }
    let key: Arc<dyn Signer> = Arc::new(TokenKey::create(&token, "ca", Algorithm::EcdsaP256).unwrap());
    let authority = Authority::create(key, &node("hub"), now()).unwrap();
    let office = crate::common::key(Algorithm::Ed25519);
    let csr = csr_for_agency(&*office, &agency("H01.15")).unwrap();
    let issued = authority.issue_agency(&csr, &agency("H01.15"), Term::usual(now())).unwrap();
    assert!(Chain::verify(&[&issued.der], &trusting(&authority), Purpose::Agency, now(), &never).is_ok());
    let at = folder();
    std::fs::write(at.join("ca.pem"), authority.certificate_pem()).unwrap();
    std::fs::write(at.join("a.pem"), issued.pem()).unwrap();
    let time = now().seconds().to_string();
    succeeds("openssl", &["verify", "-x509_strict", "-attime", &time, "-CAfile", "ca.pem", "a.pem"], &at);
}

#[test]
fn many_threads_share_a_tokens_few_sessions() {
    in_a_process_of_its_own("tokens::child_shares");
}

#[test]
#[ignore = "run in a process of its own by the test above"]
fn child_shares() {
    let key = TokenKey::create(&token(), "k", Algorithm::EcdsaP256).unwrap();
    std::thread::scope(|s| {
        for thread in 0..16u8 {
            let key = &key;
            s.spawn(move || {
                for n in 0..20 {
                    let signature = key.sign(&[thread, n]).unwrap();
                    verify(&key.public_key_der(), Algorithm::EcdsaP256, &[thread, n], &signature).unwrap();
                }
            });
        }
    });
}

#[test]
fn a_wrong_pin_is_tried_once_and_the_right_one_works_as_soon_as_it_is_there() {
    in_a_process_of_its_own("tokens::child_pin");
}

#[test]
#[ignore = "run in a process of its own by the test above"]
fn child_pin() {
    let (token, pin) = (token(), folder().join("pin"));
    std::fs::write(&pin, "9999").unwrap();
    let create = || TokenKey::create(&token, "k", Algorithm::EcdsaP256);
    for _ in 0..3 {
        assert!(matches!(create(), Err(KeyError::PinRefused(_))));
    }
    for bad in [&b""[..], b"   \n", &[0xff; 5], &[b'1'; 300]] {
        std::fs::write(&pin, bad).unwrap();
        assert!(matches!(create(), Err(KeyError::PinSource { .. })));
    }
    std::fs::remove_file(&pin).unwrap();
    assert!(matches!(create(), Err(KeyError::PinSource { .. })));
    std::fs::write(&pin, "1234").unwrap();
    assert!(create().unwrap().sign(b"m").is_ok());
}

#[test]
fn a_token_taken_out_is_said_to_be_absent_and_signs_again_when_it_is_back() {
    in_a_process_of_its_own("tokens::child_removal");
}

#[test]
#[ignore = "run in a process of its own by the test above"]
fn child_removal() {
    let (at, tokens) = (folder(), Tokens::default());
    let key = TokenKey::create(&tokens.token(&place()).unwrap(), "k", Algorithm::EcdsaP256).unwrap();
    key.sign(b"m").unwrap();
    let take_out = |to: &str| {
        std::fs::rename(at.join("tokens"), at.join(to)).unwrap();
        std::fs::create_dir(at.join("tokens")).unwrap();
    };
    take_out("drawer");
    soon(|| matches!(key.sign(b"m"), Err(KeyError::TokenAbsent(_))));
    std::fs::remove_dir(at.join("tokens")).unwrap();
    std::fs::rename(at.join("drawer"), at.join("tokens")).unwrap();
    soon(|| key.sign(b"m").is_ok());
    // Another token of the same label, with another key of the same label.
    take_out("drawer");
    new_token(&at);
    soon(|| matches!(key.sign(b"m"), Err(KeyError::NoSuchKey { .. })));
    let other = TokenKey::create(&tokens.token(&place()).unwrap(), "k", Algorithm::EcdsaP256).unwrap();
    other.sign(b"m").unwrap();
    soon(|| matches!(key.sign(b"m"), Err(KeyError::OtherKey { .. })));
}

const SERVER: &str = "/usr/libexec/p11-kit/p11-kit-server";
const CLIENT: &str = "/usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so";

/// SoftHSM served by another process, killed with this.
struct Served(std::process::Child);

impl Served {
    fn start(folder: &Path, module: &str) -> Self {
        let socket = folder.join("p11.sock");
        let _ = std::fs::remove_file(&socket);
        let child = std::process::Command::new(SERVER)
            .args([
                "--foreground",
                "--name",
                socket.to_str().unwrap(),
                "--provider",
                module,
                "pkcs11:token=t",
            ])
            .process_group(0)
            .spawn()
            .unwrap();
        soon(|| socket.exists());
        Self(child)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It serves each connection in a child of its own: all of its group go.
        let group = format!("-{}", self.0.id());
        let _ = std::process::Command::new("kill").args(["-9", "--", &group]).status();
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_token_served_by_another_process_is_used_again_when_that_was_killed_and_started_anew() {
    if !Path::new(SERVER).exists() || !Path::new(CLIENT).exists() {
        return skipped("p11-kit's server or client");
    }
    in_a_process_of_its_own("tokens::child_served");
}

#[test]
#[ignore = "run in a process of its own by the test above"]
fn child_served() {
    let (at, module) = (folder(), std::env::var(MODULE).unwrap());
    let place = TokenPlace { module: CLIENT.into(), ..place() };
    let server = Served::start(&at, &module);
    let tokens = Tokens::default();
    let key = TokenKey::create(&tokens.token(&place).unwrap(), "k", Algorithm::EcdsaP256).unwrap();
    verify(&key.public_key_der(), Algorithm::EcdsaP256, b"m", &key.sign(b"m").unwrap()).unwrap();
    drop(server);
    let error = key.sign(b"m").unwrap_err();
    assert!(matches!(error, KeyError::TokenAbsent(_) | KeyError::Token { .. }), "{error}");
    let _server = Served::start(&at, &module);
    soon(|| key.sign(b"m").is_ok());
}

#[test]
fn a_module_that_is_none_and_a_token_that_is_none_are_named() {
    let lost = TokenPlace {
        module: "/nowhere.so".into(),
        label: "t".into(),
        pin: PinSource::Env("NO_SUCH_PIN".into()),
    };
    assert!(matches!(Tokens::default().token(&lost), Err(KeyError::Module { .. })));
    let text = std::env::current_exe().unwrap();
    let wrong = TokenPlace { module: text, ..lost };
    assert!(matches!(Tokens::default().token(&wrong), Err(KeyError::Module { .. })));
    in_a_process_of_its_own("tokens::child_absent");
}

#[test]
#[ignore = "run in a process of its own by the test above"]
fn child_absent() {
    let tokens = Tokens::default();
    let token = tokens.token(&TokenPlace { label: "other".into(), ..place() }).unwrap();
    assert!(matches!(TokenKey::open(&token, "k"), Err(KeyError::TokenAbsent(_))));
}
