//! Versions with real contracts: what becomes of messages in other encodings, of requests that the contract does not take, and of answers
//! that the provider changed. How calls run through the gateway with a stand-in for the contract is in `mediated`.

use crate::client::{Reply, full, request};
use crate::world::{Plan, World, grant};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use lgsp_kernel::mediation::ContractFiles;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

const DANCU: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/tinh-a/dancu037.wsdl");
const WSDL: &str = "0000000000000000000000000000000000000000000000000000000000000037";
const PROGRAM: &str = "0000000000000000000000000000000000000000000000000000000000000038";
const ROOM: &str = "http://schemas.xmlsoap.org/soap/envelope/";

/// A provider that answers what it was told to.
#[derive(Clone, Default)]
struct Told {
    answer: Arc<Mutex<(u16, String, Bytes)>>,
    seen: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

impl Told {
    async fn start() -> (Self, String) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (told, url) = (Self::default(), format!("http://{}/", listener.local_addr().unwrap()));
        let this = told.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let this = this.clone();
                let answer = hyper::service::service_fn(move |r: Request<Incoming>| {
                    let this = this.clone();
                    async move {
                        let (head, body) = r.into_parts();
                        let body = body.collect().await.unwrap().to_bytes();
                        this.seen.lock().push((head.headers, body));
                        let (status, kind, body) = this.answer.lock().clone();
                        let response = Response::builder().status(status).header("content-type", kind);
                        Ok::<_, Infallible>(response.body(Full::new(body)).unwrap())
                    }
                });
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(stream), answer));
            }
        });
        told.answers(200, "text/xml; charset=utf-8", citizen(CITIZEN));
        (told, url)
    }

    fn answers(&self, status: u16, kind: &str, body: impl Into<Bytes>) {
        *self.answer.lock() = (status, kind.into(), body.into());
    }

    fn last(&self) -> (HeaderMap, Bytes) {
        self.seen.lock().last().cloned().expect("the provider has seen a request")
    }
}

const CITIZEN: &str =
    "<CongDan><SoDinhDanh>079090000001</SoDinhDanh><HoVaTen><Ho>Nguyễn</Ho><Ten>An</Ten></HoVaTen></CongDan>";

fn citizen(content: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"{ROOM}\"><s:Body><CongdanCollection xmlns=\"http://www.mic.gov.vn/dancu/1.0\">{content}</CongdanCollection></s:Body></s:Envelope>"
    )
}

/// The request of service 037 with a name as its caller writes it.
fn envelope(declaration: &str, name: &str) -> String {
    format!(
        "{declaration}<s:Envelope xmlns:s=\"{ROOM}\"><s:Body><d:TraCuuThongTinCongDan xmlns:d=\"http://dancuquocgia.bca\"><d:MaYeuCau>1</d:MaYeuCau><d:MaDVC>2</d:MaDVC><d:MaTichHop>037</d:MaTichHop><d:MaCanBo>4</d:MaCanBo><d:SoDinhDanh>079090000001</d:SoDinhDanh><d:HoVaTen>{name}</d:HoVaTen><d:NgayThangNamSinh><d:Nam>1990</d:Nam></d:NgayThangNamSinh></d:TraCuuThongTinCongDan></s:Body></s:Envelope>"
    )
}

/// Service 037 by its WSDL, with both faces.
async fn dancu(change: impl FnOnce(&mut Value)) -> (World, Told) {
    let (told, url) = Told::start().await;
    let mut plan = Plan::default().target(url);
    let mut version = json!({
        "version": "1.0", "lifecycle": "published", "targets": [], "operations": [],
        "contract": { "digest": WSDL, "main": "a.wsdl" }, "faces": ["soap", "rest"],
    });
    change(&mut version);
    plan.services.push(
        json!({"id": "p037", "system": "csdl", "title": "037", "protocol": "soap", "versions": [version]}),
    );
    plan.grants.push(grant("g-037", "p037"));
    let wsdl = ContractFiles::from([("a.wsdl".to_owned(), std::fs::read(DANCU).unwrap().into())]);
    plan.files.insert(WSDL.into(), Arc::new(wsdl));
    plan.config.collect_max = 4 << 20;
    (plan.begin().await, told)
}

async fn soap(w: &World, kind: &str, body: impl Into<Bytes>) -> Reply {
    let r = request("POST", "/p037/1.0").header("content-type", kind).header("soapaction", "\"\"");
    w.send(r.body(full(body)).unwrap()).await
}

