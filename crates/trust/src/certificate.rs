//! What a certificate says in this network: whose it is, what for, how long; and the reasons to refuse one. Not here: whether an authority
//! vouches for it (`chain`), issuing (`authority`).

use crate::key::{Algorithm, KeyError};
use lgsp_kernel::{AgencyCode, Millis, NodeName};
use std::fmt;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer as _;

/// The longest certificate that is looked at, bytes; one with an RSA key of 8192 bits and long names stays below.
pub const CERTIFICATE_MAX: usize = 8 << 10;
/// What follows a node's name in the host name of its certificate. It is never looked up: addresses come from the directory.
pub const NODE_SUFFIX: &str = ".node.lgsp";
const NODE_URI: &str = "lgsp:node:";
const AGENCY_URI: &str = "lgsp:agency:";

/// What a certificate may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// A node's TLS, as server and as client.
    Node,
    /// An agency's signature on delegations.
    Agency,
    /// A timestamp authority's signature (RFC 3161).
    Tsa,
}

impl Purpose {
    /// How many intermediates may stand between a certificate and a listed authority.
    pub fn intermediates_max(self) -> usize {
        match self {
            Self::Node => 0,
            Self::Agency | Self::Tsa => 2,
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Node => "node",
            Self::Agency => "agency",
            Self::Tsa => "tsa",
        })
    }
}

/// Why a certificate, a chain, a request or an authority is refused. Each text says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertError {
    /// More bytes or certificates than are looked at.
    #[error("{what} is too long: {length}, at most {max} are read")]
    TooLong {
        /// What.
        what: &'static str,
        /// How long.
        length: usize,
        /// The bound.
        max: usize,
    },
    /// Not a certificate, or one this cannot read.
    #[error(
        "not a certificate that can be read: {0}; ask its issuer for a version 3 certificate of RFC 5280's profile"
    )]
    Form(&'static str),
    /// Its time is over.
    #[error("the certificate of {whose} expired at {at}: renew it")]
    Expired {
        /// Its subject.
        whose: String,
        /// When.
        at: String,
    },
    /// Its time has not come.
    #[error(
        "the certificate of {whose} is valid from {at} only: compare the clocks of both machines, or wait"
    )]
    NotYetValid {
        /// Its subject.
        whose: String,
        /// From when.
        at: String,
    },
    /// The directory lists it as revoked.
    #[error("the certificate of {whose} (sha256 {sha256}) is revoked: a new key and certificate are needed")]
    Revoked {
        /// Its subject.
        whose: String,
        /// Its digest, hexadecimal.
        sha256: String,
    },
    /// Not for this use.
    #[error(
        "the certificate of {whose} is not for purpose {wanted}: {why}; use the one issued for that purpose"
    )]
    WrongPurpose {
        /// Its subject.
        whose: String,
        /// What it was shown for.
        wanted: Purpose,
        /// What it lacks or has too much.
        why: &'static str,
    },
    /// Signed by itself.
    #[error(
        "the certificate of {0} is signed by itself, by no authority: join the network and use the certificate the hub issues"
    )]
    SelfMade(String),
    /// By an authority that is not listed.
    #[error(
        "the certificate of {whose} was issued by {issuer}, which is no authority listed for purpose {wanted}: fetch the directory, or have the certificate issued anew"
    )]
    UnknownAuthority {
        /// Its subject.
        whose: String,
        /// Its issuer.
        issuer: String,
        /// For what.
        wanted: Purpose,
    },
    /// Its signature is not its issuer's.
    #[error(
        "the certificate of {0} is not as its issuer signed it: it was altered, or made under a stolen name"
    )]
    BadSignature(String),
    /// The name is another's.
    #[error(
        "the certificate is that of {found}, not of {wanted}: somebody else answers at this address, or the directory's address is wrong"
    )]
    OtherName {
        /// Who was expected.
        wanted: String,
        /// Who it is.
        found: String,
    },
    /// It names nobody, or badly.
    #[error("the certificate of {whose} does not name its holder as purpose {wanted} demands: {why}")]
    Names {
        /// Its subject.
        whose: String,
        /// For what.
        wanted: Purpose,
        /// What is wrong.
        why: &'static str,
    },
    /// An authority's certificate shown as an end's.
    #[error(
        "the certificate of {0} is an authority's (CA): it may issue, but not speak; use an end certificate"
    )]
    AuthorityAsEnd(String),
    /// An end certificate that issued another.
    #[error(
        "the certificate of {0} hangs on one that is no authority (CA): its issuer had no right to issue"
    )]
    NotAnAuthority(String),
    /// More intermediates than allowed.
    #[error(
        "the chain of {whose} has {found} intermediates, at most {max} are allowed for purpose {wanted}: have it issued closer to the listed authority, or list the intermediate"
    )]
    TooDeep {
        /// Its subject.
        whose: String,
        /// For what.
        wanted: Purpose,
        /// How many.
        found: usize,
        /// How many may be.
        max: usize,
    },
    /// Breaks what its issuer may issue.
    #[error("the certificate of {0} breaks its authority's name constraints: have it issued by one that may")]
    Constraint(String),
    /// A key or signature this cannot or will not check.
    #[error(
        "the certificate of {whose} uses {what}: use P-256 with SHA-256, Ed25519, or RSA of 2048 bits or more with SHA-256"
    )]
    Algorithm {
        /// Its subject.
        whose: String,
        /// Which.
        what: String,
    },
    /// The signing request is not one.
    #[error("not a signing request (PKCS#10) that can be read: {0}; make it again with `lgsp node join`")]
    Request(&'static str),
    /// The signing request is not signed with its own key.
    #[error(
        "the signing request is not signed with the key it names: whoever sent it does not hold the key, or it was altered"
    )]
    RequestSignature,
    /// A node's name that no certificate can carry.
    #[error(
        "{0:?} cannot be a node's name in the network: use 1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit"
    )]
    NodeName(String),
    /// The authority's key and certificate do not belong together.
    #[error("the authority's certificate is not for its key: put the right key or certificate in place")]
    AuthorityKey,
    /// A certificate and a key that do not belong together.
    #[error("the certificate of {0} is not for this key: put the right key or certificate in place")]
    OtherKey(String),
    /// The term is empty or beyond what the profile allows.
    #[error("the term is not possible: {0}")]
    Term(&'static str),
    /// A key did not work.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Who a verified certificate speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The node it names, if a hub authority issued it to one.
    pub node: Option<NodeName>,
    /// The agency it names, if a hub authority issued it to one. A foreign authority's certificate names nobody here: the directory binds it.
    pub agency: Option<AgencyCode>,
    /// The subject's distinguished name, for people.
    pub name: String,
    /// The serial number, hexadecimal.
    pub serial: String,
    /// SHA-256 of the certificate.
    pub sha256: [u8; 32],
    /// SHA-256 of the certificates above it that were used, the listed authority last.
    pub issuers: Vec<[u8; 32]>,
    /// From when it is valid.
    pub not_before: Millis,
    /// Until when it is valid, inclusive.
    pub not_after: Millis,
    /// The public key, a DER SubjectPublicKeyInfo.
    pub public_key_der: Vec<u8>,
    /// How that key signs.
    pub algorithm: Algorithm,
}

