//! Nodes whose clocks are off. The clock is moved by libfaketime, which Debian's package `faketime` brings.

use super::country::Country;
use std::path::Path;

/// Whether clocks can be moved; says so where not.
pub fn available() -> bool {
    let found = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"]
        .iter()
        .any(|d| Path::new(d).join("faketime/libfaketimeMT.so.1").is_file());
    if !found {
        assert!(std::env::var("CI").is_err(), "libfaketime is not installed: apt-get install faketime");
        eprintln!("LEFT OUT: clocks that are off. libfaketime is not installed: apt-get install faketime");
    }
    found
}

/// A country in which A's clock is off by this from now on.
async fn off(seconds: i64) -> Country {
    let country = Country::new().await;
    country.a.kill();
    country.a.clock_off(seconds);
    country.b.set("LGSP__LISTEN__METRICS", country.b.at(8083).to_string());
    country.a.set("LGSP__LISTEN__METRICS", country.a.at(8083).to_string());
    country.b.restart().await;
    country.a.start().await;
    country
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_clock_is_off_by_ten_minutes_is_refused_and_told_by_how_much() {
    if !available() {
        return;
    }
    for seconds in [600i64, -600] {
        let country = off(seconds).await;
        let reply = country.a.post("/echo/1.0/x", "another time").await;
        country.refused(&reply, "forward.peer_unreachable", "provider");
        let detail = reply.detail();
        let told = detail.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse::<i64>().ok());
        assert!(detail.contains("identify.peer_clock"), "{detail}");
        assert!(told.into_iter().any(|n| (595..=605).contains(&n)), "{detail}");
        assert_eq!(country.reached("another time"), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_clock_is_off_by_two_minutes_is_served_and_both_sides_report_it() {
    if !available() {
        return;
    }
    let country = off(120).await;
    for path in ["/echo/1.0/x", "/signed/1.0/x"] {
        let reply = country.a.post(path, "two minutes").await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        country.proved(reply.exchange());
    }
    for (member, other, least, most) in [(&country.b, "a", -125.0, -115.0), (&country.a, "b", -125.0, 125.0)]
    {
        let text = metrics(member).await;
        let line =
            text.lines().find(|l| l.starts_with("lgsp_peer_clock_difference_seconds") && l.contains(other));
        let value: f64 =
            line.and_then(|l| l.rsplit(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("{text}"));
        assert!((least..=most).contains(&value) && value.abs() > 110.0, "{}: {value}", member.name);
    }
}

async fn metrics(member: &super::member::Member) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(member.at(8083)).await.expect("it listens");
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .expect("written");
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("read");
    text
}
