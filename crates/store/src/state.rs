//! Small state of the node by name: one text a key.

use crate::Store;
use crate::error::Result;

impl Store {
    /// Keeps a text under a key, in place of what was there.
    pub async fn put_state(&self, key: &str, value: &str) -> Result<()> {
        let mut tx = self.backend.write().await?;
        tx.run(
            "INSERT INTO node_state (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            &[key.into(), value.into()],
        )
        .await?;
        tx.commit().await
    }

    /// Keeps a text under a key unless there is one; what is there afterwards. Of several processes that try at once, all
    /// get the same answer.
    pub async fn put_state_once(&self, key: &str, value: &str) -> Result<String> {
        let mut tx = self.backend.write().await?;
        tx.run(
            "INSERT INTO node_state (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING",
            &[key.into(), value.into()],
        )
        .await?;
        let kept = tx.one("SELECT value FROM node_state WHERE key = $1", &[key.into()]).await?.text(0)?;
        tx.commit().await?;
        Ok(kept)
    }

    /// The text under a key.
    pub async fn get_state(&self, key: &str) -> Result<Option<String>> {
        let mut tx = self.backend.read().await?;
        let row = tx.first("SELECT value FROM node_state WHERE key = $1", &[key.into()]).await?;
        row.map(|r| r.text(0)).transpose()
    }
}
