//! `tune:` of a `train` step: what is searched, how, and by which rows a trial is judged.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use trainyard_core::{Problem, evaluation::Task, problem::nearest};
use trainyard_data::split::FoldSpec;
use trainyard_learn::{
    Estimator, metrics,
    tuning::{Dimension, Pruner, Sampler, Space},
};

use super::algorithm::Algorithm;

/// A search over the estimator's hyperparameters. The test part is never looked at; with `resample`, each of its folds
/// is searched anew on its own training rows, so that what it measures is honest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tune {
    /// Number of trials, 1 to 100 000; by default 30. The first tries the parameters as written.
    pub trials: u32,
    /// The metric that decides; by default `rmse`, `roc_auc` or `log_loss`, as the task is.
    pub metric: Option<String>,
    /// How the next point is chosen; by default `tpe`.
    pub sampler: Sampler,
    /// Which trials are given up early: by the loss after each iteration where one set of rows judges and the estimator
    /// tells it, else by the folds judged so far. By default `none`.
    pub pruner: Pruner,
    /// The parameters to search over, each with its range; the estimator's own choice when left out.
    pub space: BTreeMap<String, Dimension>,
    /// Which rows judge a trial: `validation`, or folds of the training rows such as `{k-fold: 5}`. By default the
    /// validation part where the split has one, else five folds.
    pub by: Option<By>,
    /// Trials chosen together, 1 to 64, and run side by side as far as there are threads; by default 4. More use more
    /// threads; each knows nothing of how the others do.
    pub at_once: u32,
    /// Start no further trials once so many seconds have gone by. How far a search comes then depends on the machine,
    /// so that the result is not the same everywhere; the model says that it was made so.
    pub seconds: Option<f64>,
}

impl Default for Tune {
    fn default() -> Self {
        Self {
            trials: 30,
            metric: None,
            sampler: Sampler::default(),
            pruner: Pruner::default(),
            space: BTreeMap::new(),
            by: None,
            at_once: 4,
            seconds: None,
        }
    }
}

/// Which rows judge a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum By {
    /// The validation part.
    Part(Validation),
    /// Folds of the training rows.
    Folds(Box<FoldSpec>),
}

/// The word `validation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Validation {
    /// The validation part.
    Validation,
}

/// Folds where nothing else is said.
const FOLDS: u32 = 5;

impl Tune {
    /// The folds that judge; none for the validation part.
    pub(super) fn folds(&self, has_validation: bool) -> Option<FoldSpec> {
        match &self.by {
            Some(By::Part(_)) => None,
            Some(By::Folds(folds)) => Some(folds.as_ref().clone()),
            None => (!has_validation).then(|| FoldSpec::k_fold(FOLDS)),
        }
    }

    /// The metric that decides for a task.
    pub(super) fn metric(&self, task: Task) -> &str {
        self.metric.as_deref().unwrap_or_else(|| metrics::deciding(task))
    }

    /// The space that is searched.
    ///
    /// # Errors
    /// Every problem, at its place inside `with:`.
    pub(super) fn space<A: Algorithm>(
        &self,
        params: &<A::Estimator as Estimator>::Params,
    ) -> Result<Space, Vec<Problem>> {
        let own: BTreeMap<String, Dimension>;
        let dimensions = if self.space.is_empty() {
            own = A::SPACE.iter().map(|(name, span)| ((*name).to_owned(), span.dimension())).collect();
            &own
        } else {
            &self.space
        };
        if dimensions.is_empty() {
            let message = format!("`{}` has no space of its own to search", A::NAME);
            let help = "name the parameters and their ranges: `space: {…: {between: [0.01, 10], scale: log}}`";
            return Err(vec![Problem::error("no-space", message).help(help).at(["tune", "space"])]);
        }
        let space = Space::of(dimensions, &fields(params)).map_err(|problems| {
            problems
                .into_iter()
                .map(|(name, error)| Problem::from(error).at(["tune".to_owned(), "space".to_owned(), name]))
                .collect::<Vec<_>>()
        })?;
        let mut problems: Vec<Problem> = Vec::new();
        for corner in space.corners() {
            let found = match with::<A>(params, &corner) {
                Ok(params) => A::Estimator::check(&params).into_iter().map(Problem::from).collect(),
                Err(message) => vec![Problem::error("bad-space", message)],
            };
            for found in found {
                let at = found.at.first().filter(|name| corner.contains_key(*name)).cloned();
                let found = Problem { at: ["tune".into(), "space".into()].into_iter().chain(at).collect(), ..found };
                if !problems.contains(&found) {
                    problems.push(found);
                }
            }
        }
        if problems.is_empty() { Ok(space) } else { Err(problems) }
    }

