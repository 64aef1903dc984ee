//! The sections of `lgsp.toml` that make a node one of several: how it meets the others, where its keys live, how old what it knows may
//! become. Their meaning to an operator stands in `packaging/lgsp.toml`, as for all others.

use super::key_place::KeyPlace;
use super::units::{Lasting, Listen};
use lgsp_kernel::model::SignatureMode;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[peer]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PeerSection {
    /// Where other nodes call; empty: nowhere.
    pub listen: Listen,
    /// Where other nodes reach that listener: `https://host:port`; empty: the address of `listen`.
    pub endpoints: Vec<String>,
    /// Whether messages between others are passed on.
    pub relay: bool,
    /// How messages are signed where a route does not say.
    pub mode: SignatureMode,
    /// The agency that answers for the operator where no agency of a service can.
    pub operator: String,
    /// Connections to one other node.
    pub connections: usize,
}

/// `[public]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PublicSection {
    /// Where the log's checkpoints and tiles, the witness and, at a hub, the directory and enrolment are; empty: nowhere.
    pub listen: Listen,
    /// Where others reach that listener: `http://host:port` or `https://host:port`; empty: the address of `listen`.
    pub url: String,
}

/// `[hub]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HubSection {
    /// Folder of the authority, the requests and the directory's documents; empty: `<data_dir>/hub`.
    pub dir: PathBuf,
    /// How long issued certificates are valid.
    pub certificate_lifetime: Lasting,
    /// How long the freshness statement is valid.
    pub freshness_lifetime: Lasting,
    /// How often it is renewed.
    pub freshness_every: Lasting,
    /// Requests that may wait for a decision.
    pub requests: usize,
}

/// `[membership]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MembershipSection {
    /// The hub's public listener; empty: as `lgsp node join` was told.
    pub hub: String,
    /// SHA-256, hexadecimal, of the directory's root that was given out of band; empty: as `lgsp node join` was told.
    pub root_sha256: String,
}

/// `[keys]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeysSection {
    /// The key that signs the message log's checkpoints.
    pub log: KeyPlace,
    /// The key of the node's certificate.
    pub node: KeyPlace,
    /// The key of agencies' certificates: `<agency>=<place>`; agencies that are not named have a file.
    pub agencies: Vec<String>,
    /// The key of a hub's authority.
    pub authority: KeyPlace,
}

/// `[directory]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DirectorySection {
    /// How often the directory is looked at: what a revocation takes to arrive.
    pub refresh: Lasting,
    /// How old the hub's last word on freshness may be before revocations count as unknown.
    pub revocations_max_age: Lasting,
    /// How old it may be before nothing is decided on the directory any more.
    pub max_age: Lasting,
}

/// `[witness]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WitnessSection {
    /// Whether this node cosigns other members' checkpoints.
    pub serve: bool,
    /// How often this node's checkpoint is submitted to witnesses.
    pub submit_every: Lasting,
    /// How often the checkpoints seen of others are compared.
    pub compare_every: Lasting,
}

/// `[timestamps]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimestampsSection {
    /// How often the log's checkpoint is dated by a timestamp authority of the directory; 0s: never.
    pub every: Lasting,
    /// Time for one answer.
    pub timeout: Lasting,
}

impl Default for PeerSection {
    fn default() -> Self {
        Self {
            listen: Listen(None),
            endpoints: Vec::new(),
            relay: false,
            mode: SignatureMode::Group,
            operator: String::new(),
            connections: 32,
        }
    }
}

impl Default for HubSection {
    fn default() -> Self {
        Self {
            dir: PathBuf::new(),
            certificate_lifetime: Lasting::days(90),
            freshness_lifetime: Lasting::seconds(3600),
            freshness_every: Lasting::seconds(60),
            requests: 1_000,
        }
    }
}

impl Default for DirectorySection {
    fn default() -> Self {
        Self {
            refresh: Lasting::seconds(60),
            revocations_max_age: Lasting::seconds(24 * 3600),
            max_age: Lasting::days(7),
        }
    }
}

impl Default for WitnessSection {
    fn default() -> Self {
        Self { serve: true, submit_every: Lasting::seconds(60), compare_every: Lasting::seconds(60) }
    }
}

impl Default for TimestampsSection {
    fn default() -> Self {
        Self { every: Lasting::seconds(600), timeout: Lasting::seconds(10) }
    }
}
