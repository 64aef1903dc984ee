//! A hub and two provinces, each a process with an address of its own, made by the commands that operators type. Province A's system calls
//! a service of province B: straight, through the hub, and with each message signed by itself.

use super::member::{KEY, Member, PATIENCE, Reply, eventually};
use crate::provider::{self, Seen};
use lgsp_kernel::ExchangeId;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// A network of the loopback interface that no other test has, as long as this lives.
pub struct Net {
    prefix: [u8; 3],
    _held: TcpListener,
}

impl Net {
    pub fn new() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        loop {
            let n = std::process::id()
                .wrapping_mul(7)
                .wrapping_add(u32::from(NEXT.fetch_add(1, Ordering::SeqCst)));
            let prefix = [127, 1 + (n >> 8 & 0x7f) as u8, n as u8];
            let held = TcpListener::bind((Ipv4Addr::new(prefix[0], prefix[1], prefix[2], 1), 7));
            if let Ok(held) = held {
                return Self { prefix, _held: held };
            }
        }
    }
    pub fn host(&self, n: u8) -> IpAddr {
        let [a, b, c] = self.prefix;
        IpAddr::from([a, b, c, n])
    }
}

/// The country.
pub struct Country {
    pub net: Net,
    pub hub: Member,
    pub a: Member,
    pub b: Member,
    /// What B's provider has seen.
    pub seen: Seen,
    pub provider: SocketAddr,
    /// What members pin.
    pub root: String,
}

impl Country {
    /// All three run and know each other.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// The same, with something set before anything is made.
    pub async fn with(prepare: impl FnOnce(&Self)) -> Self {
        let country = Self::begun(prepare).await;
        country.admit(&[&country.a, &country.b]);
        country.register();
        country.a.start().await;
        country.b.start().await;
        country.acquainted().await;
        country
    }

    /// A hub that runs; the provinces have their folders only.
    pub async fn begun(prepare: impl FnOnce(&Self)) -> Self {
        let net = Net::new();
        let (provider, seen) = provider::start().await;
        let hub = Member::new("hub", "G01", net.host(2));
        let (a, b) = (Member::new("a", "H01", net.host(3)), Member::new("b", "H02", net.host(4)));
        hub.set("LGSP__PEER__RELAY", "true");
        let mut country = Self { net, hub, a, b, seen, provider, root: String::new() };
        prepare(&country);
        country.root = begin(&country.hub);
        country.hub.start().await;
        country
    }

    /// Joins members that have only a folder: all ask, the hub approves each, all fetch their certificates.
    pub fn admit(&self, members: &[&Member]) {
        self.admit_at(members, &self.hub.public_url());
    }

    /// The same, where the hub is reached at another address.
    pub fn admit_at(&self, members: &[&Member], hub: &str) {
        for member in members {
            let agency = format!("{}=Agency of {}", member.agency, member.name);
            member.run(&["node", "join", hub, "--root-sha256", &self.root, "--agency", &agency, "--no-wait"]);
        }
        for member in members {
            self.hub.run(&["hub", "approve", &member.name]);
        }
        for member in members {
            let said = member.run(&["node", "join"]);
            assert!(said.contains("member of"), "{said}");
        }
    }

    /// Declares what each province offers and asks.
    pub fn register(&self) {
        self.a.write("registry.yaml", &consumer("b"));
        self.a.run(&["apply", "-f", "registry.yaml", "--reason", "test"]);
        self.b.write("registry.yaml", &offers(self.provider, "a"));
        self.b.run(&["apply", "-f", "registry.yaml", "--reason", "test"]);
    }

    /// Waits until a call passes.
    pub async fn acquainted(&self) {
        let mut last = None;
        let known = tokio::time::timeout(PATIENCE, async {
            loop {
                let reply = self.a.get("/echo/1.0/hello").await;
                if reply.status == 200 {
                    return;
                }
                last = Some(reply);
                tokio::time::sleep(std::time::Duration::from_millis(30)).await;
            }
        });
        assert!(known.await.is_ok(), "{last:?}\n{}\n{}", self.a.said(), self.b.said());
    }

    /// Waits until all of them see this of the directory.
    pub async fn all_see(&self, what: &str, so: impl Fn(&serde_json::Value) -> bool) {
        for member in [&self.hub, &self.a, &self.b] {
            eventually(&format!("{} sees {what}", member.name), PATIENCE, async || {
                serde_json::from_str(&member.run(&["directory", "show", "--json"]))
                    .is_ok_and(|shown| so(&shown))
            })
            .await;
        }
    }

    /// A call of A's system with this text.
    pub async fn post_text(&self, path: &str, text: &str) -> Reply {
        let headers = [("apikey", KEY), ("content-type", "text/plain")];
        self.a.ask(http::Method::POST, path, &headers, text.to_owned()).await.expect("a answers")
    }

