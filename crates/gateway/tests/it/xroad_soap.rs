//! Callers made for X-Road's message protocol for SOAP 4.0: envelopes and attachments in the form of the document, a provider that knows the
//! protocol and one that does not.

use crate::client::{Reply, full, request};
use crate::country::{self, Country};
use crate::world::{KEY, Plan, World};
use crate::xroad::{begin, with_agencies};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use lgsp_kernel::record::Outcome;
use lgsp_xroad::soap::Message;
use parking_lot::Mutex;
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;

/// What one provider was sent.
type Seen = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// A provider that answers each request as this says: content type and body.
async fn provider(
    status: u16,
    answer: impl Fn(&Bytes) -> (String, String) + Send + Sync + 'static,
) -> (String, Seen) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (seen, answer) = (Seen::default(), Arc::new(answer));
    let kept = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (seen, answer) = (kept.clone(), answer.clone());
            let service = hyper::service::service_fn(move |r: http::Request<hyper::body::Incoming>| {
                let (seen, answer) = (seen.clone(), answer.clone());
                async move {
                    let (head, body) = r.into_parts();
                    let body = body.collect().await.unwrap().to_bytes();
                    let (content_type, text) = answer(&body);
                    seen.lock().push((head.headers, body));
                    let response = Response::builder().status(status).header("content-type", content_type);
                    let response = response.header("x-of-provider", "1").body(Full::new(Bytes::from(text)));
                    Ok::<_, Infallible>(response.unwrap())
                }
            });
            let serving = hyper::server::conn::http1::Builder::new();
            tokio::spawn(serving.serve_connection(TokioIo::new(stream), service));
        }
    });
    (format!("http://{address}/soap"), seen)
}

/// The header of the document's example, with this client and service.
fn header(client: [&str; 2], provider: [&str; 2], code: &str, version: &str) -> String {
    format!(
        r#"<SOAP-ENV:Header>
        <xrd:client id:objectType="SUBSYSTEM">
            <id:xRoadInstance>VN</id:xRoadInstance>
            <id:memberClass>GOV</id:memberClass>
            <id:memberCode>{}</id:memberCode>
            <id:subsystemCode>{}</id:subsystemCode>
        </xrd:client>
        <xrd:service id:objectType="SERVICE">
            <id:xRoadInstance>VN</id:xRoadInstance>
            <id:memberClass>GOV</id:memberClass>
            <id:memberCode>{}</id:memberCode>
            <id:subsystemCode>{}</id:subsystemCode>
            <id:serviceCode>{code}</id:serviceCode>{version}
        </xrd:service>
        <xrd:id>4894e35d-bf0f-44a6-867a-8e51f1daa7e0</xrd:id>
        <xrd:userId>VN12345678901</xrd:userId>
        <xrd:issue>12345</xrd:issue>
        <xrd:protocolVersion>4.0</xrd:protocolVersion>
    </SOAP-ENV:Header>"#,
        client[0], client[1], provider[0], provider[1]
    )
}

fn envelope(header: &str, body: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<SOAP-ENV:Envelope
        xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"
        xmlns:ns1="urn:dan-cu"
        xmlns:xrd="http://x-road.eu/xsd/xroad.xsd"
        xmlns:id="http://x-road.eu/xsd/identifiers">
    {header}
    <SOAP-ENV:Body>
        {body}
    </SOAP-ENV:Body>
</SOAP-ENV:Envelope>"#
    )
}

const US: [&str; 2] = ["H01.15", "mot-cua"];
const THEM: [&str; 2] = ["H01.15", "csdl"];
const V1: &str = "<id:serviceVersion>1.0</id:serviceVersion>";

fn look() -> String {
    envelope(&header(US, THEM, "TraCuu", V1), "<ns1:TraCuu><so>1</so></ns1:TraCuu>")
}

async fn post(w: &World, content_type: &str, body: impl Into<Bytes>) -> Reply {
    let r = request("POST", "/").header("content-type", content_type).header("x-own", "stays");
    w.send(r.body(full(body)).unwrap()).await
}

async fn soap(w: &World, body: impl Into<Bytes>) -> Reply {
    post(w, "text/xml; charset=UTF-8", body).await
}

fn hash(part: &[u8]) -> String {
    BASE64_STANDARD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, part).as_ref())
}

