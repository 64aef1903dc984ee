//! The folder of a node's membership: which hub, which root was pinned, how far joining has come, and the certificates.

use lgsp_kernel::{AgencyCode, Millis, NodeName};
use lgsp_trust::{Delegation, pem};
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// What is kept in `member.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The hub's public listener.
    pub hub: String,
    /// The pinned root, hexadecimal.
    pub root_sha256: String,
    /// This node, as it asked to be named.
    pub node: NodeName,
    /// The agencies that were asked for.
    pub agencies: Vec<AgencyCode>,
    /// Whether the hub has approved.
    pub approved: bool,
}

/// The node's certificates, DER.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Certificates {
    /// The node's.
    pub node: Option<Vec<u8>>,
    /// Its agencies'.
    pub agencies: Vec<(AgencyCode, Vec<u8>)>,
}

/// The folder.
#[derive(Debug, Clone)]
pub struct MemberFiles(PathBuf);

impl MemberFiles {
    /// At this place; nothing is made yet.
    pub fn at(folder: PathBuf) -> Self {
        Self(folder)
    }
    /// The copy of the directory.
    pub fn directory(&self) -> PathBuf {
        self.0.join("directory")
    }
    /// What is known of the membership; none before the first `join`.
    pub fn membership(&self) -> std::io::Result<Option<Membership>> {
        match std::fs::read(self.0.join("member.json")) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }
    /// Keeps it.
    pub fn keep_membership(&self, membership: &Membership) -> std::io::Result<()> {
        write(&self.0.join("member.json"), &serde_json::to_vec_pretty(membership)?)
    }
    /// The certificates of the node and of these agencies, as far as they are there.
    pub fn certificates(&self, agencies: &[AgencyCode]) -> std::io::Result<Certificates> {
        let mut found = Certificates { node: read_pem(&self.0.join("node.pem"))?, agencies: Vec::new() };
        for code in agencies {
            if let Some(der) = read_pem(&self.agency(code))? {
                found.agencies.push((code.clone(), der));
            }
        }
        Ok(found)
    }
    /// Keeps the node's certificate, PEM.
    pub fn keep_node(&self, text: &str) -> std::io::Result<()> {
        write(&self.0.join("node.pem"), text.as_bytes())
    }
    /// Keeps an agency's certificate, PEM.
    pub fn keep_agency(&self, code: &AgencyCode, text: &str) -> std::io::Result<()> {
        write(&self.agency(code), text.as_bytes())
    }

    /// Keeps a delegation: what was signed under it is exported with it later.
    pub fn keep_delegation(&self, delegation: &Delegation) -> std::io::Result<()> {
        let name = format!("{}.txt", hex::encode(delegation.sha256()));
        write(&self.0.join("delegations").join(name), delegation.text().as_bytes())
    }
    /// The delegations that held at this time, the one issued last for each agency and use.
    pub fn delegations(&self, at: Millis) -> Vec<Delegation> {
        let entries = std::fs::read_dir(self.0.join("delegations")).into_iter().flatten().flatten();
        let read = entries.filter_map(|e| Delegation::parse(&std::fs::read(e.path()).ok()?).ok());
        let mut held: Vec<Delegation> =
            read.filter(|d| d.terms().not_before <= at && at < d.terms().not_after).collect();
        held.sort_by_key(|d| std::cmp::Reverse(d.terms().not_before));
        let mut seen = std::collections::HashSet::new();
        held.retain(|d| seen.insert((d.terms().agency.clone(), format!("{:?}", d.terms().usage))));
        held
    }

    fn agency(&self, code: &AgencyCode) -> PathBuf {
        self.0.join("agencies").join(format!("{code}.pem"))
    }
}

fn read_pem(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    let text = match std::fs::read_to_string(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let der = pem::decode(pem::CERTIFICATE, &text);
    der.map(Some).map_err(|e| std::io::Error::other(format!("{}: {e}", path.display())))
}

/// Writes a file whole or not at all, durably.
pub fn write(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let fresh = path.with_extension("new");
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    std::fs::File::open(folder)?.sync_all()
}
