//! What the scenarios share: a registry on a fresh store, a province, an operator.

use lgsp_kernel::model::Manifest;
use lgsp_kernel::{Actor, Clock, Millis, OpContext, Vault};
use lgsp_registry::{Applied, EditError, PlanOptions, Registry, Sourced, manifest};
use lgsp_store::Store;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub const NOW: Millis = Millis(1_767_200_000_000);

/// A registry on its own store in its own folder.
pub struct Desk {
    pub registry: Registry,
    pub store: Store,
    pub vault: Arc<Vault>,
    pub clock: Clock,
    pub folder: tempfile::TempDir,
}

impl Desk {
    pub async fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store =
            Store::open(&format!("sqlite:{}", folder.path().join("lgsp.db").display())).await.unwrap();
        store.migrate().await.unwrap();
        let (vault, clock) = (vault(1), Clock::manual(NOW));
        let registry = Registry::open(store.clone(), vault.clone(), clock.clone()).await.unwrap();
        Self { registry, store, vault, clock, folder }
    }

    /// With the three agencies of the fixture declared.
    pub async fn province() -> Self {
        let desk = Self::empty().await;
        desk.registry.apply(&province(), PlanOptions::default(), &operator()).await.unwrap();
        desk
    }

    /// Another node's registry on the same store.
    pub async fn second(&self) -> Registry {
        Registry::open(self.store.clone(), self.vault.clone(), self.clock.clone()).await.unwrap()
    }

    pub async fn apply(&self, yaml: &str) -> Result<Applied, EditError> {
        let desired = manifest::read_text("t.yaml", yaml.to_owned()).map_err(EditError::Problems)?;
        self.registry.apply(&desired, PlanOptions::default(), &operator()).await
    }

    /// What is wrong with a text, line by line; nothing if it was applied.
    pub async fn problems(&self, yaml: &str) -> Vec<String> {
        match self.apply(yaml).await {
            Err(EditError::Problems(problems)) => problems.iter().map(ToString::to_string).collect(),
            Err(other) => panic!("{other}"),
            Ok(_) => Vec::new(),
        }
    }
}

pub fn vault(n: u8) -> Arc<Vault> {
    Arc::new(Vault::new(&[n; 32]))
}

pub fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/province")
}

pub fn province() -> Sourced<Manifest> {
    manifest::read(&[fixture()]).unwrap_or_else(|p| panic!("{p:#?}"))
}

pub fn operator() -> OpContext {
    OpContext { actor: Actor::Shell { user: "lan".into() }, reason: Some("công văn 12".into()), at: NOW }
}
