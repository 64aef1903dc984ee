//! Callers made for X-Road, unchanged: the wire forms of its protocol documents on a plain HTTP/1.1 connection. Here the message protocol for
//! REST, the adapter form and metadata; SOAP is in `xroad_soap`.

use crate::client::{Reply, full, request};
use crate::provider::Provider;
use crate::world::{KEY_WITHOUT_GRANT, Plan, World, citizens, grant, pattern};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::Request;
use lgsp_gateway::{CatalogueSource, ListedMember};
use lgsp_kernel::record::Outcome;
use serde_json::{Value, json};
use std::sync::Arc;

/// Who asks in these tests, as X-Road names it.
pub const CLIENT: &str = "VN/GOV/H01.15/mot-cua";
const SERVICE: &str = "/r1/VN/GOV/H01.15/csdl/cong-dan";

/// Declares the agencies: ours with an alias, another, a business.
pub fn with_agencies(w: &World) {
    let mut s = (**w.snapshot.load()).clone();
    for agency in [
        json!({"code": "H01.15", "name": "Sở Tư pháp", "kind": "department", "aliases": ["000.00.15.H01"]}),
        json!({"code": "H01.01", "name": "Sở Nội vụ", "kind": "department"}),
        json!({"code": "G22", "name": "Văn phòng", "kind": "ministry"}),
        json!({"code": "0101234567", "name": "Công ty", "kind": "enterprise"}),
    ] {
        let spec: lgsp_kernel::model::AgencySpec = serde_json::from_value(agency).unwrap();
        let spec = Arc::new(spec);
        for code in spec.aliases.iter().chain([&spec.code]) {
            s.agencies.insert(code.clone(), spec.clone());
        }
    }
    let business: lgsp_kernel::model::SystemSpec =
        serde_json::from_value(json!({"id": "doanh-nghiep", "agency": "0101234567", "name": "DN"})).unwrap();
    let agency = business.agency.clone();
    let system = lgsp_kernel::snapshot::System { spec: business, agency };
    s.systems.insert(system.spec.id.clone(), Arc::new(system));
    w.snapshot.store(Arc::new(s));
}

pub async fn begin(plan: Plan) -> World {
    let w = plan.begin().await;
    with_agencies(&w);
    w
}

async fn world() -> World {
    begin(Plan::default()).await
}

fn x_request(method: &str, target: &str) -> http::request::Builder {
    request(method, target).header("x-road-client", CLIENT)
}

async fn x_get(w: &World, target: &str) -> Reply {
    w.send(x_request("GET", target).body(full("")).unwrap()).await
}

/// The type of an error of X-Road's, checked to be said in all three places.
fn error(reply: &Reply) -> String {
    assert_eq!(reply.header("content-type"), "application/json;charset=utf-8", "{}", reply.text());
    let body = reply.json();
    let kind = body["type"].as_str().unwrap().to_owned();
    assert_eq!(reply.header("x-road-error"), kind);
    assert_eq!(body["detail"], reply.header("lgsp-exchange"));
    assert_eq!(reply.status.as_u16(), if kind.starts_with("Client.") { 400 } else { 500 }, "{kind}");
    kind
}

fn sha512(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, bytes).as_ref().to_vec()
}

/// The request hash as the document defines it, from the lines that were sent.
fn expected_hash(first: &str, lines: &[(&str, &str)], reply: &Reply, body: Option<&[u8]>) -> String {
    let mut head = first.replace(' ', "\r\n") + "\r\n";
    for (name, value) in lines {
        head.push_str(&format!("{}:{value}\r\n", name.to_lowercase()));
    }
    head.push_str(&format!("x-road-request-id:{}\r\n", reply.header("x-road-request-id")));
    let head = sha512(head.as_bytes());
    BASE64_STANDARD.encode(match body {
        None => head,
        Some(body) => sha512(&[head, sha512(body)].concat()),
    })
}

