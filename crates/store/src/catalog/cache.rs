//! Artifacts and finished work: what makes a second run take no time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;
use sqlx::sqlite::SqliteRow;
use trainyard_core::{artifact::Kind, digest::Digest};

use super::{
    Argument, column, named, parsed,
    rows::{ArtifactRow, CacheRow, FileRow, Hit},
    text,
};
use crate::{
    blobs,
    error::StoreError,
    store::{Mode, Store},
};

/// Artifacts from `start` on and all they refer to, as one JSON array. `start` may use the outer query's columns.
macro_rules! closure {
    ($start:literal) => {
        concat!(
            "(WITH RECURSIVE closure(digest) AS (",
            $start,
            " UNION SELECT r.target FROM closure c JOIN artifact_references r ON r.artifact = c.digest)
              SELECT json_group_array(json_object(
                'digest', c.digest, 'kind', a.kind, 'outline', a.outline, 'rows', a.rows, 'bytes', a.bytes,
                'files', (SELECT json_group_array(json_object('name', f.name, 'blob', f.blob, 'bytes', f.bytes))
                          FROM artifact_files f WHERE f.artifact = c.digest),
                'references', (SELECT json_group_array(target) FROM
                    (SELECT r.target FROM artifact_references r WHERE r.artifact = c.digest ORDER BY r.position))))
              FROM closure c LEFT JOIN artifacts a ON a.digest = c.digest) AS artifacts"
        )
    };
}

macro_rules! hit {
    ($which:literal) => {
        concat!(
            "SELECT k.fingerprint, k.warnings, k.created,
               (SELECT json_group_object(o.port, o.artifact) FROM cache_outputs o WHERE o.fingerprint = k.fingerprint)
                 AS outputs, ",
            closure!("SELECT o.artifact FROM cache_outputs o WHERE o.fingerprint = k.fingerprint"),
            " FROM cache k WHERE k.fingerprint ",
            $which
        )
    };
}

const HIT: &str = hit!("= ?1");
const HITS_OF_PIPELINE: &str = hit!("IN (SELECT l.fingerprint FROM last_fingerprints l WHERE l.pipeline = ?1)");
const ARTIFACT: &str = concat!("SELECT ", closure!("SELECT ?1"));

/// Artifacts with their files and references; the newest encoding wins. Takes what [`artifact_arguments`] gives.
macro_rules! put_artifacts {
    () => {
        "INSERT INTO artifacts (digest, kind, outline, rows, bytes)
           SELECT value->>0, value->>1, value->>2, value->>3, value->>4 FROM jsonb_each(?) WHERE true
           ON CONFLICT (digest) DO UPDATE SET
             kind = excluded.kind, outline = excluded.outline, rows = excluded.rows, bytes = excluded.bytes;
         DELETE FROM artifact_files WHERE artifact IN (SELECT value FROM json_each(?));
         INSERT INTO artifact_files (artifact, name, blob, bytes)
           SELECT value->>0, value->>1, value->>2, value->>3 FROM jsonb_each(?);
         DELETE FROM artifact_references WHERE artifact IN (SELECT value FROM json_each(?));
         INSERT INTO artifact_references (artifact, position, target)
           SELECT value->>0, value->>1, value->>2 FROM jsonb_each(?);"
    };
}

const PUT_ARTIFACTS: &str = concat!("BEGIN IMMEDIATE;", put_artifacts!(), "COMMIT");

const PUT_CACHED: &str = concat!(
    "BEGIN IMMEDIATE;",
    put_artifacts!(),
    "INSERT INTO fingerprints (fingerprint, uses, fields)
       SELECT value->>0, value->>1, value->>2 FROM jsonb_each(?) WHERE true
       ON CONFLICT (fingerprint) DO NOTHING;
     INSERT INTO cache (fingerprint, warnings, created)
       SELECT value->>0, value->>1, value->>2 FROM jsonb_each(?) WHERE true
       ON CONFLICT (fingerprint) DO UPDATE SET warnings = excluded.warnings, created = excluded.created;
     DELETE FROM cache_outputs WHERE fingerprint IN (SELECT value FROM json_each(?));
     INSERT INTO cache_outputs (fingerprint, port, artifact)
       SELECT value->>0, value->>1, value->>2 FROM jsonb_each(?);
     INSERT INTO lineage_outputs (fingerprint, port, artifact)
       SELECT value->>0, value->>1, value->>2 FROM jsonb_each(?) WHERE true
       ON CONFLICT (artifact, fingerprint, port) DO NOTHING;
     INSERT INTO lineage_inputs (fingerprint, position, port, name, artifact)
       SELECT value->>0, value->>1, value->>2, value->>3, value->>4 FROM jsonb_each(?) WHERE true
       ON CONFLICT (fingerprint, position) DO NOTHING;
     COMMIT"
);

