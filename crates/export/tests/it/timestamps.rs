//! Timestamps, with `openssl ts` as the other implementation.

use crate::shell::{ok, run};
use lgsp_export::tsa::{Authority, Client, Fetch, TsaError, read_response, request, verify_token};
use lgsp_kernel::{Clock, Millis};
use proptest::prelude::*;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

const DIGEST: [u8; 32] = [9; 32];
const NOON: Millis = Millis(1_790_000_000_000);

fn authority() -> Authority {
    Authority::create("Thử nghiệm TSA", Clock::manual(NOON)).unwrap()
}
fn roots(a: &Authority) -> Vec<Vec<u8>> {
    vec![a.chain()[1].clone()]
}

/// A timestamp authority of `openssl`: its certificate authority in DER.
fn openssl_authority(dir: &Path, key: &str, extended: &str) -> Vec<u8> {
    let config = format!(
        "[tsa]\ndefault_tsa=t\n[t]\ndir=.\nserial=./serial\ncrypto_device=builtin\nsigner_digest=sha256\n\
         default_policy=1.2.3.4.1\nother_policies=1.2.3.4.5\ndigests=sha256,sha384\naccuracy=secs:1,millisecs:500\n\
         ordering=yes\ntsa_name=yes\ness_cert_id_chain=yes\ness_cert_id_alg=sha256\nclock_precision_digits=3\n\
         [ext]\nbasicConstraints=critical,CA:false\n{extended}\n[ca]\nbasicConstraints=critical,CA:true\n[req]\ndistinguished_name=dn\n[dn]\n"
    );
    std::fs::write(dir.join("c.cnf"), config).unwrap();
    std::fs::write(dir.join("serial"), "01\n").unwrap();
    let script = format!(
        "openssl req -x509 -config c.cnf -newkey {key} -nodes -keyout ca.key -out ca.pem -subj '/CN=Root' -days 30 -extensions ca
         openssl req -config c.cnf -newkey {key} -nodes -keyout t.key -out t.csr -subj '/CN=Another TSA'
         openssl x509 -req -in t.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out t.pem -days 20 -extfile c.cnf -extensions ext
         openssl x509 -in ca.pem -outform DER -out ca.der"
    );
    ok(dir, &script);
    std::fs::read(dir.join("ca.der")).unwrap()
}

fn reply(dir: &Path, query: &[u8]) -> Vec<u8> {
    std::fs::write(dir.join("q"), query).unwrap();
    ok(dir, "openssl ts -reply -config c.cnf -queryfile q -signer t.pem -inkey t.key -out r");
    std::fs::read(dir.join("r")).unwrap()
}

#[test]
fn openssl_accepts_our_answer_to_its_query() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let tsa = Authority::create("TSA", Clock::System).unwrap();
    std::fs::write(dir.join("ca.der"), &tsa.chain()[1]).unwrap();
    std::fs::write(dir.join("data"), "what is stamped").unwrap();
    for hash in ["-sha256", "-sha384", "-sha512"] {
        ok(dir, &format!("openssl ts -query -data data {hash} -cert -out q"));
        std::fs::write(dir.join("r"), tsa.handle(&std::fs::read(dir.join("q")).unwrap())).unwrap();
        ok(
            dir,
            "openssl x509 -inform DER -in ca.der -out ca.pem && openssl ts -verify -queryfile q -in r -CAfile ca.pem",
        );
    }
    std::fs::write(dir.join("data"), "something else").unwrap();
    assert_ne!(run(dir, "openssl ts -verify -data data -in r -CAfile ca.pem").0, 0);
}

#[test]
fn we_accept_tokens_of_openssl_with_rsa_and_with_elliptic_curves() {
    for key in ["rsa:2048", "ec -pkeyopt ec_paramgen_curve:P-256", "ec -pkeyopt ec_paramgen_curve:P-384"] {
        let dir = tempfile::tempdir().unwrap();
        let root = openssl_authority(dir.path(), key, "extendedKeyUsage=critical,timeStamping");
        let before = Clock::System.now();
        let response = reply(dir.path(), &request(&DIGEST, &[0xff; 8]).unwrap());
        let token = read_response(&response).unwrap();
        let roots = [root];
        let stamp = verify_token(&token, &DIGEST, Some(&[0xff; 8]), &roots, Clock::System.now()).expect(key);
        assert!(stamp.time.0 >= before.0 - 1000 && stamp.tsa.contains("Another TSA"), "{stamp:?}");
        assert_eq!((stamp.policy.as_str(), stamp.serial.as_str()), ("1.2.3.4.1", "02"));
    }
}

#[test]
fn a_certificate_that_is_not_for_timestamps_alone_is_not_accepted() {
    let usages = ["critical,timeStamping,emailProtection", "timeStamping"];
    for (usage, made_by_openssl) in usages.iter().zip([false, false]) {
        let dir = tempfile::tempdir().unwrap();
        openssl_authority(dir.path(), "rsa:2048", &format!("extendedKeyUsage={usage}"));
        std::fs::write(dir.path().join("q"), request(&DIGEST, &[1]).unwrap()).unwrap();
        let (code, out) =
            run(dir.path(), "openssl ts -reply -config c.cnf -queryfile q -signer t.pem -inkey t.key -out r");
        assert_eq!(code == 0, made_by_openssl, "{out}");
    }
}

