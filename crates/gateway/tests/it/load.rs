//! Many calls at once: each gets its own answer, each is on record, and nothing stays behind.

use crate::client::{full, request, whole};
use crate::world::{World, eventually};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

const CONNECTIONS: usize = 100;
const CALLS: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_calls_over_a_hundred_connections_each_get_their_own_answer() {
    let w = std::sync::Arc::new(World::new().await);
    let before = w.entries();
    let callers: Vec<_> = (0..CONNECTIONS)
        .map(|c| {
            let w = w.clone();
            tokio::spawn(async move {
                let stream = TcpStream::connect(w.address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let (mut sender, connection) =
                    hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
                tokio::spawn(connection);
                let mut exchanges = Vec::new();
                for i in 0..CALLS {
                    let post = i % 2 == 0;
                    let (method, target) =
                        if post { ("POST", "/cong-dan/do/echo") } else { ("GET", "/cong-dan/look/echo") };
                    let text = if post { format!("{c}/{i}") } else { String::new() };
                    let r = request(method, target).body(full(text.clone())).unwrap();
                    let reply = whole(sender.send_request(r).await.unwrap()).await.unwrap();
                    assert_eq!((reply.status.as_u16(), reply.text()), (200, text));
                    exchanges.push(reply.exchange());
                }
                exchanges
            })
        })
        .collect();
    let mut all = std::collections::HashSet::new();
    for caller in callers {
        all.extend(caller.await.unwrap());
    }
    assert_eq!(all.len(), CONNECTIONS * CALLS, "no exchange id was given twice");
    let records = (CONNECTIONS * CALLS + CONNECTIONS * CALLS / 2) as u64;
    assert_eq!(w.entries() - before, records, "a record for each read, two for each write");
    eventually("nothing is open", || (w.gateway.in_flight() == 0).then_some(())).await;
}
