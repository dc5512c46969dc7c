//! A mixture of Gaussians: clusters of any ellipsoidal shape, with the probability of each for every row.
//!
//! Expectation and maximisation (Dempster, Laird and Rubin 1977) from a k-means start, as scikit-learn's
//! `GaussianMixture`. Clusters are numbered by falling weight.

mod gaussian;
mod maximise;

#[cfg(test)]
mod tests;

use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Columns, Estimator, FitContext, Fitted, LearnError, Prediction, Sample,
    boosting::{exponential::ln, ranges::Ranges},
    chunks, dense_sample,
    k_means::{lloyd, seeds},
    restarts,
    rows::Rows,
    softmax::softmax,
};
pub use gaussian::{Gaussian, Spread};

/// Rows worked on at once; fixed, so that sums do not depend on the number of threads.
const CHUNK: usize = 512;

/// Hyperparameters of a mixture of Gaussians.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Number of clusters, from 1 to 1000.
    pub clusters: usize,
    /// What shape a cluster may have.
    pub covariance: Covariance,
    /// Added to the variance of every feature in every cluster, at least 0: keeps a cluster from collapsing on one row.
    pub regularisation: f64,
    /// Starts from other k-means clusters, at least 1; the most probable result is kept.
    pub restarts: usize,
    /// Most iterations of a start, at least 1.
    pub max_iterations: usize,
    /// Ends when the mean log-likelihood of a row grows by no more than this, at least 0.
    pub tolerance: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            clusters: 3,
            covariance: Covariance::Full,
            regularisation: 1e-6,
            restarts: 1,
            max_iterations: 100,
            tolerance: 1e-3,
        }
    }
}

/// What shape a cluster may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Covariance {
    /// Any ellipsoid: features may go together.
    #[default]
    Full,
    /// An ellipsoid along the features, which needs far fewer rows.
    Diagonal,
}

/// A mixture of Gaussians.
#[derive(Clone, Copy, Debug)]
pub struct GaussianMixture;

/// A fitted mixture of Gaussians.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GaussianMixtureModel {
    /// Names of the features.
    pub features: Vec<String>,
    /// The share of each cluster.
    pub weights: Vec<f64>,
    /// The Gaussian of each cluster.
    pub gaussians: Vec<Gaussian>,
    /// Mean log-likelihood of a training row.
    pub log_likelihood: f64,
    /// Iterations of the start that was kept.
    pub iterations: usize,
    /// False when that start was stopped before it settled.
    pub converged: bool,
}

impl Estimator for GaussianMixture {
    const NAME: &'static str = "gaussian-mixture";
    type Params = Params;
    type Model = GaussianMixtureModel;

    fn check(params: &Params) -> Vec<LearnError> {
        let mut ranges = Ranges::default();
        ranges.whole("clusters", params.clusters, 1, 1000);
        ranges.at_least_zero("regularisation", params.regularisation);
        ranges.whole("restarts", params.restarts, 1, 1000);
        ranges.whole("max_iterations", params.max_iterations, 1, 1_000_000);
        ranges.at_least_zero("tolerance", params.tolerance);
        ranges.problems
    }

    /// Learns from the features alone.
    fn fit(
        params: &Params,
        train: &Sample<'_>,
        _validation: Option<&Sample<'_>>,
        context: &FitContext<'_>,
    ) -> Result<GaussianMixtureModel, LearnError> {
        let weights = dense_sample::guarded_rows::<Self>(params, train)?;
        let rows = Rows::of(train.x);
        let start = |rng: &mut ChaCha8Rng| {
            let centres = seeds(&rows, &weights, params.clusters, rng)?;
            let labels = lloyd(&rows, &weights, centres, 300, 0.0).labels;
            let mut shares = vec![0.0; labels.len() * params.clusters];
            for (shares, &label) in shares.chunks_exact_mut(params.clusters).zip(&labels) {
                shares[label as usize] = 1.0;
            }
            let first = maximise::maximise(params, &rows, &weights, &shares)?;
            settle(params, &rows, &weights, first)
        };
        let more_probable =
            |one: &GaussianMixtureModel, other: &GaussianMixtureModel| one.log_likelihood > other.log_likelihood;
        let mut model = restarts::best(params.restarts, context, start, more_probable)?;
        model.features = train.x.features.iter().map(|feature| feature.name.clone()).collect();
        let mut order: Vec<usize> = (0..params.clusters).collect();
        order.sort_by(|&a, &b| model.weights[b].total_cmp(&model.weights[a]).then(a.cmp(&b)));
        model.weights = order.iter().map(|&old| model.weights[old]).collect();
        model.gaussians = order.iter().map(|&old| model.gaussians[old].clone()).collect();
        Ok(model)
    }
}

/// A mixture: the share and the Gaussian of each cluster.
type Mixture = (Vec<f64>, Vec<Gaussian>);

/// Expectation and maximisation in turns until the likelihood hardly grows.
fn settle(
    params: &Params,
    rows: &Rows,
    weights: &[f64],
    (mut shares, mut gaussians): Mixture,
) -> Result<GaussianMixtureModel, LearnError> {
    let mut log_likelihood = f64::NEG_INFINITY;
    let mut iterations = 0;
    let mut converged = false;
    while iterations < params.max_iterations && !converged {
        iterations += 1;
        let (found, responsibilities) = expect(rows, weights, &shares, &gaussians);
        (shares, gaussians) = maximise::maximise(params, rows, weights, &responsibilities)?;
        converged = (found - log_likelihood).abs() < params.tolerance;
        log_likelihood = found;
    }
    Ok(GaussianMixtureModel { features: Vec::new(), weights: shares, gaussians, log_likelihood, iterations, converged })
}

/// The mean log-likelihood of a row, and row by row the probability of each cluster.
fn expect(rows: &Rows, weights: &[f64], shares: &[f64], gaussians: &[Gaussian]) -> (f64, Vec<f64>) {
    let logarithms: Vec<f64> = shares.iter().map(|&share| ln(share)).collect();
    let parts = chunks::map(rows.count(), CHUNK, |range| {
        let mut sum = 0.0;
        let mut values = vec![0.0; range.len() * shares.len()];
        for (row, values) in range.zip(values.chunks_exact_mut(shares.len())) {
            sum += weights.get(row).copied().unwrap_or(1.0)
                * responsibilities(rows.row(row), &logarithms, gaussians, values);
        }
        (sum, values)
    });
    let total = if weights.is_empty() { rows.count() as f64 } else { weights.iter().sum() };
    let mean = parts.iter().map(|(sum, _)| sum).sum::<f64>() / total;
    (mean, parts.into_iter().flat_map(|(_, values)| values).collect())
}

/// Fills in the probability of each cluster and hands back the row's log-likelihood.
fn responsibilities(row: &[f64], logarithms: &[f64], gaussians: &[Gaussian], into: &mut [f64]) -> f64 {
    for ((into, logarithm), gaussian) in into.iter_mut().zip(logarithms).zip(gaussians) {
        *into = logarithm + gaussian.log_density(row);
    }
    softmax(into)
}

impl Fitted for GaussianMixtureModel {
    /// The probability of each cluster. A row with a missing number gets NaN.
    fn predict_columns(&self, x: Columns<'_>) -> Prediction {
        let (_, values) = expect(&Rows::of_columns(x), &[], &self.weights, &self.gaussians);
        Prediction::Probabilities { classes: self.weights.len(), values }
    }
}
