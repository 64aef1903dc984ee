//! Joining: keys, the letter, waiting for the hub's decision, certificates. Each step may be repeated: what is there already is kept.

use super::ask::Hub;
use super::files::{MemberFiles, Membership};
use super::keys::Keys;
use super::letter::{AgencyAsk, Ask, Enrolment, JoinAsk};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lgsp_directory::members::{MemberKind, Profile};
use lgsp_kernel::{AgencyCode, NodeName};
use lgsp_trust::{CertError, KeyError, Requested, Signer, csr_for_agency, csr_for_node, pem, sha256};
use std::sync::Arc;

/// Why joining does not go on.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// A key could not be made or used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A request or certificate is not right.
    #[error(transparent)]
    Certificate(#[from] CertError),
    /// The folder could not be written or read.
    #[error("the membership's folder: {0}")]
    Files(#[from] std::io::Error),
    /// The hub was not reached, or did not take the letter.
    #[error("the hub: {0}")]
    Hub(String),
    /// The hub refuses.
    #[error("the hub rejected the request: {0}")]
    Rejected(String),
    /// What the hub sent is not what was asked for.
    #[error("the hub's answer: {0}")]
    Answer(String),
    /// A membership that is there names another hub or node.
    #[error("this node asked {hub} to join as {node} before; remove {folder} to begin anew")]
    Other {
        /// The hub.
        hub: String,
        /// The name.
        node: NodeName,
        /// The folder.
        folder: String,
    },
}

/// An agency to be spoken for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedAgency {
    /// Its code.
    pub code: AgencyCode,
    /// Its other codes.
    pub aliases: Vec<AgencyCode>,
    /// Its name.
    pub name: String,
    /// A certificate of its key that another authority issued, DER; none: the hub issues one.
    pub certificate: Option<Vec<u8>>,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The node's name.
    pub node: NodeName,
    /// Its name for people.
    pub title: String,
    /// What kind of platform it is.
    pub kind: MemberKind,
    /// Its agencies.
    pub agencies: Vec<WantedAgency>,
    /// What it says of itself.
    pub profile: Profile,
}

/// How far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A person at the hub decides.
    Waiting {
        /// What to compare with that person by another way.
        key_sha256: String,
    },
    /// The certificates are in the folder.
    Member,
}

/// Makes the keys and the letter.
pub fn letter(keys: &Keys, wanted: &Wanted) -> Result<JoinAsk, JoinError> {
    let request = csr_for_node(&*keys.node()?, &wanted.node)?;
    let agencies = wanted.agencies.iter().map(|a| agency_ask(keys, a)).collect::<Result<_, _>>()?;
    Ok(JoinAsk {
        title: wanted.title.clone(),
        kind: wanted.kind,
        request: STANDARD.encode(request),
        agencies,
        profile: wanted.profile.clone(),
    })
}

fn agency_ask(keys: &Keys, agency: &WantedAgency) -> Result<AgencyAsk, JoinError> {
    let key = keys.agency(&agency.code)?;
    let request = match agency.certificate {
        Some(_) => None,
        None => Some(STANDARD.encode(csr_for_agency(&*key, &agency.code)?)),
    };
    Ok(AgencyAsk {
        code: agency.code.clone(),
        aliases: agency.aliases.clone(),
        name: agency.name.clone(),
        request,
        certificate: agency.certificate.as_ref().map(|der| STANDARD.encode(der)),
    })
}

/// Sends the letter, unless the hub has it already, and takes what the hub says.
pub async fn ask(
    hub: &Hub,
    files: &MemberFiles,
    keys: &Keys,
    membership: Membership,
    wanted: &Wanted,
) -> Result<Progress, JoinError> {
    files.keep_membership(&membership)?;
    for agency in wanted.agencies.iter().filter(|a| a.certificate.is_some()) {
        let der = agency.certificate.as_deref().unwrap_or_default();
        files.keep_agency(&agency.code, &pem::encode(pem::CERTIFICATE, der))?;
    }
    let answer = hub.send(Ask::Join(Box::new(letter(keys, wanted)?))).await.map_err(JoinError::Hub)?;
    take(files, keys, membership, answer)
}

/// Asks how far the hub has come.
pub async fn progress(
    hub: &Hub,
    files: &MemberFiles,
    keys: &Keys,
    membership: Membership,
) -> Result<Progress, JoinError> {
    let answer = hub.progress().await.map_err(JoinError::Hub)?;
    take(files, keys, membership, answer)
}

fn take(
    files: &MemberFiles,
    keys: &Keys,
    mut membership: Membership,
    answer: Enrolment,
) -> Result<Progress, JoinError> {
    let (node, agencies) = match answer {
        Enrolment::Waiting { key_sha256 } => return Ok(Progress::Waiting { key_sha256 }),
        Enrolment::Rejected { reason } => return Err(JoinError::Rejected(reason)),
        Enrolment::Taken => return Err(JoinError::Answer("it says that the request is done with".into())),
        Enrolment::Approved { node_certificate, agencies } => (node_certificate, agencies),
    };
    let node = node.ok_or_else(|| JoinError::Answer("the node's certificate is missing".into()))?;
    keep(files, keys, Some(&node), &agencies)?;
    membership.approved = true;
    files.keep_membership(&membership)?;
    Ok(Progress::Member)
}

/// Keeps certificates, each only if it is of this node's own key.
pub fn keep(
    files: &MemberFiles,
    keys: &Keys,
    node: Option<&str>,
    agencies: &[(AgencyCode, String)],
) -> Result<(), JoinError> {
    if let Some(text) = node {
        is_of(text, &keys.node()?, "the node's certificate")?;
        files.keep_node(text)?;
    }
    for (code, text) in agencies {
        is_of(text, &keys.agency(code)?, &format!("the certificate of {code}"))?;
        files.keep_agency(code, text)?;
    }
    Ok(())
}

fn is_of(text: &str, key: &Arc<dyn Signer>, what: &str) -> Result<(), JoinError> {
    let wrong = |why: String| JoinError::Answer(format!("{what}: {why}"));
    let der = pem::decode(pem::CERTIFICATE, text).map_err(|e| wrong(e.to_string()))?;
    let (_, read) = x509_parser::parse_x509_certificate(&der).map_err(|e| wrong(e.to_string()))?;
    if read.public_key().raw == key.public_key_der() {
        return Ok(());
    }
    Err(wrong("is of another key".into()))
}

/// What an applicant tells the hub's operator by another way: the digest of the node's key, in groups that are easy to read out.
pub fn spoken(public_key_der: &[u8]) -> String {
    let digest = hex::encode(sha256(public_key_der));
    digest.as_bytes().chunks(8).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
}

/// The same, of a signing request.
pub fn spoken_of(requested: &Requested) -> String {
    spoken(&requested.public_key_der)
}
