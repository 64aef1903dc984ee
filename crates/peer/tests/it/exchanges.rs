//! Exchanges that succeed, in both modes, direct and through a relay, in memory and over mutual TLS; and nodes that cannot be reached.

use crate::world::{World, node, over_tls};
use http::{Method, StatusCode};
use lgsp_kernel::fault;
use lgsp_kernel::model::SignatureMode;
use lgsp_peer::members::Endpoint;
use lgsp_peer::{PeerBody, PeerConfig};

pub const BOTH: [SignatureMode; 2] = [SignatureMode::Group, SignatureMode::Message];

fn whole(body: &PeerBody) -> &[u8] {
    match body {
        PeerBody::Whole(bytes) => bytes,
        PeerBody::Stream(_) => panic!("it streams"),
    }
}

#[tokio::test]
async fn a_call_is_stated_verified_and_recorded_at_both_ends() {
    let world = World::new();
    let (a, b) = (world.node("a", "H01.01"), world.node("b", "H02.02"));
    for mode in BOTH {
        for (method, rest, body) in [(Method::GET, "/x/%2e?a=1&b", &b""[..]), (Method::POST, "", b"{}")] {
            let request = a.request(method, rest, body);
            let exchange = request.exchange;
            let sealed = a.peers.seal_request(&b.leg(mode), request).await.unwrap();
            let answer = a.peers.send(sealed).await.unwrap();
            assert_eq!(answer.status, StatusCode::OK);
            assert_eq!(
                (answer.node.clone(), answer.agency.clone(), answer.mode),
                (b.name.clone(), b.agency.clone(), mode)
            );
            assert_eq!(whole(&answer.body), body);
            assert_eq!(answer.headers["x-rest"], rest);
            assert_eq!(answer.headers["x-purpose"], "18");
            assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2);
            assert!(answer.headers.keys().all(|n| !n.as_str().starts_with("lgsp-")));
            a.peers.record(answer.received).unwrap().durable().await.unwrap();
            for n in [&a, &b] {
                let archive = lgsp_evidence::Archive::open_on(n.log.disk().clone(), "/log");
                let found = archive.find(exchange).unwrap();
                let text: Vec<_> =
                    found.iter().map(|f| String::from_utf8_lossy(f.record().unwrap()).into_owned()).collect();
                assert!(text.iter().any(|t| t.starts_with("{\"type\":\"statement\"")), "{text:?}");
                assert!(text.iter().any(|t| t.starts_with("{\"type\":\"received\"")), "{text:?}");
            }
        }
    }
    assert!(a.seen.0.lock().iter().any(|(n, _)| *n == b.name));
    assert!(b.seen.0.lock().iter().any(|(n, _)| *n == a.name));
}

#[tokio::test]
async fn two_nodes_speak_over_mutual_tls_and_another_endpoint_is_tried_when_one_is_dead() {
    let world = World::new();
    let connect: Option<&dyn Fn(&_) -> _> = Some(&over_tls);
    let a = world.node_with("a", "H01.01", connect, PeerConfig::default());
    let b = world.node_with("b", "H02.02", connect, PeerConfig::default());
    let port = b.listen().await;
    let endpoints = [1, port].map(|port| Endpoint { host: "127.0.0.1".into(), port });
    world.book.endpoints.lock().insert(node("b"), endpoints.to_vec());
    for mode in BOTH {
        let sealed =
            a.peers.seal_request(&b.leg(mode), a.request(Method::POST, "/x", b"{\"a\":1}")).await.unwrap();
        let answer = a.peers.send(sealed).await.unwrap();
        assert_eq!(whole(&answer.body), b"{\"a\":1}");
    }
    assert_eq!(a.peers.health(&b.name), (1, false));
}

