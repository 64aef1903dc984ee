//! The message log fails: nothing with an effect is forwarded, nothing is acknowledged, and the caller is told which of the two it was.

use crate::client::{full, request};
use crate::world::{Plan, World, eventually};
use lgsp_kernel::record::Outcome;
use std::sync::atomic::Ordering::SeqCst;

#[tokio::test]
async fn a_full_disk_stops_writes_before_the_provider_and_answers_before_the_caller() {
    let w = World::new().await;
    assert_eq!(w.post("/cong-dan/do/echo", "x").await.status, 200);
    w.disk.set_capacity(Some(w.disk.used() + 1000));
    let before = w.provider.count();
    let reply = w.post("/cong-dan/do/echo", "x").await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (503, "record.unavailable"));
    assert!(!reply.header("retry-after").is_empty());
    assert_eq!(w.provider.count(), before, "nothing was forwarded");
    let reply = w.get("/cong-dan/citizens/7").await;
    assert_eq!(
        reply.code(),
        "record.unavailable",
        "a read is not forwarded once the log is known to be full"
    );
    assert_eq!(w.provider.count(), before);
    let reply = w.get("/cong-dan/nowhere").await;
    assert_eq!(reply.code(), "record.unavailable", "not even a refusal is told that is not on record");
    assert_eq!(w.get("/health/ready").await.status, 503);

    w.disk.set_capacity(None);
    eventually("the log goes on by itself", || w.log.state().healthy.then_some(())).await;
    assert_eq!(w.post("/cong-dan/do/echo", "x").await.status, 200);
}

#[tokio::test]
async fn the_read_that_meets_a_full_disk_first_is_forwarded_and_its_answer_withheld() {
    let w = World::new().await;
    assert_eq!(w.get("/cong-dan/citizens/7").await.status, 200);
    w.disk.set_capacity(Some(w.disk.used() + 1000));
    let reply = w.get("/cong-dan/citizens/7").await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (503, "record.answer"));
}

#[tokio::test]
async fn a_sync_that_fails_between_request_and_answer_withholds_the_answer() {
    let w = World::new().await;
    let call = w.send(request("POST", "/cong-dan/do/never").body(full("x")).unwrap());
    let fail = async {
        eventually("the provider has the request", || (w.provider.begun.load(SeqCst) == 1).then_some(()))
            .await;
        w.disk.fail_sync_in(1);
    };
    let (reply, ()) = tokio::join!(call, fail);
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (503, "record.answer"));
    assert!(reply.json()["remedy"].as_str().unwrap().contains("may have acted"));
}

#[tokio::test]
async fn a_full_queue_refuses_and_forwards_only_what_is_on_record() {
    let w = Plan { log_queue: 2, ..Plan::default() }.begin().await;
    let replies = futures_util::future::join_all((0..100).map(|_| w.post("/cong-dan/do/echo", "x"))).await;
    let unrecorded = replies.iter().filter(|r| r.status != 200 && r.code() == "record.unavailable").count();
    assert!(unrecorded > 0, "a queue of two held a hundred records");
    assert_eq!(w.provider.count(), 100 - unrecorded);
    for reply in replies.iter().filter(|r| r.status == 200) {
        assert_eq!(w.records(reply.exchange()).len(), 2);
    }
}

#[tokio::test]
async fn every_acknowledged_exchange_is_on_record_after_the_power_went() {
    let w = World::new().await;
    let mut acknowledged = Vec::new();
    for i in 0..20 {
        if i == 12 {
            w.disk.cut_power_in(3);
        }
        let reply = w.post("/cong-dan/do/echo", "x").await;
        if reply.status == 200 {
            acknowledged.push(reply.exchange());
        }
    }
    assert!((12..20).contains(&acknowledged.len()), "{} were acknowledged", acknowledged.len());
    let disk = w.disk.restart(&mut lgsp_evidence::disk::simulated::Random(1));
    let mut config = lgsp_evidence::LogConfig::new("/log", "nen-tang");
    config.segment_bytes = 2 << 20;
    let disk = lgsp_evidence::Disk::Simulated(disk);
    let key = lgsp_evidence::LogKey::for_node("nen-tang", [9; 32]);
    let log = lgsp_evidence::Log::open_on(disk.clone(), config, key, w.clock.clone()).unwrap();
    let archive = lgsp_evidence::Archive::open_on(disk, "/log");
    for exchange in acknowledged {
        let found = archive.find(exchange).unwrap();
        let answered = found.iter().filter_map(|f| f.record()).any(|r| {
            let entry: serde_json::Value = serde_json::from_slice(r).unwrap();
            entry["outcome"] == serde_json::to_value(Outcome::Answered).unwrap()
        });
        assert!(answered, "{exchange} was acknowledged and is lost");
    }
    log.close();
}
