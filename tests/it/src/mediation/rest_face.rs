//! Callers that never see XML: Python's requests, against providers that speak nothing else.

use super::outsiders::script;
use super::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn requests_calls_soap_providers_as_json() {
    let Some(world) = World::new().await else { return };
    script(&world.python, "rest_face.py", &world.facts());
    world.nothing_wrong_was_forwarded().await;
}
