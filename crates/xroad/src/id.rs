//! Identifiers: members, subsystems, services, security servers, represented parties; in paths and header lines (percent-encoded, PR-REST
//! 4.1 to 4.3), and with colons as the Government Office's axis writes them. The XML form is in `soap`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::fmt;

/// Length of one part after decoding, bytes: what X-Road's own tables hold.
pub const PART_MAX: usize = 255;

/// What stays as it is in a path segment: RFC 3986 `pchar`.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Too few or too many parts.
    #[error("{what} has {expected} parts, here are {found}")]
    Parts {
        /// Which identifier.
        what: &'static str,
        /// How many parts it has.
        expected: &'static str,
        /// How many were found.
        found: usize,
    },
    /// An empty part.
    #[error("a part of {0} is empty")]
    Empty(&'static str),
    /// A part is too long.
    #[error("a part of {0} is longer than {PART_MAX} bytes")]
    Long(&'static str),
    /// Malformed percent-encoding, or not UTF-8 after decoding.
    #[error("a part of {0} is not percent-encoded UTF-8")]
    Encoding(&'static str),
    /// A character that no identifier may have.
    #[error("a part of {what} has the character U+{character:04X}")]
    Character {
        /// Which identifier.
        what: &'static str,
        /// The character.
        character: u32,
    },
    /// `.` or `..`, which a server behind us could take for a way through its folders.
    #[error("a part of {0} is a dot segment")]
    Dots(&'static str),
}

/// A member or one of its subsystems.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId {
    /// The X-Road instance: `VN`.
    pub instance: String,
    /// The class of members: `GOV`, `COM`.
    pub class: String,
    /// The member's code, for us an agency's code.
    pub member: String,
    /// The subsystem, for us a system.
    pub subsystem: Option<String>,
}

/// A service of a member or subsystem.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceId {
    /// Who offers it.
    pub provider: ClientId,
    /// The service's code.
    pub service: String,
    /// The version, in SOAP only.
    pub version: Option<String>,
}

/// A security server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerId {
    /// The X-Road instance.
    pub instance: String,
    /// The class of its owner.
    pub class: String,
    /// Its owner.
    pub member: String,
    /// The server's code.
    pub server: String,
}

/// On whose behalf a client asks (`X-Road-Represented-Party`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RepresentedParty {
    /// The class, where it is stated.
    pub class: Option<String>,
    /// The code.
    pub code: String,
}

impl ClientId {
    /// Reads `VN/GOV/H01/onestop` (PR-REST 4.3): three parts, or four with a subsystem, each percent-encoded.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        const WHAT: &str = "a client identifier";
        let parts = decoded(text, '/', WHAT)?;
        Self::from_parts(parts, WHAT)
    }

    /// Reads `VN:GOV:000.00.00.G22:vpcpdvcprovider`, as `dstcode` has it. Parts may be percent-encoded.
    pub fn parse_colons(text: &str) -> Result<Self, IdError> {
        const WHAT: &str = "a dstcode";
        Self::from_parts(decoded(text, ':', WHAT)?, WHAT)
    }

    /// Checks parts that are not encoded.
    pub fn new(instance: &str, class: &str, member: &str, subsystem: Option<&str>) -> Result<Self, IdError> {
        const WHAT: &str = "a client identifier";
        let mut parts = vec![instance.to_owned(), class.to_owned(), member.to_owned()];
        parts.extend(subsystem.map(str::to_owned));
        for part in &parts {
            check(part, WHAT)?;
        }
        Self::from_parts(parts, WHAT)
    }

    fn from_parts(parts: Vec<String>, what: &'static str) -> Result<Self, IdError> {
        let found = parts.len();
        let mut parts = parts.into_iter();
        match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(instance), Some(class), Some(member), subsystem, None) => {
                Ok(Self { instance, class, member, subsystem })
            }
            _ => Err(IdError::Parts { what, expected: "three or four", found }),
        }
    }

    /// `MEMBER` or `SUBSYSTEM`.
    pub fn object_type(&self) -> &'static str {
        if self.subsystem.is_some() { "SUBSYSTEM" } else { "MEMBER" }
    }

    /// The member that this is or belongs to.
    pub fn owner(&self) -> Self {
        Self { subsystem: None, ..self.clone() }
    }

    /// Whether every part keeps to the characters of PR-REST 4.8: what we register and emit ourselves must.
    pub fn is_portable(&self) -> bool {
        self.parts().all(is_portable)
    }

    /// The parts that are there, in their order.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        [&*self.instance, &*self.class, &*self.member].into_iter().chain(self.subsystem.as_deref())
    }
}

/// As in paths and header lines, percent-encoded.
impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        joined(f, self.parts())
    }
}

