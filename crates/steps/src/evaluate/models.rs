//! `evaluate/models`: judges models against actual values, all on the same unseen rows.
//!
//! Metrics with confidence intervals (clustered where the split keeps groups together), what guessing scores, the best
//! model, its permutation importance and its slices, comparisons of the best with every other and with the champion,
//! what the report draws, and gates that the best model must pass. A refused gate ends the run with exit code 3; the
//! evaluation is shown all the same.

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::{
    Context, Inputs, Kind, Outline, Outlines, Outputs, Ports, Problem, Setting, Step, StepError, Warning,
    evaluation::{Evaluation, Task},
    judgement::{Champion, Threshold},
};
use trainyard_data::split::SplitTable;
use trainyard_learn::metrics::{self, Settings};
use trainyard_model::Package;

use super::{
    comparisons,
    decide::{self, BestBy, Decide},
    gates,
    judge::{self, Predicted},
    reuse, slices, suspicions,
    unseen::{Unseen, check_level, check_part, task},
    yardsticks,
};

/// What to measure, what decides, and what must hold.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The metrics; those usual for the task, and those that gates name, when absent.
    pub metrics: Option<Vec<String>>,
    /// The metric that decides which model is best; the first of `metrics` when absent, or the most telling for the task
    /// where no metrics are named.
    pub best: Option<String>,
    /// Conditions the best model must meet: `rmse <= 4.0` (or >=, <, >), `beats baseline`, `beats champion`.
    pub gates: Vec<String>,
    /// The part of the split to judge on.
    pub part: String,
    /// Confidence level of the intervals (0.5 to 0.999).
    pub level: f64,
    /// Bootstrap samples of the metrics that need them (100 to 100000).
    pub samples: usize,
    /// How often each column is shuffled for the importance of the best model's columns; 0 leaves it out.
    pub importance: usize,
    /// How often evaluations may look at the part before it is warned about, over all runs on this store.
    pub most_looks: u32,
    /// From which probability a binary model decides for the second class: a number, or the best on the validation part
    /// by `f1`, `youden` or `cost`; the more probable class when absent.
    pub threshold: Option<Decide>,
    /// What deciding for a class (inner list) costs where another (outer) is actual, in the order of the classes; every
    /// error costs 1 when absent.
    pub costs: Option<Vec<Vec<f64>>>,
    /// Places that count for `top_k_accuracy`.
    pub top_k: usize,
    /// The quantile that `pinball` judges.
    pub quantile: f64,
    /// Parts of the rows to judge the best model on: a column (each of its values, or its quarters), a SQL condition on
    /// a row's columns, or `auto` to search all columns for weak ones.
    pub slices: Vec<String>,
    /// The registered model that the best is compared with: its name, or `name@alias`.
    pub champion: Option<String>,
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
            samples: 2000,
            importance: 5,
            most_looks: 5,
            threshold: None,
            costs: None,
            top_k: 2,
            quantile: 0.5,
            slices: Vec::new(),
            champion: None,
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
    const VERSION: u32 = 2;
    const ABOUT: &'static str = "judges models against actual values, all on the same unseen rows";
    const EXAMPLES: &'static [&'static str] = &[
        "{}",
        r#"{"metrics": ["rmse", "mae"], "best": "rmse", "gates": ["rmse <= 4.0", "beats baseline"]}"#,
        r#"{"threshold": "cost", "costs": [[0, 1], [5, 0]], "slices": ["age > 60", "auto"], "champion": "income"}"#,
    ];
    type Params = Params;
    type Checked = Checked;
    /// The champion may move while nothing else changes.
    const HAS_EFFECT: bool = true;

    fn ports(_: &Params) -> Ports {
        Ports::new()
            .one("data", &[Kind::Split])
            .many("models", &[Kind::Model])
            .output("evaluation", &[Kind::Evaluation])
    }

    fn check(params: Params, inputs: &Outlines, _: &Setting) -> Result<(Checked, Outlines), Vec<Problem>> {
        let task = task(inputs);
        let mut problems = check_inputs(&params, inputs);
        problems.extend(check_metrics(&params, task));
        problems.extend(check_rest(&params, inputs));
        if !problems.is_empty() {
            return Err(problems);
        }
        let outline = Outline::Evaluation {
            models: inputs.all("models").iter().map(|(name, _)| name.clone()).collect(),
            task,
            metrics: measured_names(&params, task).iter().map(|name| (*name).to_owned()).collect(),
        };
        Ok((Checked { params }, Outlines::output("evaluation", outline)))
    }

    fn run(checked: &Checked, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        let split = inputs.one::<SplitTable>("data")?;
        let models = inputs.many::<Package>("models")?;
        let evaluation = evaluate(&checked.params, &split, &models, context)?;
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

    fn still_holds(params: &Params, outputs: &Outputs, context: &Context<'_>) -> Result<bool, StepError> {
        let Some(champion) = &params.champion else { return Ok(true) };
        let (name, alias) = comparisons::name_and_alias(champion);
        let now = context.models.resolve(name, alias)?.map(|(_, digest)| digest);
        let Some(evaluation) = outputs.get::<Evaluation>("evaluation") else { return Ok(false) };
        let then = evaluation.champion.as_ref().and_then(|champion| champion.model);
        // A judged model that has become the champion since is compared with itself at most.
        Ok(now == then || now.is_some_and(|now| evaluation.models.values().any(|model| model.digest == now)))
    }
}

