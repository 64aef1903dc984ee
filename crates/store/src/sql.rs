//! A transaction, a value and a row that are the same for both backends, so that the rest of the crate writes each
//! statement once. Not here: what the statements say, and what differs between the backends (`backend`).

use crate::backend::{STATEMENT_TIMEOUT, classify};
use crate::error::{Result, StoreError};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, Postgres, Row as _, SqlSafeStr, Sqlite, Transaction};
use std::future::Future;

/// A transaction; dropped without [`Tx::commit`] it is rolled back.
pub(crate) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// A value to bind.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Int(i64),
    Text(&'a str),
    MaybeInt(Option<i64>),
    MaybeText(Option<&'a str>),
}

impl From<i64> for Value<'_> {
    fn from(v: i64) -> Self {
        Self::Int(v)
    }
}
impl<'a> From<&'a str> for Value<'a> {
    fn from(v: &'a str) -> Self {
        Self::Text(v)
    }
}
impl<'a> From<&'a String> for Value<'a> {
    fn from(v: &'a String) -> Self {
        Self::Text(v)
    }
}
impl From<Option<i64>> for Value<'_> {
    fn from(v: Option<i64>) -> Self {
        Self::MaybeInt(v)
    }
}
impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(v: Option<&'a str>) -> Self {
        Self::MaybeText(v)
    }
}

/// A row that was read.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

macro_rules! on_row {
    ($row:expr, $at:expr) => {
        match $row {
            Row::Sqlite(row) => row.try_get($at).map_err(classify),
            Row::Postgres(row) => row.try_get($at).map_err(classify),
        }
    };
}

impl Row {
    pub fn int(&self, at: usize) -> Result<i64> {
        on_row!(self, at)
    }
    pub fn maybe_int(&self, at: usize) -> Result<Option<i64>> {
        on_row!(self, at)
    }
    pub fn text(&self, at: usize) -> Result<String> {
        on_row!(self, at)
    }
    pub fn maybe_text(&self, at: usize) -> Result<Option<String>> {
        on_row!(self, at)
    }
}

macro_rules! bound {
    ($name:ident, $db:ty, $arguments:ty) => {
        fn $name<'q>(sql: impl SqlSafeStr, values: &[Value<'q>]) -> Query<'q, $db, $arguments> {
            values.iter().fold(sqlx::query::<$db>(sql), |query, value| match *value {
                Value::Int(v) => query.bind(v),
                Value::Text(v) => query.bind(v.to_owned()),
                Value::MaybeInt(v) => query.bind(v),
                Value::MaybeText(v) => query.bind(v.map(str::to_owned)),
            })
        }
    };
}
bound!(for_sqlite, Sqlite, SqliteArguments);
bound!(for_postgres, Postgres, PgArguments);

/// Bounds how long the database may take.
pub(crate) async fn timed<T>(work: impl Future<Output = sqlx::Result<T>>) -> Result<T> {
    match tokio::time::timeout(STATEMENT_TIMEOUT, work).await {
        Ok(done) => done.map_err(classify),
        Err(_) => Err(StoreError::Unavailable(format!("no answer within {} s", STATEMENT_TIMEOUT.as_secs()))),
    }
}

