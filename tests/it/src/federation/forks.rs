//! A member that keeps two logs and shows each to another node.

use super::country::Country;
use super::member::eventually;
use super::stolen::Stolen;
use super::wire::{connect, message_to, say};
use lgsp_kernel::model::SignatureMode;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_shows_two_nodes_two_logs_is_reported_within_the_monitors_time() {
    let country = Country::new().await;
    // Two logs under A's key, of the same size: one for B's eyes, one for the hub's.
    let (one, two) = (Stolen::from(&country, &country.a).await, Stolen::from(&country, &country.a).await);
    for (stolen, to) in [(&one, &country.b), (&two, &country.hub)] {
        // The hub takes its own decisions over within its refresh.
        let mut wire = None;
        eventually("the node knows the member", Duration::from_secs(20), async || {
            wire = connect(&stolen.tls, &to.name, to.at(8443)).await.ok();
            wire.is_some()
        })
        .await;
        let wire = wire.expect("it was waited for");
        for _ in 0..3 {
            let message = message_to(&to.name, stolen, "H01", SignatureMode::Group, "a view").await;
            let reply = say(&wire, &message).await;
            assert!(
                !reply.header("signature-input").is_empty(),
                "the message was verified: {}",
                reply.text()
            );
        }
    }
    let took = eventually("the fork is reported at the hub", Duration::from_secs(30), async || {
        country.hub.said().contains("two views of a log do not fit")
    })
    .await;
    // The design promises five minutes; with witness.compare_every of a second it is seconds.
    eprintln!("the fork was reported after {took:?}");
    country.b.verify();
    country.hub.verify();
}
