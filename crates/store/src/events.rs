//! Security events: refusals of callers who could not be identified. Sampled by the caller, bounded by [`Store::security_events_trim`].

use crate::Store;
use crate::error::Result;
use lgsp_kernel::Millis;

/// Something that an unidentified caller did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityEvent {
    /// When; of several, the last.
    pub at: Millis,
    /// What: the code of the refusal.
    pub kind: String,
    /// The address it came from.
    pub source: String,
    /// How many alike this one stands for.
    pub count: i64,
    /// More, without secrets.
    pub detail: String,
}

/// Most rows that one call returns.
const RECENT_MAX: i64 = 10_000;
const HEAD: &str = "INSERT INTO security_events (seq, at, kind, source, count, detail) VALUES";

impl Store {
    /// Keeps events.
    pub async fn security_events_insert(&self, events: &[SecurityEvent]) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let mut tx = self.backend.write().await?;
        let sql = "UPDATE counters SET value = value + $1 WHERE name = 'security_events' RETURNING value";
        let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
        let first = tx.one(sql, &[count.into()]).await?.int(0)? - count + 1;
        // PostgreSQL has no NUL in a text; an address or a header of an attacker may.
        let clean: Vec<(String, String)> = events
            .iter()
            .map(|e| (e.source.replace('\0', "\u{fffd}"), e.detail.replace('\0', "\u{fffd}")))
            .collect();
        let rows: Vec<_> = events
            .iter()
            .zip(&clean)
            .zip(first..)
            .map(|((e, (source, detail)), seq)| {
                [seq.into(), e.at.0.into(), (&e.kind).into(), source.into(), e.count.into(), detail.into()]
            })
            .collect();
        tx.run_rows(HEAD, &rows, "").await?;
        tx.commit().await
    }

    /// The latest events, newest first; at most `limit`, and at most 10,000.
    pub async fn security_events_recent(&self, limit: i64) -> Result<Vec<SecurityEvent>> {
        let sql = "SELECT at, kind, source, count, detail FROM security_events ORDER BY seq DESC LIMIT $1";
        let rows = self.backend.read().await?.all(sql, &[limit.clamp(0, RECENT_MAX).into()]).await?;
        rows.iter()
            .map(|r| {
                Ok(SecurityEvent {
                    at: Millis(r.int(0)?),
                    kind: r.text(1)?,
                    source: r.text(2)?,
                    count: r.int(3)?,
                    detail: r.text(4)?,
                })
            })
            .collect()
    }

    /// Forgets all but the newest `max` events; how many were forgotten.
    pub async fn security_events_trim(&self, max: i64) -> Result<u64> {
        let mut tx = self.backend.write().await?;
        let sql = "DELETE FROM security_events WHERE seq <= (SELECT COALESCE(MAX(seq), 0) FROM security_events) - $1";
        let touched = tx.run(sql, &[max.max(0).into()]).await?;
        tx.commit().await?;
        Ok(touched)
    }
}
