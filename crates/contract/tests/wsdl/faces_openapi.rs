//! The OpenAPI document of the REST face: valid, and its schemas take what the codec takes and gives.

use crate::messages::codec;
use crate::{FIXTURES, load, shown};
use lgsp_contract::faces::openapi::{FaceOperation, FaceOptions, OpenApiVersion, write};
use lgsp_contract::openapi;
use lgsp_contract::soap;
use lgsp_contract::wsdl::Wsdl;
use lgsp_schema::bundle::Bundle;
use lgsp_schema::codec::Limits;
use serde_json::{Value, json};

fn options() -> FaceOptions {
    FaceOptions {
        version: "1.0".into(),
        server: "https://lgsp.example.vn/s/x/1".into(),
        ..FaceOptions::default()
    }
}

fn document(w: &Wsdl, options: &FaceOptions) -> Value {
    write(w, options).unwrap_or_else(|p| panic!("{}", shown(&p)))
}

fn citizens() -> FaceOperation {
    let set = [("/MaTichHop", "037"), ("/MaCanBo", "lgsp"), ("/MaDVC", "1.0"), ("/MaYeuCau", "r")];
    let bind = [("id", "/SoDinhDanh"), ("name", "/HoVaTen"), ("born", "/NgayThangNamSinh/NgayThangNam")];
    let pairs = |all: &[(&str, &str)]| all.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    FaceOperation {
        name: "TraCuuThongTinCongDan".into(),
        method: "GET".into(),
        path: "/citizens/{id}".into(),
        bind: pairs(&bind),
        set: pairs(&set),
        result: Some("/CongDan/0".into()),
    }
}

/// A schema of the document, with the components beside it.
fn validator(document: &Value, pointer: &str) -> jsonschema::Validator {
    let mut schema = document.pointer(pointer).unwrap_or_else(|| panic!("{pointer}")).clone();
    schema["components"] = document["components"].clone();
    jsonschema::draft202012::new(&schema).unwrap()
}

#[test]
fn every_document_is_valid_in_both_versions_and_so_are_its_examples() {
    for fixture in FIXTURES {
        let w = load(fixture);
        for version in [OpenApiVersion::V31, OpenApiVersion::V30] {
            let written = document(&w, &FaceOptions { openapi: version, ..options() });
            let bundle = Bundle::new([("o.json".to_owned(), written.to_string().into())].into()).unwrap();
            openapi::read(&bundle, "o.json")
                .unwrap_or_else(|p| panic!("{fixture}: {}\n{written:#}", shown(&p)));
        }
        let written = document(&w, &options());
        for op in w.operations.iter().filter(|o| o.input.element.is_some()) {
            let media = format!("/paths/~1{}/post/requestBody/content/application~1json", op.name);
            let Some(example) = written.pointer(&format!("{media}/example")) else {
                panic!("{}: no example", op.name)
            };
            assert!(validator(&written, &format!("{media}/schema")).is_valid(example), "{example}");
            soap::request_json_to_envelope(op, &codec(&w), example.to_string().as_bytes(), Limits::default())
                .unwrap_or_else(|e| panic!("{fixture} {}: {e}: {example}", op.name));
        }
    }
}

#[test]
fn schemas_take_what_the_codec_takes() {
    let w = load("population/service037.wsdl");
    let written = document(&w, &options());
    let schema = validator(
        &written,
        "/paths/~1TraCuuThongTinCongDan/post/requestBody/content/application~1json/schema",
    );
    let good = crate::messages::citizen_question();
    let with = |change: fn(&mut Value)| {
        let mut v = good.clone();
        change(&mut v);
        v
    };
    for json in [
        good.clone(),
        with(|v| v["SoCMND"] = json!("123456789")),
        with(|v| v["SoDinhDanh"] = json!("1")),
        with(|v| drop(v.as_object_mut().unwrap().remove("SoDinhDanh"))),
        with(|v| drop(v.as_object_mut().unwrap().remove("HoVaTen"))),
        with(|v| v["NgayThangNamSinh"] = json!({})),
        with(|v| v["NgayThangNamSinh"]["Nam"] = json!("1980")),
        with(|v| v["MaTichHop"] = json!("038")),
        with(|v| v["Khac"] = json!("x")),
        with(|v| v["HoVaTen"] = Value::Null),
        with(|v| v["MaDonVi"] = json!("")),
        with(|v| v["MaYeuCau"] = json!(7)),
        with(|v| v["MaYeuCau"] = json!(" \t")),
        with(|v| v["MaYeuCau"] = json!(" a ")),
    ] {
        let taken = soap::request_json_to_envelope(
            &w.operations[0],
            &codec(&w),
            json.to_string().as_bytes(),
            Limits::default(),
        );
        assert_eq!(schema.is_valid(&json), taken.is_ok(), "{json}: {taken:?}");
    }
}

