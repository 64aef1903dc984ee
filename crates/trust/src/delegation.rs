//! Delegations: an agency lets a node's key speak for it, for a while, for one use. The text has one canonical form
//! (docs/protocol/certificates.md); whatever differs from it by a byte is refused. Not here: which agencies a node hosts; the directory says so.

use crate::certificate::{CERTIFICATE_MAX, CertError, Purpose, Subject};
use crate::chain::{Authorities, Chain};
use crate::key::{KeyError, Signer, verify};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lgsp_kernel::{AgencyCode, Millis, NodeName};
use std::fmt;

/// The longest delegation that is read, bytes: a certificate in base64 and some lines.
pub const DELEGATION_MAX: usize = 14 << 10;
/// The longest term of a message key: such keys are software, and nothing revokes them but the directory's word on certificate or node.
pub const MESSAGE_SECONDS_MAX: i64 = 48 * 3600;
/// The longest term of a log key's delegation.
pub const LOG_SECONDS_MAX: i64 = 397 * 86_400;
/// How far a clock may be behind the one that issued. Seconds.
pub const SKEW_SECONDS: i64 = 600;
const FIRST_LINE: &str = "lgsp-delegation/1";
const KEY_PREFIX: &str = "ed25519:";

/// What the key may sign for the agency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Use {
    /// Checkpoints of the node's log: every statement the log holds in the agency's name.
    Log,
    /// Single messages.
    Message,
}

impl Use {
    fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Message => "message",
        }
    }
    fn seconds_max(self) -> i64 {
        match self {
            Self::Log => LOG_SECONDS_MAX,
            Self::Message => MESSAGE_SECONDS_MAX,
        }
    }
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is delegated: everything above the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelegationTerms {
    /// Who lets speak.
    pub agency: AgencyCode,
    /// Whose key it is.
    pub node: NodeName,
    /// For what.
    pub usage: Use,
    /// The Ed25519 key that may speak.
    pub key: [u8; 32],
    /// From when; whole seconds.
    pub not_before: Millis,
    /// Until when, inclusive; whole seconds.
    pub not_after: Millis,
}

/// A delegation as it was read or issued; verified only by [`Delegation::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegation {
    terms: DelegationTerms,
    certificate: Vec<u8>,
    signature: Vec<u8>,
    text: String,
}

/// What only the directory knows.
pub trait Bindings {
    /// Whether a certificate or authority of this digest is revoked.
    fn is_revoked(&self, sha256: &[u8; 32]) -> bool;
    /// Whether this certificate, of a foreign authority, is bound to this agency. Not asked for certificates of the hub, which name their agency.
    fn binds(&self, agency: &AgencyCode, certificate: &Subject) -> bool;
    /// Whether this agency is one of this node's.
    fn hosts(&self, node: &NodeName, agency: &AgencyCode) -> bool;
}

