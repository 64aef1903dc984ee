//! Beginning a hub: the authority, the directory with its first root, the root keys in files of their own, and the hub as its own
//! first member.

use super::desk::{HubDesk, HubError};
use super::records::Record;
use crate::membership::files::{MemberFiles, Membership, write};
use crate::membership::join::{self, Wanted};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lgsp_directory::document::Role;
use lgsp_directory::members::{Authority, Der, Member, MemberAgency, MemberState, Purpose};
use lgsp_directory::{Anchor, Edit, Publisher, RootKeys, RootPlan, seal_root_key};
use lgsp_kernel::Secret;
use lgsp_trust::{csr_for_agency, csr_for_node, pem};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How long a root is valid, days.
pub const ROOT_DAYS: i64 = 365;

/// How it begins.
#[derive(Debug, Clone)]
pub struct Beginning {
    /// The hub as a member.
    pub own: Wanted,
    /// Its public listener.
    pub url: String,
    /// How many root keys there are.
    pub root_keys: u32,
    /// How many of them must sign.
    pub threshold: u32,
    /// Where their files are written.
    pub root_dir: PathBuf,
}

/// What was made.
#[derive(Debug)]
pub struct Begun {
    /// What members pin.
    pub anchor: Anchor,
    /// The files of the root keys, and the passphrase of each: shown once.
    pub root_keys: Vec<(PathBuf, Secret)>,
}

impl HubDesk {
    /// Begins.
    pub fn begin(&self, beginning: &Beginning) -> Result<Begun, HubError> {
        if self.exists() {
            return Err(HubError::Refused(format!(
                "there is a directory in {} already",
                self.config.hub_dir().display()
            )));
        }
        let now = self.clock.now();
        let config = self.publisher_config();
        let roots = RootKeys::generate(beginning.root_keys, beginning.threshold).map_err(root)?;
        let mut kept = Vec::new();
        for (i, key) in roots.keys.iter().enumerate() {
            let path = beginning.root_dir.join(format!("root-{}.key", i + 1));
            if path.exists() {
                return Err(HubError::Refused(format!("{} is there already", path.display())));
            }
            let passphrase = passphrase()?;
            write(&path, seal_root_key(key, &passphrase).map_err(root)?.as_bytes())?;
            kept.push((path, passphrase));
        }
        let mut online = BTreeMap::new();
        for role in [Role::Members, Role::Revocations, Role::Freshness] {
            online.insert(role, Publisher::generate_key(&config, &self.vault)?);
        }
        let expires = now.plus_seconds(ROOT_DAYS * 86_400);
        let plan = RootPlan::first(&roots.public(), beginning.threshold, &online, now, expires);
        let file = plan.sign(&roots.signers()).map_err(root)?;
        let authority = match self.authorities().current() {
            // A beginning that was interrupted has made it already.
            Err(super::authority::AuthorityError::Missing(_)) => {
                self.authorities().create(&beginning.own.node, now)?
            }
            other => other?,
        };
        let mut edits = vec![Edit::PutAuthority(listed(&beginning.own.node, 1, authority.certificate_der()))];
        edits.extend(self.own(beginning, &authority)?);
        let mut publisher = Publisher::init(&config, &self.vault, &file, now)?;
        publisher.apply(&edits, now)?;
        let anchor = publisher.anchor();
        self.keep_own(beginning, &anchor)?;
        Ok(Begun { anchor, root_keys: kept })
    }

    /// The hub's own certificates, and its entry.
    fn own(&self, beginning: &Beginning, authority: &lgsp_trust::Authority) -> Result<Vec<Edit>, HubError> {
        let (own, files) = (&beginning.own, MemberFiles::at(self.config.membership_dir()));
        let term = self.term(self.clock.now());
        let key = self.keys.node().map_err(super::authority::AuthorityError::Key)?;
        let node = authority.issue_node(&csr_for_node(&*key, &own.node)?, &own.node, term)?;
        files.keep_node(&node.pem())?;
        let mut record = Record::new(own.node.clone());
        record.put(&key.public_key_der(), node.pem());
        self.records().keep(&record)?;
        let mut agencies = Vec::new();
        for wanted in &own.agencies {
            let key = self.keys.agency(&wanted.code).map_err(super::authority::AuthorityError::Key)?;
            let der = match &wanted.certificate {
                Some(der) => der.clone(),
                None => {
                    authority.issue_agency(&csr_for_agency(&*key, &wanted.code)?, &wanted.code, term)?.der
                }
            };
            files.keep_agency(&wanted.code, &pem::encode(pem::CERTIFICATE, &der))?;
            agencies.push(MemberAgency {
                code: wanted.code.clone(),
                aliases: wanted.aliases.clone(),
                name: wanted.name.as_str().into(),
                certificates: vec![Der::new(der)],
            });
        }
        let member = Member {
            name: own.node.clone(),
            title: own.title.as_str().into(),
            kind: own.kind,
            state: MemberState::Active,
            agencies: agencies.clone(),
            profile: own.profile.clone(),
        };
        let name = own.node.clone();
        Ok(vec![Edit::Propose(Box::new(member)), Edit::Approve { name, agencies }])
    }

    fn keep_own(&self, beginning: &Beginning, anchor: &Anchor) -> Result<(), HubError> {
        let membership = Membership {
            hub: beginning.url.clone(),
            root_sha256: anchor.to_string(),
            node: beginning.own.node.clone(),
            agencies: beginning.own.agencies.iter().map(|a| a.code.clone()).collect(),
            approved: true,
        };
        Ok(MemberFiles::at(self.config.membership_dir()).keep_membership(&membership)?)
    }
}

/// How the hub's own authorities are listed.
pub(super) fn listed(hub: &lgsp_kernel::NodeName, number: u32, der: &[u8]) -> Authority {
    Authority {
        id: format!("{hub}-{number}").into(),
        purposes: vec![Purpose::Node, Purpose::Agency],
        certificate: Der::new(der),
    }
}

pub(super) fn root(defect: lgsp_directory::Defect) -> HubError {
    HubError::Refused(format!("the root: {}", defect.found))
}

fn passphrase() -> Result<Secret, HubError> {
    let mut bytes = [0u8; 18];
    getrandom::fill(&mut bytes).map_err(|e| HubError::Refused(format!("no random bytes: {e}")))?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

/// What joining and beginning have in common, for callers of either.
pub use join::WantedAgency;
