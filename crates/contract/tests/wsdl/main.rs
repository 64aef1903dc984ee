//! WSDL 1.1 as services are met in the field: what is read of it, its messages as envelopes, and the OpenAPI document of its REST face.
#![allow(clippy::unwrap_used, missing_docs)]

mod faces_openapi;
mod messages;
mod outsiders;
mod read;

use bytes::Bytes;
use lgsp_contract::wsdl::{self, Choose, Wsdl};
use lgsp_schema::bundle::Bundle;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Each with its main file.
pub const FIXTURES: [&str; 5] = [
    "population/service037.wsdl",
    "dotnet/HoSoService.wsdl",
    "java/organisations.wsdl",
    "rpc/registry.wsdl",
    "attachments/documents.wsdl",
];

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wsdl")
}

fn files(root: &Path, below: &Path, out: &mut BTreeMap<String, Bytes>) {
    for entry in std::fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(root, &path, out);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            out.insert(name, std::fs::read(&path).unwrap().into());
        }
    }
}

/// A fixture's folder, and its main file in it.
pub fn bundle(fixture: &str) -> (Bundle, String) {
    let (folder, main) = fixture.split_once('/').unwrap();
    let root = fixtures().join(folder);
    let mut all = BTreeMap::new();
    files(&root, &root, &mut all);
    (Bundle::new(all).unwrap(), main.to_owned())
}

pub fn load(fixture: &str) -> Wsdl {
    load_port(fixture, &Choose::default())
}

pub fn load_port(fixture: &str, choose: &Choose) -> Wsdl {
    let (bundle, main) = bundle(fixture);
    wsdl::read(&bundle, &main, choose).unwrap_or_else(|p| panic!("{fixture}: {}", shown(&p)))
}

pub fn shown(problems: &[lgsp_schema::Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A bundle of one file.
pub fn one(text: impl Into<String>) -> Bundle {
    Bundle::new([("a.wsdl".to_owned(), Bytes::from(text.into()))].into()).unwrap()
}

/// The text of a fixture's main file.
pub fn text(fixture: &str) -> String {
    std::fs::read_to_string(fixtures().join(fixture)).unwrap()
}
