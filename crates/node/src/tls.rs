//! The listeners' certificate and what callers' certificates must be, made from the files that `lgsp.toml` names. Whose a
//! caller's certificate is, identity decides by its fingerprint.

use crate::config::Config;
use crate::config::schema::ClientCertificates;
use lgsp_kernel::Clock;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::aws_lc_rs;
use rustls::server::NoClientAuth;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

/// Certificates that end within this many days are warned of.
pub const EXPIRY_WARNING_DAYS: i64 = 21;

/// A key of `lgsp.toml` and what is wrong with the file it names.
pub type FileProblem = (&'static str, String);

/// The server side of TLS as the configuration wants it; none where no certificate is configured.
pub fn server_config(config: &Config) -> Result<Option<Arc<ServerConfig>>, FileProblem> {
    let Some(certified) = certified_key(config)? else { return Ok(None) };
    let verifier = client_verifier(config)?;
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| ("tls.cert", e.to_string()))?;
    let mut tls = builder
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(Arc::new(tls)))
}

/// What is wrong with the files of `[tls]`, and `provider.roots`.
pub fn problems(config: &Config) -> Vec<FileProblem> {
    let mut out = Vec::new();
    out.extend(certified_key(config).err());
    out.extend(client_verifier(config).err());
    if !config.provider.roots.as_os_str().is_empty() {
        out.extend(roots("provider.roots", &config.provider.roots).err());
    }
    out
}

/// What is worth a warning: a certificate that ends soon, a key that others may read.
pub fn warnings(config: &Config) -> Vec<FileProblem> {
    let mut out = Vec::new();
    if !config.tls.cert.as_os_str().is_empty()
        && let Ok(chain) = chain("tls.cert", &config.tls.cert)
        && let Some(days) = chain.first().and_then(days_left)
        && days < EXPIRY_WARNING_DAYS
    {
        let text = if days < 0 { "has expired".to_owned() } else { format!("expires in {days} days") };
        out.push(("tls.cert", text));
    }
    if let Ok(meta) = std::fs::metadata(&config.tls.key)
        && meta.mode() & 0o007 != 0
    {
        let key = config.tls.key.display();
        out.push((
            "tls.key",
            format!("others may read it (mode {:04o}); run: chmod 0600 {key}", meta.mode() & 0o7777),
        ));
    }
    out
}

/// Whole days until a certificate ends; negative if it has.
pub fn days_left(certificate: &CertificateDer<'_>) -> Option<i64> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let now = Clock::System.now().seconds();
    Some((parsed.validity().not_after.timestamp() - now).div_euclid(86_400))
}

/// Seconds since 1970 at which the configured certificate ends.
pub fn expires_at(config: &Config) -> Option<i64> {
    let chain = chain("tls.cert", &config.tls.cert).ok()?;
    let (_, parsed) = x509_parser::parse_x509_certificate(chain.first()?).ok()?;
    Some(parsed.validity().not_after.timestamp())
}

fn certified_key(config: &Config) -> Result<Option<CertifiedKey>, FileProblem> {
    let (cert, key) = (&config.tls.cert, &config.tls.key);
    match (cert.as_os_str().is_empty(), key.as_os_str().is_empty()) {
        (true, true) => return Ok(None),
        (true, false) => return Err(("tls.cert", "is not set, but tls.key is".into())),
        (false, true) => return Err(("tls.key", "is not set, but tls.cert is".into())),
        (false, false) => {}
    }
    let chain = chain("tls.cert", cert)?;
    let der = PrivateKeyDer::from_pem_file(key)
        .map_err(|e| ("tls.key", format!("{}: no PEM private key: {e}", key.display())))?;
    let signing = aws_lc_rs::sign::any_supported_type(&der)
        .map_err(|e| ("tls.key", format!("{}: {e}", key.display())))?;
    let certified = CertifiedKey::new(chain, signing);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
            Ok(Some(certified))
        }
        Err(_) => Err((
            "tls.key",
            format!("{} does not belong to the first certificate in {}", key.display(), cert.display()),
        )),
    }
}

fn chain(name: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, FileProblem> {
    let bad = |e: &dyn std::fmt::Display| (name, format!("{}: {e}", path.display()));
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(|e| bad(&e))?.collect();
    let found = found.map_err(|e| bad(&e))?;
    if found.is_empty() {
        return Err(bad(&"no PEM certificate in it"));
    }
    Ok(found)
}

/// The roots in a PEM file.
pub fn roots(name: &'static str, path: &Path) -> Result<RootCertStore, FileProblem> {
    let mut store = RootCertStore::empty();
    for certificate in chain(name, path)? {
        store.add(certificate).map_err(|e| (name, format!("{}: {e}", path.display())))?;
    }
    Ok(store)
}

fn client_verifier(config: &Config) -> Result<Arc<dyn ClientCertVerifier>, FileProblem> {
    let mode = config.tls.client_certificates;
    if mode == ClientCertificates::Off {
        return Ok(Arc::new(NoClientAuth));
    }
    let path = &config.tls.client_ca;
    let bad = |e: &dyn std::fmt::Display| ("tls.client_ca", format!("{}: {e}", path.display()));
    let pem = match path.as_os_str().is_empty() {
        true => None,
        false => Some(std::fs::read(path).map_err(|e| bad(&e))?),
    };
    let optional = lgsp_identity::tls::client_verifier(pem.as_deref(), Clock::System).map_err(|e| bad(&e))?;
    Ok(if mode == ClientCertificates::Required { Arc::new(Required(optional)) } else { optional })
}

/// The same verifier, but no connection without a certificate.
#[derive(Debug)]
struct Required(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for Required {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }
    fn client_auth_mandatory(&self) -> bool {
        true
    }
    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.0.verify_client_cert(leaf, intermediates, now)
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, signed)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, signed)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{problems, server_config};
    use crate::config::Config;
    use std::path::Path;

    fn pair(dir: &Path, name: &str) -> rcgen::CertifiedKey<rcgen::KeyPair> {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        std::fs::write(dir.join(format!("{name}.pem")), made.cert.pem()).unwrap();
        std::fs::write(dir.join(format!("{name}.key")), made.signing_key.serialize_pem()).unwrap();
        made
    }

    #[test]
    fn a_certificate_is_taken_with_its_own_key_only() {
        let dir = tempfile::tempdir().unwrap();
        pair(dir.path(), "a");
        pair(dir.path(), "b");
        let mut config = Config::default();
        assert!(server_config(&config).unwrap().is_none());
        config.tls.cert = dir.path().join("a.pem");
        assert_eq!(server_config(&config).unwrap_err().0, "tls.key");
        config.tls.key = dir.path().join("b.key");
        let (key, text) = server_config(&config).unwrap_err();
        assert!(key == "tls.key" && text.contains("does not belong to the first certificate"), "{text}");
        config.tls.key = dir.path().join("a.key");
        assert!(server_config(&config).unwrap().is_some());
    }

    #[test]
    fn files_that_are_missing_or_hold_something_else_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.tls.client_ca = dir.path().join("none.pem");
        std::fs::write(dir.path().join("empty.pem"), "nothing").unwrap();
        config.provider.roots = dir.path().join("empty.pem");
        let found = problems(&config);
        assert_eq!(found.iter().map(|p| p.0).collect::<Vec<_>>(), ["tls.client_ca", "provider.roots"]);
        assert!(found[1].1.contains("no PEM certificate"), "{found:?}");
    }
}
