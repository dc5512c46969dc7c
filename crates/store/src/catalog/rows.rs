//! The rows of the catalog as plain data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use trainyard_core::{
    Deployment,
    artifact::Kind,
    digest::Digest,
    outline::Outline,
    record::{RunStatus, StepRecord},
    warning::Warning,
};

use crate::error::StoreError;

/// A file of an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRow {
    /// Its name within the artifact, such as `table.parquet`.
    pub name: String,
    /// The digest of its bytes: the blob that holds them.
    pub blob: Digest,
    /// Its length in bytes.
    pub bytes: u64,
}

/// A kept artifact. Its blobs are durable before the row goes into the catalog.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArtifactRow {
    /// The digest of its logical content.
    pub digest: Digest,
    /// Its kind.
    pub kind: Kind,
    /// Its outline as JSON text; see [`ArtifactRow::outline`].
    pub outline: String,
    /// Number of rows, where it has rows.
    pub rows: Option<u64>,
    /// Size in memory, in bytes.
    pub bytes: u64,
    /// Its files by name.
    pub files: Vec<FileRow>,
    /// The artifacts it is incomplete without, in the order in which they were noted.
    pub references: Vec<Digest>,
}

impl ArtifactRow {
    /// What is known of the artifact.
    ///
    /// # Errors
    /// `store-broken` when the text is not an outline.
    pub fn outline(&self) -> Result<Outline, StoreError> {
        serde_json::from_str(&self.outline)
            .map_err(|error| StoreError::broken(format!("outline of artifact {}: {error}", self.digest.short())))
    }
}

/// An artifact that went into a piece of work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputRow {
    /// The input port.
    pub port: String,
    /// The name by which the step knew it.
    pub name: String,
    /// The artifact.
    pub artifact: Digest,
}

/// A finished piece of work, as [`crate::Session::put_cached`] takes it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CacheRow {
    /// The digest of its fingerprint.
    pub fingerprint: Digest,
    /// What did it, such as `prepare/sql`.
    pub uses: String,
    /// The fingerprint's fields, for `explain`.
    pub fields: serde_json::Value,
    /// What went in.
    pub inputs: Vec<InputRow>,
    /// What came out, by port; rows from [`crate::Session::keep`].
    pub outputs: BTreeMap<String, ArtifactRow>,
    /// What the user should know, told again at each hit.
    pub warnings: Vec<Warning>,
    /// When it was finished, in milliseconds since 1970.
    pub created: i64,
}

/// A finished piece of work, found: every blob it needs is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The digest of its fingerprint.
    pub fingerprint: Digest,
    /// What came out, by port.
    pub outputs: BTreeMap<String, ArtifactRow>,
    /// What the user should know.
    pub warnings: Vec<Warning>,
    /// When it was finished, in milliseconds since 1970.
    pub created: i64,
}

/// A step of a run, as [`crate::Session::record_steps`] takes it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct StepRow<'a> {
    /// Its place in the plan.
    pub position: usize,
    /// What is shown of it. Its `fingerprint`, if any, becomes the last one of that step of the pipeline.
    pub record: &'a StepRecord,
    /// The fields of its fingerprint, for `explain`. May be left out for a hit: they are known.
    pub fields: Option<&'a serde_json::Value>,
}

/// A run in the list of runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRow {
    /// Its id.
    pub run: String,
    /// The pipeline's name.
    pub pipeline: String,
    /// How it ended.
    pub status: RunStatus,
    /// When it started, in milliseconds since 1970.
    pub started: i64,
    /// Wall seconds.
    pub seconds: f64,
}

/// The fingerprint a step of a pipeline had when it was last looked up.
#[derive(Clone, Debug, PartialEq)]
pub struct LastFingerprint {
    /// Its digest.
    pub fingerprint: Digest,
    /// Its fields.
    pub fields: serde_json::Value,
    /// The run that had it first, since it last changed.
    pub run: String,
}

/// A number an evaluation measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricRow {
    /// The evaluating step.
    pub step: String,
    /// The judged model: the step that trained it.
    pub model: String,
    /// The metric, such as `rmse`.
    pub metric: String,
    /// Its value; absent where it is not a finite number.
    pub value: Option<f64>,
    /// Lower end of its interval.
    pub low: Option<f64>,
    /// Upper end of its interval.
    pub high: Option<f64>,
    /// The interval's level, such as 0.95.
    pub level: Option<f64>,
}

/// A registered model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelRow {
    /// Its name.
    pub name: String,
    /// Its versions, the newest first.
    pub versions: Vec<VersionRow>,
}

/// A version of a registered model.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionRow {
    /// Its number, from 1.
    pub version: u64,
    /// The model artifact; none for a version of files that a client named.
    pub artifact: Option<Digest>,
    /// The run that registered it.
    pub run: String,
    /// Whatever the registering step noted.
    pub about: serde_json::Value,
    /// When it was registered, in milliseconds since 1970.
    pub created: i64,
    /// The aliases that point at it, sorted.
    pub aliases: Vec<String>,
    /// What that run measured of the step that made the artifact.
    pub metrics: Vec<MetricRow>,
}

/// What stood behind the name of a served model at some time.
#[derive(Clone, Debug, PartialEq)]
pub struct DeploymentRow {
    /// The versions; none where it was the champion, whichever that is.
    pub deployment: Option<Deployment>,
    /// Who or what changed it, and why.
    pub reason: String,
    /// Since when, in milliseconds since 1970.
    pub created: i64,
}

/// How an artifact came to be: one piece of work that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineageRow {
    /// The artifact.
    pub artifact: Digest,
    /// The fingerprint of the work that made it.
    pub fingerprint: Digest,
    /// What did the work, such as `prepare/sql`.
    pub uses: String,
    /// The output port.
    pub port: String,
    /// What went in.
    pub inputs: Vec<InputRow>,
}
