//! A new user has a WSDL file and a node: three commands later the provider that speaks SOAP answers in JSON.

use super::world::{World, until};
use crate::node::API_KEY;
use serde_json::{Value, json};
use std::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_added_from_a_wsdl_file_and_called_as_json_in_three_commands() {
    let Some(world) = World::bare().await else { return };
    let node = &world.node;
    node.start(&[]).await;
    let target = format!("http://{}/java/organisations.wsdl", world.provider);
    // One.
    let wsdl = "wsdl/java/organisations.wsdl";
    let said = node.run(&[
        "service",
        "add",
        "--wsdl",
        wsdl,
        "--id",
        "organisations",
        "--system",
        "it-provider",
        "--target",
        &target,
    ]);
    assert!(said.contains("getOrganisation"), "{said}");
    // Two.
    let (purpose, basis) = ("Tra cứu tổ chức", "Nghị định 47/2020/NĐ-CP, Điều 5");
    node.run(&[
        "grant",
        "add",
        "--consumer",
        "it-consumer",
        "--service",
        "organisations",
        "--purpose",
        purpose,
        "--legal-basis",
        basis,
    ]);
    // Three; the running node takes the change up within a moment.
    let (address, key) = (world.address("organisations") + "/getOrganisation", format!("apikey: {API_KEY}"));
    let curl = || {
        let mut command = Command::new("curl");
        command.args([
            "-sS",
            &address,
            "-H",
            &key,
            "-H",
            "content-type: application/json",
            "-d",
            r#"{"code": "H01.01"}"#,
        ]);
        let out = command.output().expect("curl starts");
        serde_json::from_slice::<Value>(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out:?}"))
    };
    let mut answer = Value::Null;
    until("the service answers", async || {
        answer = curl();
        answer.get("type").is_none()
    })
    .await;
    let found = &answer["return"];
    assert_eq!(found["name"], "Sở <Nội vụ> & ban", "{answer}");
    assert_eq!((&found["@code"], &found["@active"]), (&json!("H01.01"), &json!(false)));
    assert_eq!(
        (&found["budget"], &found["staff"]),
        (&json!("12345678901234567890.120"), &json!("9007199254740993"))
    );
    assert_eq!(found["parts"][0]["founded"], Value::Null);
    assert_eq!(found["parts"][1]["parts"][0]["@code"], "H01.04");
    world.nothing_wrong_was_forwarded().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_from_an_openapi_document_has_a_wsdl_as_soon_as_it_is_added() {
    let Some(world) = World::bare().await else { return };
    let target = format!("http://{}", world.provider);
    let faces = ["--face", "rest", "--face", "soap"];
    let add = [
        "service",
        "add",
        "--openapi",
        "clients/papers.yaml",
        "--id",
        "papers",
        "--system",
        "it-provider",
        "--target",
        &target,
    ];
    world.node.run(&[&add[..], &faces].concat());
    let wsdl = world.node.run(&["contract", "show", "papers", "--wsdl"]);
    assert!(wsdl.contains(&format!("location=\"{}\"", world.address("papers"))), "{wsdl}");
    for operation in ["addPaper", "getPaper", "listPapers", "removePaper"] {
        assert!(wsdl.contains(operation), "{wsdl}");
    }
}
