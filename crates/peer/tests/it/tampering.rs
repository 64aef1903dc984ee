//! Messages that were altered, repeated, redirected, or are somebody else's.

use crate::exchanges::BOTH;
use crate::world::{Node, T, World, agency, node};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use lgsp_kernel::fault;
use lgsp_kernel::model::SignatureMode;
use lgsp_peer::sign::{MessageKey, Voice};
use lgsp_peer::{Sealed, Unopened};
use lgsp_trust::Use;
use std::sync::Arc;
use std::sync::atomic::Ordering;

fn head(sealed: &Sealed) -> Parts {
    let request = sealed.request();
    let mut copy = Request::new(());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy.into_parts().0
}

async fn sealed(a: &Node, b: &Node, mode: SignatureMode) -> Parts {
    let request = a.request(Method::POST, "/x/y?q=1", b"{}");
    head(&a.peers.seal_request(&b.leg(mode), request).await.unwrap())
}

fn altered(value: &HeaderValue, at: usize) -> Option<HeaderValue> {
    let mut bytes = value.as_bytes().to_vec();
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    HeaderValue::from_bytes(&bytes).ok()
}

#[tokio::test]
async fn a_request_of_which_one_byte_was_altered_is_refused() {
    let world = World::new();
    let (a, b) = (world.node("a", "H01.01"), world.node("b", "H02.02"));
    for mode in BOTH {
        let good = sealed(&a, &b, mode).await;
        let names: Vec<HeaderName> = good.headers.keys().cloned().collect();
        let mut tried = 0;
        for name in names {
            // The checkpoint of a signed message is not relied on; a remembered delegation is known by its digest.
            let passing =
                (name == "lgsp-checkpoint" && mode == SignatureMode::Message) || name == "lgsp-delegation";
            let length = good.headers[&name].len();
            for at in (0..length).step_by(if length > 400 { 7 } else { 1 }) {
                let mut bad = good.clone();
                let Some(value) = altered(&good.headers[&name], at) else { continue };
                bad.headers.insert(name.clone(), value);
                if passing {
                    continue;
                }
                let refused = b.peers.open_request(&a.name, &bad);
                assert!(refused.is_err(), "{mode:?} {name} at {at}: {:?}", bad.headers[&name]);
                tried += 1;
            }
            let mut bad = good.clone();
            bad.headers.remove(&name);
            if !passing {
                assert!(b.peers.open_request(&a.name, &bad).is_err(), "{mode:?} without {name}");
            }
            let mut bad = good.clone();
            bad.headers.append(name.clone(), HeaderValue::from_static("x"));
            if !passing {
                assert!(b.peers.open_request(&a.name, &bad).is_err(), "{mode:?} twice {name}");
            }
        }
        assert!(tried > 500, "{tried}");
        for (from, to) in
            [("/y", "/z"), ("q=1", "q=2"), ("?q=1", ""), ("dancu", "dancv"), ("1.0", "1.1"), ("/b/", "/a/")]
        {
            let mut bad = good.clone();
            bad.uri = good.uri.to_string().replace(from, to).parse().unwrap();
            assert!(b.peers.open_request(&a.name, &bad).is_err(), "{to}");
        }
        let mut bad = good.clone();
        bad.method = Method::PUT;
        assert!(b.peers.open_request(&a.name, &bad).is_err());
        let mut bad = good.clone();
        let list: Vec<_> = good.headers.get_all("x-list").iter().rev().cloned().collect();
        bad.headers.remove("x-list");
        for line in list {
            bad.headers.append("x-list", line);
        }
        assert!(b.peers.open_request(&a.name, &bad).is_err(), "lines in another order");

        let opened = b.peers.open_request(&a.name, &good).unwrap();
        assert!(opened.check_body(b"{}").is_ok());
        assert_eq!(opened.check_body(b"{ }").unwrap_err().kind, &fault::PEER_BODY);
        let Unopened { refusal, reply } = b.peers.open_request(&a.name, &good).unwrap_err();
        assert_eq!(refusal.kind, &fault::PEER_REPLAY);
        assert!(reply.is_none(), "a repetition gets no answer that could pass for the first one's");
    }
}