async fn rest(w: &World, body: impl Into<Bytes>) -> Reply {
    let r = request("POST", "/p037/1.0/TraCuuThongTinCongDan").header("content-type", "application/json");
    w.send(r.body(full(body)).unwrap()).await
}

fn asked() -> Value {
    json!({ "MaYeuCau": "1", "MaDVC": "2", "MaTichHop": "037", "MaCanBo": "4", "SoDinhDanh": "079090000001",
        "HoVaTen": "Nguyễn Văn An", "NgayThangNamSinh": { "Nam": "1990" } })
}

/// `Nguyễn Văn An` in TCVN3.
const NAME_TCVN3: &[u8] = b"Nguy\xD4n V\xA8n An";
/// In windows-1258: a letter and a combining tilde.
const NAME_1258: &[u8] = b"Nguy\xEA\xDEn V\xE3n An";

fn with_name(text: &str, name: &[u8]) -> Vec<u8> {
    let (before, after) = text.split_once("NAME").unwrap();
    [before.as_bytes(), name, after.as_bytes()].concat()
}

fn utf16(text: &str) -> Vec<u8> {
    std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

#[tokio::test]
async fn envelopes_in_legacy_encodings_arrive_as_composed_utf_8_and_the_record_says_what_changed() {
    let declared = |charset: &str| format!("<?xml version=\"1.0\" encoding=\"{charset}\"?>");
    let cases = [
        (
            json!({}),
            "text/xml; charset=windows-1258",
            with_name(&envelope(&declared("windows-1258"), "NAME"), NAME_1258),
            "windows-1258",
        ),
        (
            json!({}),
            "text/xml",
            with_name(&envelope(&declared("windows-1258"), "NAME"), NAME_1258),
            "windows-1258",
        ),
        (
            json!({"charset": "tcvn3", "label": "ignore"}),
            "text/xml; charset=utf-8",
            with_name(&envelope("", "NAME"), NAME_TCVN3),
            "TCVN3",
        ),
        (
            json!({}),
            "text/xml; charset=utf-16",
            utf16(&envelope(&declared("utf-16"), "Nguyễn Văn An")),
            "UTF-16LE",
        ),
        (
            json!({}),
            "text/xml; charset=utf-8",
            envelope("", "Nguye\u{302}\u{303}n Va\u{306}n An").into_bytes(),
            "composed",
        ),
    ];
    for (mut rule, kind, body, noted) in cases {
        rule["normalize"] = json!("nfc");
        let (w, provider) = dancu(|v| v["text"] = json!({ "requests": rule })).await;
        let reply = soap(&w, kind, body).await;
        assert_eq!(reply.status, 200, "{noted}: {}", reply.text());
        let (headers, body) = provider.last();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains("<d:HoVaTen>Nguyễn Văn An</d:HoVaTen>"), "{noted}: {body}");
        assert_eq!(headers["content-type"], "text/xml; charset=utf-8");
        assert!(!body.contains("1258") && !body.contains("utf-16"), "{body}");
        let record = w.records(reply.exchange()).remove(0);
        let notes: Vec<&str> =
            record.steps.iter().map(|s| &*s.why).filter(|why| why.starts_with("text:")).collect();
        assert!(notes.len() == 1 && notes[0].contains(noted), "{notes:?}");
    }
}

#[tokio::test]
async fn json_in_legacy_encodings_arrives_as_composed_utf_8() {
    let plain = "{\"HoVaTen\":\"NAME\"}";
    let cases = [
        (json!({"charset": "windows-1258"}), "application/json", with_name(plain, NAME_1258)),
        (
            json!({"charset": "tcvn3", "label": "ignore"}),
            "application/json; charset=utf-8",
            with_name(plain, NAME_TCVN3),
        ),
        (json!({}), "application/json; charset=utf-16", utf16("{\"HoVaTen\":\"Nguyễn Văn An\"}")),
    ];
    for (mut rule, kind, body) in cases {
        rule["normalize"] = json!("nfc");
        let change = |v: &mut Value| {
            v["text"] = json!({ "requests": rule });
            v["check_syntax"] = json!(true);
        };
        let w = Plan::default().version("1.0", change).begin().await;
        let send = async |body: Vec<u8>| {
            let r = request("POST", "/cong-dan/1.0/do/echo").header("content-type", kind);
            w.send(r.body(full(body)).unwrap()).await
        };
        let reply = send(body.clone()).await;
        assert!(reply.status.is_success(), "{kind}: {}", reply.text());
        let seen = w.provider.last();
        assert_eq!(String::from_utf8_lossy(&seen.body), "{\"HoVaTen\":\"Nguyễn Văn An\"}", "{kind}");
        assert_eq!(seen.headers["content-type"], "application/json");
        let (cut, count) = (body.len() - 2, w.provider.count());
        assert_eq!(send(body[..cut].to_vec()).await.status.as_u16() / 100, 4, "cut short: {kind}");
        assert_eq!(w.provider.count(), count);
    }
}

