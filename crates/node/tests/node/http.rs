//! A small HTTP/1.1 client and an echoing provider, enough to see what a caller sees.

use crate::world::CLIENT_SECRET;
use parking_lot::Mutex;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<String> {
        header(&self.head, name)
    }
    pub fn exchange(&self) -> String {
        self.header("lgsp-exchange").unwrap()
    }
}

fn header(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|l| {
        let (n, v) = l.split_once(':')?;
        n.eq_ignore_ascii_case(name).then(|| v.trim().to_owned())
    })
}

/// One request on a connection of its own.
pub fn request(port: u16, head: &str, body: &str) -> std::io::Result<Answer> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    over(stream, head, body)
}

/// One request over a stream; reads to its end.
pub fn over(
    mut stream: impl std::io::Read + std::io::Write,
    head: &str,
    body: &str,
) -> std::io::Result<Answer> {
    write!(
        stream,
        "{head}\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    stream.flush()?;
    let mut all = Vec::new();
    match stream.read_to_end(&mut all) {
        // rustls tells of a TCP end without close_notify.
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {}
        other => drop(other?),
    }
    let text = String::from_utf8_lossy(&all).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status =
        head.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or(std::io::ErrorKind::InvalidData)?;
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

pub fn token(port: u16) -> String {
    let body = format!("grant_type=client_credentials&client_id=client&client_secret={CLIENT_SECRET}");
    let answer =
        request(port, "POST /token HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded", &body)
            .unwrap();
    let json: serde_json::Value =
        serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{}", answer.body));
    json["access_token"].as_str().unwrap_or_else(|| panic!("{}", answer.body)).to_owned()
}

pub fn call(port: u16, token: &str, path: &str) -> std::io::Result<Answer> {
    request(port, &format!("POST /echo/1.0{path} HTTP/1.1\r\nAuthorization: Bearer {token}"), "xin chao")
}

/// A provider that echoes bodies; a path that holds `slow` waits until it is let go.
pub struct Provider {
    pub address: SocketAddr,
    let_go: Arc<AtomicBool>,
    last_head: Arc<Mutex<String>>,
}

impl Provider {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let let_go = Arc::new(AtomicBool::new(false));
        let last_head = Arc::new(Mutex::new(String::new()));
        let (gate, kept) = (let_go.clone(), last_head.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (gate, kept) = (gate.clone(), kept.clone());
                std::thread::spawn(move || serve(stream, &gate, &kept));
            }
        });
        Self { address, let_go, last_head }
    }
    /// A header of the last request.
    pub fn header(&self, name: &str) -> Option<String> {
        header(&self.last_head.lock(), name)
    }
    pub fn let_go(&self) {
        self.let_go.store(true, Ordering::SeqCst);
    }
}

fn serve(stream: TcpStream, gate: &AtomicBool, kept: &Mutex<String>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut writer = stream;
    loop {
        let (mut first, mut length) = (String::new(), 0);
        reader.read_line(&mut first).ok().filter(|n| *n > 0)?;
        let mut head = String::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            head.push_str(&line);
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        *kept.lock() = head;
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        while first.contains("slow") && !gate.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
        write!(writer, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n")
            .ok()?;
        writer.write_all(&body).ok()?;
    }
}
