//! A hub's authority and nodes that know each other: real keys, certificates and delegations; connections in memory or over mutual TLS on the loopback.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lgsp_evidence::{Checkpoint, Disk, Log, LogConfig, LogKey};
use lgsp_kernel::model::SignatureMode;
use lgsp_kernel::record::Stated;
use lgsp_kernel::{AgencyCode, Clock, ExchangeId, Millis, NodeName, ServiceId, SystemId, VersionLabel};
use lgsp_peer::directory::delegated;
use lgsp_peer::members::{CheckpointSink, Delegated, Endpoint, Members};
use lgsp_peer::sign::{AgencyKeys, AgencyVoices, KeySet, MessageKey, Voice};
use lgsp_peer::transport::{Connect, TlsConnect, Wire};
use lgsp_peer::verify::Unproven;
use lgsp_peer::{
    OutBody, OutgoingAnswer, OutgoingRequest, PeerBody, PeerConfig, PeerLeg, PeerParts, Peers, Replay,
};
use lgsp_trust::{
    Algorithm, Authorities, Authority, Bindings, Delegation, DelegationTerms, FileKey, Origin,
    OwnCertificate, PeerTls, Signer, Subject, Term, Use, csr_for_agency, csr_for_node,
};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

pub const T: Millis = Millis(1_795_322_400_000);

pub fn node(name: &str) -> NodeName {
    NodeName::new(name).unwrap()
}
pub fn agency(code: &str) -> AgencyCode {
    code.parse().unwrap()
}

/// What the nodes know of each other.
#[derive(Default)]
pub struct Book {
    pub authorities: Mutex<Authorities>,
    pub hosts: Mutex<Vec<(NodeName, AgencyCode)>>,
    pub endpoints: Mutex<HashMap<NodeName, Vec<Endpoint>>>,
    pub log_keys: Mutex<HashMap<NodeName, String>>,
    pub revoked: Mutex<HashSet<[u8; 32]>>,
    pub offers: Mutex<Option<AgencyCode>>,
    pub version: AtomicU64,
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
        if self.stale.load(Ordering::SeqCst) { Err(Unproven::DirectoryStale) } else { Ok(()) }
    }
    fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }
    fn is_member(&self, node: &NodeName) -> bool {
        self.hosts.lock().iter().any(|(n, _)| n == node)
    }
    fn endpoints(&self, node: &NodeName) -> Option<Vec<Endpoint>> {
        self.endpoints.lock().get(node).cloned()
    }
    fn delegation(&self, text: &str, now: Millis) -> Result<Delegated, Unproven> {
        let failed = |e: lgsp_trust::DelegationError| Unproven::Delegation(e.to_string());
        let d = Delegation::parse(text.as_bytes()).map_err(failed)?;
        d.verify(now, &self.authorities.lock(), self).map_err(failed)?;
        Ok(delegated(&d))
    }
    fn offers(&self, _: &NodeName, _: &ServiceId, _: &VersionLabel, agency: &AgencyCode) -> Option<bool> {
        self.offers.lock().as_ref().map(|a| a == agency)
    }
    fn log_key(&self, node: &NodeName) -> Option<String> {
        self.log_keys.lock().get(node).cloned()
    }
}

#[derive(Default)]
pub struct Seen(pub Mutex<Vec<(NodeName, Arc<Checkpoint>)>>);
impl CheckpointSink for Seen {
    fn seen(&self, node: &NodeName, checkpoint: &Arc<Checkpoint>) {
        self.0.lock().push((node.clone(), checkpoint.clone()));
    }
}

/// How a node reaches others, made with what it shows and believes.
pub type Wiring<'a> = &'a dyn Fn(&Arc<PeerTls>) -> Arc<dyn Connect>;

/// The hub and what all know.
pub struct World {
    pub hub: Authority,
    pub book: Arc<Book>,
    pub clock: Clock,
    pub switch: Arc<Switch>,
}

/// What an answer suffers on its way.
pub type Spoil = Arc<dyn Fn(&mut Response<OutBody>) + Send + Sync>;

/// A node.
pub struct Node {
    pub name: NodeName,
    pub agency: AgencyCode,
    pub agency_key: Arc<dyn Signer>,
    pub agency_certificate: Vec<u8>,
    pub keys: AgencyKeys,
    pub clock: Clock,
    pub log: Log,
    pub peers: Peers,
    pub seen: Arc<Seen>,
    pub tls: Arc<PeerTls>,
    pub spoil: Arc<Mutex<Option<Spoil>>>,
    /// Heads that arrived, as they were.
    pub arrived: Arc<Mutex<Vec<http::request::Parts>>>,
}

