//! Where a declaration's secrets are, and fetching those that it names by environment variable or file. Sealing them is
//! `sealing`'s.

use super::contracts::{Named, version_files};
use lgsp_kernel::model::{
    AgencySpec, CredentialSpec, GrantSpec, LegSpec, ProviderAuth, SecretInput, ServiceSpec, SystemSpec,
    UpstreamSpec, VersionSpec,
};
use std::io::Read as _;
use std::path::Path;

/// The largest secret, bytes: a certificate chain with its key fits well.
pub const SECRET_MAX: u64 = 64 << 10;

/// The secrets of a declared thing, with the path of each.
pub(crate) trait Secrets {
    /// Calls `f` with each secret.
    fn each_secret(&mut self, f: &mut dyn FnMut(&str, &mut SecretInput)) {
        let _ = f;
    }
    /// Calls `f` with each file that it names.
    fn each_file(&mut self, f: &mut dyn FnMut(&str, Named<'_>)) {
        let _ = f;
    }
}

impl Secrets for AgencySpec {}
impl Secrets for SystemSpec {}
impl Secrets for GrantSpec {}
impl Secrets for CredentialSpec {
    fn each_secret(&mut self, f: &mut dyn FnMut(&str, &mut SecretInput)) {
        if let Some(secret) = &mut self.secret {
            f("secret", secret);
        }
    }
}
impl Secrets for ServiceSpec {
    fn each_secret(&mut self, f: &mut dyn FnMut(&str, &mut SecretInput)) {
        for (i, version) in self.versions.iter_mut().enumerate() {
            version_secrets(version, &mut |path, secret| f(&format!("versions[{i}].{path}"), secret));
        }
    }
    fn each_file(&mut self, f: &mut dyn FnMut(&str, Named<'_>)) {
        for (i, version) in self.versions.iter_mut().enumerate() {
            version_files(version, &mut |path, named| f(&format!("versions[{i}].{path}"), named));
        }
    }
}

/// The secrets of a version.
pub(crate) fn version_secrets(version: &mut VersionSpec, f: &mut dyn FnMut(&str, &mut SecretInput)) {
    auth_secret("", &mut version.auth, f);
    certificate("", &mut version.upstream, f);
    for (i, leg) in version.routes.iter_mut().enumerate() {
        let at = format!("routes[{i}].");
        match leg {
            LegSpec::Peer { .. } => {}
            LegSpec::Xroad { upstream, .. } => certificate(&at, upstream, f),
            LegSpec::Direct { upstream, auth, .. } => {
                auth_secret(&at, auth, f);
                certificate(&at, upstream, f);
            }
        }
    }
}

fn auth_secret(at: &str, auth: &mut ProviderAuth, f: &mut dyn FnMut(&str, &mut SecretInput)) {
    match auth {
        ProviderAuth::None => {}
        ProviderAuth::Basic { password, .. } => f(&format!("{at}auth.password"), password),
        ProviderAuth::Bearer { token } => f(&format!("{at}auth.token"), token),
        ProviderAuth::TimestampHash { secret, .. } => f(&format!("{at}auth.secret"), secret),
        ProviderAuth::Header { value, .. } => f(&format!("{at}auth.value"), value),
    }
}

fn certificate(at: &str, upstream: &mut UpstreamSpec, f: &mut dyn FnMut(&str, &mut SecretInput)) {
    if let Some(certificate) = &mut upstream.client_certificate {
        f(&format!("{at}upstream.client_certificate"), certificate);
    }
}

/// Puts the text itself in the place of the name of a variable or file. The messages name the variable or file, never what is in
/// it.
pub(crate) fn fetch(secret: &mut SecretInput, folder: Option<&Path>) -> Result<(), String> {
    let given = [&secret.value, &secret.env, &secret.file, &secret.sealed].into_iter().flatten().count();
    match given {
        1 => {}
        0 => return Err("a secret needs one of `env`, `file` or `value`".into()),
        _ => return Err("a secret has exactly one of `env`, `file` and `value`, not several".into()),
    }
    let Some(folder) = folder else {
        return match (&secret.env, &secret.file) {
            (None, None) => Ok(()),
            _ => Err("`env` and `file` are read where a file is applied from, not here: send `value`".into()),
        };
    };
    if let Some(name) = secret.env.take() {
        let text = std::env::var(&name).map_err(|e| match e {
            std::env::VarError::NotPresent => format!("the environment variable {name:?} is not set"),
            std::env::VarError::NotUnicode(_) => format!("the environment variable {name:?} is not text"),
        })?;
        secret.value = Some(text);
    } else if let Some(name) = secret.file.take() {
        let path = folder.join(&name);
        let shown = path.display();
        let file = std::fs::File::open(&path).map_err(|e| format!("the file {shown} cannot be read: {e}"))?;
        let mut text = String::new();
        file.take(SECRET_MAX + 1)
            .read_to_string(&mut text)
            .map_err(|e| format!("the file {shown} cannot be read: {e}"))?;
        if text.len() as u64 > SECRET_MAX {
            return Err(format!("the file {shown} is larger than {SECRET_MAX} bytes"));
        }
        let end = text.strip_suffix('\n').map(|t| t.strip_suffix('\r').unwrap_or(t).len());
        if let Some(end) = end {
            text.truncate(end);
        }
        secret.value = Some(text);
    }
    Ok(())
}
