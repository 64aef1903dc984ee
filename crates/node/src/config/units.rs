//! Durations, sizes and addresses as an operator writes them: `30s`, `64MiB`, `127.0.0.1:8080`.
//! Not here: which keys there are (`schema`).

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

/// A duration: a whole number and one of `ms`, `s`, `m`, `h`, `d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lasting(pub Duration);

/// A size in bytes: a whole number and one of `B`, `KiB`, `MiB`, `GiB`, `TiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// Where to listen: `address:port`, port 0 for any free one, or empty for nowhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Listen(pub Option<SocketAddr>);

const TIMES: &[(&str, u64)] = &[("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const SIZES: &[(&str, u64)] =
    &[("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Reads `<number><unit>`; blanks between them are fine.
fn number_and_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(split);
    let factor = units.iter().find(|(u, _)| u.eq_ignore_ascii_case(unit.trim()))?.1;
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// Writes in the largest unit that loses nothing.
fn in_largest_unit(value: u64, units: &[(&str, u64)]) -> String {
    let (unit, factor) = units
        .iter()
        .find(|(_, f)| value != 0 && value.is_multiple_of(*f))
        .or(units.last())
        .expect("the lists of units are not empty");
    format!("{}{unit}", value / factor)
}

impl FromStr for Lasting {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        number_and_unit(s, TIMES).map(|ms| Self(Duration::from_millis(ms))).ok_or_else(|| {
            format!("{s:?} is not a duration: write a whole number and ms, s, m, h or d, such as \"30s\"")
        })
    }
}
impl fmt::Display for Lasting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        f.write_str(&in_largest_unit(ms, TIMES))
    }
}
impl Lasting {
    /// So many seconds.
    pub const fn seconds(n: u64) -> Self {
        Self(Duration::from_secs(n))
    }
    /// So many milliseconds.
    pub const fn millis(n: u64) -> Self {
        Self(Duration::from_millis(n))
    }
    /// So many days.
    pub const fn days(n: u64) -> Self {
        Self(Duration::from_secs(n * 86_400))
    }
}

impl FromStr for Size {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        number_and_unit(s, SIZES).map(Self).ok_or_else(|| {
            format!(
                "{s:?} is not a size: write a whole number and B, KiB, MiB, GiB or TiB, such as \"64MiB\""
            )
        })
    }
}
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&in_largest_unit(self.0, SIZES))
    }
}
impl Size {
    /// So many MiB.
    pub const fn mib(n: u64) -> Self {
        Self(n << 20)
    }
    /// So many KiB.
    pub const fn kib(n: u64) -> Self {
        Self(n << 10)
    }
    /// As an in-memory size.
    pub fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for Listen {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        if s.is_empty() {
            return Ok(Self(None));
        }
        s.parse().map(|a| Self(Some(a))).map_err(|_| {
            format!("{s:?} is not an address: write an IP address and a port, such as \"127.0.0.1:8080\" or \"[::]:8443\", or \"\" for none")
        })
    }
}
impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |a| write!(f, "{a}"))
    }
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
as_text!(Lasting, Size, Listen);

#[cfg(test)]
mod tests {
    use super::{Lasting, Listen, Size};
    use proptest::prelude::proptest;

    #[test]
    fn durations_and_sizes_are_read_with_their_units_and_refused_without() {
        assert_eq!("30s".parse(), Ok(Lasting::seconds(30)));
        assert_eq!("5 m".parse(), Ok(Lasting::seconds(300)));
        assert_eq!("64MiB".parse(), Ok(Size::mib(64)));
        for bad in ["", "30", "s", "-1s", "1.5s", "30 sec", "99999999999999999999d", "ms"] {
            assert!(bad.parse::<Lasting>().is_err(), "{bad:?}");
        }
        for bad in ["64", "64MB", "MiB", "99999999999TiB"] {
            assert!(bad.parse::<Size>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_address_is_an_ip_and_a_port_or_nothing() {
        assert_eq!("".parse(), Ok(Listen(None)));
        assert!("127.0.0.1:0".parse::<Listen>().is_ok_and(|l| l.0.is_some()));
        assert!("localhost:80".parse::<Listen>().is_err() && "1.2.3.4".parse::<Listen>().is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(ms in 0u64..1 << 50, bytes in 0u64..1 << 60) {
            let lasting = Lasting::millis(ms);
            assert_eq!(lasting.to_string().parse(), Ok(lasting));
            assert_eq!(Size(bytes).to_string().parse(), Ok(Size(bytes)));
        }
    }
}
