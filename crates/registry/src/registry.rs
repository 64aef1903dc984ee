//! The registry of a running node: the declared state, the snapshot compiled from it, and keeping both in step with the store.
//! Changing it is `edit`'s, looking at it `view`'s.

use crate::cache::{self, CacheError};
use crate::compile::{self, Compiled};
use crate::edit::EditError;
use crate::state::{Declared, Row, Touched};
use arc_swap::ArcSwap;
use lgsp_kernel::snapshot::Snapshot;
use lgsp_kernel::{Clock, Millis, Vault};
use lgsp_store::Store;
use parking_lot::RwLock;
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
    /// One refresh at a time: two would compile the same changes over each other.
    refreshing: tokio::sync::Mutex<()>,
}

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
        let registry = Self::with(Some(store.clone()), vault, clock, State::default());
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
        let (declared, at) = cache::load(path, &vault, clock.now(), max_age_seconds)?;
        let compiled = compile::full(&declared, &vault);
        Ok((Self::with(None, vault, clock, State { declared, compiled }), at))
    }

    fn with(store: Option<Store>, vault: Arc<Vault>, clock: Clock, state: State) -> Self {
        let snapshot = Arc::new(ArcSwap::from_pointee(state.compiled.snapshot.clone()));
        Self(Arc::new(Inner {
            store: RwLock::new(store),
            vault,
            clock,
            snapshot,
            state: ArcSwap::from_pointee(state),
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
        cache::save(path, &self.state().declared, &self.0.vault, self.0.clock.now())
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
        self.compile(rows, there, false).await
    }

    async fn reload(&self, store: &Store) -> Result<i64, EditError> {
        let _turn = self.0.refreshing.lock().await;
        let loaded = store.load().await?;
        let rows = loaded
            .rows
            .into_iter()
            .map(|r| Row { kind: r.kind, id: r.id, spec: Some(r.spec), generation: r.generation })
            .collect();
        self.compile(rows, loaded.generation, true).await
    }

    /// Compiles rows over the present state, or over nothing, and swaps.
    async fn compile(&self, rows: Vec<Row>, generation: i64, anew: bool) -> Result<i64, EditError> {
        let before = if anew { Arc::default() } else { self.state() };
        let vault = self.0.vault.clone();
        let large = anew || rows.len() > ASIDE_FROM;
        let work = move || next_state(&before, rows, generation, &vault);
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

    pub(crate) fn state(&self) -> Arc<State> {
        self.0.state.load_full()
    }
    pub(crate) fn vault(&self) -> &Vault {
        &self.0.vault
    }
    pub(crate) fn store(&self) -> Result<Store, EditError> {
        self.0.store.read().clone().ok_or(EditError::Away)
    }
}

fn next_state(before: &State, rows: Vec<Row>, generation: i64, vault: &Vault) -> State {
    let mut declared = before.declared.clone();
    let mut touched = Touched::default();
    declared.take(rows, &mut touched);
    declared.generation = generation.max(declared.generation);
    let compiled = compile::update(&before.compiled, &before.declared, &declared, touched, vault);
    State { declared, compiled }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Registry(generation {})", self.generation())
    }
}
