//! Where an HTTP/1 message begins and ends, read strictly and before anything else reads it: the one place that decides
//! whether bytes are a request at all. Pure: no I/O, no time. Two readers who disagree here can be played against each other
//! (request smuggling), so everything that has two readings is refused: both lengths, repeated lengths, codings other than
//! `chunked`, folded lines, bare CR or LF, blanks before the colon, a missing or repeated Host.

/// The bounds on a request's head.
#[derive(Debug, Clone, Copy)]
pub struct HeadLimits {
    /// All lines together, bytes.
    pub head: usize,
    /// Number of header lines.
    pub lines: usize,
    /// The request target, bytes.
    pub target: usize,
}

/// Why bytes are not a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Not one unambiguous request; what is wrong with it.
    Malformed(&'static str),
    /// The head, or a trailer section, is larger than allowed or has too many lines.
    HeadTooLarge,
    /// The target is longer than allowed.
    TargetTooLong,
    /// The head did not arrive in time.
    Timeout,
}

/// What follows a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// So many bytes of body, possibly none.
    Length(u64),
    /// A chunked body.
    Chunked,
}

/// What a request line may have besides its target, bytes.
const REQUEST_LINE_REST: usize = 64;
/// Bytes and lines of a trailer section, and bytes of one chunk's extension line: as much as any honest sender needs, and less than what the
/// next reader takes.
const TRAILERS_MAX: usize = 8 << 10;
const TRAILER_LINES_MAX: usize = 64;
const CHUNK_LINE_MAX: usize = 256;

const TOKEN: [bool; 256] = table(b"!#$%&'*+-.^_`|~", true);
const HOST: [bool; 256] = table(b".-_:[]~%", true);
const NAME: [bool; 256] = table(b".-_", true);
const VALUE: [bool; 256] = value_table();
const TARGET: [bool; 256] = target_table();

const fn table(extra: &[u8], alphanumeric: bool) -> [bool; 256] {
    let mut t = [false; 256];
    let mut i = 0;
    while i < 256 {
        t[i] = alphanumeric && (i as u8).is_ascii_alphanumeric();
        i += 1;
    }
    i = 0;
    while i < extra.len() {
        t[extra[i] as usize] = true;
        i += 1;
    }
    t
}
const fn value_table() -> [bool; 256] {
    let mut t = [true; 256];
    let mut i = 0;
    while i < 0x20 {
        t[i] = i == 9;
        i += 1;
    }
    t[0x7f] = false;
    t
}
const fn target_table() -> [bool; 256] {
    let mut t = [false; 256];
    let mut i = 0x21;
    while i < 0x7f {
        t[i] = !matches!(i as u8, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'#');
        i += 1;
    }
    // A backslash is a path fault with its own answer, not a syntax error of the line.
    t[b'\\' as usize] = true;
    t
}

/// Reads one head as it arrives, line by line.
#[derive(Debug, Default)]
pub struct HeadReader {
    line_start: usize,
    scanned: usize,
    lines: usize,
    http11: bool,
    length: Option<u64>,
    chunked: bool,
    hosts: usize,
}

impl HeadReader {
    /// Reads on in `bytes`, the whole head as far as it has arrived. `Some` with the length of the head and what follows it, once it is complete.
    pub fn read(&mut self, bytes: &[u8], limits: &HeadLimits) -> Result<Option<(usize, Framing)>, Fault> {
        while let Some(at) = memchr::memchr(b'\n', &bytes[self.scanned..]).map(|i| i + self.scanned) {
            if at >= limits.head {
                return Err(self.too_large());
            }
            if self.lines == 0 && at > limits.target + REQUEST_LINE_REST {
                return Err(Fault::TargetTooLong);
            }
            let line = &bytes[self.line_start..at];
            let Some((b'\r', line)) = line.split_last() else {
                return Err(Fault::Malformed("a line ends without CR LF"));
            };
            self.line_start = at + 1;
            self.scanned = at + 1;
            if line.is_empty() {
                return self.finish().map(|framing| Some((at + 1, framing)));
            }
            if self.lines == 0 {
                self.request_line(line, limits)?;
            } else {
                self.header_line(line)?;
            }
            self.lines += 1;
            if self.lines > limits.lines + 1 {
                return Err(Fault::HeadTooLarge);
            }
        }
        self.scanned = bytes.len();
        if bytes.len() >= limits.head {
            return Err(self.too_large());
        }
        if self.lines == 0 && bytes.len() > limits.target + REQUEST_LINE_REST {
            return Err(Fault::TargetTooLong);
        }
        Ok(None)
    }