#[test]
fn a_token_of_something_else_is_refused() {
    let tsa = authority();
    let nonce = [0x80, 1, 2, 3];
    let response = tsa.handle(&request(&DIGEST, &nonce).unwrap());
    let token = read_response(&response).unwrap();
    let roots = roots(&tsa);
    let good = verify_token(&token, &DIGEST, Some(&nonce), &roots, NOON).unwrap();
    assert_eq!(good.time, NOON);
    assert_eq!(verify_token(&token, &[8; 32], Some(&nonce), &roots, NOON), Err(TsaError::Imprint));
    assert_eq!(verify_token(&token, &DIGEST, Some(&[1]), &roots, NOON), Err(TsaError::Nonce));
    let foreign = super::timestamps::roots(&authority());
    for wrong in [vec![], foreign] {
        let refused = verify_token(&token, &DIGEST, None, &wrong, NOON);
        assert!(matches!(refused, Err(TsaError::Certificate(_))), "{refused:?}");
    }
    let earlier = NOON.plus_seconds(-301);
    assert!(matches!(verify_token(&token, &DIGEST, None, &roots, earlier), Err(TsaError::Future(_))));
    let pinned = [tsa.chain()[0].clone()];
    assert_eq!(verify_token(&token, &DIGEST, None, &pinned, NOON), Ok(good), "pinned itself");
}

#[test]
fn a_token_from_outside_the_certificates_validity_is_refused() {
    let clock = Clock::manual(NOON);
    let tsa = Authority::create("TSA", clock.clone()).unwrap();
    clock.advance(6 * 365 * 86_400_000);
    let token = tsa.stamp(&DIGEST).unwrap();
    let refused = verify_token(&token, &DIGEST, None, &roots(&tsa), clock.now());
    assert!(matches!(refused, Err(TsaError::Certificate(_))), "{refused:?}");
}

#[test]
fn no_altered_byte_of_a_token_makes_it_say_something_else() {
    let tsa = authority();
    let token = tsa.stamp(&DIGEST).unwrap();
    let roots = roots(&tsa);
    let good = verify_token(&token, &DIGEST, None, &roots, NOON).unwrap();
    let mut accepted = 0;
    for at in 0..token.len() {
        for flip in [1, 0x80] {
            let mut altered = token.clone();
            altered[at] ^= flip;
            if let Ok(stamp) = verify_token(&altered, &DIGEST, None, &roots, NOON) {
                accepted += 1;
                assert_eq!(stamp, good, "byte {at}");
            }
        }
    }
    assert!(accepted < 40, "only what says nothing may change: {accepted}");
}

#[test]
fn a_request_that_cannot_be_served_gets_a_refusal_that_says_why() {
    let tsa = authority();
    let good = request(&DIGEST, &[5; 8]).unwrap();
    let mut sha1 = good.clone();
    let at = sha1.windows(9).position(|w| w == [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1]).unwrap();
    sha1[at + 8] = 4;
    for (bad, failure) in [
        (b"hello".to_vec(), "failure 5"),
        (vec![0x30; 5000], "failure 5"),
        (good[..good.len() - 1].to_vec(), "failure 5"),
        (sha1, "failure 0"),
    ] {
        match read_response(&tsa.handle(&bad)) {
            Err(TsaError::Refused(why)) => assert!(why.contains(failure), "{why}"),
            other => panic!("{other:?}"),
        }
    }
    let dir = tempfile::tempdir().unwrap();
    ok(dir.path(), "echo x > d; openssl ts -query -data d -sha256 -tspolicy 1.2.3.4 -out q");
    let answer = tsa.handle(&std::fs::read(dir.path().join("q")).unwrap());
    assert!(matches!(read_response(&answer), Err(TsaError::Refused(w)) if w.contains("failure 15")));
}

#[test]
fn an_authority_is_the_same_after_it_was_stored_and_its_key_is_not_shown() {
    let tsa = authority();
    let again = Authority::load(&tsa.key_pkcs8(), tsa.chain().to_vec(), Clock::manual(NOON)).unwrap();
    let token = again.with_policy("1.2.3.4").unwrap().stamp(&DIGEST).unwrap();
    let stamp = verify_token(&token, &DIGEST, None, &roots(&tsa), NOON).unwrap();
    assert_eq!((stamp.policy.as_str(), stamp.tsa.as_str()), ("1.2.3.4", "CN=Thử nghiệm TSA"));
    assert_eq!(format!("{tsa:?}"), "Authority(policy 1.3.6.1.4.1.32473.1.1)");
    let other = authority();
    assert!(Authority::load(&tsa.key_pkcs8(), other.chain().to_vec(), Clock::System).is_err());
}

struct Direct(Arc<Authority>, bool);
impl Fetch for Direct {
    fn post<'a>(
        &'a self,
        _url: &'a str,
        _content_type: &'static str,
        _accept: &'static str,
        body: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send + 'a>> {
        // A lying one answers with a token that it gave before.
        let body = if self.1 { request(&DIGEST, &[1; 16]).unwrap() } else { body };
        Box::pin(async move { Ok(self.0.handle(&body)) })
    }
}

#[tokio::test]
async fn a_client_takes_the_answer_to_its_own_question_only() {
    let tsa = Arc::new(authority());
    let honest = Client::new(Direct(tsa.clone(), false), "http://tsa", roots(&tsa), Clock::manual(NOON));
    assert_eq!(honest.stamp(&DIGEST).await.unwrap().timestamp.time, NOON);
    let replayed = Client::new(Direct(tsa.clone(), true), "http://tsa", roots(&tsa), Clock::manual(NOON));
    assert_eq!(replayed.stamp(&DIGEST).await, Err(TsaError::Nonce));
}

proptest! {
    #[test]
    fn nothing_that_comes_in_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0usize..60, with: u8) {
        let tsa = authority();
        tsa.handle(&bytes);
        let _ = read_response(&bytes);
        let _ = verify_token(&bytes, &DIGEST, None, &[], NOON);
        let mut near = request(&DIGEST, &[5; 8]).unwrap();
        let n = near.len();
        near[at % n] = with;
        let _ = read_response(&tsa.handle(&near));
    }
}
