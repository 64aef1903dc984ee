//! What a node does besides carrying calls: following the store, keeping counts and events, anchoring the audit trail, renewing keys.
//! Each is a loop that ends when the node stops; a failure is logged once until it has passed, and tried again.

use super::Shared;
use super::key_copy::{self, KeyCopy};
use super::open::load_quotas;
use super::parts::retention_policy;
use bytes::Bytes;
use lgsp_evidence::{Draft, retention};
use lgsp_kernel::record::{AuditAnchor, Entry};
use lgsp_registry::EditError;
use lgsp_store::{AuditHead, QuotaUse, SecurityEvent, StoreError};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How often counts and events are kept, and the audit trail's head is looked at: what a crash may lose of counts.
const KEEP: Duration = Duration::from_secs(1);
/// How often signing keys and revoked tokens are looked at.
const IDENTITY: Duration = Duration::from_secs(5);
/// How often what has been used up is thrown away.
const SWEEP: Duration = Duration::from_secs(3600);
/// How often what is past its retention is erased.
const RETENTION: Duration = Duration::from_secs(86_400);
/// The first time after a start: when the node has caught up with its callers.
const RETENTION_FIRST: Duration = Duration::from_secs(300);
/// Security events that wait while the store is away; older ones are dropped.
const EVENTS_WAITING_MAX: usize = 10_000;
/// Security events that the store keeps.
const EVENTS_KEPT_MAX: i64 = 100_000;
/// The copies on disk are written at most this often.
const COPY_LEAST: Duration = Duration::from_secs(5);

/// Starts all of them.
pub(super) fn spawn(shared: &Arc<Shared>, tasks: &TaskTracker, stop: &CancellationToken) {
    tasks.spawn(follow_store(shared.clone(), stop.clone()));
    tasks.spawn(keep_identity(shared.clone(), stop.clone()));
    tasks.spawn(keep_counts(shared.clone(), stop.clone()));
    tasks.spawn(anchor_audit(shared.clone(), stop.clone()));
    tasks.spawn(sweep(shared.clone(), stop.clone()));
    tasks.spawn(erase(shared.clone(), stop.clone()));
}

/// What is kept one last time when the doors are closed.
pub(super) async fn last_words(shared: &Shared) {
    let mut waiting = Waiting::default();
    waiting.gather(shared);
    if let Err(error) = waiting.keep(shared).await {
        tracing::warn!(%error, "the last counts and events were not kept");
    }
}

/// Waits for the next turn; false when the node stops.
pub(super) async fn turn(stop: &CancellationToken, period: Duration) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(period) => true,
    }
}

/// Logs a failure when it begins and when it has passed, not at every turn between.
pub(super) struct Trouble {
    what: &'static str,
    since: Option<Instant>,
}

impl Trouble {
    pub(super) fn new(what: &'static str) -> Self {
        Self { what, since: None }
    }
    pub(super) fn note<T, E: Display>(&mut self, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => {
                if let Some(since) = self.since.take() {
                    tracing::info!(after_s = since.elapsed().as_secs(), "again in order: {}", self.what);
                }
                Some(value)
            }
            Err(error) => {
                if self.since.is_none() {
                    tracing::error!(%error, "failing: {}", self.what);
                    self.since = Some(Instant::now());
                }
                None
            }
        }
    }
}

/// Takes over what changes in the store, gives a registry that started from its copy the store back, and writes that copy.
async fn follow_store(shared: Arc<Shared>, stop: CancellationToken) {
    let mut trouble = Trouble::new("following the store");
    let mut copy_trouble = Trouble::new("keeping a copy of the registry on disk");
    let mut copied: Option<(i64, Instant)> = None;
    let mut last = shared.registry.generation();
    let period = shared.config.load().store.refresh.0;
    while turn(&stop, period).await {
        let generation = trouble.note(refresh(&shared).await);
        let was_up = shared.store_up.swap(generation.is_some(), Relaxed);
        let Some(generation) = generation else { continue };
        if !was_up {
            // A node that started without its store counted from none; of two counts the larger holds.
            load_quotas(&shared).await;
        }
        shared.contact.store(shared.clock.now().0, Relaxed);
        if generation != last {
            tracing::info!(generation, "the registry changed");
            shared.providers.retire_unused(&shared.registry.snapshot().load());
            last = generation;
        }
        if copy_is_due(&shared, generation, copied) {
            copied = Some((generation, Instant::now()));
            copy_trouble.note(write_copies(&shared).await);
        }
    }
}

