//! The declared registry as rows: resources with a generation, changed in one transaction together with their audit
//! trail. What a specification says is the registry's matter; here it is text.

use crate::audit::{self, Fact};
use crate::contracts::{self, ContractFilesRow};
use crate::error::{Result, StoreError};
use crate::sql::Tx;
use crate::{AuditHead, Store};
use lgsp_kernel::{Actor, Millis};
use std::collections::HashSet;

/// A resource as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceRow {
    /// What it is: `agency`, `service`, `grant`, ...
    pub kind: String,
    /// Its name among its kind.
    pub id: String,
    /// Its specification, JSON; secrets in it are sealed.
    pub spec: String,
    /// The commit that made it what it is.
    pub generation: i64,
}

/// All resources at one generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The generation they stand at.
    pub generation: i64,
    /// In no particular order.
    pub rows: Vec<ResourceRow>,
}

/// A resource that differs from an earlier generation; of several changes of one resource only the last is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRow {
    /// The commit of the last change.
    pub generation: i64,
    /// See [`ResourceRow::kind`].
    pub kind: String,
    /// See [`ResourceRow::id`].
    pub id: String,
    /// The specification; none when the resource is gone.
    pub spec: Option<String>,
}

/// One resource made, changed or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceChange {
    /// See [`ResourceRow::kind`].
    pub kind: String,
    /// See [`ResourceRow::id`].
    pub id: String,
    /// What it was at the expected generation, for the trail; none if it is new.
    pub before: Option<String>,
    /// What it is from now on; none removes it.
    pub after: Option<String>,
}

/// A change of the registry: all of it happens, or nothing.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The generation at which the changes were decided.
    pub expected_generation: i64,
    /// When.
    pub at: Millis,
    /// What; each resource at most once.
    pub changes: Vec<ResourceChange>,
    /// Who.
    pub actor: Actor,
    /// Why.
    pub reason: Option<String>,
}

/// Why a commit was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// Somebody else committed first.
    #[error("the registry was changed meanwhile: it stands at generation {current}")]
    Conflict {
        /// The generation that the registry stands at.
        current: i64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

const GENERATION: &str = "SELECT value FROM counters WHERE name = 'generation'";
/// Touches no row where somebody else was first; otherwise holds the row, so commits happen one after the other.
const NEXT_GENERATION: &str =
    "UPDATE counters SET value = value + 1 WHERE name = 'generation' AND value = $1 RETURNING value";
const UPSERT_HEAD: &str = "INSERT INTO resources (kind, id, spec, generation) VALUES";
const UPSERT_TAIL: &str =
    "ON CONFLICT (kind, id) DO UPDATE SET spec = excluded.spec, generation = excluded.generation";

impl Store {
    /// All resources, as of one moment.
    pub async fn load(&self) -> Result<Loaded> {
        let mut tx = self.backend.read().await?;
        let generation = tx.one(GENERATION, &[]).await?.int(0)?;
        let rows =
            tx.all("SELECT kind, id, spec, generation FROM resources WHERE spec IS NOT NULL", &[]).await?;
        let rows = rows
            .iter()
            .map(|r| {
                Ok(ResourceRow { kind: r.text(0)?, id: r.text(1)?, spec: r.text(2)?, generation: r.int(3)? })
            })
            .collect::<Result<_>>()?;
        Ok(Loaded { generation, rows })
    }

    /// The generation the registry stands at; 0 before the first commit.
    pub async fn generation(&self) -> Result<i64> {
        self.backend.read().await?.one(GENERATION, &[]).await?.int(0)
    }

    /// What changed after the given generation, oldest first. The last row's generation is the new generation; no rows: nothing changed.
    pub async fn changes_since(&self, generation: i64) -> Result<Vec<ChangeRow>> {
        let mut tx = self.backend.read().await?;
        let sql = "SELECT generation, kind, id, spec FROM resources WHERE generation > $1 ORDER BY generation, kind, id";
        let rows = tx.all(sql, &[generation.into()]).await?;
        rows.iter()
            .map(|r| {
                Ok(ChangeRow {
                    generation: r.int(0)?,
                    kind: r.text(1)?,
                    id: r.text(2)?,
                    spec: r.maybe_text(3)?,
                })
            })
            .collect()
    }

    /// Makes the changes, with a row of the audit trail for each, if the registry still stands at the expected
    /// generation; the new generation. Without changes the generation stays.
    pub async fn commit(&self, commit: Commit) -> Result<i64, CommitError> {
        self.commit_with(commit, &[]).await
    }

    /// As [`Store::commit`], with files that the changes name, in the same transaction.
    pub async fn commit_with(&self, commit: Commit, files: &[ContractFilesRow]) -> Result<i64, CommitError> {
        check(&commit)?;
        let mut tx = self.backend.write().await?;
        if commit.changes.is_empty() {
            let current = tx.one(GENERATION, &[]).await?.int(0)?;
            return if current == commit.expected_generation {
                Ok(current)
            } else {
                Err(CommitError::Conflict { current })
            };
        }
        let Some(row) = tx.first(NEXT_GENERATION, &[commit.expected_generation.into()]).await? else {
            let current = tx.one(GENERATION, &[]).await?.int(0)?;
            return Err(CommitError::Conflict { current });
        };
        let generation = row.int(0)?;
        let rows: Vec<_> = commit
            .changes
            .iter()
            .map(|c| {
                [c.kind.as_str().into(), c.id.as_str().into(), c.after.as_deref().into(), generation.into()]
            })
            .collect();
        tx.run_rows(UPSERT_HEAD, &rows, UPSERT_TAIL).await?;
        contracts::keep(&mut tx, files, commit.at).await?;
        append_trail(&mut tx, &commit, generation).await?;
        tx.commit().await?;
        Ok(generation)
    }
}

async fn append_trail(tx: &mut Tx, commit: &Commit, generation: i64) -> Result<AuditHead> {
    let actor = commit.actor.label();
    let facts: Vec<_> = commit
        .changes
        .iter()
        .map(|c| Fact {
            at: commit.at.0,
            actor: &actor,
            reason: commit.reason.as_deref(),
            generation,
            action: match (&c.before, &c.after) {
                (None, _) => "create",
                (Some(_), Some(_)) => "update",
                (Some(_), None) => "delete",
            },
            kind: &c.kind,
            id: &c.id,
            before: c.before.as_deref(),
            after: c.after.as_deref(),
        })
        .collect();
    audit::append(tx, &facts).await
}

/// What the backends would refuse each in its own words, or not at all.
fn check(commit: &Commit) -> Result<()> {
    let mut seen = HashSet::with_capacity(commit.changes.len());
    for c in &commit.changes {
        if c.before.is_none() && c.after.is_none() {
            return Err(StoreError::Invalid(format!(
                "{} {}: a change from nothing to nothing",
                c.kind, c.id
            )));
        }
        if !seen.insert((c.kind.as_str(), c.id.as_str())) {
            return Err(StoreError::Invalid(format!("{} {}: changed twice in one commit", c.kind, c.id)));
        }
        let texts = [Some(&c.kind), Some(&c.id), c.before.as_ref(), c.after.as_ref(), commit.reason.as_ref()];
        if texts.into_iter().flatten().any(|t| t.contains('\0')) {
            return Err(StoreError::Invalid(format!("{} {:?}: a text with a NUL character", c.kind, c.id)));
        }
    }
    Ok(())
}
