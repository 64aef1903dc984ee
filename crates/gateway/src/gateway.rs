//! The gateway: what all exchanges share, and where a request from the front door becomes an exchange.

use crate::answer::AnswerBody;
use crate::body::intake::RequestBody;
use crate::config::GatewayConfig;
use crate::edge::Edge;
use crate::edge::platform::{self, Address};
use crate::edge::xroad::{self, CatalogueSource};
use crate::events::SecurityEvents;
use crate::exchange::{Exchange, Progress};
use crate::meters::Meters;
use crate::peer;
use crate::pipeline;
use crate::quota::QuotaLedger;
use crate::random;
use crate::rates::Rates;
use crate::record::digest::masked;
use crate::record::view::Leg;
use crate::server::conn::Conn;
use crate::server::shutdown::Shutdown;
use crate::steps::receive;
use crate::trace::{ExchangeSpan, Trace, TraceSink};
use arc_swap::{ArcSwap, ArcSwapOption};
use futures_util::FutureExt as _;
use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response, Version};
use hyper::body::Incoming;
use lgsp_evidence::Log;
use lgsp_identity::Identity;
use lgsp_kernel::record::Stated;
use lgsp_kernel::snapshot::Snapshot;
use lgsp_kernel::{Clock, ExchangeId, Refusal, fault};
use lgsp_peer::Peers;
use lgsp_peer::idempotency::IdempotencyStore;
use lgsp_provider::Providers;
use lgsp_trust::PeerTls;
use parking_lot::RwLock;
use smallvec::SmallVec;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

/// What a gateway is made of.
pub struct GatewayParts {
    /// What calls are decided on.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// Where exchanges are recorded.
    pub log: Log,
    /// Who callers are.
    pub identity: Arc<Identity>,
    /// How providers are reached.
    pub providers: Arc<Providers>,
    /// The time.
    pub clock: Clock,
    /// The bounds.
    pub config: GatewayConfig,
    /// The daily quotas.
    pub quota: QuotaLedger,
    /// What happens before anyone is identified.
    pub events: SecurityEvents,
}

/// Says whether the node is ready; the text says what is missing.
pub type Readiness = Box<dyn Fn() -> Result<(), String> + Send + Sync>;

/// Says whether the snapshot is young enough to decide on.
pub type Freshness = Box<dyn Fn() -> bool + Send + Sync>;

/// The data plane of a node.
pub struct Gateway {
    pub(crate) snapshot: Arc<ArcSwap<Snapshot>>,
    pub(crate) log: Log,
    pub(crate) identity: Arc<Identity>,
    pub(crate) providers: Arc<Providers>,
    pub(crate) clock: Clock,
    pub(crate) config: GatewayConfig,
    pub(crate) quota: QuotaLedger,
    pub(crate) rates: Rates,
    pub(crate) events: SecurityEvents,
    pub(crate) meters: Meters,
    in_flight: AtomicUsize,
    shutdown: RwLock<Option<Shutdown>>,
    readiness: OnceLock<Readiness>,
    trace_sink: OnceLock<Arc<dyn TraceSink>>,
    freshness: OnceLock<Freshness>,
    peers: OnceLock<PeerDoor>,
    idempotency: OnceLock<IdempotencyStore>,
    catalogue: OnceLock<Box<dyn CatalogueSource>>,
    pub(crate) xroad_index: ArcSwapOption<xroad::Index>,
}

/// What makes a node one of a network.
pub struct PeerDoor {
    /// The protocol.
    pub peers: Peers,
    /// Who may come, asked for each request.
    pub tls: Arc<PeerTls>,
}

impl Gateway {
    /// A gateway of these parts.
    pub fn new(parts: GatewayParts) -> Arc<Self> {
        let GatewayParts { snapshot, log, identity, providers, clock, config, quota, events } = parts;
        Arc::new(Self {
            rates: Rates::new(clock.clone()),
            meters: Meters::new(),
            in_flight: AtomicUsize::new(0),
            shutdown: RwLock::new(None),
            readiness: OnceLock::new(),
            trace_sink: OnceLock::new(),
            freshness: OnceLock::new(),
            peers: OnceLock::new(),
            idempotency: OnceLock::new(),
            catalogue: OnceLock::new(),
            xroad_index: ArcSwapOption::empty(),
            snapshot,
            log,
            identity,
            providers,
            clock,
            config,
            quota,
            events,
        })
    }

