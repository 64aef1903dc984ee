//! From an endpoint to a byte stream: mutual TLS, or whatever a simulation puts in its place.

use crate::members::Endpoint;
use futures_util::future::BoxFuture;
use lgsp_kernel::NodeName;
use lgsp_trust::{PeerTls, tls};
use rustls::ClientConfig;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Read at once from a connection that many exchanges share: the TLS library by itself asks the system for 4 KiB at a time.
pub const READ_AT_ONCE: usize = 64 << 10;

/// A byte stream to another node.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Makes byte streams to other nodes. Whoever makes one vouches that the node named is at its other end.
pub trait Connect: Send + Sync + 'static {
    /// Connects. The caller bounds the time.
    fn connect<'a>(
        &'a self,
        node: &'a NodeName,
        at: &'a Endpoint,
    ) -> BoxFuture<'a, io::Result<Box<dyn Wire>>>;
}

/// TCP and mutual TLS 1.3.
pub struct TlsConnect {
    config: Arc<ClientConfig>,
}

impl std::fmt::Debug for TlsConnect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsConnect")
    }
}

impl TlsConnect {
    /// With what the node shows and believes.
    pub fn new(tls: &Arc<PeerTls>) -> Result<Self, rustls::Error> {
        Ok(Self { config: tls.client_config()? })
    }
}

impl Connect for TlsConnect {
    fn connect<'a>(
        &'a self,
        node: &'a NodeName,
        at: &'a Endpoint,
    ) -> BoxFuture<'a, io::Result<Box<dyn Wire>>> {
        Box::pin(async move {
            let name = tls::server_name(node).map_err(io::Error::other)?;
            let tcp = TcpStream::connect((at.host.as_str(), at.port)).await?;
            tcp.set_nodelay(true)?;
            let tcp = BufReader::with_capacity(READ_AT_ONCE, tcp);
            let stream = TlsConnector::from(self.config.clone()).connect(name, tcp).await?;
            if stream.get_ref().1.alpn_protocol() != Some(tls::ALPN) {
                return Err(io::Error::other("the other node does not speak HTTP/2"));
            }
            Ok(Box::new(stream) as Box<dyn Wire>)
        })
    }
}
