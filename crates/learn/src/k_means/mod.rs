//! k-means: rows in as many clusters as asked for, each row with the nearest centre.
//!
//! Lloyd's iterations from centres drawn far apart (greedy k-means++: Arthur and Vassilvitskii 2007), several times; the
//! tightest result is kept. Clusters are numbered by falling size.

mod lloyd;
mod seeds;

#[cfg(test)]
mod tests;

use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Columns, Estimator, FitContext, Fitted, LearnError, Prediction, Sample,
    boosting::ranges::Ranges,
    chunks, dense_sample, restarts,
    rows::{Rows, squared_distance},
};
pub(crate) use lloyd::{Clustered, lloyd};
pub(crate) use seeds::seeds;

/// Hyperparameters of k-means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Number of clusters, from 1 to 10000.
    pub clusters: usize,
    /// Starts from other centres, at least 1; the tightest result is kept.
    pub restarts: usize,
    /// Most iterations of a start, at least 1.
    pub max_iterations: usize,
    /// Ends when the centres move by no more than this share of the features' mean variance, at least 0.
    pub tolerance: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self { clusters: 8, restarts: 4, max_iterations: 300, tolerance: 1e-4 }
    }
}

/// k-means.
#[derive(Clone, Copy, Debug)]
pub struct KMeans;

/// The centres of a fitted k-means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KMeansModel {
    /// Names of the features, in the order of a centre's numbers.
    pub features: Vec<String>,
    centres: Rows,
    /// Weight of the training rows of each cluster.
    pub sizes: Vec<f64>,
    /// Weighted sum of squared distances of the training rows to their centres.
    pub inertia: f64,
    /// Iterations of the start that was kept.
    pub iterations: usize,
    /// False when that start was stopped before its centres settled.
    pub converged: bool,
}

impl KMeansModel {
    /// The centre of a cluster, as the features stood at the fit.
    #[must_use]
    pub fn centre(&self, cluster: usize) -> &[f64] {
        self.centres.row(cluster)
    }
}

impl Estimator for KMeans {
    const NAME: &'static str = "k-means";
    type Params = Params;
    type Model = KMeansModel;

    fn check(params: &Params) -> Vec<LearnError> {
        let mut ranges = Ranges::default();
        ranges.whole("clusters", params.clusters, 1, 10_000);
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
    ) -> Result<KMeansModel, LearnError> {
        let weights = dense_sample::guarded_rows::<Self>(params, train)?;
        let rows = Rows::of(train.x);
        let tolerance = params.tolerance * mean_variance(&rows, &weights);
        let start = |rng: &mut ChaCha8Rng| {
            let centres = seeds(&rows, &weights, params.clusters, rng)?;
            Ok(lloyd(&rows, &weights, centres, params.max_iterations, tolerance))
        };
        let tighter = |one: &Clustered, other: &Clustered| one.inertia < other.inertia;
        let Clustered { centres, sizes, inertia, iterations, converged, .. } =
            restarts::best(params.restarts, context, start, tighter)?.by_falling_size();
        let features = train.x.features.iter().map(|feature| feature.name.clone()).collect();
        Ok(KMeansModel { features, centres, sizes, inertia, iterations, converged })
    }
}

/// The mean over the features of their weighted variance.
fn mean_variance(rows: &Rows, weights: &[f64]) -> f64 {
    let total: f64 = weights.iter().sum();
    let mut means = vec![0.0; rows.width];
    for (row, weight) in weights.iter().enumerate() {
        means.iter_mut().zip(rows.row(row)).for_each(|(mean, value)| *mean += weight * value / total);
    }
    let spread: f64 =
        weights.iter().enumerate().map(|(row, weight)| weight * squared_distance(rows.row(row), &means)).sum();
    spread / total / rows.width as f64
}

/// The nearest centre, the first among equals, and the squared distance to it.
pub(crate) fn nearest(centres: &Rows, row: &[f64]) -> (u32, f64) {
    let mut best = (0, f64::INFINITY);
    for centre in 0..centres.count() {
        let distance = squared_distance(row, centres.row(centre));
        if distance < best.1 {
            best = (centre as u32, distance);
        }
    }
    best
}

impl Fitted for KMeansModel {
    fn predict_columns(&self, x: Columns<'_>) -> Prediction {
        let rows = Rows::of_columns(x);
        let values = chunks::map(x.rows, lloyd::CHUNK, |range| {
            range.map(|row| nearest(&self.centres, rows.row(row)).0).collect::<Vec<u32>>()
        });
        Prediction::Clusters { clusters: self.centres.count(), values: values.concat() }
    }
}
