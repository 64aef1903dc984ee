//! What the tests share: keys, authorities, times, certificates that no honest authority would issue, the openssl program.

use lgsp_kernel::{AgencyCode, Millis, NodeName};
use lgsp_trust::{
    Algorithm, Authorities, Authority, FileKey, Issued, Origin, Signer, Term, csr_for_agency, csr_for_node,
};
use std::process::{Command, Output};
use std::sync::Arc;

pub fn now() -> Millis {
    Millis::parse("2026-11-22T00:00:00Z").unwrap()
}

pub fn node(name: &str) -> NodeName {
    NodeName::new(name).unwrap()
}

pub fn agency(code: &str) -> AgencyCode {
    code.parse().unwrap()
}

pub fn key(algorithm: Algorithm) -> Arc<FileKey> {
    Arc::new(FileKey::generate(algorithm).unwrap())
}

pub fn p256() -> Arc<FileKey> {
    key(Algorithm::EcdsaP256)
}

pub fn hub() -> Authority {
    Authority::create(p256(), &node("hub"), now()).unwrap()
}

pub fn trusting(authority: &Authority) -> Authorities {
    Authorities::new().with(authority.certificate_der(), Origin::Hub).unwrap()
}

/// A node's key and certificate.
pub fn member(hub: &Authority, name: &str) -> (Arc<FileKey>, Issued) {
    let key = p256();
    let csr = csr_for_node(&*key, &node(name)).unwrap();
    let issued = hub.issue_node(&csr, &node(name), Term::usual(now())).unwrap();
    (key, issued)
}

/// An agency's key and certificate.
pub fn office(hub: &Authority, code: &str, algorithm: Algorithm) -> (Arc<FileKey>, Issued) {
    let key = key(algorithm);
    let csr = csr_for_agency(&*key, &agency(code)).unwrap();
    let issued = hub.issue_agency(&csr, &agency(code), Term::usual(now())).unwrap();
    (key, issued)
}

pub fn never(_: &[u8; 32]) -> bool {
    false
}

/// Runs a program and shows what it said if it failed.
pub fn run(program: &str, arguments: &[&str], folder: &std::path::Path) -> Output {
    Command::new(program).args(arguments).current_dir(folder).output().unwrap()
}

pub fn succeeds(program: &str, arguments: &[&str], folder: &std::path::Path) -> String {
    let output = run(program, arguments, folder);
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    said
}

/// An issuer of any kind of certificate, made by rcgen directly.
pub struct Foreign {
    pub issuer: rcgen::CertifiedIssuer<'static, rcgen::KeyPair>,
}

impl Foreign {
    pub fn root(name: &str, kind: &'static rcgen::SignatureAlgorithm, depth: u8) -> Self {
        let key = rcgen::KeyPair::generate_for(kind).unwrap();
        Self { issuer: rcgen::CertifiedIssuer::self_signed(Self::authority(name, depth), key).unwrap() }
    }
    pub fn authority(name: &str, depth: u8) -> rcgen::CertificateParams {
        let mut p = blank(name);
        p.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(depth));
        p.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
        p
    }
    pub fn under(&self, name: &str, depth: u8) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        Self {
            issuer: rcgen::CertifiedIssuer::signed_by(Self::authority(name, depth), key, &self.issuer)
                .unwrap(),
        }
    }
    pub fn der(&self) -> Vec<u8> {
        self.issuer.der().to_vec()
    }
    pub fn issue(&self, params: rcgen::CertificateParams, key: &dyn Signer) -> Vec<u8> {
        let spki = rcgen::SubjectPublicKeyInfo::from_der(&key.public_key_der()).unwrap();
        params.signed_by(&spki, &self.issuer).unwrap().der().to_vec()
    }
}

/// Parameters of a certificate valid around [`now`].
pub fn blank(name: &str) -> rcgen::CertificateParams {
    let mut p = rcgen::CertificateParams::default();
    p.distinguished_name = rcgen::DistinguishedName::new();
    p.distinguished_name.push(rcgen::DnType::CommonName, name);
    p.not_before = rcgen::date_time_ymd(2026, 1, 1);
    p.not_after = rcgen::date_time_ymd(2027, 12, 31);
    p.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    p
}

/// Parameters that claim to be a node.
pub fn as_node(name: &str) -> rcgen::CertificateParams {
    let mut p = blank(name);
    p.subject_alt_names = vec![
        rcgen::SanType::DnsName(format!("{name}.node.lgsp").try_into().unwrap()),
        rcgen::SanType::URI(format!("lgsp:node:{name}").try_into().unwrap()),
    ];
    p.extended_key_usages =
        vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth, rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    p
}

/// Parameters that claim to be an agency.
pub fn as_agency(code: &str) -> rcgen::CertificateParams {
    let mut p = blank(code);
    p.subject_alt_names = vec![rcgen::SanType::URI(format!("lgsp:agency:{code}").try_into().unwrap())];
    p
}
