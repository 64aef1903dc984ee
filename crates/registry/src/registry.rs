//! The registry of a running node: the declared state, the snapshot compiled from it, and keeping both in step with the store.
//! Changing it is `edit`'s, looking at it `view`'s.

use crate::cache::{self, CacheError};
use crate::compile::{self, Compiled};
use crate::contracts::{Workshop, bundle};
use crate::edit::EditError;
use crate::manifest::nowhere;
use crate::state::{Declared, Row, Touched};
use arc_swap::ArcSwap;
use lgsp_kernel::mediation::{CompileContract, ContractFiles};
use lgsp_kernel::model::{ServiceSpec, VersionSpec};
use lgsp_kernel::snapshot::Snapshot;
use lgsp_kernel::{Clock, Millis, Vault};
use lgsp_store::{ContractFilesRow, Store};
use parking_lot::RwLock;
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

/// Above this many changed rows, compiling leaves the threads that carry calls.
const ASIDE_FROM: usize = 64;

/// The registry. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    /// None: started from the copy on disk, the store was away.
    store: RwLock<Option<Store>>,
    vault: Arc<Vault>,
    clock: Clock,
    snapshot: Arc<ArcSwap<Snapshot>>,
    state: ArcSwap<State>,
    shop: Arc<Workshop>,
    /// One refresh at a time: two would compile the same changes over each other.
    refreshing: tokio::sync::Mutex<()>,
}

/// What a registry can do beyond declared items.
#[derive(Clone, Default)]
pub struct RegistryOptions {
    /// What compiles contracts; none: versions with a contract are refused.
    pub compiler: Option<Arc<dyn CompileContract>>,
    /// Whether the snapshot carries calls, so that contracts are compiled into it. A command only reads and changes.
    pub serves: bool,
}

/// Unnamed files are kept so long after they were uploaded or last named in a change, seconds.
const UPLOAD_KEPT_S: i64 = 24 * 3600;

/// The declared state and what was compiled from it.
#[derive(Default)]
pub(crate) struct State {
    pub declared: Declared,
    pub compiled: Compiled,
}

impl Registry {
    /// Loads everything from the store and compiles it. A row that cannot be used is kept out and named, see
    /// [`Registry::kept_out`].
    pub async fn open(store: Store, vault: Arc<Vault>, clock: Clock) -> Result<Self, EditError> {
        Self::open_with(store, vault, clock, RegistryOptions::default()).await
    }

    /// As [`Registry::open`], with what compiles contracts.
    pub async fn open_with(
        store: Store,
        vault: Arc<Vault>,
        clock: Clock,
        options: RegistryOptions,
    ) -> Result<Self, EditError> {
        let shop = Arc::new(Workshop::new(options.compiler, options.serves));
        let registry = Self::with(Some(store.clone()), vault, clock, State::default(), shop);
        registry.reload(&store).await?;
        Ok(registry)
    }

    /// Starts from the copy on disk, if it is at most `max_age_seconds` old; [`Registry::attach`] gives it the store once that
    /// answers. Until then nothing can be changed.
    pub fn open_copy(
        path: &Path,
        max_age_seconds: i64,
        vault: Arc<Vault>,
        clock: Clock,
    ) -> Result<(Self, Millis), CacheError> {
        Self::open_copy_with(path, max_age_seconds, vault, clock, RegistryOptions::default())
    }

    /// As [`Registry::open_copy`], with what compiles contracts.
    pub fn open_copy_with(
        path: &Path,
        max_age_seconds: i64,
        vault: Arc<Vault>,
        clock: Clock,
        options: RegistryOptions,
    ) -> Result<(Self, Millis), CacheError> {
        let (declared, at) = cache::load(path, &vault, clock.now(), max_age_seconds)?;
        let shop = Arc::new(Workshop::new(options.compiler, options.serves));
        shop.library.load(path);
        let compiled = compile::full(&declared, &vault, &shop);
        Ok((Self::with(None, vault, clock, State { declared, compiled }, shop), at))
    }