impl Subject {
    /// The digest in hexadecimal, as revocations and records show it.
    pub fn sha256_hex(&self) -> String {
        hex::encode(self.sha256)
    }
}

/// The host name in a node's certificate and in the TLS handshake: `<node>.node.lgsp`.
pub fn node_host(node: &NodeName) -> Result<String, CertError> {
    let name = node.as_str();
    let fine = (1..=63).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    if fine { Ok(format!("{name}{NODE_SUFFIX}")) } else { Err(CertError::NodeName(name.to_owned())) }
}

/// The URI name of a node.
pub fn node_uri(node: &NodeName) -> String {
    format!("{NODE_URI}{node}")
}

/// The URI name of an agency.
pub fn agency_uri(agency: &AgencyCode) -> String {
    format!("{AGENCY_URI}{agency}")
}

/// Reads a certificate: nothing after it, bounded, version 3.
pub(crate) fn parse(der: &[u8]) -> Result<X509Certificate<'_>, CertError> {
    if der.len() > CERTIFICATE_MAX {
        return Err(CertError::TooLong {
            what: "the certificate (bytes)",
            length: der.len(),
            max: CERTIFICATE_MAX,
        });
    }
    let (rest, read) =
        X509Certificate::from_der(der).map_err(|_| CertError::Form("it is not DER of a certificate"))?;
    if !rest.is_empty() {
        return Err(CertError::Form("bytes follow the certificate"));
    }
    if read.version() != x509_parser::x509::X509Version::V3 {
        return Err(CertError::Form("it is not of version 3"));
    }
    Ok(read)
}

/// A subject as people read it, bounded and without control characters.
pub(crate) fn whose(certificate: &X509Certificate<'_>) -> String {
    shown(&certificate.subject().to_string())
}

pub(crate) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(120).collect()
}

pub(crate) fn not_before(certificate: &X509Certificate<'_>) -> Millis {
    Millis(certificate.validity().not_before.timestamp().saturating_mul(1000))
}

/// The last instant of validity: RFC 5280 counts the whole last second.
pub(crate) fn not_after(certificate: &X509Certificate<'_>) -> Millis {
    Millis(certificate.validity().not_after.timestamp().saturating_mul(1000).saturating_add(999))
}

/// Whether it is valid now.
pub(crate) fn check_time(certificate: &X509Certificate<'_>, now: Millis) -> Result<(), CertError> {
    let (from, until) = (not_before(certificate), not_after(certificate));
    if now < from {
        return Err(CertError::NotYetValid { whose: whose(certificate), at: from.rfc3339() });
    }
    if now > until {
        return Err(CertError::Expired { whose: whose(certificate), at: until.rfc3339() });
    }
    Ok(())
}