impl ServiceId {
    /// Reads `VN/GOV/G22/portal/status`: five parts, or four where a member offers the service without a subsystem.
    ///
    /// PR-REST 4.1 lets the subsystem out; the four parts then are instance, class, member and service. In a path that cannot be told
    /// apart from what follows, so [`crate::rest`] wants all five there, as X-Road's own implementation does.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        const WHAT: &str = "a service identifier";
        let mut parts = decoded(text, '/', WHAT)?;
        let found = parts.len();
        let expected = "four or five";
        if !(4..=5).contains(&found) {
            return Err(IdError::Parts { what: WHAT, expected, found });
        }
        let service = parts.pop().ok_or(IdError::Parts { what: WHAT, expected, found })?;
        Ok(Self { provider: ClientId::from_parts(parts, WHAT)?, service, version: None })
    }

    /// Checks a service code, and a version, that are not encoded.
    pub fn new(provider: ClientId, service: &str, version: Option<&str>) -> Result<Self, IdError> {
        const WHAT: &str = "a service identifier";
        check(service, WHAT)?;
        version.map_or(Ok(()), |v| check(v, WHAT))?;
        Ok(Self { provider, service: service.to_owned(), version: version.map(str::to_owned) })
    }
}

/// As in paths and header lines, percent-encoded. The version comes last, where there is one.
impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        joined(f, self.provider.parts().chain([&*self.service]).chain(self.version.as_deref()))
    }
}

impl ServerId {
    /// Reads `X-Road-Security-Server`: four parts.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        const WHAT: &str = "a security server's identifier";
        let parts = decoded(text, '/', WHAT)?;
        let found = parts.len();
        <[String; 4]>::try_from(parts)
            .map(|[instance, class, member, server]| Self { instance, class, member, server })
            .map_err(|_| IdError::Parts { what: WHAT, expected: "four", found })
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        joined(f, [&*self.instance, &self.class, &self.member, &self.server].into_iter())
    }
}

impl RepresentedParty {
    /// Reads `X-Road-Represented-Party`: a code, or a class and a code.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        const WHAT: &str = "a represented party";
        let mut parts = decoded(text, '/', WHAT)?;
        let found = parts.len();
        match (parts.pop(), parts.pop(), parts.pop()) {
            (Some(code), class, None) => Ok(Self { class, code }),
            _ => Err(IdError::Parts { what: WHAT, expected: "one or two", found }),
        }
    }
}

impl fmt::Display for RepresentedParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        joined(f, self.class.as_deref().into_iter().chain([&*self.code]))
    }
}

/// PR-REST 4.8 (version 1.0.3): letters, digits and `'()+,-.=?`.
pub fn is_portable(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"'()+,-.=?".contains(&b))
}

/// One part as it stands in a path or a header line.
pub fn encode(part: &str) -> impl fmt::Display + '_ {
    utf8_percent_encode(part, SEGMENT)
}

/// Decodes and checks one part.
pub(crate) fn decode(part: &str, what: &'static str) -> Result<String, IdError> {
    let bytes = part.as_bytes();
    let escaped = |i: usize| {
        let digits = bytes.get(i + 1..i + 3).unwrap_or_default();
        digits.len() == 2 && digits.iter().all(u8::is_ascii_hexdigit)
    };
    if memchr::memchr_iter(b'%', bytes).any(|i| !escaped(i)) {
        return Err(IdError::Encoding(what));
    }
    let text = percent_decode_str(part).decode_utf8().map_err(|_| IdError::Encoding(what))?;
    check(&text, what)?;
    Ok(text.into_owned())
}

/// What is refused in every part, however it came here. Wider than PR-REST 4.8 on purpose: names with `_` are in use.
pub(crate) fn check(part: &str, what: &'static str) -> Result<(), IdError> {
    if part.is_empty() {
        return Err(IdError::Empty(what));
    }
    if part.len() > PART_MAX {
        return Err(IdError::Long(what));
    }
    if part == "." || part == ".." {
        return Err(IdError::Dots(what));
    }
    // Invisible characters make two identifiers that read the same.
    let invisible = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
    };
    match part.chars().find(|c| invisible(*c)) {
        Some(c) => Err(IdError::Character { what, character: u32::from(c) }),
        None => Ok(()),
    }
}

fn decoded(text: &str, separator: char, what: &'static str) -> Result<Vec<String>, IdError> {
    const MOST: usize = 8;
    text.split(separator).take(MOST).map(|part| decode(part, what)).collect()
}

fn joined<'a>(f: &mut fmt::Formatter<'_>, parts: impl Iterator<Item = &'a str>) -> fmt::Result {
    for (i, part) in parts.enumerate() {
        if i > 0 {
            f.write_str("/")?;
        }
        write!(f, "{}", encode(part))?;
    }
    Ok(())
}