#[tokio::test]
async fn fields_that_nobody_stated_are_dropped_before_anything_reads_them() {
    let world = World::new();
    let (a, b) = (world.node("a", "H01.01"), world.node("b", "H02.02"));
    let mut head = sealed(&a, &b, SignatureMode::Message).await;
    for name in ["x-injected", "lgsp-officer", "lgsp-body", "authorization", "lgsp-refusal"] {
        head.headers.insert(HeaderName::from_static(name), HeaderValue::from_static("streamed"));
    }
    let opened = b.peers.open_request(&a.name, &head).unwrap();
    assert_eq!(opened.stated.officer, None);
    assert!(opened.digest.is_some(), "an injected lgsp-body does not make it stream");
    assert!(!opened.headers.contains_key("x-injected"));
    assert!(!opened.headers.contains_key("authorization"));
    assert_eq!(opened.headers.get_all("x-list").iter().count(), 2);
}

#[tokio::test]
async fn every_byte_of_an_answer_is_covered_and_an_altered_one_is_not_given() {
    let world = World::new();
    let (a, b) = (world.node("a", "H01.01"), world.node("b", "H02.02"));
    for mode in BOTH {
        let names = [
            "lgsp-exchange",
            "lgsp-in-reply-to",
            "lgsp-from",
            "content-digest",
            "x-rest",
            "x-purpose",
            "set-cookie",
            "signature-input",
            "signature",
            "lgsp-proof",
            "lgsp-checkpoint",
        ];
        for name in names {
            let spoiled = Arc::new(std::sync::atomic::AtomicBool::new(false));
            let flag = spoiled.clone();
            *b.spoil.lock() = Some(Arc::new(move |r| {
                if let Some(value) = r.headers().get(name) {
                    let value = altered(value, value.len() / 2).unwrap();
                    r.headers_mut().insert(name, value);
                    flag.store(true, Ordering::SeqCst);
                }
            }));
            let request = a.request(Method::POST, "/x", b"{}");
            let sealed = a.peers.seal_request(&b.leg(mode), request).await.unwrap();
            let sent = a.peers.send(sealed).await;
            if spoiled.load(Ordering::SeqCst) {
                let error = sent.unwrap_err();
                assert_eq!(error.refusal.kind, &fault::ANSWER_UNPROVEN, "{mode:?} {name}");
                assert!(error.may_have_acted);
            } else {
                assert!(sent.is_ok(), "{mode:?} {name}");
            }
        }
        for spoil in [
            (|r: &mut http::Response<lgsp_peer::OutBody>| *r.status_mut() = StatusCode::CREATED)
                as fn(&mut _),
            |r| *r.body_mut() = lgsp_peer::PeerBody::Whole("[]".into()).into(),
            |r| drop(r.headers_mut().insert("lgsp-exchange", "ex_0".parse().unwrap())),
        ] {
            *b.spoil.lock() = Some(Arc::new(spoil));
            let sealed =
                a.peers.seal_request(&b.leg(mode), a.request(Method::POST, "", b"{}")).await.unwrap();
            assert_eq!(a.peers.send(sealed).await.unwrap_err().refusal.kind, &fault::ANSWER_UNPROVEN);
        }
        *b.spoil.lock() = None;
    }
}

#[tokio::test]
async fn the_answer_to_another_request_is_refused() {
    let world = World::new();
    let (a, b) = (world.node("a", "H01.01"), world.node("b", "H02.02"));
    for mode in BOTH {
        let kept = Arc::new(parking_lot::Mutex::new(None));
        let slot = kept.clone();
        *b.spoil.lock() = Some(Arc::new(move |r| {
            let mut slot = slot.lock();
            match &*slot {
                None => *slot = Some(r.headers().clone()),
                Some(first) => *r.headers_mut() = http::HeaderMap::clone(first),
            }
        }));
        let mut ends = Vec::new();
        for _ in 0..2 {
            let sealed =
                a.peers.seal_request(&b.leg(mode), a.request(Method::POST, "/x", b"{}")).await.unwrap();
            ends.push(a.peers.send(sealed).await.map_err(|e| e.refusal.kind));
        }
        assert!(ends[0].is_ok());
        assert_eq!(ends[1].as_ref().unwrap_err().code, fault::ANSWER_UNPROVEN.code);
        assert!(kept.lock().is_some());
        *b.spoil.lock() = None;
    }
}

