//! Logistic regression for two or more classes, with a ridge penalty, a lasso penalty, or both.
//!
//! Minimises `c * sum_i weight_i * (-ln p_i) + (1 - l1_ratio) |coefficients|^2 / 2 + l1_ratio sum |coefficients|`, the
//! objective of scikit-learn's `LogisticRegression`: `p_i` is the probability of row `i`'s class, by the logistic
//! function of one score for two classes and by softmax of one score a class for more. The intercepts are not penalised.
//! Small models are fitted by Newton's method, wide ones by L-BFGS; with a lasso penalty both become their proximal
//! forms. All go on until further steps change nothing that matters.

mod lbfgs;
mod newton;
mod objective;
mod proximal;

#[cfg(test)]
mod tests;

use std::ops::ControlFlow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Columns, Estimator, FitContext, Fitted, LearnError, Prediction, Sample, chunks, dense_sample, softmax::softmax,
};
use objective::Objective;

/// Hyperparameters of logistic regression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Inverse strength of the penalty, above 0: smaller keeps the coefficients nearer to 0.
    pub c: f64,
    /// Share of the penalty that is a lasso's, from 0 to 1: 0 is ridge, 1 lasso, which sets coefficients to exactly 0.
    pub l1_ratio: f64,
    /// Whether to learn an intercept.
    pub intercept: bool,
    /// `balanced` gives each class the same total weight.
    pub class_weight: ClassWeight,
    /// Most iterations of the solver, at least 1.
    pub max_iterations: u32,
}

impl Default for Params {
    fn default() -> Self {
        Self { c: 1.0, l1_ratio: 0.0, intercept: true, class_weight: ClassWeight::None, max_iterations: 1000 }
    }
}

/// How much the rows of each class count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeight {
    /// Every row alike.
    #[default]
    None,
    /// Inversely to the class's share, so that rare classes count as much as frequent ones.
    Balanced,
}

/// Logistic regression.
#[derive(Clone, Copy, Debug)]
pub struct Logistic;

/// A fitted logistic regression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogisticModel {
    /// Names of the features, in the order of the coefficients.
    pub features: Vec<String>,
    /// Number of classes of the target.
    pub classes: usize,
    /// The classes among the training rows, ascending; the others have probability 0.
    pub present: Vec<usize>,
    /// The scores: one, of the second class present against the first, when two are present; else one a class present.
    pub scores: Vec<Score>,
    /// Iterations the solver took.
    pub iterations: u32,
    /// False when the solver stopped at `max_iterations`, or was stopped, before the coefficients settled.
    pub converged: bool,
}

/// A linear score of a class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Change of the score for one unit of each feature.
    pub coefficients: Vec<f64>,
    /// The score where every feature is 0.
    pub intercept: f64,
}

/// Where a solver ended.
struct Solution {
    point: Vec<f64>,
    iterations: u32,
    converged: bool,
}

/// Most parameters for which the Hessian is formed and factored.
const NEWTON_PARAMETERS: usize = 1000;

impl Estimator for Logistic {
    const NAME: &'static str = "logistic";
    type Params = Params;
    type Model = LogisticModel;

    fn check(params: &Params) -> Vec<LearnError> {
        let refuse = |field, message| LearnError { code: "out-of-range", message, help: None, field: Some(field) };
        let mut problems = Vec::new();
        if !(params.c.is_finite() && params.c > 0.0) {
            problems.push(refuse("c", format!("`c` must be a finite number above 0, found {}", params.c)));
        }
        if !(0.0..=1.0).contains(&params.l1_ratio) {
            problems
                .push(refuse("l1_ratio", format!("`l1_ratio` must lie between 0 and 1, found {}", params.l1_ratio)));
        }
        if params.max_iterations == 0 {
            problems.push(refuse("max_iterations", "`max_iterations` must be at least 1, found 0".to_owned()));
        }
        problems
    }

    fn fit(
        params: &Params,
        train: &Sample<'_>,
        _validation: Option<&Sample<'_>>,
        context: &FitContext<'_>,
    ) -> Result<LogisticModel, LearnError> {
        fit_by(params, train, context, |parameters| parameters <= NEWTON_PARAMETERS)
    }
}