    /// Checks all but the space; each problem at its place inside `tune`.
    pub(super) fn check(&self, task: Option<Task>, parts: &[String]) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut range = |field: &str, ok: bool, found: String, expected: &str| {
            if !ok {
                let message = format!("`{field}` is {found}; expected {expected}");
                problems.push(Problem::error("out-of-range", message).at(["tune", field]));
            }
        };
        range("trials", (1..=100_000).contains(&self.trials), self.trials.to_string(), "1 to 100000");
        range("at_once", (1..=64).contains(&self.at_once), self.at_once.to_string(), "1 to 64");
        if let Some(seconds) = self.seconds {
            range("seconds", seconds.is_finite() && seconds > 0.0, seconds.to_string(), "a number above 0");
        }
        if let Some(metric) = &self.metric
            && let Err(error) = metrics::check(metric, task)
        {
            problems.push(Problem { at: vec!["tune".into(), "metric".into()], ..Problem::from(error) });
        }
        match &self.by {
            Some(By::Part(_)) if !parts.is_empty() && !parts.iter().any(|part| part == "validation") => {
                let help = match nearest("validation", parts.iter().map(String::as_str)) {
                    Some(near) => format!("call the part `{near}` so, or judge by folds: `by: {{k-fold: 5}}`"),
                    None => "give the split one, or judge by folds: `by: {k-fold: 5}`".to_owned(),
                };
                let message = "the split has no part `validation` to judge trials by";
                problems.push(Problem::error("no-validation-part", message).help(help).at(["tune", "by"]));
            }
            Some(By::Folds(folds)) => {
                problems.extend(folds.check().into_iter().map(|found| below(found, &["tune", "by"])));
            }
            _ => {}
        }
        problems
    }
}

/// The problem with its path below another.
pub(super) fn below(problem: Problem, path: &[&str]) -> Problem {
    let at = path.iter().map(|part| (*part).to_owned()).chain(problem.at.iter().cloned()).collect();
    Problem { at, ..problem }
}

/// The parameters with every default written out.
pub(super) fn fields(params: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(params) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// The parameters with some of them replaced.
///
/// # Errors
/// In words, when a value is of the wrong type.
pub(super) fn with<A: Algorithm>(
    params: &<A::Estimator as Estimator>::Params,
    changes: &BTreeMap<String, Value>,
) -> Result<<A::Estimator as Estimator>::Params, String> {
    let mut fields = fields(params);
    fields.extend(changes.iter().map(|(name, value)| (name.clone(), value.clone())));
    serde_json::from_value(Value::Object(fields)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{gradient_boosting::GradientBoosting, linear::Linear};

    fn tune(text: &str) -> Tune {
        serde_json::from_str(text).unwrap()
    }

    fn codes(problems: Vec<Problem>) -> Vec<(String, String)> {
        problems.into_iter().map(|problem| (problem.code.clone(), problem.at.join("."))).collect()
    }

    fn pair(code: &str, at: &str) -> (String, String) {
        (code.to_owned(), at.to_owned())
    }

    #[test]
    fn every_default_space_is_sound() {
        let tune = Tune::default();
        assert!(tune.space::<GradientBoosting>(&Default::default()).unwrap().dimensions.len() > 3);
        assert_eq!(tune.space::<Linear>(&Default::default()).unwrap().dimensions.len(), 1);
    }

    #[test]
    fn what_is_wrong_is_told_at_its_place() {
        let found = tune(r#"{"trials": 0, "metric": "rmsee", "by": "validation", "at_once": 0, "seconds": -1}"#)
            .check(None, &["train".into(), "test".into()]);
        let expected = [
            pair("out-of-range", "tune.trials"),
            pair("out-of-range", "tune.at_once"),
            pair("out-of-range", "tune.seconds"),
            pair("unknown-metric", "tune.metric"),
            pair("no-validation-part", "tune.by"),
        ];
        assert_eq!(codes(found), expected);
        assert_eq!(codes(tune(r#"{"by": {"k-fold": 1}}"#).check(None, &[])), [pair("out-of-range", "tune.by.k-fold")]);
        let space = tune(r#"{"space": {"leavs": {"between": [2, 9]}, "leaves": {"between": [9, 2]}}}"#);
        let found = space.space::<GradientBoosting>(&Default::default()).unwrap_err();
        assert_eq!(
            codes(found),
            [pair("bad-space", "tune.space.leaves"), pair("unknown-parameter", "tune.space.leavs")]
        );
        // The estimator's own ranges hold at both ends.
        let space = tune(r#"{"space": {"leaves": {"between": [1, 9]}, "learning_rate": {"between": [0.1, 2]}}}"#);
        let found = space.space::<GradientBoosting>(&Default::default()).unwrap_err();
        let places: Vec<String> = found.iter().map(|problem| problem.at.join(".")).collect();
        assert_eq!(places, ["tune.space.leaves", "tune.space.learning_rate"]);
        let space = tune(r#"{"space": {"leaves": {"choose": ["many"]}}}"#);
        assert_eq!(space.space::<GradientBoosting>(&Default::default()).unwrap_err()[0].code, "bad-space");
    }
}
