//! Where everything of the demo listens: one number for the whole country, written down in one overview.

use crate::commands::failure::Failure;
use std::net::{SocketAddr, TcpListener};

/// The nodes, in the order in which they are made: the hub first, since the others join it.
pub(crate) const NODES: [&str; 4] = ["ngsp", "tinh-a", "tinh-b", "bo-x"];
/// The hub's name.
pub(crate) const HUB: &str = "ngsp";
/// Ports that the demo takes, from the first on.
const PORTS: u16 = 32;
/// Free ports are looked for below those that the system gives to outgoing connections.
const FREE_FROM: u16 = 20_000;
const FREE_TO: u16 = 32_000;
const TRIES: usize = 64;

/// The first port; all others follow from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    base: u16,
}

impl Places {
    /// From this port on, or from any where none is named.
    pub(crate) fn from(port: u16) -> Result<Self, Failure> {
        if port != 0 {
            return match port.checked_add(PORTS) {
                Some(_) => Ok(Self { base: port }),
                None => {
                    Err(Failure::new(format!("--port {port}: the demo needs {PORTS} ports from there on")))
                }
            };
        }
        for _ in 0..TRIES {
            let mut random = [0u8; 2];
            getrandom::fill(&mut random).map_err(|e| Failure::new(format!("no random bytes: {e}")))?;
            let base = FREE_FROM + u16::from_le_bytes(random) % (FREE_TO - FREE_FROM);
            if (base..base + PORTS).all(|p| TcpListener::bind(("127.0.0.1", p)).is_ok()) {
                return Ok(Self { base });
            }
        }
        Err(Failure::new(format!("found no {PORTS} free ports in a row")).help("name the first with --port"))
    }

    fn at(self, offset: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.base + offset))
    }
    /// The population database.
    pub(crate) fn population(self) -> SocketAddr {
        self.at(2)
    }
    /// Business registration.
    pub(crate) fn business(self) -> SocketAddr {
        self.at(3)
    }
    /// Province A's dossiers.
    pub(crate) fn dossiers(self) -> SocketAddr {
        self.at(16)
    }
    /// The front door of a node. Province A's is the first port of all.
    pub(crate) fn http(self, node: &str) -> SocketAddr {
        self.at(Self::block(node))
    }
    /// The administration API of a node.
    pub(crate) fn admin(self, node: &str) -> SocketAddr {
        self.at(Self::block(node) + 1)
    }

    /// Where other nodes call a node.
    pub(crate) fn peer(self, node: &str) -> SocketAddr {
        self.at(24 + 2 * Self::number(node))
    }
    /// The public listener of a node.
    pub(crate) fn public(self, node: &str) -> SocketAddr {
        self.at(25 + 2 * Self::number(node))
    }
    /// The timestamp authority.
    pub(crate) fn tsa(self) -> SocketAddr {
        self.at(17)
    }
    /// The witness.
    pub(crate) fn witness(self) -> SocketAddr {
        self.at(18)
    }

    fn number(node: &str) -> u16 {
        NODES.iter().position(|n| *n == node).map_or(0, |i| i as u16)
    }

    fn block(node: &str) -> u16 {
        match node {
            "tinh-a" => 0,
            "ngsp" => 4,
            "tinh-b" => 7,
            _ => 10,
        }
    }
}
