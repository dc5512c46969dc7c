//! `store gc`: removes what nothing kept needs.

use std::{
    collections::BTreeSet,
    fs::{self, DirEntry},
    io,
};

use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use trainyard_core::digest::Digest;

use super::{Files, kept};
use crate::{
    blobs::{list, remove_file},
    catalog::{Argument, column, named},
    error::StoreError,
    presence::Presence,
    store::Store,
};

/// Which runs are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// All of them: only what no run needs goes.
    All,
    /// The newest ones. The others are forgotten, but for the records of those that registered a model version.
    Newest(usize),
}

/// What a collection removed, or would remove.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Collected {
    /// Runs forgotten.
    pub runs: u64,
    /// Artifacts.
    pub artifacts: u64,
    /// Finished work that can no longer be found.
    pub cached: u64,
    /// Blobs.
    pub blobs: Files,
    /// Corrupt blobs set aside earlier, left-overs of killed processes, stale lock files.
    pub left_over: Files,
    /// Bytes freed on disk, in all.
    pub bytes: u64,
}

/// Forgets runs, then what they alone needed, and says what is left. Its parts' end decides whether that stays so.
macro_rules! collect {
    ($end:literal) => {
        concat!(
            "BEGIN IMMEDIATE;
             CREATE TEMP TABLE kept_artifacts AS ",
            kept!("?"),
            "SELECT digest FROM kept;
             CREATE UNIQUE INDEX temp.kept_artifacts_by_digest ON kept_artifacts (digest);
             CREATE TEMP TABLE collected AS SELECT
               (SELECT count(*) FROM runs) AS runs,
               (SELECT count(*) FROM artifacts) AS artifacts,
               (SELECT count(*) FROM cache) AS cached;
             DELETE FROM runs
               WHERE logged = 0
                 AND run NOT IN (SELECT run FROM runs WHERE logged = 0 ORDER BY started DESC, run DESC LIMIT ?)
                 AND run NOT IN (SELECT run FROM model_versions);
             DELETE FROM cache WHERE fingerprint IN
               (SELECT fingerprint FROM cache_outputs WHERE artifact NOT IN temp.kept_artifacts);
             DELETE FROM artifacts WHERE digest NOT IN temp.kept_artifacts;
             DELETE FROM uploads WHERE created < (unixepoch() - 86400) * 1000;
             DELETE FROM last_fingerprints WHERE run NOT IN (SELECT run FROM runs)
               AND fingerprint NOT IN (SELECT fingerprint FROM cache);
             CREATE TEMP TABLE ancestry AS
               WITH RECURSIVE ancestry(fingerprint) AS (
                 SELECT o.fingerprint FROM lineage_outputs o JOIN temp.kept_artifacts k ON k.digest = o.artifact
                 UNION
                 SELECT o.fingerprint FROM ancestry a
                   JOIN lineage_inputs i ON i.fingerprint = a.fingerprint
                   JOIN lineage_outputs o ON o.artifact = i.artifact)
               SELECT fingerprint FROM ancestry;
             DELETE FROM lineage_outputs WHERE fingerprint NOT IN temp.ancestry;
             DELETE FROM lineage_inputs WHERE fingerprint NOT IN temp.ancestry;
             DELETE FROM trials
               WHERE fingerprint NOT IN (SELECT fingerprint FROM cache)
                 AND fingerprint NOT IN (SELECT fingerprint FROM step_runs WHERE fingerprint IS NOT NULL);
             DELETE FROM fingerprints
               WHERE fingerprint NOT IN temp.ancestry
                 AND fingerprint NOT IN (SELECT fingerprint FROM cache)
                 AND fingerprint NOT IN (SELECT fingerprint FROM last_fingerprints)
                 AND fingerprint NOT IN (SELECT fingerprint FROM step_runs WHERE fingerprint IS NOT NULL);
             SELECT NULL AS blob,
               c.runs - (SELECT count(*) FROM runs) AS runs,
               c.artifacts - (SELECT count(*) FROM artifacts) AS artifacts,
               c.cached - (SELECT count(*) FROM cache) AS cached
               FROM temp.collected c;
             SELECT blob FROM artifact_files UNION SELECT blob FROM files UNION SELECT blob FROM upload_parts;
             DROP TABLE temp.kept_artifacts;
             DROP TABLE temp.collected;
             DROP TABLE temp.ancestry;",
            $end
        )
    };
}