    /// What `/health/ready` asks besides the message log's health and whether the node is stopping. Set once, before serving.
    pub fn set_readiness(&self, readiness: Readiness) {
        let _ = self.readiness.set(readiness);
    }
    /// What tells that the snapshot has become too old to decide on: then exchanges are refused. Set once, before serving.
    pub fn set_freshness(&self, fresh: Freshness) {
        let _ = self.freshness.set(fresh);
    }
    pub(crate) fn fresh(&self) -> bool {
        self.freshness.get().is_none_or(|fresh| fresh())
    }
    /// Makes this node one of a network of nodes. Set once, before serving.
    pub fn set_peers(&self, door: PeerDoor) {
        let _ = self.peers.set(door);
    }
    /// Where callers' idempotency keys are kept; without it they are passed on and otherwise mean nothing. Set once, before serving.
    pub fn set_idempotency(&self, store: IdempotencyStore) {
        let _ = self.idempotency.set(store);
    }
    pub(crate) fn idempotency(&self) -> Option<&IdempotencyStore> {
        self.idempotency.get()
    }
    /// What X-Road's metadata services tell besides what is registered here. Set once, before serving.
    pub fn set_catalogue(&self, source: Box<dyn CatalogueSource>) {
        let _ = self.catalogue.set(source);
    }
    pub(crate) fn catalogue(&self) -> Option<&dyn CatalogueSource> {
        self.catalogue.get().map(|source| &**source)
    }
    pub(crate) fn peers(&self) -> Option<&Peers> {
        self.peers.get().map(|door| &door.peers)
    }
    pub(crate) fn peer_door(&self) -> Option<&PeerDoor> {
        self.peers.get()
    }
    /// Where finished spans go. Set once, before serving.
    pub fn set_trace_sink(&self, sink: Arc<dyn TraceSink>) {
        let _ = self.trace_sink.set(sink);
    }
    /// Exchanges that are open now, streamed answers included.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Relaxed)
    }
    pub(crate) fn draining(&self) -> bool {
        self.shutdown.read().as_ref().is_some_and(Shutdown::begun)
    }
    pub(crate) fn serving_until(&self, shutdown: &Shutdown) {
        *self.shutdown.write() = Some(shutdown.clone());
    }
    pub(crate) fn ready(&self) -> Result<(), String> {
        if self.draining() {
            return Err("stopping".into());
        }
        let log = self.log.state();
        if !log.healthy {
            return Err("the message log is not taking records".into());
        }
        self.readiness.get().map_or(Ok(()), |ready| ready())
    }

    /// Answers one request. Never fails: what goes wrong becomes an answer with an exchange id.
    pub(crate) async fn handle(
        self: Arc<Self>,
        conn: Arc<Conn>,
        request: Request<Incoming>,
    ) -> Response<AnswerBody> {
        let place = Place::take(self.clone(), conn.clone());
        let http1 = request.version() < Version::HTTP_2;
        let id = random::exchange_id(self.clock.now());
        let answering = AssertUnwindSafe(async {
            // Boxed: it is large, and a consumer's calls would carry its size about.
            if conn.member.is_some() {
                return (Box::pin(peer::serve(&self, conn, request, id)).await, false);
            }
            self.answer(conn, request, id).await
        })
        .catch_unwind();
        let (mut response, last) = answering.await.unwrap_or_else(|_| {
            self.meters.panicked();
            tracing::error!(exchange = %id, "a panic ended this exchange");
            let refusal = Refusal::new(&fault::INTERNAL, "The exchange was given up.");
            (Edge::Rest.refuse(&refusal, id, &id.to_string(), None), true)
        });
        if last && http1 {
            // What is wrong with one head may be wrong with what follows it.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response.map(|body| body.holding(place))
    }

    /// The answer, and whether it should be the last of its connection.
    async fn answer(
        self: &Arc<Self>,
        conn: Arc<Conn>,
        request: Request<Incoming>,
        id: ExchangeId,
    ) -> (Response<AnswerBody>, bool) {
        let (number, refused) = conn.take();
        let (head, body) = request.into_parts();
        if let Err(refusal) = receive::receive(self, &head, refused, 0) {
            return (self.unnamed(&head, &conn, id, &refusal), true);
        }
        if let Some(address) = Address::of(head.uri.path()) {
            // Boxed: it is large, and calls would carry its size about.
            return match Box::pin(platform::answer(self, address, &head, body, &conn, number, id)).await {
                Ok(mut response) => {
                    crate::edge::name_exchange(response.headers_mut(), &id.to_string());
                    (response, false)
                }
                Err(refusal) => (self.unnamed(&head, &conn, id, &refusal), true),
            };
        }
        if let Err(refusal) = receive::admit(self) {
            return (self.unnamed(&head, &conn, id, &refusal), true);
        }
        (pipeline::run(self.exchange(conn, number, head, RequestBody::of(body), id)).await, false)
    }

    pub(crate) fn exchange(
        self: &Arc<Self>,
        conn: Arc<Conn>,
        number: u64,
        head: http::request::Parts,
        body: RequestBody,
        id: ExchangeId,
    ) -> Box<Exchange> {
        let target = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        // Another node's message is in the peer protocol, whatever its service is called.
        let form = if conn.member.is_none() { xroad::Form::of(&head, &self.config.xroad) } else { None };
        let sample = self.trace_sink.get().is_some_and(|s| s.sample());
        Box::new(Exchange {
            gateway: self.clone(),
            snapshot: self.snapshot.load_full(),
            number,
            id,
            id_text: id.to_string(),
            at: id.time(),
            began: Instant::now(),
            target: masked(target).into_owned(),
            edge: form.map_or_else(|| Edge::detect(&head.headers), Edge::XRoad),
            xroad: form.map(|form| Box::new(xroad::Call::of(form, &head.headers))),
            trace: Trace::of(&head.headers, sample),
            body,
            head,
            conn,
            caller: None,
            stated: Stated::default(),
            member: None,
            key: None,
            permit: None,
            route: None,
            face: None,
            mediation: None,
            asked: None,
            grant: None,
            decisions: SmallVec::new(),
            request: Leg::default(),
            answer: Leg::default(),
            status: None,
            provider: None,
            leg: None,
            masked: None,
            original: None,
            waiting: SmallVec::new(),
            kept_request: None,
            progress: Progress::default(),
        })
    }

    /// Tells a refusal of a request that is no exchange yet, and notes it.
    fn unnamed(
        &self,
        head: &http::request::Parts,
        conn: &Conn,
        id: ExchangeId,
        refusal: &Refusal,
    ) -> Response<AnswerBody> {
        self.note(conn, id, refusal);
        self.meters.of(None).refused(refusal.kind);
        match xroad::Form::of(head, &self.config.xroad) {
            Some(form) => xroad::Call::of(form, &head.headers).refuse(refusal, &id.to_string()),
            None => Edge::detect(&head.headers).refuse(refusal, id, &id.to_string(), None),
        }
    }

    pub(crate) fn note(&self, conn: &Conn, id: ExchangeId, refusal: &Refusal) {
        self.events.note(self.clock.now(), refusal.kind.code, conn.peer.ip(), &refusal.detail, Some(id));
    }

    /// Counts a finished exchange and tells the trace sink.
    pub(crate) fn finished(&self, x: &Exchange, refusal: Option<&Refusal>) {
        let meters = self.meters.of(x.route.as_ref().map(|r| &*r.operation));
        match refusal {
            None => meters.answered(x.began.elapsed().as_secs_f64()),
            Some(refusal) => {
                meters.refused(refusal.kind);
                if x.caller.is_none() {
                    self.note(&x.conn, x.id, refusal);
                }
                if let Some(internal) = &refusal.internal {
                    tracing::warn!(exchange = %x.id, code = refusal.kind.code, cause = %internal, "refused");
                }
            }
        }
        if let Some(sink) = self.trace_sink.get().filter(|_| x.trace.own.sampled()) {
            sink.span(span(x, refusal));
        }
    }
}

fn span(x: &Exchange, refusal: Option<&Refusal>) -> ExchangeSpan {
    ExchangeSpan {
        trace_id: x.trace.own.trace_id,
        span_id: x.trace.own.parent_id,
        parent_id: x.trace.parent,
        name: x.route.as_ref().map_or_else(|| x.edge.as_str().to_owned(), |r| r.operation.key.clone()),
        exchange: x.id_text.clone(),
        began: x.at,
        took: x.began.elapsed(),
        status: refusal.map_or(x.status.unwrap_or(0), |r| x.edge.status(r).as_u16()),
        refusal: refusal.map(|r| r.kind.code),
    }
}

/// One exchange's place among those that are open; given back when its answer has been given or its consumer is gone.
pub(crate) struct Place {
    gateway: Arc<Gateway>,
    conn: Arc<Conn>,
}

impl Place {
    fn take(gateway: Arc<Gateway>, conn: Arc<Conn>) -> Self {
        gateway.in_flight.fetch_add(1, Relaxed);
        gateway.meters.opened();
        conn.opened();
        Self { gateway, conn }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gateway.in_flight.fetch_sub(1, Relaxed);
        self.gateway.meters.closed();
        self.conn.closed();
    }
}
