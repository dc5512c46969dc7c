//! What an estimator is: parameters, a fit on a sample, a serialisable fitted model with `predict`.

use std::{borrow::Cow, ops::ControlFlow};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use trainyard_core::{Problem, StepError};

use crate::{
    fitted_model::FittedModel,
    matrix::{Columns, Matrix},
};

/// Rows to learn from or to watch: features, target and weights, aligned.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The features.
    pub x: &'a Matrix,
    /// One target a row: the value for a regression, the class code 0, 1, … for a classification, the relevance for a
    /// ranking. Not looked at by an estimator that learns without a target.
    pub y: &'a [f64],
    /// Number of classes; 0 for a regression, 2 for a binary classification.
    pub classes: usize,
    /// One non-negative weight a row; all 1 when absent.
    pub weights: Option<&'a [f64]>,
    /// The query or other group of each row, for estimators that order rows within a group; none elsewhere.
    pub groups: Option<&'a [u32]>,
}

impl<'a> Sample<'a> {
    /// Rows of equal weight and without groups.
    #[must_use]
    pub const fn new(x: &'a Matrix, y: &'a [f64], classes: usize) -> Self {
        Self { x, y, classes, weights: None, groups: None }
    }
}

/// Everything a fit may need from outside, passed in so that it stays pure.
pub struct FitContext<'a> {
    /// Seeds every random choice.
    pub seed: u64,
    /// Threads to use at most; the result does not depend on it.
    pub threads: usize,
    /// Called after each iteration with (done, total, validation loss); `Break` stops the fit with what it has.
    pub on_iteration: &'a (dyn Fn(usize, usize, Option<f64>) -> ControlFlow<()> + Sync),
    /// Where a long fit keeps what it has done, to go on from there after the process was killed; nowhere when absent.
    pub checkpoints: Option<&'a dyn Checkpoints>,
    /// A model of the same features that the fit goes on from, for estimators that can; others do not look at it.
    pub start: Option<&'a FittedModel>,
}

/// Keeps the checkpoint of one fit. A fit gives the same model whether it found one here or not.
pub trait Checkpoints: Sync {
    /// What was kept last, if anything.
    fn load(&self) -> Option<Vec<u8>>;
    /// Whether enough has been done since the last one that keeping another is worth it.
    fn due(&self) -> bool;
    /// Keeps `bytes` in place of what was kept before.
    fn save(&self, bytes: &[u8]);
}

impl FitContext<'_> {
    /// A context that reports to nobody.
    #[must_use]
    pub fn quiet(seed: u64) -> FitContext<'static> {
        FitContext {
            seed,
            threads: 1,
            on_iteration: &|_, _, _| ControlFlow::Continue(()),
            checkpoints: None,
            start: None,
        }
    }
}

/// Why an estimator could not be fitted; `field` names the parameter at fault where there is one.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct LearnError {
    /// Stable code such as `single-class`.
    pub code: &'static str,
    /// What is wrong, in the user's words.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The parameter at fault.
    pub field: Option<&'static str>,
}

impl From<LearnError> for Problem {
    fn from(error: LearnError) -> Self {
        Self {
            help: error.help,
            at: error.field.map(str::to_owned).into_iter().collect(),
            ..Self::error(error.code, error.message)
        }
    }
}

impl From<LearnError> for StepError {
    fn from(error: LearnError) -> Self {
        Problem::from(error).into()
    }
}

/// Predictions, one a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Prediction {
    /// A regression's values, a ranking's scores, or anomaly scores: the higher the stranger.
    Values(Vec<f64>),
    /// Class probabilities, row-major: `values[row * classes + class]`; each row sums to one. Of a clustering, the
    /// probabilities of its clusters.
    Probabilities {
        /// Number of classes.
        classes: usize,
        /// The probabilities.
        values: Vec<f64>,
    },
    /// The cluster of each row.
    Clusters {
        /// Number of clusters.
        clusters: usize,
        /// Each below `clusters`.
        values: Vec<u32>,
    },
}

impl Prediction {
    /// The cluster, or the most probable class (the first among equals), of each row; none where it holds numbers.
    #[must_use]
    pub fn codes(&self) -> Option<Cow<'_, [u32]>> {
        match self {
            Self::Values(_) => None,
            Self::Probabilities { classes, values } => {
                let most = |row: &[f64]| (1..row.len()).fold(0, |best, at| if row[at] > row[best] { at } else { best });
                Some(values.chunks_exact((*classes).max(1)).map(|row| most(row) as u32).collect())
            }
            Self::Clusters { values, .. } => Some(Cow::Borrowed(values)),
        }
    }
}

/// An algorithm that learns from a [`Sample`].
pub trait Estimator {
    /// Its name in the registry, such as `gradient-boosting`.
    const NAME: &'static str;
    /// Its hyperparameters, with defaults.
    type Params: Clone + Default + Serialize + DeserializeOwned;
    /// What a fit yields.
    type Model: Fitted;

    /// Checks ranges: every problem at once, each with its field.
    fn check(params: &Self::Params) -> Vec<LearnError>;

    /// Refuses parameters out of their ranges.
    ///
    /// # Errors
    /// The first problem that [`Self::check`] finds.
    fn refuse(params: &Self::Params) -> Result<(), LearnError> {
        Self::check(params).into_iter().next().map_or(Ok(()), Err)
    }

    /// Fits on `train`; `validation`, where given, decides early stopping only.
    ///
    /// # Errors
    /// A target the algorithm cannot learn (one class, no rows), or values it cannot take.
    fn fit(
        params: &Self::Params,
        train: &Sample<'_>,
        validation: Option<&Sample<'_>>,
        context: &FitContext<'_>,
    ) -> Result<Self::Model, LearnError>;
}

/// A fitted estimator.
pub trait Fitted: Clone + Send + Sync + Serialize + DeserializeOwned {
    /// Predicts every row of `x`, whose features are those of the fit in the same order. Row by row or in batch,
    /// the result is bit-identical.
    fn predict_columns(&self, x: Columns<'_>) -> Prediction;

    /// As [`Fitted::predict_columns`], for features with names.
    fn predict(&self, x: &Matrix) -> Prediction {
        self.predict_columns(Columns { features: &x.slices(), rows: x.rows })
    }
}
