//! Isolation forest (Liu, Ting and Zhou 2008): a row that few random cuts set apart from the others is strange.
//!
//! The score is `2^(-mean depth / expected depth)`, which is minus scikit-learn's `score_samples`: near 1 is strange, about
//! 0.5 and below ordinary.

mod grow;

#[cfg(test)]
mod tests;

use std::f64::consts::LN_2;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Columns, Estimator, FitContext, Fitted, LearnError, Prediction, Sample,
    boosting::{
        exponential::{exp, ln},
        ranges::Ranges,
        sampling::share,
    },
    chunks, dense_sample,
    rows::Rows,
};

/// Rows scored at once.
const CHUNK: usize = 256;
/// Trees grown between two reports; fixed, so that a stopped fit does not depend on the threads.
const BATCH: usize = 16;
/// Euler's constant.
const EULER: f64 = 0.577_215_664_901_532_9;

/// Hyperparameters of the isolation forest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Number of trees, from 1 to 100000.
    pub trees: usize,
    /// Rows drawn for each tree, at least 2; all where there are fewer. Few rows show anomalies best: among many they
    /// hide each other.
    pub rows: usize,
    /// Share of the features drawn for each tree, above 0 and at most 1.
    pub feature_fraction: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self { trees: 100, rows: 256, feature_fraction: 1.0 }
    }
}

/// Isolation forest.
#[derive(Clone, Copy, Debug)]
pub struct IsolationForest;

/// A fitted isolation forest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IsolationForestModel {
    /// Rows of each tree.
    pub rows: usize,
    /// The trees.
    pub trees: Vec<Tree>,
}

/// A tree of random cuts, its nodes in the order of a walk from the left: a node's left child follows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    /// The feature cut.
    pub features: Vec<u32>,
    /// A value up to this goes left; of a leaf: its depth, and what its rows would take further.
    pub values: Vec<f64>,
    /// The right child, 0 for a leaf.
    pub rights: Vec<u32>,
}

/// The mean depth at which a random tree of `rows` rows sets one apart.
#[must_use]
pub fn expected_depth(rows: usize) -> f64 {
    match rows {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            let rows = rows as f64;
            2.0 * (ln(rows - 1.0) + EULER) - 2.0 * (rows - 1.0) / rows
        }
    }
}

impl Estimator for IsolationForest {
    const NAME: &'static str = "isolation-forest";
    type Params = Params;
    type Model = IsolationForestModel;

    fn check(params: &Params) -> Vec<LearnError> {
        let mut ranges = Ranges::default();
        ranges.whole("trees", params.trees, 1, 100_000);
        ranges.whole("rows", params.rows, 2, 10_000_000);
        ranges.share("feature_fraction", params.feature_fraction);
        ranges.problems
    }

    /// Learns from the features alone. A row is drawn in proportion to its weight.
    fn fit(
        params: &Params,
        train: &Sample<'_>,
        _validation: Option<&Sample<'_>>,
        context: &FitContext<'_>,
    ) -> Result<IsolationForestModel, LearnError> {
        let weights = dense_sample::guarded_rows::<Self>(params, train)?;
        let pool: Vec<usize> = (0..train.x.rows).filter(|&row| weights[row] > 0.0).collect();
        if pool.len() < 2 {
            return Err(LearnError {
                code: "too-few-rows",
                message: format!("`{}` needs at least 2 rows to tell apart, found {}", Self::NAME, pool.len()),
                help: None,
                field: None,
            });
        }
        let uneven = train.weights.is_some().then_some(weights.as_slice());
        let plan = grow::Plan {
            x: train.x,
            pool: &pool,
            weights: uneven,
            rows: params.rows.min(pool.len()),
            features: share(train.x.features.len(), params.feature_fraction),
            seed: context.seed,
        };
        let mut trees = Vec::with_capacity(params.trees);
        for first in (0..params.trees).step_by(BATCH) {
            let batch = first..(first + BATCH).min(params.trees);
            trees.extend(chunks::on(context.threads, || {
                batch.into_par_iter().map(|tree| plan.grow(tree)).collect::<Vec<Tree>>()
            }));
            if (context.on_iteration)(trees.len(), params.trees, None).is_break() {
                break;
            }
        }
        Ok(IsolationForestModel { rows: plan.rows, trees })
    }
}

impl Tree {
    fn depth(&self, row: &[f64]) -> f64 {
        let mut node = 0;
        loop {
            let right = self.rights[node] as usize;
            if right == 0 {
                return self.values[node];
            }
            node = if row[self.features[node] as usize] <= self.values[node] { node + 1 } else { right };
        }
    }
}

impl Fitted for IsolationForestModel {
    /// A row with a missing number gets NaN.
    fn predict_columns(&self, x: Columns<'_>) -> Prediction {
        let rows = Rows::of_columns(x);
        let scale = -LN_2 / (self.trees.len() as f64 * expected_depth(self.rows));
        let score = |row: usize| {
            let row = rows.row(row);
            if row.iter().any(|value| value.is_nan()) {
                return f64::NAN;
            }
            exp(scale * self.trees.iter().map(|tree| tree.depth(row)).sum::<f64>())
        };
        Prediction::Values(chunks::map(x.rows, CHUNK, |range| range.map(score).collect::<Vec<f64>>()).concat())
    }
}
