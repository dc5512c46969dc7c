//! What the API answers, as it goes over the wire. Moments are milliseconds since 1970, durations seconds.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::Value;

/// A run in a list.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Run {
    /// Its id.
    pub(crate) run: String,
    /// The name of its pipeline, or of the experiment that it was logged to.
    pub(crate) pipeline: String,
    /// Its name, where a client gave it one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// True for one that a client logged.
    pub(crate) logged: bool,
    /// `running`, `scheduled`, `succeeded`, `failed`, `refused` or `cancelled`.
    pub(crate) status: String,
    /// When it started.
    pub(crate) started: i64,
    /// Wall seconds.
    pub(crate) seconds: f64,
}

/// Runs, the newest first.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Runs {
    /// The runs.
    pub(crate) runs: Vec<Run>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// All that is known of a run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct RunDetail {
    /// The run.
    #[serde(flatten)]
    pub(crate) run: Run,
    /// The pipeline's parameters; texts where a client logged them.
    pub(crate) params: BTreeMap<String, Value>,
    /// The tags that clients set.
    pub(crate) tags: BTreeMap<String, String>,
    /// Its steps in plan order, those that have ended.
    pub(crate) steps: Vec<Step>,
    /// What evaluations measured; of a logged run, the last point of each metric.
    pub(crate) metrics: Vec<Metric>,
    /// Who logged it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    /// Who asked for it, where it was started by this server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) asked_by: Option<String>,
}

/// A step of a run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Step {
    /// Its name in the pipeline.
    pub(crate) name: String,
    /// What it is, such as `train/linear`.
    pub(crate) uses: String,
    /// `ran`, `cached`, `failed`, `skipped` or `refused`.
    pub(crate) status: String,
    /// When it started, in seconds since the run did.
    pub(crate) started_after: f64,
    /// Wall seconds.
    pub(crate) seconds: f64,
    /// Processor seconds.
    pub(crate) cpu_seconds: f64,
    /// Highest resident memory of the process while it ran, in bytes.
    pub(crate) peak_memory: u64,
    /// The steps it takes from.
    pub(crate) from: Vec<String>,
    /// Why it ran, was skipped or failed, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    /// Its outputs by port.
    pub(crate) outputs: BTreeMap<String, Output>,
    /// What one should know, each with `code`, `severity`, `message` and `help`.
    pub(crate) warnings: Vec<Value>,
    /// Why it failed or was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Fault>,
    /// Its parameters as shown: secrets stand as `${env.NAME}`.
    pub(crate) params: Value,
}

/// An output of a step.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Output {
    /// `table`, `split`, `model`, `evaluation`, `profile`, `release` or `document`.
    pub(crate) kind: String,
    /// The digest of its content.
    pub(crate) digest: String,
    /// Number of rows, where it has rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rows: Option<u64>,
    /// Bytes in memory.
    pub(crate) bytes: u64,
}

/// The steps of a run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Steps {
    /// In plan order, those that have ended.
    pub(crate) steps: Vec<Step>,
}

/// A number that was measured.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Metric {
    /// The evaluating step; empty for a metric that a client logged.
    pub(crate) step: String,
    /// The judged model; empty for a metric that a client logged.
    pub(crate) model: String,
    /// The metric, such as `rmse`.
    pub(crate) metric: String,
    /// Its value; absent where it is not a finite number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<f64>,
    /// Lower end of its interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) low: Option<f64>,
    /// Upper end of its interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) high: Option<f64>,
    /// The interval's level, such as 0.95.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) level: Option<f64>,
}

/// What a run measured.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Metrics {
    /// By step, model and metric.
    pub(crate) metrics: Vec<Metric>,
}

/// A metric over time, as a client logged it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Series {
    /// The metric.
    pub(crate) metric: String,
    /// How many points were logged.
    pub(crate) total: u64,
    /// What is left of them where they are more than was asked for: of each stretch the least and the greatest.
    pub(crate) points: Vec<PointOf>,
}