/// Fits by Newton's method where `newton` says so for the number of parameters, else by L-BFGS.
fn fit_by(
    params: &Params,
    train: &Sample<'_>,
    context: &FitContext<'_>,
    newton: impl FnOnce(usize) -> bool + Send,
) -> Result<LogisticModel, LearnError> {
    if let Some(problem) = Logistic::check(params).into_iter().next() {
        return Err(problem);
    }
    let mut weights = dense_sample::checked_weights(train, Logistic::NAME)?;
    let present = check_classes(train, &weights)?;
    let places = dense_sample::places(train.y, &present);
    if params.class_weight == ClassWeight::Balanced {
        balance(&mut weights, &places, present.len());
    }
    let (model, settled) = chunks::on(context.threads, || {
        let objective = Objective::new(train.x, &places, present.len(), &weights, params);
        let go_on = |done: u32| {
            let total = params.max_iterations as usize;
            matches!((context.on_iteration)(done as usize, total, None), ControlFlow::Continue(()))
        };
        let solution = match (params.l1_ratio > 0.0, newton(objective.parameters())) {
            (false, true) => newton::minimise(&objective, params.max_iterations, &go_on),
            (false, false) => lbfgs::minimise(&objective, params.max_iterations, &go_on),
            (true, true) => proximal::newton(&objective, params.max_iterations, &go_on),
            (true, false) => proximal::gradient(&objective, params.max_iterations, &go_on),
        };
        let mut scores = objective.scores(&solution.point);
        if params.l1_ratio > 0.0 && params.intercept {
            centre_intercepts(&mut scores);
        }
        let settled = scores.iter().all(|s| s.intercept.is_finite() && s.coefficients.iter().all(|c| c.is_finite()));
        let features = train.x.features.iter().map(|feature| feature.name.clone()).collect();
        let Solution { iterations, converged, .. } = solution;
        (LogisticModel { features, classes: train.classes, present, scores, iterations, converged }, settled)
    });
    if settled {
        return Ok(model);
    }
    Err(LearnError {
        code: "overflow",
        message: "the numbers are too large for logistic regression".to_owned(),
        help: Some("scale the features, or look for outliers".to_owned()),
        field: None,
    })
}

/// Moves the intercepts of a softmax, which are known up to a shift, to a sum of 0; under a ridge penalty they already
/// are, as the coefficients of a feature then sum to 0.
fn centre_intercepts(scores: &mut [Score]) {
    if scores.len() > 1 {
        let mean = scores.iter().map(|score| score.intercept).sum::<f64>() / scores.len() as f64;
        scores.iter_mut().for_each(|score| score.intercept -= mean);
    }
}

/// Refuses numbers; else the classes that have weight.
fn check_classes(train: &Sample<'_>, weights: &[f64]) -> Result<Vec<usize>, LearnError> {
    if train.classes < 2 {
        return Err(LearnError {
            code: "wrong-task",
            message: "`logistic` predicts classes, and the target holds numbers".to_owned(),
            help: Some("use `linear` for numbers".to_owned()),
            field: None,
        });
    }
    dense_sample::present_classes(train, weights)
}

/// Gives each class the same total weight, the sum of all unchanged.
fn balance(weights: &mut [f64], places: &[u32], classes: usize) {
    let mut totals = vec![0.0; classes];
    for (&place, weight) in places.iter().zip(weights.iter()) {
        totals[place as usize] += weight;
    }
    let total: f64 = totals.iter().sum();
    for (&place, weight) in places.iter().zip(weights) {
        *weight *= total / (classes as f64 * totals[place as usize]);
    }
}

impl Fitted for LogisticModel {
    fn predict_columns(&self, x: Columns<'_>) -> Prediction {
        let score = |score: &Score| {
            let mut values = vec![score.intercept; x.rows];
            for (feature, coefficient) in x.features.iter().zip(&score.coefficients) {
                for (value, number) in values.iter_mut().zip(*feature) {
                    *value += coefficient * number;
                }
            }
            values
        };
        let scores: Vec<Vec<f64>> = self.scores.iter().map(score).collect();
        let mut values = vec![0.0; x.rows * self.classes];
        let mut shares = vec![0.0; self.present.len()];
        for (row, probabilities) in values.chunks_exact_mut(self.classes.max(1)).enumerate() {
            if let [only] = scores.as_slice() {
                shares[0] = objective::logistic(-only[row]);
                shares[1] = objective::logistic(only[row]);
            } else {
                for (share, scores) in shares.iter_mut().zip(&scores) {
                    *share = scores[row];
                }
                softmax(&mut shares);
            }
            for (&class, share) in self.present.iter().zip(&shares) {
                probabilities[class] = *share;
            }
        }
        Prediction::Probabilities { classes: self.classes, values }
    }
}