/// The code of a fault, checked to be one.
fn fault(reply: &Reply) -> String {
    assert_eq!((reply.status.as_u16(), reply.header("content-type")), (500, "text/xml; charset=utf-8"));
    assert!(Message::parse(&reply.body).expect("an envelope").is_fault(), "{}", reply.text());
    let text = reply.text();
    assert!(text.contains(reply.header("lgsp-exchange")));
    let code = text.split("<faultcode>").nth(1).and_then(|t| t.split("</faultcode>").next());
    code.unwrap().to_owned()
}

async fn world(target: String) -> World {
    begin(Plan::default().target(target)).await
}

const PLAIN_ANSWER: &str = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><n:TraCuuResponse xmlns:n=\"urn:dan-cu\"><ten>A</ten></n:TraCuuResponse></s:Body></s:Envelope>";

fn xml(text: impl Into<String>) -> (String, String) {
    ("text/xml; charset=utf-8".into(), text.into())
}

#[tokio::test]
async fn an_answer_gets_the_requests_header_and_its_hash() {
    let (url, seen) = provider(200, |_| xml(PLAIN_ANSWER)).await;
    let w = world(url).await;
    let reply = soap(&w, look()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let asked = Message::parse(look().as_bytes()).unwrap().header.unwrap();
    let answered = Message::parse(&reply.body).unwrap();
    let header = answered.header.clone().unwrap();
    assert_eq!((&header.client, &header.service, &header.id), (&asked.client, &asked.service, &asked.id));
    assert_eq!((&header.user_id, &header.issue), (&asked.user_id, &asked.issue));
    let theirs = header.request_hash.unwrap();
    assert_eq!(theirs.algorithm, "http://www.w3.org/2001/04/xmlenc#sha512");
    assert_eq!(theirs.value, hash(look().as_bytes()));
    assert!(reply.text().contains("<ten>A</ten>") && !reply.headers.contains_key("x-of-provider"));

    let (headers, body) = seen.lock()[0].clone();
    assert_eq!(body, look(), "the envelope goes on byte for byte");
    for gone in ["x-own", "apikey", "x-road-client"] {
        assert!(!headers.contains_key(gone), "{gone}");
    }
    let record = &w.records(reply.exchange())[..];
    let request = &record[0];
    assert_eq!((request.edge.as_str(), request.operation.as_deref()), ("xroad_soap", Some("look")));
    let stated = request.stated.clone().unwrap();
    assert_eq!(
        (stated.officer.as_deref(), stated.dossier.as_deref()),
        (Some("VN12345678901"), Some("12345"))
    );
    let answer = record[1].answer.clone().unwrap();
    let (came, given) = (answer.received.unwrap(), answer.sent.unwrap());
    assert_eq!(came.bytes, Some(PLAIN_ANSWER.len() as u64));
    assert_eq!(given.bytes, Some(reply.body.len() as u64));
    assert_ne!(came.body, given.body, "the record tells both apart");
}

#[tokio::test]
async fn a_provider_that_repeats_the_header_is_believed_only_if_it_is_this_requests() {
    let repeat = |body: &Bytes| {
        let text = String::from_utf8(body.to_vec()).unwrap();
        xml(text
            .replace("TraCuu>", "TraCuuResponse>")
            .replace("<id:serviceCode>TraCuuResponse", "<id:serviceCode>TraCuu"))
    };
    let (url, _) = provider(200, repeat).await;
    let w = world(url).await;
    let reply = soap(&w, look()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(reply.text().contains(&hash(look().as_bytes())));

    let (url, _) = provider(200, move |b| {
        let (content_type, text) = repeat(b);
        (content_type, text.replace("4894e35d", "4894e35e"))
    })
    .await;
    let w = world(url).await;
    let reply = soap(&w, look()).await;
    assert_eq!(fault(&reply), "Server.ServerProxy.ServiceFailed.InconsistentHeaders");
    let last = w.records(reply.exchange()).pop().unwrap();
    assert_eq!((last.outcome, last.refusal.unwrap().code.as_str()), (Outcome::Unknown, "verify.malformed"));
}

#[tokio::test]
async fn a_providers_fault_goes_through_as_it_is_and_what_is_no_soap_does_not() {
    const FAULT: &str = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault><faultcode>own</faultcode><faultstring>x</faultstring></s:Fault></s:Body></s:Envelope>";
    let (url, _) = provider(500, |_| xml(FAULT)).await;
    let reply = soap(&world(url).await, look()).await;
    assert_eq!((reply.status.as_u16(), reply.text().as_str()), (500, FAULT));
    for (content_type, text) in [
        ("text/html", "<html>502</html>".to_owned()),
        ("text/xml; charset=utf-16", PLAIN_ANSWER.into()),
        ("text/xml", format!("<!DOCTYPE a [<!ENTITY b \"c\">]>{PLAIN_ANSWER}")),
        ("text/xml", String::new()),
        ("multipart/related; boundary=b", "no parts".into()),
        ("text/xml", PLAIN_ANSWER.replace("A<", &format!("{}<", "A".repeat(2 << 20)))),
    ] {
        let (url, _) = provider(200, move |_| (content_type.into(), text.clone())).await;
        let reply = soap(&world(url).await, look()).await;
        assert_eq!(fault(&reply), "Server.ServerProxy.ServiceFailed", "{content_type}");
    }
}

fn attached(envelope: &str, binary: &str) -> String {
    format!(
        "--MIME_boundary\r\nContent-Type: text/xml; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\nContent-ID: <rootpart>\r\n\r\n{envelope}\r\n\
         --MIME_boundary\r\nContent-Type: application/octet-stream; name=data.bin\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <data.bin>\r\n\
         Content-Disposition: attachment; name=\"data.bin\"; filename=\"data.bin\"\r\n\r\n{binary}\r\n--MIME_boundary--\r\n"
    )
}

const MULTIPART: &str =
    "multipart/related; type=\"text/xml\"; start=\"<rootpart>\"; boundary=\"MIME_boundary\"";

#[tokio::test]
async fn attachments_go_on_and_come_back_byte_for_byte() {
    let answer = attached(PLAIN_ANSWER, "T0s=\r\n\x01");
    let (url, seen) = provider(200, move |_| (MULTIPART.into(), answer.clone())).await;
    let w = world(url).await;
    let sent = attached(&look(), "VGhpcyBpcyBhdHRhY2htZW50Lg0K");
    let reply = post(&w, MULTIPART, sent.clone()).await;
    assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, MULTIPART), "{}", reply.text());
    let (headers, body) = seen.lock()[0].clone();
    assert_eq!((headers["content-type"].to_str().unwrap(), body), (MULTIPART, Bytes::from(sent)));
    let (before, after) = (attached("", "T0s=\r\n\x01"), reply.text());
    let tail = before.split_once("\r\n\r\n").unwrap().1;
    assert!(after.ends_with(tail), "{after}");
    assert!(after.contains(&hash(look().as_bytes())), "the hash is of the first part");
}

