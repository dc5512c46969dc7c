//! Gradient boosting on histograms: trees added one after the other, each fitted to the loss's gradient at the sum of
//! those before (Friedman 2001; Ke et al. 2017 for the leaf-wise, binned form).

use std::collections::BTreeMap;
use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bagged;
use super::bins::MOST_BINS;
use super::boost::boost;
use super::exponential::{exp, sigmoid};
use super::loss::Loss;
use super::monotone::Direction;
use super::resume::Resume;
use super::start::Asked;
use super::tree::Tree;
use super::walk::Walk;
use super::watch::metric_for;
use crate::estimator::{Estimator, FitContext, Fitted, LearnError, Prediction, Sample};
use crate::matrix::{Columns, Matrix};

/// Hyperparameters of gradient boosting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GradientBoostingParams {
    /// What is made small. By default `squared` for numbers, `log-loss` for two classes and `softmax` for more;
    /// `absolute` (median), `huber`, `quantile`, `poisson` and `tweedie` (both under a log link) are for numbers too,
    /// `rank` (LambdaMART) orders the rows of each group of the split by a target of grades 0, 1, ….
    pub loss: Option<Loss>,
    /// With `loss: quantile`: its level. Above 0 and below 1, by default 0.5.
    pub quantile: f64,
    /// With `loss: huber`: the error beyond which it counts no longer squared, in the target's unit. Above 0, by default
    /// 0.9.
    pub huber_delta: f64,
    /// With `loss: tweedie`: variance grows as the mean to this power. Above 1 and below 2, by default 1.5.
    pub tweedie_power: f64,
    /// With `loss: poisson`: added to scores in the hessian, so that steps stay short. At least 0, by default 0.7.
    pub poisson_max_step: f64,
    /// With `loss: rank`: how many first places count. At least 1, by default 30.
    pub ndcg_at: usize,
    /// Most iterations: one tree each, or one a class where there are three or more classes. With `early_stopping` and
    /// validation rows the fit usually ends before. From 1 to 100000, by default 1000.
    pub trees: usize,
    /// How much of each tree's step is taken. Smaller is usually better and needs more trees. Above 0 and at most 1, by
    /// default 0.04.
    pub learning_rate: f64,
    /// Most leaves of a tree. From 2 to 65536, by default 31.
    pub leaves: usize,
    /// Most splits between a tree's root and a leaf; 0 for no limit. By default 0.
    pub depth: usize,
    /// Least rows of a leaf, estimated from their hessians as in LightGBM. At least 1, by default 20.
    pub min_samples_leaf: usize,
    /// Least sum of hessians of a leaf (of weights, for a regression). At least 0, by default 0.001.
    pub min_hessian: f64,
    /// Least gain of a split. At least 0, by default 0.
    pub min_gain: f64,
    /// Penalty on the absolute values of leaves. At least 0, by default 0.
    pub l1: f64,
    /// Penalty on the squared values of leaves. At least 0, by default 1.
    pub l2: f64,
    /// Share of the rows each iteration looks at, drawn anew. Above 0 and at most 1, by default 0.9.
    pub row_fraction: f64,
    /// Share of the features each tree may use, drawn anew. Above 0 and at most 1, by default 1.
    pub feature_fraction: f64,
    /// Share of the tree's features each node may use, drawn anew. Above 0 and at most 1, by default 1.
    pub node_feature_fraction: f64,
    /// Boosters fitted one after the other with other draws of rows and features, whose scores are averaged: steadier and
    /// a little better, at so many times the cost. The trials of a search are fitted with one. From 1 to 1000, by default
    /// 1.
    pub bags: usize,
    /// Most bins of a feature, the one for missing values not counted. From 2 to 254, by default 254.
    pub bins: usize,
    /// Stop when the loss on the validation rows has not improved for so many iterations, and keep the best iteration;
    /// 0 to never stop. Without validation rows all `trees` are kept: nothing is held out behind your back. By default
    /// 50.
    pub early_stopping: usize,
    /// Which metric decides early stopping, such as `mae` or `roc_auc`; the loss when absent. It must fit the loss.
    pub early_stopping_metric: Option<String>,
    /// Features the prediction may only rise or fall with, such as `{age: increasing}`. By default none.
    pub monotone: BTreeMap<String, Direction>,
    /// Draws each leaf's value to its parent's: they weigh equally in a leaf of so many rows. At least 0, by default 0.
    pub path_smoothing: f64,
    /// Categorical features: pseudo-hessian added to each level before levels are ordered, so that rare ones do not
    /// lead. At least 0, by default 10.
    pub category_smoothing: f64,
    /// Categorical features: added to `l2` for a split that groups levels. At least 0, by default 10.
    pub category_l2: f64,
    /// Categorical features: most levels on the smaller side of a split. From 1 to 254, by default 32.
    pub category_most: usize,
    /// Categorical features: with no more levels than this in a node, one level is set against the rest. From 0 to 254,
    /// by default 4.
    pub one_against_rest: usize,
}

