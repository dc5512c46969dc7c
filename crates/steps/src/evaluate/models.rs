//! `evaluate/models`: judges models against actual values, all on the same unseen rows.
//!
//! Metrics with confidence intervals (clustered where the split keeps groups together), what guessing scores, the best
//! model, its permutation importance, what the report draws, and gates that the best model must pass. A refused gate
//! ends the run with exit code 3; the evaluation is shown all the same.

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::{
    Context, Inputs, Kind, Outline, Outlines, Outputs, Ports, Problem, Setting, Step, StepError, Value as _, Warning,
    evaluation::{Evaluation, Importance, JudgedModel, Measured, Pictures, Task},
};
use trainyard_data::{Table, columns, columns::numbers, split::SplitTable};
use trainyard_learn::{
    LearnError, Prediction,
    importance::{self, Judged},
    metrics::{self, Scored},
};
use trainyard_model::{Package, Target, frame};

use super::{gates, reuse, suspicions};

/// What to measure, what decides, and what must hold.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The metrics; those usual for the task when absent.
    pub metrics: Option<Vec<String>>,
    /// The metric that decides which model is best; the first of `metrics` when absent.
    pub best: Option<String>,
    /// Conditions the best model must meet: `rmse <= 4.0` (or >=, <, >), `beats baseline`.
    pub gates: Vec<String>,
    /// The part of the split to judge on.
    pub part: String,
    /// Confidence level of the intervals (0.5 to 0.999).
    pub level: f64,
    /// How often each column is shuffled for the importance of the best model's columns; 0 leaves it out.
    pub importance: usize,
    /// How often evaluations may look at the part before it is warned about, over all runs on this store.
    pub most_looks: u32,
    /// Seeds the bootstrap and the shuffles.
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            metrics: None,
            best: None,
            gates: Vec::new(),
            part: "test".to_owned(),
            level: 0.95,
            importance: 5,
            most_looks: 5,
            seed: 0,
        }
    }
}

/// Judges models.
pub struct Models;

/// Parameters whose gates were read.
pub struct Checked {
    params: Params,
}

