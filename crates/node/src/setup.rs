//! Prepares a node's folder, keys and store: what `lgsp init` does, and a first `serve` where the configuration allows it. Whatever
//! exists already is left as it is, so that it may be run again.

use crate::config::Config;
use crate::log_key::{self, LogKeyError};
use crate::master_key::{self, MasterKeyError};
use lgsp_identity::{AdminTokenError, AdminTokens, Identity, IdentityError};
use lgsp_kernel::context::Role;
use lgsp_kernel::{Clock, OpContext, Secret, Vault};
use lgsp_store::{Store, StoreError};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The name of the first administrator's token.
pub const FIRST_TOKEN: &str = "admin";

/// Why a node could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A folder could not be made.
    #[error("{path}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the file system said.
        source: std::io::Error,
    },
    /// No master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// No log key.
    #[error(transparent)]
    LogKey(#[from] LogKeyError),
    /// The store did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No signing key.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// No first token.
    #[error(transparent)]
    Token(#[from] AdminTokenError),
}

/// What was made.
#[derive(Debug, Default)]
pub struct Prepared {
    /// One line for each thing that was made.
    pub made: Vec<String>,
    /// The first administrator's token, where one was made: the only copy.
    pub token: Option<Secret>,
}

/// Makes everything that is missing. `first_token` wants a token for an administrator if there is none at all.
pub async fn prepare(
    config: &Config,
    clock: &Clock,
    first_token: Option<&OpContext>,
) -> Result<Prepared, SetupError> {
    let mut prepared = Prepared::default();
    for folder in [&config.node.data_dir, &config.log_dir()] {
        if make_folder(folder)? {
            prepared.made.push(format!("folder {}", folder.display()));
        }
    }
    let vault = Arc::new(vault(config, &mut prepared)?);
    prepared.made.extend(log_key::create_if_missing(config, &vault)?);
    let store = Store::open(&config.store_url()).await?;
    let before = store.schema().await?.version;
    let schema = store.migrate().await?;
    if schema.version != before {
        prepared.made.push(format!("schema of the store, version {}", schema.version));
    }
    Identity::open(store.clone(), vault.clone(), clock.clone(), crate::node::identity_config(config)).await?;
    if let Some(by) = first_token {
        let tokens = AdminTokens::new(store.clone(), vault, clock.clone());
        if tokens.list().await?.is_empty() {
            prepared.token = Some(tokens.create(FIRST_TOKEN, Role::Admin, None, by).await?);
            prepared.made.push(format!("administrator token {FIRST_TOKEN:?}"));
        }
    }
    store.close().await;
    Ok(prepared)
}

fn vault(config: &Config, prepared: &mut Prepared) -> Result<Vault, SetupError> {
    let credentials = master_key::credentials_directory();
    match master_key::read(config, credentials.as_deref()) {
        Ok(key) => Ok(Vault::new(&key)),
        Err(MasterKeyError::Missing(path)) => {
            let key = master_key::create(&path)?;
            prepared.made.push(format!(
                "master key {}: keep a copy in a safe place, apart from backups",
                path.display()
            ));
            Ok(Vault::new(&key))
        }
        Err(e) => Err(e.into()),
    }
}

/// Makes a folder that only its owner can enter; whether it was missing.
fn make_folder(path: &Path) -> Result<bool, SetupError> {
    if path.is_dir() {
        return Ok(false);
    }
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map(|()| true).map_err(|source| SetupError::Folder { path: path.into(), source })
}
