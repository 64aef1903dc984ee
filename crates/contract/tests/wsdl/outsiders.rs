//! Programs that we did not write: xmllint accepts our bodies by the provider's schemas; Python's zeep reads our WSDLs, sends what we
//! read, and reads what we send.

use crate::messages::{citizen_question, codec};
use crate::{FIXTURES, fixtures, load, text};
use lgsp_contract::soap;
use lgsp_contract::wsdl::Wsdl;
use lgsp_schema::codec::Limits;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wsdl/call.py");
const PACKAGES: [&str; 1] = ["zeep==4.3.1"];

/// Whether a program must be there: it is a failure that it is not where everything is to be tested.
fn skipped(what: &str) {
    assert!(std::env::var_os("CI").is_none(), "{what}");
    eprintln!("\n*** SKIPPED: {what}\n");
}

fn body(envelope: &[u8]) -> Vec<u8> {
    soap::open(envelope).unwrap().document().unwrap()
}

fn xmllint(dir: &Path, schema: &Path, document: &[u8]) {
    let file = dir.join("body.xml");
    std::fs::write(&file, document).unwrap();
    match Command::new("xmllint").args(["--noout", "--nonet", "--schema"]).arg(schema).arg(&file).output() {
        Ok(out) => assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr)),
        Err(e) => skipped(&format!("xmllint: {e}")),
    }
}

fn sent(w: &Wsdl, name: &str, json: &Value) -> Vec<u8> {
    let op = w.operation(name).unwrap();
    soap::request_json_to_envelope(op, &codec(w), json.to_string().as_bytes(), Limits::default()).unwrap()
}

fn answered(w: &Wsdl, name: &str, json: &Value) -> Vec<u8> {
    let op = w.operation(name).unwrap();
    soap::answer_json_to_envelope(op, &codec(w), json.to_string().as_bytes(), Limits::default()).unwrap()
}

#[test]
fn xmllint_accepts_what_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let w = load("population/service037.wsdl");
    let wsdl = text("population/service037.wsdl");
    let schema = wsdl.split("<xs:schema").nth(1).unwrap().split("</xs:schema>").next().unwrap();
    let names = "xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:dc=\"http://dancuquocgia.bca\"";
    let file = dir.path().join("037.xsd");
    std::fs::write(&file, format!("<xs:schema {names} {schema}</xs:schema>")).unwrap();
    xmllint(dir.path(), &file, &body(&sent(&w, "TraCuuThongTinCongDan", &citizen_question())));
    let w = load("java/organisations.wsdl");
    let schema = fixtures().join("java/xsd/types.xsd");
    xmllint(dir.path(), &schema, &body(&sent(&w, "getOrganisation", &json!({"code": "H01.01", "depth": 2}))));
    xmllint(dir.path(), &schema, &body(&answered(&w, "getOrganisation", &organisation())));
}

fn organisation() -> Value {
    let part = json!({"@code": "H01.02", "@active": false, "name": "b", "founded": "2001-02-28", "staff": "9007199254740993"});
    json!({"return": {"@code": "H01.01", "name": "a <&> ơ", "founded": null, "budget": "12345678901234567890.12", "parts": [part]}})
}

/// A Python with zeep, kept in the folder that builds use; none if no index can be reached.
fn python() -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("zeep");
    let python = dir.join("bin/python");
    let ready =
        |p: &Path| Command::new(p).args(["-c", "import zeep"]).output().is_ok_and(|o| o.status.success());
    if ready(&python) {
        return Some(python);
    }
    let made = Command::new("python3").args(["-m", "venv"]).arg(&dir).output();
    let args = [&["-m", "pip", "install", "--quiet", "--disable-pip-version-check"][..], &PACKAGES].concat();
    let installed = Command::new(&python).args(args).output();
    if ready(&python) {
        return Some(python);
    }
    skipped(&format!("no Python with {PACKAGES:?} could be made: {made:?} {installed:?}"));
    None
}

#[test]
fn zeep_calls_by_our_wsdls() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let citizen =
        json!({"CongDan": [{"SoDinhDanh": "001080000001", "HoVaTen": {"Ho": "Nguyễn", "Ten": "A"}}]});
    let dossier = json!({"LayHoSoResult": {"HoSo": [
        {"MaHoSo": "a", "NgayTiepNhan": "2026-01-31T08:30:00", "NgayTra": null, "LePhi": "1.50", "TrangThai": "DaTiepNhan"}, null,
    ]}});
    let cases = [
        (FIXTURES[0], "TraCuuThongTinCongDan", citizen_question(), citizen, "001080000001"),
        (FIXTURES[1], "LayHoSo", json!({"maHoSo": "x", "trang": 1}), dossier, "DaTiepNhan"),
        (
            FIXTURES[2],
            "getOrganisation",
            json!({"code": "H01.01", "depth": 2}),
            organisation(),
            "9007199254740993",
        ),
        (
            FIXTURES[3],
            "count",
            json!({"province": "Hà Giang", "period": {"from": "2026-01-01"}}),
            json!({"total": "12345678901234567890"}),
            "12345678901234567890",
        ),
    ];
    for (fixture, name, asked, answer, held) in cases {
        let w = load(fixture);
        let file = dir.path().join("answer.xml");
        std::fs::write(&file, answered(&w, name, &answer)).unwrap();
        let wsdl = fixtures().join(fixture);
        let out = Command::new(&python)
            .arg(SCRIPT)
            .arg(&wsdl)
            .args([&*w.port().name, name, &asked.to_string()])
            .arg(&file)
            .output()
            .unwrap();
        assert!(out.status.success(), "{fixture}: {}", String::from_utf8_lossy(&out.stderr));
        let told: Value = serde_json::from_slice(&out.stdout).unwrap();
        assert!(told["result"].as_str().unwrap().contains(held), "{fixture}: {told}");
        let op = w.operation(name).unwrap();
        let request = told["request"].as_str().unwrap().as_bytes();
        let read = soap::request_envelope_to_json(op, &codec(&w), request, Limits::default())
            .unwrap_or_else(|e| panic!("{fixture}: {e}: {told}"));
        assert_eq!(serde_json::from_slice::<Value>(&read).unwrap(), asked, "{fixture}");
    }
}
