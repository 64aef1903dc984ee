//! The hub's decisions: approving, rejecting, revoking, and what goes with each. Every one is published before it is reported done.

use super::authority::{Authorities, AuthorityError};
use super::records::{Record, Records};
use super::requests::{Request, RequestError, RequestState, Requests};
use crate::config::Config;
use crate::membership::keys::Keys;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lgsp_directory::members::{Der, Member, MemberAgency, MemberState};
use lgsp_directory::{Edit, Lifetimes, PublishError, Publisher, PublisherConfig, Versions};
use lgsp_kernel::{AgencyCode, Clock, Millis, NodeName, Vault};
use lgsp_trust::{Authority, CertError, Requested, Term, pem};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a command waits for another process that is at the hub's folder.
const LOCK_WAIT: Duration = Duration::from_secs(10);
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Why the hub did not do it.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// There is no hub here.
    #[error("this node is no hub: there is no directory in {0}; `lgsp hub init` begins one")]
    None(PathBuf),
    /// The directory.
    #[error("the directory: {0}")]
    Publish(#[from] PublishError),
    /// The authority.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A certificate or request.
    #[error(transparent)]
    Certificate(#[from] CertError),
    /// A request to join.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The hub's folder.
    #[error("the hub's folder: {0}")]
    Io(#[from] std::io::Error),
    /// Not as things are.
    #[error("{0}")]
    Refused(String),
}

/// The hub's desk. Cheap to make; each action opens what it needs.
#[derive(Debug)]
pub struct HubDesk {
    pub(super) config: Arc<Config>,
    pub(super) vault: Arc<Vault>,
    pub(super) keys: Keys,
    pub(super) clock: Clock,
}

impl HubDesk {
    /// Of the node with this configuration.
    pub fn new(config: Arc<Config>, vault: Arc<Vault>, clock: Clock) -> Self {
        Self { keys: Keys::new(config.clone(), vault.clone()), config, vault, clock }
    }
    /// Whether the node is a hub.
    pub fn exists(&self) -> bool {
        self.config.hub_dir().join("directory").join("anchor").exists()
    }
    /// The folder that is served.
    pub fn public(&self) -> PathBuf {
        self.config.hub_dir().join("public")
    }
    /// The requests to join.
    pub fn requests(&self) -> Requests {
        Requests::at(self.config.hub_dir().join("requests"), self.config.hub.requests)
    }
    /// What is remembered of members.
    pub fn records(&self) -> Records {
        Records::at(self.config.hub_dir().join("members"))
    }
    /// Its authorities.
    pub fn authorities(&self) -> Authorities<'_> {
        Authorities::at(self.config.hub_dir().join("authority"), &self.keys)
    }
    /// The directory, to be read or changed: nobody else changes it meanwhile.
    pub fn publisher(&self) -> Result<Publisher, HubError> {
        if !self.exists() {
            return Err(HubError::None(self.config.hub_dir()));
        }
        let until = Instant::now() + LOCK_WAIT;
        loop {
            match Publisher::open(&self.publisher_config(), &self.vault) {
                // The lock is held for the length of one action; the error's text is all that tells it apart.
                Err(PublishError::Disk(why))
                    if why.ends_with("another process uses this folder") && Instant::now() < until =>
                {
                    std::thread::sleep(LOCK_PAUSE);
                }
                other => return Ok(other?),
            }
        }
    }

    pub(super) fn publisher_config(&self) -> PublisherConfig {
        let freshness = self.config.hub.freshness_lifetime.0.as_millis();
        PublisherConfig {
            private: self.config.hub_dir().join("directory"),
            public: self.public(),
            lifetimes: Lifetimes {
                freshness_ms: i64::try_from(freshness).unwrap_or(i64::MAX),
                ..Lifetimes::default()
            },
        }
    }

    /// When certificates issued now end.
    pub(super) fn term(&self, now: Millis) -> Term {
        let days = self.config.hub.certificate_lifetime.0.as_secs().div_ceil(86_400);
        let mut term = Term::days(now, u32::try_from(days).unwrap_or(u32::MAX));
        let seconds = i64::try_from(self.config.hub.certificate_lifetime.0.as_secs()).unwrap_or(i64::MAX);
        // Terms are of whole days; trials want shorter ones.
        term.until = now.plus_seconds(seconds);
        term
    }

    /// Takes a node in, for these agencies of those it asked for (none named: all). What was approved is published when this returns.
    pub fn approve(&self, meant: &str, only: &[AgencyCode]) -> Result<Member, HubError> {
        // Held from the look at the request to its answer: of two who decide at once, the second sees what the first decided.
        let mut publisher = self.publisher()?;
        let mut request = self.requests().find(meant)?;
        if let RequestState::Rejected { reason, .. } = &request.state {
            return Err(HubError::Refused(format!("the request was rejected: {reason}")));
        }
        let now = self.clock.now();
        let authority = self.authorities().current()?;
        let issued = self.issue(&authority, &request, only, now)?;
        let known = publisher.members().members.iter().any(|m| m.name == request.node);
        let record = self.records().get(&request.node)?;
        if known && !record.as_ref().is_some_and(|r| r.knows(&issued.key)) {
            let what = format!("{} is a member already, with another key", request.node);
            return Err(HubError::Refused(format!(
                "{what}: `lgsp hub remove {}` first, if this is its new key",
                request.node
            )));
        }
        // Known before it is published: a crash between the two leaves a node that can be approved once more.
        let mut record = record.unwrap_or_else(|| Record::new(request.node.clone()));
        record.put(&issued.key, issued.node.clone());
        self.records().keep(&record)?;
        let member = Member {
            name: request.node.clone(),
            title: request.join.title.as_str().into(),
            kind: request.join.kind,
            state: MemberState::Active,
            agencies: issued.agencies.clone(),
            profile: request.join.profile.clone(),
        };
        publisher.apply(&admission(&member, known), now)?;
        request.state =
            RequestState::Approved { at: now, node_certificate: issued.node, agencies: issued.certificates };
        self.requests().keep(&request)?;
        Ok(member)
    }

    fn issue(
        &self,
        authority: &Authority,
        request: &Request,
        only: &[AgencyCode],
        now: Millis,
    ) -> Result<IssuedTo, HubError> {
        let term = self.term(now);
        let csr = decode(&request.join.request)?;
        let key = Requested::read(&csr)?.public_key_der;
        let node = authority.issue_node(&csr, &request.node, term)?;
        let mut out = IssuedTo { key, node: node.pem(), agencies: Vec::new(), certificates: Vec::new() };
        for asked in request.join.agencies.iter().filter(|a| only.is_empty() || only.contains(&a.code)) {
            let der = match (&asked.request, &asked.certificate) {
                (Some(csr), _) => {
                    let issued = authority.issue_agency(&decode(csr)?, &asked.code, term)?;
                    out.certificates.push((asked.code.clone(), issued.pem()));
                    issued.der
                }
                (None, Some(certificate)) => decode(certificate)?,
                (None, None) => continue,
            };
            out.agencies.push(MemberAgency {
                code: asked.code.clone(),
                aliases: asked.aliases.clone(),
                name: asked.name.as_str().into(),
                certificates: vec![Der::new(der)],
            });
        }
        if out.agencies.is_empty() {
            return Err(HubError::Refused("none of these agencies was asked for".into()));
        }
        Ok(out)
    }

    /// Refuses a request.
    pub fn reject(&self, meant: &str, reason: &str) -> Result<Request, HubError> {
        let _at_the_folder = self.publisher()?;
        let mut request = self.requests().find(meant)?;
        if let RequestState::Approved { .. } = request.state {
            let help =
                format!("{} is a member: `lgsp hub revoke {}` shuts it out", request.node, request.node);
            return Err(HubError::Refused(help));
        }
        request.state = RequestState::Rejected { reason: reason.to_owned(), at: self.clock.now() };
        self.requests().keep(&request)?;
        Ok(request)
    }

    /// Shuts something out: published at once, known everywhere after the members' next refresh.
    pub fn revoke(&self, what: &Revoked, reason: &str) -> Result<Versions, HubError> {
        let mut publisher = self.publisher()?;
        let reason = reason.to_owned();
        let edits = match what {
            Revoked::Node(name) => {
                let record = self.records().get(name)?;
                let mut edits = vec![Edit::RevokeMember { name: name.clone(), reason: reason.clone() }];
                let certificates = record.into_iter().flat_map(|r| r.certificates);
                for text in certificates {
                    let der = pem::decode(pem::CERTIFICATE, &text).map_err(std::io::Error::other)?;
                    let sha256 = lgsp_trust::sha256(&der);
                    edits.push(Edit::RevokeCertificate { sha256, reason: reason.clone() });
                }
                edits
            }
            Revoked::Agency(node, code) => agency_out(&publisher, node, code, &reason)?,
            Revoked::Certificate(sha256) => vec![Edit::RevokeCertificate { sha256: *sha256, reason }],
            Revoked::Key(id) => vec![Edit::RevokeKey { id: id.clone(), reason }],
        };
        Ok(publisher.apply(&edits, self.clock.now())?)
    }

    /// Lets a member take part again.
    pub fn reinstate(&self, node: &NodeName) -> Result<Versions, HubError> {
        Ok(self.publisher()?.apply(&[Edit::ReinstateMember(node.clone())], self.clock.now())?)
    }

    /// Takes a member off the list, so that its node may ask anew, with another key.
    pub fn remove(&self, node: &NodeName) -> Result<Versions, HubError> {
        let versions = self.publisher()?.apply(&[Edit::Remove(node.clone())], self.clock.now())?;
        self.records().forget(node)?;
        Ok(versions)
    }

    /// Changes the directory by hand: authorities of others, timestamp authorities, witnesses.
    pub fn apply(&self, edits: &[Edit]) -> Result<Versions, HubError> {
        Ok(self.publisher()?.apply(edits, self.clock.now())?)
    }

    /// States anew what is current.
    pub fn renew(&self) -> Result<Versions, HubError> {
        Ok(self.publisher()?.renew(self.clock.now())?)
    }
}

/// What is to be shut out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoked {
    /// A member, with all certificates of its node.
    Node(NodeName),
    /// An agency of a member, with its certificates.
    Agency(NodeName, AgencyCode),
    /// One certificate.
    Certificate([u8; 32]),
    /// A key (`ed25519:...`) or a delegation.
    Key(String),
}

