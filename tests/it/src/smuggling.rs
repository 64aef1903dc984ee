//! Request smuggling: the same bytes to our front door, to nginx and to haproxy, each before the same provider. We must never make two
//! requests of what a stricter reader takes for one, and never accept what both of them refuse.

use crate::node::{API_KEY, Node, free_port};
use crate::provider::{self, Requests};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What follows an ambiguous body: if it ever reaches a provider, a request was smuggled.
const SMUGGLED: &str = "GET /echo/1.0/smuggled HTTP/1.1\r\nHost: x\r\n\r\n";

struct Case {
    name: &'static str,
    /// Header lines after Host and apikey, and the body. `{S}` stands for [`SMUGGLED`].
    rest: &'static str,
    /// Whether a careful server may carry it.
    may_pass: bool,
}

const CASES: &[Case] = &[
    Case { name: "plain", rest: "Content-Length: 5\r\n\r\nhello", may_pass: true },
    Case {
        name: "chunked",
        rest: "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        may_pass: true,
    },
    Case {
        name: "CL then TE",
        rest: "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{S}",
        may_pass: false,
    },
    Case {
        name: "TE then CL",
        rest: "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5\r\nhello\r\n0\r\n\r\n{S}",
        may_pass: false,
    },
    Case {
        name: "two lengths",
        rest: "Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello{S}",
        may_pass: false,
    },
    Case { name: "a list of lengths", rest: "Content-Length: 5, 0\r\n\r\nhello{S}", may_pass: false },
    Case { name: "signed length", rest: "Content-Length: +5\r\n\r\nhello{S}", may_pass: false },
    Case { name: "length in hexadecimal", rest: "Content-Length: 0x5\r\n\r\nhello{S}", may_pass: false },
    Case {
        name: "length beyond 64 bits",
        rest: "Content-Length: 99999999999999999999999\r\n\r\nhello",
        may_pass: false,
    },
    Case { name: "negative length", rest: "Content-Length: -5\r\n\r\nhello{S}", may_pass: false },
    Case { name: "unknown coding", rest: "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{S}", may_pass: false },
    Case {
        name: "coding not last",
        rest: "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{S}",
        may_pass: false,
    },
    Case {
        name: "coding twice",
        rest: "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n{S}",
        may_pass: false,
    },
    Case {
        name: "space before the colon",
        rest: "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\nhello{S}",
        may_pass: false,
    },
    Case {
        name: "folded coding",
        rest: "Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n\r\nhello{S}",
        may_pass: false,
    },
    Case {
        name: "vertical tab in coding",
        rest: "Transfer-Encoding: \u{b}chunked\r\n\r\n0\r\n\r\n{S}",
        may_pass: false,
    },
    Case {
        name: "chunk size with prefix",
        rest: "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n{S}",
        may_pass: false,
    },
    Case {
        name: "chunk size signed",
        rest: "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n{S}",
        may_pass: false,
    },
    Case {
        name: "chunk size beyond 64 bits",
        rest: "Transfer-Encoding: chunked\r\n\r\n1ffffffffffffffff5\r\nhello\r\n0\r\n\r\n{S}",
        may_pass: false,
    },
    Case {
        name: "chunk longer than its size",
        rest: "Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n{S}",
        may_pass: false,
    },
    Case { name: "two hosts", rest: "Host: y\r\nContent-Length: 5\r\n\r\nhello", may_pass: false },
    Case { name: "null in a header", rest: "X-A: a\0b\r\nContent-Length: 5\r\n\r\nhello", may_pass: false },
    Case {
        name: "carriage return in a header",
        rest: "X-A: a\rTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello{S}",
        may_pass: false,
    },
    Case {
        name: "header name with a bad character",
        rest: "X@[A: b\r\nContent-Length: 5\r\n\r\nhello",
        may_pass: false,
    },
];

/// What one server made of the bytes.
struct Reading {
    status: u16,
    requests: Requests,
}