/// Why a delegation is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DelegationError {
    /// More bytes than are read.
    #[error("the delegation has {0} bytes, at most {DELEGATION_MAX} are read")]
    TooLong(usize),
    /// Not the canonical form.
    #[error("not a delegation in its one canonical form: {0}")]
    Form(&'static str),
    /// Its term is empty or too long.
    #[error("the delegation's term is not possible: {0}")]
    Term(&'static str),
    /// Not yet, beyond what clocks may differ.
    #[error("the delegation is valid from {0} only: compare the clocks of both nodes")]
    NotYetValid(String),
    /// No longer.
    #[error("the delegation ended at {0}: the sender's node must have its key delegated anew")]
    Expired(String),
    /// The signature is not the certificate's.
    #[error("the delegation is not signed by the agency certificate in it: it was altered or forged")]
    Signature,
    /// The certificate in it is refused.
    #[error("the agency certificate in the delegation: {0}")]
    Certificate(#[from] CertError),
    /// The certificate is another agency's.
    #[error("the agency certificate in the delegation is not that of {agency}: {found}")]
    OtherAgency {
        /// Whom the delegation names.
        agency: AgencyCode,
        /// Whose certificate it is.
        found: String,
    },
    /// The agency is not one of this node's.
    #[error("the directory does not list agency {agency} at node {node}: have it assigned there")]
    NotHosted {
        /// Which agency.
        agency: AgencyCode,
        /// Which node.
        node: NodeName,
    },
    /// The agency's key could not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl Delegation {
    /// Issues a delegation, signed with the agency's key. The certificate must be of that key and outlast the term.
    pub fn issue(
        terms: DelegationTerms,
        certificate: &[u8],
        signer: &dyn Signer,
    ) -> Result<Self, DelegationError> {
        let terms = DelegationTerms {
            not_before: Millis(terms.not_before.seconds() * 1000),
            not_after: Millis(terms.not_after.seconds() * 1000),
            ..terms
        };
        check_term(&terms)?;
        {
            let read = crate::certificate::parse(certificate)?;
            if read.public_key().raw != signer.public_key_der() {
                return Err(CertError::OtherKey(crate::certificate::whose(&read)).into());
            }
            if terms.not_after > crate::certificate::not_after(&read) {
                return Err(DelegationError::Term("it outlasts the agency's certificate: renew that first"));
            }
        }
        let body = body(&terms, certificate)?;
        let signature = signer.sign(body.as_bytes())?;
        let text = format!("{body}signature {}\n", STANDARD.encode(&signature));
        Ok(Self { terms, certificate: certificate.to_vec(), signature, text })
    }

    /// Reads the canonical text; says nothing about whether it is true.
    pub fn parse(text: &[u8]) -> Result<Self, DelegationError> {
        if text.len() > DELEGATION_MAX {
            return Err(DelegationError::TooLong(text.len()));
        }
        let text = std::str::from_utf8(text).map_err(|_| DelegationError::Form("it is not UTF-8"))?;
        let mut lines = text.split('\n');
        if lines.next() != Some(FIRST_LINE) {
            return Err(DelegationError::Form("it does not begin with lgsp-delegation/1"));
        }
        let mut field = |name: &'static str| {
            lines
                .next()
                .and_then(|l| l.strip_prefix(name))
                .and_then(|l| l.strip_prefix(' '))
                .ok_or(DelegationError::Form(name))
        };
        let agency = field("agency")?.parse().map_err(|_| DelegationError::Form("agency"))?;
        let node = NodeName::new(field("node")?).map_err(|_| DelegationError::Form("node"))?;
        let usage = match field("use")? {
            "log" => Use::Log,
            "message" => Use::Message,
            _ => return Err(DelegationError::Form("use")),
        };
        let key = field("key")?.strip_prefix(KEY_PREFIX).and_then(|k| STANDARD.decode(k).ok());
        let key = key.and_then(|k| k.try_into().ok()).ok_or(DelegationError::Form("key"))?;
        let not_before = instant(field("not-before")?).ok_or(DelegationError::Form("not-before"))?;
        let not_after = instant(field("not-after")?).ok_or(DelegationError::Form("not-after"))?;
        let certificate =
            STANDARD.decode(field("certificate")?).map_err(|_| DelegationError::Form("certificate"))?;
        if lines.next() != Some("") {
            return Err(DelegationError::Form("the empty line is missing"));
        }
        let signature =
            lines.next().and_then(|l| l.strip_prefix("signature ")).and_then(|s| STANDARD.decode(s).ok());
        let signature = signature.ok_or(DelegationError::Form("signature"))?;
        let terms = DelegationTerms { agency, node, usage, key, not_before, not_after };
        check_term(&terms)?;
        let canonical = format!("{}signature {}\n", body(&terms, &certificate)?, STANDARD.encode(&signature));
        if canonical != text {
            return Err(DelegationError::Form("it is not written as it would be written here"));
        }
        Ok(Self { terms, certificate, signature, text: canonical })
    }

    /// Whether the agency's certificate signed it, an authority vouches for that certificate, it is the agency's, the agency is the node's, and all
    /// that now. Returns who signed.
    pub fn verify(
        &self,
        now: Millis,
        authorities: &Authorities,
        directory: &dyn Bindings,
    ) -> Result<Subject, DelegationError> {
        self.check_time(now)?;
        let revoked = |d: &[u8; 32]| directory.is_revoked(d);
        let subject = Chain::verify(&[&self.certificate], authorities, Purpose::Agency, now, &revoked)?;
        self.check_standing(&subject, directory)?;
        verify(&subject.public_key_der, subject.algorithm, self.signed().as_bytes(), &self.signature)
            .map_err(|_| DelegationError::Signature)?;
        Ok(subject)
    }

    /// Whether what was verified before still holds, without a signature being checked: for each use of a delegation that is remembered.
    pub fn recheck(
        &self,
        subject: &Subject,
        now: Millis,
        authorities: &Authorities,
        directory: &dyn Bindings,
    ) -> Result<(), DelegationError> {
        self.check_time(now)?;
        let revoked = |d: &[u8; 32]| directory.is_revoked(d);
        Chain::recheck(subject, authorities, Purpose::Agency, now, &revoked)?;
        self.check_standing(subject, directory)
    }

    /// Whether it is within its term.
    pub fn check_time(&self, now: Millis) -> Result<(), DelegationError> {
        if now.plus_seconds(SKEW_SECONDS) < self.terms.not_before {
            return Err(DelegationError::NotYetValid(self.terms.not_before.rfc3339()));
        }
        if now > self.terms.not_after.plus_seconds(1) {
            return Err(DelegationError::Expired(self.terms.not_after.rfc3339()));
        }
        Ok(())
    }

    /// Whether the certificate is the agency's and the agency the node's.
    fn check_standing(&self, subject: &Subject, directory: &dyn Bindings) -> Result<(), DelegationError> {
        let agency = &self.terms.agency;
        let fine = match &subject.agency {
            Some(named) => named == agency,
            None => directory.binds(agency, subject),
        };
        if !fine {
            let found = subject.agency.as_ref().map_or_else(|| subject.name.clone(), ToString::to_string);
            return Err(DelegationError::OtherAgency { agency: agency.clone(), found });
        }
        if !directory.hosts(&self.terms.node, agency) {
            return Err(DelegationError::NotHosted { agency: agency.clone(), node: self.terms.node.clone() });
        }
        Ok(())
    }

    /// What it delegates.
    pub fn terms(&self) -> &DelegationTerms {
        &self.terms
    }
    /// The agency's certificate in it.
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate
    }
    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }
    /// Its id: SHA-256 of the whole text, base64.
    pub fn id(&self) -> String {
        STANDARD.encode(self.sha256())
    }
    /// SHA-256 of the whole text.
    pub fn sha256(&self) -> [u8; 32] {
        crate::sha256(self.text.as_bytes())
    }

    fn signed(&self) -> &str {
        let end = self.text.rfind("signature ").expect("the text was written with this line last");
        &self.text[..end]
    }
}