    fn too_large(&self) -> Fault {
        if self.lines == 0 { Fault::TargetTooLong } else { Fault::HeadTooLarge }
    }

    fn request_line(&mut self, line: &[u8], limits: &HeadLimits) -> Result<(), Fault> {
        let mut parts = line.splitn(3, |b| *b == b' ');
        let (Some(method), Some(target), Some(version)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Fault::Malformed("the request line is not 'METHOD target HTTP/1.1'"));
        };
        if target.len() > limits.target {
            return Err(Fault::TargetTooLong);
        }
        self.http11 = match version {
            b"HTTP/1.1" => true,
            b"HTTP/1.0" => false,
            _ => return Err(Fault::Malformed("the request line does not end in HTTP/1.1 or HTTP/1.0")),
        };
        if method.is_empty() || method.len() > 32 || !method.iter().all(|b| TOKEN[*b as usize]) {
            return Err(Fault::Malformed("the method is not a token"));
        }
        if target.is_empty() || !target.iter().all(|b| TARGET[*b as usize]) {
            return Err(Fault::Malformed("the target has a character that must be percent-encoded"));
        }
        if !is_target(method, target) {
            return Err(Fault::Malformed("the target is neither a path nor an http address"));
        }
        Ok(())
    }

    fn header_line(&mut self, line: &[u8]) -> Result<(), Fault> {
        if matches!(line[0], b' ' | b'\t') {
            return Err(Fault::Malformed("a header line is folded"));
        }
        let colon = memchr::memchr(b':', line).ok_or(Fault::Malformed("a header line has no colon"))?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.is_empty() || !name.iter().all(|b| TOKEN[*b as usize]) {
            return Err(Fault::Malformed("a header name is not a token"));
        }
        // All bytes are looked at, without a way out: that becomes a few vector instructions, and values can be long.
        if value.iter().fold(false, |bad, b| bad | (*b < 0x20 && *b != b'\t') | (*b == 0x7f)) {
            return Err(Fault::Malformed("a header value has a control character"));
        }
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => {
                self.hosts += 1;
                if !value.iter().all(|b| HOST[*b as usize]) {
                    return Err(Fault::Malformed("the Host is not a host"));
                }
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => self.announced(length(value)?)?,
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if self.chunked {
                    return Err(Fault::Malformed("Transfer-Encoding is there twice"));
                }
                if !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Fault::Malformed("a Transfer-Encoding other than chunked"));
                }
                self.chunked = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// One length, said once: not even the same one twice.
    fn announced(&mut self, length: u64) -> Result<(), Fault> {
        match self.length.replace(length) {
            Some(_) => Err(Fault::Malformed("Content-Length is there twice")),
            None => Ok(()),
        }
    }

    fn finish(&self) -> Result<Framing, Fault> {
        if self.lines == 0 {
            return Err(Fault::Malformed("an empty line instead of a request"));
        }
        if self.hosts > 1 || (self.http11 && self.hosts == 0) {
            return Err(Fault::Malformed("there must be exactly one Host"));
        }
        match (self.length, self.chunked) {
            (Some(_), true) => Err(Fault::Malformed("Content-Length and Transfer-Encoding together")),
            (None, true) if !self.http11 => Err(Fault::Malformed("Transfer-Encoding in HTTP/1.0")),
            (None, true) => Ok(Framing::Chunked),
            (length, false) => Ok(Framing::Length(length.unwrap_or(0))),
        }
    }
}

fn length(value: &[u8]) -> Result<u64, Fault> {
    let bad = Fault::Malformed("Content-Length is not one decimal number");
    if value.is_empty() || value.len() > 18 || !value.iter().all(u8::is_ascii_digit) {
        return Err(bad);
    }
    Ok(value.iter().fold(0u64, |n, d| n * 10 + u64::from(d - b'0')))
}