fn check_inputs(params: &Params, inputs: &Outlines) -> Vec<Problem> {
    let mut problems: Vec<Problem> = check_part(&params.part, inputs).into_iter().collect();
    if let Some(Outline::Split { parts, .. }) = inputs.get("data")
        && !parts.is_empty()
        && matches!(params.threshold, Some(Decide::Best(_)))
        && !parts.iter().any(|part| part == decide::VALIDATION)
    {
        let message = "a threshold is chosen on the part `validation`, which the split does not have";
        let help = "give the split a validation part, or write the threshold as a number";
        problems.push(Problem::error("no-validation-part", message).help(help).at(["threshold"]));
    }
    if matches!(params.threshold, Some(Decide::Best(_))) && params.part == decide::VALIDATION {
        let message = "a threshold chosen on the part `validation` cannot be judged on it";
        problems.push(Problem::error("judged-on-validation", message).help("judge on `test`").at(["threshold"]));
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
        let message = format!("the models predict different columns: {}", targets.join(", "));
        problems.push(Problem::error("different-targets", message));
    }
    problems
}

fn check_metrics(params: &Params, task: Option<Task>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, name) in params.metrics.iter().flatten().enumerate() {
        if let Err(error) = metrics::check(name, task) {
            problems.push(Problem::from(error).at(["metrics".to_owned(), index.to_string()]));
        }
    }
    if params.metrics.as_ref().is_some_and(Vec::is_empty) {
        problems.push(Problem::error("no-metrics", "`metrics` names none").at(["metrics"]));
    }
    let measured = measured_names(params, task);
    if let Some(best) = &params.best
        && !measured.contains(&best.as_str())
    {
        let unknown = match metrics::check(best, task) {
            Ok(_) => Problem::unknown("unknown-metric", "metric", best, measured.iter().copied()),
            Err(error) => Problem::from(error),
        };
        problems.push(unknown.at(["best"]));
    }
    for (index, gate) in params.gates.iter().enumerate() {
        if let Err(problem) = gates::parse(gate, &measured) {
            problems.push(problem.at(["gates".to_owned(), index.to_string()]));
        }
    }
    problems
}

fn check_rest(params: &Params, inputs: &Outlines) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut range = |fits: bool, field: &str, found: &dyn std::fmt::Display, expected: &str| {
        if !fits {
            let message = format!("`{field}` is {found}; expected {expected}");
            problems.push(Problem::error("out-of-range", message).at([field]));
        }
    };
    range((100..=100_000).contains(&params.samples), "samples", &params.samples, "100 to 100000");
    range(params.top_k > 0, "top_k", &params.top_k, "at least 1");
    range(params.quantile > 0.0 && params.quantile < 1.0, "quantile", &params.quantile, "a number between 0 and 1");
    if let Some(Decide::At(threshold)) = params.threshold {
        range((0.0..=1.0).contains(&threshold), "threshold", &threshold, "0 to 1, `f1`, `youden` or `cost`");
    }
    problems.extend(check_level(params.level));
    if let Some(costs) = &params.costs
        && (costs.len() < 2
            || costs.iter().any(|row| row.len() != costs.len() || row.iter().any(|cost| !cost.is_finite())))
    {
        let message = "`costs` must have as many rows as columns, one of each a class, all finite numbers";
        problems.push(Problem::error("bad-costs", message).help("such as [[0, 1], [5, 0]]").at(["costs"]));
    }
    if matches!(params.threshold, Some(Decide::Best(BestBy::Cost))) && params.costs.is_none() {
        let message = "`threshold: cost` needs the matrix `costs`";
        problems.push(Problem::error("no-costs", message).help("such as `costs: [[0, 1], [5, 0]]`").at(["threshold"]));
    }
    if let Some(schema) = inputs.schema("data") {
        for (index, slice) in params.slices.iter().enumerate() {
            problems.extend(
                slices::check(slice, schema).map(|problem| problem.at(["slices".to_owned(), index.to_string()])),
            );
        }
    }
    problems.extend(params.champion.as_deref().and_then(comparisons::check).map(|problem| problem.at(["champion"])));
    problems
}