/// Connections in memory: by node, what serves it.
#[derive(Default)]
pub struct Switch(Mutex<HashMap<NodeName, Arc<Server>>>);

struct Server {
    peers: Peers,
    spoil: Arc<Mutex<Option<Spoil>>>,
    arrived: Arc<Mutex<Vec<http::request::Parts>>>,
}

struct Plug {
    from: NodeName,
    switch: Arc<Switch>,
}

impl Connect for Plug {
    fn connect<'a>(
        &'a self,
        node: &'a NodeName,
        _: &'a Endpoint,
    ) -> BoxFuture<'a, io::Result<Box<dyn Wire>>> {
        Box::pin(async move {
            let server = self.switch.0.lock().get(node).cloned();
            let server = server.ok_or_else(|| io::Error::other("unplugged"))?;
            let (ours, theirs) = tokio::io::duplex(256 << 10);
            tokio::spawn(serve(server, self.from.clone(), theirs));
            Ok(Box::new(ours) as Box<dyn Wire>)
        })
    }
}

impl World {
    pub fn new() -> Self {
        let key = Arc::new(FileKey::generate(Algorithm::EcdsaP256).unwrap());
        let hub = Authority::create(key, &node("hub"), T).unwrap();
        let book = Arc::new(Book::default());
        *book.authorities.lock() = Authorities::new().with(hub.certificate_der(), Origin::Hub).unwrap();
        Self { hub, book, clock: Clock::manual(T), switch: Arc::default() }
    }

    pub fn certify(&self, code: &AgencyCode) -> (Arc<dyn Signer>, Vec<u8>) {
        let key: Arc<dyn Signer> = Arc::new(FileKey::generate(Algorithm::EcdsaP256).unwrap());
        let csr = csr_for_agency(&*key, code).unwrap();
        let issued = self.hub.issue_agency(&csr, code, Term::usual(T)).unwrap();
        (key, issued.der)
    }

    pub fn tls(&self, name: &NodeName) -> Arc<PeerTls> {
        let key: Arc<dyn Signer> = Arc::new(FileKey::generate(Algorithm::EcdsaP256).unwrap());
        let csr = csr_for_node(&*key, name).unwrap();
        let issued = self.hub.issue_node(&csr, name, Term::usual(T)).unwrap();
        let own = OwnCertificate::new(vec![issued.der], key).unwrap();
        let book = self.book.clone();
        let revoked = Arc::new(move |d: &[u8; 32]| book.revoked.lock().contains(d));
        PeerTls::new(own, self.book.authorities.lock().clone(), revoked, self.clock.clone())
    }

    /// A node with one agency, connected in memory.
    pub fn node(&self, name: &str, code: &str) -> Node {
        self.node_with(name, code, None, PeerConfig::default())
    }

    pub fn node_with(&self, name: &str, code: &str, connect: Option<Wiring<'_>>, config: PeerConfig) -> Node {
        let (name, agency) = (node(name), agency(code));
        let clock = Clock::manual(T);
        let (agency_key, agency_certificate) = self.certify(&agency);
        let seed: [u8; 32] = lgsp_trust::sha256(name.as_str().as_bytes());
        let log_key = LogKey::for_node(name.as_str(), seed);
        let public = log_key.public();
        self.book.log_keys.lock().insert(name.clone(), log_key.verifier());
        self.book.hosts.lock().push((name.clone(), agency.clone()));
        self.book
            .endpoints
            .lock()
            .entry(name.clone())
            .or_insert_with(|| vec![Endpoint { host: "memory".into(), port: 1 }]);
        let disk = Disk::Simulated(lgsp_evidence::disk::Simulated::default());
        let log = Log::open_on(disk, LogConfig::new("/log", name.as_str()), log_key, clock.clone()).unwrap();
        let tls = self.tls(&name);
        let connect: Arc<dyn Connect> = match connect {
            Some(make) => make(&tls),
            None => Arc::new(Plug { from: name.clone(), switch: self.switch.clone() }),
        };
        let (keys, seen) = (AgencyKeys::default(), Arc::new(Seen::default()));
        let peers = Peers::new(PeerParts {
            node: name.clone(),
            log: log.clone(),
            clock: clock.clone(),
            members: self.book.clone(),
            connect,
            keys: keys.clone(),
            sink: seen.clone(),
            replay: Replay::new(Millis(0), []),
            config,
        });
        let node = Node {
            name,
            agency,
            agency_key,
            agency_certificate,
            keys,
            clock,
            log,
            peers,
            seen,
            tls,
            spoil: Arc::default(),
            arrived: Arc::default(),
        };
        node.speak(public);
        self.switch.0.lock().insert(node.name.clone(), node.server());
        node
    }
}