/// A point of a series.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct PointOf {
    /// The step.
    pub(crate) step: i64,
    /// Its value; absent where it is not a finite number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<f64>,
    /// When.
    pub(crate) timestamp: i64,
}

/// What a run said.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Log {
    /// Lines, the oldest first.
    pub(crate) log: String,
}

/// The files of a folder that a client kept.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Files {
    /// By name.
    pub(crate) files: Vec<File>,
}

/// A file or a folder.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct File {
    /// Its name in the folder.
    pub(crate) name: String,
    /// Its length; absent for a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<u64>,
    /// Where it can be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
}

/// Experiments, the latest made first.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Experiments {
    /// The experiments.
    pub(crate) experiments: Vec<Experiment>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// An experiment: what runs are grouped by. A pipeline's runs are those of the experiment of its name.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Experiment {
    /// Its number.
    pub(crate) id: i64,
    /// Its name.
    pub(crate) name: String,
    /// When it was made.
    pub(crate) created: i64,
}

/// Runs side by side.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Comparison {
    /// The runs in the order in which they were named.
    pub(crate) runs: Vec<Run>,
    /// Parameters of the pipeline and of steps.
    pub(crate) params: Vec<Compared>,
    /// Metrics, named `step.model.metric`.
    pub(crate) metrics: Vec<Compared>,
}

/// A quantity over several runs.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Compared {
    /// Its name.
    pub(crate) name: String,
    /// Its value in each run; null where a run has none.
    pub(crate) values: Vec<Value>,
    /// Whether the runs differ in it.
    pub(crate) differs: bool,
}

/// The pipelines.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Pipelines {
    /// By name.
    pub(crate) pipelines: Vec<Pipeline>,
}

/// A pipeline.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Pipeline {
    /// Its name.
    pub(crate) name: String,
    /// Its file below the project; absent where it is only known from runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) about: Option<String>,
    /// Its parameters as the file has them.
    pub(crate) params: BTreeMap<String, Value>,
    /// Its steps, each with those it takes from.
    pub(crate) steps: Vec<PlannedStep>,
    /// What is wrong with the file.
    pub(crate) problems: Vec<Fault>,
    /// Its newest run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<Run>,
}

/// A step as the file has it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct PlannedStep {
    /// Its name.
    pub(crate) name: String,
    /// What it is.
    pub(crate) uses: String,
    /// The steps it takes from.
    pub(crate) from: Vec<String>,
}

/// A run to start.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Start {
    /// Parameters of the pipeline by name, as text: what `--set` takes.
    pub(crate) set: BTreeMap<String, String>,
    /// Steps that run although their results are known.
    pub(crate) force: Vec<String>,
    /// The last step to run.
    pub(crate) until: Option<String>,
}

/// A run to do again.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Again {
    /// The step from which on everything is done again; without it, only what changed is.
    pub(crate) from: Option<String>,
}

/// A run that was started.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Started {
    /// Its id.
    pub(crate) run: String,
}

/// The registered models.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Models {
    /// By name.
    pub(crate) models: Vec<Model>,
}

/// A registered model.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Model {
    /// Its name.
    pub(crate) name: String,
    /// Its versions, the newest first.
    pub(crate) versions: Vec<Version>,
}

/// A version of a registered model.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Version {
    /// Its number, from 1.
    pub(crate) version: u64,
    /// The aliases that point at it.
    pub(crate) aliases: Vec<String>,
    /// The run that registered it.
    pub(crate) run: String,
    /// The model artifact; absent for files that a client registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<String>,
    /// When it was registered.
    pub(crate) created: i64,
    /// What the registering step noted, such as `estimator` and `metrics`.
    pub(crate) about: Value,
    /// What that run measured of it.
    pub(crate) metrics: Vec<Metric>,
}

/// Where an alias is to point.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Point {
    /// The version.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    #[serde(deserialize_with = "whole")]
    pub(crate) version: u64,
}

