//! The audit trail: who changed what, when and why. Each row holds the hash of the row before it, so that a row that was
//! changed, removed, moved or put in is found. Not here: the search for such rows (`audit_verify`), nor the anchors in the
//! message log that also betray a trail which was cut or written anew as a whole.
//!
//! The hash of a row is SHA-256 over its canonical form: the bytes `lgsp-audit-v1`, then the fields seq, at, actor, reason,
//! generation, action, kind, id, before, after, previous, in this order. An integer is byte 2 and eight bytes big endian;
//! a text is byte 1, its length in bytes as eight bytes big endian, and its UTF-8 bytes; an absent text is byte 0.
//! `previous` and `hash` are lower-case hexadecimal texts; the first row's `previous` is [`GENESIS`].

use crate::Store;
use crate::error::{Result, StoreError};
use crate::sql::{Row, Tx};
use aws_lc_rs::digest::{Context, SHA256};
use lgsp_kernel::{Actor, Millis};
use serde::{Deserialize, Serialize};

/// What the first row holds as the hash of the row before it.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// Most rows that one call returns.
const PAGE_MAX: i64 = 10_000;

/// Where the trail ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    /// Sequence number of the last row, from 1.
    pub seq: i64,
    /// Its hash, hexadecimal.
    pub hash: String,
}

/// A row of the trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// Sequence number, from 1, without gaps.
    pub seq: i64,
    /// When.
    pub at: Millis,
    /// Who, as [`Actor::label`].
    pub actor: String,
    /// Why, in the actor's words.
    pub reason: Option<String>,
    /// The generation of the registry that the change made, or during which it happened.
    pub generation: i64,
    /// `create`, `update`, `delete`, or another act such as `revoke`.
    pub action: String,
    /// What kind of thing.
    pub kind: String,
    /// Its name.
    pub id: String,
    /// What it was.
    pub before: Option<String>,
    /// What it became.
    pub after: Option<String>,
    /// Hash of the row before.
    pub previous: String,
    /// Hash of this row.
    pub hash: String,
}

/// An act to put on record that is no change of a registry resource.
#[derive(Debug, Clone)]
pub struct AuditEntry {
    /// When.
    pub at: Millis,
    /// Who.
    pub actor: Actor,
    /// Why.
    pub reason: Option<String>,
    /// What was done: `create`, `revoke`, `rotate`, `restore`, ...
    pub action: String,
    /// To what kind of thing.
    pub kind: String,
    /// Its name.
    pub id: String,
    /// What it was; never a secret.
    pub before: Option<String>,
    /// What it became; never a secret.
    pub after: Option<String>,
}

/// What a row says, without its place in the trail.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fact<'a> {
    pub at: i64,
    pub actor: &'a str,
    pub reason: Option<&'a str>,
    pub generation: i64,
    pub action: &'a str,
    pub kind: &'a str,
    pub id: &'a str,
    pub before: Option<&'a str>,
    pub after: Option<&'a str>,
}

pub(crate) const COLUMNS: &str =
    "seq, at, actor, reason, generation, action, kind, id, before, after, previous, hash";
const INSERT_HEAD: &str = "INSERT INTO audit (seq, at, actor, reason, generation, action, kind, id, before, after, previous, hash) VALUES";
const HEAD: &str = "SELECT seq, hash FROM audit_head WHERE id = 1";
/// Locks the end of the trail until the transaction ends; changes nothing.
const LOCK_HEAD: &str = "UPDATE audit_head SET seq = seq WHERE id = 1 RETURNING seq, hash";

/// The hash of a row, see the module's text.
pub(crate) fn row_hash(seq: i64, fact: &Fact<'_>, previous: &str) -> String {
    let mut sum = Context::new(&SHA256);
    let int = |sum: &mut Context, v: i64| {
        sum.update(&[2]);
        sum.update(&v.to_be_bytes());
    };
    let text = |sum: &mut Context, v: Option<&str>| match v {
        None => sum.update(&[0]),
        Some(v) => {
            sum.update(&[1]);
            sum.update(&(v.len() as u64).to_be_bytes());
            sum.update(v.as_bytes());
        }
    };
    sum.update(b"lgsp-audit-v1");
    int(&mut sum, seq);
    int(&mut sum, fact.at);
    text(&mut sum, Some(fact.actor));
    text(&mut sum, fact.reason);
    int(&mut sum, fact.generation);
    for v in [Some(fact.action), Some(fact.kind), Some(fact.id), fact.before, fact.after, Some(previous)] {
        text(&mut sum, v);
    }
    hex::encode(sum.finish())
}