#[tokio::test]
async fn a_version_that_asks_for_no_conversion_takes_utf_8_alone() {
    let (w, provider) = dancu(|_| {}).await;
    let body = with_name(&envelope("", "NAME"), NAME_1258);
    assert!(
        soap(&w, "text/xml; charset=windows-1258", body.clone()).await.text().contains("validate.media_type")
    );
    assert!(soap(&w, "text/xml; charset=utf-8", body).await.status.as_u16() >= 400);
    let json = with_name(&asked().to_string().replace("Nguyễn Văn An", "NAME"), NAME_1258);
    assert!(rest(&w, json).await.status.is_client_error());
    assert!(provider.seen.lock().is_empty());
}

#[tokio::test]
async fn bytes_that_are_not_what_they_are_said_to_be_are_refused_by_their_offset() {
    let (w, provider) = dancu(|v| v["text"] = json!({ "requests": { "normalize": "nfc" } })).await;
    let reply = soap(&w, "text/xml; charset=utf-8", with_name(&envelope("", "NAME"), NAME_1258)).await;
    assert!(reply.text().contains("validate.charset"), "{}", reply.text());
    let reply = soap(&w, "text/xml; charset=x-nothing", envelope("", "An")).await;
    assert!(reply.status.as_u16() >= 400, "{}", reply.text());
    assert!(provider.seen.lock().is_empty());
}