impl Default for GradientBoostingParams {
    fn default() -> Self {
        Self {
            loss: None,
            quantile: 0.5,
            huber_delta: 0.9,
            tweedie_power: 1.5,
            poisson_max_step: 0.7,
            ndcg_at: 30,
            trees: 1000,
            learning_rate: 0.04,
            leaves: 31,
            depth: 0,
            min_samples_leaf: 20,
            min_hessian: 1e-3,
            min_gain: 0.0,
            l1: 0.0,
            l2: 1.0,
            row_fraction: 0.9,
            feature_fraction: 1.0,
            node_feature_fraction: 1.0,
            bags: 1,
            bins: MOST_BINS,
            early_stopping: 50,
            early_stopping_metric: None,
            monotone: BTreeMap::new(),
            path_smoothing: 0.0,
            category_smoothing: 10.0,
            category_l2: 10.0,
            category_most: 32,
            one_against_rest: 4,
        }
    }
}

impl GradientBoostingParams {
    pub(crate) const fn asked(&self) -> Asked {
        Asked {
            loss: self.loss,
            quantile: self.quantile,
            huber_delta: self.huber_delta,
            tweedie_power: self.tweedie_power,
            poisson_max_step: self.poisson_max_step,
        }
    }
}

/// Gradient boosting on histograms, for regressions, classifications and rankings, with missing values and categories
/// as they come.
#[derive(Clone, Copy, Debug)]
pub struct GradientBoosting;

/// A fitted gradient booster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GradientBoostingModel {
    /// The loss it was fitted with.
    pub loss: Loss,
    /// Number of classes, 0 for a regression.
    pub classes: usize,
    /// Where the sums start: the mean, median or quantile of the target, its mean's logarithm, the log-odds, or a
    /// log-probability a class.
    pub base: Vec<f64>,
    /// The trees, iteration by iteration, within one a class where there are several outputs.
    pub trees: Vec<Tree>,
    /// Iterations kept; of averaged boosters, those of all.
    pub iterations: usize,
    /// Total gain of the splits on each feature: how much they lowered the sum of the training rows' losses, twice.
    pub gains: Vec<f64>,
    /// How the losses went, for all iterations done, those after the best included.
    pub history: History,
    #[serde(skip)]
    walk: OnceLock<Walk>,
}

/// Mean losses after each iteration, as [`Loss`] says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// On the training rows.
    pub train: Vec<f64>,
    /// On the validation rows, or `early_stopping_metric` there, turned so that lower is better; empty without them.
    pub validation: Vec<f64>,
}

impl GradientBoostingModel {
    /// A model of trees that were fitted elsewhere.
    pub(crate) fn new(
        loss: Loss,
        classes: usize,
        base: Vec<f64>,
        trees: Vec<Tree>,
        gains: Vec<f64>,
        history: History,
    ) -> Self {
        let iterations = trees.len() / base.len().max(1);
        Self { loss, classes, base, trees, iterations, gains, history, walk: OnceLock::new() }
    }

    /// The same with other trees, whose sums start at `base`; `gains` and `history` stay those of the fit.
    #[must_use]
    pub fn with_trees(&self, base: Vec<f64>, trees: Vec<Tree>) -> Self {
        Self::new(self.loss, self.classes, base, trees, self.gains.clone(), self.history.clone())
    }

    /// Total gain of the splits on each feature, in the order of the features of the fit.
    #[must_use]
    pub fn importance(&self) -> Vec<f64> {
        self.gains.clone()
    }

    /// The sums of the trees, row by row, one an output: a value, log-odds, or a score a class.
    #[must_use]
    pub fn scores(&self, x: &Matrix) -> Vec<f64> {
        self.sums(Columns { features: &x.slices(), rows: x.rows })
    }

    fn sums(&self, x: Columns<'_>) -> Vec<f64> {
        self.walk.get_or_init(|| Walk::new(&self.trees, 1, &self.base)).sums(x)
    }
}

impl Fitted for GradientBoostingModel {
    fn predict_columns(&self, x: Columns<'_>) -> Prediction {
        prediction(self.loss, self.base.len(), self.sums(x))
    }
}

