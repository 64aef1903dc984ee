//! What nodes say to each other beside what a good one would: messages altered, repeated, misdirected, of strangers and of the revoked,
//! over connections of their own.

use crate::client::{Reply, whole};
use crate::country::{Country, Node, name, to_b};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body_util::Full;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lgsp_kernel::model::SignatureMode;
use lgsp_kernel::record::{Entry, Stated};
use lgsp_kernel::{ExchangeId, ServiceId, SystemId, VersionLabel};
use lgsp_peer::transport::{Connect as _, TlsConnect};
use lgsp_peer::{OutgoingRequest, PeerBody, PeerLeg};
use lgsp_trust::PeerTls;
use std::sync::Arc;
use std::time::Duration;

type Wire = SendRequest<Full<Bytes>>;

async fn connect(country: &Country, tls: &Arc<PeerTls>) -> Option<Wire> {
    let at = country.book.endpoints.lock()[&name("b")][0].clone();
    let stream = TlsConnect::new(tls).unwrap().connect(&name("b"), &at).await.ok()?;
    let (send, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.ok()?;
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Some(send)
}

async fn say(wire: &Wire, request: Request<Full<Bytes>>) -> Reply {
    whole(wire.clone().send_request(request).await.expect("an answer")).await.unwrap()
}

/// A good message of `a` for `b`.
async fn message(a: &Node, body: &'static [u8]) -> Request<Full<Bytes>> {
    static NEXT: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);
    let n = NEXT.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    let way = PeerLeg {
        node: name("b"),
        via: None,
        service: ServiceId::new("cong-dan").unwrap(),
        version: VersionLabel::new("1.0").unwrap(),
        mode: Some(SignatureMode::Group),
    };
    let out = OutgoingRequest {
        exchange: ExchangeId::at(crate::world::morning(), [n; 10]),
        agency: "H01.01".parse().unwrap(),
        system: SystemId::new("mot-cua").unwrap(),
        method: Method::POST,
        rest: "/do/echo".into(),
        headers: HeaderMap::new(),
        body: PeerBody::Whole(Bytes::from_static(body)),
        stated: Stated::default(),
        idempotency_key: None,
        safe: false,
        patience: Duration::from_secs(5),
        answer_max: 1 << 20,
    };
    let sealed = a.peers.seal_request(&way, out).await.unwrap();
    let mut copy = Request::new(Full::new(Bytes::from_static(body)));
    (*copy.method_mut(), *copy.uri_mut()) =
        (sealed.request().method().clone(), sealed.request().uri().clone());
    *copy.headers_mut() = sealed.request().headers().clone();
    copy
}

fn copy(of: &Request<Full<Bytes>>, body: &'static [u8]) -> Request<Full<Bytes>> {
    let mut copy = Request::new(Full::new(Bytes::from_static(body)));
    (*copy.method_mut(), *copy.uri_mut()) = (of.method().clone(), of.uri().clone());
    *copy.headers_mut() = of.headers().clone();
    copy
}

#[tokio::test]
async fn a_message_is_taken_once_and_only_as_it_was_stated() {
    let (country, a, b) = Country::two(to_b()).await;
    let wire = connect(&country, &a.tls).await.unwrap();
    let good = message(&a, b"x").await;
    let reply = say(&wire, copy(&good, b"x")).await;
    assert_eq!((reply.status.as_u16(), reply.text().as_str()), (200, "x"));
    assert!(!reply.header("lgsp-proof").is_empty() && !reply.header("lgsp-in-reply-to").is_empty());
    // The same again.
    let again = say(&wire, copy(&good, b"x")).await;
    assert_eq!((again.code().as_str(), again.header("signature-input")), ("identify.peer_replay", ""));
    // Another body, told under b's own statement; nothing of it is on record as received.
    let other = message(&a, b"x").await;
    let reply = say(&wire, copy(&other, b"y")).await;
    assert_eq!(
        (reply.code().as_str(), reply.header("lgsp-refusal")),
        ("validate.peer_digest", "validate.peer_digest")
    );
    assert_eq!(reply.header("lgsp-acted"), "no");
    let entries = b.world.entries_of(other.headers()["lgsp-exchange"].to_str().unwrap().parse().unwrap());
    assert!(!entries.iter().any(|e| matches!(e, Entry::Received(_))), "{entries:?}");
    // Another header.
    let mut altered = message(&a, b"x").await;
    altered.headers_mut().insert("lgsp-from", HeaderValue::from_static("a/H01.01/khach"));
    assert_eq!(say(&wire, altered).await.code(), "identify.peer_signature");
    // What is not covered is not read.
    let mut more = message(&a, b"x").await;
    more.headers_mut().insert("x-smuggled", HeaderValue::from_static("1"));
    assert_eq!(say(&wire, more).await.status, 200);
    assert!(b.world.provider.last().headers.get("x-smuggled").is_none());
    assert_eq!(b.world.provider.count(), 2);
}