/// Whether basic constraints say CA.
pub(crate) fn is_ca(certificate: &X509Certificate<'_>) -> bool {
    certificate.basic_constraints().ok().flatten().is_some_and(|b| b.value.ca)
}

/// Checks key usage and extended key usage of an end certificate against the purpose.
pub(crate) fn check_purpose(certificate: &X509Certificate<'_>, purpose: Purpose) -> Result<(), CertError> {
    let wrong = |why| CertError::WrongPurpose { whose: whose(certificate), wanted: purpose, why };
    let usage = certificate.key_usage().map_err(|_| wrong("its key usage is written twice"))?;
    if let Some(usage) = usage.map(|u| u.value) {
        // Signature authorities mark signing keys of officials for non-repudiation only.
        let signs = usage.digital_signature() || (purpose != Purpose::Node && usage.non_repudiation());
        if !signs {
            return Err(wrong("its key usage allows no signatures"));
        }
        if usage.key_cert_sign() {
            return Err(wrong("its key usage is that of an authority"));
        }
    }
    let extended =
        certificate.extended_key_usage().map_err(|_| wrong("its extended key usage is written twice"))?;
    let extended = extended.map(|e| e.value);
    match purpose {
        Purpose::Node => match extended {
            Some(e) if e.server_auth && e.client_auth => Ok(()),
            _ => Err(wrong("its extended key usage is not server and client authentication")),
        },
        Purpose::Agency => match extended {
            Some(e) if e.any || e.server_auth || e.client_auth => {
                Err(wrong("its extended key usage is that of a TLS server or client"))
            }
            Some(e) if e.time_stamping || e.ocsp_signing || e.code_signing => {
                Err(wrong("its extended key usage is for something else"))
            }
            _ => Ok(()),
        },
        // RFC 3161, 2.3: this one use and no other, and critical.
        Purpose::Tsa => match certificate.extended_key_usage().ok().flatten() {
            Some(e) if e.critical && only_time_stamping(e.value) => Ok(()),
            _ => Err(wrong("its extended key usage is not time stamping alone, critical")),
        },
    }
}

fn only_time_stamping(e: &x509_parser::extensions::ExtendedKeyUsage<'_>) -> bool {
    let others =
        e.any || e.server_auth || e.client_auth || e.code_signing || e.email_protection || e.ocsp_signing;
    e.time_stamping && !others && e.other.is_empty()
}

/// The node that a hub's certificate names: one host name and one URI, which must agree, and nothing else.
pub(crate) fn node_named(certificate: &X509Certificate<'_>) -> Result<NodeName, CertError> {
    let bad = |why| CertError::Names { whose: whose(certificate), wanted: Purpose::Node, why };
    let (mut host, mut uri) = (None, None);
    for name in names(certificate).ok_or_else(|| bad("it has no readable alternative names"))? {
        match name {
            GeneralName::DNSName(n) if host.is_none() => host = Some(n),
            GeneralName::URI(n) if uri.is_none() => uri = n.strip_prefix(NODE_URI),
            _ => return Err(bad("it carries more names than one host name and one URI")),
        }
    }
    let node = uri.ok_or_else(|| bad("it lacks the URI lgsp:node:<node>"))?;
    let node = NodeName::new(node).map_err(|_| bad("its URI is not lgsp:node:<node>"))?;
    let expected = node_host(&node).map_err(|_| bad("its URI names a node that cannot be"))?;
    if host.copied() != Some(expected.as_str()) {
        return Err(bad("its host name is not <node>.node.lgsp of its URI"));
    }
    Ok(node)
}

/// The agency that a hub's certificate names: one URI in canonical form and nothing else.
pub(crate) fn agency_named(certificate: &X509Certificate<'_>) -> Result<AgencyCode, CertError> {
    let bad = |why| CertError::Names { whose: whose(certificate), wanted: Purpose::Agency, why };
    let names = names(certificate).ok_or_else(|| bad("it has no readable alternative names"))?;
    let [GeneralName::URI(uri)] = names else {
        return Err(bad("it carries something else than one URI"));
    };
    let text = uri.strip_prefix(AGENCY_URI).ok_or_else(|| bad("its URI is not lgsp:agency:<code>"))?;
    let code: AgencyCode = text.parse().map_err(|_| bad("its URI is not lgsp:agency:<code>"))?;
    if code.as_str() != text {
        return Err(bad("its agency code is not in upper case"));
    }
    Ok(code)
}

fn names<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a [GeneralName<'a>]> {
    let mut found = certificate.extensions().iter().filter_map(|e| match e.parsed_extension() {
        ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names[..]),
        _ => None,
    });
    let first = found.next()?;
    if found.next().is_some() { None } else { Some(first) }
}
