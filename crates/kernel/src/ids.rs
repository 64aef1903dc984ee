//! Typed identifiers, declared in one list. What an operator names is a `Name`; what the platform makes is
//! an id with a readable prefix. Not here: agency codes (`agency`), which have a grammar of their own.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// The longest name an operator may give, in bytes: it must fit a URL segment, a metric label and a log line.
pub const NAME_MAX: usize = 64;

/// Why a text is not a valid identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty or longer than [`NAME_MAX`].
    #[error("must have 1 to {NAME_MAX} characters, has {0}")]
    Length(usize),
    /// A character that is not allowed, and where.
    #[error(
        "character {1:?} at position {0} is not allowed; use letters, digits, '.', '_' and '-', starting with a letter or digit"
    )]
    Character(usize, char),
    /// The text is not an id of this kind.
    #[error("{0:?} is not an id of the form {1}")]
    Form(String, &'static str),
}

/// Checks the grammar that all names share: `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`.
pub fn check_name(text: &str) -> Result<(), IdError> {
    if text.is_empty() || text.len() > NAME_MAX {
        return Err(IdError::Length(text.chars().count()));
    }
    for (i, c) in text.char_indices() {
        let fine = c.is_ascii_alphanumeric() || (i > 0 && matches!(c, '.' | '_' | '-'));
        if !fine {
            return Err(IdError::Character(i, c));
        }
    }
    Ok(())
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(Box<str>);

        impl $name {
            /// Checks the grammar (see [`check_name`]) and takes the text.
            pub fn new(text: impl AsRef<str>) -> Result<Self, IdError> {
                check_name(text.as_ref())?;
                Ok(Self(text.as_ref().into()))
            }
            /// The text as the operator wrote it.
            pub fn as_str(&self) -> &str { &self.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(s: &str) -> Result<Self, IdError> { Self::new(s) }
        }
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str { &self.0 }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = String::deserialize(d)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                <String as utoipa::PartialSchema>::schema()
            }
        }
        impl utoipa::ToSchema for $name {}
    )*};
}

names! {
    /// A system of an agency: what consumes and offers services.
    SystemId,
    /// A service: also the `{api}` segment of its address.
    ServiceId,
    /// The label of a version of a service, such as `1.0`: also the `{version}` segment.
    VersionLabel,
    /// A grant.
    GrantId,
    /// A credential of a system; for OAuth 2 it is the `client_id`.
    CredentialId,
    /// A node, as its configuration (`node.name`) and the directory name it.
    NodeName,
}

/// One request and its answer. Time-ordered (UUID version 7), shown as `ex_` and 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExchangeId(pub Uuid);

impl ExchangeId {
    /// A new id whose first 48 bits are the given time in milliseconds since 1970 and whose rest is random.
    pub fn at(now: crate::Millis, random: [u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(now.0.max(0) as u64, &random).into_uuid())
    }
    /// The time in the id.
    pub fn time(&self) -> crate::Millis {
        let b = self.0.as_bytes();
        crate::Millis(b[..6].iter().fold(0i64, |t, x| (t << 8) | i64::from(*x)))
    }
    /// The 16 bytes.
    pub fn bytes(&self) -> [u8; 16] {
        *self.0.as_bytes()
    }
}

impl fmt::Display for ExchangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ex_{}", self.0.simple())
    }
}
impl fmt::Debug for ExchangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl FromStr for ExchangeId {
    type Err = IdError;
    fn from_str(s: &str) -> Result<Self, IdError> {
        let bad = || IdError::Form(s.chars().take(80).collect(), "ex_<32 hexadecimal digits>");
        let digits = s.strip_prefix("ex_").ok_or_else(bad)?;
        if digits.len() != 32 {
            return Err(bad());
        }
        Uuid::try_parse(digits).map(Self).map_err(|_| bad())
    }
}
impl Serialize for ExchangeId {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for ExchangeId {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{ExchangeId, ServiceId};
    use crate::Millis;

    #[test]
    fn an_exchange_id_survives_its_text_form_and_keeps_its_time() {
        let id = ExchangeId::at(Millis(1_700_000_000_123), [7; 10]);
        assert_eq!(id.to_string().parse::<ExchangeId>(), Ok(id));
        assert_eq!(id.time(), Millis(1_700_000_000_123));
    }

    #[test]
    fn names_refuse_what_would_break_a_url_or_a_log_line() {
        for bad in ["", "a/b", "a b", "..", ".a", "-x", "tên", "a\n", &"x".repeat(65)] {
            assert!(ServiceId::new(bad).is_err(), "{bad:?}");
        }
        assert!(ServiceId::new("apiCSDLDKDN").is_ok());
    }
}