#[tokio::test]
async fn path_and_checkpoint_of_another_leaf_prove_nothing() {
    let world = World::new();
    let (a, b) = (world.node("a", "H01.01"), world.node("b", "H02.02"));
    let first = sealed(&a, &b, SignatureMode::Group).await;
    let mut second = sealed(&a, &b, SignatureMode::Group).await;
    let own = second.headers["lgsp-proof"].clone();
    second.headers.insert("lgsp-proof", first.headers["lgsp-proof"].clone());
    assert!(b.peers.open_request(&a.name, &second).is_err());
    second.headers.insert("lgsp-checkpoint", first.headers["lgsp-checkpoint"].clone());
    assert!(b.peers.open_request(&a.name, &second).is_err(), "proof and checkpoint of the first message");
    second.headers.insert("lgsp-proof", own);
    assert!(b.peers.open_request(&a.name, &second).is_err(), "an older checkpoint does not hold the leaf");
}

#[tokio::test]
async fn a_checkpoint_that_the_log_did_not_sign_is_refused() {
    let world = World::new();
    let (a, b) = (world.node("a", "H01.01"), world.node("b", "H02.02"));
    let head = sealed(&a, &b, SignatureMode::Group).await;
    let text = head.headers["lgsp-checkpoint"].to_str().unwrap().trim_matches(':').to_owned();
    let engine = base64::engine::general_purpose::STANDARD;
    let note = String::from_utf8(base64::Engine::decode(&engine, text).unwrap()).unwrap();
    let real = lgsp_evidence::Checkpoint::read_unchecked(&note).unwrap();
    let forger = lgsp_evidence::LogKey::for_node("a", [9; 32]);
    let forged = forger.sign(&real.origin, real.size, real.root).unwrap();
    let mut bad = head.clone();
    let field = format!(":{}:", base64::Engine::encode(&engine, forged.note));
    bad.headers.insert("lgsp-checkpoint", field.parse().unwrap());
    let refusal = b.peers.open_request(&a.name, &bad).unwrap_err().refusal;
    assert_eq!(refusal.kind, &fault::PEER_SIGNATURE);
    assert!(b.peers.open_request(&a.name, &head).is_ok());
}

#[tokio::test]
async fn a_request_for_another_node_is_not_taken() {
    let world = World::new();
    let (a, b, c) = (world.node("a", "H01.01"), world.node("b", "H02.02"), world.node("c", "H03.03"));
    let head = sealed(&a, &b, SignatureMode::Message).await;
    let refused = c.peers.open_request(&a.name, &head).unwrap_err();
    assert_eq!(refused.refusal.kind, &fault::PEER_ADDRESSEE);
}

#[tokio::test]
async fn a_key_speaks_only_for_the_agency_the_node_and_the_time_of_its_delegation() {
    let world = World::new();
    let (a, b) = (world.node("a", "H01.01"), world.node("b", "H02.02"));
    let key = MessageKey::from_seed(&[5; 32]);
    let (from, until) = (T.plus_seconds(-7200), T.plus_seconds(-3600));
    let hour = T.plus_seconds(3600);
    // Given an expired delegation, or one that begins later, the voice itself says otherwise.
    for (not_before, not_after) in [(from, until), (hour, hour.plus_seconds(60))] {
        let delegation = a.delegate(Use::Message, key.public(), not_before, not_after);
        a.set_keys(None, Some((Voice::new(delegation.text(), from, hour), key.clone())));
        let head = sealed(&a, &b, SignatureMode::Message).await;
        let refusal = b.peers.open_request(&a.name, &head).unwrap_err().refusal;
        assert_eq!(refusal.kind, &fault::PEER_AGENCY, "{refusal}");
    }
    // Given another agency's delegation for the same key: the node may not even host it.
    let stranger = world.node("s", "H09.09");
    let foreign = stranger.delegate(Use::Message, key.public(), from, hour);
    a.set_keys(None, Some((Voice::new(foreign.text(), from, hour), key.clone())));
    let head = sealed(&a, &b, SignatureMode::Message).await;
    let refusal = b.peers.open_request(&a.name, &head).unwrap_err().refusal;
    assert_eq!(refusal.kind, &fault::PEER_AGENCY, "{refusal}");
    // Given a delegation of a log key, a signature of that key is none.
    let log = a.delegate(Use::Log, key.public(), from, hour);
    a.set_keys(None, Some((Voice::new(log.text(), from, hour), key.clone())));
    let head = sealed(&a, &b, SignatureMode::Message).await;
    assert!(b.peers.open_request(&a.name, &head).is_err());
    // Given another key than the delegation's.
    let good = a.delegate(Use::Message, key.public(), from, hour);
    a.set_keys(None, Some((Voice::new(good.text(), from, hour), MessageKey::from_seed(&[6; 32]))));
    let head = sealed(&a, &b, SignatureMode::Message).await;
    assert!(b.peers.open_request(&a.name, &head).is_err());
    a.set_keys(None, Some((Voice::new(good.text(), from, hour), key)));
    let head = sealed(&a, &b, SignatureMode::Message).await;
    assert!(b.peers.open_request(&a.name, &head).is_ok());
}