async fn refresh(shared: &Shared) -> Result<i64, EditError> {
    match shared.registry.refresh().await {
        Err(EditError::Away) => {
            // The store may have come back at another version of the schema.
            let schema = shared.store.schema().await?;
            if schema.is_behind() || !schema.compatible {
                let what = format!("it came back with its schema at version {}", schema.version);
                return Err(EditError::Store(StoreError::Schema(what)));
            }
            shared.registry.attach(shared.store.clone()).await
        }
        other => other,
    }
}

/// With SQLite the store lies on the same disk: a copy beside it would help nobody.
fn copy_is_due(shared: &Shared, generation: i64, copied: Option<(i64, Instant)>) -> bool {
    if shared.store.backend_name() == "sqlite" {
        return false;
    }
    // A copy's age counts from its writing, so one that is still true must be written again before it is too old.
    let most = shared.config.load().store.snapshot_max_age.0 / 10;
    match copied {
        None => true,
        Some((of, at)) => at.elapsed() >= most || (of != generation && at.elapsed() >= COPY_LEAST),
    }
}

async fn write_copies(shared: &Shared) -> Result<(), String> {
    let now = shared.clock.now();
    let keys = shared.store.signing_keys().await.map_err(|e| e.to_string())?;
    let revoked = shared.store.revoked_tokens_active(now).await.map_err(|e| e.to_string())?;
    let (registry, vault, config) =
        (shared.registry.clone(), shared.vault.clone(), shared.config.load_full());
    let writing = tokio::task::spawn_blocking(move || {
        registry.save_copy(&config.snapshot_cache()).map_err(|e| e.to_string())?;
        key_copy::save(&config.key_cache(), &KeyCopy { keys, revoked }, &vault, now)
            .map_err(|e| e.to_string())
    });
    writing.await.map_err(|e| e.to_string())?
}

async fn keep_identity(shared: Arc<Shared>, stop: CancellationToken) {
    let mut trouble = Trouble::new("keeping signing keys and revoked tokens up to date");
    while turn(&stop, IDENTITY).await {
        trouble.note(shared.identity.maintain().await);
    }
}

/// Counts and events that the store has not taken yet.
#[derive(Default)]
struct Waiting {
    quotas: BTreeMap<(String, i64), i64>,
    events: VecDeque<SecurityEvent>,
}

impl Waiting {
    fn gather(&mut self, shared: &Shared) {
        for (grant, day, used) in shared.quota.drain_dirty() {
            self.quotas.insert((grant.to_string(), day), i64::try_from(used).unwrap_or(i64::MAX));
        }
        self.events.extend(shared.events.drain().into_iter().map(|e| SecurityEvent {
            at: e.at,
            kind: e.kind,
            source: e.source,
            count: i64::try_from(e.left_out).unwrap_or(i64::MAX).saturating_add(1),
            detail: match e.exchange {
                Some(id) => format!("{id} {}", e.detail),
                None => e.detail,
            },
        }));
        let over = self.events.len().saturating_sub(EVENTS_WAITING_MAX);
        self.events.drain(..over);
    }

