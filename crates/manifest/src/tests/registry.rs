//! Steps that check as the real ones do but never run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::{
    Column, ColumnType, Context, Inputs, Kind, Outline, Outlines, Outputs, Ports, Problem, Registry, Schema, Setting,
    Step, StepError, step::ErasedStep,
};

pub(super) static REGISTRY: Registry = Registry { stages: &[STEPS], codecs: &[] };
static STEPS: &[&dyn ErasedStep] = &[&Source, &Keep, &Sql, &Split, &Linear, &Judge, &Log];

/// Columns out of nowhere.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceParams {
    /// Column → type.
    columns: BTreeMap<String, ColumnType>,
    /// Where to log in.
    #[serde(default)]
    address: Option<String>,
    /// How many rows.
    #[serde(default)]
    rows: Option<u32>,
}

struct Source;
impl Step for Source {
    const NAME: &'static str = "acquire/rows";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "Rows out of nowhere.";
    const EXAMPLES: &'static [&'static str] = &[];
    type Params = SourceParams;
    type Checked = ();
    fn ports(_: &Self::Params) -> Ports {
        Ports::new().output("data", &[Kind::Table])
    }
    fn check(params: Self::Params, _: &Outlines, _: &Setting) -> Result<((), Outlines), Vec<Problem>> {
        if let Some(address) = &params.address
            && !address.contains("right")
        {
            return Err(vec![Problem::error("no-login", format!("cannot log in at `{address}`")).at(["address"])]);
        }
        let schema = Schema::new(params.columns);
        Ok(((), Outlines::output("data", Outline::Table { schema })))
    }
    fn run(_: &(), _: &Inputs, _: &Context<'_>) -> Result<Outputs, StepError> {
        Err(StepError::new("never", "never run"))
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct KeepParams {
    /// The columns to keep.
    columns: Vec<String>,
    /// What to do with rows that do not fit.
    #[serde(default)]
    invalid: Invalid,
    #[serde(default)]
    bounds: BTreeMap<String, Bounds>,
}

/// What to do.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Invalid {
    /// Stop.
    #[default]
    Fail,
    /// Leave them out.
    Drop,
    /// Keep them apart.
    Quarantine,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Bounds {
    between: [f64; 2],
}

struct Keep;
impl Step for Keep {
    const NAME: &'static str = "prepare/keep";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "Keeps columns.";
    const EXAMPLES: &'static [&'static str] = &[];
    type Params = KeepParams;
    type Checked = ();
    fn ports(_: &Self::Params) -> Ports {
        Ports::new().one("data", &[Kind::Table]).output("data", &[Kind::Table]).output("quarantined", &[Kind::Table])
    }
    fn check(params: Self::Params, inputs: &Outlines, _: &Setting) -> Result<((), Outlines), Vec<Problem>> {
        let schema = inputs.schema("data").cloned().unwrap_or_default();
        let mut problems = Vec::new();
        let mut columns: Vec<Column> = Vec::new();
        for (index, name) in params.columns.iter().enumerate() {
            match schema.require(name) {
                Ok(column) => columns.push(column.clone()),
                Err(problem) => problems.push(problem.at(["columns".to_owned(), index.to_string()])),
            }
        }
        for name in params.bounds.keys() {
            problems.extend(schema.require(name).err().map(|problem| problem.at(["bounds", name])));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let out = Outlines::output("data", Outline::Table { schema: Schema { columns } });
        Ok(((), out.with("quarantined", "quarantined", Outline::Table { schema })))
    }
    fn run(_: &(), _: &Inputs, _: &Context<'_>) -> Result<Outputs, StepError> {
        Err(StepError::new("never", "never run"))
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SqlParams {
    /// `SELECT a, b FROM t`.
    query: String,
}

struct Sql;
impl Step for Sql {
    const NAME: &'static str = "prepare/sql";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "Columns by query.";
    const EXAMPLES: &'static [&'static str] = &[];
    type Params = SqlParams;
    type Checked = ();
    fn ports(_: &Self::Params) -> Ports {
        Ports::new().many("tables", &[Kind::Table]).output("data", &[Kind::Table])
    }
    fn check(params: Self::Params, inputs: &Outlines, _: &Setting) -> Result<((), Outlines), Vec<Problem>> {
        let (columns, table) = params.query.trim().trim_start_matches("SELECT").split_once("FROM").unwrap_or_default();
        let (table, tables) = (table.trim(), inputs.all("tables"));
        let Some((_, outline)) = tables.iter().find(|(name, _)| name == table) else {
            let known = tables.iter().map(|(name, _)| name.as_str());
            return Err(vec![Problem::unknown("unknown-table", "table", table, known).at(["query"])]);
        };
        let schema = outline.schema().cloned().unwrap_or_default();
        let found: Vec<Result<Column, Problem>> =
            columns.split(',').map(|name| schema.require(name.trim()).cloned().map_err(|p| p.at(["query"]))).collect();
        let (columns, problems): (Vec<_>, Vec<_>) = found.into_iter().partition(Result::is_ok);
        if !problems.is_empty() {
            return Err(problems.into_iter().filter_map(Result::err).collect());
        }
        let schema = Schema { columns: columns.into_iter().flatten().collect() };
        let mut out = Outlines::output("data", Outline::Table { schema });
        if params.query.contains("leak") {
            out.warnings.push(Problem::warning("mixes-rows", "column `leak` could leak").at(["query"]));
        }
        Ok(((), out))
    }
    fn run(_: &(), _: &Inputs, _: &Context<'_>) -> Result<Outputs, StepError> {
        Err(StepError::new("never", "never run"))
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SplitParams {
    /// The column to predict.
    target: String,
    /// Part → share.
    #[serde(default)]
    ratio: BTreeMap<String, f64>,
    /// Seed.
    #[serde(default)]
    seed: u64,
}

struct Split;
impl Step for Split {
    const NAME: &'static str = "split/random";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "Cuts a table at random.";
    const EXAMPLES: &'static [&'static str] = &[];
    type Params = SplitParams;
    type Checked = ();
    fn ports(_: &Self::Params) -> Ports {
        Ports::new().one("data", &[Kind::Table]).output("parts", &[Kind::Split])
    }
    fn check(params: Self::Params, inputs: &Outlines, _: &Setting) -> Result<((), Outlines), Vec<Problem>> {
        let schema = inputs.schema("data").cloned().unwrap_or_default();
        schema.require(&params.target).map_err(|problem| vec![problem.at(["target"])])?;
        let total: f64 = params.ratio.values().sum();
        if !params.ratio.is_empty() && (total - 1.0).abs() > 1e-9 {
            return Err(vec![Problem::error("bad-ratio", format!("the ratio adds up to {total}")).at(["ratio"])]);
        }
        let target = Some(params.target);
        let parts = params.ratio.into_keys().collect();
        Ok(((), Outlines::output("parts", Outline::Split { schema, target, group: None, time: None, parts })))
    }
    fn run(_: &(), _: &Inputs, _: &Context<'_>) -> Result<Outputs, StepError> {
        Err(StepError::new("never", "never run"))
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LinearParams {
    /// Penalty.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    penalty: Option<f64>,
    /// How to search.
    #[serde(default)]
    tune: Option<Tune>,
    /// How to fill gaps.
    #[serde(default)]
    fill: Option<Fill>,
    /// Show progress.
    #[serde(default)]
    verbose: bool,
}

/// How to search for hyperparameters.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "search", rename_all = "lowercase", deny_unknown_fields)]
enum Tune {
    /// All of a grid.
    Grid { values: Vec<f64> },
    /// At random.
    Random { trials: u32 },
}

/// How to fill gaps.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Fill {
    /// With the mean.
    Mean,
    /// With a number.
    Constant(f64),
}

struct Linear;
impl Step for Linear {
    const NAME: &'static str = "train/linear";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "A linear model.";
    const EXAMPLES: &'static [&'static str] = &[];
    type Params = LinearParams;
    type Checked = ();
    fn ports(_: &Self::Params) -> Ports {
        Ports::new().one("data", &[Kind::Split]).output("model", &[Kind::Model])
    }
    fn check(_: Self::Params, inputs: &Outlines, _: &Setting) -> Result<((), Outlines), Vec<Problem>> {
        let Some(Outline::Split { target: Some(target), .. }) = inputs.get("data") else { return Err(Vec::new()) };
        let (target, estimator) = (target.clone(), "linear".to_owned());
        Ok(((), Outlines::output("model", Outline::Model { target, task: None, features: Vec::new(), estimator })))
    }
    fn run(_: &(), _: &Inputs, _: &Context<'_>) -> Result<Outputs, StepError> {
        Err(StepError::new("never", "never run"))
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JudgeParams {
    #[serde(default)]
    metrics: Vec<String>,
    #[serde(default)]
    gates: Vec<String>,
}

struct Judge;
impl Step for Judge {
    const NAME: &'static str = "evaluate/models";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "Judges models.";
    const EXAMPLES: &'static [&'static str] = &[];
    type Params = JudgeParams;
    type Checked = ();
    fn ports(_: &Self::Params) -> Ports {
        Ports::new()
            .one("data", &[Kind::Split])
            .many("models", &[Kind::Model])
            .output("evaluation", &[Kind::Evaluation])
    }
    fn check(params: Self::Params, inputs: &Outlines, _: &Setting) -> Result<((), Outlines), Vec<Problem>> {
        let problems: Vec<Problem> = params
            .gates
            .iter()
            .enumerate()
            .filter_map(|(index, gate)| {
                let metric = gate.split(' ').next().unwrap_or_default();
                let known = ["rmse", "mae", "r2"];
                let unknown = !known.contains(&metric);
                unknown.then(|| {
                    Problem::unknown("unknown-metric", "metric", metric, known)
                        .at(["gates".to_owned(), index.to_string()])
                })
            })
            .collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        let models = inputs.all("models").iter().map(|(name, _)| name.clone()).collect();
        let outline = Outline::Evaluation { models, task: None, metrics: params.metrics };
        Ok(((), Outlines::output("evaluation", outline)))
    }
    fn run(_: &(), _: &Inputs, _: &Context<'_>) -> Result<Outputs, StepError> {
        Err(StepError::new("never", "never run"))
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LogParams {}

struct Log;
impl Step for Log {
    const NAME: &'static str = "notify/log";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "Says so.";
    const EXAMPLES: &'static [&'static str] = &[];
    type Params = LogParams;
    type Checked = ();
    fn ports(_: &Self::Params) -> Ports {
        Ports::new().optional("data", &[])
    }
    fn check(_: Self::Params, _: &Outlines, _: &Setting) -> Result<((), Outlines), Vec<Problem>> {
        Ok(((), Outlines::default()))
    }
    fn run(_: &(), _: &Inputs, _: &Context<'_>) -> Result<Outputs, StepError> {
        Err(StepError::new("never", "never run"))
    }
}
