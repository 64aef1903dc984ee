//! Names to addresses, remembered for seconds. Bounded. Not here: whether an address may be dialled (`address`).

use parking_lot::Mutex;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Addresses that are tried for one name; a name with more is not a provider but a mistake.
const ADDRESSES_MAX: usize = 8;

/// A resolver with a memory.
pub(crate) struct Resolver {
    ttl: Duration,
    max: usize,
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Clone)]
struct Known {
    until: Instant,
    addresses: Arc<[IpAddr]>,
}

impl Resolver {
    pub(crate) fn new(ttl: Duration, max: usize) -> Self {
        Self { ttl, max, known: Mutex::new(HashMap::new()) }
    }

    /// The addresses of a host, which may be an address itself.
    pub(crate) async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let with_port = |ips: &[IpAddr]| ips.iter().map(|ip| SocketAddr::new(*ip, port)).collect::<Vec<_>>();
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(with_port(&[ip]));
        }
        let known = self.known.lock().get(host).filter(|k| k.until > Instant::now()).cloned();
        if let Some(known) = known {
            return Ok(with_port(&known.addresses));
        }
        let mut found: Vec<IpAddr> = Vec::new();
        for address in tokio::net::lookup_host((host, port)).await? {
            if !found.contains(&address.ip()) && found.len() < ADDRESSES_MAX {
                found.push(address.ip());
            }
        }
        self.remember(host, &found);
        Ok(with_port(&found))
    }

    fn remember(&self, host: &str, addresses: &[IpAddr]) {
        let now = Instant::now();
        let mut known = self.known.lock();
        if known.len() >= self.max {
            known.retain(|_, k| k.until > now);
        }
        if known.len() < self.max && !addresses.is_empty() {
            known.insert(host.to_owned(), Known { until: now + self.ttl, addresses: addresses.into() });
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Resolver;
    use std::time::Duration;

    #[tokio::test]
    async fn an_address_is_its_own_answer_and_names_are_remembered_within_bounds() {
        let resolver = Resolver::new(Duration::from_secs(10), 1);
        assert_eq!(resolver.resolve("::1", 80).await.unwrap(), ["[::1]:80".parse().unwrap()]);
        assert!(resolver.known.lock().is_empty());
        assert!(!resolver.resolve("localhost", 80).await.unwrap().is_empty());
        resolver.remember("other.example", &["192.0.2.1".parse().unwrap()]);
        assert_eq!(resolver.known.lock().len(), 1);
        assert!(resolver.known.lock().contains_key("localhost"));
    }
}
