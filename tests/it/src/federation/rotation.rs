//! The hub's authority is replaced: in order, while calls run, or because its key was stolen.

use super::country::Country;
use super::member::{Member, PATIENCE, eventually};
use super::stolen;
use super::wire::connect;
use lgsp_kernel::Clock;
use lgsp_trust::{Term, csr_for_node};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The certificates that a member shows: of its node and its agency.
fn shown(member: &Member) -> Vec<Vec<u8>> {
    let folder = member.data().join("membership");
    let read = |name: String| std::fs::read(folder.join(name)).expect("a certificate");
    vec![read("node.pem".into()), read(format!("agencies/{}.pem", member.agency))]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hubs_authority_is_replaced_while_calls_run_and_not_one_fails() {
    let country = Arc::new(Country::new().await);
    let over = Arc::new(AtomicBool::new(false));
    let calling = tokio::spawn({
        let (country, over) = (country.clone(), over.clone());
        async move {
            let mut failed = Vec::new();
            let mut last = None;
            while !over.load(Ordering::SeqCst) {
                for path in ["/echo/1.0/x", "/signed/1.0/x"] {
                    let reply = country.a.post(path, "meanwhile").await;
                    if reply.status == 200 {
                        last = Some(reply.exchange());
                    } else {
                        failed.push(reply.text());
                    }
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            (failed, last.expect("some passed"))
        }
    });
    let members = [&country.hub, &country.a, &country.b];
    let before: Vec<_> = members.iter().map(|m| shown(m)).collect();
    country.hub.run(&["hub", "rotate-authority", "--reason", "test"]);
    eventually("all certificates are of the new authority", PATIENCE, async || {
        members.iter().zip(&before).all(|(m, old)| shown(m).iter().zip(old).all(|(new, old)| new != old))
    })
    .await;
    // What was renewed is spoken with, and known everywhere, a moment later.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    country.hub.run(&["hub", "rotate-authority", "--finish", "--reason", "test"]);
    tokio::time::sleep(Duration::from_millis(3000)).await;
    over.store(true, Ordering::SeqCst);
    let (failed, last) = calling.await.expect("the calls");
    assert_eq!(failed, Vec::<String>::new());
    country.proved(last);
    country.b.restart().await;
    country.acquainted().await;
    country.proved(country.a.post("/echo/1.0/x", "afterwards").await.exchange());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_whose_key_was_stolen_vouches_for_nobody_any_more_and_members_recover_by_themselves() {
    let country = Country::new().await;
    // What the thief can do before: speak as any member.
    let (key, now) = (stolen::new_key(), Clock::System.now());
    let csr = csr_for_node(&*key, &stolen::name("a")).expect("a request");
    let thief = stolen::authority(&country.hub).issue_node(&csr, &stolen::name("a"), Term::usual(now));
    let thief = stolen::tls(&country.hub, (key, thief.expect("issued").der));
    let at = country.b.at(8443);
    assert!(connect(&thief, "b", at).await.is_ok());
    country.hub.run(&["hub", "rotate-authority", "--compromised", "--reason", "test"]);
    eventually("the thief is shut out", Duration::from_secs(4), async || {
        connect(&thief, "b", at).await.is_err()
    })
    .await;
    country.acquainted().await;
    assert!(connect(&thief, "b", at).await.is_err());
    for path in ["/echo/1.0/x", "/signed/1.0/x", "/relayed/1.0/x"] {
        eventually("calls pass again", PATIENCE, async || country.a.get(path).await.status == 200).await;
        country.proved(country.a.post(path, "recovered").await.exchange());
    }
}