    fn with(
        store: Option<Store>,
        vault: Arc<Vault>,
        clock: Clock,
        state: State,
        shop: Arc<Workshop>,
    ) -> Self {
        let snapshot = Arc::new(ArcSwap::from_pointee(state.compiled.snapshot.clone()));
        Self(Arc::new(Inner {
            store: RwLock::new(store),
            vault,
            clock,
            snapshot,
            state: ArcSwap::from_pointee(state),
            shop,
            refreshing: tokio::sync::Mutex::default(),
        }))
    }

    /// Gives a registry that started from its copy the store, and loads everything anew: the store may have been restored to
    /// another past than the copy's.
    pub async fn attach(&self, store: Store) -> Result<i64, EditError> {
        let generation = self.reload(&store).await?;
        *self.0.store.write() = Some(store);
        Ok(generation)
    }

    /// Puts another store in the place of the present one, as a restore of the database behind it would: for tests.
    #[doc(hidden)]
    pub fn exchange_store(&self, store: Store) {
        *self.0.store.write() = Some(store);
    }

    /// Writes the copy that [`Registry::open_copy`] reads: all rows, secrets sealed, as they are now. Writes and syncs a file, so it
    /// belongs on a thread that may wait. Call it only after a refresh that succeeded: the copy's age counts from now.
    pub fn save_copy(&self, path: &Path) -> Result<(), CacheError> {
        let state = self.state();
        // Before the rows that name them: a copy never lacks a file.
        self.0.shop.library.save(path, &state.declared.file_digests())?;
        cache::save(path, &state.declared, &self.0.vault, self.0.clock.now())
    }

    /// The snapshot, swapped at each change.
    pub fn snapshot(&self) -> Arc<ArcSwap<Snapshot>> {
        self.0.snapshot.clone()
    }

    /// The generation that decisions are made on.
    pub fn generation(&self) -> i64 {
        self.state().declared.generation
    }

    /// Takes over what changed in the store since the last time; the generation now. One small query where nothing did.
    pub async fn refresh(&self) -> Result<i64, EditError> {
        let store = self.store()?;
        let turn = self.0.refreshing.lock().await;
        let here = self.generation();
        let there = store.generation().await?;
        if there == here {
            return Ok(here);
        }
        if there < here {
            // The store went back: another one was restored in its place. What is known of later is no longer so.
            tracing::warn!(
                here,
                there,
                "the store is older than what was loaded from it: everything is loaded anew"
            );
            drop(turn);
            return self.reload(&store).await;
        }
        let rows: Vec<Row> = store
            .changes_since(here)
            .await?
            .into_iter()
            .map(|c| Row { kind: c.kind, id: c.id, spec: c.spec, generation: c.generation })
            .collect();
        self.compile(&store, rows, there, false).await
    }

    async fn reload(&self, store: &Store) -> Result<i64, EditError> {
        let _turn = self.0.refreshing.lock().await;
        let loaded = store.load().await?;
        let rows = loaded
            .rows
            .into_iter()
            .map(|r| Row { kind: r.kind, id: r.id, spec: Some(r.spec), generation: r.generation })
            .collect();
        self.compile(store, rows, loaded.generation, true).await
    }

    /// Compiles rows over the present state, or over nothing, and swaps.
    async fn compile(
        &self,
        store: &Store,
        rows: Vec<Row>,
        generation: i64,
        anew: bool,
    ) -> Result<i64, EditError> {
        let before = if anew { Arc::default() } else { self.state() };
        let (vault, shop) = (self.0.vault.clone(), self.0.shop.clone());
        let mediated = self.fetch_named(store, &rows).await?;
        let large = anew || mediated || rows.len() > ASIDE_FROM;
        let work = move || next_state(&before, rows, generation, &vault, &shop);
        let state = if large {
            tokio::task::spawn_blocking(work).await.map_err(|_| EditError::Stopped)?
        } else {
            work()
        };
        let generation = state.declared.generation;
        self.0.snapshot.store(Arc::new(state.compiled.snapshot.clone()));
        let old = self.0.state.swap(Arc::new(state));
        if large {
            // Taking a large state apart takes time too.
            tokio::task::spawn_blocking(move || drop(old));
        }
        Ok(generation)
    }