async fn read_by(server: SocketAddr, case: &Case, seen: &provider::Seen) -> Reading {
    seen.lock().requests.clear();
    let rest = case.rest.replace("{S}", SMUGGLED);
    let bytes = format!("POST /echo/1.0/case HTTP/1.1\r\nHost: x\r\napikey: {API_KEY}\r\n{rest}");
    let mut stream = TcpStream::connect(server).await.expect("the server listens");
    stream.write_all(bytes.as_bytes()).await.expect("written");
    let mut answer = Vec::new();
    let mut buffer = [0u8; 16 << 10];
    // A server that waits for more, or keeps the connection, is given a moment; what counts is what the provider saw.
    while let Ok(Ok(n)) = tokio::time::timeout(Duration::from_millis(400), stream.read(&mut buffer)).await {
        if n == 0 {
            break;
        }
        answer.extend_from_slice(&buffer[..n]);
    }
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split_whitespace().nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    Reading { status, requests: seen.lock().requests.clone() }
}

/// A peer from Debian's packages; nothing where it is not installed and nothing must be left out.
fn peer(program: &str, configuration: &Path) -> Option<Running> {
    let path = ["/usr/sbin", "/usr/bin"].iter().map(|d| Path::new(d).join(program)).find(|p| p.is_file());
    let Some(path) = path else {
        assert!(std::env::var("CI").is_err(), "{program} is not installed");
        eprintln!("left out: comparing with {program}, which is not installed");
        return None;
    };
    let mut command = Command::new(path);
    if program == "nginx" {
        command.arg("-p").arg(configuration.parent()?).arg("-c").arg(configuration);
    } else {
        command.arg("-f").arg(configuration);
    }
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok().map(Running)
}

struct Running(Child);
impl Drop for Running {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

async fn listening(port: u16) -> SocketAddr {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    for _ in 0..500 {
        if TcpStream::connect(address).await.is_ok() {
            return address;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing listens on {address}")
}

fn nginx_configuration(folder: &Path, port: u16, provider: SocketAddr) -> String {
    let f = folder.display();
    format!(
        "daemon off; worker_processes 1; pid {f}/nginx.pid; error_log {f}/nginx.log; events {{ worker_connections 64; }}\n\
         http {{ access_log off; client_body_temp_path {f}/t; proxy_temp_path {f}/t; fastcgi_temp_path {f}/t; uwsgi_temp_path {f}/t; scgi_temp_path {f}/t;\n\
         server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://{provider}; proxy_http_version 1.1; }} }} }}\n"
    )
}

fn haproxy_configuration(port: u16, provider: SocketAddr) -> String {
    format!(
        "defaults\n  mode http\n  timeout connect 2s\n  timeout client 2s\n  timeout server 2s\n\
         frontend f\n  bind 127.0.0.1:{port}\n  default_backend b\nbackend b\n  server s {provider}\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ambiguous_requests_are_read_no_more_leniently_than_nginx_and_haproxy_do() {
    let (provider, seen) = provider::start().await;
    let node = Node::set_up(provider);
    node.start(&[]).await;
    let ours = SocketAddr::from(([127, 0, 0, 1], node.port));
    let folder = tempfile::tempdir().expect("a folder");
    let mut peers = Vec::new();
    for program in ["nginx", "haproxy"] {
        let port = free_port();
        let file = folder.path().join(format!("{program}.conf"));
        let text = match program {
            "nginx" => nginx_configuration(folder.path(), port, provider),
            _ => haproxy_configuration(port, provider),
        };
        std::fs::write(&file, text).expect("written");
        if let Some(running) = peer(program, &file) {
            peers.push((listening(port).await, running));
        }
    }
    let mut wrong = Vec::new();
    for case in CASES {
        let reading = read_by(ours, case, &seen).await;
        let smuggled = reading.requests.iter().any(|(path, _)| path.contains("smuggled"));
        let passed = (200..300).contains(&reading.status);
        if smuggled || reading.requests.len() > 1 {
            wrong.push(format!("{}: smuggled: {:?}", case.name, reading.requests));
        }
        if passed && !case.may_pass {
            wrong.push(format!("{}: accepted with {}", case.name, reading.status));
        }
        if case.may_pass && !(passed && reading.requests == [("/case".to_owned(), "hello".to_owned())]) {
            wrong.push(format!("{}: refused with {}: {:?}", case.name, reading.status, reading.requests));
        }
        let mut refused_by_all = !peers.is_empty();
        for (address, _) in &peers {
            let theirs = read_by(*address, case, &seen).await;
            refused_by_all &= !(200..300).contains(&theirs.status);
        }
        if passed && refused_by_all {
            wrong.push(format!("{}: accepted what both peers refuse", case.name));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
