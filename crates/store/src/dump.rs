//! The whole store as lines of JSON, the same from both backends: for backup and for moving from one backend to the other.
//! First a line that names the format and the schema's version, then one line a row, at last a line with the number of rows
//! and the SHA-256 of all lines before it. Not here: encryption and files; secrets in the rows are sealed already.

use crate::error::{Result, StoreError};
use crate::sql::{Row, Tx, Value};
use crate::{NEWEST, Store};
use aws_lc_rs::digest::{Context, SHA256};
use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sqlx::AssertSqlSafe;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The name of the format, in a dump's first line.
pub const DUMP_FORMAT: &str = "lgsp-store-dump-v1";
/// Longest line read from a dump, bytes: more than the largest specification, twice (before and after), and far from memory's end.
const LINE_MAX: u64 = 64 << 20;

/// What a dump holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpSummary {
    /// The schema's version it was made at.
    pub schema: i64,
    /// The registry's generation.
    pub generation: i64,
    /// Rows of all tables.
    pub rows: u64,
    /// SHA-256 of all lines but the last, hexadecimal.
    pub sha256: String,
}

#[derive(Serialize, Deserialize)]
struct Head {
    format: String,
    schema: i64,
    generation: i64,
}

#[derive(Serialize, Deserialize)]
struct Line {
    table: String,
    row: serde_json::Map<String, Json>,
}

#[derive(Serialize, Deserialize)]
struct Tail {
    end: bool,
    rows: u64,
    sha256: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Type {
    Int,
    Text,
}
use Type::{Int, Text};

struct Column(&'static str, Type, /* since version */ i64);

/// A table: its columns; the first `key` ones give the order.
struct Table {
    name: &'static str,
    since: i64,
    key: usize,
    /// Rows that the migrations put there, which a dump replaces.
    preset: bool,
    columns: &'static [Column],
}

const TABLES: &[Table] = &[
    Table {
        name: "counters",
        since: 1,
        key: 1,
        preset: true,
        columns: &[Column("name", Text, 1), Column("value", Int, 1)],
    },
    Table {
        name: "resources",
        since: 1,
        key: 2,
        preset: false,
        columns: &[
            Column("kind", Text, 1),
            Column("id", Text, 1),
            Column("spec", Text, 1),
            Column("generation", Int, 1),
        ],
    },
    Table {
        name: "audit",
        since: 1,
        key: 1,
        preset: false,
        columns: &[
            Column("seq", Int, 1),
            Column("at", Int, 1),
            Column("actor", Text, 1),
            Column("reason", Text, 1),
            Column("generation", Int, 1),
            Column("action", Text, 1),
            Column("kind", Text, 1),
            Column("id", Text, 1),
            Column("before", Text, 1),
            Column("after", Text, 1),
            Column("previous", Text, 1),
            Column("hash", Text, 1),
        ],
    },
    Table {
        name: "audit_head",
        since: 1,
        key: 1,
        preset: true,
        columns: &[Column("id", Int, 1), Column("seq", Int, 1), Column("hash", Text, 1)],
    },
    Table {
        name: "node_state",
        since: 1,
        key: 1,
        preset: false,
        columns: &[Column("key", Text, 1), Column("value", Text, 1)],
    },
    Table {
        name: "signing_keys",
        since: 1,
        key: 1,
        preset: false,
        columns: &[
            Column("kid", Text, 1),
            Column("alg", Text, 1),
            Column("sealed", Text, 1),
            Column("created_at", Int, 1),
            Column("retires_at", Int, 1),
        ],
    },
    Table {
        name: "revoked_tokens",
        since: 1,
        key: 1,
        preset: false,
        columns: &[Column("jti", Text, 1), Column("revoked_at", Int, 1), Column("expires_at", Int, 1)],
    },
    Table {
        name: "quotas",
        since: 1,
        key: 2,
        preset: false,
        columns: &[Column("grant_id", Text, 1), Column("day", Int, 1), Column("used", Int, 1)],
    },
    Table {
        name: "admin_tokens",
        since: 1,
        key: 1,
        preset: false,
        columns: &[
            Column("name", Text, 1),
            Column("role", Text, 1),
            Column("digest", Text, 1),
            Column("created_at", Int, 1),
            Column("expires_at", Int, 1),
            Column("revoked_at", Int, 1),
            Column("last_used_at", Int, 3),
        ],
    },
    Table {
        name: "security_events",
        since: 2,
        key: 1,
        preset: false,
        columns: &[
            Column("seq", Int, 2),
            Column("at", Int, 2),
            Column("kind", Text, 2),
            Column("source", Text, 2),
            Column("count", Int, 2),
            Column("detail", Text, 2),
        ],
    },
    Table {
        name: "contract_files",
        since: 4,
        key: 1,
        preset: false,
        columns: &[Column("digest", Text, 4), Column("files", Text, 4), Column("at", Int, 4)],
    },
];

impl Table {
    fn columns_at(&self, schema: i64) -> impl Iterator<Item = &'static Column> {
        self.columns.iter().filter(move |c| c.2 <= schema)
    }
    fn select(&self, tx: &Tx, schema: i64) -> String {
        let names: Vec<_> = self.columns_at(schema).map(|c| c.0).collect();
        let order: Vec<_> = self.columns[..self.key]
            .iter()
            .map(|c| format!("{}{}", c.0, if c.1 == Text { tx.byte_order() } else { "" }))
            .collect();
        format!("SELECT {} FROM {} ORDER BY {}", names.join(", "), self.name, order.join(", "))
    }
    fn insert(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(|c| c.0).collect();
        let places: Vec<_> = (1..=names.len()).map(|i| format!("${i}")).collect();
        format!("INSERT INTO {} ({}) VALUES ({})", self.name, names.join(", "), places.join(", "))
    }
    fn to_line(&self, row: &Row, schema: i64) -> Result<Line> {
        let mut map = serde_json::Map::new();
        for (at, column) in self.columns_at(schema).enumerate() {
            let value = match column.1 {
                Int => row.maybe_int(at)?.map(Json::from),
                Text => row.maybe_text(at)?.map(Json::from),
            };
            map.insert(column.0.into(), value.unwrap_or(Json::Null));
        }
        Ok(Line { table: self.name.into(), row: map })
    }
    fn values<'l>(&self, line: &'l Line) -> Result<Vec<Value<'l>>> {
        if let Some(unknown) = line.row.keys().find(|k| !self.columns.iter().any(|c| c.0 == k.as_str())) {
            return Err(StoreError::Invalid(format!("the dump has a column {}.{unknown}", self.name)));
        }
        self.columns
            .iter()
            .map(|c| match (c.1, line.row.get(c.0)) {
                (Int, None | Some(Json::Null)) => Ok(Value::MaybeInt(None)),
                (Text, None | Some(Json::Null)) => Ok(Value::MaybeText(None)),
                (Int, Some(Json::Number(n))) if n.is_i64() => Ok(Value::MaybeInt(n.as_i64())),
                (Text, Some(Json::String(s))) => Ok(Value::MaybeText(Some(s))),
                _ => Err(StoreError::Invalid(format!("the dump's {}.{} has another type", self.name, c.0))),
            })
            .collect()
    }
}

