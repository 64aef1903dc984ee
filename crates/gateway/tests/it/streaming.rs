//! Large bodies both ways: constant memory, backpressure, ends withheld until they are on record, breaks that are passed on.

use crate::client::request;
use crate::provider::drain;
use crate::world::{Plan, World, eventually, pattern};
use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use lgsp_kernel::record::{Outcome, Part};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

/// A body of so many pieces of 64 KiB, counting those that were taken.
fn pieces(
    n: u64,
    taken: Arc<AtomicU64>,
) -> StreamBody<impl futures_util::Stream<Item = Result<Frame<Bytes>, Infallible>>> {
    let piece = pattern(64 << 10);
    StreamBody::new(futures_util::stream::iter(0..n).map(move |_| {
        taken.fetch_add(1, SeqCst);
        Ok(Frame::data(piece.clone()))
    }))
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_body_passes_both_ways_in_constant_memory() {
    let w = World::new().await;
    assert_eq!(w.get("/cong-dan/look/stream?n=1000000").await.body.len(), 1_000_000);
    let before = resident_kib();
    let up = w.send(request("POST", "/cong-dan/do/count").body(pieces(4096, Arc::default())).unwrap()).await;
    assert_eq!(up.text(), (4096u64 * 65536).to_string(), "256 MiB went up");
    let down = w
        .begin(request("GET", "/cong-dan/look/stream?n=268435456").body(pieces(0, Arc::default())).unwrap())
        .await;
    assert_eq!(drain(down.into_body()).await.unwrap(), 268_435_456);
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < 50 << 10, "grew by {grown} KiB");

    let records = w.records(up.exchange());
    let parts: Vec<_> = records.iter().map(|r| (r.part, r.outcome)).collect();
    let expected = [
        (Part::Opening, Outcome::Pending),
        (Part::Request, Outcome::Pending),
        (Part::Answer, Outcome::Answered),
    ];
    assert_eq!(parts, expected);
    let message = records[1].request.as_ref().unwrap().received.as_ref().unwrap();
    assert_eq!(message.bytes, Some(4096 * 65536));
    assert!(message.body.is_some(), "the digest of what streamed");
}

#[tokio::test]
async fn a_long_answer_opens_its_record_streams_and_closes_it() {
    let w = World::new().await;
    for target in ["/cong-dan/look/stream?n=300000", "/cong-dan/look/bytes?n=300000"] {
        let reply = w.get(target).await;
        assert_eq!(reply.body.len(), 300_000);
        let records = w.records(reply.exchange());
        let parts: Vec<_> = records.iter().map(|r| (r.part, r.outcome)).collect();
        assert_eq!(parts, [(Part::Opening, Outcome::Pending), (Part::Answer, Outcome::Answered)]);
        let sent = records[1].answer.as_ref().unwrap().sent.as_ref().unwrap();
        assert_eq!(sent.bytes, Some(300_000));
        assert!(sent.body.is_some());
    }
}

#[tokio::test]
async fn the_end_of_a_long_answer_is_withheld_while_its_record_is_not_durable() {
    for target in ["/cong-dan/look/stream?n=200000", "/cong-dan/look/bytes?n=200000"] {
        let w = World::new().await;
        let mut body =
            w.begin(request("GET", target).body(pieces(0, Arc::default())).unwrap()).await.into_body();
        // The opening record is durable; from here on the disk fails.
        w.disk.fail_sync_in(1);
        let mut seen = 0;
        let failed = loop {
            match body.frame().await {
                Some(Ok(frame)) => seen += frame.data_ref().map_or(0, Bytes::len),
                Some(Err(_)) => break true,
                None => break false,
            }
        };
        assert!(
            failed,
            "{target}: the consumer was given a whole answer ({seen} bytes) that is not on record"
        );
    }
}

#[tokio::test]
async fn a_slow_consumer_slows_the_provider_instead_of_filling_memory() {
    let w = World::new().await;
    let answer = w
        .begin(request("GET", "/cong-dan/look/stream?n=1000000000").body(pieces(0, Arc::default())).unwrap())
        .await;
    let exchange = answer.headers()["lgsp-exchange"].to_str().unwrap().parse().unwrap();
    let before = resident_kib();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(resident_kib().saturating_sub(before) < 20 << 10);
    drop(answer);
    w.ended(exchange, Outcome::ConsumerGone).await;
}

#[tokio::test]
async fn a_slow_provider_slows_the_consumer() {
    let target = crate::provider::raw(b"", true).await;
    let w = Plan::default().target(target).begin().await;
    let taken = Arc::new(AtomicU64::new(0));
    let r = request("POST", "/cong-dan/do/count").header("content-length", (4u64 << 30).to_string());
    let sending = w.begin(r.body(pieces(65_536, taken.clone())).unwrap());
    let _ = tokio::time::timeout(Duration::from_millis(800), sending).await;
    let mib = taken.load(SeqCst) * 64 / 1024;
    assert!(mib < 64, "{mib} MiB were taken for a provider that reads nothing");
}