fn body(terms: &DelegationTerms, certificate: &[u8]) -> Result<String, DelegationError> {
    if certificate.len() > CERTIFICATE_MAX {
        return Err(CertError::TooLong {
            what: "the certificate (bytes)",
            length: certificate.len(),
            max: CERTIFICATE_MAX,
        }
        .into());
    }
    Ok(format!(
        "{FIRST_LINE}\nagency {}\nnode {}\nuse {}\nkey {KEY_PREFIX}{}\nnot-before {}\nnot-after {}\ncertificate {}\n\n",
        terms.agency,
        terms.node,
        terms.usage,
        STANDARD.encode(terms.key),
        written(terms.not_before),
        written(terms.not_after),
        STANDARD.encode(certificate),
    ))
}

fn check_term(terms: &DelegationTerms) -> Result<(), DelegationError> {
    let seconds = terms.not_after.seconds().saturating_sub(terms.not_before.seconds());
    if seconds <= 0 {
        return Err(DelegationError::Term("it ends before it begins"));
    }
    if seconds > terms.usage.seconds_max() {
        return Err(DelegationError::Term("at most 48 hours for a message key and 397 days for a log key"));
    }
    if written(terms.not_before).len() != 20 || written(terms.not_after).len() != 20 {
        return Err(DelegationError::Term("its years have not four digits"));
    }
    Ok(())
}

/// `YYYY-MM-DDThh:mm:ssZ`.
fn written(at: Millis) -> String {
    let text = Millis(at.seconds().saturating_mul(1000)).rfc3339();
    text.strip_suffix(".000Z").map_or(text.clone(), |t| format!("{t}Z"))
}

fn instant(text: &str) -> Option<Millis> {
    if text.len() != 20 {
        return None;
    }
    Millis::parse(text).filter(|t| written(*t) == text)
}
