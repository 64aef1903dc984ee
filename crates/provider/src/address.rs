//! Which addresses may be dialled. The operator's allow-list decides; some addresses are refused whatever it says: link-local (cloud
//! metadata lives there), unspecified, multicast, broadcast, any of these dressed as IPv6, and this platform's own ports. The
//! check is made on the very address that is dialled next, so a name cannot point elsewhere in between.

use ipnet::IpNet;
use parking_lot::RwLock;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// The rules, with the platform's own addresses, which are known only once it listens.
#[derive(Debug)]
pub(crate) struct AddressPolicy {
    allow: Vec<IpNet>,
    own: RwLock<Vec<SocketAddr>>,
}

/// Why an address is not dialled. The caller reads the reason, the address stays in the process's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Forbidden {
    #[error("link-local, unspecified, multicast, broadcast or reserved")]
    Never,
    #[error("a port on which this platform listens")]
    Own,
    #[error("outside the operator's allow-list")]
    NotAllowed,
}

impl AddressPolicy {
    pub(crate) fn new(allow: Vec<IpNet>, own: Vec<SocketAddr>) -> Self {
        Self { allow, own: RwLock::new(own) }
    }

    pub(crate) fn set_own(&self, own: Vec<SocketAddr>) {
        *self.own.write() = own;
    }

    /// Whether this address may be dialled.
    pub(crate) fn check(&self, address: SocketAddr) -> Result<(), Forbidden> {
        let ip = address.ip().to_canonical();
        if never(ip) || embedded_v4(ip).is_some_and(|v4| never(IpAddr::V4(v4))) {
            return Err(Forbidden::Never);
        }
        if self.is_own(ip, address.port()) {
            return Err(Forbidden::Own);
        }
        if !self.allow.iter().any(|net| net.contains(&ip)) {
            return Err(Forbidden::NotAllowed);
        }
        Ok(())
    }

    fn is_own(&self, ip: IpAddr, port: u16) -> bool {
        let own = self.own.read();
        let mut same_port = own.iter().filter(|o| o.port() == port).peekable();
        same_port.peek().is_some()
            && (same_port.any(|o| {
                let listens = o.ip().to_canonical();
                listens == ip || (listens.is_unspecified() && is_of_this_machine(ip))
            }))
    }
}

/// Whether an address belongs to this machine: only then can a socket be bound to it. Asked only for ports on which the platform listens.
fn is_of_this_machine(ip: IpAddr) -> bool {
    ip.is_loopback() || UdpSocket::bind((ip, 0)).is_ok()
}

fn never(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            v4.is_link_local() || v4.is_multicast() || v4.octets()[0] == 0 || v4.octets()[0] >= 240
        }
        IpAddr::V6(v6) => v6.is_unspecified() || v6.is_multicast() || v6.is_unicast_link_local(),
    }
}

/// The IPv4 address inside an IPv6 one that a translator on the way would reach: NAT64, 6to4, IPv4-compatible.
fn embedded_v4(ip: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(v6) = ip else { return None };
    let o = v6.octets();
    let from = |i: usize| Some(Ipv4Addr::new(o[i], o[i + 1], o[i + 2], o[i + 3]));
    if o[..12] == [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0] {
        from(12)
    } else if o[..2] == [0x20, 0x02] {
        from(2)
    } else if o[..12] == [0; 12] && v6 != Ipv6Addr::LOCALHOST {
        from(12)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{AddressPolicy, Forbidden};

    fn policy(own: &[&str]) -> AddressPolicy {
        let everything = vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()];
        AddressPolicy::new(everything, own.iter().map(|a| a.parse().unwrap()).collect())
    }

    #[test]
    fn some_addresses_are_refused_whatever_the_allow_list_says() {
        for address in [
            "169.254.169.254:80",
            "[::ffff:169.254.169.254]:80",
            "[64:ff9b::a9fe:a9fe]:80",
            "[2002:a9fe:a9fe::1]:80",
            "[::169.254.169.254]:80",
            "[fe80::1]:80",
            "0.0.0.0:80",
            "0.1.2.3:80",
            "[::]:80",
            "[::ffff:0.0.0.0]:80",
            "224.0.0.1:80",
            "[ff02::1]:80",
            "255.255.255.255:80",
            "240.0.0.1:80",
        ] {
            assert_eq!(policy(&[]).check(address.parse().unwrap()), Err(Forbidden::Never), "{address}");
        }
    }

    #[test]
    fn private_addresses_are_normal_if_the_operator_allows_them() {
        let only = AddressPolicy::new(vec!["10.0.0.0/8".parse().unwrap()], vec![]);
        assert_eq!(only.check("10.1.2.3:80".parse().unwrap()), Ok(()));
        assert_eq!(only.check("[::ffff:10.1.2.3]:80".parse().unwrap()), Ok(()));
        assert_eq!(only.check("192.168.1.1:80".parse().unwrap()), Err(Forbidden::NotAllowed));
    }

    #[test]
    fn the_platforms_own_ports_are_refused_in_every_spelling() {
        let listening = policy(&["0.0.0.0:8080", "127.0.0.1:9090", "[::]:8443"]);
        for own in [
            "127.0.0.1:8080",
            "127.9.9.9:8080",
            "[::1]:8080",
            "[::ffff:127.0.0.1]:8080",
            "127.0.0.1:9090",
            "127.0.0.1:8443",
        ] {
            assert_eq!(listening.check(own.parse().unwrap()), Err(Forbidden::Own), "{own}");
        }
        for other in ["127.0.0.1:80", "192.0.2.7:8080", "127.0.0.2:9090"] {
            assert_eq!(listening.check(other.parse().unwrap()), Ok(()), "{other}");
        }
    }
}
