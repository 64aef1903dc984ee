//! The copy of the token-signing keys (sealed) and of revoked tokens that a node keeps on its own disk, so that it can start and
//! verify tokens while its store is away. The registry keeps its own copy beside it.

use lgsp_kernel::{Millis, Vault};
use lgsp_store::{RevokedToken, SigningKey};
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

const FORMAT: &str = "lgsp keys copy 1";
/// A larger file is not ours: a hundred thousand revoked tokens have about 10 MB.
const SIZE_MAX: u64 = 64 << 20;

/// What the copy says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyCopy {
    /// The keys, sealed.
    pub keys: Vec<SigningKey>,
    /// Tokens that are refused although they have not expired.
    pub revoked: Vec<RevokedToken>,
}

#[derive(Serialize, Deserialize)]
struct Form {
    format: String,
    at: i64,
    /// kid, alg, sealed, created at, retires at.
    keys: Vec<(String, String, String, i64, Option<i64>)>,
    /// jti, revoked at, expires at.
    revoked: Vec<(String, i64, i64)>,
}

/// Writes the copy, whole or not at all.
pub fn save(path: &Path, copy: &KeyCopy, vault: &Vault, now: Millis) -> std::io::Result<()> {
    let form = Form {
        format: FORMAT.into(),
        at: now.0,
        keys: copy
            .keys
            .iter()
            .map(|k| {
                (k.kid.clone(), k.alg.clone(), k.sealed.clone(), k.created_at.0, k.retires_at.map(|t| t.0))
            })
            .collect(),
        revoked: copy.revoked.iter().map(|r| (r.jti.clone(), r.revoked_at.0, r.expires_at.0)).collect(),
    };
    let text = serde_json::to_string(&form)?;
    let fresh = path.with_extension("new");
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    write!(file, "{text}\n{}\n", seal(vault, &text))?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    path.parent().map_or(Ok(()), |d| std::fs::File::open(d)?.sync_all())
}

/// Reads a copy that is at most so old; the text says why it is not used.
pub fn load(path: &Path, vault: &Vault, now: Millis, max_age_seconds: i64) -> Result<KeyCopy, String> {
    let size = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
    if size > SIZE_MAX {
        return Err("it is too large".into());
    }
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    let mut lines = text.lines();
    let (content, written) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let expected = seal(vault, content);
    if aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_bytes(), written.as_bytes()).is_err() {
        return Err("it was altered, cut short, or written under another master key".into());
    }
    let form: Form = serde_json::from_str(content).map_err(|_| "it has another form".to_owned())?;
    if form.format != FORMAT {
        return Err("it has the form of another version of this program".into());
    }
    let age = now.seconds().saturating_sub(Millis(form.at).seconds());
    if age > max_age_seconds {
        return Err(format!("it is {age} s old; at most {max_age_seconds} s are allowed"));
    }
    let keys = form.keys.into_iter().map(|(kid, alg, sealed, created, retires)| SigningKey {
        kid,
        alg,
        sealed,
        created_at: Millis(created),
        retires_at: retires.map(Millis),
    });
    let revoked = form.revoked.into_iter().map(|(jti, revoked, expires)| RevokedToken {
        jti,
        revoked_at: Millis(revoked),
        expires_at: Millis(expires),
    });
    Ok(KeyCopy { keys: keys.collect(), revoked: revoked.collect() })
}

/// A keyed digest over the content, whose input has a form that no client secret can have.
fn seal(vault: &Vault, content: &str) -> String {
    hex::encode(vault.digest(&[FORMAT.as_bytes(), b"\0", content.as_bytes()].concat()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{KeyCopy, load, save};
    use lgsp_kernel::{Millis, Vault};
    use lgsp_store::{RevokedToken, SigningKey};

    #[test]
    fn a_copy_is_used_while_it_is_young_and_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys.copy");
        let (vault, at) = (Vault::new(&[1; 32]), Millis(1_700_000_000_000));
        let copy = KeyCopy {
            keys: vec![SigningKey {
                kid: "k".into(),
                alg: "ES256".into(),
                sealed: "v1.x".into(),
                created_at: at,
                retires_at: None,
            }],
            revoked: vec![RevokedToken { jti: "j".into(), revoked_at: at, expires_at: at.plus_seconds(9) }],
        };
        save(&path, &copy, &vault, at).unwrap();
        assert_eq!(load(&path, &vault, at.plus_seconds(60), 60), Ok(copy));
        assert!(load(&path, &vault, at.plus_seconds(61), 60).unwrap_err().contains("61 s old"));
        assert!(load(&path, &Vault::new(&[2; 32]), at, 60).is_err());
        let text = std::fs::read_to_string(&path).unwrap().replace("\"j\"", "\"i\"");
        std::fs::write(&path, text).unwrap();
        assert!(load(&path, &vault, at, 60).unwrap_err().contains("altered"));
    }
}