#[test]
fn the_population_service_is_a_resource() {
    let w = load("population/service037.wsdl");
    let written = document(&w, &FaceOptions { operations: vec![citizens()], ..options() });
    let get = &written["paths"]["/citizens/{id}"]["get"];
    assert!(get.get("requestBody").is_none(), "{get:#}");
    let parameters = get["parameters"].as_array().unwrap();
    let id = parameters.iter().find(|p| p["name"] == "id").unwrap();
    assert_eq!(
        (&id["in"], &id["required"], &id["schema"]["pattern"]),
        (&json!("path"), &json!(true), &json!("^(?:[0-9]{12})$"))
    );
    assert_eq!(id["description"], "Số định danh cá nhân, 12 chữ số");
    assert_eq!(id["example"], "111111111111");
    let name = parameters.iter().find(|p| p["name"] == "name").unwrap();
    assert_eq!(
        (&name["in"], &name["required"], &name["description"]),
        (&json!("query"), &json!(true), &json!("Họ và tên"))
    );
    assert_eq!(parameters.len(), 3);
    let answer = &get["responses"]["200"]["content"]["application/json"]["schema"];
    // Where nobody is found there is nothing at /CongDan/0.
    assert_eq!(*answer, json!({"anyOf": [{"$ref": "#/components/schemas/CongDanType"}, {"type": "null"}]}));
    let older = FaceOptions { openapi: OpenApiVersion::V30, operations: vec![citizens()], ..options() };
    let answer = &document(&w, &older)["paths"]["/citizens/{id}"]["get"]["responses"]["200"]["content"];
    let one = json!({"nullable": true, "allOf": [{"$ref": "#/components/schemas/CongDanType"}]});
    assert_eq!(answer["application/json"]["schema"], one);
    assert_eq!(written["components"]["schemas"]["CongDanType"]["description"], "Thông tin công dân");
}

#[test]
fn what_callers_must_state_is_a_header() {
    let w = load("population/service037.wsdl");
    let mut face = citizens();
    face.set.extend([
        ("/MaCanBo".to_owned(), "{officer}".to_owned()),
        ("/MaDVC".into(), "{{dossier}}-{{{purpose}}}".into()),
    ]);
    let written = document(&w, &FaceOptions { operations: vec![face], ..options() });
    let parameters = written["paths"]["/citizens/{id}"]["get"]["parameters"].as_array().unwrap();
    let headers: Vec<&Value> =
        parameters.iter().filter(|p| p["in"] == "header").map(|p| &p["name"]).collect();
    assert_eq!(headers, ["lgsp-officer", "lgsp-purpose"]);
}

#[test]
fn a_binary_value_is_base64_with_white_space_or_without() {
    let w = load("attachments/documents.wsdl");
    let written = document(&w, &options());
    let schema = validator(&written, "/paths/~1store/post/requestBody/content/application~1json/schema");
    let op = w.operation("store").unwrap();
    for content in
        ["", "JVBE\nRi0x", " JVBERg == ", "JVBERi0=", "JVBERi1=", "JVBERh==", "^", "JVB", "=", "JVBE=Rg="]
    {
        let json = json!({"name": "a", "content": content});
        let taken =
            soap::request_json_to_envelope(op, &codec(&w), json.to_string().as_bytes(), Limits::default());
        assert_eq!(schema.is_valid(&json), taken.is_ok(), "{content:?}: {taken:?}");
    }
}

#[test]
fn declarations_that_do_not_fit_are_refused() {
    let w = load("population/service037.wsdl");
    let refused = |change: fn(&mut FaceOperation)| {
        let mut op = citizens();
        change(&mut op);
        shown(&write(&w, &FaceOptions { operations: vec![op], ..options() }).unwrap_err())
    };
    for (refusal, said) in [
        (refused(|o| o.name = "X".into()), "no operation \"X\""),
        (refused(|o| o.method = "FETCH".into()), "is not one of"),
        (refused(|o| drop(o.set.remove("/MaDVC"))), "needs more than what is bound or set: [\"MaDVC\"]"),
        (refused(|o| drop(o.bind.insert("x".into(), "/Khac".into()))), "there is no member \"Khac\""),
        (refused(|o| drop(o.bind.insert("x".into(), "/NgayThangNamSinh".into()))), "it is an object"),
        (refused(|o| drop(o.bind.insert("x".into(), "/MaDVC".into()))), "filled twice"),
        (refused(|o| drop(o.bind.remove("id"))), "bound to nothing"),
        (refused(|o| o.result = Some("/Khac".into())), "no member \"Khac\" in the answer"),
        (refused(|o| o.result = Some("CongDan".into())), "begins with '/'"),
    ] {
        assert!(refusal.contains(said), "{said}: {refusal}");
    }
}

#[test]
fn circles_nil_attributes_and_big_numbers_are_described() {
    let w = load("java/organisations.wsdl");
    let written = document(&w, &options());
    let schema =
        validator(&written, "/paths/~1getOrganisation/post/responses/200/content/application~1json/schema");
    let part = json!({"@code": "H01.02", "name": "b", "founded": "2001-02-28"});
    let whole = json!({"return": {
        "@code": "H01.01", "@active": false, "name": "a", "founded": null, "budget": "12345678901234567890.12", "parts": [part],
    }});
    assert!(schema.is_valid(&whole), "{:#}", written["components"]["schemas"]["Organisation"]);
    let op = w.operation("getOrganisation").unwrap();
    soap::answer_json_to_envelope(op, &codec(&w), whole.to_string().as_bytes(), Limits::default()).unwrap();
    let mut wrong = whole.clone();
    wrong["return"]["parts"][0]["founded"] = json!("2001-13-01");
    assert!(!schema.is_valid(&wrong));
    let older = document(&w, &FaceOptions { openapi: OpenApiVersion::V30, ..options() });
    assert_eq!(older["components"]["schemas"]["Organisation"]["properties"]["founded"]["nullable"], true);
}
