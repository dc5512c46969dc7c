//! Checks the parameters of a `train` step against what is known of its split.

use trainyard_core::{Outline, Outlines, Problem, Schema, evaluation::Task};
use trainyard_data::split::fold_parts;
use trainyard_learn::Estimator;

use super::{
    algorithm::Algorithm,
    diagnosis,
    material::Roles,
    training::{Common, Training},
    tune::below,
    warm_start,
};

/// Checks the parameters of a `train` step.
pub(super) fn check<A: Algorithm>(
    params: &Training<<A::Estimator as Estimator>::Params>,
    inputs: &Outlines,
) -> Result<Outlines, Vec<Problem>> {
    let mut problems: Vec<Problem> = A::Estimator::check(&params.estimator).into_iter().map(Problem::from).collect();
    if let Some(tune) = &params.common.tune {
        let (parts, _) = parts(inputs);
        problems.extend(tune.check(params.common.task, parts));
        problems.extend(tune.space::<A>(&params.estimator).err().into_iter().flatten());
    }
    problems.extend(warm_start::check(A::Estimator::NAME, &params.common, inputs));
    check_common(&params.common, inputs, A::Estimator::NAME, A::UNSUPERVISED, problems)
}

/// The names of the split's parts, and its outline.
fn parts(inputs: &Outlines) -> (&[String], Option<&Outline>) {
    match inputs.get("data") {
        Some(outline @ Outline::Split { parts, .. }) => (parts.as_slice(), Some(outline)),
        _ => (&[], None),
    }
}

/// Checks what every `train` step takes; `unsupervised` is the task of an estimator without a target, `problems` are those found before.
pub(super) fn check_common(
    common: &Common,
    inputs: &Outlines,
    estimator: &str,
    unsupervised: Option<Task>,
    mut problems: Vec<Problem>,
) -> Result<Outlines, Vec<Problem>> {
    let empty = Schema::default();
    let (parts, outline) = parts(inputs);
    let (schema, named, group, time) = match outline {
        Some(Outline::Split { schema, target, group, time, .. }) => {
            (schema, target.clone(), group.clone(), time.clone())
        }
        _ => (&empty, None, None, None),
    };
    if !parts.is_empty() && !parts.iter().any(|part| part == "train") && fold_parts(parts).is_empty() {
        problems.push(Problem::unknown("no-train-part", "part", "train", parts.iter().map(String::as_str)));
    }
    problems.extend(super::unsupervised::check(unsupervised, common));
    let target = common.target.clone().or(named);
    match &target {
        None if unsupervised.is_some() => {}
        None => problems.push(
            Problem::error("no-target", "there is no column to predict").help("name it in the split: `target: …`"),
        ),
        Some(target) => {
            if let Err(problem) = schema.require(target) {
                problems.push(problem.at(["target"]));
            }
        }
    }
    if let Some(Err(problem)) = common.weights.as_ref().map(|name| schema.require(name)) {
        problems.push(problem.at(["weights"]));
    }
    if let Some(resample) = &common.resample {
        problems.extend(resample.check().into_iter().map(|problem| below(problem, &["resample"])));
        for (key, column) in resample.columns() {
            problems.extend(schema.require(column).err().map(|problem| problem.at(["resample", key])));
        }
    }
    if let Some(super::tune::By::Folds(folds)) = common.tune.as_ref().and_then(|tune| tune.by.as_ref()) {
        for (key, column) in folds.columns() {
            problems.extend(schema.require(column).err().map(|problem| problem.at(["tune", "by", key])));
        }
    }
    if let Some(error) = common.conformal.as_ref().and_then(trainyard_learn::conformal::ConformalParams::check) {
        problems.push(below(Problem::from(error), &["conformal"]));
    }
    if common.calibrate.is_some() && common.task.is_some_and(|task| !task.is_classification()) {
        let message = "only probabilities of classes can be calibrated";
        problems.push(Problem::error("no-probabilities", message).at(["calibrate"]));
    }
    if let Some(group) = group.as_ref().filter(|_| common.task == Some(Task::Ranking))
        && common.features.columns.iter().flatten().any(|column| column == group)
    {
        let message = format!("`{group}` says which rows are put in order together, and cannot tell them apart");
        problems.push(
            Problem::error("query-as-feature", message)
                .help(format!("leave `{group}` out of `features.columns`"))
                .at(["features", "columns"]),
        );
    }
    let roles = Roles { target: target.as_deref(), group, time, weights: common.weights.clone() };
    let names = roles.candidates(schema, common);
    for error in common.features.check(&names) {
        problems.push(below(Problem::from(error), &["features"]));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let warnings = diagnosis::foresee(&names, roles.group.is_some() || roles.time.is_some());
    let outline = Outline::Model {
        target: target.unwrap_or_default(),
        task: unsupervised.or(common.task),
        features: common.features.chosen(&names),
        estimator: estimator.to_owned(),
    };
    Ok(Outlines { warnings, ..Outlines::output("model", outline) })
}
