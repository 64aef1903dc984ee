//! base64 and quoted-printable as the bytes come. Strict: what decoders read differently is refused.

use super::AttachFault;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Reads base64 (RFC 4648, 4), padded, with white space between (XML Schema, RFC 2045). Holds at most three characters.
#[derive(Debug, Default)]
pub struct Base64Decoder {
    quad: Vec<u8>,
    ended: bool,
    at: u64,
}

impl Base64Decoder {
    /// Appends what the next characters decode to.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), AttachFault> {
        let space = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
        for piece in input.split(space).filter(|p| !p.is_empty()) {
            if self.ended {
                return Err(AttachFault::Base64(self.at));
            }
            self.at += piece.len() as u64;
            let mut piece = piece;
            if !self.quad.is_empty() {
                let n = (4 - self.quad.len()).min(piece.len());
                self.quad.extend_from_slice(&piece[..n]);
                piece = &piece[n..];
                if self.quad.len() < 4 {
                    continue;
                }
                let quad = std::mem::take(&mut self.quad);
                self.quads(&quad, out)?;
                if self.ended && !piece.is_empty() {
                    return Err(AttachFault::Base64(self.at));
                }
            }
            let (whole, rest) = piece.split_at(piece.len() / 4 * 4);
            self.quads(whole, out)?;
            if self.ended && !rest.is_empty() {
                return Err(AttachFault::Base64(self.at));
            }
            self.quad.extend_from_slice(rest);
        }
        Ok(())
    }

    fn quads(&mut self, whole: &[u8], out: &mut Vec<u8>) -> Result<(), AttachFault> {
        STANDARD.decode_vec(whole, out).map_err(|_| AttachFault::Base64(self.at))?;
        self.ended |= whole.ends_with(b"=");
        Ok(())
    }

    /// Says that there are no more.
    pub fn finish(&self) -> Result<(), AttachFault> {
        if self.quad.is_empty() { Ok(()) } else { Err(AttachFault::Base64(self.at)) }
    }
}

/// Writes base64 without line ends. Holds at most two bytes.
#[derive(Debug, Default)]
pub struct Base64Encoder {
    rest: Vec<u8>,
}

impl Base64Encoder {
    /// Appends the base64 of the next bytes, as far as it is certain.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let mut input = input;
        if !self.rest.is_empty() {
            let n = (3 - self.rest.len()).min(input.len());
            self.rest.extend_from_slice(&input[..n]);
            input = &input[n..];
            if self.rest.len() < 3 {
                return;
            }
            append(&std::mem::take(&mut self.rest), out);
        }
        let (whole, rest) = input.split_at(input.len() / 3 * 3);
        append(whole, out);
        self.rest.extend_from_slice(rest);
    }

    /// Appends the last characters; the encoder may be used again.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        append(&std::mem::take(&mut self.rest), out);
    }
}

fn append(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    // The room is exactly what padded base64 needs.
    let _ = STANDARD.encode_slice(bytes, &mut out[start..]);
}

/// Reads quoted-printable (RFC 2045, 6.7). Holds at most an escape.
#[derive(Debug, Default)]
pub(super) struct QuotedPrintable {
    held: Vec<u8>,
}

impl QuotedPrintable {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), AttachFault> {
        for b in input {
            if self.held.is_empty() && *b != b'=' {
                out.push(*b);
                continue;
            }
            self.held.push(*b);
            match self.held.as_slice() {
                [_] | [_, b'\r'] => {}
                [_, b'\r', b'\n'] | [_, b'\n'] => self.held.clear(),
                [_, h] if h.is_ascii_hexdigit() => {}
                [_, h, l] if h.is_ascii_hexdigit() && l.is_ascii_hexdigit() => {
                    let digit =
                        |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok()).unwrap_or(0);
                    out.push(digit(*h) * 16 + digit(*l));
                    self.held.clear();
                }
                _ => return Err(AttachFault::QuotedPrintable),
            }
        }
        Ok(())
    }
}

/// What a part's Content-Transfer-Encoding asks for.
#[derive(Debug)]
pub(super) enum Transfer {
    Identity,
    Base64(Base64Decoder),
    Quoted(QuotedPrintable),
}

impl Transfer {
    pub(super) fn of(encoding: Option<&str>) -> Result<Self, AttachFault> {
        match encoding.map(str::trim) {
            None | Some("" | "7bit" | "8bit" | "binary") => Ok(Self::Identity),
            Some("base64") => Ok(Self::Base64(Base64Decoder::default())),
            Some("quoted-printable") => Ok(Self::Quoted(QuotedPrintable::default())),
            Some(other) => Err(AttachFault::Encoding(crate::clip(other))),
        }
    }

    pub(super) fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), AttachFault> {
        match self {
            Self::Identity => {
                out.extend_from_slice(input);
                Ok(())
            }
            Self::Base64(decoder) => decoder.push(input, out),
            Self::Quoted(decoder) => decoder.push(input, out),
        }
    }

    pub(super) fn finish(&self) -> Result<(), AttachFault> {
        match self {
            Self::Identity => Ok(()),
            Self::Base64(decoder) => decoder.finish(),
            Self::Quoted(decoder) if decoder.held.is_empty() => Ok(()),
            Self::Quoted(_) => Err(AttachFault::QuotedPrintable),
        }
    }
}