#[tokio::test]
async fn broken_messages_are_faults_of_their_own_kind_and_are_not_forwarded() {
    let (url, seen) = provider(200, |_| xml(PLAIN_ANSWER)).await;
    let w = world(url).await;
    let text = "text/xml; charset=UTF-8";
    let good = look();
    let multipart = |from: &str, to: &str| attached(&good, "x").replacen(from, to, 1);
    let cases: Vec<(&str, String, &str)> = vec![
        (
            text,
            format!("<!DOCTYPE a [<!ENTITY b \"c\">]>{}", good.split_once("?>").unwrap().1),
            "Client.InvalidSoap",
        ),
        (text, "not xml".into(), "Client.InvalidSoap"),
        (
            text,
            good.replace("<xrd:id>", "<xrd:ix>").replace("</xrd:id>", "</xrd:ix>"),
            "Client.MissingHeaderField",
        ),
        (text, good.replace("<xrd:issue>", "<xrd:id>2</xrd:id><xrd:issue>"), "Client.DuplicateHeaderField"),
        (text, good.replace("4.0<", "3.1<"), "Client.InvalidProtocolVersion"),
        (text, good.replace("ns1:TraCuu", "ns1:TraCuuX"), "Client.InvalidBody"),
        (text, good.replace("\"SUBSYSTEM\"", "\"MEMBER\""), "Client.InvalidSoap"),
        (text, good.replace(">mot-cua<", ">khach<"), "Server.ClientProxy.SslAuthenticationFailed"),
        (text, good.replace(">mot-cua<", ">nobody<"), "Server.ClientProxy.UnknownMember"),
        (text, good.replace("H01.15<", "H02<"), "Server.ClientProxy.UnknownMember"),
        (text, good.replace(">csdl<", ">khach<"), "Server.ServerProxy.UnknownService"),
        (text, good.replace("TraCuu", "KhongCo"), "Server.ServerProxy.UnknownService"),
        (text, good.replace(">1.0<", ">9.0<"), "Server.ServerProxy.UnknownService"),
        (text, good.replace("urn:dan-cu", "urn:khac"), "Server.ServerProxy.UnknownService"),
        (text, good.replace("/soap/envelope/", "/soap/envelopes/"), "Client.InvalidSoap"),
        ("application/soap+xml", good.clone(), "Client.InvalidContentType"),
        ("application/json", good.clone(), "Client.InvalidContentType"),
        ("text/xml; charset=utf-16", good.clone(), "Client.InvalidContentType"),
        ("multipart/mixed; boundary=MIME_boundary", attached(&good, "x"), "Client.InvalidContentType"),
        ("multipart/related", attached(&good, "x"), "Client.InvalidContentType"),
        (MULTIPART, multipart("--MIME_boundary--", ""), "Client.InvalidContentType"),
        (MULTIPART, multipart("<rootpart>", "<other>"), "Client.InvalidContentType"),
        (MULTIPART, multipart("text/xml; charset", "text/plain; charset"), "Client.InvalidContentType"),
        (MULTIPART, "--MIME_boundary--\r\n".into(), "Client.InvalidContentType"),
        (MULTIPART, multipart("<data.bin>", "<rootpart>"), "Client.InvalidContentType"),
    ];
    for (i, (content_type, body, kind)) in cases.into_iter().enumerate() {
        let reply = post(&w, content_type, body).await;
        assert_eq!(fault(&reply), kind, "case {i}: {}", reply.text());
        let record = &w.records(reply.exchange())[0];
        assert_eq!((record.edge.as_str(), record.outcome), ("xroad_soap", Outcome::Refused), "case {i}");
    }
    let empty = post(&w, text, "").await;
    assert_eq!(fault(&empty), "Client.InvalidSoap");
    let large = look().replace("1</so>", &format!("{}</so>", "1".repeat(2 << 20)));
    assert_eq!(fault(&post(&w, text, large).await), "Client.BadRequest");
    let stranger = http::Request::post("/").header("host", "x").header("content-type", text);
    let stranger = w.send(stranger.body(full(look())).unwrap()).await;
    assert_eq!(fault(&stranger), "Server.ClientProxy.SslAuthenticationFailed");
    assert_eq!(seen.lock().len(), 0);
}

