//! Going on from where a fit stopped: from a checkpoint of the same fit, or from a model that is there already.
//!
//! A fit has no state but its trees and its losses: random choices have a stream an iteration, and scores are the sums
//! of the trees' values, so they are made anew, bit by bit.

use serde::{Deserialize, Serialize};

use super::gradient_boosting::GradientBoostingModel;
use super::shard::Shard;
use super::start::Start;
use super::walk::Walk;
use crate::estimator::LearnError;
use crate::matrix::{Columns, Matrix};

/// All that a fit has done so far. Going on from it with the same sample, parameters and seed gives the model of the
/// unbroken fit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Every tree so far, those after the best iteration included.
    pub model: GradientBoostingModel,
    /// What each node of each tree gains, in the unit of the model's `gains`.
    pub node_gains: Vec<Vec<f64>>,
}

/// What a fit goes on from.
#[derive(Clone, Copy, Debug, Default)]
pub enum Origin<'a> {
    /// Nothing: it starts at a constant.
    #[default]
    Nothing,
    /// An earlier part of the same fit: `trees` counts from its first iteration.
    Checkpoint(&'a Checkpoint),
    /// A model of the same features, on these or other rows: `trees` counts from here.
    Model(&'a GradientBoostingModel),
}

/// How a fit is broken and taken up again.
pub struct Resume<'a> {
    /// What it goes on from.
    pub from: Origin<'a>,
    /// Whether a checkpoint is wanted after so many iterations.
    pub due: &'a (dyn Fn(usize) -> bool + Sync),
    /// Takes each checkpoint.
    pub keep: &'a (dyn Fn(&Checkpoint) + Sync),
}

impl Default for Resume<'_> {
    fn default() -> Self {
        Self { from: Origin::Nothing, due: &|_| false, keep: &|_| {} }
    }
}

impl<'a> Origin<'a> {
    /// The model that is there already.
    pub(crate) const fn model(self) -> Option<&'a GradientBoostingModel> {
        match self {
            Self::Nothing => None,
            Self::Checkpoint(checkpoint) => Some(&checkpoint.model),
            Self::Model(model) => Some(model),
        }
    }

    /// Checks that the fit that starts at `start` can go on from it.
    ///
    /// # Errors
    /// `resume-differs`.
    pub(crate) fn check(self, start: &Start, classes: usize, x: &Matrix) -> Result<(), LearnError> {
        let Some(model) = self.model() else { return Ok(()) };
        let wrong = if model.loss != start.curve.loss || model.classes != classes {
            Some("was fitted with another loss or other classes".to_owned())
        } else if model.gains.len() != x.features.len() {
            Some(format!("has {} features where the rows have {}", model.gains.len(), x.features.len()))
        } else if model.trees.len() != model.iterations * model.base.len() || model.base.len() != start.base.len() {
            Some("does not hold together: its trees are not those of its iterations".to_owned())
        } else if let Self::Checkpoint(checkpoint) = self {
            let differs = checkpoint.node_gains.len() != model.trees.len()
                || model.base != start.base
                || model.history.train.len() + 1 < model.iterations
                || model
                    .trees
                    .iter()
                    .zip(&checkpoint.node_gains)
                    .any(|(tree, gains)| tree.features.len() != gains.len());
            differs.then(|| "is of another fit".to_owned())
        } else {
            None
        };
        let Some(wrong) = wrong else { return Ok(()) };
        Err(LearnError {
            code: "resume-differs",
            message: format!("the model to go on from {wrong}"),
            help: Some("go on from a model of the same features and target, or start anew".to_owned()),
            field: None,
        })
    }
}

/// Adds the trees of `model` to the scores of rows that start at `start`.
pub(crate) fn restore(model: &GradientBoostingModel, start: &Start, x: &Matrix, shards: &mut [Shard]) {
    let outputs = start.base.len();
    for k in 0..outputs {
        let mut scores = vec![start.score(k); x.rows];
        let features = x.slices();
        let x = Columns { features: &features, rows: x.rows };
        for tree in model.trees.iter().skip(k).step_by(outputs) {
            let values = Walk::new(std::slice::from_ref(tree), 1, &[0.0]).sums(x);
            // a tree's values are its steps times a power of two: dividing gives the steps back
            for (score, value) in scores.iter_mut().zip(values) {
                *score += (value / start.unit) as f32;
            }
        }
        for shard in shards.iter_mut() {
            shard.take_scores(k, &scores);
        }
    }
}
