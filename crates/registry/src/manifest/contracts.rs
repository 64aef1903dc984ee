//! The files that a declaration names beside itself: contracts and mappings. Read here, where a declaration is applied from; the rest of
//! the platform knows them by their digest.

use crate::contracts::bundle;
use lgsp_kernel::mediation::VersionFiles;
use lgsp_kernel::model::{ContractSpec, FileSpec, VersionSpec};
use std::path::Path;
use std::sync::Arc;

/// A place where a declaration names a file.
pub(crate) enum Named<'a> {
    /// A contract: what it refers to is taken with it.
    Contract(&'a mut ContractSpec),
    /// Another file.
    File(&'a mut FileSpec),
}

/// The files of a version, with the path of each.
pub(crate) fn version_files(version: &mut VersionSpec, f: &mut dyn FnMut(&str, Named<'_>)) {
    if let Some(contract) = &mut version.contract {
        f("contract", Named::Contract(contract));
    }
    if let Some(wsdl) = &mut version.wsdl {
        f("wsdl", Named::File(wsdl));
    }
    for (i, operation) in version.operations.iter_mut().enumerate() {
        let Some(mappings) = &mut operation.mappings else { continue };
        for (way, file) in [("request", &mut mappings.request), ("answer", &mut mappings.answer)] {
            if let Some(file) = file {
                f(&format!("operations[{i}].mappings.{way}"), Named::File(file));
            }
        }
    }
}

/// Puts the digest in the place of the file's name, and the files to those that will be kept.
pub(crate) fn fetch(named: Named<'_>, folder: Option<&Path>, kept: &mut VersionFiles) -> Result<(), String> {
    let follow = match &named {
        Named::Contract(_) => true,
        Named::File(f) => f.file.as_deref().is_some_and(|n| n.to_ascii_lowercase().ends_with(".wsdl")),
    };
    let (file, digest, main, kind) = match named {
        Named::Contract(c) => (&mut c.file, &mut c.digest, &mut c.main, Some(&mut c.kind)),
        Named::File(f) => (&mut f.file, &mut f.digest, &mut f.main, None),
    };
    let Some(name) = file.take() else {
        return match (&digest, &main) {
            (Some(digest), Some(_))
                if digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit()) =>
            {
                Ok(())
            }
            _ => Err("needs `file`, or `digest` and `main` of files that were uploaded".into()),
        };
    };
    if digest.is_some() {
        return Err("has `file` or `digest`, not both".into());
    }
    let Some(folder) = folder else {
        return Err("`file` is read where a file is applied from, not here: upload it and send its `digest` and `main`".into());
    };
    let (first, files) = bundle::gather(&folder.join(&name), follow)?;
    if let Some(kind) = kind.filter(|k| k.is_none()) {
        *kind = files.get(&first).map(|bytes| bundle::kind_of(&first, bytes));
    }
    let sum = bundle::digest(&files);
    (*digest, *main) = (Some(sum.clone()), Some(first));
    kept.insert(sum, Arc::new(files));
    Ok(())
}

/// A contract's file with those that it refers to, as a declaration names them once they are kept.
pub fn gather_contract(file: &Path) -> Result<(ContractSpec, VersionFiles), String> {
    let mut contract = ContractSpec { file: Some(file.display().to_string()), ..ContractSpec::default() };
    let mut files = VersionFiles::new();
    fetch(Named::Contract(&mut contract), Some(Path::new("")), &mut files)?;
    Ok((contract, files))
}
