//! What the message log says of an exchange: which records, in which order, before what, with which digests.

use crate::client::{full, request};
use crate::world::{Plan, World};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use lgsp_kernel::Step;
use lgsp_kernel::record::{Outcome, Part};
use serde_json::json;
use std::sync::atomic::Ordering::SeqCst;

fn sha256(bytes: impl AsRef<[u8]>) -> String {
    base64::engine::general_purpose::STANDARD.encode(digest(&SHA256, bytes.as_ref()))
}

#[tokio::test]
async fn a_read_is_one_record_with_both_legs() {
    let w = World::new().await;
    let r = request("GET", "/cong-dan/1.0/citizens/7?apikey=secret").header("lgsp-purpose", "xac minh");
    let reply = w.send(r.body(full("")).unwrap()).await;
    let records = w.records(reply.exchange());
    assert_eq!(records.len(), 1);
    let r = &records[0];
    assert_eq!(
        (r.part, r.outcome, r.status, r.edge.as_str()),
        (Part::Whole, Outcome::Answered, Some(200), "rest")
    );
    let caller = r.caller.as_ref().unwrap();
    assert_eq!((caller.system.as_str(), caller.agency.as_str()), ("mot-cua", "H01.15"));
    assert_eq!((caller.credential.as_str(), caller.how.as_str()), ("mot-cua-key", "api_key"));
    assert_eq!(caller.source, "127.0.0.1");
    assert_eq!(r.service.as_deref(), Some("cong-dan"));
    assert_eq!((r.version.as_deref(), r.operation.as_deref()), (Some("1.0"), Some("get")));
    assert_eq!((r.grant.as_deref(), r.method.as_deref()), (Some("g-citizens"), Some("GET")));
    assert_eq!(r.target.as_deref(), Some("/cong-dan/1.0/citizens/7?apikey=***"), "secrets are masked");
    assert_eq!(r.stated.as_ref().unwrap().purpose.as_deref(), Some("xac minh"));
    assert_eq!(r.provider.as_deref(), Some(format!("http://{}", w.provider.address).as_str()));
    let (request, answer) = (r.request.as_ref().unwrap(), r.answer.as_ref().unwrap());
    assert_eq!(request.received.as_ref().unwrap().body.as_deref(), Some(sha256("").as_str()));
    for message in [&answer.received, &answer.sent] {
        let message = message.as_ref().unwrap();
        assert_eq!(message.body.as_deref(), Some(sha256(&reply.body).as_str()));
        assert_eq!(message.bytes, Some(reply.body.len() as u64));
    }
    assert_ne!(answer.received.as_ref().unwrap().head, answer.sent.as_ref().unwrap().head);
    let steps: Vec<Step> = r.steps.iter().map(|s| s.step).collect();
    let expected = [
        Step::Identify,
        Step::Resolve,
        Step::Authorize,
        Step::Limit,
        Step::Validate,
        Step::Forward,
        Step::Verify,
    ];
    assert_eq!(steps, expected);
    assert!(r.steps.iter().all(|s| s.ok && !s.why.is_empty()));
}

#[tokio::test]
async fn the_head_digest_can_be_computed_again_from_what_was_sent() {
    let w = World::new().await;
    let reply =
        w.send(request("GET", "/cong-dan/citizens/7?b=1").header("x-a", "2").body(full("")).unwrap()).await;
    let r = &w.records(reply.exchange())[0];
    let canonical = "GET /cong-dan/citizens/7?b=1\nhost: nen-tang\nx-a: 2\n";
    assert_eq!(r.request.as_ref().unwrap().received.as_ref().unwrap().head, sha256(canonical));
    let seen = w.provider.last();
    let mut lines: Vec<String> = seen
        .headers
        .iter()
        .filter(|(n, _)| n.as_str() != "host")
        .map(|(n, v)| format!("{n}: {}\n", v.to_str().unwrap()))
        .collect();
    lines.sort();
    let canonical = format!("GET {}\n{}", seen.target, lines.concat());
    assert_eq!(r.request.as_ref().unwrap().sent.as_ref().unwrap().head, sha256(canonical));
}

