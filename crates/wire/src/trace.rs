//! W3C Trace Context (Recommendation of 23 November 2021): reads and writes `traceparent`, checks `tracestate` for passing on.
//! Not here: spans, sampling, exporting.

use std::fmt;

/// The longest `tracestate` that is passed on, bytes: what the recommendation asks everyone to carry.
pub const TRACESTATE_MAX: usize = 512;
/// The most members of a `tracestate`.
pub const TRACESTATE_MEMBERS_MAX: usize = 32;

/// Where a call stands in a trace. `Display` writes it as version 00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceParent {
    /// The trace; never all zero.
    pub trace_id: [u8; 16],
    /// The caller's span; never all zero.
    pub parent_id: [u8; 8],
    /// Bit 0 means sampled. Of versions above 00 only that bit is kept.
    pub flags: u8,
}

impl TraceParent {
    /// Reads a header. Version 00 must be exactly its 55 characters; higher versions may have more after another hyphen; `ff` is none.
    pub fn parse(value: &str) -> Option<Self> {
        let bytes = value.as_bytes();
        let (head, tail) = bytes.split_at_checked(55)?;
        if head[2] != b'-' || head[35] != b'-' || head[52] != b'-' {
            return None;
        }
        let [version] = hex::<1>(&head[..2])?;
        let fits = match version {
            0 => tail.is_empty(),
            0xFF => false,
            _ => tail.is_empty() || tail[0] == b'-',
        };
        let (trace_id, parent_id) = (hex::<16>(&head[3..35])?, hex::<8>(&head[36..52])?);
        let [flags] = hex::<1>(&head[53..])?;
        if !fits || trace_id == [0; 16] || parent_id == [0; 8] {
            return None;
        }
        Some(Self { trace_id, parent_id, flags: if version == 0 { flags } else { flags & 1 } })
    }

    /// Whether the caller has recorded its span.
    pub fn sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// The same trace with another span as the parent.
    pub fn with_parent(self, parent_id: [u8; 8]) -> Self {
        Self { parent_id, ..self }
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("00-")?;
        self.trace_id.iter().try_for_each(|b| write!(f, "{b:02x}"))?;
        f.write_str("-")?;
        self.parent_id.iter().try_for_each(|b| write!(f, "{b:02x}"))?;
        write!(f, "-{:02x}", self.flags)
    }
}

/// Lower-case hexadecimal digits; the recommendation allows no others.
fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut out = [0; N];
    if digits.len() != 2 * N {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        for d in pair {
            *byte = *byte << 4
                | match d {
                    b'0'..=b'9' => d - b'0',
                    b'a'..=b'f' => d - b'a' + 10,
                    _ => return None,
                };
        }
    }
    Some(out)
}

/// Whether a `tracestate` may be passed on: within bounds, its members well formed (3.3.1), no key twice. One that may not is dropped,
/// never the call.
pub fn tracestate_passes(value: &str) -> bool {
    if value.len() > TRACESTATE_MAX {
        return false;
    }
    let mut keys: Vec<&str> = Vec::new();
    for member in value.split(',').map(|m| m.trim_matches([' ', '\t'])).filter(|m| !m.is_empty()) {
        let Some((key, text)) = member.split_once('=') else { return false };
        if !key_fits(key) || !value_fits(text) || keys.contains(&key) || keys.len() == TRACESTATE_MEMBERS_MAX
        {
            return false;
        }
        keys.push(key);
    }
    !keys.is_empty()
}

fn key_fits(key: &str) -> bool {
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'*' | b'/');
    let part = |text: &str, max: usize, digit_first: bool| {
        text.len() <= max
            && text.bytes().all(fine)
            && text
                .bytes()
                .next()
                .is_some_and(|b| b.is_ascii_lowercase() || (digit_first && b.is_ascii_digit()))
    };
    match key.split_once('@') {
        None => part(key, 256, false),
        Some((tenant, system)) => part(tenant, 241, true) && part(system, 14, false),
    }
}

fn value_fits(text: &str) -> bool {
    let fine = |b: u8| matches!(b, 0x20..=0x7E) && b != b',' && b != b'=';
    !text.is_empty() && text.len() <= 256 && !text.ends_with(' ') && text.bytes().all(fine)
}
