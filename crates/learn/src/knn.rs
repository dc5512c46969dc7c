//! k-nearest neighbours: a row is predicted by the training rows most like it.
//!
//! Cover and Hart's rule (1967) as scikit-learn's `KNeighborsClassifier` and `-Regressor` have
//! it. Neighbours at equal distance are taken in the order of the training rows.

use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Columns, Estimator, FitContext, Fitted, LearnError, Prediction, Sample,
    boosting::ranges::Ranges,
    dense_sample,
    neighbours::{Distance, Index, Near},
    rows::Rows,
};

/// Hyperparameters of k-nearest neighbours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Training rows asked, at least 1; more of them smooth.
    pub neighbours: usize,
    /// How much each of them says.
    pub vote: Vote,
    /// How far rows are from each other.
    pub distance: Distance,
}

impl Default for Params {
    fn default() -> Self {
        Self { neighbours: 5, vote: Vote::Uniform, distance: Distance::Euclidean }
    }
}

/// How much each neighbour says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Vote {
    /// All alike.
    #[default]
    Uniform,
    /// The nearer the more, as 1 / distance; a neighbour at distance 0 silences those further away.
    Distance,
}

/// k-nearest neighbours.
#[derive(Clone, Copy, Debug)]
pub struct Knn;

/// The training rows, which are the model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KnnModel {
    /// The hyperparameters.
    pub params: Params,
    /// Number of classes, 0 for a regression.
    pub classes: usize,
    /// The rows that are asked.
    pub rows: Rows,
    /// The value or class code of each.
    pub y: Vec<f64>,
    /// The weight of each; all alike when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<Vec<f64>>,
    #[serde(skip)]
    index: OnceLock<Index>,
}

impl Estimator for Knn {
    const NAME: &'static str = "knn";
    type Params = Params;
    type Model = KnnModel;

    fn check(params: &Params) -> Vec<LearnError> {
        let mut ranges = Ranges::default();
        ranges.whole("neighbours", params.neighbours, 1, 100_000);
        ranges.problems
    }

    /// Keeps the rows. A row's weight multiplies its vote.
    fn fit(
        params: &Params,
        train: &Sample<'_>,
        _validation: Option<&Sample<'_>>,
        _context: &FitContext<'_>,
    ) -> Result<KnnModel, LearnError> {
        let weights = dense_sample::guarded::<Self>(params, train)?;
        if train.classes > 0 {
            dense_sample::present_classes(train, &weights)?;
        }
        let kept: Vec<usize> = (0..train.y.len()).filter(|&row| weights[row] > 0.0).collect();
        enough(kept.len(), params.neighbours)?;
        let rows = Rows::of(train.x).take(&kept);
        let y = kept.iter().map(|&row| train.y[row]).collect();
        let weights = train.weights.map(|weights| kept.iter().map(|&row| weights[row]).collect());
        let params = params.clone();
        Ok(KnnModel { params, classes: train.classes, rows, y, weights, index: OnceLock::new() })
    }
}

/// Refuses more neighbours than there are rows.
pub(crate) fn enough(rows: usize, neighbours: usize) -> Result<(), LearnError> {
    if neighbours <= rows {
        return Ok(());
    }
    Err(LearnError {
        code: "too-few-rows",
        message: format!("`neighbours` is {neighbours}, but there are {rows} rows to choose from"),
        help: Some("ask fewer neighbours, or train on more rows".to_owned()),
        field: Some("neighbours"),
    })
}

impl KnnModel {
    fn votes<'a>(&'a self, near: &'a [Near]) -> impl Iterator<Item = (usize, f64)> + 'a {
        let touching = near.first().is_some_and(|near| near.distance == 0.0);
        near.iter().map(move |near| {
            let vote = match self.params.vote {
                Vote::Uniform => 1.0,
                Vote::Distance if touching => f64::from(u8::from(near.distance == 0.0)),
                Vote::Distance => 1.0 / near.distance,
            };
            (near.row, vote * self.weights.as_ref().map_or(1.0, |weights| weights[near.row]))
        })
    }
}

