//! Versions with a contract: a caller that speaks another protocol than the provider, messages held against it, and the documents of the
//! faces. What a message means is a stand-in's here.

use crate::client::{full, request};
use crate::world::{KEY_WITHOUT_GRANT, Plan, World, pattern};
use bytes::Bytes;
use lgsp_kernel::mediation::{
    CallFacts, CallerAnswer, CallerRequest, Face, Mediate, Mediated, Note, NoteKind, ProviderAnswer,
    ProviderRequest,
};
use lgsp_kernel::model::{CheckMode, CheckSpec};
use lgsp_kernel::{Refusal, fault};
use serde_json::{Value, json};
use std::sync::Arc;

/// Converts by putting messages into brackets, and refuses what says so.
#[derive(Debug)]
pub struct Brackets;

impl Mediate for Brackets {
    fn reads_request(&self, _: &str, face: Face, check: CheckSpec) -> bool {
        face == Face::Rest || check.requests != CheckMode::Off
    }
    fn reads_answer(&self, _: &str, face: Face, check: CheckSpec) -> bool {
        face == Face::Rest || check.answers != CheckMode::Off
    }
    fn request<'a>(&'a self, r: CallerRequest<'a>, facts: CallFacts<'a>) -> Mediated<'a, ProviderRequest> {
        Box::pin(async move {
            if r.body == "bad" {
                return Err(Refusal::new(&fault::CONVERSION, "/x: not that."));
            }
            if r.face != Face::Rest {
                return Err(Refusal::new(&fault::CONTRACT, "/y: not that."));
            }
            let body =
                format!("[{} {} {} {}]", r.path, r.target, facts.system, String::from_utf8_lossy(&r.body));
            Ok(ProviderRequest {
                method: "POST".into(),
                target: String::new(),
                content_type: Some("text/xml; charset=utf-8".into()),
                soap_action: Some("urn:look".into()),
                accept: Some("text/xml".into()),
                headers: Vec::new(),
                body: body.into(),
                kept: None,
                notes: vec![Note { kind: NoteKind::Converted, text: "put into brackets".into() }],
            })
        })
    }
    fn answer<'a>(&'a self, a: ProviderAnswer<'a>, _: CallFacts<'a>) -> Mediated<'a, CallerAnswer> {
        Box::pin(async move {
            let body = json!({ "status": a.status, "bytes": a.body.len() }).to_string();
            let content_type = Some("application/json".into());
            Ok(CallerAnswer { status: 200, content_type, body: body.into(), notes: Vec::new() })
        })
    }
    fn openapi(&self) -> Option<Arc<str>> {
        Some(r#"{"servers":[{"url":"{address}"}]}"#.into())
    }
    fn wsdl(&self) -> Option<Arc<str>> {
        Some("<a location=\"{address}\"/>".into())
    }
    fn xsd(&self, name: &str) -> Option<Arc<str>> {
        (name == "a.xsd").then(|| "<x/>".into())
    }
}

fn both_faces(change: impl FnOnce(&mut Value)) -> Plan {
    let mut plan = Plan::default();
    let service = &mut plan.services[1];
    let version = &mut service["versions"][0];
    version["contract"] = json!({ "digest": "00", "main": "a.wsdl" });
    version["faces"] = json!(["soap", "rest"]);
    version["operations"][0]["method"] = json!("GET");
    version["operations"][0]["path"] = json!("/people/{id}");
    version["operations"][1]["method"] = json!("POST");
    version["operations"][1]["path"] = json!("/save");
    change(service);
    plan
}

async fn world() -> World {
    both_faces(|_| {}).begin().await
}

#[tokio::test]
async fn a_soap_provider_is_called_as_rest_and_both_forms_are_on_record() {
    let w = world().await;
    let r = request("GET", "/dan-cu/1.0/people/7?a=b")
        .header("if-none-match", "\"x\"")
        .header("accept-encoding", "gzip");
    let reply = w.send(r.body(full("")).unwrap()).await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("content-type")),
        (200, "application/json"),
        "{}",
        reply.text()
    );
    assert_eq!(reply.json()["status"], 200);
    assert_eq!(reply.header("cache-control"), "no-store");
    let seen = w.provider.last();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/"));
    assert_eq!(seen.body, "[/people/7 /people/7?a=b mot-cua ]");
    assert_eq!(seen.headers["content-type"], "text/xml; charset=utf-8");
    assert_eq!(seen.headers["soapaction"], "\"urn:look\"");
    assert_eq!(seen.headers["accept-encoding"], "identity");
    assert!(!seen.headers.contains_key("if-none-match"));
    let record = w.records(reply.exchange()).remove(0);
    let (request, answer) = (record.request.unwrap(), record.answer.unwrap());
    let (received, sent) = (request.received.unwrap(), request.sent.unwrap());
    assert_eq!((received.bytes, sent.bytes), (Some(0), Some(seen.body.len() as u64)));
    assert!(received.body != sent.body && received.head != sent.head);
    let (came, given) = (answer.received.unwrap(), answer.sent.unwrap());
    assert_eq!(given.bytes, Some(reply.body.len() as u64));
    assert_eq!(json!(came.bytes), reply.json()["bytes"]);
    assert!(record.steps.iter().any(|s| s.why.contains("brackets")));
}

