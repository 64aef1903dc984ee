//! Certificates that must not open a door: made by oneself, expired, for another purpose, of another node, revoked before or while connected.

use super::country::Country;
use super::member::{Member, PATIENCE, Reply, eventually};
use super::stolen::{self, Stolen, agency, authority, name, new_key, node_identity};
use super::wire::{connect, message};
use lgsp_kernel::model::SignatureMode;
use lgsp_kernel::{Clock, NodeName};
use lgsp_trust::{Authority, PeerTls, Signer, Term, csr_for_node};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

type Identity = (Arc<dyn Signer>, Vec<u8>);

fn issued(by: &Authority, node: &NodeName, term: Term) -> Identity {
    let key = new_key();
    let csr = csr_for_node(&*key, node).expect("a request");
    let issued = by.issue_node(&csr, node, term).expect("issued");
    (key, issued.der)
}

fn self_made(node: &str) -> Identity {
    let now = Clock::System.now();
    let own = Authority::create(new_key(), &name("hub"), now).expect("an authority");
    issued(&own, &name(node), Term::usual(now))
}

fn expired(hub: &Member, node: &str) -> Identity {
    let now = Clock::System.now();
    let term = Term { from: now.plus_seconds(-600), until: now.plus_seconds(-60) };
    issued(&authority(hub), &name(node), term)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_shows_a_certificate_that_is_not_good_is_not_heard() {
    let country = Country::new().await;
    let at = country.b.at(8443);
    let bad = [("self-made", self_made("a")), ("expired", expired(&country.hub, "a"))];
    for (what, identity) in bad {
        let refused = connect(&stolen::tls(&country.hub, identity), "b", at).await;
        assert!(refused.is_err(), "{what}");
    }
    // Really issued, but for an agency: openssl shows what our own code would not.
    let said = openssl_shows_an_agency_certificate(&country);
    assert!(said.contains("alert"), "{said}");
    // Issued by the same authority to a node that is no member.
    let stranger = issued(&authority(&country.hub), &name("c"), Term::usual(Clock::System.now()));
    let refused = connect(&stolen::tls(&country.hub, stranger), "b", at).await;
    assert!(refused.is_err_and(|why| why.contains("identify.peer_unknown")));
    let good = connect(&stolen::tls(&country.hub, node_identity(&country.a)), "b", at).await;
    assert!(good.is_ok(), "{good:?}");
    let reply = country.a.post("/echo/1.0/x", "meanwhile").await;
    country.proved(reply.exchange());
}

fn openssl_shows_an_agency_certificate(country: &Country) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |arguments: &[&str]| {
        let out =
            Command::new("openssl").args(arguments).current_dir(folder.path()).output().expect("openssl");
        format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
    };
    run(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "key.pem"]);
    let name = "subjectAltName=URI:lgsp:agency:H01";
    run(&[
        "req", "-new", "-key", "key.pem", "-subj", "/CN=H01", "-addext", name, "-outform", "DER", "-out",
        "csr.der",
    ]);
    let csr = std::fs::read(folder.path().join("csr.der")).expect("a request");
    let term = Term::usual(Clock::System.now());
    let issued = authority(&country.hub).issue_agency(&csr, &agency("H01"), term).expect("issued");
    std::fs::write(folder.path().join("cert.pem"), issued.pem()).expect("written");
    let at = country.b.at(8443).to_string();
    run(&[
        "s_client",
        "-connect",
        &at,
        "-servername",
        "b.node.lgsp",
        "-cert",
        "cert.pem",
        "-key",
        "key.pem",
        "-alpn",
        "h2",
        "-ign_eof",
        "-quiet",
    ])
}