/// An entry that was removed meanwhile and made anew is not the broken one.
const DROP_CACHED: &str = "BEGIN IMMEDIATE;
     DELETE FROM cache WHERE (fingerprint, created) IN (SELECT value->>0, value->>1 FROM jsonb_each(?));
     COMMIT";

/// A row of the cache as it came, not parsed before it is wanted.
#[derive(Clone, Debug)]
pub(crate) struct RawHit {
    warnings: String,
    created: i64,
    outputs: String,
    artifacts: String,
}

/// An artifact of a closure: without a kind, it has no row.
#[derive(Deserialize)]
struct Found {
    digest: Digest,
    kind: Option<Kind>,
    outline: Option<String>,
    rows: Option<u64>,
    bytes: Option<u64>,
    files: Vec<FileRow>,
    references: Vec<Digest>,
}

impl Store {
    /// The artifact of that digest, if it is there with all its blobs and those of what it refers to.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn artifact(&self, digest: &Digest) -> Result<Option<ArtifactRow>, StoreError> {
        let Some(row) = self.catalog.row(ARTIFACT, &[&digest.to_string()])? else { return Ok(None) };
        Ok(self.whole(column(&row, "artifacts")?).and_then(|mut found| found.remove(digest)))
    }

    /// The finished work of that fingerprint, if it is there with every blob it needs. See
    /// [`crate::Session::find_cached`], which is faster in a run.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn find_cached(&self, fingerprint: &Digest) -> Result<Option<Hit>, StoreError> {
        match self.catalog.row(HIT, &[&fingerprint.to_string()])? {
            Some(row) => self.whole_hit(fingerprint, &raw_hit(&row)?),
            None => Ok(None),
        }
    }

    /// The fields of a fingerprint, as last kept or recorded.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn fields(&self, fingerprint: &Digest) -> Result<Option<serde_json::Value>, StoreError> {
        let sql = "SELECT fields FROM fingerprints WHERE fingerprint = ?1";
        self.catalog.row(sql, &[&fingerprint.to_string()])?.map(|row| parsed(&row, "fields")).transpose()
    }

    /// What the last run of `pipeline` found or made.
    pub(crate) fn raw_hits_of(&self, pipeline: &str) -> Result<HashMap<Digest, RawHit>, StoreError> {
        let rows = self.catalog.rows(HITS_OF_PIPELINE, &[pipeline])?;
        rows.iter().map(|row| Ok((named(row, "fingerprint")?, raw_hit(row)?))).collect()
    }

    /// The hit, unless something it needs is missing: then its entry is removed, as it would never be of use again.
    pub(crate) fn whole_hit(&self, fingerprint: &Digest, raw: &RawHit) -> Result<Option<Hit>, StoreError> {
        if let Some(hit) = self.parse_whole(fingerprint, raw) {
            return Ok(Some(hit));
        }
        if self.mode() == Mode::Write {
            self.catalog.script(DROP_CACHED, &[Argument::rows([(fingerprint, raw.created)])?])?;
        }
        Ok(None)
    }

    pub(crate) fn put_artifacts(&self, rows: &[ArtifactRow]) -> Result<(), StoreError> {
        self.must_write()?;
        self.must_have_blobs(rows.iter())?;
        self.catalog.script(PUT_ARTIFACTS, &artifact_arguments(&rows.iter().collect::<Vec<_>>())?)?;
        Ok(())
    }

    /// Keeps finished work; the artifacts in `known` are in the catalog as they are.
    pub(crate) fn put_cached(&self, rows: &[CacheRow], known: &BTreeSet<Digest>) -> Result<(), StoreError> {
        self.must_write()?;
        let outputs = rows.iter().flat_map(|row| row.outputs.values()).filter(|row| !known.contains(&row.digest));
        let artifacts: BTreeMap<Digest, &ArtifactRow> = outputs.map(|row| (row.digest, row)).collect();
        let artifacts: Vec<&ArtifactRow> = artifacts.into_values().collect();
        self.must_have_blobs(artifacts.iter().copied())?;
        let fields = rows.iter().map(|row| Ok((row.fingerprint, &row.uses, text(&row.fields)?)));
        let cache = rows.iter().map(|row| Ok((row.fingerprint, text(&row.warnings)?, row.created)));
        let outputs = || {
            rows.iter().flat_map(|row| {
                row.outputs.iter().map(|(port, output)| (row.fingerprint, port.as_str(), output.digest))
            })
        };
        let inputs = rows.iter().flat_map(|row| {
            let inputs = row.inputs.iter().enumerate();
            inputs.map(|(position, input)| (row.fingerprint, position, &input.port, &input.name, input.artifact))
        });
        let mut arguments = artifact_arguments(&artifacts)?;
        arguments.extend([
            Argument::rows(fields.collect::<Result<Vec<_>, StoreError>>()?)?,
            Argument::rows(cache.collect::<Result<Vec<_>, StoreError>>()?)?,
            Argument::rows(rows.iter().map(|row| row.fingerprint))?,
            Argument::rows(outputs())?,
            Argument::rows(outputs())?,
            Argument::rows(inputs)?,
        ]);
        self.catalog.script(PUT_CACHED, &arguments)?;
        Ok(())
    }

    fn must_have_blobs<'a>(&self, mut rows: impl Iterator<Item = &'a ArtifactRow>) -> Result<(), StoreError> {
        let missing = rows.find_map(|row| row.files.iter().find(|file| !self.blobs().has(&file.blob, file.bytes)));
        missing.map_or(Ok(()), |file| Err(blobs::missing(&file.blob)))
    }

    /// What is not JSON, or not of this version, is as good as missing.
    fn parse_whole(&self, fingerprint: &Digest, raw: &RawHit) -> Option<Hit> {
        let outputs: BTreeMap<String, Digest> = serde_json::from_str(&raw.outputs).ok()?;
        let warnings = serde_json::from_str(&raw.warnings).ok()?;
        let found = self.whole(&raw.artifacts)?;
        let outputs = outputs.into_iter().map(|(port, digest)| Some((port, found.get(&digest)?.clone())));
        let outputs = outputs.collect::<Option<_>>()?;
        Some(Hit { fingerprint: *fingerprint, outputs, warnings, created: raw.created })
    }

    /// The artifacts of a closure, if all have their rows and blobs.
    fn whole(&self, artifacts: &str) -> Option<BTreeMap<Digest, ArtifactRow>> {
        let found: Vec<Found> = serde_json::from_str(artifacts).ok()?;
        let rows = found.into_iter().map(|found| {
            let row = ArtifactRow {
                digest: found.digest,
                kind: found.kind?,
                outline: found.outline?,
                rows: found.rows,
                bytes: found.bytes?,
                files: found.files,
                references: found.references,
            };
            self.is_whole(&row).then_some((row.digest, row))
        });
        rows.collect()
    }
}

fn artifact_arguments(rows: &[&ArtifactRow]) -> Result<Vec<Argument>, StoreError> {
    let digests = || rows.iter().map(|row| row.digest);
    let artifacts = rows.iter().map(|row| (row.digest, row.kind, &row.outline, row.rows, row.bytes));
    let files =
        rows.iter().flat_map(|row| row.files.iter().map(|file| (row.digest, &file.name, file.blob, file.bytes)));
    let references = rows
        .iter()
        .flat_map(|row| row.references.iter().enumerate().map(|(position, target)| (row.digest, position, target)));
    Ok(vec![
        Argument::rows(artifacts)?,
        Argument::rows(digests())?,
        Argument::rows(files)?,
        Argument::rows(digests())?,
        Argument::rows(references)?,
    ])
}

fn raw_hit(row: &SqliteRow) -> Result<RawHit, StoreError> {
    Ok(RawHit {
        warnings: column(row, "warnings")?,
        created: column(row, "created")?,
        outputs: column(row, "outputs")?,
        artifacts: column(row, "artifacts")?,
    })
}
