//! The schema's versions: which migrations there are, forward and back. The rules are in `migrations/README.md`.

use crate::Store;
use crate::error::{Result, StoreError};
use crate::sql::Tx;
use lgsp_kernel::Millis;

/// A step of the schema, with its way back.
struct Migration {
    version: i64,
    name: &'static str,
    up: &'static str,
    down: &'static str,
    /// The oldest program (by the newest version it knows) that still works once this step is made.
    needs_program: i64,
}

macro_rules! migration {
    ($version:literal, $name:literal, needs_program: $needs:literal) => {
        Migration {
            version: $version,
            name: $name,
            up: include_str!(concat!("../migrations/", $name, ".up.sql")),
            down: include_str!(concat!("../migrations/", $name, ".down.sql")),
            needs_program: $needs,
        }
    };
}

const MIGRATIONS: &[Migration] = &[
    migration!(1, "0001_base", needs_program: 1),
    migration!(2, "0002_security_events", needs_program: 1),
    migration!(3, "0003_admin_token_use", needs_program: 1),
    migration!(4, "0004_contract_files", needs_program: 1),
];

/// The newest version this program knows.
pub const NEWEST: i64 = 4;

const BOOK: &str = "CREATE TABLE IF NOT EXISTS schema_versions (
    version BIGINT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    applied_at BIGINT NOT NULL,
    needs_program BIGINT NOT NULL
)";

/// How the schema and this program stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaState {
    /// The schema's version; 0 for an empty database.
    pub version: i64,
    /// The newest version this program knows.
    pub newest_known: i64,
    /// The oldest program that works on the schema as it is.
    pub needs_program: i64,
    /// Whether this program may serve: false only where the schema says that it needs a newer one.
    pub compatible: bool,
}

impl SchemaState {
    /// Whether `migrate` has something to do before this program can serve.
    pub fn is_behind(&self) -> bool {
        self.version < self.newest_known
    }
}

impl Store {
    /// Where the schema stands.
    pub async fn schema(&self) -> Result<SchemaState> {
        let mut tx = self.backend.read().await?;
        self.schema_in(&mut tx).await
    }

    async fn schema_in(&self, tx: &mut Tx) -> Result<SchemaState> {
        let (mut version, mut needs_program) = (0, 0);
        if tx.one(tx.count_tables(), &["schema_versions".into()]).await?.int(0)? > 0 {
            let row = tx
                .one(
                    "SELECT COALESCE(MAX(version), 0), COALESCE(MAX(needs_program), 0) FROM schema_versions",
                    &[],
                )
                .await?;
            (version, needs_program) = (row.int(0)?, row.int(1)?);
        }
        let newest_known = self.program;
        Ok(SchemaState { version, newest_known, needs_program, compatible: newest_known >= needs_program })
    }

    /// Brings the schema to the newest version this program knows, one transaction a version. Safe to call from several
    /// processes at once. A schema that is newer already is left alone. Refuses a schema that needs a newer program.
    pub async fn migrate(&self) -> Result<SchemaState> {
        loop {
            // Most starts find nothing to do and must not wait for a writer.
            let state = self.schema().await?;
            if !state.compatible {
                return Err(needs_newer(state));
            }
            if !state.is_behind() {
                return Ok(state);
            }
            self.step_forward().await?;
        }
    }

    async fn step_forward(&self) -> Result<()> {
        let mut tx = self.backend.write_alone().await?;
        tx.run_script(BOOK).await?;
        let version = self.schema_in(&mut tx).await?.version;
        let Some(next) = MIGRATIONS.iter().find(|m| m.version > version && m.version <= self.program) else {
            // Another process was faster; the caller looks again.
            return Ok(());
        };
        tx.run_script(next.up).await?;
        tx.run(
            "INSERT INTO schema_versions (version, name, applied_at, needs_program) VALUES ($1, $2, $3, $4)",
            &[
                next.version.into(),
                next.name.into(),
                lgsp_kernel::Clock::System.now().0.into(),
                next.needs_program.into(),
            ],
        )
        .await?;
        tx.commit().await?;
        tracing::info!(version = next.version, name = next.name, "schema migrated");
        Ok(())
    }

    /// Takes the schema back by one version; what the older version knows is kept. Done by the newer program, before the
    /// older one is installed; version 1 stays.
    pub async fn rollback_one(&self) -> Result<SchemaState> {
        let mut tx = self.backend.write_alone().await?;
        let state = self.schema_in(&mut tx).await?;
        if state.version <= 1 {
            return Err(StoreError::Schema("there is no older version to go back to".into()));
        }
        let Some(last) = MIGRATIONS.iter().find(|m| m.version == state.version && m.version <= self.program)
        else {
            return Err(StoreError::Schema(format!(
                "only the program that made version {} knows the way back from it; this one knows {}",
                state.version, state.newest_known
            )));
        };
        tx.run_script(last.down).await?;
        tx.run("DELETE FROM schema_versions WHERE version = $1", &[last.version.into()]).await?;
        let state = self.schema_in(&mut tx).await?;
        tx.commit().await?;
        tracing::info!(version = state.version, undone = last.name, "schema rolled back");
        Ok(state)
    }

    /// The versions that were applied, with their names and times.
    pub async fn schema_history(&self) -> Result<Vec<(i64, String, Millis)>> {
        let mut tx = self.backend.read().await?;
        let rows =
            tx.all("SELECT version, name, applied_at FROM schema_versions ORDER BY version", &[]).await?;
        rows.iter().map(|r| Ok((r.int(0)?, r.text(1)?, Millis(r.int(2)?)))).collect()
    }
}

fn needs_newer(state: SchemaState) -> StoreError {
    StoreError::Schema(format!(
        "its version {} needs a program that knows version {}; this one knows {}",
        state.version, state.needs_program, state.newest_known
    ))
}

#[cfg(test)]
mod tests {
    use super::{MIGRATIONS, NEWEST};

    #[test]
    fn versions_have_no_gap_and_every_step_says_who_can_live_with_it() {
        for (i, m) in MIGRATIONS.iter().enumerate() {
            assert_eq!(m.version, i as i64 + 1);
            assert!(m.name.starts_with(&format!("{:04}_", m.version)));
            assert!(m.needs_program >= 1 && m.needs_program <= m.version);
            assert!(!m.down.trim().is_empty());
        }
        assert_eq!(MIGRATIONS.last().map(|m| m.version), Some(NEWEST));
    }
}
