//! Messages of other nodes, coming in: whether the node may still be heard, whether the message is what it stands by, and then an
//! exchange like any other.

use super::Member;
use super::relay::{self, Passing};
use super::reply::{signed, unsigned};
use crate::answer::AnswerBody;
use crate::body::intake::{Intake, RequestBody, too_large};
use crate::edge::{Edge, whole};
use crate::exchange::{COUNTERSIGNED, Exchange, Waiting};
use crate::gateway::{Gateway, PeerDoor};
use crate::pipeline;
use crate::server::conn::Conn;
use crate::steps::receive;
use http::header::{CACHE_CONTROL, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use lgsp_kernel::record::LegRecord;
use lgsp_kernel::{ExchangeId, Refusal, fault};
use lgsp_peer::fields::{HELLO_PATH, PATH_PREFIX};
use lgsp_peer::{Opened, PeerBody, Peers, ReplyTo, mode_text};
use std::sync::Arc;

/// Lines that the protocol adds to a consumer's, with room for later versions.
const OWN_LINES: usize = 32;

/// What does not become an exchange.
enum Unserved {
    Hello(Box<Response<AnswerBody>>),
    /// Refused before anything of the sender was proven.
    Unsigned(Refusal),
    /// Refused with this node's word.
    Signed(Refusal, Box<ReplyTo>),
}

impl From<Refusal> for Unserved {
    fn from(refusal: Refusal) -> Self {
        Self::Unsigned(refusal)
    }
}

/// Answers one message.
pub(crate) async fn serve(
    gateway: &Arc<Gateway>,
    conn: Arc<Conn>,
    request: Request<Incoming>,
    id: ExchangeId,
) -> Response<AnswerBody> {
    match take(gateway, &conn, request).await {
        Ok(Taken::Here(x)) => pipeline::run(x).await,
        Ok(Taken::Passing(passing)) => relay::pass(passing).await,
        Err(Unserved::Hello(response)) => *response,
        Err(Unserved::Unsigned(refusal)) => {
            gateway.note(&conn, id, &refusal);
            unsigned(&refusal, id, false)
        }
        Err(Unserved::Signed(refusal, reply)) => {
            gateway.note(&conn, reply.exchange, &refusal);
            signed(gateway, &reply, &refusal, false).await
        }
    }
}

/// What a message is.
enum Taken {
    /// A call of a service here.
    Here(Box<Exchange>),
    /// For another node.
    Passing(Box<Passing>),
}

/// Makes an exchange of a message.
async fn take(
    gateway: &Arc<Gateway>,
    conn: &Arc<Conn>,
    request: Request<Incoming>,
) -> Result<Taken, Unserved> {
    let (number, refused) = conn.take();
    let (head, body) = request.into_parts();
    receive::receive(gateway, &head, refused, OWN_LINES)?;
    let door =
        gateway.peer_door().ok_or_else(|| Refusal::new(&fault::INTERNAL, "There is no network of nodes."))?;
    still_welcome(door, conn)?;
    if head.uri.path() == HELLO_PATH && head.method == Method::GET {
        return Err(Unserved::Hello(Box::new(hello(door))));
    }
    if !head.uri.path().starts_with(PATH_PREFIX) {
        return Err(Refusal::new(&fault::PEER_VERSION, "This node speaks version 1.").into());
    }
    receive::admit(gateway)?;
    let from = conn
        .member
        .as_ref()
        .map(|(node, _)| node)
        .ok_or_else(|| Refusal::new(&fault::INTERNAL, "Nobody calls."))?;
    let elsewhere = Peers::addressee(head.uri.path()).is_some_and(|to| to.node != *door.peers.node());
    let opened =
        if elsewhere { door.peers.open_relay(from, &head) } else { door.peers.open_request(from, &head) };
    let mut opened = opened.map_err(|unopened| match unopened.reply {
        Some(reply) => Unserved::Signed(unopened.refusal, reply),
        None => Unserved::Unsigned(unopened.refusal),
    })?;
    let reply = opened.reply.clone();
    let by_statement = |refusal| Unserved::Signed(refusal, Box::new(reply.clone()));
    if elsewhere && opened.digest.is_none() {
        let body = door.peers.relayed_body(&opened, &head.headers, body);
        return passing(gateway, door, conn, number, head, body, opened).map(Taken::Passing);
    }
    let body = content(gateway, door, conn, number, &head, body, &opened).await.map_err(by_statement)?;
    if elsewhere {
        let body = match body {
            RequestBody::Whole(bytes, _) => PeerBody::Whole(bytes),
            _ => PeerBody::empty(),
        };
        return passing(gateway, door, conn, number, head, body, opened).map(Taken::Passing);
    }
    let inner = inner_head(head, &mut opened).map_err(by_statement)?;
    let received = door.peers.record(opened.received.clone());
    let received =
        received.map_err(|e| by_statement(crate::steps::record::untaken(&fault::NOT_RECORDED, e)))?;
    let mut x = gateway.exchange(conn.clone(), number, inner, body, opened.exchange);
    x.waiting.push(Waiting::Received(received));
    said(&mut x, &opened);
    Ok(Taken::Here(x))
}

/// A message on its way to another node, with an exchange for its records.
fn passing(
    gateway: &Arc<Gateway>,
    door: &PeerDoor,
    conn: &Arc<Conn>,
    number: u64,
    head: Parts,
    body: PeerBody,
    opened: Opened,
) -> Result<Box<Passing>, Unserved> {
    let received = door.peers.record(opened.received.clone()).map_err(|e| {
        let refusal = crate::steps::record::untaken(&fault::NOT_RECORDED, e);
        Unserved::Signed(refusal, Box::new(opened.reply.clone()))
    })?;
    let mut x = gateway.exchange(conn.clone(), number, head.clone(), RequestBody::None, opened.exchange);
    x.waiting.push(Waiting::Received(received));
    said(&mut x, &opened);
    if let Some(leg) = &mut x.leg {
        leg.kind = "relay".into();
        leg.node = Some(opened.to.to_string());
    }
    Ok(Box::new(Passing { x, head, body, opened }))
}

/// A connection outlives the moment of its handshake: whether its node's certificate is still good.
fn still_welcome(door: &PeerDoor, conn: &Conn) -> Result<(), Refusal> {
    let Some((node, subject)) = &conn.member else { return Ok(()) };
    door.tls.recheck(subject).map_err(|e| Refusal::new(&fault::PEER_REVOKED, format!("{e}.")))?;
    if door.peers.members().is_member(node) {
        return Ok(());
    }
    Err(Refusal::new(&fault::PEER_UNKNOWN, format!("{node} is not a member.")))
}

fn hello(door: &PeerDoor) -> Response<AnswerBody> {
    let mut response = whole(StatusCode::OK, "application/json", door.peers.hello());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The body: whole and the one that was stated, or verified as it is read.
async fn content(
    gateway: &Gateway,
    door: &PeerDoor,
    conn: &Arc<Conn>,
    number: u64,
    head: &Parts,
    body: Incoming,
    opened: &Opened,
) -> Result<RequestBody, Refusal> {
    let config = &gateway.config;
    if opened.digest.is_none() {
        return match door.peers.body_of(opened, &head.headers, body) {
            PeerBody::Stream(stream) => {
                Ok(RequestBody::Large(Intake::of_peer(stream, config, conn.clone(), number)))
            }
            PeerBody::Whole(bytes) => Ok(RequestBody::Whole(bytes, None)),
        };
    }
    let max = config.collect_max;
    let read = match RequestBody::of(body) {
        RequestBody::Unread(body) => {
            Intake::new(body, max as u64, config, conn.clone(), number).collect(max).await?
        }
        other => other,
    };
    match read {
        RequestBody::Whole(bytes, _) => {
            opened.check_body(&bytes)?;
            Ok(RequestBody::Whole(bytes, None))
        }
        RequestBody::None => opened.check_body(b"").map(|()| RequestBody::None),
        _ => Err(too_large(max as u64)),
    }
}

/// The head as the steps read it: what was stated and nothing else, at the address that a caller of this node would use.
fn inner_head(head: Parts, opened: &mut Opened) -> Result<Parts, Refusal> {
    let path = format!("/{}/{}{}", opened.service, opened.version, opened.rest);
    let uri: Uri =
        path.parse().map_err(|_| Refusal::new(&fault::BAD_PATH, "The path is not one of a URL."))?;
    let mut headers = std::mem::take(&mut opened.headers);
    // Of this hop: the trace goes on, the rest was not stated.
    for name in ["traceparent", "tracestate"] {
        if let Some(value) = head.headers.get(name) {
            headers.insert(name, value.clone());
        }
    }
    let mut inner = head;
    (inner.uri, inner.headers) = (uri, headers);
    Ok(inner)
}

/// What the message says of the exchange.
fn said(x: &mut Exchange, opened: &Opened) {
    x.edge = Edge::Peer;
    x.at = x.now();
    x.stated = opened.stated.clone();
    x.key = opened.idempotency_key.as_deref().map(Into::into);
    x.leg = Some(Box::new(LegRecord {
        kind: "peer".into(),
        number: None,
        node: Some(opened.from.to_string()),
        via: opened.via.as_ref().map(|via| via.to_string()),
        mode: Some(mode_text(opened.mode).into()),
        proves: COUNTERSIGNED.into(),
    }));
    x.member = Some(Box::new(Member {
        name: format!("{}/{}", opened.from, opened.system).into(),
        node: opened.from.clone(),
        system: opened.system.clone(),
        agency: opened.agency.clone(),
        reply: opened.reply.clone(),
    }));
}