#[tokio::test]
async fn what_is_no_message_is_refused_without_a_statement() {
    let (country, a, b) = Country::two(to_b()).await;
    let wire = connect(&country, &a.tls).await.unwrap();
    let get = |path: &str| Request::get(format!("https://b.node.lgsp{path}")).body(Full::default()).unwrap();
    let hello = say(&wire, get("/peer/1/hello")).await.json();
    assert_eq!((hello["node"].as_str(), hello["versions"][0].as_u64()), (Some("b"), Some(1)));
    for (path, code) in [
        ("/peer/2/b/cong-dan/1.0", "resolve.peer_version"),
        ("/cong-dan/citizens/7", "resolve.peer_version"),
        ("/token", "resolve.peer_version"),
        ("/peer/1/b/cong-dan/1.0/citizens/7", "identify.peer_signature"),
        ("/peer/1/b", "identify.peer_signature"),
    ] {
        let reply = say(&wire, get(path)).await;
        assert_eq!(reply.code(), code, "{path}");
        assert_eq!(reply.header("signature-input"), "");
    }
    assert_eq!(b.world.provider.count(), 0);
    assert!(b.world.events.drain().len() >= 5);
}

#[tokio::test]
async fn a_message_made_too_long_ago_is_refused() {
    let (country, a, b) = Country::two(to_b()).await;
    let wire = connect(&country, &a.tls).await.unwrap();
    let old = message(&a, b"x").await;
    country.advance(301_000);
    assert_eq!(say(&wire, old).await.code(), "identify.peer_clock");
    assert_eq!(b.world.provider.count(), 0);
}

#[tokio::test]
async fn strangers_and_the_revoked_get_no_connection_or_lose_it() {
    let (country, a, b) = Country::two(to_b()).await;
    // A certificate of another authority.
    let elsewhere = Country::new();
    let (stranger, _) = elsewhere.tls(&name("a"));
    assert!(refused(&country, &stranger).await);
    // One of the hub for a node that is no member.
    let (unlisted, _) = country.tls(&name("c"));
    let wire = connect(&country, &unlisted).await.unwrap();
    assert_eq!(say(&wire, message(&a, b"x").await).await.code(), "identify.peer_unknown");
    // A member that is revoked while it is connected, and afterwards.
    let wire = connect(&country, &a.tls).await.unwrap();
    let ready = message(&a, b"x").await;
    country.book.revoked.lock().insert(a.certificate);
    assert_eq!(say(&wire, ready).await.code(), "identify.peer_revoked");
    assert!(refused(&country, &a.tls).await);
    assert_eq!(b.world.provider.count(), 0);
}

/// Whether nothing is answered over a connection with this certificate: in TLS 1.3 the verdict may come after the handshake.
async fn refused(country: &Country, tls: &Arc<PeerTls>) -> bool {
    let Some(mut wire) = connect(country, tls).await else { return true };
    let hello = Request::get("https://b.node.lgsp/peer/1/hello").body(Full::default()).unwrap();
    wire.send_request(hello).await.is_err()
}