const COLLECT: &str = collect!("COMMIT");
const TRY: &str = collect!("ROLLBACK");

impl Store {
    /// Removes artifacts, finished work and blobs that no kept run, no model version and no artifact those refer to
    /// needs, and what killed processes and uploads begun a day ago left behind. A model version keeps the lineage of its artifact. With
    /// `dry_run`, only says what would go; then it may run beside a run, whose scratch files it leaves out of account.
    ///
    /// # Errors
    /// `store-busy` when a run is going on; `store-read-only`; when the catalog or a folder cannot be read or written.
    pub fn gc(&self, keep: Keep, dry_run: bool) -> Result<Collected, StoreError> {
        self.must_write()?;
        let alone = match Presence::alone(&self.presence()) {
            Ok(alone) => Some(alone),
            Err(error) if dry_run && error.code == "store-busy" => None,
            Err(error) => return Err(error),
        };
        let keep = match keep {
            Keep::All => -1,
            Keep::Newest(runs) => i64::try_from(runs).unwrap_or(-1),
        };
        // The catalog first: a blob without a row is rubbish, a row without its blob would be a lie.
        let rows = self
            .catalog
            .script(if dry_run { TRY } else { COLLECT }, &[Argument::number(keep), Argument::number(keep)])?;
        let (mut collected, needed) = read(&rows)?;
        for (blob, bytes) in self.blobs().all()? {
            if !needed.contains(&blob) {
                if !dry_run {
                    self.blobs().remove(&blob)?;
                }
                collected.blobs.add(bytes);
            }
        }
        // A run holds the store as long as it lives, so what lies here while nobody does is of one that was killed.
        // Beside a run it could be the run's own.
        let swept =
            if alone.is_some() { vec![self.blobs().tmp(), self.locks(), self.checkpoints()] } else { Vec::new() };
        for folder in swept.into_iter().chain([self.blobs().corrupt()]) {
            for entry in list(&folder)? {
                sweep(&entry, dry_run, &mut collected.left_over)?;
            }
        }
        collected.bytes = collected.blobs.bytes + collected.left_over.bytes;
        Ok(collected)
    }
}

/// Removes a file or a folder with all that is in it, and counts the files.
fn sweep(entry: &DirEntry, dry_run: bool, left_over: &mut Files) -> Result<(), StoreError> {
    let path = entry.path();
    // Not that of what a link points to.
    let Ok(found) = entry.metadata() else { return Ok(()) };
    if found.is_dir() {
        for inner in list(&path)? {
            sweep(&inner, dry_run, left_over)?;
        }
        if dry_run {
            return Ok(());
        }
        return match fs::remove_dir(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", &path, &error)),
            _ => Ok(()),
        };
    }
    if !dry_run {
        remove_file(&path)?;
    }
    left_over.add(found.len());
    Ok(())
}

fn read(rows: &[SqliteRow]) -> Result<(Collected, BTreeSet<Digest>), StoreError> {
    let mut collected = Collected::default();
    let mut needed = BTreeSet::new();
    for row in rows {
        if column::<Option<&str>>(row, "blob")?.is_some() {
            needed.insert(named(row, "blob")?);
            continue;
        }
        let count = |name| Ok::<_, StoreError>(u64::try_from(column::<i64>(row, name)?).unwrap_or(0));
        collected.runs = count("runs")?;
        collected.artifacts = count("artifacts")?;
        collected.cached = count("cached")?;
    }
    Ok((collected, needed))
}

#[cfg(test)]
mod tests;