    /// Requests that B's provider was sent with this body.
    pub fn reached(&self, body: &str) -> usize {
        self.seen.lock().requests.iter().filter(|(_, b)| b == body).count()
    }

    /// An exchange that succeeded: both logs prove that both ends stated and received, and are sound.
    pub fn proved(&self, exchange: ExchangeId) {
        for (member, other) in [(&self.a, &self.b), (&self.b, &self.a)] {
            let proven = member.prove(exchange);
            assert!(
                proven.contains(&exchange.to_string()) && proven.contains("outcome answered"),
                "{proven}"
            );
            assert!(proven.contains("stated by this node to a peer"), "{proven}");
            let theirs = format!("stated by {} for {}", other.name, other.agency);
            assert!(proven.contains(&theirs), "{theirs}: {proven}");
            member.verify();
        }
    }

    /// An exchange that a refusal ended before anything was forwarded at B: the consumer was told so, A's log proves what it asked and how
    /// that ended, B's log has nothing that looks like an exchange that took place.
    pub fn refused(&self, reply: &Reply, code: &str, blame: &str) {
        assert_eq!(reply.refusal(), (code.to_owned(), blame.to_owned()), "{}", reply.text());
        let proven = self.a.prove(reply.exchange());
        assert!(!proven.contains("outcome answered"), "{proven}");
        let answered =
            |r: &lgsp_kernel::record::ExchangeRecord| r.outcome == lgsp_kernel::record::Outcome::Answered;
        assert!(!self.b.records(reply.exchange()).iter().any(answered));
        self.a.verify();
        self.b.verify();
    }
}

/// Makes a node a hub; the root that others pin.
pub fn begin(hub: &Member) -> String {
    let agency = format!("{}=Agency of the hub", hub.agency);
    let said = hub.run(&["hub", "init", "--agency", &agency, "--kind", "national"]);
    let root = said.split("--root-sha256 ").nth(1).and_then(|rest| rest.split_whitespace().next());
    root.unwrap_or_else(|| panic!("no root: {said}")).to_owned()
}

/// What B offers, to the system `asker` of another node.
pub fn offers(provider: SocketAddr, consumer: &str) -> String {
    format!(
        r#"agencies:
  - {{ code: H01, name: Agency of {consumer}, kind: province }}
  - {{ code: H02, name: Agency of b, kind: province }}
systems:
  - {{ id: asker-there, agency: H01, name: Asker, remote: {{ node: {consumer}, system: asker }} }}
  - {{ id: echo-system, agency: H02, name: Echo }}
services:
  - id: echo
    system: echo-system
    title: Echo
    protocol: rest
    listed: true
    versions:
      - version: "1.0"
        lifecycle: published
        pass_context: true
        upstream: {{ total_timeout_ms: 4000 }}
        targets: [{{ url: "http://{provider}" }}]
        operations: [{OPERATIONS}]
grants:
  - {{ id: there-echo, consumer: asker-there, service: echo, operations: ["*"], purpose: test, legal_basis: none }}
"#
    )
}

const OPERATIONS: &str =
    r#"{ name: get, method: GET, path: "/{rest*}" }, { name: post, method: POST, path: "/{rest*}" }"#;

/// What A's system may ask of B: straight, by way of the hub, and signed one by one.
pub fn consumer(provider: &str) -> String {
    let ways = [("echo", ""), ("relayed", ", via: hub"), ("signed", ", mode: message")];
    let mut services = String::new();
    let mut grants = String::new();
    for (id, way) in ways {
        services.push_str(&format!(
            r#"  - id: {id}
    system: echo-there
    title: Echo of B
    protocol: rest
    versions:
      - version: "1.0"
        lifecycle: published
        upstream: {{ total_timeout_ms: 5000 }}
        routes: [{{ kind: peer, node: {provider}, service: echo{way} }}]
        operations: [{OPERATIONS}]
"#
        ));
        grants.push_str(&format!(
            "  - {{ id: asker-{id}, consumer: asker, service: {id}, operations: [\"*\"], purpose: test, legal_basis: none }}\n"
        ));
    }
    format!(
        r#"agencies:
  - {{ code: H01, name: Agency of a, kind: province }}
  - {{ code: H02, name: Agency of b, kind: province }}
systems:
  - {{ id: asker, agency: H01, name: Asker }}
  - {{ id: echo-there, agency: H02, name: Echo of B }}
credentials:
  - {{ id: asker-key, system: asker, kind: api_key, secret: {{ value: {KEY} }} }}
services:
{services}grants:
{grants}"#
    )
}