impl Store {
    /// Writes the whole store as of one moment, while it goes on working.
    pub async fn dump<W: AsyncWrite + Unpin + Send>(&self, writer: W) -> Result<DumpSummary> {
        let schema = self.schema().await?.version.min(self.program);
        let mut tx = self.backend.read().await?;
        let generation = tx.one("SELECT value FROM counters WHERE name = 'generation'", &[]).await?.int(0)?;
        let mut out = Out { to: tokio::io::BufWriter::new(writer), sum: Context::new(&SHA256) };
        out.line(&Head { format: DUMP_FORMAT.into(), schema, generation }).await?;
        let mut count = 0;
        for table in TABLES.iter().filter(|t| t.since <= schema) {
            let sql = table.select(&tx, schema);
            let mut rows = tx.stream(AssertSqlSafe(sql), &[]);
            while let Some(row) = rows.try_next().await? {
                out.line(&table.to_line(&row, schema)?).await?;
                count += 1;
            }
        }
        let sha256 = hex::encode(out.sum.clone().finish());
        out.line(&Tail { end: true, rows: count, sha256: sha256.clone() }).await?;
        out.to.flush().await.map_err(written)?;
        Ok(DumpSummary { schema, generation, rows: count, sha256 })
    }

    /// Fills an empty store, at this program's schema version, from a dump of this version or an older one. All of the dump
    /// is taken, or, if it is broken off or changed, nothing.
    pub async fn load_dump<R: AsyncBufRead + Unpin + Send>(&self, mut reader: R) -> Result<DumpSummary> {
        let state = self.schema().await?;
        if state.version != NEWEST {
            return Err(StoreError::Schema(format!(
                "migrate to version {NEWEST} first; it is at {}",
                state.version
            )));
        }
        let mut sum = Context::new(&SHA256);
        let head: Head = parse(&next_line(&mut reader).await?.ok_or_else(broken_off)?, &mut sum)?;
        if head.format != DUMP_FORMAT || head.schema < 1 || head.schema > NEWEST {
            return Err(StoreError::Invalid(format!(
                "a dump of format {:?}, schema {}; this program reads {DUMP_FORMAT:?} up to schema {NEWEST}",
                head.format, head.schema
            )));
        }
        let mut tx = self.backend.write_alone().await?;
        make_room(&mut tx, head.schema).await?;
        let mut rows = 0;
        loop {
            let text = next_line(&mut reader).await?.ok_or_else(broken_off)?;
            if text.starts_with(b"{\"end\":") {
                let tail: Tail = serde_json::from_slice(&text).map_err(malformed)?;
                let sha256 = hex::encode(sum.finish());
                if tail.rows != rows || tail.sha256 != sha256 {
                    return Err(StoreError::Invalid("the dump was changed: its digest does not fit".into()));
                }
                tx.commit().await?;
                return Ok(DumpSummary { schema: head.schema, generation: head.generation, rows, sha256 });
            }
            let line: Line = parse(&text, &mut sum)?;
            let table = TABLES
                .iter()
                .find(|t| t.name == line.table && t.since <= head.schema)
                .ok_or_else(|| StoreError::Invalid(format!("the dump has a table {:?}", line.table)))?;
            tx.run(AssertSqlSafe(table.insert()), &table.values(&line)?).await?;
            rows += 1;
        }
    }
}

