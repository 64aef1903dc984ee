//! Dialling: name, address check, TCP without delay, TLS; all within the connect time. Not here: what is spoken then (`h1`, `h2`).

use crate::address::{AddressPolicy, Forbidden};
use crate::failure::{Failure, rustls_error, tls_detail};
use crate::resolve::Resolver;
use crate::target::Target;
use lgsp_kernel::{Refusal, fault};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A connected stream.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// How a version's TLS begins.
pub(crate) struct TlsSettings {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) name: ServerName<'static>,
    /// The provider must agree to HTTP/2.
    pub(crate) needs_h2: bool,
}

/// Names, and which addresses may be dialled.
pub(crate) struct Dialler {
    pub(crate) resolver: Resolver,
    pub(crate) policy: AddressPolicy,
}

impl Dialler {
    /// Connects to a target within `limit`, and not after `end`.
    pub(crate) async fn connect(
        &self,
        target: &Target,
        limit: Duration,
        end: Instant,
    ) -> Result<Stream, Failure> {
        let until = end.min(Instant::now() + limit);
        match timeout_at(until, self.connect_unbounded(target, until)).await {
            Ok(result) => result,
            Err(_) => Err(late(limit, target)),
        }
    }

    async fn connect_unbounded(&self, target: &Target, until: Instant) -> Result<Stream, Failure> {
        let tcp = self.tcp(target, until).await?;
        let Some(tls) = &target.tls else { return Ok(Stream::Plain(tcp)) };
        let connector = TlsConnector::from(tls.config.clone());
        let stream = connector.connect(tls.name.clone(), tcp).await.map_err(|e| tls_failure(&e, target))?;
        if tls.needs_h2 && stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(Failure::unreached(
                &fault::PROVIDER_UNREACHABLE,
                "The provider does not speak HTTP/2.",
                &target.name,
            ));
        }
        Ok(Stream::Tls(Box::new(stream)))
    }

    /// Tries the name's addresses one after the other, each with its share of the time.
    async fn tcp(&self, target: &Target, until: Instant) -> Result<TcpStream, Failure> {
        let addresses = self.resolver.resolve(&target.host, target.port).await.map_err(|e| {
            Failure::unreached(
                &fault::PROVIDER_UNREACHABLE,
                "The provider's name has no address.",
                format_args!("{}: {e}", target.name),
            )
        })?;
        let mut last = None;
        let count = addresses.len();
        for (i, address) in addresses.into_iter().enumerate() {
            if let Err(why) = self.policy.check(address) {
                tracing::warn!(target_url = %target.name, %address, %why, "provider address refused");
                last = Some(last.filter(|f: &Failure| f.counts).unwrap_or_else(|| forbidden(address, why)));
                continue;
            }
            let left = until.saturating_duration_since(Instant::now());
            let share = Instant::now() + left / u32::try_from(count - i).unwrap_or(1);
            match timeout_at(share, dial(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(e)) => last = Some(unreachable(address, &e)),
                Err(_) => last = Some(late(left, target)),
            }
        }
        Err(last.unwrap_or_else(|| {
            Failure::unreached(
                &fault::PROVIDER_UNREACHABLE,
                "The provider's name has no address.",
                &target.name,
            )
        }))
    }
}

async fn dial(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // A request is one write, then a wait: Nagle's algorithm could only delay it (a p99 of 38 ms instead of 7 was seen).
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn forbidden(address: SocketAddr, why: Forbidden) -> Failure {
    let refusal = Refusal::new(&fault::TARGET_FORBIDDEN, format!("It is {why}."));
    Failure::refused(refusal.with_internal(format_args!("{address}: {why}")))
}

fn unreachable(address: SocketAddr, e: &io::Error) -> Failure {
    let detail = match e.kind() {
        io::ErrorKind::ConnectionRefused => "The connection was refused.",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "There is no way to its network."
        }
        _ => "The connection failed.",
    };
    Failure::unreached(&fault::PROVIDER_UNREACHABLE, detail, format_args!("{address}: {e}"))
}

/// No connection came about in time.
pub(crate) fn late(limit: Duration, target: &Target) -> Failure {
    let detail = format!("No connection within {} ms.", limit.as_millis());
    Failure::unreached(&fault::PROVIDER_CONNECT_TIMEOUT, &detail, &target.name)
}

fn tls_failure(e: &io::Error, target: &Target) -> Failure {
    let internal = format!("{}: {e}", target.name);
    match rustls_error(e) {
        Some(tls) => Failure::unreached(&fault::PROVIDER_TLS, tls_detail(tls), internal),
        None => Failure::unreached(
            &fault::PROVIDER_UNREACHABLE,
            "The connection was closed during the TLS handshake.",
            internal,
        ),
    }
}