/// What to put behind a model's name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deploy {
    /// The version.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    #[serde(deserialize_with = "whole")]
    pub(crate) version: u64,
    /// The percentage of requests it gets beside the version that is there; all when absent.
    #[schemars(range(min = 0.0, max = 100.0))]
    #[serde(default)]
    pub(crate) canary: Option<f64>,
    /// It gets every request too, and answers none.
    #[serde(default)]
    pub(crate) shadow: bool,
    /// Why.
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

/// Why something is rolled back.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Reason {
    /// Why.
    pub(crate) reason: Option<String>,
}

/// What stands behind the names of models.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Deployments {
    /// By name.
    pub(crate) deployments: Vec<Deployment>,
}

/// What stands behind the name of a model.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Deployment {
    /// The model.
    pub(crate) model: String,
    /// The versions that answer, each with its share of the requests, the steady one first.
    pub(crate) routes: Vec<Route>,
    /// A version that gets every request too and is never answered from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shadow: Option<u64>,
    /// Whether the name stands for the champion, whichever that is.
    pub(crate) follows_champion: bool,
    /// What was changed, the newest first.
    pub(crate) history: Vec<Change>,
}

/// A version that answers.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Route {
    /// The version.
    pub(crate) version: u64,
    /// Its share of the requests, from 0 to 1.
    pub(crate) share: f64,
}

/// A change of a deployment.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Change {
    /// What was put there; absent where the name went back to the champion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) routes: Option<Vec<Route>>,
    /// Who or what changed it, and why.
    pub(crate) reason: String,
    /// When.
    pub(crate) created: i64,
}

/// A kept artifact.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Artifact {
    /// The digest of its content.
    pub(crate) digest: String,
    /// `table`, `split`, `model`, `evaluation`, `profile`, `release` or `document`.
    pub(crate) kind: String,
    /// Number of rows, where it has rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rows: Option<u64>,
    /// Bytes in memory.
    pub(crate) bytes: u64,
    /// What is known of it, such as a table's columns.
    pub(crate) outline: Value,
}

/// Rows of a table as text.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Rows {
    /// The columns.
    pub(crate) columns: Vec<ColumnOf>,
    /// The rows; null where there is no value.
    pub(crate) rows: Vec<Vec<Option<String>>>,
    /// How many rows the table has.
    pub(crate) total: u64,
}

/// A column.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct ColumnOf {
    /// Its name.
    pub(crate) name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub(crate) column_type: String,
}

/// How an artifact came to be.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Lineage {
    /// The work that made it, then what made that work's inputs, and so on to the sources.
    pub(crate) lineage: Vec<Made>,
}

/// A piece of work.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Made {
    /// What it made.
    pub(crate) artifact: String,
    /// What did it, such as `prepare/sql`.
    pub(crate) uses: String,
    /// The output port.
    pub(crate) port: String,
    /// What went in: artifacts by the name by which the step knew them.
    pub(crate) inputs: Vec<Input>,
}

/// What went into a piece of work.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Input {
    /// The name by which the step knew it.
    pub(crate) name: String,
    /// The artifact.
    pub(crate) artifact: String,
}

/// What was found.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Found {
    /// The best first.
    pub(crate) found: Vec<Hit>,
}

/// Something that was found.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Hit {
    /// `run`, `pipeline`, `experiment`, `step`, `model` or `artifact`.
    pub(crate) kind: &'static str,
    /// Its name.
    pub(crate) name: String,
    /// More of it.
    pub(crate) about: String,
    /// Its page.
    pub(crate) page: String,
}

/// What went wrong.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Fault {
    /// Stable code; `trainyard explain CODE` says more.
    pub(crate) code: String,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) help: Option<String>,
}

/// How every failure is answered.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Refused {
    /// What went wrong.
    pub(crate) error: Fault,
}

/// A document of any shape.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Anything(pub(crate) BTreeMap<String, Value>);

/// A whole number; JSON has but one sort of numbers, so `2.0` is one too.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let rounded = || number.as_f64().filter(|value| value.fract() == 0.0 && (0.0..=9e15).contains(value));
    let found = number.as_u64().or_else(|| rounded().map(|value| value as u64));
    found.ok_or_else(|| D::Error::custom(format!("expected a whole number, found {number}")))
}
