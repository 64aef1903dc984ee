//! The hub's certificate authority: its own certificate and those it issues. Several may be valid at once, which is how one is rotated: a new one
//! is listed beside the old, certificates are issued anew, the old one is dropped; after a compromise it is dropped first. Not here: which are
//! listed (the directory), where the key lives.

use crate::certificate::{self, CertError, Subject, agency_uri, node_host, node_uri};
use crate::key::{Algorithm, KeyError, Signer};
use crate::request::{Remote, Requested, ia5};
use lgsp_kernel::{AgencyCode, Millis, NodeName};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyUsagePurpose,
    SanType, SerialNumber, SubjectPublicKeyInfo,
};
use std::sync::Arc;
use time::OffsetDateTime;

/// How long a hub's authority is valid, days: ten years.
pub const AUTHORITY_DAYS: u32 = 3652;
/// How long a node's or an agency's certificate is valid unless said otherwise, days.
pub const CERTIFICATE_DAYS: u32 = 90;
/// The longest term of an issued certificate, days.
pub const CERTIFICATE_DAYS_MAX: u32 = 397;
/// How far the beginning lies back, so that a certificate is valid at once on machines whose clocks are behind. Seconds.
pub const BACKDATE_SECONDS: i64 = 15 * 60;
const DAY_SECONDS: i64 = 86_400;

/// From when until when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// First instant, cut to the second.
    pub from: Millis,
    /// Last instant, cut to the second.
    pub until: Millis,
}

impl Term {
    /// So many days from now, beginning a little earlier.
    pub fn days(now: Millis, days: u32) -> Self {
        Self {
            from: now.plus_seconds(-BACKDATE_SECONDS),
            until: now.plus_seconds(i64::from(days) * DAY_SECONDS),
        }
    }
    /// The usual term of a certificate.
    pub fn usual(now: Millis) -> Self {
        Self::days(now, CERTIFICATE_DAYS)
    }
    /// When a certificate of this term should be renewed: after two thirds.
    pub fn renew_at(self) -> Millis {
        Millis(self.from.0 + (self.until.0 - self.from.0) / 3 * 2)
    }
}

/// A certificate just issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The certificate.
    pub der: Vec<u8>,
    /// Its serial number, hexadecimal.
    pub serial: String,
    /// Its digest, by which it may be revoked.
    pub sha256: [u8; 32],
    /// Until when it is valid.
    pub not_after: Millis,
}

impl Issued {
    /// The certificate as PEM.
    pub fn pem(&self) -> String {
        crate::pem::encode(crate::pem::CERTIFICATE, &self.der)
    }
}

/// A hub's authority: a key and its self-signed certificate.
#[derive(Debug)]
pub struct Authority {
    signer: Arc<dyn Signer>,
    der: Vec<u8>,
    from: Millis,
    until: Millis,
}

