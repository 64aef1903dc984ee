//! What every command works with: the configuration, the master key, the node's own store and log files. Commands work whether the
//! node runs or not; a running node sees changes of the store within its refresh interval.

use super::failure::{Failure, Trying as _};
use crate::config::load::{self, Loaded};
use crate::config::{Config, Problem, check};
use crate::{log_key, master_key};
use lgsp_evidence::{Archive, LogKey};
use lgsp_kernel::{Actor, Clock, OpContext, Vault};
use lgsp_registry::Registry;
use lgsp_store::Store;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the configuration is looked for when none is named.
const PLACES: [&str; 2] = ["/etc/lgsp/lgsp.toml", "lgsp.toml"];

/// An operator's desk: what a command needs, opened on demand.
#[derive(Debug)]
pub struct Desk {
    /// The configuration and where its values come from.
    pub loaded: Loaded,
    /// The time.
    pub clock: Clock,
}

/// The configuration's file: the one named, or the first that exists of the usual places.
pub fn config_file(named: Option<&Path>) -> Option<PathBuf> {
    named.map(Path::to_path_buf).or_else(|| PLACES.iter().map(PathBuf::from).find(|p| p.exists()))
}

/// Problems as one block.
pub fn explain(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl Desk {
    /// Reads the configuration, refusing one that is not sound.
    pub fn open(named: Option<&Path>) -> Result<Self, Failure> {
        let file = config_file(named);
        let loaded = load::load(file.as_deref(), load::process_env()).map_err(|p| refused(&p))?;
        let faults: Vec<Problem> = check::values(&loaded).into_iter().filter(|p| !p.warning).collect();
        if faults.is_empty() { Ok(Self { loaded, clock: Clock::System }) } else { Err(refused(&faults)) }
    }
    /// The values.
    pub fn config(&self) -> &Config {
        &self.loaded.config
    }
    /// The node's vault.
    pub fn vault(&self) -> Result<Arc<Vault>, Failure> {
        let credentials = master_key::credentials_directory();
        Ok(Arc::new(Vault::new(&*master_key::read(self.config(), credentials.as_deref())?)))
    }
    /// The node's store, at a schema that this program can work with.
    pub async fn store(&self) -> Result<Store, Failure> {
        let store = self.store_as_is().await?;
        let schema = store.schema().await?;
        if schema.is_behind() || !schema.compatible {
            let what = format!(
                "the store's schema is at version {}, this program's is {}",
                schema.version, schema.newest_known
            );
            let help = if schema.compatible {
                "run `lgsp store migrate`"
            } else {
                "run the program that migrated it, or roll back with that program"
            };
            return Err(Failure::new(what).help(help));
        }
        Ok(store)
    }
    /// The registry, over the node's store.
    pub async fn registry(&self) -> Result<Registry, Failure> {
        let options = crate::contracts::reading();
        Ok(Registry::open_with(self.store().await?, self.vault()?, self.clock.clone(), options).await?)
    }
    /// The node's store at whatever schema.
    pub async fn store_as_is(&self) -> Result<Store, Failure> {
        let url = self.config().store_url();
        if let Some(path) = url.strip_prefix("sqlite:")
            && !Path::new(path).exists()
        {
            return Err(Failure::new(format!("there is no store at {path}"))
                .help("`lgsp init` makes one; is this the right configuration (-c)?"));
        }
        Store::open(&url).await.trying(format!("opening the store {}", crate::config::show::mask_url(&url)))
    }
    /// The key that signs this node's log.
    pub fn log_key(&self) -> Result<LogKey, Failure> {
        Ok(log_key::open(self.config(), &*self.vault()?)?)
    }
    /// What checks this node's log: the public half of that key. No token is needed.
    pub fn log_verifier(&self) -> Result<String, Failure> {
        Ok(log_key::verifier(self.config(), &*self.vault()?)?)
    }
    /// This node's message log, to be read.
    pub fn archive(&self) -> Result<Archive, Failure> {
        let dir = self.config().log_dir();
        let archive = Archive::open(&dir);
        if archive.exists() {
            return Ok(archive);
        }
        Err(Failure::new(format!("there is no message log in {}", dir.display()))
            .help("the first `lgsp serve` begins it; is this the right configuration (-c)?"))
    }
    /// Who acts, now, and why: for the audit trail.
    pub fn context(&self, reason: Option<String>) -> OpContext {
        OpContext { actor: Actor::Shell { user: shell_user() }, reason, at: self.clock.now() }
    }
}

fn refused(problems: &[Problem]) -> Failure {
    Failure::new(format!("the configuration is not sound\n{}", explain(problems)))
}

/// The name of the user who runs this command, and who they were before `sudo`.
fn shell_user() -> String {
    let uid = master_key::own_user().map_or_else(|_| "unknown".into(), |u| u.to_string());
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    let name = name.unwrap_or(uid);
    match std::env::var("SUDO_USER") {
        Ok(before) if before != name && lgsp_kernel::ids::check_name(&before).is_ok() => {
            format!("{before} (as {name})")
        }
        _ => name,
    }
}
