//! Whole containers through the script.

use crate::country::{Country, Mode, country};
use crate::shell::run;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::RSA_PSS_SHA256;
use lgsp_export::asice::{Container, ExportError, export};
use lgsp_export::{SealAlgorithm, SealKey};
use std::path::Path;

/// Writes what a verifier brings along, and gives the options that name it.
pub fn options(dir: &Path, c: &Country) -> String {
    std::fs::copy(c.hub.pem(), dir.join("ca.pem")).unwrap();
    std::fs::write(dir.join("tsa.der"), &c.tsa.chain()[1]).unwrap();
    crate::shell::ok(dir, "openssl x509 -inform DER -in tsa.der -out tsa.pem");
    std::fs::write(dir.join("logs"), format!("{}\n", c.log_vkey)).unwrap();
    std::fs::write(dir.join("witnesses"), format!("{}\n", c.witness_vkey)).unwrap();
    "--authorities ca.pem --tsa tsa.pem --witnesses witnesses".into()
}

/// Runs the script with `dash`, or `sh` where there is none.
pub fn verify(dir: &Path, options: &str, container: &[u8]) -> (i32, String) {
    std::fs::write(dir.join("x.asice"), container).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/verify-asice.sh");
    run(dir, &format!("shell=$(command -v dash || command -v sh); $shell '{script}' {options} x.asice"))
}

/// Signed and stamped.
pub fn sealed(c: &Country) -> Vec<u8> {
    let mut container = Container::of(&c.bundle).unwrap();
    container.sign(std::slice::from_ref(&c.node.certificate), &c.node).unwrap();
    let token = c.tsa.stamp(&container.manifest_digest()).unwrap();
    container.stamp(token).unwrap();
    container.to_zip().unwrap()
}

#[test]
fn a_container_is_checked_back_to_the_keys_that_were_given() {
    for mode in [Mode::Group, Mode::Message] {
        let dir = tempfile::tempdir().unwrap();
        let c = country(mode);
        let options = options(dir.path(), &c);
        let (code, text) = verify(dir.path(), &options, &sealed(&c));
        assert_eq!(code, 0, "{text}");
        for said in [
            "statements/01: sent (lgsp-request, mode log): agency H01.15 at node tinh-a stands by it",
            "agency G15 at node bo-y stands by it",
            "statements/02: it answers statements/01",
            "bo-noi-vu/witness saw it",
            "not later than",
            if mode == Mode::Message { "a record of kind credential" } else { "the sender's own log" },
            "body-01-answer.bin: 18 bytes, as the record states",
            "the body it names is in the container",
            "CHECKED all parts",
        ] {
            assert!(text.contains(said), "{said:?} is not in\n{text}");
        }
    }
}

#[test]
fn without_keys_from_elsewhere_it_says_that_nothing_is_tied() {
    let dir = tempfile::tempdir().unwrap();
    let c = country(Mode::Group);
    let (code, text) = verify(dir.path(), "", &sealed(&c));
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("UNTIED authorities") && text.contains("FITS"), "{text}");
}

#[test]
fn a_signature_alone_or_a_timestamp_alone_seals_it() {
    let dir = tempfile::tempdir().unwrap();
    let c = country(Mode::Group);
    let options = options(dir.path(), &c);
    let signed = export(&c.bundle, std::slice::from_ref(&c.node.certificate), &c.node).unwrap();
    let (code, text) = verify(dir.path(), &options, &signed);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("none   META-INF/timestamp002.tst"), "{text}");
    let mut stamped = Container::of(&c.bundle).unwrap();
    assert!(matches!(stamped.to_zip(), Err(ExportError::Unsealed)));
    stamped.stamp(c.tsa.stamp(&stamped.manifest_digest()).unwrap()).unwrap();
    let (code, text) = verify(dir.path(), &options, &stamped.to_zip().unwrap());
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("none   META-INF/signature001.p7s"), "{text}");
}

struct Rsa(RsaKeyPair);

impl SealKey for Rsa {
    fn algorithm(&self) -> SealAlgorithm {
        SealAlgorithm::RsaPss
    }
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        let mut out = vec![0; self.0.public_modulus_len()];
        self.0.sign(&RSA_PSS_SHA256, &SystemRandom::new(), message, &mut out).map_err(|e| e.to_string())?;
        Ok(out)
    }
}

#[test]
fn a_foreign_authority_s_rsa_key_can_sign_and_its_name_is_said_to_be_unknown() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let mut c = country(Mode::Group);
    let options = options(d, &c);
    crate::shell::ok(
        d,
        "printf '[req]\\ndistinguished_name=dn\\n[dn]\\n' > c.cnf
         openssl req -x509 -config c.cnf -newkey rsa:2048 -nodes -keyout k.pem -out r.pem -subj '/CN=Bo Noi vu' -days 9
         openssl x509 -in r.pem -outform DER -out r.der; cat r.pem >> ca.pem
         openssl pkcs8 -topk8 -nocrypt -in k.pem -outform DER -out k8.der",
    );
    let key = Rsa(RsaKeyPair::from_pkcs8(&std::fs::read(d.join("k8.der")).unwrap()).unwrap());
    c.bundle.made = lgsp_kernel::Clock::System.now();
    let signed = export(&c.bundle, &[std::fs::read(d.join("r.der")).unwrap()], &key).unwrap();
    let (code, text) = verify(d, &options, &signed);
    assert_eq!((code, text.contains("signed by CN=Bo Noi vu")), (3, true), "{text}");
}

#[test]
fn the_same_parts_give_the_same_members_in_the_same_order() {
    let c = country(Mode::Group);
    let (a, b) = (Container::of(&c.bundle).unwrap(), Container::of(&c.bundle).unwrap());
    assert_eq!(a.manifest_digest(), b.manifest_digest());
    let token = c.tsa.stamp(&a.manifest_digest()).unwrap();
    let zip = |mut x: Container| {
        x.stamp(token.clone()).unwrap();
        x.to_zip().unwrap()
    };
    assert_eq!(zip(a), zip(b));
}

#[test]
fn an_erased_record_and_a_missing_delegation_are_named_and_not_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut c = country(Mode::Group);
    c.bundle.proof.entries[0].record = None;
    c.bundle.proof.entries[0].salt = None;
    c.bundle.proof.entries[0].bodies.clear();
    let options = options(dir.path(), &c);
    let (code, text) = verify(dir.path(), &options, &sealed(&c));
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("none   entries/01: was there; its record was erased"), "{text}");
    c.bundle.log_keys = vec![c.log_vkey.clone()];
    let gone = c.bundle.delegations.remove(1);
    c.bundle.log_keys.push(vkey_in(&gone));
    let (code, text) = verify(dir.path(), &options, &sealed(&c));
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("UNTIED statements/02: there is no delegation"), "{text}");
}

fn vkey_in(_delegation: &str) -> String {
    let name = "bo-y";
    lgsp_evidence::LogKey::for_node(name, lgsp_evidence::hash::sha256(name.as_bytes()).0).verifier()
}