impl Node {
    pub fn delegate(&self, usage: Use, key: [u8; 32], from: Millis, until: Millis) -> Delegation {
        let terms = DelegationTerms {
            agency: self.agency.clone(),
            node: self.name.clone(),
            usage,
            key,
            not_before: from,
            not_after: until,
        };
        Delegation::issue(terms, &self.agency_certificate, &*self.agency_key).unwrap()
    }

    fn speak(&self, log_public: [u8; 32]) {
        let (from, until) = (T.plus_seconds(-3600), T.plus_seconds(80_000));
        let message = MessageKey::from_seed(&lgsp_trust::sha256(format!("m{}", self.name).as_bytes()));
        let log = self.delegate(Use::Log, log_public, from, until);
        let short = self.delegate(Use::Message, message.public(), from, until);
        self.set_keys(
            Some(Voice::new(log.text(), from, until)),
            Some((Voice::new(short.text(), from, until), message)),
        );
    }

    pub fn set_keys(&self, log: Option<Voice>, message: Option<(Voice, MessageKey)>) {
        let voices = AgencyVoices { log, message };
        self.keys.replace(KeySet {
            operator: Some(self.agency.clone()),
            agencies: HashMap::from([(self.agency.clone(), Arc::new(voices))]),
        });
    }

    fn server(&self) -> Arc<Server> {
        Arc::new(Server {
            peers: self.peers.clone(),
            spoil: self.spoil.clone(),
            arrived: self.arrived.clone(),
        })
    }

    /// Serves over mutual TLS; returns the port.
    pub async fn listen(&self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = TlsAcceptor::from(self.tls.server_config().unwrap());
        let (server, tls) = (self.server(), self.tls.clone());
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tcp.set_nodelay(true).unwrap();
                let (acceptor, server, tls) = (acceptor.clone(), server.clone(), tls.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(tcp).await else { return };
                    let subject = tls.peer_subject(stream.get_ref().1.peer_certificates()).unwrap();
                    serve(server, subject.node.unwrap(), stream).await;
                });
            }
        });
        port
    }

    pub fn leg(&self, mode: SignatureMode) -> PeerLeg {
        PeerLeg {
            node: self.name.clone(),
            via: None,
            service: ServiceId::new("dancu").unwrap(),
            version: VersionLabel::new("1.0").unwrap(),
            mode: Some(mode),
        }
    }

    pub fn request(&self, method: Method, rest: &str, body: &[u8]) -> OutgoingRequest {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        headers.insert("accept", "application/json".parse().unwrap());
        headers.append("x-list", "a".parse().unwrap());
        headers.append("x-list", "b".parse().unwrap());
        headers.insert("x-name", http::HeaderValue::from_bytes("Đà Nẵng".as_bytes()).unwrap());
        OutgoingRequest {
            exchange: fresh(),
            agency: self.agency.clone(),
            system: SystemId::new("motcua").unwrap(),
            safe: method == Method::GET,
            method,
            rest: rest.to_owned(),
            headers,
            body: PeerBody::Whole(Bytes::copy_from_slice(body)),
            stated: Stated { purpose: Some("Cấp giấy phép".into()), ..Stated::default() },
            idempotency_key: Some("key-1".into()),
            patience: Duration::from_secs(10),
            answer_max: 1 << 20,
        }
    }
}

pub fn fresh() -> ExchangeId {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut random = [0; 10];
    random[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::SeqCst).to_be_bytes());
    ExchangeId::at(T, random)
}

/// Over mutual TLS.
pub fn over_tls(tls: &Arc<PeerTls>) -> Arc<dyn Connect> {
    Arc::new(TlsConnect::new(tls).unwrap())
}

