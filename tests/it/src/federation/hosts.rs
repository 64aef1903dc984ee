//! Nodes on hosts of their own: network namespaces with an address each, joined by a bridge whose links can be cut. Needs root and `ip`.

use super::country::{Country, begin, consumer, offers};
use super::member::{Member, PATIENCE, eventually};
use crate::provider;
use std::net::{IpAddr, SocketAddr};
use std::process::Command;

/// A bridge and the namespaces on it; gone with this.
struct Hosts {
    tag: String,
    names: Vec<String>,
}

fn ip(arguments: &str) -> Result<(), String> {
    let out = Command::new("ip").args(arguments.split(' ')).output().map_err(|e| e.to_string())?;
    if out.status.success() {
        Ok(())
    } else {
        Err(format!("ip {arguments}: {}", String::from_utf8_lossy(&out.stderr)))
    }
}

impl Hosts {
    /// A bridge with this host at `.1`; none where that is not allowed, and said so.
    fn new() -> Option<(Self, [u8; 3])> {
        let n = std::process::id();
        let (tag, prefix) = (format!("lg{}", n % 100_000), [10, 64 + (n >> 8 & 0x3f) as u8, n as u8]);
        let [a, b, c] = prefix;
        let hosts = Self { tag: tag.clone(), names: Vec::new() };
        let made = ip(&format!("link add br{tag} type bridge"))
            .and_then(|()| ip(&format!("addr add {a}.{b}.{c}.1/24 dev br{tag}")))
            .and_then(|()| ip(&format!("link set br{tag} up")))
            .and_then(|()| ip(&format!("netns add {tag}probe")))
            .and_then(|()| ip(&format!("netns del {tag}probe")));
        if let Err(why) = made {
            assert!(std::env::var("CI").is_err(), "network namespaces: {why}");
            eprintln!(
                "LEFT OUT: nodes on hosts of their own. Network namespaces need root and iproute2: {why}"
            );
            return None;
        }
        Some((hosts, prefix))
    }

    /// One more host.
    fn host(&mut self, name: &str, address: IpAddr) -> String {
        let (tag, space) = (self.tag.clone(), format!("{}{name}", self.tag));
        self.names.push(space.clone());
        for command in [
            format!("netns add {space}"),
            format!("link add {tag}{name} type veth peer name eth0 netns {space}"),
            format!("link set {tag}{name} master br{tag} up"),
            format!("-n {space} addr add {address}/24 dev eth0"),
            format!("-n {space} link set eth0 up"),
            format!("-n {space} link set lo up"),
        ] {
            ip(&command).expect("a host");
        }
        space
    }

    /// Cuts a host's link, or mends it.
    fn link(&self, name: &str, up: bool) {
        ip(&format!("link set {}{name} {}", self.tag, if up { "up" } else { "down" })).expect("a link");
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = ip(&format!("netns del {name}"));
        }
        let _ = ip(&format!("link del br{}", self.tag));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hosts_that_are_cut_off_from_each_other_and_joined_again_lose_no_proof() {
    let Some((mut hosts, [a, b, c])) = Hosts::new() else { return };
    let at = |n| IpAddr::from([a, b, c, n]);
    let (_, seen) = provider::start().await;
    let provider = provider::start_at(SocketAddr::new(at(1), 0), seen.clone()).await;
    let mut member = |name: &str, agency: &str, n| {
        let space = hosts.host(name, at(n));
        let mut member = Member::new(name, agency, at(n));
        member.namespace = Some(space);
        member
    };
    let (hub, first, second) = (member("hub", "G01", 2), member("a", "H01", 3), member("b", "H02", 4));
    let root = begin(&hub);
    hub.start().await;
    let country = Country { net: super::country::Net::new(), hub, a: first, b: second, seen, provider, root };
    country.admit(&[&country.a, &country.b]);
    country.a.write("registry.yaml", &consumer("b"));
    country.b.write("registry.yaml", &offers(provider, "a"));
    for member in [&country.a, &country.b] {
        member.run(&["apply", "-f", "registry.yaml", "--reason", "test"]);
        member.start().await;
    }
    country.acquainted().await;
    country.proved(country.a.post("/echo/1.0/x", "joined").await.exchange());
    // The cable is pulled while a call is under way: the provider has acted, nobody can say so.
    let pulling = async {
        eventually("the provider has it", PATIENCE, async || country.reached("cut") == 1).await;
        hosts.link("b", false);
    };
    let (reply, ()) = tokio::join!(country.a.post("/echo/1.0/slow", "cut"), pulling);
    assert_eq!(reply.refusal(), ("forward.timeout".into(), "provider".into()), "{}", reply.text());
    assert!(country.a.prove(reply.exchange()).contains("outcome unknown"));
    hosts.link("b", true);
    country.acquainted().await;
    country.proved(country.a.post("/echo/1.0/x", "mended").await.exchange());
    assert_eq!(country.reached("cut"), 1);
    for member in [&country.hub, &country.a, &country.b] {
        member.verify();
    }
}
