//! SOAP 1.1 and 1.2: how an operation is found, and that refusals are faults in the caller's version.

use crate::client::{Reply, full, request};
use crate::world::World;

const V11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const V12: &str = "http://www.w3.org/2003/05/soap-envelope";

fn envelope(namespace: &str, element: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"{namespace}\"><s:Body><d:{element} xmlns:d=\"urn:dan-cu\"><d:SoDinhDanh>1</d:SoDinhDanh></d:{element}></s:Body></s:Envelope>"
    )
}

async fn v11(w: &World, target: &str, action: &str, body: String) -> Reply {
    let r = request("POST", target)
        .header("content-type", "text/xml; charset=utf-8")
        .header("soapaction", action);
    w.send(r.body(full(body)).unwrap()).await
}

async fn v12(w: &World, action: &str, body: String) -> Reply {
    let content_type = format!("application/soap+xml; charset=utf-8; action=\"{action}\"");
    let r = request("POST", "/dan-cu/1.0").header("content-type", content_type);
    w.send(r.body(full(body)).unwrap()).await
}

fn operation(w: &World, reply: &Reply) -> (String, String) {
    let r = &w.records(reply.exchange())[0];
    (r.edge.clone(), r.operation.clone().unwrap_or_default())
}

#[tokio::test]
async fn an_operation_is_found_by_action_or_element_in_both_versions() {
    let w = World::new().await;
    let reply = v11(&w, "/dan-cu/1.0", "\"urn:look\"", envelope(V11, "TraCuu")).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(operation(&w, &reply), ("soap11".into(), "look".into()));
    let seen = w.provider.last();
    assert_eq!((seen.target.as_str(), seen.body), ("/", envelope(V11, "TraCuu").into()));
    assert_eq!(seen.headers["soapaction"], "\"urn:look\"");

    let reply = v11(&w, "/dan-cu", "", envelope(V11, "CapNhat")).await;
    assert_eq!(
        operation(&w, &reply),
        ("soap11".into(), "save".into()),
        "an empty action, as service 037 has it"
    );
    let reply = v12(&w, "urn:look", envelope(V12, "TraCuu")).await;
    assert_eq!(operation(&w, &reply), ("soap12".into(), "look".into()));
}

#[tokio::test]
async fn a_refusal_is_a_fault_in_the_callers_version() {
    let w = World::new().await;
    let reply = v11(&w, "/dan-cu/1.0", "urn:look", envelope(V11, "CapNhat")).await;
    assert_eq!((reply.status.as_u16(), reply.header("content-type")), (500, "text/xml; charset=utf-8"));
    assert!(
        reply.text().contains("soap:Client") && reply.text().contains("resolve.ambiguous"),
        "{}",
        reply.text()
    );
    assert!(reply.text().contains(reply.header("lgsp-exchange")));
    lgsp_wire::soap::inspect(&reply.body).expect("a fault is an envelope");

    let reply = v12(&w, "urn:look", envelope(V12, "CapNhat")).await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("content-type")),
        (400, "application/soap+xml; charset=utf-8")
    );
    assert!(reply.text().contains("soap:Sender") && reply.text().contains("resolve.ambiguous"));
}

#[tokio::test]
async fn even_an_unknown_caller_gets_a_fault_if_it_speaks_soap() {
    let w = World::new().await;
    let r =
        http::Request::post("/dan-cu/1.0").header("host", "x").header("content-type", "application/soap+xml");
    let reply = w.send(r.body(full(envelope(V12, "TraCuu"))).unwrap()).await;
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("identify.none"));
    assert!(reply.header("www-authenticate").starts_with("Bearer"));
}

#[tokio::test]
async fn what_is_not_an_acceptable_envelope_is_refused_and_not_forwarded() {
    let w = World::new().await;
    let bomb = "<!DOCTYPE a [<!ENTITY b \"c\">]>".to_owned() + &envelope(V11, "TraCuu");
    let deep = envelope(V11, "TraCuu").replace("1<", &format!("{}<", "<a>".repeat(5000)));
    let mixed = envelope(V12, "TraCuu");
    for (body, code) in [
        (bomb, "validate.xml"),
        (deep, "validate.xml"),
        ("<a/>".into(), "validate.soap"),
        ("not xml".into(), "validate.xml"),
        (String::new(), "validate.soap"),
        (mixed, "validate.soap"),
        (envelope(V11, "KhongCo"), "resolve.operation"),
    ] {
        let reply = v11(&w, "/dan-cu/1.0", "", body.clone()).await;
        assert!(reply.text().contains(code), "{code} for {:.60}: {}", body, reply.text());
    }
    assert_eq!(w.provider.count(), 0);
}

#[tokio::test]
async fn a_call_that_a_provider_could_read_as_another_one_is_refused_and_not_forwarded() {
    let w = World::new().await;
    let look = r#""urn:look""#;
    let cases: &[(&str, &[&str], &str)] = &[
        ("text/xml", &[look, r#""urn:save""#], "resolve.ambiguous"),
        ("text/xml", &[r#""urn:never-declared""#], "resolve.ambiguous"),
        ("text/xml; charset=utf-7", &[look], "validate.media_type"),
        ("text/xml; charset=iso-8859-1", &[look], "validate.media_type"),
        ("text/xml; charset=utf-8; charset=utf-16", &[look], "validate.media_type"),
        ("text/xml; charset=\"utf-16", &[look], "validate.media_type"),
    ];
    for (content_type, actions, code) in cases {
        let mut r = request("POST", "/dan-cu/1.0").header("content-type", *content_type);
        for action in *actions {
            r = r.header("soapaction", *action);
        }
        let reply = w.send(r.body(full(envelope(V11, "TraCuu"))).unwrap()).await;
        assert!(reply.text().contains(code), "{content_type} {actions:?}: {}", reply.text());
    }
    let cases = [
        ("application/soap+xml; action=\"urn:look\"", Some("urn:save"), "resolve.ambiguous"),
        ("application/soap+xml; action=\"urn:look\"; action=\"urn:save\"", None, "validate.media_type"),
    ];
    for (content_type, action, code) in cases {
        let mut r = request("POST", "/dan-cu/1.0").header("content-type", content_type);
        r = action.into_iter().fold(r, |r, a| r.header("soapaction", a));
        let reply = w.send(r.body(full(envelope(V12, "TraCuu"))).unwrap()).await;
        assert!(reply.text().contains(code), "{content_type} {action:?}: {}", reply.text());
    }
    let r = request("POST", "/dan-cu/1.0")
        .header("content-type", "text/xml")
        .header("content-encoding", "deflate");
    let reply = w.send(r.body(full(envelope(V11, "TraCuu"))).unwrap()).await;
    assert!(reply.text().contains("validate.media_type"), "{}", reply.text());
    assert_eq!(w.provider.count(), 0);
}

#[tokio::test]
async fn a_soap_service_takes_posts_of_soap_only() {
    let w = World::new().await;
    let reply = w.get("/dan-cu/1.0?wsdl").await;
    assert_eq!((reply.code().as_str(), reply.header("allow")), ("resolve.method", "POST"));
    let r = request("POST", "/dan-cu/1.0").header("content-type", "application/json");
    assert_eq!(w.send(r.body(full("{}")).unwrap()).await.code(), "validate.media_type");
}
