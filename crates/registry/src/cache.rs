//! The copy of the declared rows that a node keeps on its own disk, so that it can start and decide while the database is away.
//! Secrets in it are sealed as in the store; an altered copy is refused.

use crate::state::{Declared, Row, Touched};
use aws_lc_rs::digest::{SHA256, digest};
use lgsp_kernel::{Millis, Vault};
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::path::Path;

const FORMAT: &str = "lgsp registry copy 1";
/// The largest copy read back, bytes.
const SIZE_MAX: u64 = 2 << 30;

/// Why a copy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// It cannot be read or written.
    #[error("the registry's copy on disk: {0}")]
    Io(#[from] std::io::Error),
    /// Not what this program wrote under this master key.
    #[error("the registry's copy on disk is not used: {0}")]
    Altered(&'static str),
    /// It is older than the caller allows.
    #[error("the registry's copy on disk is {age_seconds} s old; at most {max_seconds} s are allowed")]
    TooOld {
        /// Its age.
        age_seconds: i64,
        /// The allowed age.
        max_seconds: i64,
    },
}

#[derive(Serialize, Deserialize)]
struct Head {
    format: String,
    generation: i64,
    at: Millis,
    rows: usize,
}

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    kind: std::borrow::Cow<'a, str>,
    id: std::borrow::Cow<'a, str>,
    generation: i64,
    spec: std::borrow::Cow<'a, str>,
}

/// Writes the copy: whole or not at all, readable by this account alone.
pub(crate) fn save(path: &Path, state: &Declared, vault: &Vault, at: Millis) -> Result<(), CacheError> {
    let mut text = Vec::new();
    let rows: Vec<Row> = state.rows().collect();
    let head = Head { format: FORMAT.into(), generation: state.generation, at, rows: rows.len() };
    serde_json::to_writer(&mut text, &head).map_err(std::io::Error::from)?;
    text.push(b'\n');
    for row in &rows {
        let line = Line {
            kind: row.kind.as_str().into(),
            id: row.id.as_str().into(),
            generation: row.generation,
            spec: row.spec.as_deref().unwrap_or_default().into(),
        };
        serde_json::to_writer(&mut text, &line).map_err(std::io::Error::from)?;
        text.push(b'\n');
    }
    let seal = seal(vault, &text);
    text.extend_from_slice(seal.as_bytes());
    text.push(b'\n');
    write_whole(path, &text)?;
    Ok(())
}

/// Reads a copy that is at most so old; the state and when it was true.
pub(crate) fn load(
    path: &Path,
    vault: &Vault,
    now: Millis,
    max_age_seconds: i64,
) -> Result<(Declared, Millis), CacheError> {
    let size = std::fs::metadata(path)?.len();
    if size > SIZE_MAX {
        return Err(CacheError::Altered("it is too large"));
    }
    let text = std::fs::read(path)?;
    let body = text.strip_suffix(b"\n").ok_or(CacheError::Altered("it is cut short"))?;
    let end = body.iter().rposition(|b| *b == b'\n').ok_or(CacheError::Altered("it is cut short"))? + 1;
    let (content, written) = body.split_at(end);
    let expected = seal(vault, content);
    if aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_bytes(), written).is_err() {
        return Err(CacheError::Altered("it was altered, or written under another master key"));
    }
    let mut lines = content.split(|b| *b == b'\n').filter(|l| !l.is_empty());
    let form = |_| CacheError::Altered("it has another form");
    let head: Head = serde_json::from_slice(lines.next().unwrap_or_default()).map_err(form)?;
    if head.format != FORMAT {
        return Err(CacheError::Altered("it has the form of another version of this program"));
    }
    let age_seconds = now.seconds().saturating_sub(head.at.seconds());
    if age_seconds > max_age_seconds {
        return Err(CacheError::TooOld { age_seconds, max_seconds: max_age_seconds });
    }
    let mut rows = Vec::with_capacity(head.rows.min(1 << 20));
    for line in lines {
        let line: Line<'_> = serde_json::from_slice(line).map_err(form)?;
        rows.push(Row {
            kind: line.kind.into_owned(),
            id: line.id.into_owned(),
            spec: Some(line.spec.into_owned()),
            generation: line.generation,
        });
    }
    let mut state = Declared::default();
    state.take(rows, &mut Touched::default());
    state.generation = head.generation;
    Ok((state, head.at))
}

/// The keyed digest over the content's SHA-256. Its input has a form that no client secret or API key can have.
fn seal(vault: &Vault, content: &[u8]) -> String {
    let inner = digest(&SHA256, content);
    hex::encode(vault.digest(&[FORMAT.as_bytes(), b"\0", inner.as_ref()].concat()))
}

pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = folder.join(name);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    std::fs::File::open(folder)?.sync_all()
}
