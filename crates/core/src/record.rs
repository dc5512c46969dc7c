//! What happened in a run: the record behind `run --json`, the report, the pages and `show`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{artifact::Kind, digest::Digest, problem::Problem, warning::Warning};

/// How a step of a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepStatus {
    /// It did its work.
    Ran,
    /// Its outputs were found.
    Cached,
    /// It could not do its work.
    Failed,
    /// It was not tried: its `when:` said no, or a step before it failed.
    Skipped,
    /// A gate of its own refused.
    Refused,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// It is under way, or its process died.
    Running,
    /// It is to start later.
    Scheduled,
    /// Every step ran or was found.
    Succeeded,
    /// A step failed.
    Failed,
    /// A gate refused.
    Refused,
    /// The user stopped it.
    Cancelled,
}

impl RunStatus {
    /// Its name, as in `--json` and the catalog.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Scheduled => "scheduled",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
        }
    }
}

/// An output as recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputRecord {
    /// Its kind.
    pub kind: Kind,
    /// Its digest.
    pub digest: Digest,
    /// Number of rows, where it has rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Bytes in memory.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bytes: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// What a step of a run cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Processor seconds, over all threads. Where steps overlap, the process's time is shared equally among them.
    pub cpu_seconds: f64,
    /// Highest resident memory of the process while it ran, in bytes.
    pub peak_memory: u64,
    /// Bytes of its inputs in memory.
    pub bytes_in: u64,
    /// Bytes of its outputs in memory.
    pub bytes_out: u64,
}

/// Why a step or run failed, as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorRecord {
    /// Stable code.
    pub code: String,
    /// What went wrong.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The checks that failed, if that was the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

/// A step of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Its name in the pipeline.
    pub name: String,
    /// What it is.
    pub uses: String,
    /// How it ended.
    pub status: StepStatus,
    /// Wall seconds.
    pub seconds: f64,
    /// Why it ran, was skipped or failed, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Its outputs by port.
    #[serde(default)]
    pub outputs: BTreeMap<String, OutputRecord>,
    /// What the user should know.
    #[serde(default)]
    pub warnings: Vec<Warning>,
    /// Why it failed or was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorRecord>,
    /// The digest of its fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Digest>,
    /// The steps it takes from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<String>,
    /// What it cost.
    #[serde(default)]
    pub cost: Cost,
    /// When it started, in milliseconds since the run did.
    #[serde(default)]
    pub started_after: u64,
    /// Its parameters as shown: secrets stand as `${env.NAME}`.
    #[serde(default)]
    pub params: serde_json::Value,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
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
    /// The pipeline's parameters.
    #[serde(default)]
    pub params: BTreeMap<String, serde_json::Value>,
    /// Its steps in plan order.
    pub steps: Vec<StepRecord>,
}
