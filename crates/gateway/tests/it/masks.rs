//! Fields that a consumer may not see: taken out of what it is given, kept in the record as digests, and never given when that fails.

use crate::country::{Country, consumer, provider, to_b};
use crate::world::{Plan, pattern};
use lgsp_kernel::record::Outcome;
use serde_json::json;

fn hiding(rules: &[&str]) -> Plan {
    Plan::default().granted(|g| g["hide"] = json!(rules))
}

#[tokio::test]
async fn a_hidden_field_is_answered_as_not_permitted_and_the_record_has_both_digests() {
    let w = hiding(&["/saw", "/not/there"]).begin().await;
    let reply = w.get("/cong-dan/citizens/7").await;
    assert_eq!(reply.json(), json!({"saw": {"lgsp:notPermitted": true}}));
    let record = w.records(reply.exchange()).remove(0);
    let masked = record.masked.unwrap();
    assert_eq!((masked.rules, masked.values), (vec!["/saw".to_owned()], 1));
    let answer = record.answer.unwrap();
    let (received, sent) = (answer.received.unwrap(), answer.sent.unwrap());
    assert_eq!((&masked.before.body, masked.before.bytes), (&received.body, received.bytes));
    assert!(received.body != sent.body && sent.bytes == Some(reply.body.len() as u64));
}

#[tokio::test]
async fn an_answer_without_the_field_is_given_as_it_is() {
    let w = hiding(&["/not/there"]).begin().await;
    let reply = w.get("/cong-dan/citizens/7").await;
    assert_eq!(reply.json(), json!({"saw": "/citizens/7"}));
    assert!(w.records(reply.exchange())[0].masked.is_none());
}

#[tokio::test]
async fn what_cannot_be_read_for_certain_is_not_given() {
    let w = hiding(&["/saw"]).begin().await;
    for path in [
        "/cong-dan/look/error",
        "/cong-dan/look/bytes?n=10",
        "/cong-dan/look/stream?n=3000000",
        "/cong-dan/look/trailers",
    ] {
        let reply = w.get(path).await;
        assert_eq!((reply.status.as_u16(), reply.code().as_str()), (502, "verify.unmasked"), "{path}");
        assert_eq!(w.records(reply.exchange()).last().unwrap().outcome, Outcome::Unknown);
        assert!(!reply.text().contains("the provider's own error"));
    }
    let w = hiding(&["/saw"]).begin().await;
    let large = w.post("/cong-dan/do/echo", pattern(2 << 20)).await;
    assert_eq!(large.code(), "verify.unmasked");
}

#[tokio::test]
async fn the_other_node_hides_before_it_states() {
    let country = Country::new();
    let b = country.join("b", "H02.02", provider().granted(|g| g["hide"] = json!(["/saw"])), false).await;
    let a = country.join("a", "H01.01", consumer(to_b()), false).await;
    let reply = a.world.get("/cong-dan/citizens/7").await;
    assert_eq!(reply.json(), json!({"saw": {"lgsp:notPermitted": true}}));
    assert!(b.world.records(reply.exchange())[0].masked.is_some());
    assert!(a.world.records(reply.exchange())[0].masked.is_none(), "what it got is what it gave");
}
