//! Callers that only have a SOAP library: Python's zeep, which loads the WSDL from the platform and notices nothing, whatever the provider
//! speaks.

use super::outsiders::script;
use super::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn zeep_calls_soap_and_rest_providers_by_the_wsdls_that_the_platform_serves() {
    let Some(world) = World::new().await else { return };
    script(&world.python, "soap_library.py", &world.facts());
    world.nothing_wrong_was_forwarded().await;
}
