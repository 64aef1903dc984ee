//! A member's keys and certificates in other hands: read from its folder, to speak as that node without being the program.

use super::country::Country;
use super::member::Member;
use lgsp_directory::{Ages, Anchor, Client, ClientConfig, FolderFetch};
use lgsp_evidence::{Log, LogConfig, LogKey};
use lgsp_kernel::{AgencyCode, Clock, Millis, NodeName, Vault};
use lgsp_peer::directory::DirectoryMembers;
use lgsp_peer::members::NoSink;
use lgsp_peer::sign::{AgencyKeys, AgencyVoices, KeySet, MessageKey, Voice};
use lgsp_peer::transport::TlsConnect;
use lgsp_peer::{PeerConfig, PeerParts, Peers, Replay};
use lgsp_trust::{
    Algorithm, Authorities, Authority, Delegation, DelegationTerms, FileKey, Origin, OwnCertificate, PeerTls,
    Signer, Use, pem,
};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

pub fn name(text: &str) -> NodeName {
    NodeName::new(text).expect("a name")
}
pub fn agency(text: &str) -> AgencyCode {
    text.parse().expect("a code")
}
pub fn new_key() -> Arc<dyn Signer> {
    Arc::new(FileKey::generate(Algorithm::EcdsaP256).expect("a key"))
}

/// What opens a member's sealed files.
fn vault(member: &Member) -> Vault {
    let text = std::fs::read_to_string(member.data().join("master.key")).expect("a master key");
    let key = hex::decode(text.trim()).expect("hexadecimal");
    Vault::new(key.as_slice().try_into().expect("32 bytes"))
}
fn key_in(member: &Member, path: &Path) -> Arc<dyn Signer> {
    Arc::new(FileKey::load(path, &vault(member)).expect("a key"))
}
fn certificate_in(path: &Path) -> Vec<u8> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    pem::decode(pem::CERTIFICATE, &text).expect("a certificate")
}

/// The key and certificate of a node.
pub fn node_identity(member: &Member) -> (Arc<dyn Signer>, Vec<u8>) {
    let folder = member.data().join("membership");
    (key_in(member, &folder.join("node.key")), certificate_in(&folder.join("node.pem")))
}
/// The key and certificate of a member's agency.
pub fn agency_identity(member: &Member) -> (Arc<dyn Signer>, Vec<u8>) {
    let folder = member.data().join("membership/agencies");
    let file = |ending| folder.join(format!("{}.{ending}", member.agency));
    (key_in(member, &file("key")), certificate_in(&file("pem")))
}
/// The hub's authority itself.
pub fn authority(hub: &Member) -> Authority {
    let folder = hub.data().join("hub/authority");
    Authority::load(key_in(hub, &folder.join("1.key")), certificate_in(&folder.join("1.pem")))
        .expect("it loads")
}

/// TLS as somebody with this key and certificate, who believes all that the hub issued and revokes nothing.
pub fn tls(hub: &Member, (key, certificate): (Arc<dyn Signer>, Vec<u8>)) -> Arc<PeerTls> {
    let issuer = certificate_in(&hub.data().join("hub/authority/1.pem"));
    let authorities = Authorities::new().with(&issuer, Origin::Hub).expect("an authority");
    let own = OwnCertificate::new(vec![certificate], key).expect("they belong together");
    PeerTls::new(own, authorities, Arc::new(|_| false), Clock::System)
}

/// A member in other hands: it has all of the member's keys, and a log of its own under the member's key.
pub struct Stolen {
    pub node: NodeName,
    pub tls: Arc<PeerTls>,
    pub peers: Peers,
    pub keys: AgencyKeys,
    pub log_key: [u8; 32],
    _folder: tempfile::TempDir,
}

impl Stolen {
    /// From a member whose process does not run, or runs on elsewhere.
    pub async fn from(country: &Country, member: &Member) -> Self {
        let (node, folder) = (name(&member.name), tempfile::tempdir().expect("a folder"));
        let sealed = std::fs::read_to_string(member.data().join("log.key")).expect("a log key");
        let seed = vault(member).open("log-key", sealed.trim()).expect("it opens");
        let log_key = LogKey::for_node(&member.name, seed.expose().try_into().expect("32 bytes"));
        let public = log_key.public();
        let mut config = LogConfig::new(folder.path().join("log"), &member.name);
        config.disk_reserve_bytes = 0;
        let log = Log::open(config, log_key, Clock::System).expect("a log");
        let anchor: Anchor = country.root.parse().expect("a root");
        let fetch = FolderFetch(country.hub.data().join("hub/public"));
        let client = Client::open(ClientConfig { cache: folder.path().join("directory"), anchor }, fetch);
        let client = client.expect("a directory");
        client.update(Clock::System.now()).await.expect("a directory");
        let tls = tls(&country.hub, node_identity(member));
        let keys = AgencyKeys::default();
        let peers = Peers::new(PeerParts {
            node: node.clone(),
            log,
            clock: Clock::System,
            members: Arc::new(DirectoryMembers::new(client.handle(), Ages::default())),
            connect: Arc::new(TlsConnect::new(&tls).expect("TLS")),
            keys: keys.clone(),
            sink: Arc::new(NoSink),
            replay: Replay::new(Millis(0), []),
            config: PeerConfig::default(),
        });
        let stolen = Self { node, tls, peers, keys, log_key: public, _folder: folder };
        stolen.speak_for(&agency(&member.agency), agency_identity(member));
        stolen
    }

    /// Speaks in this agency's name, with this key and certificate of an agency.
    pub fn speak_for(&self, code: &AgencyCode, (key, certificate): (Arc<dyn Signer>, Vec<u8>)) {
        let now = Clock::System.now();
        let (from, until) = (now.plus_seconds(-60), now.plus_seconds(3600));
        let message = MessageKey::from_seed(&[3; 32]);
        let voice = |usage, key_of_use| {
            let terms = DelegationTerms {
                agency: code.clone(),
                node: self.node.clone(),
                usage,
                key: key_of_use,
                not_before: from,
                not_after: until,
            };
            let issued = Delegation::issue(terms, &certificate, &*key).expect("a delegation");
            Voice::new(issued.text(), from, until)
        };
        let voices = AgencyVoices {
            log: Some(voice(Use::Log, self.log_key)),
            message: Some((voice(Use::Message, message.public()), message)),
        };
        self.keys.replace(KeySet {
            operator: Some(code.clone()),
            agencies: HashMap::from([(code.clone(), Arc::new(voices))]),
        });
    }
}
