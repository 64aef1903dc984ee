//! Versions compiled from contracts and run as the gateway runs them, without a network.
#![allow(clippy::unwrap_used, missing_docs)]

use bytes::Bytes;
use lgsp_kernel::Millis;
use lgsp_kernel::mediation::{
    CallFacts, CallerRequest, CompileContract as _, Compiled, ContractFiles, ContractProblem, Face,
    ProviderAnswer, VersionFiles,
};
use lgsp_kernel::model::{CheckMode, CheckSpec, Protocol, VersionSpec};
use lgsp_mediation::Compiler;
use serde_json::{Value, json};
use std::sync::Arc;

const DANCU: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/tinh-a/dancu037.wsdl");
const DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn facts() -> CallFacts<'static> {
    CallFacts {
        exchange: "ex_1",
        system: "motcua",
        agency: "H98",
        officer: Some("cb-01"),
        purpose: None,
        dossier: Some("H98.001"),
        at: Millis(1_767_000_000_000),
    }
}

fn compile(
    protocol: Protocol,
    name: &str,
    text: &str,
    more: Value,
) -> Result<Compiled, Vec<ContractProblem>> {
    let mut version = json!({
        "version": "1.0", "lifecycle": "published", "operations": [],
        "contract": { "digest": DIGEST, "main": name },
    });
    version.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let version: VersionSpec = serde_json::from_value(version).unwrap();
    let files = ContractFiles::from([(name.to_owned(), Bytes::from(text.to_owned()))]);
    let files = VersionFiles::from([(DIGEST.to_owned(), Arc::new(files))]);
    Compiler::new(None).compile(protocol, &version, &files)
}

fn dancu() -> Compiled {
    let operations = json!([{
        "name": "TraCuuThongTinCongDan", "method": "GET", "path": "/citizens/{id}",
        "bind": { "id": "/SoDinhDanh", "name": "/HoVaTen", "born": "/NgayThangNamSinh/NgayThangNam" },
        "set": { "/MaYeuCau": "{exchange}", "/MaDVC": "{dossier}", "/MaTichHop": "037", "/MaCanBo": "{officer}" },
        "result": "/CongDan/0",
    }]);
    let text = std::fs::read_to_string(DANCU).unwrap();
    compile(
        Protocol::Soap,
        "dancu037.wsdl",
        &text,
        json!({ "faces": ["rest", "soap"], "operations": operations }),
    )
    .unwrap()
}

fn ask<'a>(target: &'a str, path: &'a str) -> CallerRequest<'a> {
    CallerRequest {
        face: Face::Rest,
        operation: "TraCuuThongTinCongDan",
        method: "GET",
        path,
        target,
        content_type: "",
        soap_action: "",
        headers: &[],
        body: Bytes::new(),
        check: CheckMode::Off,
    }
}

#[tokio::test]
async fn a_get_becomes_the_envelope_of_service_037_and_its_answer_the_citizen_as_json() {
    let compiled = dancu();
    let mediator = compiled.mediator.unwrap();
    let target = "/citizens/079090000001?name=Nguy%E1%BB%85n%20V%C4%83n%20An&born=19900102";
    let made = mediator.request(ask(target, "/citizens/079090000001"), facts()).await.unwrap();
    assert_eq!((made.method.as_str(), made.target.as_str()), ("POST", ""));
    assert_eq!(made.soap_action.as_deref(), Some(""));
    let envelope = String::from_utf8(made.body.to_vec()).unwrap();
    for part in [
        "MaYeuCau>ex_1<",
        "MaDVC>H98.001<",
        "MaTichHop>037<",
        "MaCanBo>cb-01<",
        "SoDinhDanh>079090000001<",
        "HoVaTen>Nguyễn Văn An<",
        "NgayThangNam>19900102<",
    ] {
        assert!(envelope.contains(part), "{part} in {envelope}");
    }
    let answer = r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><CongdanCollection xmlns="http://www.mic.gov.vn/dancu/1.0"><CongDan><SoDinhDanh>079090000001</SoDinhDanh><HoVaTen><Ho>Nguyễn</Ho><ChuDem>Văn</ChuDem><Ten>An</Ten></HoVaTen></CongDan></CongdanCollection></s:Body></s:Envelope>"#;
    let told = ProviderAnswer {
        face: Face::Rest,
        operation: "TraCuuThongTinCongDan",
        status: 200,
        content_type: "text/xml; charset=utf-8",
        body: Bytes::from(answer),
        kept: None,
        check: CheckMode::Off,
    };
    let given = mediator.answer(told.clone(), facts()).await.unwrap();
    let json: Value = serde_json::from_slice(&given.body).unwrap();
    assert_eq!(
        json,
        json!({"SoDinhDanh": "079090000001", "HoVaTen": {"Ho": "Nguyễn", "ChuDem": "Văn", "Ten": "An"}})
    );
    let html = ProviderAnswer { status: 503, content_type: "text/html", body: Bytes::from("<p>"), ..told };
    assert_eq!(mediator.answer(html, facts()).await.unwrap_err().kind.code, "verify.conversion");
}

