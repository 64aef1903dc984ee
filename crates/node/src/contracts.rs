//! What compiles contracts in this program: for a node that carries calls, with workers for mappings; for a command, without.

use crate::config::Config;
use lgsp_mapping::{Pool, PoolConfig};
use lgsp_mediation::Compiler;
use lgsp_registry::RegistryOptions;
use std::sync::Arc;

/// For a node that carries calls.
pub fn serving(_config: &Config) -> RegistryOptions {
    let pool = Pool::new(PoolConfig::default());
    RegistryOptions { compiler: Some(Arc::new(Compiler::new(Some(pool)))), serves: true }
}

/// For a command that reads and changes what is declared.
pub fn reading() -> RegistryOptions {
    RegistryOptions { compiler: Some(Arc::new(Compiler::new(None))), serves: false }
}
