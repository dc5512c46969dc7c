//! `store verify`: whether everything kept is what it was.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde::Serialize;
use trainyard_core::digest::Digest;

use super::Files;
use crate::{
    blobs::Soundness,
    catalog::{column, named},
    error::StoreError,
    store::Store,
};

/// What verifying a store found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The blobs whose bytes match their digest.
    pub sound: Files,
    /// The blobs whose bytes do not.
    pub corrupt: Vec<CorruptBlob>,
    /// The artifacts that lack a file, now that the corrupt blobs are set aside.
    pub incomplete: Vec<IncompleteArtifact>,
    /// What SQLite's own check has to say of the catalog.
    pub catalog: Vec<String>,
}

/// A corrupt blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CorruptBlob {
    /// The digest it is named by.
    pub blob: Digest,
    /// Where it was moved to; nowhere when the store cannot be written.
    pub moved: Option<PathBuf>,
}

/// An artifact that lacks something. It counts as missing: the next run that needs it makes it anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IncompleteArtifact {
    /// The artifact.
    pub artifact: Digest,
    /// Its kind.
    pub kind: String,
    /// The names of its files that are missing or of another length.
    pub files: Vec<String>,
    /// The artifacts it refers to that have no row.
    pub references: Vec<Digest>,
    /// The registered models, as `name version`, that are this artifact.
    pub models: Vec<String>,
}

impl Verified {
    /// True when nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.corrupt.is_empty() && self.incomplete.is_empty() && self.catalog.is_empty()
    }
}

impl Store {
    /// Hashes every blob again, sets corrupt ones aside, and looks for each artifact's files. `progress` is told the
    /// bytes done and the bytes in all, and may return false to stop.
    ///
    /// # Errors
    /// `cancelled`; when the catalog or a folder cannot be read.
    pub fn verify(&self, progress: &mut dyn FnMut(u64, u64) -> bool) -> Result<Verified, StoreError> {
        let on_disk = self.blobs().all()?;
        let total = on_disk.values().sum();
        let mut verified = Verified::default();
        let mut sound = BTreeMap::new();
        let mut done = 0;
        for (blob, length) in on_disk {
            match self.blobs().verify(&blob)? {
                Soundness::Sound { bytes } => {
                    sound.insert(blob, bytes);
                }
                Soundness::Corrupt { moved } => verified.corrupt.push(CorruptBlob { blob, moved }),
                // Collected meanwhile.
                Soundness::Missing => {}
            }
            done += length;
            if !progress(done, total) {
                return Err(StoreError::cancelled());
            }
        }
        verified.sound = sound.values().copied().collect();
        verified.incomplete = self.incomplete(&verified.corrupt)?;
        for row in self.catalog.rows("PRAGMA integrity_check", &[])? {
            let said: String = column(&row, "integrity_check")?;
            if said != "ok" {
                verified.catalog.push(said);
            }
        }
        Ok(verified)
    }

    fn incomplete(&self, corrupt: &[CorruptBlob]) -> Result<Vec<IncompleteArtifact>, StoreError> {
        let corrupt: BTreeSet<Digest> = corrupt.iter().map(|found| found.blob).collect();
        let mut files: BTreeMap<Digest, Vec<String>> = BTreeMap::new();
        for row in self.catalog.rows("SELECT artifact, name, blob, bytes FROM artifact_files", &[])? {
            let blob = named(&row, "blob")?;
            let bytes = u64::try_from(column::<i64>(&row, "bytes")?).unwrap_or(0);
            // Looked for now and not in the list made before: a run may have written it meanwhile.
            if corrupt.contains(&blob) || !self.blobs().has(&blob, bytes) {
                files.entry(named(&row, "artifact")?).or_default().push(column(&row, "name")?);
            }
        }
        let mut references: BTreeMap<Digest, Vec<Digest>> = BTreeMap::new();
        let sql = "SELECT artifact, target FROM artifact_references
                   WHERE target NOT IN (SELECT digest FROM artifacts) ORDER BY artifact, position";
        for row in self.catalog.rows(sql, &[])? {
            references.entry(named(&row, "artifact")?).or_default().push(named(&row, "target")?);
        }
        let artifacts: BTreeSet<Digest> = files.keys().chain(references.keys()).copied().collect();
        artifacts
            .into_iter()
            .map(|artifact| {
                Ok(IncompleteArtifact {
                    artifact,
                    kind: self.kind_of(&artifact)?,
                    files: files.remove(&artifact).unwrap_or_default(),
                    references: references.remove(&artifact).unwrap_or_default(),
                    models: self.models_of(&artifact)?,
                })
            })
            .collect()
    }

    fn kind_of(&self, artifact: &Digest) -> Result<String, StoreError> {
        let row = self.catalog.row("SELECT kind FROM artifacts WHERE digest = ?1", &[&artifact.to_string()])?;
        row.map_or_else(|| Ok(String::new()), |row| column(&row, "kind"))
    }

    fn models_of(&self, artifact: &Digest) -> Result<Vec<String>, StoreError> {
        let sql =
            "SELECT name || ' ' || version AS model FROM model_versions WHERE artifact = ?1 ORDER BY name, version";
        self.catalog.rows(sql, &[&artifact.to_string()])?.iter().map(|row| column(row, "model")).collect()
    }
}
