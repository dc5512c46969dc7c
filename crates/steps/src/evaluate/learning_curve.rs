//! `evaluate/learning-curve`: whether more rows would help.
//!
//! The model's algorithm is fitted anew with the model's parameters on growing shares of each fold's training rows, and
//! judged by those rows and by the fold's others. The folds are made of the rows outside the test part, which is never
//! looked at. Shares are the latest rows where the split has a time, whole groups where it has groups, and hold equal
//! shares of the classes. Calibration is left out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::{
    Context, Inputs, Kind, Outline, Outlines, Outputs, Ports, Problem, Setting, Step, StepError, judgement::Study,
};
use trainyard_data::split::{FoldSpec, SplitTable};
use trainyard_learn::metrics;
use trainyard_model::Package;

use crate::train::refit::{self, Growth, Size};

/// Which shares, and what judges them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Shares of a fold's training rows to learn from, each above 0 and at most 1.
    pub shares: Vec<f64>,
    /// The metric; the most telling for the task when absent.
    pub metric: Option<String>,
    /// The folds, of the rows outside the test part; `{k-fold: 5}` when absent.
    pub by: Option<FoldSpec>,
    /// Seeds the folds, which rows come first, and the fits.
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self { shares: vec![0.1, 0.2, 0.4, 0.7, 1.0], metric: None, by: None, seed: 0 }
    }
}

/// Folds where none are asked for.
const FOLDS: u32 = 5;

/// Draws a learning curve.
pub struct LearningCurve;

impl Step for LearningCurve {
    const NAME: &'static str = "evaluate/learning-curve";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "tells whether more rows would help: fits a model anew on growing shares of the rows";
    const EXAMPLES: &'static [&'static str] =
        &["{}", r#"{"shares": [0.25, 0.5, 1.0], "metric": "rmse", "by": {"k-fold": 3}}"#];
    type Params = Params;
    type Checked = Params;

    fn ports(_: &Params) -> Ports {
        Ports::new().one("data", &[Kind::Split]).one("model", &[Kind::Model]).output("curve", &[Kind::Document])
    }

    fn check(params: Params, inputs: &Outlines, _: &Setting) -> Result<(Params, Outlines), Vec<Problem>> {
        let mut problems = Vec::new();
        if params.shares.is_empty() || params.shares.iter().any(|share| !(*share > 0.0 && *share <= 1.0)) {
            let message = format!("`shares` is {:?}; expected numbers above 0 and up to 1", params.shares);
            problems.push(Problem::error("out-of-range", message).at(["shares"]));
        }
        if let Some(by) = &params.by {
            problems.extend(by.check().into_iter().map(|problem| below(problem, "by")));
            if let Some(schema) = inputs.schema("data") {
                for (key, column) in by.columns() {
                    problems.extend(schema.require(column).err().map(|problem| problem.at(["by", key])));
                }
            }
        }
        if let Some(Outline::Model { task, estimator, .. }) = inputs.get("model") {
            if let Some(Err(error)) = params.metric.as_ref().map(|metric| metrics::check(metric, *task)) {
                problems.push(Problem::from(error).at(["metric"]));
            }
            problems.extend(refit::check(estimator).err());
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok((params, Outlines::output("curve", Outline::Document)))
    }

    fn run(params: &Params, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        let split = inputs.one::<SplitTable>("data")?;
        let models = inputs.many::<Package>("model")?;
        let (name, package) =
            models.first().ok_or_else(|| StepError::new("missing-input", "there is no model to fit anew"))?;
        let task = package.signature.task;
        let metric = params.metric.as_deref().unwrap_or_else(|| metrics::deciding(task));
        metrics::check(metric, Some(task))?;
        let mut shares = params.shares.clone();
        shares.sort_by(f64::total_cmp);
        shares.dedup();
        let folds = params.by.clone().unwrap_or_else(|| FoldSpec::k_fold(FOLDS));
        let growth = Growth { shares: &shares, folds: &folds, metric, seed: params.seed };
        let sizes = refit::learning_curve(package, &split, context, &growth)?;
        let repeats = sizes.iter().map(|size| size.rows.len()).max().unwrap_or(0) as u64;
        let points: Vec<[f64; 4]> = sizes.iter().filter(|size| !size.rows.is_empty()).map(point).collect();
        if points.is_empty() {
            return Err(StepError::new("no-rows", "no share of the rows could be learned from")
                .help("larger shares, or fewer folds"));
        }
        let (model, metric) = (name.clone(), metric.to_owned());
        Ok(Outputs::one("curve", Study::LearningCurve { model, metric, points, repeats }.document()))
    }
}

/// Mean number of rows, means on those and on unseen rows, and the deviation over the folds of the latter.
fn point(size: &Size) -> [f64; 4] {
    let count = size.rows.len() as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / count;
    let unseen = mean(&size.unseen);
    let squares: f64 = size.unseen.iter().map(|value| (value - unseen).powi(2)).sum();
    [mean(&size.rows), mean(&size.seen), unseen, (squares / (count - 1.0).max(1.0)).sqrt()]
}

fn below(problem: Problem, field: &str) -> Problem {
    let at = std::iter::once(field.to_owned()).chain(problem.at.iter().cloned()).collect();
    Problem { at, ..problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_the_mean_over_the_folds() {
        let size = Size { rows: vec![10.0, 12.0], seen: vec![0.1, 0.3], unseen: vec![1.0, 2.0] };
        let [rows, seen, unseen, deviation] = point(&size);
        assert_eq!((rows, seen, unseen), (11.0, 0.2, 1.5));
        assert!((deviation - 0.5_f64.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn what_is_wrong_is_told_at_its_place() {
        let setting = Setting::default();
        let check = |text: &str, estimator: &str| -> Vec<(String, String)> {
            let outline = Outline::Model {
                target: "y".to_owned(),
                task: None,
                features: Vec::new(),
                estimator: estimator.to_owned(),
            };
            let inputs = Outlines::default().with("model", "m", outline);
            let found = LearningCurve::check(serde_json::from_str(text).unwrap(), &inputs, &setting);
            let problems = found.err().unwrap_or_default();
            problems.into_iter().map(|problem| (problem.code.clone(), problem.at.join("."))).collect()
        };
        let pair = |code: &str, at: &str| (code.to_owned(), at.to_owned());
        assert!(check("{}", "linear").is_empty());
        assert_eq!(
            check(r#"{"shares": [0.5, 1.5], "metric": "rmsee", "by": {"k-fold": 1}}"#, "linear"),
            [pair("out-of-range", "shares"), pair("out-of-range", "by.k-fold"), pair("unknown-metric", "metric")]
        );
        assert_eq!(check("{}", "ensemble"), [pair("no-refit", "")]);
    }
}