#[tokio::test]
async fn a_provider_that_breaks_off_breaks_the_answer_and_the_record_says_so() {
    let w = World::new().await;
    let answer =
        w.begin(request("GET", "/cong-dan/look/broken").body(pieces(0, Arc::default())).unwrap()).await;
    let exchange = answer.headers()["lgsp-exchange"].to_str().unwrap().parse().unwrap();
    let (mut body, mut taken) = (answer.into_body(), 0);
    let broken = loop {
        match body.frame().await {
            Some(Ok(frame)) => taken += frame.data_ref().map_or(0, Bytes::len) as u64,
            end => break end.is_some(),
        }
    };
    assert!(broken, "a broken answer must not look whole: {taken} bytes");
    let record = w.ended(exchange, Outcome::Incomplete).await;
    assert_eq!(record.refusal.unwrap().step, lgsp_kernel::Step::Forward);
    let given = record.answer.unwrap().sent.unwrap();
    assert!(given.bytes >= Some(taken), "{:?} of {taken} that were taken before it broke", given.bytes);
    assert!(given.body.is_some());
}

#[tokio::test]
async fn a_consumer_that_goes_away_takes_its_call_to_the_provider_with_it() {
    let w = World::new().await;
    let before = w.entries();
    let call = tokio::time::timeout(Duration::from_millis(200), w.post("/cong-dan/do/never", "x"));
    assert!(call.await.is_err(), "the provider never answers");
    eventually("the provider sees it", || (w.provider.given_up.load(SeqCst) == 1).then_some(())).await;
    eventually("it is on record", || (w.entries() == before + 2).then_some(())).await;
    let exchange = {
        let disk = lgsp_evidence::Disk::Simulated(w.disk.clone());
        let archive = lgsp_evidence::Archive::open_on(disk, "/log");
        let last = archive.entries(1, before..before + 2).unwrap().last().unwrap().unwrap();
        last.exchange.unwrap()
    };
    let record = w.ended(exchange, Outcome::ConsumerGone).await;
    assert_eq!(record.part, Part::Answer);
    eventually("its place is free", || (w.gateway.in_flight() == 0).then_some(())).await;
}

#[tokio::test]
async fn a_consumer_that_leaves_during_a_stream_ends_the_providers_stream() {
    let w = World::new().await;
    let mut answer =
        w.begin(request("GET", "/cong-dan/look/endless").body(pieces(0, Arc::default())).unwrap()).await;
    let exchange = answer.headers()["lgsp-exchange"].to_str().unwrap().parse().unwrap();
    let first = answer.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
    drop(answer);
    let record = w.ended(exchange, Outcome::ConsumerGone).await;
    let given = record.answer.unwrap().sent.unwrap();
    assert!(given.bytes >= Some(first.len() as u64), "{:?} of what was given before", given.bytes);
    assert!(given.body.is_some());
}

#[tokio::test]
async fn an_upload_that_stops_or_grows_too_large_is_refused_and_never_whole_at_the_provider() {
    let limited = Plan::default().version("1.0", |v| v["request_body_max"] = (3 << 20).into());
    let w = limited.begin().await;
    let reply =
        w.send(request("POST", "/cong-dan/do/count").body(pieces(100, Arc::default())).unwrap()).await;
    assert_eq!(reply.code(), "validate.too_large");
    w.ended(reply.exchange(), Outcome::Incomplete).await;
    assert!(w.provider.seen.lock().iter().all(|s| !s.whole));

    let stuck = pieces(40, Arc::default()).into_data_stream();
    let stuck = StreamBody::new(stuck.map(|d| d.map(Frame::data)).chain(futures_util::stream::pending()));
    let reply = w.send(request("POST", "/cong-dan/do/count").body(stuck).unwrap()).await;
    assert_eq!(reply.code(), "receive.timeout");
    assert!(w.provider.seen.lock().iter().all(|s| !s.whole));
}

#[tokio::test]
async fn a_provider_that_trickles_its_answer_is_given_up() {
    let target = crate::provider::trickle(b"HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n").await;
    let plan = Plan::default().version("1.0", |v| v["upstream"]["total_timeout_ms"] = 300.into());
    let w = plan.target(target).begin().await;
    let reply = tokio::time::timeout(Duration::from_secs(5), w.get("/cong-dan/citizens/7")).await.unwrap();
    assert_eq!(reply.code(), "forward.timeout");
    assert_eq!(w.gateway.in_flight(), 0);
}

#[tokio::test]
async fn a_consumer_that_takes_nothing_is_let_go() {
    let w = Plan::default().configured(|c| c.write_timeout = Duration::from_millis(300)).begin().await;
    let r = request("GET", "/cong-dan/look/stream?n=1000000000").body(pieces(0, Arc::default())).unwrap();
    let answer = w.begin(r).await;
    let exchange = answer.headers()["lgsp-exchange"].to_str().unwrap().parse().unwrap();
    w.ended(exchange, Outcome::ConsumerGone).await;
    drop(answer);
}
