//! Whether an authority vouches for a certificate, now and for this purpose. Signatures and the shape of the path are checked by rustls-webpki;
//! names, purpose, depth, revocation and the authority's own validity here. Not here: who may do what.

use crate::certificate::{self, CertError, Purpose, Subject};
use crate::key::Algorithm;
use lgsp_kernel::Millis;
use rustls::pki_types::{CertificateDer, UnixTime};
use std::sync::Arc;
use std::time::Duration;
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, anchor_from_trusted_cert};

/// The most certificates that a peer may show: an end, two intermediates, and the authority itself, which is passed over.
pub const CHAIN_MAX: usize = 4;
/// The most authorities that are listed for one purpose.
pub const AUTHORITIES_MAX: usize = 64;

/// Where an authority comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The hub's own: the names in its certificates are what the hub approved, and are believed.
    Hub,
    /// Somebody else's that the directory lists: its certificates say nothing here about nodes or agencies; the directory binds them.
    Foreign,
}

#[derive(Clone)]
struct Listed {
    der: CertificateDer<'static>,
    sha256: [u8; 32],
    origin: Origin,
    until: Millis,
    from: Millis,
}

/// The authorities that are believed for one purpose, and intermediates that help to reach them.
#[derive(Clone, Default)]
pub struct Authorities {
    listed: Vec<Arc<Listed>>,
    intermediates: Vec<CertificateDer<'static>>,
}

impl std::fmt::Debug for Authorities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digests = self.listed.iter().map(|l| (l.origin, hex::encode(l.sha256)));
        f.debug_list().entries(digests).finish()
    }
}

impl Authorities {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }
    /// These and one more. Refused unless it is an authority's certificate (CA).
    pub fn with(mut self, der: &[u8], origin: Origin) -> Result<Self, CertError> {
        let (from, until) = read_authority(der)?;
        if self.listed.len() >= AUTHORITIES_MAX {
            return Err(CertError::TooLong {
                what: "the list of authorities",
                length: self.listed.len() + 1,
                max: AUTHORITIES_MAX,
            });
        }
        let sha256 = crate::sha256(der);
        if self.listed.iter().all(|l| l.sha256 != sha256) {
            let der = CertificateDer::from(der.to_vec());
            self.listed.push(Arc::new(Listed { der, sha256, origin, from, until }));
        }
        Ok(self)
    }
    /// These and an intermediate, believed only as far as a listed authority vouches for it.
    pub fn with_intermediate(mut self, der: &[u8]) -> Result<Self, CertError> {
        read_authority(der)?;
        if self.intermediates.len() >= AUTHORITIES_MAX {
            return Err(CertError::TooLong {
                what: "the list of intermediates",
                length: self.intermediates.len() + 1,
                max: AUTHORITIES_MAX,
            });
        }
        self.intermediates.push(CertificateDer::from(der.to_vec()));
        Ok(self)
    }
    /// The digests of the authorities listed.
    pub fn digests(&self) -> impl Iterator<Item = [u8; 32]> + '_ {
        self.listed.iter().map(|l| l.sha256)
    }
    /// Those that may vouch for this purpose: for nodes, the hub's own alone.
    fn usable(&self, purpose: Purpose) -> impl Iterator<Item = &Arc<Listed>> {
        self.listed.iter().filter(move |l| purpose != Purpose::Node || l.origin == Origin::Hub)
    }
    /// Whether none is listed.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }
}

fn read_authority(der: &[u8]) -> Result<(Millis, Millis), CertError> {
    let read = certificate::parse(der)?;
    let may_issue = read.key_usage().ok().flatten().is_none_or(|u| u.value.key_cert_sign());
    if !certificate::is_ca(&read) || !may_issue {
        return Err(CertError::NotAnAuthority(certificate::whose(&read)));
    }
    let der = CertificateDer::from(der);
    anchor_from_trusted_cert(&der).map_err(|_| CertError::Form("it cannot serve as an authority"))?;
    Ok((certificate::not_before(&read), certificate::not_after(&read)))
}