impl Tx {
    /// Runs a statement; how many rows it touched.
    pub async fn run(&mut self, sql: impl SqlSafeStr, values: &[Value<'_>]) -> Result<u64> {
        match self {
            Self::Sqlite(tx) => {
                timed(for_sqlite(sql, values).execute(&mut **tx)).await.map(|r| r.rows_affected())
            }
            Self::Postgres(tx) => {
                timed(for_postgres(sql, values).execute(&mut **tx)).await.map(|r| r.rows_affected())
            }
        }
    }

    /// Runs several statements without values, as a migration has them.
    pub async fn run_script(&mut self, sql: &'static str) -> Result<()> {
        match self {
            Self::Sqlite(tx) => timed(sqlx::raw_sql(sql).execute(&mut **tx)).await.map(drop),
            Self::Postgres(tx) => timed(sqlx::raw_sql(sql).execute(&mut **tx)).await.map(drop),
        }
    }

    /// All rows of a query whose answer is known to be small.
    pub async fn all(&mut self, sql: impl SqlSafeStr, values: &[Value<'_>]) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(tx) => {
                let rows = timed(for_sqlite(sql, values).fetch_all(&mut **tx)).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Self::Postgres(tx) => {
                let rows = timed(for_postgres(sql, values).fetch_all(&mut **tx)).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// The first row, if there is one.
    pub async fn first(&mut self, sql: impl SqlSafeStr, values: &[Value<'_>]) -> Result<Option<Row>> {
        match self {
            Self::Sqlite(tx) => {
                Ok(timed(for_sqlite(sql, values).fetch_optional(&mut **tx)).await?.map(Row::Sqlite))
            }
            Self::Postgres(tx) => {
                Ok(timed(for_postgres(sql, values).fetch_optional(&mut **tx)).await?.map(Row::Postgres))
            }
        }
    }

    /// The only row of a query that always has one.
    pub async fn one(&mut self, sql: impl SqlSafeStr, values: &[Value<'_>]) -> Result<Row> {
        self.first(sql, values)
            .await?
            .ok_or_else(|| StoreError::corrupt("a row that always exists is missing"))
    }

    /// Rows one by one, for answers that must not be held in memory.
    pub fn stream<'s>(
        &'s mut self,
        sql: impl SqlSafeStr,
        values: &[Value<'s>],
    ) -> BoxStream<'s, Result<Row>> {
        match self {
            Self::Sqlite(tx) => for_sqlite(sql, values)
                .fetch(&mut **tx)
                .map(|row| row.map(Row::Sqlite).map_err(classify))
                .boxed(),
            Self::Postgres(tx) => for_postgres(sql, values)
                .fetch(&mut **tx)
                .map(|row| row.map(Row::Postgres).map_err(classify))
                .boxed(),
        }
    }

    /// Runs `head (row), (row), ... tail` for all rows, as many rows a statement as fit. Each row has `N` values. Values of
    /// rows never become text of the statement.
    pub async fn run_rows<const N: usize>(
        &mut self,
        head: &'static str,
        rows: &[[Value<'_>; N]],
        tail: &'static str,
    ) -> Result<u64> {
        let rows_per_statement = self.values_per_statement() / N;
        let full = rows_text(head, N, rows_per_statement, tail);
        let mut touched = 0;
        for chunk in rows.chunks(rows_per_statement) {
            touched += if chunk.len() == rows_per_statement {
                self.run(AssertSqlSafe(full.as_str()), chunk.as_flattened()).await?
            } else {
                let last = rows_text(head, N, chunk.len(), tail);
                self.run(AssertSqlSafe(last), chunk.as_flattened()).await?
            };
        }
        Ok(touched)
    }

    pub async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => timed(tx.commit()).await,
            Self::Postgres(tx) => timed(tx.commit()).await,
        }
    }
}

/// `head ($1,$2),($3,$4) tail`.
fn rows_text(head: &str, width: usize, rows: usize, tail: &str) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(head.len() + tail.len() + rows * width * 6);
    text.push_str(head);
    for row in 0..rows {
        text.push_str(if row == 0 { " (" } else { ",(" });
        for column in 1..=width {
            let comma = if column == 1 { "" } else { "," };
            // Writing into a String cannot fail.
            let _ = write!(text, "{comma}${}", row * width + column);
        }
        text.push(')');
    }
    text.push(' ');
    text.push_str(tail);
    text
}

#[cfg(test)]
mod tests {
    use super::rows_text;

    #[test]
    fn rows_are_numbered_through() {
        assert_eq!(
            rows_text("INSERT INTO t VALUES", 2, 3, "RETURNING a"),
            "INSERT INTO t VALUES ($1,$2),($3,$4),($5,$6) RETURNING a"
        );
    }
}
