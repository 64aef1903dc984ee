//! Property-based requests by schemathesis, made from the OpenAPI documents that were written from WSDLs: no server error, nothing that the
//! document does not say, nothing refused that it allows, nothing allowed that it refuses; and no provider gets what its schema refuses.

use super::outsiders::{CLIENTS, said};
use super::world::{BY_WSDL, World};
use crate::node::API_KEY;
use std::process::Command;

/// What answers are held against. Not among them: checks of authentication (the key is given to every request), of methods (the
/// platform's own tests have them) and of state (there is none).
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,\
                      negative_data_rejection,positive_data_acceptance,missing_required_header";
/// Requests made at random for an operation, beside those that try each keyword of its schema once.
const EXAMPLES: &str = "30";

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_no_server_error_and_no_difference_to_the_documents() {
    let Some(world) = World::new().await else { return };
    let program = world.python.with_file_name("schemathesis");
    let examples = std::env::var("LGSP_TEST_EXAMPLES").unwrap_or_else(|_| EXAMPLES.to_owned());
    let seed = std::env::var("LGSP_TEST_SEED").unwrap_or_else(|_| "1".to_owned());
    let mut failed = String::new();
    for id in BY_WSDL.iter().map(|(id, _)| *id).chain(["dancu037"]) {
        let mut command = Command::new(&program);
        command.env("SCHEMATHESIS_HOOKS", format!("{CLIENTS}/schemathesis_hooks.py"));
        command.args([
            "--config-file",
            &format!("{CLIENTS}/schemathesis.toml"),
            "run",
            &(world.address(id) + "/openapi.json"),
        ]);
        command.args(["--checks", CHECKS, "--max-examples", &examples, "--seed", &seed, "--no-color"]);
        for header in [&format!("apikey: {API_KEY}"), "lgsp-officer: cb-01", "lgsp-dossier: H98-1"] {
            command.args(["--header", header]);
        }
        command.current_dir(world.node.folder.path());
        let out = command.output().expect("schemathesis starts");
        if !out.status.success() {
            failed += &format!("=== {id}\n{}\n", said(&out));
        }
    }
    assert!(failed.is_empty(), "{failed}");
    world.nothing_wrong_was_forwarded().await;
}
