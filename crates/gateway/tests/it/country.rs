//! Several gateways that know each other: a hub's authority, real certificates and delegations, mutual TLS on the loopback, and a
//! directory of a few lines in their midst.

use crate::world::{Plan, World, morning};
use lgsp_evidence::LogKey;
use lgsp_gateway::PeerDoor;
use lgsp_kernel::{AgencyCode, Clock, Millis, NodeName, ServiceId, VersionLabel};
use lgsp_peer::directory::delegated;
use lgsp_peer::members::{Delegated, Endpoint, Members, NoSink};
use lgsp_peer::sign::{AgencyKeys, AgencyVoices, KeySet, MessageKey, Voice};
use lgsp_peer::transport::{TlsConnect, TransportConfig};
use lgsp_peer::verify::Unproven;
use lgsp_peer::{PeerConfig, PeerParts, Peers, Replay};
use lgsp_trust::{
    Algorithm, Authorities, Authority, Bindings, Delegation, DelegationTerms, FileKey, Origin,
    OwnCertificate, PeerTls, Signer, Subject, Term, Use, csr_for_agency, csr_for_node,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

/// What all nodes know.
#[derive(Default)]
pub struct Book {
    authorities: Mutex<Authorities>,
    hosts: Mutex<Vec<(NodeName, AgencyCode)>>,
    pub endpoints: Mutex<HashMap<NodeName, Vec<Endpoint>>>,
    pub revoked: Mutex<HashSet<[u8; 32]>>,
    pub stale: AtomicBool,
}

impl Bindings for Book {
    fn is_revoked(&self, sha256: &[u8; 32]) -> bool {
        self.revoked.lock().contains(sha256)
    }
    fn binds(&self, _: &AgencyCode, _: &Subject) -> bool {
        false
    }
    fn hosts(&self, node: &NodeName, agency: &AgencyCode) -> bool {
        self.hosts.lock().iter().any(|(n, a)| n == node && a == agency)
    }
}

impl Members for Book {
    fn usable(&self, _: Millis) -> Result<(), Unproven> {
        if self.stale.load(SeqCst) { Err(Unproven::DirectoryStale) } else { Ok(()) }
    }
    fn version(&self) -> u64 {
        self.revoked.lock().len() as u64
    }
    fn is_member(&self, node: &NodeName) -> bool {
        self.hosts.lock().iter().any(|(n, _)| n == node)
    }
    fn endpoints(&self, node: &NodeName) -> Option<Vec<Endpoint>> {
        self.endpoints.lock().get(node).cloned()
    }
    fn delegation(&self, text: &str, now: Millis) -> Result<Delegated, Unproven> {
        let failed = |e: lgsp_trust::DelegationError| Unproven::Delegation(e.to_string());
        let read = Delegation::parse(text.as_bytes()).map_err(failed)?;
        read.verify(now, &self.authorities.lock(), self).map_err(failed)?;
        Ok(delegated(&read))
    }
    fn offers(&self, _: &NodeName, _: &ServiceId, _: &VersionLabel, _: &AgencyCode) -> Option<bool> {
        None
    }
    fn log_key(&self, _: &NodeName) -> Option<String> {
        None
    }
}

/// The hub's authority and what all know.
pub struct Country {
    hub: Authority,
    pub book: Arc<Book>,
    clock: Clock,
}

/// A node of it.
pub struct Node {
    pub world: World,
    pub name: NodeName,
    pub certificate: [u8; 32],
    pub keys: AgencyKeys,
    pub peers: Peers,
    pub tls: Arc<PeerTls>,
    agency: AgencyCode,
    agency_key: Arc<dyn Signer>,
    agency_certificate: Vec<u8>,
}

pub fn name(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

fn key() -> Arc<dyn Signer> {
    Arc::new(FileKey::generate(Algorithm::EcdsaP256).unwrap())
}

impl Country {
    pub fn new() -> Self {
        let signer = Arc::new(FileKey::generate(Algorithm::EcdsaP256).unwrap());
        let hub = Authority::create(signer, &name("ngsp"), morning()).unwrap();
        let book = Arc::new(Book::default());
        *book.authorities.lock() = Authorities::new().with(hub.certificate_der(), Origin::Hub).unwrap();
        Self { hub, book, clock: Clock::manual(morning()) }
    }

    pub fn tls(&self, node: &NodeName) -> (Arc<PeerTls>, [u8; 32]) {
        let key = key();
        let issued =
            self.hub.issue_node(&csr_for_node(&*key, node).unwrap(), node, Term::usual(morning())).unwrap();
        let own = OwnCertificate::new(vec![issued.der], key).unwrap();
        let book = self.book.clone();
        let revoked = Arc::new(move |d: &[u8; 32]| book.revoked.lock().contains(d));
        let authorities = self.book.authorities.lock().clone();
        (PeerTls::new(own, authorities, revoked, self.clock.clone()), issued.sha256)
    }

    /// A node of this name with one agency.
    pub async fn join(&self, node: &str, code: &str, plan: Plan, relay: bool) -> Node {
        let plan = Plan { node: node.into(), agency: code.into(), clock: self.clock.clone(), ..plan };
        let body_max = plan.config.collect_max as u64;
        let world = plan.begin().await;
        let (node, agency): (NodeName, AgencyCode) = (name(node), code.parse().unwrap());
        let agency_key = key();
        let csr = csr_for_agency(&*agency_key, &agency).unwrap();
        let agency_certificate = self.hub.issue_agency(&csr, &agency, Term::usual(morning())).unwrap().der;
        let (tls, certificate) = self.tls(&node);
        let keys = AgencyKeys::default();
        let transport =
            TransportConfig { pause_max: Duration::from_millis(50), ..TransportConfig::default() };
        let peers = Peers::new(PeerParts {
            node: node.clone(),
            log: world.log.clone(),
            clock: self.clock.clone(),
            members: self.book.clone(),
            connect: Arc::new(TlsConnect::new(&tls).unwrap()),
            keys: keys.clone(),
            sink: Arc::new(NoSink),
            replay: Replay::new(Millis(0), []),
            config: PeerConfig { relay, body_max, transport, ..PeerConfig::default() },
        });
        world.gateway.set_peers(PeerDoor { peers: peers.clone(), tls: tls.clone() });
        self.book.hosts.lock().push((node.clone(), agency.clone()));
        let joined = Node {
            world,
            name: node,
            certificate,
            keys,
            peers,
            tls: tls.clone(),
            agency,
            agency_key,
            agency_certificate,
        };
        joined.speak(joined.log_key());
        self.listen(&joined, tls).await;
        joined
    }

    async fn listen(&self, node: &Node, tls: Arc<PeerTls>) {
        let listener = lgsp_gateway::bind("127.0.0.1:0".parse().unwrap(), false).unwrap();
        let port = listener.local_addr().unwrap().port();
        self.book
            .endpoints
            .lock()
            .insert(node.name.clone(), vec![Endpoint { host: "127.0.0.1".into(), port }]);
        let (gateway, shutdown) = (node.world.gateway.clone(), node.world.shutdown.clone());
        tokio::spawn(lgsp_gateway::serve_peers(gateway, listener, tls, shutdown));
    }

    /// Lets time pass for all nodes.
    pub fn advance(&self, ms: i64) {
        self.clock.advance(ms);
    }

    /// A province whose systems may be called by `mot-cua` of the node `a`, and the province `a` with a way to it.
    pub async fn two(routes: Value) -> (Self, Node, Node) {
        let country = Self::new();
        let b = country.join("b", "H02.02", provider(), false).await;
        let a = country.join("a", "H01.01", consumer(routes), false).await;
        (country, a, b)
    }
}

/// The consumer's node: `cong-dan` is reached over these routes.
pub fn consumer(routes: Value) -> Plan {
    Plan::default().version("1.0", |v| {
        v.as_object_mut().unwrap().remove("targets");
        v["routes"] = routes;
        // The consumer's node waits longer than the provider's.
        v["upstream"] = json!({"total_timeout_ms": 6000});
    })
}

/// The provider's node: `mot-cua` of `a` has the grants that `mot-cua` here has by default.
pub fn provider() -> Plan {
    let mut plan = Plan::default();
    plan.remotes.push(("mot-cua-a".into(), "a".into(), "mot-cua".into(), "H01.01".into()));
    for grant in &mut plan.grants {
        grant["consumer"] = json!("mot-cua-a");
    }
    plan
}

/// A leg straight to `b`.
pub fn to_b() -> Value {
    json!([{"kind": "peer", "node": "b"}])
}

impl Node {
    /// The public key of its log.
    pub fn log_key(&self) -> [u8; 32] {
        LogKey::for_node(self.name.as_str(), [9; 32]).public()
    }

    /// Speaks for its agency with this log key and a message key.
    pub fn speak(&self, log_key: [u8; 32]) {
        let (from, until) = (morning().plus_seconds(-3600), morning().plus_seconds(80_000));
        let message = MessageKey::from_seed(&[3; 32]);
        let voice = |usage, key| {
            let terms = DelegationTerms {
                agency: self.agency.clone(),
                node: self.name.clone(),
                usage,
                key,
                not_before: from,
                not_after: until,
            };
            let issued = Delegation::issue(terms, &self.agency_certificate, &*self.agency_key).unwrap();
            Voice::new(issued.text(), from, until)
        };
        let voices = AgencyVoices {
            log: Some(voice(Use::Log, log_key)),
            message: Some((voice(Use::Message, message.public()), message)),
        };
        self.keys.replace(KeySet {
            operator: Some(self.agency.clone()),
            agencies: HashMap::from([(self.agency.clone(), Arc::new(voices))]),
        });
    }
}