#[tokio::test]
async fn what_the_directory_withdraws_is_withdrawn_though_it_was_remembered() {
    let world = World::new();
    let (a, b) = (world.node("a", "H01.01"), world.node("b", "H02.02"));
    let head = sealed(&a, &b, SignatureMode::Group).await;
    assert!(b.peers.open_request(&a.name, &head).is_ok());
    world.book.revoked.lock().insert(lgsp_trust::sha256(&a.agency_certificate));
    world.book.version.fetch_add(1, Ordering::SeqCst);
    let head = sealed(&a, &b, SignatureMode::Group).await;
    assert!(b.peers.open_request(&a.name, &head).is_err());
    world.book.revoked.lock().clear();
    world.book.version.fetch_add(1, Ordering::SeqCst);
    world.book.stale.store(true, Ordering::SeqCst);
    let refusal = b.peers.open_request(&a.name, &head).unwrap_err().refusal;
    assert_eq!(refusal.kind, &fault::DIRECTORY_STALE);
    world.book.stale.store(false, Ordering::SeqCst);
    world.book.hosts.lock().retain(|(n, _)| *n != node("a"));
    let refusal = b.peers.open_request(&a.name, &head).unwrap_err().refusal;
    assert_eq!(refusal.kind, &fault::PEER_UNKNOWN);
}

#[tokio::test]
async fn clocks_may_differ_by_five_minutes_and_the_difference_is_named() {
    let world = World::new();
    let (a, b) = (world.node("a", "H01.01"), world.node("b", "H02.02"));
    for (seconds, fine) in [(299, true), (-299, true), (301, false), (-301, false)] {
        a.clock.advance(-seconds * 1000);
        let head = sealed(&a, &b, SignatureMode::Message).await;
        a.clock.advance(seconds * 1000);
        match b.peers.open_request(&a.name, &head) {
            Ok(opened) => {
                assert!(fine);
                assert_eq!(opened.reply.clock_difference, seconds);
            }
            Err(e) => {
                assert!(!fine, "{}", e.refusal);
                assert_eq!(e.refusal.kind, &fault::PEER_CLOCK);
                assert!(e.refusal.detail.contains(&seconds.to_string()), "{}", e.refusal.detail);
            }
        }
    }
    a.clock.advance(-100_000);
    let sealed =
        a.peers.seal_request(&b.leg(SignatureMode::Group), a.request(Method::GET, "", b"")).await.unwrap();
    assert_eq!(a.peers.send(sealed).await.unwrap().clock_reported, Some(100));
}

#[tokio::test]
async fn an_answer_of_an_agency_that_does_not_offer_the_service_is_refused() {
    let world = World::new();
    let (a, b) = (world.node("a", "H01.01"), world.node("b", "H02.02"));
    *world.book.offers.lock() = Some(agency("H07.07"));
    let sealed =
        a.peers.seal_request(&b.leg(SignatureMode::Group), a.request(Method::GET, "", b"")).await.unwrap();
    assert_eq!(a.peers.send(sealed).await.unwrap_err().refusal.kind, &fault::ANSWER_UNPROVEN);
}