impl Authority {
    /// A new authority of the hub with this name: self-signed, ten years, may issue end certificates only.
    pub fn create(signer: Arc<dyn Signer>, hub: &NodeName, now: Millis) -> Result<Self, CertError> {
        if signer.algorithm() != Algorithm::EcdsaP256 {
            return Err(KeyError::Unsupported(format!("an authority with {}", signer.algorithm())).into());
        }
        let term = Term::days(now, AUTHORITY_DAYS);
        let mut params = blank(term)?;
        let number = &hex::encode(crate::sha256(&signer.public_key_der()))[..8];
        // Each authority has a name of its own, so that two of one hub are told apart while both are valid.
        params.distinguished_name.push(DnType::CommonName, format!("{hub} lgsp authority {number}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.use_authority_key_identifier_extension = false;
        let der = {
            let key = Remote::new(&*signer)?;
            params.self_signed(&key).map_err(|e| key.error(&e))?.der().to_vec()
        };
        Self::load(signer, der)
    }

    /// An authority from its key and its certificate.
    pub fn load(signer: Arc<dyn Signer>, der: Vec<u8>) -> Result<Self, CertError> {
        let (from, until) = {
            let read = certificate::parse(&der)?;
            if read.public_key().raw != signer.public_key_der() {
                return Err(CertError::AuthorityKey);
            }
            if !certificate::is_ca(&read) {
                return Err(CertError::NotAnAuthority(certificate::whose(&read)));
            }
            (certificate::not_before(&read), certificate::not_after(&read))
        };
        Ok(Self { signer, der, from, until })
    }

    /// The certificate.
    pub fn certificate_der(&self) -> &[u8] {
        &self.der
    }
    /// The certificate as PEM.
    pub fn certificate_pem(&self) -> String {
        crate::pem::encode(crate::pem::CERTIFICATE, &self.der)
    }
    /// Its digest, by which the directory lists or drops it.
    pub fn sha256(&self) -> [u8; 32] {
        crate::sha256(&self.der)
    }
    /// Until when it is valid.
    pub fn not_after(&self) -> Millis {
        self.until
    }

    /// Issues a node's TLS certificate for the key of a request. The name is the one the hub approved, whatever the request asks for.
    pub fn issue_node(&self, csr_der: &[u8], node: &NodeName, term: Term) -> Result<Issued, CertError> {
        let request = Requested::read(csr_der)?;
        self.node(&request.public_key_der, request.algorithm, node, term)
    }

    /// Issues an agency's certificate for the key of a request, under the code the hub approved.
    pub fn issue_agency(&self, csr_der: &[u8], agency: &AgencyCode, term: Term) -> Result<Issued, CertError> {
        let request = Requested::read(csr_der)?;
        self.agency(&request.public_key_der, agency, term)
    }

    /// Issues anew, for the same key and name, what a hub authority issued before: for rotation, without a new request.
    pub fn reissue(&self, subject: &Subject, term: Term) -> Result<Issued, CertError> {
        match (&subject.node, &subject.agency) {
            (Some(node), None) => self.node(&subject.public_key_der, subject.algorithm, node, term),
            (None, Some(agency)) => self.agency(&subject.public_key_der, agency, term),
            _ => Err(CertError::Request(
                "the certificate to be issued anew names neither a node nor an agency",
            )),
        }
    }

    fn node(
        &self,
        key: &[u8],
        algorithm: Algorithm,
        node: &NodeName,
        term: Term,
    ) -> Result<Issued, CertError> {
        if algorithm != Algorithm::EcdsaP256 {
            return Err(KeyError::Unsupported(format!("a node's TLS key of {algorithm}")).into());
        }
        let names = vec![SanType::DnsName(ia5(&node_host(node)?)?), SanType::URI(ia5(&node_uri(node))?)];
        let uses = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(key, node.as_str(), names, uses, term)
    }

    fn agency(&self, key: &[u8], agency: &AgencyCode, term: Term) -> Result<Issued, CertError> {
        let names = vec![SanType::URI(ia5(&agency_uri(agency))?)];
        self.issue(key, agency.as_str(), names, Vec::new(), term)
    }

    fn issue(
        &self,
        key: &[u8],
        name: &str,
        names: Vec<SanType>,
        uses: Vec<ExtendedKeyUsagePurpose>,
        term: Term,
    ) -> Result<Issued, CertError> {
        if key == self.signer.public_key_der() {
            return Err(CertError::Request("it is made with the authority's own key"));
        }
        let term = self.within(term)?;
        let mut params = blank(term)?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.subject_alt_names = names;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = uses;
        params.use_authority_key_identifier_extension = true;
        let holder = SubjectPublicKeyInfo::from_der(key).map_err(|_| KeyError::PublicKey)?;
        let remote = Remote::new(&*self.signer)?;
        let issuer = Issuer::from_ca_cert_der(&self.der.as_slice().into(), &remote)
            .map_err(|_| CertError::Form("the authority's certificate"))?;
        let der = params.signed_by(&holder, &issuer).map_err(|e| remote.error(&e))?.der().to_vec();
        let read = certificate::parse(&der)?;
        Ok(Issued {
            serial: hex::encode(read.raw_serial()),
            sha256: crate::sha256(&der),
            not_after: certificate::not_after(&read),
            der: der.clone(),
        })
    }

    /// No certificate begins before or outlives its authority.
    fn within(&self, term: Term) -> Result<Term, CertError> {
        if term.until.0.saturating_sub(term.from.0)
            > (i64::from(CERTIFICATE_DAYS_MAX) * DAY_SECONDS + BACKDATE_SECONDS) * 1000
        {
            return Err(CertError::Term("a certificate is valid for 397 days at most"));
        }
        let cut = Term { from: term.from.max(self.from), until: term.until.min(self.until) };
        if cut.until <= cut.from {
            return Err(CertError::Term("it is empty, or outside the authority's own: rotate the authority"));
        }
        Ok(cut)
    }
}

/// Parameters with nothing but a term and a random serial number of 20 bytes (RFC 5280, 4.1.2.2: positive).
fn blank(term: Term) -> Result<CertificateParams, CertError> {
    let mut serial = [0u8; 20];
    getrandom::fill(&mut serial).map_err(|e| KeyError::Sign(e.to_string()))?;
    // The first bit clear keeps it positive, the second set keeps its length at 20.
    serial[0] = serial[0] & 0x7f | 0x40;
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.not_before = date(term.from)?;
    params.not_after = date(term.until)?;
    Ok(params)
}

fn date(at: Millis) -> Result<OffsetDateTime, CertError> {
    OffsetDateTime::from_unix_timestamp(at.seconds()).map_err(|_| CertError::Term("the date is out of range"))
}
