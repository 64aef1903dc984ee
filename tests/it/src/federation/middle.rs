//! A man in the middle: between A and B, with the stolen keys of both nodes' TLS (not of their logs and agencies), so that he reads and writes
//! every byte. What he does is switched while connections are open.

use super::country::Country;
use super::stolen::{self, name, node_identity};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lgsp_trust::{PeerTls, tls};
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// What is done to exchanges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Passed on as they are.
    Nothing,
    /// One bit of the request's body is turned.
    RequestBody,
    /// A field of the request has another value.
    RequestField(&'static str, &'static str),
    /// One bit of the answer's body is turned.
    AnswerBody,
    /// A field of the answer has another value.
    AnswerField(&'static str, &'static str),
    /// The answer has another status.
    AnswerStatus(u16),
    /// B answers, A hears nothing but that the stream is over.
    DropAnswer,
    /// Nothing goes on, and nothing comes back.
    Stall,
    /// The request goes to B twice; the second answer comes back.
    Twice,
    /// The answer of an exchange before this one comes back.
    AnswerOfBefore,
    /// The request of an exchange before this one goes to B.
    RequestOfBefore,
}

/// Where he is and what he does.
pub struct Middle {
    pub at: SocketAddr,
    does: Arc<Mutex<Deed>>,
}

struct Between {
    as_a: Arc<PeerTls>,
    b: SocketAddr,
    before: Mutex<Vec<(Parts, (http::response::Parts, Bytes))>>,
}
type Parts = (http::request::Parts, Bytes);
type Whole = Response<Full<Bytes>>;

impl Middle {
    /// Takes his place; connections wait until he has the keys.
    pub async fn new() -> (Self, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("bound");
        (Self { at, does: Arc::new(Mutex::new(Deed::Nothing)) }, listener)
    }

    /// A country in which B is only known at the man's address.
    pub async fn between() -> (Country, Self) {
        let (middle, listener) = Self::new().await;
        let at = middle.at;
        let country = Country::begun(|c| c.b.set("LGSP__PEER__ENDPOINTS", format!("https://{at}"))).await;
        country.admit(&[&country.b, &country.a]);
        country.register();
        middle.steal(&country, listener);
        country.b.start().await;
        country.a.start().await;
        country.acquainted().await;
        (country, middle)
    }

    fn steal(&self, country: &Country, listener: TcpListener) {
        let as_b = stolen::tls(&country.hub, node_identity(&country.b));
        let as_a = stolen::tls(&country.hub, node_identity(&country.a));
        let between = Arc::new(Between { as_a, b: country.b.at(8443), before: Mutex::default() });
        let acceptor = TlsAcceptor::from(as_b.server_config().expect("TLS"));
        let does = self.does.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(sit(acceptor.clone(), stream, between.clone(), does.clone()));
            }
        });
    }

    /// What he does from now on.
    pub fn does(&self, deed: Deed) {
        *self.does.lock() = deed;
    }
}

/// One connection of A.
async fn sit(acceptor: TlsAcceptor, stream: TcpStream, between: Arc<Between>, does: Arc<Mutex<Deed>>) {
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let Ok(onward) = onward(&between).await else { return };
    let service = service_fn(move |request: Request<Incoming>| {
        let (between, onward, deed) = (between.clone(), onward.clone(), *does.lock());
        async move { carry(&between, onward, request, deed).await }
    });
    // Either end may break off.
    let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .max_header_list_size(1 << 20)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn onward(between: &Between) -> std::io::Result<SendRequest<Full<Bytes>>> {
    let tcp = TcpStream::connect(between.b).await?;
    let config = between.as_a.client_config().map_err(std::io::Error::other)?;
    let host = tls::server_name(&name("b")).map_err(std::io::Error::other)?;
    let stream = TlsConnector::from(config).connect(host, tcp).await?;
    let handshake = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    let (send, connection) =
        handshake.handshake(TokioIo::new(stream)).await.map_err(std::io::Error::other)?;
    tokio::spawn(connection);
    Ok(send)
}

async fn carry(
    between: &Between,
    mut onward: SendRequest<Full<Bytes>>,
    request: Request<Incoming>,
    deed: Deed,
) -> Result<Whole, String> {
    let (head, body) = request.into_parts();
    let mut asked = (head, body.collect().await.map_err(|e| e.to_string())?.to_bytes());
    if asked.0.uri.path() == "/peer/1/hello" {
        return send(&mut onward, &asked).await.map(whole);
    }
    let before = between.before.lock().last().cloned();
    match deed {
        Deed::RequestBody => asked.1 = turned(&asked.1),
        Deed::RequestField(name, value) => drop(asked.0.headers.insert(field(name), value_of(value))),
        Deed::Stall => std::future::pending().await,
        Deed::RequestOfBefore => asked = before.clone().expect("there was one").0,
        _ => {}
    }
    let mut answer = send(&mut onward, &asked).await?;
    match deed {
        Deed::Twice => answer = send(&mut onward, &asked).await?,
        Deed::AnswerBody => answer.1 = turned(&answer.1),
        Deed::AnswerField(name, value) => drop(answer.0.headers.insert(field(name), value_of(value))),
        Deed::AnswerStatus(status) => answer.0.status = status.try_into().expect("a status"),
        Deed::DropAnswer => return Err("dropped".into()),
        Deed::AnswerOfBefore => answer = before.expect("there was one").1,
        Deed::Nothing => between.before.lock().push((asked, answer.clone())),
        _ => {}
    }
    Ok(whole(answer))
}

async fn send(
    onward: &mut SendRequest<Full<Bytes>>,
    (head, body): &Parts,
) -> Result<(http::response::Parts, Bytes), String> {
    let request = Request::from_parts(head.clone(), Full::new(body.clone()));
    let (head, body) = onward.send_request(request).await.map_err(|e| e.to_string())?.into_parts();
    Ok((head, body.collect().await.map_err(|e| e.to_string())?.to_bytes()))
}

fn whole((head, body): (http::response::Parts, Bytes)) -> Whole {
    Response::from_parts(head, Full::new(body))
}
fn field(name: &'static str) -> HeaderName {
    HeaderName::from_static(name)
}
fn value_of(value: &'static str) -> HeaderValue {
    HeaderValue::from_static(value)
}
fn turned(body: &[u8]) -> Bytes {
    let mut body = body.to_vec();
    if let Some(byte) = body.first_mut() {
        *byte ^= 1;
    }
    body.into()
}