impl Step for Models {
    const NAME: &'static str = "evaluate/models";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "judges models against actual values, all on the same unseen rows";
    const EXAMPLES: &'static [&'static str] =
        &["{}", r#"{"metrics": ["rmse", "mae"], "best": "rmse", "gates": ["rmse <= 4.0", "beats baseline"]}"#];
    type Params = Params;
    type Checked = Checked;

    fn ports(_: &Params) -> Ports {
        Ports::new()
            .one("data", &[Kind::Split])
            .many("models", &[Kind::Model])
            .output("evaluation", &[Kind::Evaluation])
    }

    fn check(params: Params, inputs: &Outlines, _: &Setting) -> Result<(Checked, Outlines), Vec<Problem>> {
        let mut problems = Vec::new();
        let task = inputs.all("models").iter().find_map(|(_, outline)| match outline {
            Outline::Model { task, .. } => *task,
            _ => None,
        });
        if let Some(Outline::Split { parts, .. }) = inputs.get("data")
            && !parts.is_empty()
            && !parts.contains(&params.part)
        {
            let problem = Problem::unknown("unknown-part", "part", &params.part, parts.iter().map(String::as_str));
            let of_folds = !trainyard_data::split::fold_parts(parts).is_empty() && params.part == "test";
            problems.push(match of_folds {
                true => problem.help("the split is made of folds; give `split/k-fold` a share for `test`").at(["part"]),
                false => problem.at(["part"]),
            });
        }
        let mut targets: Vec<&str> = inputs
            .all("models")
            .iter()
            .filter_map(|(_, outline)| match outline {
                Outline::Model { target, .. } => Some(target.as_str()),
                _ => None,
            })
            .collect();
        targets.dedup();
        if targets.len() > 1 {
            problems.push(Problem::error(
                "different-targets",
                format!("the models predict different columns: {}", targets.join(", ")),
            ));
        }
        for (index, name) in params.metrics.iter().flatten().enumerate() {
            if let Err(error) = metrics::check(name, task) {
                problems.push(problem(error).at(["metrics".to_owned(), index.to_string()]));
            }
        }
        if params.metrics.as_ref().is_some_and(Vec::is_empty) {
            problems.push(Problem::error("no-metrics", "`metrics` names none").at(["metrics"]));
        }
        if !(0.5..=0.999).contains(&params.level) {
            let message = format!("`level` is {}; expected 0.5 to 0.999", params.level);
            problems.push(Problem::error("out-of-range", message).at(["level"]));
        }
        let measured = measured_names(&params, task);
        if let Some(best) = &params.best
            && !measured.contains(&best.as_str())
        {
            problems.push(Problem::unknown("unknown-metric", "metric", best, measured.iter().copied()).at(["best"]));
        }
        for (index, gate) in params.gates.iter().enumerate() {
            if let Err(problem) = gates::parse(gate, &measured) {
                problems.push(problem.at(["gates".to_owned(), index.to_string()]));
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let outline = Outline::Evaluation {
            models: inputs.all("models").iter().map(|(name, _)| name.clone()).collect(),
            task,
            metrics: measured.iter().map(|name| (*name).to_owned()).collect(),
        };
        Ok((Checked { params }, Outlines::output("evaluation", outline)))
    }

    fn run(checked: &Checked, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        let params = &checked.params;
        let split = inputs.one::<SplitTable>("data")?;
        let models = inputs.many::<Package>("models")?;
        let test = Unseen::of(&split, &models, params, context)?;
        reuse::warn(context, &split.digest(), &params.part, params.most_looks)?;
        let names = measured_names(params, Some(test.task));
        let Some(first) = names.first() else {
            let message = format!("there is no metric of a {} model", test.task.name());
            return Err(StepError::new("not-measured", message));
        };
        let decided_by = params.best.clone().unwrap_or_else(|| (*first).to_owned());
        let decided = metrics::check(&decided_by, Some(test.task)).map_err(step_error)?;

        let mut judged = BTreeMap::new();
        for (index, (name, package)) in models.iter().enumerate() {
            context.progress(index as u64, models.len() as u64, name)?;
            judged.insert(name.clone(), judge(name, package, &test, &names, params, context)?);
        }
        let best = judged
            .iter()
            .filter_map(|(name, model)| Some((name, model.metrics.get(&decided_by)?.value)))
            .reduce(|best, other| if decided.direction.better(other.1, best.1) { other } else { best })
            .map(|(name, _)| name.clone())
            .ok_or_else(|| StepError::new("metric-not-measured", format!("`{decided_by}` could not be measured")))?;
        if params.importance > 0
            && let Some((_, package)) = models.iter().find(|(name, _)| *name == best)
            && let Some(model) = judged.get_mut(&best)
        {
            model.importance = importance(package, &test, &decided_by, params, context)?;
        }
        let baselines = baselines(&models, &test, &names, params);
        let mut evaluation = Evaluation {
            task: test.task,
            target: test.target.clone(),
            classes: test.classes.clone(),
            part: params.part.clone(),
            rows: test.truth.len() as u64,
            decided_by,
            best,
            models: judged,
            baselines,
            gates: Vec::new(),
        };
        suspicions::warn(&evaluation, &split, &models, context);
        for gate in &params.gates {
            let condition = gates::parse(gate, &names).map_err(StepError::from)?;
            let verdict = gates::judge(gate, &condition, &evaluation);
            evaluation.gates.push(verdict);
        }
        let refused: Vec<String> = evaluation
            .gates
            .iter()
            .filter(|gate| !gate.passed)
            .map(|gate| format!("`{}`: {}", gate.condition, gate.why))
            .collect();
        let outputs = Outputs::one("evaluation", evaluation);
        if refused.is_empty() {
            return Ok(outputs);
        }
        Err(StepError::refusal(
            "gate-refused",
            format!("the best model does not pass: {}", refused.join("; ")),
            outputs,
        ))
    }
}

/// The metrics that will be there; all that fit where the task is not known yet.
fn measured_names(params: &Params, task: Option<Task>) -> Vec<&str> {
    match &params.metrics {
        Some(names) => names.iter().map(String::as_str).collect(),
        None => metrics::names(task),
    }
}

fn problem(error: LearnError) -> Problem {
    let mut problem = Problem::error(error.code, error.message);
    problem.help = error.help;
    problem
}

fn step_error(error: LearnError) -> StepError {
    problem(error).into()
}

/// The rows to judge on, the same for all models.
struct Unseen {
    table: Table,
    task: Task,
    target: String,
    classes: Vec<String>,
    truth: Vec<f64>,
    groups: Option<Vec<u32>>,
    weights: Option<Vec<f64>>,
}

impl Unseen {
    fn of(
        split: &SplitTable,
        models: &[(String, Arc<Package>)],
        params: &Params,
        context: &Context<'_>,
    ) -> Result<Self, StepError> {
        let (first_name, first) =
            models.first().ok_or_else(|| StepError::new("missing-input", "there is no model to judge"))?;
        for (name, package) in models {
            if package.signature.task != first.signature.task || package.signature.classes != first.signature.classes {
                let message = format!("`{name}` and `{first_name}` do not predict the same thing");
                return Err(StepError::new("different-targets", message).help("judge them in separate steps"));
            }
        }
        let signature = &first.signature;
        if signature.target.is_empty() {
            let message = format!("there is no column to judge a {} model by", signature.task.name());
            return Err(StepError::new("no-target", message).help("name it in the split: `target: …`"));
        }
        let whole = split.part(&params.part)?;
        let values = Target::under(&whole, &signature.target, signature.task, &signature.classes)?;
        let known: Vec<u32> =
            (0_u32..).zip(&values).filter(|(_, value)| value.is_finite()).map(|(row, _)| row).collect();
        let lost = values.len() - known.len();
        if lost > 0 {
            let message =
                format!("{lost} rows of part `{}` have no known `{}` and were left out", params.part, signature.target);
            context.warn(Warning::new("missing-target", message));
        }
        if known.is_empty() {
            return Err(StepError::new("no-rows", format!("part `{}` has no row to judge on", params.part)));
        }
        let table = if lost == 0 { whole } else { whole.take(&known)? };
        let truth = known.iter().map(|&row| values[row as usize]).collect();
        let groups = split.roles().group.as_deref().map(|column| columns::codes(&table, column)).transpose()?;
        let weights = match first.provenance.params["weights"].as_str() {
            Some(column) => Some(numbers(&table.column(column)?)?),
            None => None,
        };
        Ok(Self {
            task: signature.task,
            target: signature.target.clone(),
            classes: signature.classes.clone(),
            table,
            truth,
            groups,
            weights,
        })
    }

    fn scored<'a>(&'a self, prediction: &'a Prediction) -> Scored<'a> {
        Scored { truth: &self.truth, prediction, weights: self.weights.as_deref(), groups: self.groups.as_deref() }
    }
}

fn judge(
    name: &str,
    package: &Package,
    test: &Unseen,
    names: &[&str],
    params: &Params,
    context: &Context<'_>,
) -> Result<JudgedModel, StepError> {
    let prediction = package.predict(&test.table)?;
    let scored = test.scored(&prediction);
    Ok(JudgedModel {
        digest: package.digest(),
        estimator: package.estimator.clone(),
        metrics: measure(&scored, test.task, names, params, &mut |message| {
            context.warn(Warning::new("metric-not-measured", format!("{name}: {message}")));
        }),
        // What was not asked for would be a column of one number in the report.
        resampled: package
            .resampled
            .iter()
            .filter(|(name, _)| names.contains(&name.as_str()))
            .map(|(name, resampled)| (name.clone(), resampled.clone()))
            .collect(),
        importance: Vec::new(),
        pictures: pictures(package, &scored, test.task),
    })
}

/// The metrics that can be measured on these rows; the others are told to `warn`.
fn measure(
    scored: &Scored<'_>,
    task: Task,
    names: &[&str],
    params: &Params,
    warn: &mut dyn FnMut(String),
) -> BTreeMap<String, Measured> {
    let mut measured = BTreeMap::new();
    for (name, result) in metrics::measure(names, task, scored, params.level, params.seed) {
        match result {
            // JSON has no NaN and no infinity: an interval without an end is told by its width of nothing.
            Ok(found) if found.value.is_finite() => {
                let end = |end: f64| if end.is_finite() { end } else { found.value };
                measured.insert(name, Measured { low: end(found.low), high: end(found.high), ..found });
            }
            Ok(found) => warn(format!("`{name}` is {}", found.value)),
            Err(error) => warn(format!("`{name}`: {}", error.message)),
        }
    }
    measured
}

/// A picture that cannot be drawn for these rows (one class only) is left out.
fn pictures(package: &Package, scored: &Scored<'_>, task: Task) -> Pictures {
    let mut pictures = Pictures {
        training_loss: package.training_loss.clone(),
        validation_loss: package.validation_loss.clone(),
        ..Pictures::default()
    };
    match task {
        Task::Regression => {
            pictures.predicted_actual = metrics::predicted_actual(scored).unwrap_or_default();
            pictures.residuals = metrics::residual_histogram(scored).unwrap_or_default();
        }
        Task::Binary => {
            pictures.roc = metrics::roc_curve(scored).unwrap_or_default();
            pictures.precision_recall = metrics::precision_recall_curve(scored).unwrap_or_default();
            pictures.calibration = metrics::calibration_curve(scored).unwrap_or_default();
            pictures.confusion = metrics::confusion_matrix(scored.truth, scored.prediction);
        }
        Task::Multiclass => pictures.confusion = metrics::confusion_matrix(scored.truth, scored.prediction),
        Task::Anomaly => {
            pictures.roc = metrics::roc_curve(scored).unwrap_or_default();
            pictures.precision_recall = metrics::precision_recall_curve(scored).unwrap_or_default();
        }
        Task::Ranking | Task::Clustering => {}
    }
    pictures
}

fn importance(
    package: &Package,
    test: &Unseen,
    metric: &str,
    params: &Params,
    context: &Context<'_>,
) -> Result<Vec<Importance>, StepError> {
    let columns = package.features.inputs();
    let frame = frame(&test.table, &columns)?;
    let judged = Judged {
        weights: test.weights.as_deref(),
        repeats: params.importance,
        threads: context.threads,
        ..Judged::new(&frame, &test.truth, test.task, metric, params.seed)
    };
    let predict = |frame: &trainyard_learn::Frame| {
        package.predict_frame(frame).map_err(|error| LearnError {
            code: "broken-package",
            message: error.message,
            help: error.help,
            field: None,
        })
    };
    importance::permutation(&judged, &columns, &predict).map_err(step_error)
}

/// What guessing from the training target alone scores.
fn baselines(
    models: &[(String, Arc<Package>)],
    test: &Unseen,
    names: &[&str],
    params: &Params,
) -> BTreeMap<String, BTreeMap<String, Measured>> {
    let Some((_, package)) = models.first() else { return BTreeMap::new() };
    package
        .baselines
        .iter()
        .map(|baseline| {
            let prediction = baseline.predict(test.truth.len());
            // A guess has no interval worth a warning where a metric is not defined for it.
            let measured = measure(&test.scored(&prediction), test.task, names, params, &mut |_| {});
            (baseline.name().to_owned(), measured)
        })
        .collect()
}
