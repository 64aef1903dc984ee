//! The hub's certificate authorities: one that issues, and, while it is being rotated, the ones before it that are still believed. Which are
//! believed, the directory says.

use crate::membership::files::write;
use crate::membership::keys::Keys;
use lgsp_kernel::{Millis, NodeName};
use lgsp_trust::{Authority, CertError, KeyError, pem};
use std::path::PathBuf;

/// Why there is no authority.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// Its key.
    #[error("the authority's key: {0}")]
    Key(#[from] KeyError),
    /// Its certificate.
    #[error("the authority's certificate: {0}")]
    Certificate(#[from] CertError),
    /// Its folder.
    #[error("the authority's folder: {0}")]
    Io(#[from] std::io::Error),
    /// None was made.
    #[error("there is no authority in {0}: `lgsp hub init` makes it")]
    Missing(PathBuf),
}

/// The folder of authorities: `<number>.pem`, and `<number>.key` where the key is in a file.
#[derive(Debug)]
pub struct Authorities<'a> {
    folder: PathBuf,
    keys: &'a Keys,
}

impl<'a> Authorities<'a> {
    /// In this folder, with these keys.
    pub fn at(folder: PathBuf, keys: &'a Keys) -> Self {
        Self { folder, keys }
    }

    /// Makes the next one; from then on it issues.
    pub fn create(&self, hub: &NodeName, now: Millis) -> Result<Authority, AuthorityError> {
        let number = self.numbers()?.last().map_or(1, |n| n + 1);
        let made = Authority::create(self.keys.authority(number)?, hub, now)?;
        write(&self.folder.join(format!("{number}.pem")), made.certificate_pem().as_bytes())?;
        Ok(made)
    }

    /// The one that issues: the newest.
    pub fn current(&self) -> Result<Authority, AuthorityError> {
        let number = self.numbers()?.pop().ok_or_else(|| AuthorityError::Missing(self.folder.clone()))?;
        let text = std::fs::read_to_string(self.folder.join(format!("{number}.pem")))?;
        let der = pem::decode(pem::CERTIFICATE, &text).map_err(std::io::Error::other)?;
        Ok(Authority::load(self.keys.authority(number)?, der)?)
    }

    /// How many there have been: the number of the newest.
    pub fn count(&self) -> Result<u32, AuthorityError> {
        Ok(self.numbers()?.pop().unwrap_or(0))
    }

    fn numbers(&self) -> Result<Vec<u32>, AuthorityError> {
        let entries = match std::fs::read_dir(&self.folder) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            let number =
                name.to_str().and_then(|n| n.strip_suffix(".pem")).and_then(|n| n.parse::<u32>().ok());
            numbers.extend(number);
        }
        numbers.sort_unstable();
        Ok(numbers)
    }
}