#[tokio::test]
async fn a_head_has_the_length_of_the_get_and_no_body() {
    let w = world().await;
    let get = w.get("/dan-cu/1.0/people/7").await;
    let head = w.send(request("HEAD", "/dan-cu/1.0/people/7").body(full("")).unwrap()).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), get.body.len().to_string());
}

#[tokio::test]
async fn what_cannot_be_converted_is_refused_in_the_callers_protocol_and_not_forwarded() {
    let w = world().await;
    let reply = w.post("/dan-cu/1.0/save", "bad").await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (422, "validate.conversion"));
    let large = w.post("/dan-cu/1.0/save", pattern(2 << 20)).await;
    assert_eq!((large.status.as_u16(), large.code().as_str()), (413, "validate.too_large"));
    let zipped = request("POST", "/dan-cu/1.0/save").header("content-encoding", "gzip");
    assert_eq!(w.send(zipped.body(full("x")).unwrap()).await.code(), "validate.media_type");
    assert_eq!(w.get("/dan-cu/1.0/nowhere").await.code(), "resolve.operation");
    assert!(w.provider.seen.lock().is_empty());
}

#[tokio::test]
async fn envelopes_pass_as_they_are_unless_the_grant_has_them_checked() {
    const ENVELOPE: &str = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><d:TraCuu xmlns:d=\"urn:dan-cu\"/></s:Body></s:Envelope>";
    let soap = || {
        let r = request("POST", "/dan-cu/1.0")
            .header("content-type", "text/xml")
            .header("soapaction", "urn:look");
        r.body(full(ENVELOPE)).unwrap()
    };
    let w = world().await;
    assert_eq!(w.send(soap()).await.status, 200);
    assert_eq!(w.provider.last().body, Bytes::from(ENVELOPE));
    let mut plan = both_faces(|_| {});
    plan.grants[1]["check"] = json!({ "requests": "enforce" });
    let reply = plan.begin().await.send(soap()).await;
    assert_eq!(reply.status, 500);
    assert!(reply.text().contains("validate.contract"), "{}", reply.text());
}

#[tokio::test]
async fn hidden_fields_are_those_that_the_caller_would_see() {
    let mut plan = both_faces(|_| {});
    plan.grants[1]["hide"] = json!(["/bytes"]);
    let reply = plan.begin().await.get("/dan-cu/1.0/people/7").await;
    assert_eq!(reply.json(), json!({ "status": 200, "bytes": { "lgsp:notPermitted": true } }));
}

#[tokio::test]
async fn documents_are_for_those_who_have_a_grant_and_of_listed_services_for_anyone() {
    let w = world().await;
    let openapi = w.get("/dan-cu/1.0/openapi.json").await;
    assert_eq!(openapi.json()["servers"][0]["url"], "http://nen-tang.example/dan-cu/1.0");
    assert!(w.get("/dan-cu/1.0?wsdl").await.text().contains("http://nen-tang.example/dan-cu/1.0"));
    assert_eq!(w.get("/dan-cu/1.0?xsd=a.xsd").await.text(), "<x/>");
    assert_eq!(w.get("/dan-cu/1.0?xsd=b.xsd").await.code(), "resolve.operation");
    let anyone = || http::Request::get("/dan-cu/1.0?wsdl").header("host", "x").body(full("")).unwrap();
    assert_eq!(w.send(anyone()).await.code(), "identify.none");
    let other =
        http::Request::get("/dan-cu/1.0?wsdl").header("host", "x").header("apikey", KEY_WITHOUT_GRANT);
    assert_eq!(w.send(other.body(full("")).unwrap()).await.code(), "authorize.grant");
    let listed = both_faces(|s| s["listed"] = json!(true)).begin().await;
    assert_eq!(listed.send(anyone()).await.status, 200);
}