#[tokio::test]
async fn what_the_contract_does_not_take_is_refused_by_its_place() {
    let mediator = dancu().mediator.unwrap();
    let refused = async |target: &'static str, path: &'static str| {
        let refusal = mediator.request(ask(target, path), facts()).await.unwrap_err();
        (refusal.kind.code, refusal.detail)
    };
    let (code, detail) = refused("/citizens/1?name=An&born=19900102", "/citizens/1").await;
    assert!(code == "validate.conversion" && detail.contains("SoDinhDanh"), "{detail}");
    let (code, detail) = refused("/citizens/079090000001?name=An&age=3", "/citizens/079090000001").await;
    assert!(code == "validate.conversion" && detail.contains("age"), "{detail}");
    let (_, detail) =
        refused("/citizens/079090000001?name=A&name=B&born=19900102", "/citizens/079090000001").await;
    assert!(detail.contains("twice"), "{detail}");
    let (code, _) = refused("/citizens/079090000001?born=19900102", "/citizens/079090000001").await;
    assert_eq!(code, "validate.conversion", "the name is missing");
}

#[test]
fn what_is_declared_is_held_against_the_contract_when_it_is_published() {
    let text = std::fs::read_to_string(DANCU).unwrap();
    let problems = |operation: Value| {
        let more = json!({ "faces": ["rest", "soap"], "operations": [operation] });
        let problems = compile(Protocol::Soap, "dancu037.wsdl", &text, more).unwrap_err();
        problems.into_iter().map(|p| format!("{}: {}", p.field, p.message)).collect::<Vec<_>>().join("\n")
    };
    assert!(problems(json!({ "name": "KhongCo" })).contains("no operation"));
    let named = |more: Value| {
        let mut operation = json!({ "name": "TraCuuThongTinCongDan" });
        operation.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        problems(operation)
    };
    assert!(named(json!({ "bind": { "id": "/KhongCo" } })).contains("KhongCo"));
    assert!(named(json!({ "set": { "/MaYeuCau": "{what}" } })).contains("{what}"));
    assert!(named(json!({ "result": "/KhongCo" })).contains("KhongCo"));
    assert!(compile(Protocol::Soap, "dancu037.wsdl", "<a/>", json!({})).is_err());
}

#[test]
fn from_a_wsdl_alone_every_operation_has_an_address_and_both_faces_a_document() {
    let text = std::fs::read_to_string(DANCU).unwrap();
    let compiled =
        compile(Protocol::Soap, "dancu037.wsdl", &text, json!({ "faces": ["rest", "soap"] })).unwrap();
    let operation = &compiled.operations[0];
    assert_eq!(operation.method.as_deref(), Some("POST"));
    assert_eq!(operation.path.as_ref().unwrap().as_str(), "/TraCuuThongTinCongDan");
    assert_eq!(operation.element.as_deref(), Some("{http://dancuquocgia.bca}TraCuuThongTinCongDan"));
    let mediator = compiled.mediator.unwrap();
    assert!(mediator.wsdl().unwrap().contains("location=\"{address}\""));
    let openapi: Value = serde_json::from_str(&mediator.openapi().unwrap()).unwrap();
    assert_eq!(openapi["servers"][0]["url"], "{address}");
    assert!(openapi["paths"]["/TraCuuThongTinCongDan"]["post"].is_object());
    let check = CheckSpec::default();
    assert!(mediator.reads_request(&operation.name, Face::Rest, check));
    assert!(!mediator.reads_request(&operation.name, Face::Soap11, check), "envelopes pass as they are");
}

/// Companies by their numbers.
fn companies() -> Value {
    json!({
        "openapi": "3.0.3", "info": { "title": "Tra cuu", "version": "1" },
        "paths": { "/companies/{id}": { "get": {
            "operationId": "company",
            "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string", "pattern": "^[0-9]{10}$" } }],
            "responses": { "200": { "description": "ok", "content": { "application/json": { "schema": {
                "type": "object", "required": ["name"], "properties": { "name": { "type": "string" } } } } } } },
        } } },
    })
}

