//! Replacing the hub's own keys: the authority that issues certificates, and the online keys that sign the directory.

use super::begin::{ROOT_DAYS, listed, root};
use super::desk::{HubDesk, HubError};
use lgsp_directory::document::Role;
use lgsp_directory::members::Purpose;
use lgsp_directory::{Edit, Publisher, RootPlan, SigningKey, Versions, open_root_key};
use lgsp_kernel::Secret;
use std::path::PathBuf;

/// How the authority is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorityChange {
    /// A new one issues; the old one is still believed, so that members can renew one by one.
    Begin,
    /// The old ones are no longer believed: for when all members have renewed.
    Finish,
    /// Both at once: the old key may be in other hands. Members are cut off until they have renewed, which they do by themselves at
    /// their next refresh.
    Compromised,
}

impl HubDesk {
    /// Replaces the authority. What is left undone by a crash is done by the same call again.
    pub fn rotate_authority(&self, change: AuthorityChange) -> Result<Versions, HubError> {
        let now = self.clock.now();
        let mut publisher = self.publisher()?;
        let hub = &self.hub_name()?;
        let mut edits = Vec::new();
        if change != AuthorityChange::Finish {
            let made = self.authorities().create(hub, now)?;
            let number = self.authorities().count()?;
            edits.push(Edit::PutAuthority(listed(hub, number, made.certificate_der())));
        }
        if change != AuthorityChange::Begin {
            let current = self.authorities().current()?.sha256();
            let ours = publisher.members().authorities.iter().filter(|a| a.purposes.contains(&Purpose::Node));
            for old in ours.filter(|a| a.certificate.sha256() != current) {
                edits.push(Edit::RemoveAuthority(old.id.to_string()));
                if change == AuthorityChange::Compromised {
                    let sha256 = old.certificate.sha256();
                    edits.push(Edit::RevokeCertificate {
                        sha256,
                        reason: "the authority's key was compromised".into(),
                    });
                }
            }
        }
        if edits.is_empty() {
            return Err(HubError::Refused("there is one authority only: nothing to finish".into()));
        }
        Ok(publisher.apply(&edits, now)?)
    }

    /// Replaces online keys by new ones, under a new root that these root keys sign.
    pub fn rotate_keys(&self, roles: &[Role], root_keys: &[(PathBuf, Secret)]) -> Result<Versions, HubError> {
        let now = self.clock.now();
        let signers = open_all(root_keys)?;
        let mut publisher = self.publisher()?;
        let expires = now.plus_seconds(ROOT_DAYS * 86_400);
        let mut plan = RootPlan::after(publisher.root(), now, expires);
        for role in roles {
            let made = Publisher::generate_key(&self.publisher_config(), &self.vault)?;
            plan.replace_keys(*role, made);
        }
        publisher.reload_keys(&self.vault)?;
        let file = plan.sign(&signers.iter().collect::<Vec<_>>()).map_err(root)?;
        Ok(publisher.publish_root(&file, now)?)
    }

    fn hub_name(&self) -> Result<lgsp_kernel::NodeName, HubError> {
        lgsp_kernel::NodeName::new(&self.config.node.name).map_err(|e| HubError::Refused(e.to_string()))
    }
}

fn open_all(files: &[(PathBuf, Secret)]) -> Result<Vec<SigningKey>, HubError> {
    let mut keys = Vec::new();
    for (path, passphrase) in files {
        let text = std::fs::read_to_string(path)
            .map_err(|e| HubError::Refused(format!("{}: {e}", path.display())))?;
        let key = open_root_key(&text, passphrase)
            .map_err(|e| HubError::Refused(format!("{}: {}", path.display(), e.found)))?;
        keys.push(key);
    }
    Ok(keys)
}
