//! Messages that are altered, repeated, exchanged, dropped or held back on their way, by somebody with the keys of both nodes' TLS.

use super::country::Country;
use super::member::{PATIENCE, eventually};
use super::middle::{Deed, Middle};
use super::stolen::{Stolen, agency, agency_identity, authority, new_key};
use super::wire::{connect, exchange_of, message, say};
use http::{HeaderValue, Method};
use lgsp_kernel::model::SignatureMode;
use lgsp_kernel::record::Outcome;
use lgsp_trust::{Authority, Term, csr_for_agency};
use std::time::{Duration, Instant};

/// A deed, what it is answered with, who is blamed, what the consumer's log says of the outcome, how often the provider was called.
type Case = (Deed, &'static str, &'static str, Outcome, usize);

const CASES: &[Case] = &[
    // B says in its own name that it did not take the message.
    // The consumer is not to blame for what became of its message between the nodes.
    (Deed::RequestBody, "forward.peer_unreachable", "provider", Outcome::Failed, 0),
    // B cannot know whose message that was: its status says that it was not taken.
    (
        Deed::RequestField("content-type", "text/evil"),
        "forward.peer_unreachable",
        "provider",
        Outcome::Failed,
        0,
    ),
    (
        Deed::RequestField("lgsp-from", "a/H02/asker"),
        "forward.peer_unreachable",
        "provider",
        Outcome::Failed,
        0,
    ),
    (Deed::AnswerBody, "verify.peer_signature", "provider", Outcome::Unknown, 1),
    (
        Deed::AnswerField("content-type", "text/evil"),
        "verify.peer_signature",
        "provider",
        Outcome::Unknown,
        1,
    ),
    (Deed::AnswerField("lgsp-from", "b/H01"), "verify.peer_signature", "provider", Outcome::Unknown, 1),
    (Deed::AnswerStatus(201), "verify.peer_signature", "provider", Outcome::Unknown, 1),
    (Deed::AnswerOfBefore, "verify.peer_signature", "provider", Outcome::Unknown, 1),
    (Deed::DropAnswer, "forward.broke_off", "provider", Outcome::Unknown, 1),
    (Deed::Stall, "forward.timeout", "provider", Outcome::Unknown, 0),
    // The first was taken; of the second B says only that it is a repetition.
    (Deed::Twice, "verify.peer_signature", "provider", Outcome::Unknown, 1),
    (Deed::RequestOfBefore, "verify.peer_signature", "provider", Outcome::Unknown, 0),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_altered_repeated_exchanged_dropped_or_held_back_on_its_way_is_never_believed() {
    let (country, middle) = Middle::between().await;
    let mut wrong = Vec::new();
    for path in ["/echo/1.0/x", "/signed/1.0/x"] {
        for (i, (deed, code, blame, outcome, reached)) in CASES.iter().enumerate() {
            middle.does(Deed::Nothing);
            let good = country.post_text(path, &format!("good {path} {i}")).await;
            assert_eq!(good.status, 200, "before {deed:?}: {}", good.text());
            middle.does(*deed);
            let body = format!("bad {path} {i}");
            let reply = country.post_text(path, &body).await;
            let last = country.a.records(reply.exchange()).last().map(|r| r.outcome);
            let found = (reply.refusal(), last, country.reached(&body));
            if found != (((*code).into(), (*blame).into()), Some(*outcome), *reached) {
                wrong.push(format!("{path} {deed:?}: {found:?}: {}", reply.detail()));
            }
            // What the consumer's node knows of it can be proved, and is not an answer; B proves what it did.
            let ours = country.a.prove(reply.exchange());
            assert!(!ours.contains("outcome answered"), "{deed:?}: {ours}");
            if *reached == 1 {
                let theirs = country.b.prove(reply.exchange());
                assert!(
                    theirs.contains("outcome answered") && theirs.contains("stated by a for H01"),
                    "{theirs}"
                );
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    // What nobody stated is not read, and harms nothing.
    middle.does(Deed::AnswerField("x-smuggled", "1"));
    let reply = country.post_text("/echo/1.0/x", "uncovered").await;
    assert_eq!((reply.status, reply.header("x-smuggled")), (200, ""));
    middle.does(Deed::Nothing);
    country.proved(country.post_text("/echo/1.0/x", "at last").await.exchange());
}

/// A's keys in other hands; A itself does not run.
async fn thief() -> (Country, Stolen) {
    let country = Country::begun(|_| {}).await;
    country.admit(&[&country.b, &country.a]);
    country.register();
    country.b.start().await;
    let stolen = Stolen::from(&country, &country.a).await;
    eventually("b knows a", PATIENCE, async || connect(&stolen.tls, "b", country.b.at(8443)).await.is_ok())
        .await;
    (country, stolen)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_lies_repeats_itself_or_alters_its_own_message_reaches_no_provider() {
    let (country, thief) = thief().await;
    let wire = connect(&thief.tls, "b", country.b.at(8443)).await.expect("a member");
    for mode in [SignatureMode::Group, SignatureMode::Message] {
        // In any order, each once.
        let (first, second) =
            (message(&thief, "H01", mode, "first").await, message(&thief, "H01", mode, "second").await);
        for good in [&second, &first] {
            let reply = say(&wire, good).await;
            assert_eq!(reply.status, 200, "{}", reply.text());
            assert_eq!(reply.exchange(), exchange_of(good));
            let again = say(&wire, good).await;
            assert_eq!(
                (again.status, again.code().as_str()),
                (409, "identify.peer_replay"),
                "{}",
                again.text()
            );
            assert!(country.b.prove(exchange_of(good)).contains("stated by a for H01"));
        }
        // One byte of what it stands by, or of the body.
        for field in ["lgsp-from", "lgsp-to", "lgsp-exchange", "content-digest", "signature-input"] {
            let mut altered = message(&thief, "H01", mode, "altered").await;
            let mut value = altered.headers()[field].as_bytes().to_vec();
            let at = value.len() - 3;
            value[at] = if value[at] == b'b' { b'a' } else { b'b' };
            altered.headers_mut().insert(field, HeaderValue::from_bytes(&value).expect("a value"));
            let reply = say(&wire, &altered).await;
            assert!((400..500).contains(&reply.status), "{field}: {} {}", reply.status, reply.text());
            assert_eq!(reply.refusal().1, "caller");
        }
        let mut altered = message(&thief, "H01", mode, "altered").await;
        *altered.body_mut() = http_body_util::Full::from("bltered");
        assert_eq!(say(&wire, &altered).await.code(), "validate.peer_digest");
    }
    assert_eq!((country.reached("first"), country.reached("second")), (2, 2));
    assert_eq!((country.reached("altered"), country.reached("bltered")), (0, 0));
    country.b.verify();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_lies_about_its_agency_is_refused_whatever_certificate_it_shows() {
    let (country, thief) = thief().await;
    let wire = connect(&thief.tls, "b", country.b.at(8443)).await.expect("a member");
    let (own, foreign) = (agency_identity(&country.a), agency_identity(&country.b));
    let self_made = self_made("H02");
    let late = {
        let key = new_key();
        let now = lgsp_kernel::Clock::System.now();
        let csr = csr_for_agency(&*key, &agency("H01")).expect("a request");
        // Revoked below, not expired: a delegation cannot outlast its certificate.
        let issued =
            authority(&country.hub).issue_agency(&csr, &agency("H01"), Term::days(now, 1)).expect("issued");
        (key, issued.der)
    };
    let digest = hex::encode(lgsp_trust::sha256(&late.1));
    country.hub.run(&["hub", "revoke", "--certificate", &digest, "--reason", "test"]);
    let lies = [
        ("another's name with its own certificate", "H02", own, "identify.peer_agency"),
        ("another's certificate, really issued, stolen", "H02", foreign, "identify.peer_agency"),
        ("another's certificate, made by itself", "H02", self_made, "identify.peer_agency"),
        (
            "the certificate of its node",
            "H01",
            super::stolen::node_identity(&country.a),
            "identify.peer_agency",
        ),
        ("a certificate that is revoked", "H01", late, "identify.peer_revoked"),
    ];
    // The revocation arrives within the stated time.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    for (what, code, identity, refused) in lies {
        thief.speak_for(&agency(code), identity);
        for mode in [SignatureMode::Group, SignatureMode::Message] {
            let lie = message(&thief, code, mode, "a lie").await;
            let reply = say(&wire, &lie).await;
            assert_eq!(
                reply.refusal(),
                (refused.to_owned(), "caller".to_owned()),
                "{what}: {}",
                reply.text()
            );
            assert!(country.b.entries(exchange_of(&lie)).is_empty(), "{what}");
        }
    }
    assert_eq!(country.reached("a lie"), 0);
    country.b.verify();
}

/// A key and a certificate of an authority that nobody knows.
pub fn self_made(code: &str) -> (std::sync::Arc<dyn lgsp_trust::Signer>, Vec<u8>) {
    let (key, now) = (new_key(), lgsp_kernel::Clock::System.now());
    let own = Authority::create(new_key(), &super::stolen::name("hub"), now).expect("an authority");
    let csr = csr_for_agency(&*key, &agency(code)).expect("a request");
    let issued = own.issue_agency(&csr, &agency(code), Term::usual(now)).expect("issued");
    (key, issued.der)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repetition_is_recognized_by_a_node_that_was_killed_in_between() {
    let (country, thief) = thief().await;
    let wire = connect(&thief.tls, "b", country.b.at(8443)).await.expect("a member");
    let good = message(&thief, "H01", SignatureMode::Group, "once").await;
    assert_eq!(say(&wire, &good).await.status, 200);
    country.b.restart().await;
    let wire = connect(&thief.tls, "b", country.b.at(8443)).await.expect("a member");
    let again = say(&wire, &good).await;
    assert!(
        ["identify.peer_replay", "identify.peer_restarted"].contains(&again.code().as_str()),
        "{}",
        again.text()
    );
    assert_eq!(country.reached("once"), 1);
    country.b.prove(exchange_of(&good));
    country.b.verify();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_floods_does_not_keep_others_from_being_served() {
    let country = Country::new().await;
    // The hub's keys in other hands: a member, though not one with a grant.
    let thief = Stolen::from(&country, &country.hub).await;
    let one = message(&thief, "G01", SignatureMode::Message, "flood").await;
    let flooding = tokio::spawn(async move {
        let mut streams = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (tls, at, one) = (thief.tls.clone(), country_b(&country), clone(&one));
            streams.spawn(async move {
                let wire = connect(&tls, "b", at).await?;
                let mut calls = tokio::task::JoinSet::new();
                for _ in 0..400 {
                    let (mut wire, mut one) = (wire.clone(), clone(&one));
                    // Each fails its check, at the cost of a signature.
                    let id = format!("ex_{:032x}", std::time::UNIX_EPOCH.elapsed().expect("now").as_nanos());
                    one.headers_mut().insert("lgsp-exchange", id.parse().expect("a value"));
                    calls.spawn(async move { wire.send_request(one).await.map(drop) });
                }
                while calls.join_next().await.is_some() {}
                Ok::<(), String>(())
            });
        }
        (country, streams)
    });
    let (country, mut streams) = flooding.await.expect("begun");
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        let begun = Instant::now();
        let reply = country.a.call(Method::POST, "/echo/1.0/x", "meanwhile").await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        slowest = slowest.max(begun.elapsed());
    }
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");
    while streams.join_next().await.is_some() {}
    let reply = country.a.call(Method::POST, "/echo/1.0/x", "afterwards").await;
    country.proved(reply.exchange());
    assert_eq!(country.reached("flood"), 0);
}

fn country_b(country: &Country) -> std::net::SocketAddr {
    country.b.at(8443)
}
fn clone(message: &super::wire::Message) -> super::wire::Message {
    super::wire::again(message)
}