fn wire(first: &str, lines: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut out = format!("{first} HTTP/1.1\r\nHost: nen-tang\r\napikey: {}\r\n", crate::world::KEY);
    for (name, value) in lines {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        out.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    format!("{out}Connection: close\r\n\r\n{body}").into_bytes()
}

fn parsed(answer: &str) -> Reply {
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers = http::HeaderMap::new();
    for (name, value) in lines.filter_map(|l| l.split_once(": ")) {
        headers.append(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
    }
    Reply { status, headers, body: body.to_owned().into(), trailers: None }
}

#[tokio::test]
async fn the_documents_get_is_answered_with_the_lines_and_the_hash_of_the_document() {
    let w = world().await;
    let first = "GET /r1/VN/GOV/H01.15/csdl/cong-dan/citizens/7?a=b%20c&d";
    let lines = [
        ("X-Road-Client", CLIENT),
        ("X-Road-Id", "fa2e18a5-c2cb-4d09-b994-f57727f7c3fb"),
        ("X-Road-UserId", "VN12345678901"),
        ("X-Road-Issue", "MT324223MSD"),
        ("X-Road-Represented-Party", "GOV/MEMBER1"),
        ("Accept", "*/*"),
        ("X-Powered-By", "PHP/5.2.17"),
        ("Cache-Control", "no-cache"),
    ];
    let reply = parsed(&w.raw(&wire(first, &lines, "")).await);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("x-road-client"), CLIENT);
    assert_eq!(reply.header("x-road-service"), "VN/GOV/H01.15/csdl/cong-dan");
    assert_eq!(reply.header("x-road-id"), "fa2e18a5-c2cb-4d09-b994-f57727f7c3fb");
    assert_eq!(reply.header("x-road-request-id"), reply.header("lgsp-exchange"));
    assert_eq!(reply.header("x-road-request-hash"), expected_hash(first, &lines, &reply, None));
    assert!(!reply.headers.contains_key("x-road-error"));

    let seen = w.provider.last();
    assert_eq!(seen.target, "/citizens/7?a=b%20c&d");
    for (name, value) in lines {
        assert_eq!(seen.headers[name], value);
    }
    assert_eq!(seen.headers["x-road-request-id"], reply.header("lgsp-exchange"));
    assert!(!seen.headers.contains_key("apikey"), "the credential stays here");

    let record = &w.records(reply.exchange())[0];
    assert_eq!((record.edge.as_str(), record.outcome), ("xroad_rest", Outcome::Answered));
    let stated = record.stated.clone().unwrap();
    assert_eq!(stated.officer.as_deref(), Some("VN12345678901"));
    assert_eq!(stated.dossier.as_deref(), Some("MT324223MSD"));
    let said =
        format!("X-Road client {CLIENT} for GOV/MEMBER1, message fa2e18a5-c2cb-4d09-b994-f57727f7c3fb");
    assert!(record.steps.iter().any(|s| s.why == said), "{:?}", record.steps);
    assert_eq!(record.operation.as_deref(), Some("get"));
}

#[tokio::test]
async fn the_hash_covers_a_body_whether_it_is_collected_or_streams() {
    let w = world().await;
    let first = "POST /r1/VN/GOV/H01.15/csdl/cong-dan/do/echo";
    let lines =
        [("X-Road-Client", CLIENT), ("X-Road-Id", "1"), ("Content-Type", "text/plain"), ("Accept", "*/*")];
    let reply = parsed(&w.raw(&wire(first, &lines, "body")).await);
    assert_eq!((reply.status.as_u16(), reply.text().as_str()), (200, "body"), "{}", reply.text());
    assert_eq!(reply.header("x-road-request-hash"), expected_hash(first, &lines, &reply, Some(b"body")));

    let large = String::from_utf8(vec![b'x'; 3 << 20]).unwrap();
    let first = "POST /r1/VN/GOV/H01.15/csdl/cong-dan/do/count";
    let reply = parsed(&w.raw(&wire(first, &lines, &large)).await);
    assert_eq!((reply.status.as_u16(), reply.text()), (200, large.len().to_string()));
    let expected = expected_hash(first, &lines, &reply, Some(large.as_bytes()));
    assert_eq!(reply.header("x-road-request-hash"), expected);
    assert_eq!(w.records(reply.exchange())[0].edge, "xroad_rest");
}

#[tokio::test]
async fn what_the_caller_left_out_is_made_here_and_hashed_where_the_document_has_it() {
    let w = world().await;
    let first = "GET /r1/VN/GOV/000.00.15.H01/csdl/cong-dan/citizens/7";
    let reply = parsed(&w.raw(&wire(first, &[("X-Road-Client", CLIENT)], "")).await);
    assert_eq!(reply.status, 200, "an alias of the agency: {}", reply.text());
    assert_eq!(reply.header("x-road-service"), "VN/GOV/000.00.15.H01/csdl/cong-dan", "as it was asked");
    assert_eq!(reply.header("x-road-id"), reply.header("lgsp-exchange"));
    let id = reply.header("lgsp-exchange");
    let head = format!(
        "GET\r\n/r1/VN/GOV/000.00.15.H01/csdl/cong-dan/citizens/7\r\nx-road-client:{CLIENT}\r\naccept:application/json\r\nx-road-request-id:{id}\r\nx-road-id:{id}\r\n"
    );
    assert_eq!(reply.header("x-road-request-hash"), BASE64_STANDARD.encode(sha512(head.as_bytes())));
    assert_eq!(w.provider.last().headers["accept"], "application/json");
}

#[tokio::test]
async fn a_first_segment_that_is_a_version_means_that_version() {
    let w = world().await;
    let reply = x_get(&w, &format!("{SERVICE}/0.9/citizens/7")).await;
    assert_eq!((reply.status.as_u16(), w.provider.last().target.as_str()), (200, "/citizens/7"));
    assert_eq!(w.records(reply.exchange())[0].version.as_deref(), Some("0.9"));
    assert!(!reply.header("sunset").is_empty());
}

#[tokio::test]
async fn every_refusal_is_an_error_of_x_road_and_nothing_is_forwarded() {
    let w = world().await;
    let get = |target: &str| x_request("GET", target);
    let member = "Server.ClientProxy.UnknownMember";
    let identified = "Server.ClientProxy.SslAuthenticationFailed";
    let as_client =
        |client: &str| request("GET", &format!("{SERVICE}/citizens/7")).header("x-road-client", client);
    let at = |path: &str| get(&format!("{SERVICE}{path}"));
    let cases: Vec<(http::request::Builder, &str)> = vec![
        (request("GET", SERVICE), "Client.BadRequest"),
        (as_client(CLIENT).header("x-road-client", CLIENT), "Client.BadRequest"),
        (as_client("VN/GOV/H01.15"), member),
        (as_client("VN/GOV/H01.15/khach"), identified),
        (as_client("VN/GOV/H01.15/nobody"), member),
        (as_client("EE/GOV/H01.15/mot-cua"), member),
        (as_client("VN/COM/H01.15/mot-cua"), member),
        (as_client("VN/GOV/G22/mot-cua"), member),
        (as_client("VN/GOV/H99/mot-cua"), member),
        (as_client("VN/GOV/h01.15/mot-cua"), member),
        (as_client("VN/GOV/H01.15/%ZZ"), "Client.BadRequest"),
        (get("/r2/VN/GOV/H01.15/csdl/cong-dan/citizens/7"), "Client.BadRequest"),
        (get("/r1/VN/GOV/H01.15/csdl"), "Client.BadRequest"),
        (get("/r1/VN/GOV/H01.15/mot-cua/cong-dan/citizens/7"), "Server.ServerProxy.UnknownService"),
        (get("/r1/VN/COM/0101234567/doanh-nghiep/cong-dan/citizens/7"), "Server.ServerProxy.UnknownService"),
        (get("/r1/VN/GOV/H01.15/csdl/dan-cu"), "Server.ServerProxy.UnknownService"),
        (get("/r1/VN/GOV/H01.15/csdl/khong-co"), "Server.ServerProxy.UnknownService"),
        (get("/r1/VN/GOV/H01.15%2Fcsdl/cong-dan/citizens/7/8"), member),
        (get("/r1/VN/GOV/H01.15/csdl/cong-dan%2Fcitizens/7"), "Server.ServerProxy.UnknownService"),
        (at("/citizens%2F7"), "Client.BadRequest"),
        (at("/citizens/%2e%2e/7"), "Client.BadRequest"),
        (at("//citizens/7"), "Client.BadRequest"),
        (at("/khong/co"), "Server.ServerProxy.UnknownService"),
        (at("/0.1/citizens/7"), "Server.ServerProxy.ServiceDisabled"),
        (
            x_request("DELETE", &format!("{SERVICE}/citizens")),
            "Server.ServerProxy.ServiceFailed.InvalidHttpMethod",
        ),
        (at("/citizens/7").header("x-road-security-server", "VN/GOV/H01.15/other"), member),
        (at("/citizens/7").header("x-road-userid", "a".repeat(257)), "Client.BadRequest"),
        (at("/citizens/7").header("x-road-userid", "a").header("lgsp-officer", "b"), "Client.BadRequest"),
    ];
    for (i, (r, kind)) in cases.into_iter().enumerate() {
        let reply = w.send(r.body(full("")).unwrap()).await;
        assert_eq!(error(&reply), kind, "case {i}: {}", reply.text());
        assert!(!reply.header("x-road-request-id").is_empty());
        let record = &w.records(reply.exchange())[0];
        assert_eq!((record.edge.as_str(), record.outcome), ("xroad_rest", Outcome::Refused), "case {i}");
        let code = record.refusal.clone().unwrap().code;
        match kind {
            _ if kind == member => assert_eq!(code, "resolve.xroad_member", "case {i}"),
            _ if kind == identified => assert_eq!(code, "identify.xroad_client", "case {i}"),
            "Client.BadRequest" => {
                assert!(matches!(&*code, "receive.xroad" | "receive.path"), "case {i}: {code}")
            }
            _ => {}
        }
    }
    let stranger = Request::get(SERVICE).header("host", "x").header("x-road-client", CLIENT);
    assert_eq!(error(&w.send(stranger.body(full("")).unwrap()).await), identified);
    let other =
        Request::get(format!("{SERVICE}/citizens/7")).header("host", "x").header("apikey", KEY_WITHOUT_GRANT);
    let other = other.header("x-road-client", "VN/GOV/H01.15/khach");
    assert_eq!(error(&w.send(other.body(full("")).unwrap()).await), "Server.ServerProxy.AccessDenied");
    assert_eq!(w.provider.count(), 0);

    let xml = at("/khong/co").header("accept", "application/xml");
    let reply = w.send(xml.body(full("")).unwrap()).await;
    assert!(
        reply.text().starts_with("<?xml") && reply.text().contains("<type>Server.ServerProxy.UnknownService")
    );
    let here = at("/citizens/7").header("x-road-security-server", "VN/GOV/H01.15/nen-tang");
    assert_eq!(w.send(here.body(full("")).unwrap()).await.status, 200);
}

#[tokio::test]
async fn a_head_beyond_the_bounds_is_refused_before_anything_of_it_is_read() {
    let w = world().await;
    let long = "x".repeat(70 << 10);
    let answer = w.raw(&wire(&format!("GET {SERVICE}/citizens/7"), &[("X-Road-Client", &long)], "")).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{:.200}", answer);
    let answer = w.raw(&wire(&format!("GET {SERVICE}/{long}"), &[("X-Road-Client", CLIENT)], "")).await;
    assert!(answer.starts_with("HTTP/1.1 414"), "{:.200}", answer);
    assert_eq!(w.provider.count(), 0);
}

#[tokio::test]
async fn a_providers_own_error_goes_through_and_its_forged_lines_do_not() {
    let w = world().await;
    let reply = x_get(&w, &format!("{SERVICE}/look/error")).await;
    assert_eq!((reply.status.as_u16(), reply.text().as_str()), (500, "the provider's own error"));
    assert!(!reply.headers.contains_key("x-road-error") && !reply.header("x-road-request-hash").is_empty());
    let reply = x_get(&w, &format!("{SERVICE}/look/headers")).await;
    assert_eq!((reply.header("x-own"), reply.headers.contains_key("keep-alive")), ("kept", false));
    let reply = x_get(&w, &format!("{SERVICE}/look/bytes?n=3000000")).await;
    assert_eq!(reply.body, pattern(3_000_000), "a large answer streams");
    assert!(!reply.header("x-road-request-hash").is_empty());
    let reply = x_get(&w, &format!("{SERVICE}/look/redirect")).await;
    assert_eq!(error(&reply), "Server.ServerProxy.ServiceFailed");
    w.ended(reply.exchange(), Outcome::Unknown).await;
}

#[tokio::test]
async fn an_idempotency_key_means_nothing_here_and_two_requests_are_two() {
    let w = world().await;
    for _ in 0..2 {
        let r = x_request("POST", &format!("{SERVICE}/do/echo")).header("idempotency-key", "k-1");
        let reply = w.send(r.body(full("a")).unwrap()).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert!(!reply.headers.contains_key("lgsp-original-exchange"));
        assert_eq!(w.records(reply.exchange())[0].idempotency_key, None);
    }
    assert_eq!(w.provider.count(), 2);
    assert_eq!(w.provider.last().headers["idempotency-key"], "k-1", "it is the provider's to know");
}

#[tokio::test]
async fn a_grant_that_demands_a_statement_is_satisfied_by_x_roads_lines() {
    let w = begin(Plan::default().granted(|g| g["require"] = json!(["officer", "dossier"]))).await;
    let target = format!("{SERVICE}/citizens/7");
    assert_eq!(error(&x_get(&w, &target).await), "Server.ServerProxy.AccessDenied");
    let r = x_request("GET", &target).header("x-road-userid", "A").header("x-road-issue", "H-1");
    let reply = w.send(r.body(full("")).unwrap()).await;
    assert_eq!(
        (reply.status.as_u16(), w.provider.last().headers["lgsp-officer"].to_str().unwrap()),
        (200, "A")
    );
}

#[tokio::test]
async fn listed_are_members_and_systems_and_what_the_caller_may_use() {
    struct Directory;
    impl CatalogueSource for Directory {
        fn members(&self) -> Vec<ListedMember> {
            let system = Some("dan-cu-qg".to_owned());
            let name = Some("Bộ Công an".to_owned());
            vec![ListedMember { enterprise: false, code: "G01".into(), name, system, system_name: None }]
        }
        fn description(&self, service: &str, version: &str) -> Option<bytes::Bytes> {
            (service == "cong-dan").then(|| format!("openapi: 3.0.0 # {version}").into())
        }
    }
    let w = begin(Plan::default().granted(|g| g["operations"] = json!(["get"]))).await;
    w.gateway.set_catalogue(Box::new(Directory));
    let r = request("GET", "/listClients").header("accept", "application/json");
    let reply = w.send(r.body(full("")).unwrap()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let all = reply.json();
    let find = |sub: &str| {
        let of = |m: &&Value| m["id"]["subsystem_code"] == sub;
        all["member"].as_array().unwrap().iter().find(of).cloned().unwrap_or_default()
    };
    assert_eq!(
        find("csdl")["id"],
        json!({"object_type": "SUBSYSTEM", "xroad_instance": "VN", "member_class": "GOV",
        "member_code": "H01.15", "subsystem_code": "csdl"})
    );
    assert_eq!(find("doanh-nghiep")["id"]["member_class"], "COM");
    assert_eq!(find("dan-cu-qg")["name"], "Bộ Công an");
    let record = &w.records(reply.exchange())[0];
    assert_eq!((record.edge.as_str(), record.outcome), ("xroad_rest", Outcome::Answered));
    let xml = w.get("/listClients?xRoadInstance=VN").await;
    assert!(xml.text().contains("clientList") && xml.text().contains("csdl"), "{}", xml.text());
    assert!(!w.get("/listClients?xRoadInstance=EE").await.text().contains("csdl"));
    assert_eq!(error(&w.get("/listClients?xRoadInstance=VN&xRoadInstance=EE").await), "Client.BadRequest");

    let listed = x_get(&w, "/r1/VN/GOV/H01.15/csdl/listMethods").await;
    let service = &listed.json()["service"][0];
    assert_eq!((&service["service_code"], &service["service_type"]), (&json!("cong-dan"), &json!("OPENAPI")));
    let endpoints = service["endpoint_list"].as_array().unwrap();
    assert!(endpoints.contains(&json!({"method": "GET", "path": "/citizens/*"})));
    assert!(endpoints.contains(&json!({"method": "GET", "path": "/0.9/citizens/*"})));
    assert!(!listed.header("x-road-request-hash").is_empty() && !listed.header("x-road-id").is_empty());
    let allowed = x_get(&w, "/r1/VN/GOV/H01.15/csdl/allowedMethods").await.json();
    let endpoints = allowed["service"][0]["endpoint_list"].as_array().unwrap().clone();
    assert!(
        !endpoints.is_empty()
            && endpoints.iter().all(|e| e["path"].as_str().unwrap().ends_with("/citizens/*"))
    );

    let described = x_get(&w, "/r1/VN/GOV/H01.15/csdl/getOpenAPI?serviceCode=cong-dan").await;
    assert_eq!(
        (described.header("content-type"), described.text().as_str()),
        ("application/yaml", "openapi: 3.0.0 # 1.0")
    );
    assert_eq!(error(&x_get(&w, "/r1/VN/GOV/H01.15/csdl/getOpenAPI").await), "Client.BadRequest");
    let missing = x_get(&w, "/r1/VN/GOV/H01.15/csdl/getOpenAPI?serviceCode=x").await;
    assert_eq!(error(&missing), "Server.ServerProxy.UnknownService");
    let missing = x_get(&w, "/r1/VN/GOV/H01.15/nobody/listMethods").await;
    assert_eq!(error(&missing), "Server.ClientProxy.UnknownMember");
    let posted =
        w.send(x_request("POST", "/r1/VN/GOV/H01.15/csdl/listMethods").body(full("")).unwrap()).await;
    assert_eq!(error(&posted), "Server.ServerProxy.ServiceFailed.InvalidHttpMethod");
    let nobody = Request::get("/listClients").header("host", "x").body(full("")).unwrap();
    assert_eq!(error(&w.send(nobody).await), "Server.ClientProxy.SslAuthenticationFailed");
    assert_eq!(w.provider.count(), 0);
}

#[tokio::test]
async fn what_has_no_description_is_described_by_what_the_registry_knows() {
    let w = world().await;
    let described = x_get(&w, "/r1/VN/GOV/H01.15/csdl/getOpenAPI?serviceCode=cong-dan").await;
    assert_eq!(described.header("content-type"), "application/json");
    let json = described.json();
    assert_eq!(json["openapi"], "3.0.3");
    assert_eq!(json["paths"]["/citizens/{id}"]["get"]["operationId"], "get");
    assert_eq!(json["paths"]["/do/{rest}"]["post"]["parameters"][0]["name"], "rest");
    let address = "xRoadInstance=VN&memberClass=GOV&memberCode=H01.15&subsystemCode=csdl&serviceCode=TraCuu";
    let wsdl = w.get(&format!("/wsdl?{address}")).await;
    assert_eq!(wsdl.status, 200, "{}", wsdl.text());
    assert!(
        wsdl.text().contains("soapAction=\"urn:look\"") && wsdl.text().contains("example.org/xroad-endpoint")
    );
    assert_eq!(error(&w.get("/wsdl?xRoadInstance=VN").await), "Client.BadRequest");
}

#[tokio::test]
async fn the_index_of_services_follows_the_registry() {
    let w = world().await;
    let target = "/XrdAdapter/RestService/forward/citizens/7?dstcode=VN:GOV:H01.15:csdl";
    assert_eq!(w.get(target).await.status, 200);
    let mut plan = Plan::default();
    plan.services.remove(0);
    w.change(&plan);
    with_agencies(&w);
    assert_eq!(error(&w.get(target).await), "Server.ServerProxy.UnknownService");
}

#[tokio::test]
async fn the_adapters_form_reaches_the_operation_and_says_so_in_the_record() {
    let w = world().await;
    let registered = format!("http://{}", w.provider.address);
    let target = format!(
        "/XrdAdapter/RestService/forward/citizens/7?a=1&dstcode=VN:GOV:000.00.15.H01:csdl&providerurl={registered}&b=%202"
    );
    let reply = w.get(&target).await;
    assert_eq!(
        (reply.status.as_u16(), w.provider.last().target.as_str()),
        (200, "/citizens/7?a=1&b=%202"),
        "{}",
        reply.text()
    );
    let record = &w.records(reply.exchange())[0];
    assert_eq!((record.edge.as_str(), record.operation.as_deref()), ("xrd_adapter", Some("get")));

    let r =
        request("POST", "/VXPAdapter/RestService/forward/do/echo").header("dstcode", "VN:GOV:H01.15:csdl");
    let reply = w.send(r.header("providerurl", format!("{registered}/do")).body(full("{}")).unwrap()).await;
    assert_eq!((reply.status.as_u16(), reply.text().as_str()), (200, "{}"));
    let seen = w.provider.last();
    assert!(!seen.headers.contains_key("dstcode") && !seen.headers.contains_key("providerurl"));
}

#[tokio::test]
async fn an_address_that_the_caller_names_is_compared_and_never_dialled() {
    let w = world().await;
    let elsewhere = Provider::start().await;
    let port = w.provider.address.port();
    let dst = "/XrdAdapter/RestService/forward/citizens/7?dstcode=VN:GOV:H01.15:csdl";
    for named in [
        format!("http://{}", elsewhere.address),
        format!("http://localhost:{port}"),
        format!("https://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{port}@{}", elsewhere.address),
        format!("http://127.0.0.1:{port}/../x"),
        "http://169.254.169.254/latest".into(),
        "ftp://x".into(),
        "rubbish".into(),
    ] {
        let reply = w.get(&format!("{dst}&providerurl={}", named.replace('@', "%40"))).await;
        assert_eq!(error(&reply), "Client.BadRequest", "{named}");
        assert!(reply.json()["message"].as_str().unwrap().contains("registered"), "{}", reply.text());
        let refused = w.records(reply.exchange())[0].refusal.clone().unwrap();
        assert_eq!(refused.code, "resolve.provider_url");
    }
    assert_eq!((w.provider.count(), elsewhere.count()), (0, 0));
}

#[tokio::test]
async fn an_adapter_request_with_two_readings_is_refused() {
    let mut plan = Plan::default();
    let mut second = citizens();
    second["id"] = json!("cong-dan-2");
    plan.services.push(second);
    plan.grants.push(grant("g-2", "cong-dan-2"));
    let w = begin(plan).await;
    let at = |rest: &str| format!("/XrdAdapter/RestService/forward{rest}");
    let dst = "dstcode=VN:GOV:H01.15:csdl";
    for (target, kind) in [
        (at(&format!("/citizens/7?{dst}")), "Client.BadRequest"),
        (at("/citizens/7"), "Client.BadRequest"),
        (at(&format!("/citizens/7?{dst}&DstCode=VN:GOV:H01.15:khach")), "Client.BadRequest"),
        (at(&format!("/citizens%2F7?{dst}")), "Client.BadRequest"),
        (at("/citizens/7?dstcode=VN:GOV:H01.15"), "Server.ClientProxy.UnknownMember"),
        (at("/citizens/7?dstcode=VN:GOV:H77:csdl"), "Server.ClientProxy.UnknownMember"),
        (at("/citizens/7?dstcode=VN:GOV:H01.15:khach"), "Server.ServerProxy.UnknownService"),
        (at(&format!("/khong?{dst}")), "Server.ServerProxy.UnknownService"),
    ] {
        assert_eq!(error(&w.get(&target).await), kind, "{target}");
    }
    let ambiguous = w.get(&at(&format!("/citizens/7?{dst}"))).await;
    let code = w.records(ambiguous.exchange())[0].refusal.clone().unwrap().code;
    assert_eq!(code, "resolve.xroad_ambiguous");
    let twice = request("GET", &at(&format!("/citizens/7?{dst}"))).header("dstcode", "VN:GOV:H01.15:khach");
    assert_eq!(error(&w.send(twice.body(full("")).unwrap()).await), "Client.BadRequest");
    let lying =
        request("GET", &at(&format!("/citizens/7?{dst}"))).header("x-road-client", "VN/GOV/H01.15/khach");
    let lying = w.send(lying.body(full("")).unwrap()).await;
    assert_eq!(error(&lying), "Server.ClientProxy.SslAuthenticationFailed");
    let deleted = w.send(request("DELETE", &at(&format!("/citizens?{dst}"))).body(full("")).unwrap()).await;
    assert_eq!(error(&deleted), "Server.ServerProxy.ServiceFailed.InvalidHttpMethod");
    assert_eq!(w.provider.count(), 0);
}