/// Extended key usage is judged by [`certificate::check_purpose`], on the end certificate.
struct AnyUse;
impl ExtendedKeyUsageValidator for AnyUse {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

/// Checking chains.
pub struct Chain;

impl Chain {
    /// Checks a chain, the end certificate first, and says who it speaks for. `revoked` is asked for the digest of every certificate used.
    pub fn verify<C: AsRef<[u8]>>(
        certs: &[C],
        authorities: &Authorities,
        purpose: Purpose,
        now: Millis,
        revoked: &dyn Fn(&[u8; 32]) -> bool,
    ) -> Result<Subject, CertError> {
        let (end, shown) = bounded(certs)?;
        let read = certificate::parse(end)?;
        let whose = certificate::whose(&read);
        if certificate::is_ca(&read) {
            return Err(if is_self_signed(&read) {
                CertError::SelfMade(whose)
            } else {
                CertError::AuthorityAsEnd(whose)
            });
        }
        let usable = authorities.usable(purpose).collect();
        let path = Path {
            end,
            shown,
            usable,
            extra: &authorities.intermediates,
            purpose,
            now,
            whose: whose.clone(),
        };
        let (listed, between) = path.build(&read)?;
        certificate::check_time(&read, now)?;
        let used = std::iter::once(crate::sha256(end)).chain(between.iter().copied()).chain([listed.sha256]);
        if let Some(which) = used.into_iter().find(|d| revoked(d)) {
            return Err(CertError::Revoked { whose, sha256: hex::encode(which) });
        }
        certificate::check_purpose(&read, purpose)?;
        subject(&read, end, listed, between, purpose)
    }

    /// Whether what was verified before still holds: time, revocation, and that its authority is still listed. A few look-ups, no signature.
    pub fn recheck(
        subject: &Subject,
        authorities: &Authorities,
        purpose: Purpose,
        now: Millis,
        revoked: &dyn Fn(&[u8; 32]) -> bool,
    ) -> Result<(), CertError> {
        let whose = || subject.name.clone();
        if now < subject.not_before {
            return Err(CertError::NotYetValid { whose: whose(), at: subject.not_before.rfc3339() });
        }
        if now > subject.not_after {
            return Err(CertError::Expired { whose: whose(), at: subject.not_after.rfc3339() });
        }
        if let Some(which) = std::iter::once(&subject.sha256).chain(&subject.issuers).find(|d| revoked(d)) {
            return Err(CertError::Revoked { whose: whose(), sha256: hex::encode(which) });
        }
        let authority = subject.issuers.last().copied().unwrap_or_default();
        if !authorities.usable(purpose).any(|l| l.sha256 == authority) {
            let issuer = format!("the authority of sha256 {}", hex::encode(authority));
            return Err(CertError::UnknownAuthority { whose: whose(), issuer, wanted: purpose });
        }
        Ok(())
    }
}

fn bounded<C: AsRef<[u8]>>(certs: &[C]) -> Result<(&[u8], Vec<CertificateDer<'_>>), CertError> {
    if certs.len() > CHAIN_MAX {
        return Err(CertError::TooLong {
            what: "the chain (certificates)",
            length: certs.len(),
            max: CHAIN_MAX,
        });
    }
    let (end, rest) = certs.split_first().ok_or(CertError::Form("there is none"))?;
    if let Some(long) = certs.iter().find(|c| c.as_ref().len() > certificate::CERTIFICATE_MAX) {
        return Err(CertError::TooLong {
            what: "the certificate (bytes)",
            length: long.as_ref().len(),
            max: certificate::CERTIFICATE_MAX,
        });
    }
    Ok((end.as_ref(), rest.iter().map(|c| CertificateDer::from(c.as_ref())).collect()))
}

fn is_self_signed(read: &x509_parser::certificate::X509Certificate<'_>) -> bool {
    read.subject().as_raw() == read.issuer().as_raw()
}

struct Path<'a> {
    end: &'a [u8],
    shown: Vec<CertificateDer<'a>>,
    usable: Vec<&'a Arc<Listed>>,
    extra: &'a [CertificateDer<'static>],
    purpose: Purpose,
    now: Millis,
    whose: String,
}

