//! Linear regression by least squares, with an optional ridge penalty, lasso penalty, or both (elastic net).
//!
//! Minimises `sum_i weight_i (y_i - intercept - x_i . coefficients)^2 + l2 |coefficients|^2 + l1 sum |coefficients|`. This
//! is the objective of scikit-learn's `LinearRegression` and `Ridge`; its `ElasticNet(alpha, l1_ratio)` on `n` rows is
//! `l1: 2 n alpha l1_ratio` with `l2: n alpha (1 - l1_ratio)`, and its `Lasso(alpha)` is `l1: 2 n alpha`. Where columns depend on each other and there is no penalty, it takes
//! the coefficients of smallest norm among the equally good ones.

mod coordinate_descent;
mod least_squares;

#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Columns, Estimator, FitContext, Fitted, LearnError, Prediction, Sample, chunks, dense_sample};

/// Hyperparameters of linear regression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Strength of the ridge penalty on the squared coefficients, at least 0; the intercept is not penalised.
    pub l2: f64,
    /// Strength of the lasso penalty on the absolute coefficients, at least 0: it sets coefficients to exactly 0. The
    /// more rows, the more it takes: twice the number of rows times the `alpha` of a lasso that averages over rows.
    pub l1: f64,
    /// Whether to learn an intercept.
    pub intercept: bool,
}

impl Default for Params {
    fn default() -> Self {
        Self { l2: 0.0, l1: 0.0, intercept: true }
    }
}

/// Linear regression.
#[derive(Clone, Copy, Debug)]
pub struct Linear;

/// A fitted linear regression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinearModel {
    /// Names of the features, in the order of the coefficients.
    pub features: Vec<String>,
    /// Change of the prediction for one unit of each feature.
    pub coefficients: Vec<f64>,
    /// The prediction where every feature is 0.
    pub intercept: f64,
    /// Number of independent feature columns.
    pub rank: usize,
    /// How uncertain the coefficients are; only without a penalty, with independent columns and with more rows than
    /// coefficients.
    pub standard_errors: Option<StandardErrors>,
}

/// Classical standard errors of least squares: `sqrt(diag(s^2 (X' W X)^-1))` with `s^2` the weighted residual sum of
/// squares over the residual degrees of freedom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StandardErrors {
    /// One a coefficient.
    pub coefficients: Vec<f64>,
    /// The intercept's, where there is one.
    pub intercept: Option<f64>,
}

impl Estimator for Linear {
    const NAME: &'static str = "linear";
    type Params = Params;
    type Model = LinearModel;

    fn check(params: &Params) -> Vec<LearnError> {
        [("l2", params.l2), ("l1", params.l1)]
            .into_iter()
            .filter(|(_, value)| !(value.is_finite() && *value >= 0.0))
            .map(|(field, value)| LearnError {
                code: "out-of-range",
                message: format!("`{field}` must be a finite number of at least 0, found {value}"),
                help: None,
                field: Some(field),
            })
            .collect()
    }

    fn fit(
        params: &Params,
        train: &Sample<'_>,
        _validation: Option<&Sample<'_>>,
        context: &FitContext<'_>,
    ) -> Result<LinearModel, LearnError> {
        Self::refuse(params)?;
        if train.classes != 0 {
            return Err(LearnError {
                code: "wrong-task",
                message: format!("`linear` predicts numbers, and the target has {} classes", train.classes),
                help: Some("use `logistic` for classes".to_owned()),
                field: None,
            });
        }
        let weights = dense_sample::checked_weights(train, Self::NAME)?;
        chunks::on(context.threads, || least_squares::fit(params, train, &weights))
    }
}

impl Fitted for LinearModel {
    fn predict_columns(&self, x: Columns<'_>) -> Prediction {
        let mut values = vec![self.intercept; x.rows];
        for (feature, coefficient) in x.features.iter().zip(&self.coefficients) {
            for (value, number) in values.iter_mut().zip(*feature) {
                *value += coefficient * number;
            }
        }
        Prediction::Values(values)
    }
}
