//! PEM (RFC 7468) around DER: the form in which certificates and requests travel between people. Not here: what is in them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The longest PEM text that is read, bytes: a chain of a few certificates.
pub const PEM_MAX: usize = 64 << 10;
/// The most blocks that one text may hold.
pub const BLOCKS_MAX: usize = 16;
/// The label of a certificate.
pub const CERTIFICATE: &str = "CERTIFICATE";
/// The label of a signing request.
pub const REQUEST: &str = "CERTIFICATE REQUEST";

/// Why a text is not the PEM that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not PEM of the kind {label}: {why}")]
pub struct PemError {
    label: String,
    why: &'static str,
}

/// The PEM text of one DER value.
pub fn encode(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

/// All values of this label, in order. Text outside the blocks is passed over; blocks of another label are refused.
pub fn decode_all(label: &str, text: &str) -> Result<Vec<Vec<u8>>, PemError> {
    let bad = |why| PemError { label: label.to_owned(), why };
    if text.len() > PEM_MAX {
        return Err(bad("longer than 64 KiB"));
    }
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let mut out = Vec::new();
    let mut block: Option<String> = None;
    for line in text.lines().map(str::trim) {
        match &mut block {
            None if line == begin => block = Some(String::new()),
            None if line.starts_with("-----BEGIN ") => return Err(bad("it holds a block of another kind")),
            None => {}
            Some(base64) if line == end => {
                out.push(STANDARD.decode(&*base64).map_err(|_| bad("a block is not base64"))?);
                block = None;
            }
            Some(base64) => base64.push_str(line),
        }
        if out.len() > BLOCKS_MAX {
            return Err(bad("more than 16 blocks"));
        }
    }
    match (block, out.is_empty()) {
        (Some(_), _) => Err(bad("a block does not end")),
        (None, true) => Err(bad("it holds no block")),
        (None, false) => Ok(out),
    }
}

/// The one value of this label.
pub fn decode(label: &str, text: &str) -> Result<Vec<u8>, PemError> {
    let mut all = decode_all(label, text)?;
    match all.len() {
        1 => Ok(all.remove(0)),
        _ => Err(PemError { label: label.to_owned(), why: "it holds more than one block" }),
    }
}