/// Appends rows in a writing transaction and moves the head. Rows get numbers without gaps, since whoever appends holds the head's lock.
pub(crate) async fn append(tx: &mut Tx, facts: &[Fact<'_>]) -> Result<AuditHead> {
    let row = tx.one(LOCK_HEAD, &[]).await?;
    let mut head = AuditHead { seq: row.int(0)?, hash: row.text(1)? };
    let mut chained = Vec::new();
    for fact in facts {
        let seq = head.seq + 1;
        let hash = row_hash(seq, fact, &head.hash);
        let previous = std::mem::replace(&mut head, AuditHead { seq, hash: hash.clone() }).hash;
        chained.push((seq, fact, previous, hash));
    }
    let rows: Vec<_> = chained
        .iter()
        .map(|(seq, f, previous, hash)| {
            [
                (*seq).into(),
                f.at.into(),
                f.actor.into(),
                f.reason.into(),
                f.generation.into(),
                f.action.into(),
                f.kind.into(),
                f.id.into(),
                f.before.into(),
                f.after.into(),
                previous.into(),
                hash.into(),
            ]
        })
        .collect();
    tx.run_rows(INSERT_HEAD, &rows, "").await?;
    tx.run(
        "UPDATE audit_head SET seq = $1, hash = $2 WHERE id = 1",
        &[head.seq.into(), head.hash.as_str().into()],
    )
    .await?;
    Ok(head)
}

/// Appends one act in a writing transaction.
pub(crate) async fn append_entry(tx: &mut Tx, entry: &AuditEntry) -> Result<AuditHead> {
    let texts = [Some(&entry.kind), Some(&entry.id), entry.reason.as_ref()];
    if texts.into_iter().flatten().any(|t| t.contains('\0')) {
        return Err(StoreError::Invalid("a text with a NUL character".into()));
    }
    let generation = tx.one("SELECT value FROM counters WHERE name = 'generation'", &[]).await?.int(0)?;
    let actor = entry.actor.label();
    let fact = Fact {
        at: entry.at.0,
        actor: &actor,
        reason: entry.reason.as_deref(),
        generation,
        action: &entry.action,
        kind: &entry.kind,
        id: &entry.id,
        before: entry.before.as_deref(),
        after: entry.after.as_deref(),
    };
    append(tx, &[fact]).await
}

pub(crate) fn read_row(row: &Row) -> Result<AuditRow> {
    Ok(AuditRow {
        seq: row.int(0)?,
        at: Millis(row.int(1)?),
        actor: row.text(2)?,
        reason: row.maybe_text(3)?,
        generation: row.int(4)?,
        action: row.text(5)?,
        kind: row.text(6)?,
        id: row.text(7)?,
        before: row.maybe_text(8)?,
        after: row.maybe_text(9)?,
        previous: row.text(10)?,
        hash: row.text(11)?,
    })
}

impl AuditRow {
    pub(crate) fn fact(&self) -> Fact<'_> {
        Fact {
            at: self.at.0,
            actor: &self.actor,
            reason: self.reason.as_deref(),
            generation: self.generation,
            action: &self.action,
            kind: &self.kind,
            id: &self.id,
            before: self.before.as_deref(),
            after: self.after.as_deref(),
        }
    }
    /// The hash that the row's content gives, see the module's text.
    pub fn computed_hash(&self) -> String {
        row_hash(self.seq, &self.fact(), &self.previous)
    }
    /// Whether the row's hash is that of its content.
    pub fn is_intact(&self) -> bool {
        self.computed_hash() == self.hash
    }
}

pub(crate) async fn head(tx: &mut Tx) -> Result<Option<AuditHead>> {
    let row = tx.one(HEAD, &[]).await?;
    let head = AuditHead { seq: row.int(0)?, hash: row.text(1)? };
    Ok((head.seq > 0).then_some(head))
}

impl Store {
    /// Where the trail ends; none while it is empty.
    pub async fn audit_head(&self) -> Result<Option<AuditHead>> {
        head(&mut self.backend.read().await?).await
    }

    /// Rows from a sequence number on, in order; at most `limit`, and at most 10,000.
    pub async fn audit_rows(&self, from_seq: i64, limit: i64) -> Result<Vec<AuditRow>> {
        let sql =
            sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM audit WHERE seq >= $1 ORDER BY seq LIMIT $2"));
        let limit = limit.clamp(0, PAGE_MAX);
        let rows = self.backend.read().await?.all(sql, &[from_seq.into(), limit.into()]).await?;
        rows.iter().map(read_row).collect()
    }

    /// The latest rows about one thing, newest first; at most `limit`, and at most 10,000.
    pub async fn audit_of(&self, kind: &str, id: &str, limit: i64) -> Result<Vec<AuditRow>> {
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM audit WHERE kind = $1 AND id = $2 ORDER BY seq DESC LIMIT $3"
        ));
        let limit = limit.clamp(0, PAGE_MAX);
        let rows = self.backend.read().await?.all(sql, &[kind.into(), id.into(), limit.into()]).await?;
        rows.iter().map(read_row).collect()
    }

    /// Puts an act on record that is no change of a registry resource.
    pub async fn audit_append(&self, entry: &AuditEntry) -> Result<AuditHead> {
        let mut tx = self.backend.write().await?;
        let head = append_entry(&mut tx, entry).await?;
        tx.commit().await?;
        Ok(head)
    }
}