#[tokio::test]
async fn a_write_is_on_record_before_the_provider_sees_it_and_its_answer_before_it_is_given() {
    let w = World::new().await;
    let before = w.entries();
    let sending = w.send(request("POST", "/cong-dan/do/never").body(full("body")).unwrap());
    let watching = async {
        while w.provider.begun.load(SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        w.entries()
    };
    let (reply, entries) = tokio::join!(sending, watching);
    assert_eq!(entries, before + 1, "the request was recorded when the provider had it");
    assert_eq!(reply.code(), "forward.timeout");
    let records = w.records(reply.exchange());
    assert_eq!((records[0].part, records[0].outcome), (Part::Request, Outcome::Pending));
    let body = records[0].request.as_ref().unwrap().received.as_ref().unwrap().body.clone();
    assert_eq!(body, Some(sha256("body")));
    assert_eq!((records[1].part, records[1].outcome), (Part::Answer, Outcome::Unknown));
    assert_eq!(records[1].refusal.as_ref().unwrap().code, "forward.timeout");
    assert!(records[1].caller.is_none() && records[1].request.is_none(), "said once");

    let reply = w.post("/cong-dan/do/echo", "x").await;
    let records = w.records(reply.exchange());
    assert_eq!(records.iter().map(|r| r.part).collect::<Vec<_>>(), [Part::Request, Part::Answer]);
    assert_eq!(records[1].outcome, Outcome::Answered);
}

#[tokio::test]
async fn a_service_may_want_its_reads_recorded_first() {
    let plan = Plan::default().service(|s| s["evidence"] = json!({"record_reads_first": true}));
    let w = plan.begin().await;
    let reply = w.get("/cong-dan/citizens/7").await;
    let parts: Vec<Part> = w.records(reply.exchange()).iter().map(|r| r.part).collect();
    assert_eq!(parts, [Part::Request, Part::Answer]);
}

#[tokio::test]
async fn bodies_are_kept_in_full_as_digest_or_not_at_all_as_the_service_says() {
    for (policy, digests, kept) in [("full", true, 2), ("digest", true, 0), ("off", false, 0)] {
        let plan = Plan::default().service(|s| s["evidence"] = json!({"body": policy, "keep_days": 30}));
        let w = plan.begin().await;
        let reply = w.post("/cong-dan/do/echo", "noi dung").await;
        let record = &w.records(reply.exchange())[0];
        let message = record.request.clone().unwrap().received.unwrap();
        assert_eq!(message.body.is_some(), digests, "{policy}");
        let disk = lgsp_evidence::Disk::Simulated(w.disk.clone());
        let found = lgsp_evidence::Archive::open_on(disk, "/log").find(reply.exchange()).unwrap();
        let bodies: Vec<_> = found.iter().flat_map(|f| f.bodies.clone()).collect();
        assert_eq!(bodies.len(), kept, "{policy}");
        assert!(bodies.iter().all(|(_, b)| b == "noi dung"));
    }
}

#[tokio::test]
async fn a_refusal_of_a_known_caller_is_on_record_and_names_the_step() {
    let w = World::new().await;
    let reply = w.get("/cong-dan/1.0/nowhere").await;
    let records = w.records(reply.exchange());
    assert_eq!((records.len(), records[0].part, records[0].outcome), (1, Part::Whole, Outcome::Refused));
    let refusal = records[0].refusal.as_ref().unwrap();
    assert_eq!((refusal.code.as_str(), refusal.step), ("resolve.operation", Step::Resolve));
    let last = records[0].steps.last().unwrap();
    assert!(!last.ok && last.step == Step::Resolve);
    assert_eq!(w.provider.count(), 0);
}

#[tokio::test]
async fn a_caller_that_nobody_knows_leaves_a_security_event_and_no_record() {
    let w = World::new().await;
    let before = w.entries();
    let reply =
        w.send(http::Request::get("/cong-dan/citizens/7").header("host", "x").body(full("")).unwrap()).await;
    assert_eq!(reply.code(), "identify.none");
    assert_eq!(w.entries(), before);
    let events = w.events.drain();
    assert_eq!(
        (events.len(), events[0].kind.as_str(), events[0].source.as_str()),
        (1, "identify.none", "127.0.0.1")
    );
    assert_eq!(events[0].exchange, Some(reply.exchange()));
}
