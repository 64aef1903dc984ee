//! Messages between nodes by hand: over connections of one's own, with bytes of one's own.

use super::member::Reply;
use super::stolen::{Stolen, agency, name};
use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lgsp_kernel::model::SignatureMode;
use lgsp_kernel::record::Stated;
use lgsp_kernel::{Clock, ExchangeId, ServiceId, SystemId, VersionLabel};
use lgsp_peer::{OutgoingRequest, PeerBody, PeerLeg};
use lgsp_trust::{PeerTls, tls};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// An HTTP/2 connection to a node.
pub type Wire = SendRequest<Full<Bytes>>;
/// A message that can be sent more than once.
pub type Message = Request<Full<Bytes>>;

/// Connects to a node at this address; the text of the failure where the other side does not want to.
pub async fn connect(own: &Arc<PeerTls>, node: &str, at: SocketAddr) -> Result<Wire, String> {
    let text = |e: &dyn std::fmt::Display| e.to_string();
    let tcp = TcpStream::connect(at).await.map_err(|e| text(&e))?;
    let connector = TlsConnector::from(own.client_config().map_err(|e| text(&e))?);
    let host = tls::server_name(&name(node)).map_err(|e| text(&e))?;
    let stream = connector.connect(host, tcp).await.map_err(|e| text(&e))?;
    let (mut send, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .map_err(|e| text(&e))?;
    tokio::spawn(connection);
    // In TLS 1.3 a server's refusal of our certificate comes after our handshake: only an answer shows that it took it.
    let hello = Request::get(format!("https://{node}.node.lgsp/peer/1/hello")).body(Full::default());
    let answered = send.send_request(hello.expect("a request")).await.map_err(|e| text(&e))?;
    if answered.status() != 200 {
        let body = answered.into_body().collect().await.map_err(|e| text(&e))?.to_bytes();
        return Err(String::from_utf8_lossy(&body).into_owned());
    }
    Ok(send)
}

/// Sends a message.
pub async fn say(wire: &Wire, message: &Message) -> Reply {
    let answer = wire.clone().send_request(again(message)).await.expect("an answer");
    let (head, body) = answer.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    Reply { status: head.status.as_u16(), headers: head.headers, body }
}

pub fn again(message: &Message) -> Message {
    let mut copy = Request::new(message.body().clone());
    (*copy.method_mut(), *copy.uri_mut()) = (message.method().clone(), message.uri().clone());
    *copy.headers_mut() = message.headers().clone();
    copy
}

/// A good message of the system `asker` for `echo` at `b`, in the name of this agency.
pub async fn message(from: &Stolen, code: &str, mode: SignatureMode, body: &'static str) -> Message {
    message_to("b", from, code, mode, body).await
}

/// The same at another node.
pub async fn message_to(
    to: &str,
    from: &Stolen,
    code: &str,
    mode: SignatureMode,
    body: &'static str,
) -> Message {
    static NEXT: AtomicU8 = AtomicU8::new(0);
    let way = PeerLeg {
        node: name(to),
        via: None,
        service: ServiceId::new("echo").expect("an id"),
        version: VersionLabel::new("1.0").expect("a version"),
        mode: Some(mode),
    };
    let out = OutgoingRequest {
        exchange: ExchangeId::at(Clock::System.now(), [NEXT.fetch_add(1, Ordering::SeqCst); 10]),
        agency: agency(code),
        system: SystemId::new("asker").expect("an id"),
        method: Method::POST,
        rest: "/x".into(),
        headers: HeaderMap::new(),
        body: PeerBody::Whole(Bytes::from_static(body.as_bytes())),
        stated: Stated::default(),
        idempotency_key: None,
        safe: false,
        patience: Duration::from_secs(5),
        answer_max: 1 << 20,
    };
    let sealed = from.peers.seal_request(&way, out).await.expect("sealed");
    let mut copy = Request::new(Full::new(Bytes::from_static(body.as_bytes())));
    (*copy.method_mut(), *copy.uri_mut()) =
        (sealed.request().method().clone(), sealed.request().uri().clone());
    *copy.headers_mut() = sealed.request().headers().clone();
    copy
}

/// The exchange that a message names.
pub fn exchange_of(message: &Message) -> ExchangeId {
    let text = message.headers()["lgsp-exchange"].to_str().expect("text");
    text.parse().expect("an id")
}
