//! `store du`: what takes how much.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use trainyard_core::digest::Digest;

use super::{Files, kept};
use crate::{
    blobs::list,
    catalog::{column, named},
    error::StoreError,
    store::Store,
};

/// What a store's parts take on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// The artifacts by kind.
    pub kinds: BTreeMap<String, KindUsage>,
    /// All blobs.
    pub blobs: Files,
    /// Blobs of artifacts that a run, a model version or something they refer to needs.
    pub reachable: Files,
    /// What `gc` would free when keeping all runs: other blobs, corrupt ones and left-overs of killed processes.
    pub reclaimable: Files,
    /// The catalog, its log included.
    pub catalog_bytes: u64,
    /// Everything.
    pub total_bytes: u64,
}

/// What the artifacts of a kind take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KindUsage {
    /// How many artifacts.
    pub artifacts: u64,
    /// Bytes of their blobs on disk; a blob shared within the kind counts once.
    pub bytes: u64,
}

impl Store {
    /// Measures the store. Needs no write access; beside a run, the numbers are those of a moment.
    ///
    /// # Errors
    /// When the catalog or a folder cannot be read.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        let on_disk = self.blobs().all()?;
        let reachable: BTreeSet<Digest> = self
            .catalog
            .rows(
                concat!(
                    kept!("-1"),
                    "SELECT f.blob FROM kept JOIN artifact_files f ON f.artifact = kept.digest
                     UNION SELECT blob FROM files UNION SELECT blob FROM upload_parts"
                ),
                &[],
            )?
            .iter()
            .map(|row| named(row, "blob"))
            .collect::<Result<_, _>>()?;
        let lengths = |wanted: bool| -> Vec<u64> {
            on_disk.iter().filter(|(blob, _)| reachable.contains(*blob) == wanted).map(|(_, bytes)| *bytes).collect()
        };
        let left_over = self.left_over()?;
        let reclaimable = lengths(false).into_iter().chain(left_over.iter().copied()).collect();
        let blobs: Files = on_disk.values().copied().collect();
        let catalog_bytes = ["db", "db-wal", "db-shm"]
            .iter()
            .filter_map(|end| self.catalog.path().with_extension(end).metadata().ok())
            .map(|found| found.len())
            .sum();
        Ok(Usage {
            kinds: self.kinds(&on_disk)?,
            blobs,
            reachable: lengths(true).into_iter().collect(),
            reclaimable,
            catalog_bytes,
            total_bytes: blobs.bytes + catalog_bytes + left_over.iter().sum::<u64>(),
        })
    }

    fn kinds(&self, on_disk: &BTreeMap<Digest, u64>) -> Result<BTreeMap<String, KindUsage>, StoreError> {
        let mut kinds: BTreeMap<String, KindUsage> = BTreeMap::new();
        for row in self.catalog.rows("SELECT kind, count(*) AS artifacts FROM artifacts GROUP BY kind", &[])? {
            let artifacts = u64::try_from(column::<i64>(&row, "artifacts")?).unwrap_or(0);
            kinds.insert(column(&row, "kind")?, KindUsage { artifacts, bytes: 0 });
        }
        let sql = "SELECT DISTINCT a.kind, f.blob FROM artifacts a JOIN artifact_files f ON f.artifact = a.digest";
        for row in self.catalog.rows(sql, &[])? {
            let blob: Digest = named(&row, "blob")?;
            let kind = kinds.entry(column(&row, "kind")?).or_default();
            kind.bytes += on_disk.get(&blob).copied().unwrap_or(0);
        }
        Ok(kinds)
    }

    /// Lengths of the corrupt blobs set aside and of files being written, or left so by a killed process.
    fn left_over(&self) -> Result<Vec<u64>, StoreError> {
        let mut lengths = Vec::new();
        for folder in [self.blobs().tmp(), self.blobs().corrupt()] {
            lengths.extend(list(&folder)?.iter().filter_map(|entry| entry.metadata().ok()).map(|found| found.len()));
        }
        Ok(lengths)
    }
}