/// What the scores of all rows, `outputs` a row, say under `loss`.
pub(crate) fn prediction(loss: Loss, outputs: usize, scores: Vec<f64>) -> Prediction {
    match loss {
        Loss::LogLoss => {
            let values = scores.iter().flat_map(|&score| [sigmoid(-score), sigmoid(score)]).collect();
            Prediction::Probabilities { classes: 2, values }
        }
        Loss::Softmax => {
            let mut values = scores;
            for row in values.chunks_exact_mut(outputs.max(1)) {
                to_probabilities(row);
            }
            Prediction::Probabilities { classes: outputs, values }
        }
        _ if loss.has_log_link() => Prediction::Values(scores.into_iter().map(exp).collect()),
        _ => Prediction::Values(scores),
    }
}

/// Turns the scores of one row into probabilities.
fn to_probabilities(row: &mut [f64]) {
    let most = row.iter().fold(f64::NEG_INFINITY, |most, &score| most.max(score));
    let mut sum = 0.0;
    for score in row.iter_mut() {
        *score = exp(*score - most);
        sum += *score;
    }
    for score in row {
        *score /= sum;
    }
}

impl Estimator for GradientBoosting {
    const NAME: &'static str = "gradient-boosting";
    type Params = GradientBoostingParams;
    type Model = GradientBoostingModel;

    fn check(params: &Self::Params) -> Vec<LearnError> {
        let p = params;
        let mut ranges = super::ranges::Ranges::default();
        ranges.between("quantile", p.quantile, 0.0, 1.0);
        ranges.between("huber_delta", p.huber_delta, 0.0, 1e15);
        ranges.between("tweedie_power", p.tweedie_power, 1.0, 2.0);
        ranges.at_least_zero("poisson_max_step", p.poisson_max_step);
        ranges.whole("ndcg_at", p.ndcg_at, 1, usize::MAX);
        ranges.whole("trees", p.trees, 1, 100_000);
        ranges.share("learning_rate", p.learning_rate);
        ranges.whole("leaves", p.leaves, 2, 65_536);
        ranges.whole("depth", p.depth, 0, usize::MAX);
        ranges.whole("min_samples_leaf", p.min_samples_leaf, 1, usize::MAX);
        ranges.at_least_zero("min_hessian", p.min_hessian);
        ranges.at_least_zero("min_gain", p.min_gain);
        ranges.at_least_zero("l1", p.l1);
        ranges.at_least_zero("l2", p.l2);
        ranges.share("row_fraction", p.row_fraction);
        ranges.share("feature_fraction", p.feature_fraction);
        ranges.share("node_feature_fraction", p.node_feature_fraction);
        ranges.whole("bags", p.bags, 1, 1000);
        ranges.whole("bins", p.bins, 2, MOST_BINS);
        ranges.at_least_zero("path_smoothing", p.path_smoothing);
        ranges.at_least_zero("category_smoothing", p.category_smoothing);
        ranges.at_least_zero("category_l2", p.category_l2);
        ranges.whole("category_most", p.category_most, 1, MOST_BINS);
        ranges.whole("one_against_rest", p.one_against_rest, 0, MOST_BINS);
        if let Some(name) = &p.early_stopping_metric {
            let fits = match p.loss {
                Some(loss) => metric_for(name, loss).map(|_| ()),
                None => crate::metrics::check(name, None).map(|_| ()),
            };
            ranges
                .problems
                .extend(fits.err().map(|error| LearnError { field: Some("early_stopping_metric"), ..error }));
        }
        ranges.problems
    }

    /// Fits on `train`. Without `validation` nothing is held out and all `trees` are grown, whatever `early_stopping`
    /// says. When `context.on_iteration` breaks, the best iteration so far is kept where early stopping watches, else
    /// all so far. With several `bags` the history is that of the first.
    fn fit(
        params: &Self::Params,
        train: &Sample<'_>,
        validation: Option<&Sample<'_>>,
        context: &FitContext<'_>,
    ) -> Result<Self::Model, LearnError> {
        Self::refuse(params)?;
        bagged::fit(params, train, validation, context)
    }
}

impl GradientBoosting {
    /// As [`Estimator::fit`], going on from where `resume` says and handing out checkpoints as it says.
    ///
    /// # Errors
    /// As [`Estimator::fit`], and `resume-differs` where the origin is of other features, another loss or another fit.
    pub fn fit_from(
        params: &GradientBoostingParams,
        train: &Sample<'_>,
        validation: Option<&Sample<'_>>,
        context: &FitContext<'_>,
        resume: &Resume<'_>,
    ) -> Result<GradientBoostingModel, LearnError> {
        Self::refuse(params)?;
        boost(params, train, validation, context, resume)
    }
}
