//! `lgsp health`: asks a running node whether it is ready.

use super::failure::{Failure, Trying as _};
use super::out;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_MAX: usize = 64 << 10;

/// Prints the node's own words; fails unless it is ready.
pub async fn run(address: SocketAddr) -> Result<(), Failure> {
    let address = reachable(address);
    let asked = tokio::time::timeout(TIMEOUT, ask(address)).await;
    let (status, body) = asked
        .map_err(|_| Failure::new("no answer within 5 s"))
        .and_then(|r| r)
        .trying(format!("asking http://{address}/health/ready"))?;
    if status != 200 {
        return Err(Failure::new(format!("not ready ({status}): {}", body.trim())));
    }
    out::print(&body);
    Ok(())
}

/// An address that listens everywhere is asked at home.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::from(([127, 0, 0, 1], address.port())),
        IpAddr::V6(ip) if ip.is_unspecified() => {
            SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, address.port()))
        }
        _ => address,
    }
}

async fn ask(address: SocketAddr) -> Result<(u16, String), Failure> {
    let stream = tokio::net::TcpStream::connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driving = tokio::spawn(connection);
    let request = http::Request::get("/health/ready")
        .header(http::header::HOST, address.to_string())
        .body(Empty::<Bytes>::new())?;
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, ANSWER_MAX).collect().await.map_err(|e| Failure::new(e.to_string()))?;
    driving.abort();
    Ok((head.status.as_u16(), String::from_utf8_lossy(&body.to_bytes()).into_owned()))
}
