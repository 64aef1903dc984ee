//! The files of contracts and mappings, by their digest: written in the transaction of the change that names them, or uploaded before.
//! Here they are text; what is in it is the registry's matter.

use crate::Store;
use crate::error::Result;
use crate::sql::Tx;
use lgsp_kernel::Millis;
use std::collections::HashSet;

/// Files under a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractFilesRow {
    /// What they are named by.
    pub digest: String,
    /// The files as text.
    pub files: String,
}

pub(crate) async fn keep(tx: &mut Tx, rows: &[ContractFilesRow], at: Millis) -> Result<()> {
    for row in rows {
        // Kept already: the same content. Its time moves on, so that what was just uploaded is not swept away.
        tx.run(
            "INSERT INTO contract_files (digest, files, at) VALUES ($1, $2, $3) ON CONFLICT (digest) DO UPDATE SET at = excluded.at",
            &[row.digest.as_str().into(), row.files.as_str().into(), at.0.into()],
        )
        .await?;
    }
    Ok(())
}

impl Store {
    /// Keeps files that a later change will name.
    pub async fn put_contract_files(&self, rows: &[ContractFilesRow], at: Millis) -> Result<()> {
        let mut tx = self.backend.write().await?;
        keep(&mut tx, rows, at).await?;
        tx.commit().await
    }

    /// The files with these digests; those that are not there are left out.
    pub async fn contract_files(&self, digests: &[String]) -> Result<Vec<ContractFilesRow>> {
        let mut found = Vec::new();
        let mut tx = self.backend.read().await?;
        for digest in digests {
            let sql = "SELECT files FROM contract_files WHERE digest = $1";
            if let Some(row) = tx.first(sql, &[digest.as_str().into()]).await? {
                found.push(ContractFilesRow { digest: digest.clone(), files: row.text(0)? });
            }
        }
        Ok(found)
    }

    /// Drops files that nothing names and that were kept before a time; how many.
    pub async fn sweep_contract_files(&self, named: &HashSet<String>, before: Millis) -> Result<u64> {
        let mut tx = self.backend.write().await?;
        let rows = tx.all("SELECT digest FROM contract_files WHERE at < $1", &[before.0.into()]).await?;
        let mut dropped = 0;
        for row in rows {
            let digest = row.text(0)?;
            if !named.contains(&digest) {
                dropped +=
                    tx.run("DELETE FROM contract_files WHERE digest = $1", &[digest.as_str().into()]).await?;
            }
        }
        tx.commit().await?;
        Ok(dropped)
    }
}