impl<'a> Path<'a> {
    /// The listed authority that the path ends in, and the digests of what lies between.
    fn build(
        &self,
        read: &x509_parser::certificate::X509Certificate<'_>,
    ) -> Result<(&'a Listed, Vec<[u8; 32]>), CertError> {
        let end = CertificateDer::from(self.end);
        let end = EndEntityCert::try_from(&end).map_err(|e| self.explain(read, &e))?;
        let now = u64::try_from(self.now.seconds()).unwrap_or(0);
        let time = UnixTime::since_unix_epoch(Duration::from_secs(now));
        let between: Vec<CertificateDer<'_>> =
            self.shown.iter().chain(self.extra).map(|c| CertificateDer::from(c.as_ref())).collect();
        let mut refused = None;
        for listed in &self.usable {
            let anchor = anchor_from_trusted_cert(&listed.der).map_err(|e| self.explain(read, &e))?;
            let anchors = [anchor];
            match end.verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                &anchors,
                &between,
                time,
                AnyUse,
                None,
                None,
            ) {
                Ok(path) => {
                    let used: Vec<_> =
                        path.intermediate_certificates().map(|c| crate::sha256(&c.der())).collect();
                    self.check_depth(used.len())?;
                    self.check_authority(listed, used.len())?;
                    return Ok((listed, used));
                }
                Err(e) => keep_the_more_telling(&mut refused, e),
            }
        }
        Err(self.explain(read, &refused.unwrap_or(webpki::Error::UnknownIssuer)))
    }

    fn check_depth(&self, found: usize) -> Result<(), CertError> {
        let max = self.purpose.intermediates_max();
        if found > max {
            return Err(CertError::TooDeep { whose: self.whose.clone(), wanted: self.purpose, found, max });
        }
        Ok(())
    }

    /// What webpki does not look at in a trust anchor: its own validity and its path length.
    fn check_authority(&self, listed: &Listed, intermediates: usize) -> Result<(), CertError> {
        let read = certificate::parse(&listed.der)?;
        certificate::check_time(&read, self.now)?;
        let most = read.basic_constraints().ok().flatten().and_then(|b| b.value.path_len_constraint);
        match most {
            Some(max) if intermediates > max as usize => Err(CertError::TooDeep {
                whose: self.whose.clone(),
                wanted: self.purpose,
                found: intermediates,
                max: max as usize,
            }),
            _ => Ok(()),
        }
    }

    fn explain(
        &self,
        read: &x509_parser::certificate::X509Certificate<'_>,
        error: &webpki::Error,
    ) -> CertError {
        use webpki::Error as E;
        let whose = self.whose.clone();
        match error {
            E::CertExpired { not_after, .. } => CertError::Expired { whose, at: at(not_after) },
            E::CertNotValidYet { not_before, .. } => CertError::NotYetValid { whose, at: at(not_before) },
            E::CaUsedAsEndEntity => CertError::AuthorityAsEnd(whose),
            E::EndEntityUsedAsCa => CertError::NotAnAuthority(whose),
            E::InvalidSignatureForPublicKey => CertError::BadSignature(whose),
            E::NameConstraintViolation => CertError::Constraint(whose),
            E::PathLenConstraintViolated
            | E::MaximumPathDepthExceeded
            | E::MaximumPathBuildCallsExceeded
            | E::MaximumSignatureChecksExceeded => CertError::TooDeep {
                whose,
                wanted: self.purpose,
                found: self.shown.len(),
                max: self.purpose.intermediates_max(),
            },
            E::UnknownIssuer if is_self_signed(read) => CertError::SelfMade(whose),
            E::UnknownIssuer => {
                let issuer = certificate::shown(&read.issuer().to_string());
                CertError::UnknownAuthority { whose, issuer, wanted: self.purpose }
            }
            E::UnsupportedCriticalExtension => {
                CertError::Form("it has a critical extension that is not known here")
            }
            E::UnsupportedSignatureAlgorithmContext(_)
            | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
                CertError::Algorithm { whose, what: read.signature_algorithm.algorithm.to_id_string() }
            }
            _ => CertError::Form("its extensions or encoding break RFC 5280"),
        }
    }
}

fn at(time: &UnixTime) -> String {
    Millis(i64::try_from(time.as_secs()).unwrap_or(i64::MAX / 1000).saturating_mul(1000)).rfc3339()
}

/// Of the reasons that several authorities give, any other says more than "unknown issuer".
fn keep_the_more_telling(kept: &mut Option<webpki::Error>, new: webpki::Error) {
    match kept {
        None | Some(webpki::Error::UnknownIssuer) => *kept = Some(new),
        Some(_) => {}
    }
}

fn subject(
    read: &x509_parser::certificate::X509Certificate<'_>,
    end: &[u8],
    listed: &Listed,
    between: Vec<[u8; 32]>,
    purpose: Purpose,
) -> Result<Subject, CertError> {
    let named = |wanted| listed.origin == Origin::Hub && purpose == wanted;
    let public_key_der = read.public_key().raw.to_vec();
    let algorithm = Algorithm::of_public_key(&public_key_der)
        .map_err(|e| CertError::Algorithm { whose: certificate::whose(read), what: e.to_string() })?;
    if purpose == Purpose::Node && algorithm != Algorithm::EcdsaP256 {
        return Err(CertError::Algorithm { whose: certificate::whose(read), what: algorithm.to_string() });
    }
    let mut issuers = between;
    issuers.push(listed.sha256);
    Ok(Subject {
        node: if named(Purpose::Node) { Some(certificate::node_named(read)?) } else { None },
        agency: if named(Purpose::Agency) { Some(certificate::agency_named(read)?) } else { None },
        name: certificate::whose(read),
        serial: hex::encode(read.raw_serial()),
        sha256: crate::sha256(end),
        issuers,
        not_before: certificate::not_before(read).max(listed.from),
        not_after: certificate::not_after(read).min(listed.until),
        public_key_der,
        algorithm,
    })
}
