//! The files of a contract: what was uploaded together, found by the references between them. Nothing is ever fetched.

use bytes::Bytes;
use std::collections::BTreeMap;

/// All files of a contract together, bytes: a large national WSDL with its schemas is below 2 MiB.
pub const BUNDLE_MAX: usize = 16 << 20;
/// Files of a contract.
pub const BUNDLE_FILES_MAX: usize = 500;

/// Why files make no bundle, or a reference leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Too much.
    #[error("the files together have {0} bytes; at most {BUNDLE_MAX} are taken")]
    TooLarge(usize),
    /// Too many.
    #[error("there are {0} files; at most {BUNDLE_FILES_MAX} are taken")]
    TooMany(usize),
    /// Not a name inside the bundle.
    #[error(
        "{0:?} is no plain relative name: absolute names, backslashes and steps above the contract's folder are not taken"
    )]
    Name(String),
    /// A reference to somewhere else.
    #[error(
        "{0:?} is elsewhere: references are never fetched; put the file beside the contract and refer to it by its name"
    )]
    Remote(String),
    /// A reference to a file that is not there.
    #[error("{0:?} is not among the files of the contract")]
    Missing(String),
}

/// The files of a contract, by their names relative to its folder, `/` between steps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bundle {
    files: BTreeMap<String, Bytes>,
}

impl Bundle {
    /// Files, checked for their names and sizes.
    pub fn new(files: BTreeMap<String, Bytes>) -> Result<Self, BundleError> {
        if files.len() > BUNDLE_FILES_MAX {
            return Err(BundleError::TooMany(files.len()));
        }
        let size = files.values().map(Bytes::len).sum();
        if size > BUNDLE_MAX {
            return Err(BundleError::TooLarge(size));
        }
        for name in files.keys() {
            if clean("", name).as_deref() != Some(name.as_str()) {
                return Err(BundleError::Name(name.clone()));
            }
        }
        Ok(Self { files })
    }

    /// A file by its name.
    pub fn get(&self, name: &str) -> Option<&Bytes> {
        self.files.get(name)
    }

    /// Its files, in the order of their names.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.files.iter().map(|(name, bytes)| (name.as_str(), bytes))
    }

    /// The file that a reference in another file means, with its name. A fragment (`#...`) is not part of the reference.
    pub fn follow(&self, from: &str, reference: &str) -> Result<(&str, &Bytes), BundleError> {
        if is_remote(reference) {
            return Err(BundleError::Remote(reference.to_owned()));
        }
        let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
        let name = clean(folder, reference).ok_or_else(|| BundleError::Name(reference.to_owned()))?;
        let found = self.files.get_key_value(&name).ok_or(BundleError::Missing(name))?;
        Ok((found.0.as_str(), found.1))
    }
}

/// Whether a reference has a scheme or an authority.
fn is_remote(reference: &str) -> bool {
    let scheme = reference.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    });
    scheme || reference.starts_with("//")
}

/// A relative name below a folder, its dot steps resolved; none if it leaves the bundle or is no plain name.
fn clean(folder: &str, name: &str) -> Option<String> {
    if name.is_empty() || name.starts_with('/') || name.contains(['\\', '\0', '%']) || is_remote(name) {
        return None;
    }
    let mut steps: Vec<&str> = folder.split('/').filter(|s| !s.is_empty()).collect();
    for step in name.split('/') {
        match step {
            "" => return None,
            "." => {}
            ".." => {
                steps.pop()?;
            }
            step => steps.push(step),
        }
    }
    (!steps.is_empty()).then(|| steps.join("/"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Bundle, BundleError};
    use bytes::Bytes;

    fn bundle(names: &[&str]) -> Bundle {
        Bundle::new(names.iter().map(|n| ((*n).to_owned(), Bytes::from_static(b"x"))).collect()).unwrap()
    }

    #[test]
    fn references_are_followed_inside_and_never_out() {
        let b = bundle(&["main.wsdl", "xsd/types.xsd", "xsd/deep/more.xsd"]);
        let name = |from, to| b.follow(from, to).map(|f| f.0.to_owned());
        assert_eq!(name("main.wsdl", "xsd/types.xsd"), Ok("xsd/types.xsd".into()));
        assert_eq!(name("xsd/types.xsd", "./deep/more.xsd"), Ok("xsd/deep/more.xsd".into()));
        assert_eq!(name("xsd/deep/more.xsd", "../../main.wsdl"), Ok("main.wsdl".into()));
        assert_eq!(name("main.wsdl", "other.xsd"), Err(BundleError::Missing("other.xsd".into())));
        for out in ["../main.wsdl", "/etc/passwd", "xsd\\types.xsd", "xsd//types.xsd", "xsd/%2e%2e/x", ""] {
            assert_eq!(name("main.wsdl", out), Err(BundleError::Name(out.into())), "{out}");
        }
        for remote in ["http://a.example/x.xsd", "file:///etc/passwd", "//a.example/x", "urn:x:y"] {
            assert_eq!(name("main.wsdl", remote), Err(BundleError::Remote(remote.into())));
        }
    }

    #[test]
    fn names_of_files_are_plain() {
        for name in ["../x", "/x", "a/../b", "./a", "a//b", "c:x"] {
            let files = [(name.to_owned(), Bytes::new())].into();
            assert_eq!(Bundle::new(files), Err(BundleError::Name(name.into())), "{name}");
        }
    }
}