#[tokio::test]
async fn an_openapi_document_checks_requests_and_gives_a_soap_face() {
    let more = json!({ "faces": ["rest", "soap"], "check": { "requests": "enforce", "answers": "report" } });
    let compiled = compile(Protocol::Rest, "x.json", &companies().to_string(), more).unwrap();
    let operation = &compiled.operations[0];
    assert_eq!((operation.name.as_str(), operation.method.as_deref()), ("company", Some("GET")));
    assert!(operation.element.is_some());
    let mediator = compiled.mediator.unwrap();
    let request = |path: &'static str, check| CallerRequest {
        operation: "company",
        path,
        target: path,
        check,
        ..ask("", "")
    };
    mediator.request(request("/companies/0100000001", CheckMode::Enforce), facts()).await.unwrap();
    let refused = mediator.request(request("/companies/x", CheckMode::Enforce), facts()).await.unwrap_err();
    assert_eq!(refused.kind.code, "validate.contract");
    let noted = mediator.request(request("/companies/x", CheckMode::Report), facts()).await.unwrap();
    assert_eq!(noted.notes.len(), 1);
    let element = operation.element.clone().unwrap();
    let (namespace, name) = element.trim_start_matches('{').split_once('}').unwrap();
    let envelope = format!(
        "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body><c:{name} xmlns:c=\"{namespace}\"><c:id>0100000001</c:id></c:{name}></e:Body></e:Envelope>"
    );
    let soap = CallerRequest {
        face: Face::Soap11,
        method: "POST",
        content_type: "text/xml",
        body: Bytes::from(envelope),
        ..request("/", CheckMode::Off)
    };
    let made = mediator.request(soap, facts()).await.unwrap();
    assert_eq!((made.method.as_str(), made.target.as_str()), ("GET", "/companies/0100000001"));
    let answer = |status, body: &'static str| ProviderAnswer {
        face: Face::Soap11,
        operation: "company",
        status,
        content_type: "application/json",
        body: Bytes::from(body),
        kept: None,
        check: CheckMode::Off,
    };
    let given = mediator.answer(answer(200, r#"{"name":"Công ty"}"#), facts()).await.unwrap();
    assert!(String::from_utf8_lossy(&given.body).contains("Công ty"));
    let fault = mediator.answer(answer(404, r#"{"title":"Không có"}"#), facts()).await.unwrap();
    assert_eq!(fault.status, 500);
    assert!(String::from_utf8_lossy(&fault.body).contains("Không có"));
}

#[tokio::test]
async fn a_soap_face_reads_envelopes_and_answers_in_other_encodings() {
    let more = json!({ "faces": ["rest", "soap"], "text": {
        "requests": { "normalize": "nfc" }, "answers": { "charset": "windows-1258", "normalize": "nfc" } } });
    let compiled = compile(Protocol::Rest, "x.json", &companies().to_string(), more).unwrap();
    let element = compiled.operations[0].element.clone().unwrap();
    let (namespace, name) = element.trim_start_matches('{').split_once('}').unwrap();
    let envelope = format!(
        "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body><c:{name} xmlns:c=\"{namespace}\"><c:id>0100000001</c:id></c:{name}></e:Body></e:Envelope>"
    );
    let utf16: Vec<u8> =
        std::iter::once(0xFEFF).chain(envelope.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let mediator = compiled.mediator.unwrap();
    assert!(mediator.reads_text());
    let (kind, body) = ("text/xml; charset=utf-16", Bytes::from(utf16));
    assert_eq!(mediator.request_text(kind, &body).unwrap(), envelope);
    let request = CallerRequest {
        face: Face::Soap11,
        operation: "company",
        method: "POST",
        content_type: kind,
        body,
        ..ask("/", "/")
    };
    let made = mediator.request(request, facts()).await.unwrap();
    assert_eq!(made.target, "/companies/0100000001");
    assert!(made.notes[0].text.starts_with("text: UTF-16LE to UTF-8"), "{:?}", made.notes);
    let answer = ProviderAnswer {
        face: Face::Soap11,
        operation: "company",
        status: 200,
        content_type: "application/json",
        body: Bytes::from_static(b"{\"name\":\"Nguy\xEA\xDEn\"}"),
        kept: None,
        check: CheckMode::Off,
    };
    let given = mediator.answer(answer, facts()).await.unwrap();
    assert!(String::from_utf8_lossy(&given.body).contains("Nguyễn"));
}

/// The fixture of the contracts' own tests: `send` has a file beside its envelope.
const DOCUMENTS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../contract/tests/fixtures/wsdl/attachments/documents.wsdl");

#[test]
fn an_operation_with_attachments_has_no_json_form_and_stays_callable_as_soap() {
    let text = std::fs::read_to_string(DOCUMENTS).unwrap();
    let faces = json!({ "faces": ["rest", "soap"] });
    let compiled = compile(Protocol::Soap, "documents.wsdl", &text, faces).unwrap();
    let send = compiled.operations.iter().find(|o| o.name == "send").unwrap();
    assert!(send.method.is_none() && send.path.is_none());
    assert!(compiled.warnings.iter().any(|w| w.message.contains("send has no REST face")));
    assert!(!compiled.mediator.unwrap().openapi().unwrap().contains("\"/send\""));

    let asked = json!({ "faces": ["rest", "soap"],
        "operations": [{ "name": "send", "method": "POST", "path": "/send" }] });
    let problems = compile(Protocol::Soap, "documents.wsdl", &text, asked).unwrap_err();
    assert!(problems.iter().any(|p| p.message.contains("attachments")), "{problems:?}");
}