impl Fitted for KnnModel {
    /// A row with a missing number is like no other, and its prediction is NaN.
    fn predict_columns(&self, x: Columns<'_>) -> Prediction {
        let index = self.index.get_or_init(|| Index::new(&self.rows));
        let (asked, most, distance) = (Rows::of_columns(x), self.params.neighbours, self.params.distance);
        if self.classes == 0 {
            let mean = |_: usize, near: &[Near]| {
                let (mut sum, mut total) = (0.0, 0.0);
                for (row, vote) in self.votes(near) {
                    sum += vote * self.y[row];
                    total += vote;
                }
                sum / total
            };
            return Prediction::Values(index.nearest(&self.rows, &asked, most, distance, mean));
        }
        let shares = |_: usize, near: &[Near]| {
            let mut shares = vec![0.0; self.classes];
            let mut total = 0.0;
            for (row, vote) in self.votes(near) {
                shares[self.y[row] as usize] += vote;
                total += vote;
            }
            shares.iter_mut().for_each(|share| *share /= total);
            shares
        };
        let values = index.nearest(&self.rows, &asked, most, distance, shares).concat();
        Prediction::Probabilities { classes: self.classes, values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference_data::{
        NUMBERS, QUERIES, THREE, TWO, columns, digits_accuracy, matrix, near, of_rows, standardised_power_plant,
    };

    fn predict(params: &Params, y: &[f64], classes: usize, queries: &[[f64; 3]]) -> Vec<f64> {
        let x = matrix(&columns());
        let train = Sample { x: &x, y, classes, weights: None, groups: None };
        let model = Knn::fit(params, &train, None, &FitContext::quiet(0)).unwrap();
        match model.predict(&of_rows(queries)) {
            Prediction::Values(values) | Prediction::Probabilities { values, .. } => values,
            Prediction::Clusters { .. } => panic!("no clusters"),
        }
    }

    /// scikit-learn 1.9.1, by `bench/reference/estimators.py`.
    #[test]
    fn agrees_with_scikit_learn() {
        let params = Params { neighbours: 3, vote: Vote::Distance, ..Params::default() };
        let expected =
            [0.5178075265161673, 0.48219247348383265, 0.0, 1.0, 1.0, 0.0, 0.3567284014148713, 0.6432715985851287];
        near(&predict(&params, &TWO, 2, &QUERIES), &expected, 1e-12);
        let mut queries = QUERIES.to_vec();
        queries.push(crate::reference_data::ROWS[0]);
        let expected = [3.4315815731131654, 5.2853280999487335, -0.6455661388596555, 4.969394512370077, 4.1];
        near(&predict(&params, &NUMBERS, 0, &queries), &expected, 1e-12);
        let params = Params { neighbours: 4, distance: Distance::Manhattan, ..Params::default() };
        let expected = [0.75, 0.25, 0.0, 0.75, 0.0, 0.25, 0.25, 0.75, 0.0, 0.25, 0.0, 0.75];
        near(&predict(&params, &THREE, 3, &QUERIES), &expected, 1e-12);
    }

    #[test]
    fn the_power_plant_and_the_digits_are_scikit_learns() {
        let fit = |train: &Sample<'_>| Knn::fit(&Params::default(), train, None, &FitContext::quiet(0)).unwrap();
        if let Some(accuracy) = digits_accuracy(fit) {
            near(&[accuracy], &[0.9861111111111112], 1e-12);
        }
        let Some((x, y)) = standardised_power_plant() else { return };
        let (test, train): (Vec<usize>, Vec<usize>) = (0..x.rows).partition(|row| row % 5 == 0);
        let of = |rows: &[usize]| -> Vec<f64> { rows.iter().map(|&row| y[row]).collect() };
        let model = fit(&Sample { x: &x.take(&train), y: &of(&train), classes: 0, weights: None, groups: None });
        let Prediction::Values(values) = model.predict(&x.take(&test)) else { panic!("numbers") };
        near(&values[..5], &[460.72200000000004, 442.75200000000007, 453.736, 458.3759999999999, 463.168], 1e-12);
        let squares: f64 = values.iter().zip(of(&test)).map(|(found, y)| (found - y).powi(2)).sum();
        near(&[(squares / test.len() as f64).sqrt()], &[3.719681296389311], 1e-9);
    }

    #[test]
    fn rows_without_weight_have_no_voice_and_too_few_are_refused() {
        let x = matrix(&columns());
        let mut weights = [0.0; 12];
        weights[2] = 1.0;
        weights[3] = 3.0;
        let train = Sample { x: &x, y: &NUMBERS, classes: 0, weights: Some(&weights), groups: None };
        let fit =
            |neighbours| Knn::fit(&Params { neighbours, ..Params::default() }, &train, None, &FitContext::quiet(0));
        let Prediction::Values(values) = fit(2).unwrap().predict(&of_rows(&QUERIES)) else { panic!("numbers") };
        near(&values, &[(3.6 + 3.0 * 7.2) / 4.0; 4], 1e-12);
        let error = fit(3).unwrap_err();
        assert_eq!((error.code, error.field), ("too-few-rows", Some("neighbours")));
    }
}