/// The forms of a target (RFC 9112, section 3.2): a path, an address with scheme, `*`, and for CONNECT a host with a port.
fn is_target(method: &[u8], target: &[u8]) -> bool {
    match target {
        b"*" | [b'/', ..] => true,
        _ if method == b"CONNECT" => is_authority(target),
        _ => ["http://", "https://"].iter().any(|scheme| {
            target.split_at_checked(scheme.len()).is_some_and(|(start, rest)| {
                let end = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
                start.eq_ignore_ascii_case(scheme.as_bytes()) && is_authority(&rest[..end])
            })
        }),
    }
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`; no user.
fn is_authority(text: &[u8]) -> bool {
    let (host, port) = match text.strip_prefix(b"[") {
        Some(rest) => {
            let Some(end) = rest.iter().position(|b| *b == b']') else { return false };
            if !rest[..end].contains(&b':')
                || !rest[..end].iter().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'))
            {
                return false;
            }
            (&rest[..end], &rest[end + 1..])
        }
        None => text.split_at(text.iter().position(|b| *b == b':').unwrap_or(text.len())),
    };
    let named = text.starts_with(b"[") || host.iter().all(|b| NAME[*b as usize]);
    let numbered = port.is_empty()
        || port
            .strip_prefix(b":")
            .is_some_and(|p| (1..=5).contains(&p.len()) && p.iter().all(u8::is_ascii_digit));
    !host.is_empty() && named && numbered
}

/// Follows a chunked body to its end.
#[derive(Debug)]
pub struct ChunkReader {
    state: Chunk,
    line: usize,
    trailers: usize,
    trailer_lines: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chunk {
    Size { value: u64, digits: u8 },
    Extension(u64),
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
    TrailerStart,
    Trailer,
    TrailerLf,
    EndLf,
    Done,
}

impl Default for ChunkReader {
    fn default() -> Self {
        Self { state: Chunk::Size { value: 0, digits: 0 }, line: 0, trailers: 0, trailer_lines: 0 }
    }
}

impl ChunkReader {
    /// Reads on: how many of these bytes belong to the body, and whether it has ended.
    pub fn read(&mut self, bytes: &[u8]) -> Result<(usize, bool), Fault> {
        let mut at = 0;
        while at < bytes.len() && self.state != Chunk::Done {
            if let Chunk::Data(left) = self.state {
                let step = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - at);
                at += step;
                let left = left - step as u64;
                self.state = if left == 0 { Chunk::DataCr } else { Chunk::Data(left) };
            } else {
                self.state = self.step(bytes[at])?;
                at += 1;
            }
        }
        Ok((at, self.state == Chunk::Done))
    }

    fn step(&mut self, byte: u8) -> Result<Chunk, Fault> {
        let bad = Err(Fault::Malformed("a chunk is not 'size CR LF data CR LF'"));
        Ok(match (self.state, byte) {
            (Chunk::Size { value, digits }, b) if b.is_ascii_hexdigit() && digits < 15 => {
                let digit = char::from(b).to_digit(16).map_or(0, u64::from);
                Chunk::Size { value: value * 16 + digit, digits: digits + 1 }
            }
            (Chunk::Size { value, digits }, b'\r') if digits > 0 => Chunk::SizeLf(value),
            (Chunk::Size { value, digits }, b';') if digits > 0 => {
                self.line = 0;
                Chunk::Extension(value)
            }
            (Chunk::Extension(value), b'\r') => Chunk::SizeLf(value),
            (Chunk::Extension(value), b) if VALUE[b as usize] && self.line < CHUNK_LINE_MAX => {
                self.line += 1;
                Chunk::Extension(value)
            }
            (Chunk::SizeLf(0), b'\n') => Chunk::TrailerStart,
            (Chunk::SizeLf(n), b'\n') => Chunk::Data(n),
            (Chunk::DataCr, b'\r') => Chunk::DataLf,
            (Chunk::DataLf, b'\n') => Chunk::Size { value: 0, digits: 0 },
            (Chunk::TrailerStart, b'\r') => Chunk::EndLf,
            (Chunk::TrailerStart, b) if TOKEN[b as usize] => {
                self.trailer_lines += 1;
                self.trailer_byte()?
            }
            (Chunk::Trailer, b'\r') => Chunk::TrailerLf,
            (Chunk::Trailer, b) if VALUE[b as usize] => self.trailer_byte()?,
            (Chunk::TrailerLf, b'\n') => Chunk::TrailerStart,
            (Chunk::EndLf, b'\n') => Chunk::Done,
            _ => return bad,
        })
    }

    fn trailer_byte(&mut self) -> Result<Chunk, Fault> {
        self.trailers += 1;
        if self.trailers > TRAILERS_MAX || self.trailer_lines > TRAILER_LINES_MAX {
            Err(Fault::HeadTooLarge)
        } else {
            Ok(Chunk::Trailer)
        }
    }
}
