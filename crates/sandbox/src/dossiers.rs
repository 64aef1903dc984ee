//! A provincial one-stop system as other provinces ask it: the state of a dossier over REST, and a note added to one. All dossiers
//! are invented. Not here: the one-stop system's own calls.

use crate::server::{Answer, Read, Server, reply};
use http::{Method, StatusCode};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Dossiers that are there: `<province>-0001` and so on.
const DOSSIERS: u32 = 1_000;
/// Notes that are kept; with one more, the oldest goes.
const NOTES_MAX: usize = 1_000;
const STATES: [&str; 4] = ["Mới tiếp nhận", "Đang xử lý", "Chờ bổ sung", "Đã trả kết quả"];

#[derive(Debug, Default)]
struct Shared {
    prefix: String,
    asked: AtomicU64,
    notes: Mutex<Vec<(String, String)>>,
}

/// The system, running. Dropped without [`Dossiers::stop`], it stops at once.
pub struct Dossiers {
    /// Where it listens.
    pub addr: SocketAddr,
    shared: Arc<Shared>,
    server: Server,
}

impl Dossiers {
    /// Starts to listen; numbers of dossiers begin with `prefix`. Fails where the address cannot be taken.
    pub async fn start(addr: SocketAddr, prefix: &str) -> std::io::Result<Self> {
        let shared = Arc::new(Shared { prefix: prefix.into(), ..Shared::default() });
        let asked = shared.clone();
        let server = Server::start(addr, move |request| {
            let asked = asked.clone();
            async move { asked.answer(&request) }
        });
        let server = server.await?;
        Ok(Self { addr: server.addr, shared, server })
    }

    /// The number of a dossier; counts wrap around, so that any is good.
    pub fn number(&self, i: u32) -> String {
        format!("{}-{:04}", self.shared.prefix, i % DOSSIERS + 1)
    }

    /// Requests that have arrived so far, and notes that were taken.
    pub fn seen(&self) -> (u64, usize) {
        (self.shared.asked.load(Ordering::SeqCst), self.shared.notes.lock().len())
    }

    /// Stops listening, lets requests under way finish for a short while, then closes.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

impl Shared {
    fn answer(&self, request: &Read) -> Answer {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let path = request.uri().path();
        if path == "/health" {
            return reply(StatusCode::OK, "text/plain", "ok");
        }
        let mut segments = path.trim_start_matches('/').split('/');
        let (first, number, last) = (segments.next(), segments.next().unwrap_or_default(), segments.next());
        let Some(i) = self.index(number).filter(|_| first == Some("hoso")) else {
            return said(StatusCode::NOT_FOUND, &json!({ "error": "Không có hồ sơ này" }));
        };
        match (request.method(), last) {
            (&Method::GET, None) => said(StatusCode::OK, &self.dossier(number, i)),
            (&Method::POST, Some("ghichu")) => self.note(number, request.body()),
            _ => said(StatusCode::METHOD_NOT_ALLOWED, &json!({ "error": "Không hỗ trợ" })),
        }
    }

    fn index(&self, number: &str) -> Option<u32> {
        let digits = number.strip_prefix(self.prefix.as_str())?.strip_prefix('-')?;
        let i: u32 = digits.parse().ok().filter(|_| digits.len() == 4)?;
        (1..=DOSSIERS).contains(&i).then_some(i)
    }

    fn dossier(&self, number: &str, i: u32) -> Value {
        let notes = self.notes.lock().iter().filter(|(n, _)| n == number).count();
        json!({
            "soHoSo": number,
            "trangThai": STATES[i as usize % STATES.len()],
            "maThuTuc": "1.001193",
            "ngayTiepNhan": format!("2026-10-{:02}", i % 28 + 1),
            "soGhiChu": notes,
        })
    }

    fn note(&self, number: &str, body: &[u8]) -> Answer {
        let given: Value = serde_json::from_slice(body).unwrap_or_default();
        let Some(text) = given["noiDung"].as_str().filter(|t| !t.is_empty() && t.chars().count() <= 500)
        else {
            return said(StatusCode::BAD_REQUEST, &json!({ "error": "Thiếu noiDung" }));
        };
        let mut notes = self.notes.lock();
        if notes.len() == NOTES_MAX {
            notes.remove(0);
        }
        notes.push((number.to_owned(), text.to_owned()));
        said(StatusCode::OK, &json!({ "soHoSo": number, "daGhi": true }))
    }
}

fn said(status: StatusCode, what: &Value) -> Answer {
    reply(status, "application/json; charset=utf-8", what.to_string())
}
