//! How much of a day's quota each grant has used, so that a restart does not give it anew.

use crate::Store;
use crate::error::Result;

/// Use of a grant on a day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuotaUse {
    /// The grant.
    pub grant: String,
    /// The day, as `Millis::local_day`.
    pub day: i64,
    /// Calls: in total, or since the last report, as the function says.
    pub used: i64,
}

const HEAD: &str = "INSERT INTO quotas (grant_id, day, used) VALUES";

/// Rows in one order, each grant and day once: two processes that save the same grants must not wait for each other in a circle.
fn in_order(mut uses: Vec<QuotaUse>, join: fn(i64, i64) -> i64) -> Vec<QuotaUse> {
    uses.sort();
    uses.dedup_by(|next, first| {
        let same = next.grant == first.grant && next.day == first.day;
        if same {
            first.used = join(first.used, next.used);
        }
        same
    });
    uses
}

impl Store {
    /// What was used on a day.
    pub async fn quota_load(&self, day: i64) -> Result<Vec<QuotaUse>> {
        let sql = "SELECT grant_id, day, used FROM quotas WHERE day = $1";
        let rows = self.backend.read().await?.all(sql, &[day.into()]).await?;
        rows.iter().map(|r| Ok(QuotaUse { grant: r.text(0)?, day: r.int(1)?, used: r.int(2)? })).collect()
    }

    /// Saves totals. A total never sinks: of two processes that save, the larger number stays.
    pub async fn quota_save(&self, totals: Vec<QuotaUse>) -> Result<()> {
        let tail = "ON CONFLICT (grant_id, day) DO UPDATE SET used = CASE WHEN excluded.used > quotas.used THEN excluded.used ELSE quotas.used END";
        self.quota_write(in_order(totals, i64::max), tail).await
    }

    /// Adds what was used since the last report; for several processes on one store, which then learn each other's use from
    /// `quota_load`.
    pub async fn quota_add(&self, uses: Vec<QuotaUse>) -> Result<()> {
        let tail = "ON CONFLICT (grant_id, day) DO UPDATE SET used = quotas.used + excluded.used";
        self.quota_write(in_order(uses, i64::saturating_add), tail).await
    }

    async fn quota_write(&self, uses: Vec<QuotaUse>, tail: &'static str) -> Result<()> {
        if uses.is_empty() {
            return Ok(());
        }
        let mut tx = self.backend.write().await?;
        let rows: Vec<_> = uses.iter().map(|u| [(&u.grant).into(), u.day.into(), u.used.into()]).collect();
        tx.run_rows(HEAD, &rows, tail).await?;
        tx.commit().await
    }

    /// Forgets days before the given one; how many rows.
    pub async fn quota_trim(&self, before_day: i64) -> Result<u64> {
        let mut tx = self.backend.write().await?;
        let touched = tx.run("DELETE FROM quotas WHERE day < $1", &[before_day.into()]).await?;
        tx.commit().await?;
        Ok(touched)
    }
}