    async fn keep(&mut self, shared: &Shared) -> Result<(), StoreError> {
        if !self.quotas.is_empty() {
            let totals = self.quotas.iter().map(|((grant, day), used)| QuotaUse {
                grant: grant.clone(),
                day: *day,
                used: *used,
            });
            shared.store.quota_save(totals.collect()).await?;
            self.quotas.clear();
        }
        if !self.events.is_empty() {
            shared.store.security_events_insert(self.events.make_contiguous()).await?;
            self.events.clear();
        }
        Ok(())
    }
}

async fn keep_counts(shared: Arc<Shared>, stop: CancellationToken) {
    let mut trouble = Trouble::new("keeping quota counts and security events");
    let mut waiting = Waiting::default();
    while turn(&stop, KEEP).await {
        waiting.gather(&shared);
        trouble.note(waiting.keep(&shared).await);
    }
    // What is left is gathered anew by the last words: the ledger hands out changes only.
    if !waiting.quotas.is_empty() || !waiting.events.is_empty() {
        trouble.note(waiting.keep(&shared).await);
    }
}

/// Puts the audit trail's head into the message log at start and whenever it moved, so that the trail cannot be cut unseen.
async fn anchor_audit(shared: Arc<Shared>, stop: CancellationToken) {
    let mut trouble = Trouble::new("anchoring the audit trail in the message log");
    let mut anchored = None;
    loop {
        let head = shared.store.audit_head().await.map_err(|e| e.to_string());
        if let Some(Some(head)) = trouble.note(head)
            && anchored.as_ref() != Some(&head)
        {
            let done = anchor(&shared, &head).await;
            if trouble.note(done).is_some() {
                anchored = Some(head);
            }
        }
        if !turn(&stop, KEEP).await {
            return;
        }
    }
}

async fn anchor(shared: &Shared, head: &AuditHead) -> Result<(), String> {
    let entry =
        Entry::AuditAnchor(AuditAnchor { at: shared.clock.now(), seq: head.seq, hash: head.hash.clone() });
    let record = serde_json::to_vec(&entry).map_err(|e| e.to_string())?;
    let ticket = shared.log.append(Draft::of(None, Bytes::from(record))).map_err(|e| e.to_string())?;
    ticket.await.map(drop).map_err(|e| e.to_string())
}

/// Throws away what has been used up.
async fn sweep(shared: Arc<Shared>, stop: CancellationToken) {
    let mut trouble = Trouble::new("throwing away old counts, events and revoked tokens");
    let mut contracts = Trouble::new("throwing away contracts that nothing names");
    while turn(&stop, SWEEP).await {
        let now = shared.clock.now();
        shared.quota.forget_past(now);
        trouble.note(trim(&shared, now).await);
        if let Some(gone) = contracts.note(shared.registry.sweep_contracts().await).filter(|gone| *gone > 0) {
            tracing::info!(gone, "threw away files of contracts that nothing names");
        }
    }
}

async fn trim(shared: &Shared, now: lgsp_kernel::Millis) -> Result<(), StoreError> {
    shared.store.quota_trim(now.local_day() - 1).await?;
    shared.store.security_events_trim(EVENTS_KEPT_MAX).await?;
    shared.store.revoked_tokens_trim(now).await?;
    Ok(())
}

/// Erases what is past its retention, once a day. The tree stays verifiable.
async fn erase(shared: Arc<Shared>, stop: CancellationToken) {
    let mut trouble = Trouble::new("erasing what is past its retention");
    let mut period = RETENTION_FIRST;
    while turn(&stop, period).await {
        period = RETENTION;
        let (log, policy, now) =
            (shared.log.clone(), retention_policy(&shared.config.load()), shared.clock.now());
        let erasing =
            tokio::task::spawn_blocking(move || retention::run(&log, policy, now).map_err(|e| e.to_string()));
        let done = erasing.await.map_err(|e| e.to_string()).and_then(|r| r);
        if let Some(erased) = trouble.note(done)
            && erased.segments > 0
        {
            tracing::info!(
                records = erased.records,
                bodies = erased.bodies,
                bytes = erased.bytes,
                "erased what is past its retention"
            );
        }
    }
}