#[tokio::test]
async fn an_answer_that_the_provider_changed_is_refused_by_its_place_and_never_given_in_part() {
    let (w, provider) = dancu(|_| {}).await;
    let reply = rest(&w, asked().to_string()).await;
    assert_eq!(reply.json()["CongDan"][0]["HoVaTen"]["Ho"], "Nguyễn", "{}", reply.text());
    let xml = "text/xml; charset=utf-8";
    let truncated = citizen(CITIZEN);
    let name = "<HoVaTen><Ho>Nguyễn</Ho><Ten>An</Ten></HoVaTen>";
    let id = "<SoDinhDanh>079090000001</SoDinhDanh>";
    let entity = format!("<!DOCTYPE s [<!ENTITY a \"b\">]>{}", citizen(CITIZEN));
    let cases = [
        (
            "a missing field",
            200,
            xml,
            citizen(&format!("<CongDan>{id}</CongDan>")),
            "verify.contract",
            "HoVaTen",
        ),
        (
            "another order",
            200,
            xml,
            citizen(&format!("<CongDan>{name}{id}</CongDan>")),
            "verify.contract",
            "HoVaTen",
        ),
        (
            "a new field",
            200,
            xml,
            citizen(&format!("<CongDan>{id}{name}<Moi/></CongDan>")),
            "verify.contract",
            "Moi",
        ),
        (
            "a doubled field",
            200,
            xml,
            citizen(&format!("<CongDan>{id}{id}{name}</CongDan>")),
            "verify.contract",
            "SoDinhDanh",
        ),
        ("a page", 200, "text/html", "<html>bảo trì</html>".to_owned(), "verify.conversion", "text/html"),
        ("a page that says it is XML", 200, xml, "<html><p>x</html>".to_owned(), "verify.conversion", ""),
        ("nothing", 200, xml, String::new(), "verify.conversion", ""),
        ("half of it", 200, xml, truncated[..truncated.len() - 60].to_owned(), "verify.conversion", ""),
        ("an entity", 200, xml, entity, "verify.conversion", ""),
        ("success as an error", 503, "text/plain", "later".to_owned(), "verify.conversion", "503"),
    ];
    for (what, status, kind, body, code, place) in cases {
        provider.answers(status, kind, body);
        let reply = rest(&w, asked().to_string()).await;
        assert_eq!((reply.status.as_u16(), reply.code().as_str()), (502, code), "{what}: {}", reply.text());
        assert!(reply.text().contains(place), "{what}: {}", reply.text());
        assert!(!reply.text().contains("Nguyễn"), "{what}: {}", reply.text());
    }
    let fault = format!(
        "<s:Envelope xmlns:s=\"{ROOM}\"><s:Body><s:Fault><faultcode>s:Server</faultcode><faultstring>Hệ thống bận</faultstring></s:Fault></s:Body></s:Envelope>"
    );
    provider.answers(500, xml, fault);
    let reply = rest(&w, asked().to_string()).await;
    assert!(reply.status.is_server_error() && reply.text().contains("Hệ thống bận"), "{}", reply.text());
    assert_eq!(reply.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn an_answer_in_another_encoding_is_converted_where_that_is_asked_for_and_refused_otherwise() {
    let body = with_name(&citizen(CITIZEN).replace("Nguyễn", "NAME"), NAME_1258);
    let (w, provider) = dancu(|_| {}).await;
    provider.answers(200, "text/xml; charset=windows-1258", body.clone());
    let reply = rest(&w, asked().to_string()).await;
    assert_eq!(
        (reply.status.as_u16(), reply.code().as_str()),
        (502, "verify.conversion"),
        "{}",
        reply.text()
    );
    let (w, provider) = dancu(|v| v["text"] = json!({ "answers": { "normalize": "nfc" } })).await;
    provider.answers(200, "text/xml; charset=windows-1258", body);
    let reply = rest(&w, asked().to_string()).await;
    assert_eq!(reply.json()["CongDan"][0]["HoVaTen"]["Ho"], "Nguyễn Văn An", "{}", reply.text());
}

#[tokio::test]
async fn ten_thousand_repeated_elements_come_through_whole() {
    let (w, provider) = dancu(|_| {}).await;
    provider.answers(200, "text/xml; charset=utf-8", citizen(&CITIZEN.repeat(10_000)));
    let reply = rest(&w, asked().to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.text().chars().take(300).collect::<String>());
    assert_eq!(reply.json()["CongDan"].as_array().unwrap().len(), 10_000);
}

#[tokio::test]
async fn a_request_that_the_contract_does_not_take_is_refused_by_its_place_and_not_forwarded() {
    let (w, provider) = dancu(|v| v["check"] = json!({ "requests": "enforce" })).await;
    let good = asked().to_string();
    let changed = |change: fn(&mut Value)| {
        let mut asked = asked();
        change(&mut asked);
        asked.to_string()
    };
    let cases = [
        ("doubled", good.replacen("{", "{\"MaDVC\":\"2\",", 1), "twice"),
        ("missing", changed(|a| drop(a.as_object_mut().unwrap().remove("HoVaTen"))), "HoVaTen"),
        ("unknown", changed(|a| a["Moi"] = json!(1)), "Moi"),
        ("both of a choice", changed(|a| a["SoCMND"] = json!("012345678")), "SoCMND"),
        ("a list", changed(|a| a["HoVaTen"] = json!(vec!["A"; 10_000])), "HoVaTen"),
        ("an object", changed(|a| a["HoVaTen"] = json!({})), "HoVaTen"),
        ("a huge exponent", good.replace("\"079090000001\"", "1e999999999"), "SoDinhDanh"),
        ("a huge number", good.replace("\"079090000001\"", &"9".repeat(100_000)), "SoDinhDanh"),
        ("not JSON", good[..good.len() - 1].to_owned(), ""),
        ("more than one", format!("{good}{good}"), ""),
        ("deep", "[".repeat(100_000), ""),
    ];
    for (what, body, place) in cases {
        let reply = rest(&w, body).await;
        assert!(reply.status.is_client_error(), "{what}: {} {}", reply.status, reply.text());
        assert!(reply.text().contains(place) && reply.text().len() < 4_000, "{what}: {}", reply.text());
    }
    let xml = "text/xml; charset=utf-8";
    let good = envelope("", "An");
    let bomb = "<!DOCTYPE s [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>";
    for (what, body, place) in [
        ("doubled", good.replace("<d:MaDVC>", "<d:MaYeuCau>1</d:MaYeuCau><d:MaDVC>"), "MaYeuCau"),
        ("missing", good.replace("<d:HoVaTen>An</d:HoVaTen>", ""), "HoVaTen"),
        ("another namespace", good.replace("<d:MaDVC>2</d:MaDVC>", "<MaDVC>2</MaDVC>"), "MaDVC"),
        ("wrong", good.replace("079090000001", "x"), "SoDinhDanh"),
        ("a list", good.replace("<d:MaDVC>2</d:MaDVC>", &"<d:MaDVC>2</d:MaDVC>".repeat(10_000)), "MaDVC"),
        ("entities", envelope(bomb, "&b;"), ""),
        ("another file", envelope("<!DOCTYPE s SYSTEM \"file:///etc/passwd\">", "An"), ""),
        ("an entity that is nowhere", envelope("", "&x;"), ""),
        ("cut short", good[..good.len() - 30].to_owned(), ""),
    ] {
        let reply = soap(&w, xml, body).await;
        assert!(reply.status.as_u16() >= 400 && reply.text().contains("Fault"), "{what}: {}", reply.text());
        assert!(reply.text().contains(place) && !reply.text().contains("root:"), "{what}: {}", reply.text());
    }
    assert!(provider.seen.lock().is_empty());
    assert_eq!(soap(&w, xml, good).await.status, 200);
}

#[tokio::test]
async fn an_answers_mapping_knows_the_request_and_one_that_loops_holds_up_nobody() {
    let change = |v: &mut Value| {
        let mapped = |file: &str| json!({ "digest": PROGRAM, "main": file });
        v["operations"] = json!([
            { "name": "add", "method": "POST", "path": "/citizens",
                "mappings": { "request": mapped("in.jq"), "answer": mapped("out.jq") } },
            { "name": "loops", "method": "POST", "path": "/loops", "mappings": { "request": mapped("loop.jq") } },
            { "name": "lists", "method": "POST", "path": "/lists", "mappings": { "answer": mapped("in.jq") } },
            { "name": "late", "method": "POST", "path": "/late", "mappings": { "answer": mapped("loop.jq") } },
            { "name": "get", "method": "GET", "path": "/citizens/{id}" },
        ]);
    };
    let (told, url) = Told::start().await;
    told.answers(200, "application/json", "{\"ok\":true}");
    let mut plan = Plan::default().target(url).version("1.0", change);
    let file = |name: &str, text: &'static str| (name.to_owned(), Bytes::from(text));
    let files = [
        file("in.jq", "{ name: (.ho + \" \" + .ten), sex: (.gt | code(\"sex\")) }"),
        file("out.jq", "{ ok, asked: $request.ten }"),
        file("loop.jq", "def f: f; f"),
        file("in.tables/sex.csv", "1,M\n2,F\n"),
    ];
    plan.files.insert(PROGRAM.into(), Arc::new(files.into()));
    let w = Arc::new(plan.begin().await);
    let send = |path: &str, body: Value| {
        let r = request("POST", path).header("content-type", "application/json");
        (w.clone(), r.body(full(body.to_string())).unwrap())
    };
    let (world, r) = send("/cong-dan/1.0/citizens", json!({ "ho": "Nguyễn", "ten": "An", "gt": "2" }));
    let reply = world.send(r).await;
    assert_eq!(reply.json(), json!({ "ok": true, "asked": "An" }), "{}", reply.text());
    let seen: Value = serde_json::from_slice(&told.last().1).unwrap();
    assert_eq!(seen, json!({ "name": "Nguyễn An", "sex": "F" }));
    for (path, body, code, place) in [
        ("citizens", json!({ "ho": "Nguyễn", "ten": "An", "gt": "9" }), "validate.mapping", "sex"),
        ("lists", json!({}), "verify.mapping", "sex"),
        ("late", json!({}), "verify.mapping_limit", "loop.jq"),
    ] {
        let (world, r) = send(&format!("/cong-dan/1.0/{path}"), body);
        let reply = world.send(r).await;
        assert!(reply.code() == code && reply.text().contains(place), "{path}: {}", reply.text());
    }
    let looping: Vec<_> = (0..4)
        .map(|_| {
            let (world, r) = send("/cong-dan/1.0/loops", json!({}));
            tokio::spawn(async move { world.send(r).await })
        })
        .collect();
    let mut slowest = Duration::ZERO;
    for _ in 0..50 {
        let began = Instant::now();
        assert_eq!(w.get("/cong-dan/1.0/citizens/1").await.status, 200);
        slowest = slowest.max(began.elapsed());
    }
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    for reply in looping {
        let reply = reply.await.unwrap();
        assert!(
            matches!(&*reply.code(), "validate.mapping_limit" | "validate.mediation_busy"),
            "{} {}",
            reply.status,
            reply.text()
        );
    }
}