#[tokio::test]
async fn what_was_received_before_a_restart_is_still_a_repetition() {
    let world = World::new();
    let (a, b) = (world.node("a", "H01.01"), world.node("b", "H02.02"));
    let head = sealed(&a, &b, SignatureMode::Message).await;
    let opened = b.peers.open_request(&a.name, &head).unwrap();
    b.peers.record(opened.received).unwrap().durable().await.unwrap();
    let archive = lgsp_evidence::Archive::open_on(b.log.disk().clone(), "/log");
    let replay = lgsp_peer::Replay::read_back(&archive, T).unwrap();
    let again = replay.take(&a.name, &opened.exchange, T.seconds(), T).unwrap_err();
    assert_eq!(again.kind, &fault::PEER_REPLAY);
    assert!(replay.take(&a.name, &crate::world::fresh(), T.seconds(), T).is_ok());
    // What was made before the window is not known, and never becomes acceptable again.
    let old = replay.take(&a.name, &crate::world::fresh(), T.seconds() - 301, T).unwrap_err();
    assert_eq!(old.kind, &fault::PEER_RESTARTED);
}

#[tokio::test]
async fn what_is_said_without_a_statement_is_believed_of_the_addressee_itself_but_not_of_a_relay() {
    let world = World::new();
    let (a, b, r) = (world.node("a", "H01.01"), world.node("b", "H02.02"), world.node("r", "H03.03"));
    for (via, may_have_acted) in [(None, false), (Some(r.name.clone()), true)] {
        let mut leg = b.leg(SignatureMode::Message);
        leg.via = via;
        a.clock.advance(-301_000);
        let sealed = a.peers.seal_request(&leg, a.request(Method::POST, "", b"{}")).await.unwrap();
        a.clock.advance(301_000);
        let error = a.peers.send(sealed).await.unwrap_err();
        assert_eq!(error.may_have_acted, may_have_acted);
        let named = error.refusal.detail.contains("identify.peer_clock");
        assert!(may_have_acted || named, "{}", error.refusal);
    }
}

#[tokio::test]
async fn a_streaming_body_that_was_altered_never_comes_to_its_end() {
    let world = World::new();
    let (a, b) = (world.node("a", "H01.01"), world.node("b", "H02.02"));
    let large = vec![7u8; 2 << 20];
    for mode in BOTH {
        for at in [0, large.len() - 1] {
            let source = large.clone();
            *b.spoil.lock() = Some(Arc::new(move |r| {
                let mut other = source.clone();
                other[at] = 8;
                let real = std::mem::replace(r.body_mut(), lgsp_peer::PeerBody::empty().into());
                *r.body_mut() =
                    lgsp_peer::PeerBody::Stream(Box::pin(Swapped { real, other: Some(other.into()) })).into();
            }));
            let request = a.request(Method::POST, "/big", &large);
            let answer =
                a.peers.send(a.peers.seal_request(&b.leg(mode), request).await.unwrap()).await.unwrap();
            let lgsp_peer::PeerBody::Stream(mut stream) = answer.body else { panic!("it is whole") };
            let mut got = 0;
            let failed = loop {
                match http_body_util::BodyExt::frame(&mut stream).await {
                    Some(Ok(frame)) => got += frame.into_data().unwrap().len(),
                    other => break other,
                }
            };
            let Some(Err(lgsp_peer::BodyError::Refused(refusal))) = failed else { panic!("{failed:?}") };
            assert_eq!(refusal.kind, &fault::PEER_BODY);
            assert!(got < large.len(), "the last frame is withheld");
        }
        *b.spoil.lock() = None;
    }
}

/// Other bytes under the trailers of the real body.
struct Swapped {
    real: lgsp_peer::OutBody,
    other: Option<bytes::Bytes>,
}

impl http_body::Body for Swapped {
    type Data = bytes::Bytes;
    type Error = lgsp_peer::BodyError;
    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, lgsp_peer::BodyError>>> {
        if let Some(other) = self.other.take() {
            return std::task::Poll::Ready(Some(Ok(http_body::Frame::data(other))));
        }
        loop {
            let frame = std::task::ready!(std::pin::Pin::new(&mut self.real).poll_frame(cx));
            if !matches!(&frame, Some(Ok(f)) if f.is_data()) {
                return std::task::Poll::Ready(frame);
            }
        }
    }
}