/// Refuses a store that holds anything, and takes away what the migrations put into the tables that the dump fills.
async fn make_room(tx: &mut Tx, schema: i64) -> Result<()> {
    for table in TABLES.iter().filter(|t| !t.preset) {
        let sql = format!("SELECT COUNT(*) FROM {}", table.name);
        if tx.one(AssertSqlSafe(sql), &[]).await?.int(0)? > 0 {
            return Err(StoreError::Conflict(format!("the store is not empty: {} has rows", table.name)));
        }
    }
    let used = tx.one("SELECT COALESCE(SUM(CASE WHEN value <> 0 THEN 1 ELSE 0 END), 0) FROM counters", &[]);
    if used.await?.int(0)? > 0 {
        return Err(StoreError::Conflict("the store is not empty: its counters have moved".into()));
    }
    tx.run("DELETE FROM audit_head", &[]).await?;
    tx.run("DELETE FROM counters WHERE name = 'generation'", &[]).await?;
    if schema >= 2 {
        tx.run("DELETE FROM counters WHERE name = 'security_events'", &[]).await?;
    }
    Ok(())
}

struct Out<W: AsyncWrite + Unpin + Send> {
    to: tokio::io::BufWriter<W>,
    sum: Context,
}

impl<W: AsyncWrite + Unpin + Send> Out<W> {
    async fn line<T: Serialize>(&mut self, value: &T) -> Result<()> {
        let mut text = serde_json::to_vec(value).map_err(malformed)?;
        text.push(b'\n');
        self.sum.update(&text);
        self.to.write_all(&text).await.map_err(written)
    }
}

async fn next_line<R: AsyncBufRead + Unpin + Send>(reader: &mut R) -> Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = (&mut *reader).take(LINE_MAX).read_until(b'\n', &mut line).await;
    let read = read.map_err(|e| StoreError::Invalid(format!("the dump cannot be read: {e}")))?;
    if read == 0 {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') {
        return Err(if read as u64 == LINE_MAX {
            StoreError::invalid("a line of the dump is too long")
        } else {
            broken_off()
        });
    }
    Ok(Some(line))
}

fn parse<T: for<'de> Deserialize<'de>>(line: &[u8], sum: &mut Context) -> Result<T> {
    sum.update(line);
    serde_json::from_slice(line).map_err(malformed)
}

fn broken_off() -> StoreError {
    StoreError::Invalid("the dump breaks off before its end".into())
}

fn malformed(e: serde_json::Error) -> StoreError {
    StoreError::Invalid(format!("a line of the dump is malformed: {e}"))
}

fn written(e: std::io::Error) -> StoreError {
    StoreError::Invalid(format!("the dump cannot be written: {e}"))
}