async fn serve(
    server: Arc<Server>,
    conn: NodeName,
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) {
    let service = service_fn(move |request| answer(server.clone(), conn.clone(), request));
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    builder.header_table_size(64 << 10).max_header_list_size(64 << 10).max_concurrent_streams(1000);
    let _ = builder.serve_connection(TokioIo::new(io), service).await;
}

/// What a gateway does, at its simplest: echoes the body.
async fn answer(
    server: Arc<Server>,
    conn: NodeName,
    request: Request<Incoming>,
) -> Result<Response<OutBody>, io::Error> {
    let peers = &server.peers;
    if request.uri().path() == "/peer/1/hello" {
        return Ok(Response::new(PeerBody::Whole(peers.hello()).into()));
    }
    let (head, body) = request.into_parts();
    server.arrived.lock().push(head.clone());
    let to = Peers::addressee(head.uri.path()).unwrap();
    if to.node != *peers.node() {
        return relay(peers, &conn, head, body).await;
    }
    let opened = match peers.open_request(&conn, &head) {
        Ok(opened) => opened,
        Err(unopened) => return refuse(peers, unopened).await,
    };
    let ticket = peers.record(opened.received.clone()).map_err(io::Error::other)?;
    let body = if opened.digest.is_some() {
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        if let Err(refusal) = opened.check_body(&body) {
            return refuse(peers, lgsp_peer::Unopened::stated(refusal, opened.reply)).await;
        }
        PeerBody::Whole(body)
    } else {
        peers.body_of(&opened, &head.headers, body)
    };
    ticket.durable().await.map_err(io::Error::other)?;
    let mut headers = HeaderMap::new();
    headers.insert("x-rest", opened.rest.parse().unwrap());
    headers.append("set-cookie", "a=1, b".parse().unwrap());
    headers.append("set-cookie", "c=2".parse().unwrap());
    headers.insert("x-purpose", opened.stated.purpose.map_or(0, |p| p.len()).into());
    let out = OutgoingAnswer {
        agency: peers_agency(peers),
        status: StatusCode::OK,
        headers,
        body,
        refusal: None,
        original: None,
    };
    let mut response = peers.seal_answer(&opened.reply, out).await.map_err(io::Error::other)?;
    let spoil = server.spoil.lock().clone();
    if let Some(spoil) = spoil {
        spoil(&mut response);
    }
    Ok(response)
}

fn peers_agency(peers: &Peers) -> Option<AgencyCode> {
    Some(agency(if peers.node().as_str() == "a" { "H01.01" } else { "H02.02" }))
}

async fn refuse(peers: &Peers, unopened: lgsp_peer::Unopened) -> Result<Response<OutBody>, io::Error> {
    let refusal = unopened.refusal;
    let body = serde_json::json!({"type": format!("urn:lgsp:problem:{}", refusal.kind.code), "detail": refusal.detail});
    let body = PeerBody::Whole(Bytes::from(body.to_string()));
    let status = StatusCode::from_u16(refusal.kind.status).unwrap();
    let Some(reply) = unopened.reply else {
        let mut response = Response::new(body.into());
        *response.status_mut() = status;
        return Ok(response);
    };
    let refusal = Some((refusal.kind.code, false));
    let headers = HeaderMap::new();
    let out = OutgoingAnswer { agency: None, status, headers, body, refusal, original: None };
    peers.seal_answer(&reply, out).await.map_err(io::Error::other)
}

async fn relay(
    peers: &Peers,
    conn: &NodeName,
    head: http::request::Parts,
    body: Incoming,
) -> Result<Response<OutBody>, io::Error> {
    let opened = match peers.open_relay(conn, &head) {
        Ok(opened) => opened,
        Err(unopened) => return refuse(peers, unopened).await,
    };
    peers
        .record(opened.received.clone())
        .map_err(io::Error::other)?
        .durable()
        .await
        .map_err(io::Error::other)?;
    let body = if opened.digest.is_some() {
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        opened.check_body(&body).map_err(io::Error::other)?;
        PeerBody::Whole(body)
    } else {
        peers.relayed_body(&opened, &head.headers, body)
    };
    match peers.relay(&opened, &head, body, Duration::from_secs(5)).await {
        Ok(relayed) => {
            let ticket = peers.record(relayed.received).map_err(io::Error::other)?;
            ticket.durable().await.map_err(io::Error::other)?;
            Ok(relayed.response)
        }
        Err(e) => refuse(peers, lgsp_peer::Unopened::stated(e.refusal, opened.reply)).await,
    }
}