#[tokio::test]
async fn a_node_that_is_not_there_is_said_to_be_and_left_alone_for_a_while() {
    let world = World::new();
    let connect: Option<&dyn Fn(&_) -> _> = Some(&over_tls);
    let a = world.node_with("a", "H01.01", connect, PeerConfig::default());
    let b = world.node_with("b", "H02.02", connect, PeerConfig::default());
    world.book.endpoints.lock().insert(node("b"), vec![Endpoint { host: "127.0.0.1".into(), port: 1 }]);
    for _ in 0..2 {
        let leg = b.leg(SignatureMode::Group);
        let sealed = a.peers.seal_request(&leg, a.request(Method::GET, "", b"")).await;
        assert_eq!(sealed.unwrap_err().kind, &fault::PEER_UNREACHABLE);
    }
    assert_eq!(a.peers.health(&b.name), (0, true));
}

#[tokio::test]
async fn many_exchanges_at_once_share_few_connections() {
    let world = World::new();
    let (a, b) = (world.node("a", "H01.01"), world.node("b", "H02.02"));
    let mut all = tokio::task::JoinSet::new();
    for i in 0..600 {
        let (peers, leg) = (a.peers.clone(), b.leg(BOTH[i % 2]));
        let request = a.request(Method::POST, "/x", format!("{i}").as_bytes());
        all.spawn(async move {
            let answer = peers.send(peers.seal_request(&leg, request).await.unwrap()).await.unwrap();
            assert_eq!(whole(&answer.body), format!("{i}").as_bytes());
        });
    }
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
    assert!(a.peers.health(&b.name).0 <= 4, "{:?}", a.peers.health(&b.name));
}

#[tokio::test]
async fn through_a_relay_the_statements_stay_end_to_end() {
    let world = World::new();
    let (a, b) = (world.node("a", "H01.01"), world.node("b", "H02.02"));
    let r = world.node_with("r", "H03.03", None, PeerConfig { relay: true, ..PeerConfig::default() });
    for mode in BOTH {
        let mut leg = b.leg(mode);
        leg.via = Some(r.name.clone());
        let request = a.request(Method::POST, "/x?y", b"{}");
        let exchange = request.exchange;
        let answer = a.peers.send(a.peers.seal_request(&leg, request).await.unwrap()).await.unwrap();
        assert_eq!((answer.node, whole(&answer.body)), (b.name.clone(), &b"{}"[..]));
        let archive = lgsp_evidence::Archive::open_on(r.log.disk().clone(), "/log");
        assert_eq!(archive.find(exchange).unwrap().len(), 2, "both messages are on record at the relay");
    }
}

#[tokio::test]
async fn a_node_that_does_not_relay_says_so_over_its_own_name() {
    let world = World::new();
    let (a, b, r) = (world.node("a", "H01.01"), world.node("b", "H02.02"), world.node("r", "H03.03"));
    let mut leg = b.leg(SignatureMode::Group);
    leg.via = Some(r.name.clone());
    let sealed = a.peers.seal_request(&leg, a.request(Method::POST, "", b"{}")).await.unwrap();
    let answer = a.peers.send(sealed).await.unwrap();
    assert_eq!(answer.node, r.name);
    let refusal = answer.refusal.unwrap();
    assert_eq!((refusal.code.as_str(), refusal.may_have_acted), ("resolve.peer_addressee", false));
}

#[tokio::test]
async fn a_large_body_streams_and_is_stated_in_trailers_direct_and_through_a_relay() {
    let world = World::new();
    let (a, b) = (world.node("a", "H01.01"), world.node("b", "H02.02"));
    let r = world.node_with("r", "H03.03", None, PeerConfig { relay: true, ..PeerConfig::default() });
    let large = vec![7u8; 3 << 20];
    for mode in BOTH {
        for via in [None, Some(r.name.clone())] {
            let mut leg = b.leg(mode);
            leg.via = via;
            let request = a.request(Method::POST, "/big", &large);
            let answer = a.peers.send(a.peers.seal_request(&leg, request).await.unwrap()).await.unwrap();
            let PeerBody::Stream(stream) = answer.body else { panic!("it is whole") };
            let got = http_body_util::BodyExt::collect(stream).await.unwrap().to_bytes();
            assert!(got == large);
        }
    }
}