/// Somebody at B's address with this certificate, who takes every connection.
async fn impostor(country: &Country, tls: Arc<PeerTls>) -> tokio::task::JoinHandle<()> {
    let listener = TcpListener::bind(country.b.at(8443)).await.expect("B's address is free");
    let acceptor = TlsAcceptor::from(tls.server_config().expect("TLS"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Kept open: the other side must end it.
            if let Ok(stream) = acceptor.accept(stream).await {
                tokio::spawn(async move {
                    let _kept = stream;
                    tokio::time::sleep(PATIENCE).await;
                });
            }
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_to_somebody_at_the_other_nodes_address_whose_certificate_is_not_good() {
    let country = Country::new().await;
    country.b.kill();
    let now = Clock::System.now();
    let bad = [
        ("self-made", self_made("b")),
        ("expired", expired(&country.hub, "b")),
        ("another member's", node_identity(&country.hub)),
        ("a stranger's", issued(&authority(&country.hub), &name("c"), Term::usual(now))),
    ];
    for (what, identity) in bad {
        let impostor = impostor(&country, stolen::tls(&country.hub, identity)).await;
        let reply = country.a.post("/echo/1.0/x", "to an impostor").await;
        assert_eq!(
            reply.refusal(),
            ("forward.peer_unreachable".into(), "provider".into()),
            "{what}: {}",
            reply.text()
        );
        let proven = country.a.prove(reply.exchange());
        assert!(
            !proven.contains("outcome unknown") && !proven.contains("outcome answered"),
            "{what}: {proven}"
        );
        impostor.abort();
        let _ = impostor.await;
    }
    country.b.start().await;
    country.acquainted().await;
    assert_eq!(country.reached("to an impostor"), 0);
    country.proved(country.a.post("/echo/1.0/x", "to b").await.exchange());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_is_revoked_while_connected_is_shut_out_within_the_stated_time_and_heard_again_after() {
    let country = Country::new().await;
    assert_eq!(country.a.post("/echo/1.0/x", "before").await.status, 200);
    country.hub.run(&["hub", "revoke", "a", "--reason", "test"]);
    let begun = Instant::now();
    let mut last: Option<Reply> = None;
    eventually("a is shut out", PATIENCE, async || {
        last = Some(country.a.post("/echo/1.0/x", "after").await);
        last.as_ref().is_some_and(|r| r.status != 200)
    })
    .await;
    // directory.refresh and hub.freshness_every are a second each here.
    assert!(begun.elapsed() < Duration::from_millis(4000), "{:?}", begun.elapsed());
    let before = country.reached("after");
    let reply = country.a.post("/echo/1.0/x", "after").await;
    country.refused(&reply, "forward.peer_unreachable", "provider");
    assert_eq!(country.reached("after"), before);
    // Its keys in other hands open nothing either, over a new connection or not.
    let refused =
        connect(&stolen::tls(&country.hub, node_identity(&country.a)), "b", country.b.at(8443)).await;
    assert!(refused.is_err());
    country.hub.run(&["hub", "reinstate", "a", "--reason", "test"]);
    country.acquainted().await;
    country.proved(country.a.post("/echo/1.0/x", "again").await.exchange());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agency_that_is_revoked_is_not_heard_any_more_while_its_node_is() {
    let country = Country::new().await;
    country.hub.run(&["hub", "revoke", "a", "--agency", "H01", "--reason", "test"]);
    let thief = Stolen::from(&country, &country.a).await;
    let wire = connect(&thief.tls, "b", country.b.at(8443)).await.expect("the node is a member");
    let mut code = String::new();
    eventually("b knows", Duration::from_secs(4), async || {
        let said = super::wire::say(&wire, &message(&thief, "H01", SignatureMode::Message, "x").await).await;
        code = said.code();
        said.status != 200
    })
    .await;
    assert!(["identify.peer_agency", "identify.peer_revoked"].contains(&code.as_str()), "{code}");
    let reply = country.a.post("/echo/1.0/x", "after").await;
    assert_ne!(reply.status, 200);
    assert_eq!(country.reached("after"), 0);
    country.a.prove(reply.exchange());
}
