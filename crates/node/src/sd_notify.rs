//! Tells systemd how the service is doing: a datagram to `$NOTIFY_SOCKET` (sd_notify(3)). Does nothing without it.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The way to systemd, if it started us and wants to know.
#[derive(Debug)]
pub struct Notifier {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Notifier {
    /// From `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
    pub fn from_env() -> Self {
        let text = |name| std::env::var(name).ok();
        let for_us = text("WATCHDOG_PID").is_none_or(|p| p == std::process::id().to_string());
        let watchdog = text("WATCHDOG_USEC").filter(|_| for_us).and_then(|t| t.parse().ok());
        Self {
            socket: std::env::var_os("NOTIFY_SOCKET").and_then(|name| connect(name.as_bytes())),
            watchdog: watchdog.map(Duration::from_micros),
        }
    }

    /// To this socket, without a watchdog.
    #[cfg(test)]
    fn to(name: &[u8]) -> Self {
        Self { socket: connect(name), watchdog: None }
    }

    /// How often a sign of life is wanted: half of what systemd waits.
    pub fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog.map(|d| d / 2)
    }
    /// The service is ready.
    pub fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={}", one_line(status)));
    }
    /// The service reads its configuration again; [`Notifier::ready`] ends it.
    pub fn reloading(&self) {
        self.send("RELOADING=1");
    }
    /// The service stops.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }
    /// A sign of life.
    pub fn alive(&self) {
        self.send("WATCHDOG=1");
    }
    /// A line for `systemctl status`.
    pub fn status(&self, text: &str) {
        self.send(&format!("STATUS={}", one_line(text)));
    }

    fn send(&self, message: &str) {
        if let Some((socket, address)) = &self.socket {
            // A full or closed socket is systemd's trouble; the service goes on.
            let _ = socket.send_to_addr(message.as_bytes(), address);
        }
    }
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

fn connect(name: &[u8]) -> Option<(UnixDatagram, SocketAddr)> {
    let address = match name.strip_prefix(b"@") {
        Some(abstract_name) => SocketAddr::from_abstract_name(abstract_name).ok()?,
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(name)).ok()?,
    };
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    Some((socket, address))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Notifier;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::net::UnixDatagram;

    #[test]
    fn systemd_is_told_in_its_own_words() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let systemd = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier::to(path.as_os_str().as_bytes());
        notifier.ready("listens\non 8080");
        notifier.alive();
        let mut buffer = [0; 200];
        let n = systemd.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..n], b"READY=1\nSTATUS=listens on 8080");
        let n = systemd.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..n], b"WATCHDOG=1");
    }

    #[test]
    fn without_systemd_nothing_happens() {
        Notifier::to(b"/nonexistent/socket").stopping();
    }
}