#[tokio::test]
async fn the_version_may_be_left_out_and_another_path_may_be_configured() {
    let (url, seen) = provider(200, |_| xml(PLAIN_ANSWER)).await;
    let plan = Plan::default()
        .target(url)
        .configured(|c| c.xroad.soap_path = Some("/cgi-bin/consumer_proxy".into()));
    let w = begin(plan).await;
    let body = look().replace(V1, "");
    let r = request("POST", "/cgi-bin/consumer_proxy")
        .header("content-type", "text/xml")
        .header("soapaction", "\"\"");
    let reply = w.send(r.body(full(body)).unwrap()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(seen.lock()[0].0["soapaction"], "\"\"");
    let r = request("POST", "/").header("content-type", "text/xml").header("soapaction", "\"urn:save\"");
    let reply = w.send(r.body(full(look())).unwrap()).await;
    assert_eq!(fault(&reply), "Client.BadRequest", "the action is another operation's");
    assert_eq!(w.get("/").await.code(), "resolve.service", "only a POST is a message");
}

#[tokio::test]
async fn hidden_fields_are_hidden_before_the_header_is_written() {
    let (url, _) = provider(200, |_| xml(PLAIN_ANSWER)).await;
    let mut plan = Plan::default().target(url);
    plan.grants[1]["hide"] = json!(["//ten"]);
    let w = begin(plan).await;
    let reply = soap(&w, look()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(!reply.text().contains(">A<") && reply.text().contains(&hash(look().as_bytes())));
    let record = w.records(reply.exchange()).pop().unwrap();
    let answer = record.answer.unwrap();
    assert_eq!(answer.received.unwrap().body, record.masked.unwrap().before.body);
}

fn ask(code: &str, body: &str) -> String {
    envelope(&header(US, THEM, code, ""), body)
}

#[tokio::test]
async fn metadata_is_asked_for_in_soap_as_the_document_has_it() {
    let mut plan = Plan::default();
    plan.grants[1]["operations"] = json!(["look"]);
    let w = begin(plan).await;
    let reply = soap(&w, ask("listMethods", "<xrd:listMethods/>")).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let text = reply.text();
    assert!(
        text.contains("listMethodsResponse") && text.contains(">TraCuu<") && text.contains(">CapNhat<"),
        "{text}"
    );
    assert!(Message::parse(&reply.body).unwrap().header.unwrap().request_hash.is_some());
    let record = &w.records(reply.exchange())[0];
    assert_eq!((record.edge.as_str(), record.outcome), ("xroad_soap", Outcome::Answered));
    let allowed = soap(&w, ask("allowedMethods", "<xrd:allowedMethods/>")).await.text();
    assert!(allowed.contains(">TraCuu<") && !allowed.contains(">CapNhat<"), "{allowed}");

    let wanted = "<xrd:getWsdl><xrd:serviceCode>TraCuu</xrd:serviceCode><xrd:serviceVersion>1.0</xrd:serviceVersion></xrd:getWsdl>";
    let reply = soap(&w, ask("getWsdl", wanted)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(reply.header("content-type").starts_with("multipart/related"));
    let message = lgsp_xroad::mime::Multipart::parse(reply.header("content-type"), &reply.body).unwrap();
    lgsp_wire::xml::guard(&message.attachments()[0].content).expect("a WSDL is XML");
    assert!(String::from_utf8_lossy(&message.attachments()[0].content).contains("urn:look"));
    let missing = soap(&w, ask("getWsdl", "<xrd:getWsdl/>")).await;
    assert_eq!(fault(&missing), "Client.BadRequest");
    let missing = soap(&w, ask("getWsdl", &wanted.replace("TraCuu", "Khong"))).await;
    assert_eq!(fault(&missing), "Server.ServerProxy.UnknownService");
    assert_eq!(w.provider.count(), 0);
}

#[tokio::test]
async fn raw_bytes_as_a_security_servers_client_sends_them_are_answered() {
    let (url, _) = provider(200, |_| xml(PLAIN_ANSWER)).await;
    let w = world(url).await;
    let body = look();
    let head = format!(
        "POST / HTTP/1.1\r\nContent-Type: text/xml; charset=UTF-8\r\nSOAPAction: \r\nHost: ss\r\napikey: {KEY}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let answer = w.raw(&[head.as_bytes(), body.as_bytes()].concat()).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("requestHash"), "{answer}");
}

#[tokio::test]
async fn calls_of_both_protocols_reach_a_provider_behind_another_node() {
    let answer = attached(PLAIN_ANSWER, "T0s=");
    let (url, seen) = provider(200, move |_| (MULTIPART.into(), answer.clone())).await;
    let country = Country::new();
    let theirs = country::provider().target(url).version("1.0", |v| v["pass_context"] = json!(true));
    let b = country.join("b", "H02.02", theirs, false).await;
    let mut plan = country::consumer(country::to_b());
    let version = plan.services[1]["versions"][0].as_object_mut().unwrap();
    version.remove("targets");
    version.insert("routes".into(), country::to_b());
    let a = country.join("a", "H01.01", plan, false).await;
    with_agencies(&a.world);

    let (us, them) = (["H01.01", "mot-cua"], ["H01.01", "csdl"]);
    let body = envelope(&header(us, them, "TraCuu", V1), "<ns1:TraCuu><so>1</so></ns1:TraCuu>");
    let sent = attached(&body, "VGhpcw==");
    let reply = post(&a.world, MULTIPART, sent.clone()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(seen.lock()[0].1, sent);
    assert!(reply.text().contains(&hash(body.as_bytes())) && reply.text().contains("T0s="));
    let there = &b.world.records(reply.exchange())[0];
    assert_eq!((there.edge.as_str(), there.operation.as_deref()), ("peer", Some("look")));
    assert_eq!(a.world.records(reply.exchange())[0].edge, "xroad_soap");

    let r = request("GET", "/r1/VN/GOV/H01.01/csdl/cong-dan/citizens/7");
    let r = r.header("x-road-client", "VN/GOV/H01.01/mot-cua").header("x-road-userid", "VN1");
    let reply = a.world.send(r.body(full("")).unwrap()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(reply.header("lgsp-leg").contains("node=b") && !reply.header("x-road-request-hash").is_empty());
    let headers = seen.lock()[1].0.clone();
    assert_eq!(headers["x-road-userid"], "VN1");
    assert_eq!(headers["lgsp-officer"], "VN1", "where the version passes statements on");
    let stated = b.world.records(reply.exchange())[0].stated.clone().unwrap();
    assert_eq!(stated.officer.as_deref(), Some("VN1"), "the statement goes with the call");
    let refused = request("DELETE", "/r1/VN/GOV/H01.01/csdl/cong-dan/citizens/7");
    let refused = refused.header("x-road-client", "VN/GOV/H01.01/mot-cua").header("x-road-id", "77");
    country.book.revoked.lock().insert(a.certificate);
    let reply = a.world.send(refused.body(full("")).unwrap()).await;
    assert!(!reply.header("x-road-error").is_empty(), "{}", reply.text());
    assert_eq!(reply.header("x-road-id"), "77");
}