    /// Fetches the files that rows name and that are not here; whether rows name any at all.
    async fn fetch_named(&self, store: &Store, rows: &[Row]) -> Result<bool, EditError> {
        let services = rows.iter().filter(|r| r.kind == "service").filter_map(|r| r.spec.as_deref());
        let services = services.filter(|text| text.contains("\"digest\""));
        let services: Vec<ServiceSpec> =
            services.filter_map(|text| serde_json::from_str(text).ok()).collect();
        self.fetch(store, services.iter().flat_map(|s| &s.versions)).await?;
        Ok(!services.is_empty())
    }

    /// Fetches the files that versions name and that are not here. One that is nowhere is noticed by what needs it.
    pub(crate) async fn fetch(
        &self,
        store: &Store,
        versions: impl Iterator<Item = &VersionSpec>,
    ) -> Result<(), EditError> {
        let library = &self.0.shop.library;
        let missing: Vec<String> =
            library.missing(versions.flat_map(VersionSpec::file_digests)).into_iter().collect();
        if missing.is_empty() {
            return Ok(());
        }
        for row in store.contract_files(&missing).await? {
            match bundle::from_text(&row.files) {
                Ok(files) if bundle::digest(&files) == row.digest => library.put(row.digest, Arc::new(files)),
                _ => tracing::error!(digest = row.digest, "the store's files are not what their digest says"),
            }
        }
        Ok(())
    }

    /// Keeps files for a later change to name; their digest.
    pub async fn upload(&self, files: ContractFiles) -> Result<String, EditError> {
        let files = bundle::checked(files).map_err(|why| EditError::Problems(vec![nowhere("", "", why)]))?;
        let (digest, text) = (bundle::digest(&files), bundle::to_text(&files));
        let row = ContractFilesRow { digest: digest.clone(), files: text };
        self.store()?.put_contract_files(&[row], self.0.clock.now()).await?;
        self.0.shop.library.put(digest.clone(), Arc::new(files));
        Ok(digest)
    }

    /// Files by their digest: from memory, otherwise from the store.
    pub async fn contract_files(&self, digest: &str) -> Result<Option<Arc<ContractFiles>>, EditError> {
        if let Some(files) = self.0.shop.library.get(digest) {
            return Ok(Some(files));
        }
        let rows = self.store()?.contract_files(&[digest.to_owned()]).await?;
        let read = rows.first().and_then(|row| bundle::from_text(&row.files).ok());
        Ok(read.filter(|files| bundle::digest(files) == digest).map(Arc::new))
    }

    /// Drops files that nothing names any more; how many.
    pub async fn sweep_contracts(&self) -> Result<u64, EditError> {
        self.refresh().await?;
        let named: HashSet<String> = self.state().declared.file_digests();
        self.0.shop.library.retain(&named);
        let before = Millis(self.0.clock.now().0 - UPLOAD_KEPT_S * 1000);
        Ok(self.store()?.sweep_contract_files(&named, before).await?)
    }

    pub(crate) fn state(&self) -> Arc<State> {
        self.0.state.load_full()
    }
    pub(crate) fn shop(&self) -> &Workshop {
        &self.0.shop
    }
    pub(crate) fn vault(&self) -> &Vault {
        &self.0.vault
    }
    pub(crate) fn store(&self) -> Result<Store, EditError> {
        self.0.store.read().clone().ok_or(EditError::Away)
    }
}

fn next_state(before: &State, rows: Vec<Row>, generation: i64, vault: &Vault, shop: &Workshop) -> State {
    let mut declared = before.declared.clone();
    let mut touched = Touched::default();
    declared.take(rows, &mut touched);
    declared.generation = generation.max(declared.generation);
    let compiled = compile::update(&before.compiled, &before.declared, &declared, touched, vault, shop);
    State { declared, compiled }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Registry(generation {})", self.generation())
    }
}