fn evaluate(
    params: &Params,
    split: &SplitTable,
    models: &[(String, Arc<Package>)],
    context: &Context<'_>,
) -> Result<Evaluation, StepError> {
    let test = Unseen::of(split, models, &params.part, context)?;
    reuse::warn(context, &trainyard_core::Value::digest(split), &params.part, params.most_looks)?;
    let names = measured_names(params, Some(test.task));
    let decided_by = match (&params.best, &params.metrics) {
        (Some(best), _) => best.clone(),
        (None, None) => metrics::deciding(test.task).to_owned(),
        (None, Some(metrics)) => metrics.first().cloned().unwrap_or_default(),
    };
    let direction = metrics::check(&decided_by, Some(test.task))?.direction;
    let settings = Settings {
        level: params.level,
        seed: params.seed,
        samples: params.samples,
        costs: params.costs.as_deref(),
        top_k: params.top_k,
        quantile: params.quantile,
        ..Settings::default()
    };
    let apart = match &params.threshold {
        Some(Decide::Best(_)) if test.task == Task::Binary => {
            Some(Unseen::of(split, models, decide::VALIDATION, context)?)
        }
        _ => None,
    };
    let threshold = |package: &Package| -> Result<Option<Threshold>, StepError> {
        let Some(decide) = &params.threshold else { return Ok(None) };
        decide::threshold(decide, package, apart.as_ref(), params.costs.as_deref())
    };
    let mut judged = BTreeMap::new();
    let mut predicted = Vec::new();
    for (index, (name, package)) in models.iter().enumerate() {
        context.progress(index as u64, models.len() as u64, name)?;
        let own = Predicted::of(package, &test, threshold(package)?)?;
        judged.insert(name.clone(), judge::judge(name, package, &own, &test, &names, &settings, context)?);
        predicted.push(own);
    }
    let best = judged
        .iter()
        .filter_map(|(name, model)| Some((name, model.metrics.get(&decided_by)?.value)))
        .reduce(|best, other| if direction.better(other.1, best.1) { other } else { best })
        .map(|(name, _)| name.clone())
        .ok_or_else(|| StepError::new("metric-not-measured", format!("`{decided_by}` could not be measured")))?;
    let place = models.iter().position(|(name, _)| *name == best).unwrap_or(0);
    let (package, own) = (&models[place].1, &predicted[place]);
    if params.importance > 0
        && test.task != Task::Clustering
        && let Some(model) = judged.get_mut(&best)
    {
        model.importance = judge::permutation(package, &test, &decided_by, params.importance, params.seed, context)?;
    }
    let slices = slices::slices(
        &params.slices,
        &package.features.inputs(),
        &test,
        own,
        &names,
        &decided_by,
        &settings,
        &|| context.monitor.cancelled(),
    )?;
    for slice in slices.iter().filter(|slice| slice.worse) {
        let by = slices::judging(&decided_by, test.task);
        let (Some(value), Some(p)) = (slice.metrics.get(by), slice.p) else { continue };
        let message = format!(
            "`{best}` is worse where {}: {by} {:.4} on {} rows, more than chance",
            slice.name, value.value, slice.rows
        );
        context.warn(Warning::new("weak-slice", message).number("value", value.value).number("p", p));
    }
    let rival = params.champion.as_deref().map(|text| comparisons::champion(text, &test, context)).transpose()?;
    let rival_predicted = match &rival {
        Some((_, Some(champion))) if models.iter().all(|(_, package)| !same(package, champion)) => {
            Some(Predicted::of(champion, &test, threshold(champion)?)?)
        }
        _ => None,
    };
    let mut others: Vec<(&str, &Predicted)> = models
        .iter()
        .zip(&predicted)
        .filter(|((name, _), _)| *name != best)
        .map(|((name, _), predicted)| (name.as_str(), predicted))
        .collect();
    others.extend(rival_predicted.iter().map(|predicted| (comparisons::CHAMPION, predicted)));
    let comparisons =
        comparisons::compare((&best, own), &others, &judged, &decided_by, &test, &settings, &mut |message| {
            context.warn(Warning::new("not-compared", message))
        });
    let baselines = yardsticks::baselines(models, &test, split, &names, &settings)?;
    let champion: Option<Champion> = rival.map(|(champion, _)| champion);
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
        slices,
        comparisons,
        champion,
    };
    suspicions::warn(&evaluation, split, models, context);
    for gate in &params.gates {
        let condition = gates::parse(gate, &names)?;
        let verdict = gates::judge(gate, &condition, &evaluation);
        evaluation.gates.push(verdict);
    }
    Ok(evaluation)
}

fn same(one: &Package, other: &Package) -> bool {
    trainyard_core::Value::digest(one) == trainyard_core::Value::digest(other)
}

/// The metrics that will be there; all that fit where the task is not known yet.
fn measured_names(params: &Params, task: Option<Task>) -> Vec<&str> {
    let mut names: Vec<&str> = match &params.metrics {
        Some(names) => return names.iter().map(String::as_str).collect(),
        None => metrics::usual(task),
    };
    let asked =
        params.best.iter().map(String::as_str).chain(params.gates.iter().filter_map(|gate| gates::metric(gate)));
    for name in asked {
        if metrics::check(name, task).is_ok() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
