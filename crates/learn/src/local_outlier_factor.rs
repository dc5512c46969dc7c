//! The local outlier factor (Breunig, Kriegel, Ng and Sander 2000): how much sparser a row's neighbourhood is than those
//! of its neighbours. About 1 is ordinary; the more above 1, the stranger.
//!
//! The training rows are the yardstick and new rows are judged by them, as scikit-learn's `LocalOutlierFactor` does with
//! `novelty=True`.

use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Columns, Estimator, FitContext, Fitted, LearnError, Prediction, Sample,
    boosting::ranges::Ranges,
    chunks, dense_sample, knn,
    neighbours::{Distance, Index, Near},
    rows::Rows,
};

/// Keeps the density of equal rows finite, as scikit-learn does.
pub const LEAST: f64 = 1e-10;

/// Hyperparameters of the local outlier factor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Rows that make a neighbourhood, at least 1: as many as the smallest group that is still ordinary.
    pub neighbours: usize,
    /// How far rows are from each other.
    pub distance: Distance,
}

impl Default for Params {
    fn default() -> Self {
        Self { neighbours: 20, distance: Distance::Euclidean }
    }
}

/// The local outlier factor.
#[derive(Clone, Copy, Debug)]
pub struct LocalOutlierFactor;

/// The training rows with the density around each.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LocalOutlierFactorModel {
    /// The hyperparameters.
    pub params: Params,
    /// The rows that are asked.
    pub rows: Rows,
    /// The distance of each row to the last of its neighbours.
    pub reach: Vec<f64>,
    /// The local reachability density of each row.
    pub density: Vec<f64>,
    #[serde(skip)]
    index: OnceLock<Index>,
}

impl Estimator for LocalOutlierFactor {
    const NAME: &'static str = "local-outlier-factor";
    type Params = Params;
    type Model = LocalOutlierFactorModel;

    fn check(params: &Params) -> Vec<LearnError> {
        let mut ranges = Ranges::default();
        ranges.whole("neighbours", params.neighbours, 1, 100_000);
        ranges.problems
    }

    /// Learns from the features alone.
    fn fit(
        params: &Params,
        train: &Sample<'_>,
        _validation: Option<&Sample<'_>>,
        context: &FitContext<'_>,
    ) -> Result<LocalOutlierFactorModel, LearnError> {
        if train.weights.is_some() {
            return Err(LearnError {
                code: "weights-not-taken",
                message: format!("`{}` takes no row weights: a density has none", Self::NAME),
                help: Some("leave `weights` out, or use `isolation-forest`, which takes them".to_owned()),
                field: Some("weights"),
            });
        }
        dense_sample::guarded_rows::<Self>(params, train)?;
        knn::enough(train.x.rows.saturating_sub(1), params.neighbours)?;
        let (rows, most) = (Rows::of(train.x), params.neighbours);
        let index = Index::new(&rows);
        let near: Vec<Vec<Near>> = chunks::on(context.threads, || {
            index.nearest(&rows, &rows, most + 1, params.distance, |own, near| {
                let mut near = near.to_vec();
                // Among many equal rows its own number may not be there; then they are all as near.
                near.remove(near.iter().position(|near| near.row == own).unwrap_or(most));
                near
            })
        });
        let reach: Vec<f64> = near.iter().map(|near| near[most - 1].distance).collect();
        let density = near.iter().map(|near| density(near, &reach)).collect();
        Ok(LocalOutlierFactorModel { params: params.clone(), rows, reach, density, index: OnceLock::from(index) })
    }
}

/// One over the mean reachability distance.
fn density(near: &[Near], reach: &[f64]) -> f64 {
    let sum: f64 = near.iter().map(|near| near.distance.max(reach[near.row])).sum();
    1.0 / (sum / near.len() as f64 + LEAST)
}

impl Fitted for LocalOutlierFactorModel {
    /// The factor of each row, which must not be one of the training rows: those are their own neighbours here. A row
    /// with a missing number gets NaN.
    fn predict_columns(&self, x: Columns<'_>) -> Prediction {
        let index = self.index.get_or_init(|| Index::new(&self.rows));
        let factor = |_: usize, near: &[Near]| {
            let around: f64 = near.iter().map(|near| self.density[near.row]).sum();
            around / near.len() as f64 / density(near, &self.reach)
        };
        let (most, distance) = (self.params.neighbours, self.params.distance);
        Prediction::Values(index.nearest(&self.rows, &Rows::of_columns(x), most, distance, factor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Matrix;
    use crate::reference_data::{QUERIES, columns, matrix, near, of_rows};

    fn fit(params: &Params, x: &Matrix) -> Result<LocalOutlierFactorModel, LearnError> {
        let train = Sample { x, y: &[], classes: 0, weights: None, groups: None };
        LocalOutlierFactor::fit(params, &train, None, &FitContext::quiet(0))
    }

    /// scikit-learn 1.9.1, by `bench/reference/estimators.py`.
    #[test]
    fn agrees_with_scikit_learn() {
        let x = matrix(&columns());
        let check = |params: &Params, expected: &[f64]| {
            let Prediction::Values(values) = fit(params, &x).unwrap().predict(&of_rows(&QUERIES)) else {
                panic!("scores")
            };
            near(&values, expected, 1e-9);
        };
        let expected = [0.9434737931123258, 1.0085521286664625, 0.9765419432134519, 3.0217063531849457];
        check(&Params { neighbours: 4, ..Params::default() }, &expected);
        let expected = [0.9865231259972166, 1.022625529339747, 1.0220997656768007, 3.6120232381199577];
        check(&Params { neighbours: 3, distance: Distance::Manhattan }, &expected);
    }

    #[test]
    fn equal_rows_are_ordinary_and_few_rows_refused() {
        let x = matrix(&[vec![1.0; 50]]);
        let model = fit(&Params::default(), &x).unwrap();
        assert_eq!(model.predict(&matrix(&[vec![1.0]])), Prediction::Values(vec![1.0]));
        let Prediction::Values(far) = model.predict(&matrix(&[vec![1.5]])) else { panic!("scores") };
        assert!(far[0] > 1e6 && far[0].is_finite());
        assert_eq!(fit(&Params { neighbours: 50, ..Params::default() }, &x).unwrap_err().code, "too-few-rows");
        let train = Sample { x: &x, y: &[], classes: 0, weights: Some(&[1.0; 50]), groups: None };
        let error = LocalOutlierFactor::fit(&Params::default(), &train, None, &FitContext::quiet(0)).unwrap_err();
        assert_eq!(error.code, "weights-not-taken");
    }
}
