//! Who takes part in a history: the nodes' names and keys, and what they know of each other. Keys are the same in every history and delegations plain
//! text, so that nothing of their length depends on chance. Not here: what the nodes do.

use lgsp_evidence::{LogKey, Verifier};
use lgsp_kernel::model::SignatureMode;
use lgsp_kernel::{AgencyCode, Millis, NodeName, ServiceId, SystemId, VersionLabel};
use lgsp_peer::members::{Delegated, Endpoint, KeyUse, Members};
use lgsp_peer::sign::{AgencyKeys, AgencyVoices, KeySet, MessageKey, Voice};
use lgsp_peer::transport::Hello;
use lgsp_peer::verify::Unproven;
use lgsp_witness::{CosignKey, Logs};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// When every history begins.
pub const BEGIN: Millis = Millis(1_795_322_400_000);

/// The consumer's node.
pub const A: usize = 0;
/// The provider's.
pub const B: usize = 1;
/// The relay, which is also witness and hub.
pub const H: usize = 2;
/// In histories in which the provider's node lies: its other log.
pub const B2: usize = 3;
/// How many places there are.
pub const PLACES: usize = 4;

const NAMES: [&str; PLACES] = ["a", "b", "h", "b"];
const CODES: [&str; PLACES] = ["H01.01", "H02.02", "H03.03", "H02.02"];

/// What never changes of a node.
pub struct Role {
    pub name: NodeName,
    pub agency: AgencyCode,
    pub log_key: LogKey,
    message_key: MessageKey,
}

static ROLES: LazyLock<Vec<Role>> = LazyLock::new(|| {
    (0..PLACES)
        .map(|place| {
            let seed = NAMES[place].as_bytes()[0];
            Role {
                name: NodeName::new(NAMES[place]).unwrap(),
                agency: CODES[place].parse().unwrap(),
                log_key: LogKey::for_node(NAMES[place], [seed; 32]),
                message_key: MessageKey::from_seed(&[seed ^ 0x80; 32]),
            }
        })
        .collect()
});

pub fn role(place: usize) -> &'static Role {
    &ROLES[place]
}

/// The place of a name: the first, where a liar has two.
pub fn place(name: &NodeName) -> Option<usize> {
    ROLES.iter().position(|r| r.name == *name)
}

pub fn service() -> ServiceId {
    ServiceId::new("dancu").unwrap()
}
pub fn version() -> VersionLabel {
    VersionLabel::new("1.0").unwrap()
}
pub fn system() -> SystemId {
    SystemId::new("motcua").unwrap()
}

fn validity() -> (Millis, Millis) {
    (BEGIN.plus_seconds(-86_400), BEGIN.plus_seconds(86_400))
}

fn delegation(place: usize, usage: &str) -> String {
    format!("delegation of {} to {} for {usage}", CODES[place], NAMES[place])
}

/// What a node speaks with.
pub fn keys(place: usize) -> AgencyKeys {
    let (from, until) = validity();
    let voice = |usage| Voice::new(&delegation(place, usage), from, until);
    let voices = AgencyVoices {
        log: Some(voice("log")),
        message: Some((voice("message"), role(place).message_key.clone())),
    };
    let agency = role(place).agency.clone();
    AgencyKeys::new(KeySet {
        operator: Some(agency.clone()),
        agencies: HashMap::from([(agency, Arc::new(voices))]),
    })
}

/// What a neighbour says of itself.
pub fn hello(place: usize) -> Hello {
    Hello {
        node: role(place).name.clone(),
        versions: vec![1],
        modes: vec![SignatureMode::Group.into(), SignatureMode::Message.into()],
        now: BEGIN,
        checkpoint: String::new(),
        body_max: 1 << 20,
    }
}

/// The keys that may sign for a log.
pub fn logs() -> Logs {
    Arc::new(|origin: &str| {
        let of = |r: &&Role| origin.strip_prefix(r.log_key.name()).is_some_and(|rest| rest.starts_with('/'));
        ROLES.iter().find(of).map(verifier_of).into_iter().collect()
    })
}

fn verifier_of(role: &Role) -> Verifier {
    Verifier::parse(&role.log_key.verifier()).unwrap()
}
pub fn verifier(place: usize) -> Verifier {
    verifier_of(role(place))
}

pub fn witness_key() -> CosignKey {
    CosignKey::from_seed("h.witness", [9; 32]).unwrap()
}

/// Every node knows every other.
#[derive(Debug)]
pub struct Book;

impl Members for Book {
    fn usable(&self, _: Millis) -> Result<(), Unproven> {
        Ok(())
    }
    fn version(&self) -> u64 {
        1
    }
    fn is_member(&self, node: &NodeName) -> bool {
        place(node).is_some()
    }
    fn endpoints(&self, _: &NodeName) -> Option<Vec<Endpoint>> {
        None
    }
    fn delegation(&self, text: &str, _: Millis) -> Result<Delegated, Unproven> {
        for (i, role) in ROLES.iter().enumerate() {
            let (key_use, key) = if text == delegation(i, "log") {
                (KeyUse::Log, role.log_key.public())
            } else if text == delegation(i, "message") {
                (KeyUse::Message, role.message_key.public())
            } else {
                continue;
            };
            let ((not_before, not_after), node) = (validity(), role.name.clone());
            let agency = role.agency.clone();
            return Ok(Delegated { agency, node, key_use, key, not_before, not_after });
        }
        Err(Unproven::Delegation("nobody wrote it".into()))
    }
    fn offers(&self, node: &NodeName, _: &ServiceId, _: &VersionLabel, agency: &AgencyCode) -> Option<bool> {
        Some(*node == role(B).name && *agency == role(B).agency)
    }
    fn log_key(&self, node: &NodeName) -> Option<String> {
        place(node).map(|place| role(place).log_key.verifier())
    }
}