impl Revoked {
    /// How the audit trail names it.
    pub fn id(&self) -> String {
        match self {
            Self::Node(node) => node.to_string(),
            Self::Agency(node, code) => format!("{node}/{code}"),
            Self::Certificate(sha256) => hex::encode(sha256),
            Self::Key(id) => id.clone(),
        }
    }
}

/// Certificates for a request.
struct IssuedTo {
    key: Vec<u8>,
    node: String,
    agencies: Vec<MemberAgency>,
    certificates: Vec<(AgencyCode, String)>,
}

fn admission(member: &Member, known: bool) -> Vec<Edit> {
    let (name, agencies) = (member.name.clone(), member.agencies.clone());
    if known {
        return vec![Edit::Agencies { name, agencies }];
    }
    // What it lists of agencies that were not approved would be refused as a whole: it lists its services again once it is a member.
    let mut bare = member.clone();
    bare.profile.services.clear();
    bare.profile.systems.clear();
    vec![Edit::Propose(Box::new(bare)), Edit::Approve { name, agencies }]
}

fn agency_out(
    publisher: &Publisher,
    node: &NodeName,
    code: &AgencyCode,
    reason: &str,
) -> Result<Vec<Edit>, HubError> {
    let missing = || HubError::Refused(format!("{node} does not speak for {code}"));
    let member = publisher.members().members.iter().find(|m| m.name == *node).ok_or_else(missing)?;
    let agency = member.agency(code).ok_or_else(missing)?;
    let revoke = |der: &Der| Edit::RevokeCertificate { sha256: der.sha256(), reason: reason.to_owned() };
    let mut edits: Vec<Edit> = agency.certificates.iter().map(revoke).collect();
    let left = member.agencies.iter().filter(|a| !a.has_code(code)).cloned().collect();
    edits.push(Edit::Agencies { name: node.clone(), agencies: left });
    Ok(edits)
}

pub(super) fn decode(text: &str) -> Result<Vec<u8>, HubError> {
    STANDARD.decode(text).map_err(|e| HubError::Refused(format!("not base64: {e}")))
}
