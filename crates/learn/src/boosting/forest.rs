//! Random forest: deep trees, each on rows drawn with replacement and on a few random features at each node, averaged
//! (Breiman 2001), on the bins of the gradient booster. Extra trees are the same on all rows with random cuts (Geurts,
//! Ernst and Wehenkel 2006).

use std::sync::OnceLock;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bins::{MOST_BINS, lay_out};
use super::forest_tree::{ForestTask, grow_tree};
use super::sampling::share;
use super::target;
use super::tree::Tree;
use super::walk::Walk;
use crate::estimator::{Estimator, FitContext, Fitted, LearnError, Prediction, Sample};
use crate::matrix::Columns;

/// Trees grown between two reports; a fixed number, so that a stopped fit does not depend on the threads.
const BATCH: usize = 16;

/// How the trees of a forest come to differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ForestKind {
    /// Each tree draws rows with replacement and takes the best cut of each feature it looks at.
    #[default]
    RandomForest,
    /// Each tree takes all rows and one random cut of each feature it looks at: smoother and faster to fit.
    ExtraTrees,
}

/// Hyperparameters of the random forest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ForestParams {
    /// `random-forest` (by default): rows drawn with replacement, best cuts; `extra-trees`: all rows, random cuts.
    pub kind: ForestKind,
    /// Number of trees. From 1 to 100000, by default 200.
    pub trees: usize,
    /// Most splits between a tree's root and a leaf; 0 for no limit. By default 0.
    pub depth: usize,
    /// Least rows of a leaf. At least 1, by default 2.
    pub min_samples_leaf: usize,
    /// Share of the features each node may split on, drawn anew. Above 0 and at most 1; by default the square root of
    /// their number, rounded up, for a classification; for a regression a third of them, or all with `extra-trees`.
    pub node_feature_fraction: Option<f64>,
    /// Rows drawn for each tree, as a share of the rows. Above 0 and at most 1, by default 1.
    pub row_fraction: f64,
    /// Whether rows are drawn with replacement; by default with `random-forest`, not with `extra-trees`.
    pub bootstrap: Option<bool>,
    /// Most bins of a feature, the one for missing values not counted. From 2 to 254, by default 254.
    pub bins: usize,
}

impl Default for ForestParams {
    fn default() -> Self {
        Self {
            kind: ForestKind::RandomForest,
            trees: 200,
            depth: 0,
            min_samples_leaf: 2,
            node_feature_fraction: None,
            row_fraction: 1.0,
            bootstrap: None,
            bins: MOST_BINS,
        }
    }
}

/// Random forest, for regressions and classifications, with missing values and categories as they come.
#[derive(Clone, Copy, Debug)]
pub struct Forest;

/// A fitted random forest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ForestModel {
    /// Number of classes, 0 for a regression.
    pub classes: usize,
    /// What is added to the mean of the trees: the mean target of a regression, else 0.
    pub base: f64,
    /// The trees. A leaf holds the mean target less `base`, the share of class 1, or, from three classes on, a share a
    /// class.
    pub trees: Vec<Tree>,
    /// How much the splits on each feature lowered the weighted squared error (with two or more classes: half the Gini
    /// impurity), summed over nodes and averaged over trees.
    pub gains: Vec<f64>,
    #[serde(skip)]
    walk: OnceLock<Walk>,
}

impl ForestModel {
    /// The same with other trees; `gains` stay those of the fit.
    #[must_use]
    pub fn with_trees(&self, trees: Vec<Tree>) -> Self {
        Self { classes: self.classes, base: self.base, trees, gains: self.gains.clone(), walk: OnceLock::new() }
    }

    /// Total gain of the splits on each feature, in the order of the features of the fit.
    #[must_use]
    pub fn importance(&self) -> Vec<f64> {
        self.gains.clone()
    }
}

impl Fitted for ForestModel {
    fn predict_columns(&self, x: Columns<'_>) -> Prediction {
        let width = if self.classes > 2 { self.classes } else { 1 };
        let mut values = self.walk.get_or_init(|| Walk::new(&self.trees, width, &vec![0.0; width])).sums(x);
        let count = self.trees.len().max(1) as f64;
        for value in &mut values {
            *value = *value / count + self.base;
        }
        match self.classes {
            0 => Prediction::Values(values),
            2 => {
                let values = values.iter().flat_map(|&p| [1.0 - p, p]).collect();
                Prediction::Probabilities { classes: 2, values }
            }
            classes => Prediction::Probabilities { classes, values },
        }
    }
}

impl Estimator for Forest {
    const NAME: &'static str = "forest";
    type Params = ForestParams;
    type Model = ForestModel;

    fn check(params: &Self::Params) -> Vec<LearnError> {
        let mut ranges = super::ranges::Ranges::default();
        ranges.whole("trees", params.trees, 1, 100_000);
        ranges.whole("depth", params.depth, 0, usize::MAX);
        ranges.whole("min_samples_leaf", params.min_samples_leaf, 1, usize::MAX);
        if let Some(fraction) = params.node_feature_fraction {
            ranges.share("node_feature_fraction", fraction);
        }
        ranges.share("row_fraction", params.row_fraction);
        ranges.whole("bins", params.bins, 2, MOST_BINS);
        ranges.problems
    }

    /// Fits on `train`. A forest does not watch `validation`: more trees never overfit it. When `context.on_iteration`
    /// breaks, the trees reported so far are kept.
    fn fit(
        params: &Self::Params,
        train: &Sample<'_>,
        _validation: Option<&Sample<'_>>,
        context: &FitContext<'_>,
    ) -> Result<Self::Model, LearnError> {
        Self::refuse(params)?;
        target::check(train)?;
        if train.classes > 0 {
            target::class_weights(train)?;
        }
        let threads = context.threads.min(rayon::current_num_threads()).max(1);
        let layout = lay_out(train.x, params.bins, threads > 1);
        let rows = layout.encode(train.x, std::slice::from_ref(&(0..train.x.rows)), false, true);
        let count = layout.columns.len();
        let at_node = match params.node_feature_fraction {
            Some(fraction) => share(count, fraction),
            None if train.classes == 0 && params.kind == ForestKind::ExtraTrees => count,
            None if train.classes == 0 => count.div_ceil(3),
            None => (count as f64).sqrt().ceil() as usize,
        };
        let base = if train.classes == 0 { train.y.iter().map(|y| y / train.y.len() as f64).sum() } else { 0.0 };
        let y: Vec<f64> = train.y.iter().map(|y| y - base).collect();
        let task = ForestTask {
            sample: train,
            y: &y,
            layout: &layout,
            columns: &rows.columns,
            outputs: if train.classes > 2 { train.classes } else { 1 },
            draws: share(train.x.rows, params.row_fraction),
            bootstrap: params.bootstrap.unwrap_or(params.kind == ForestKind::RandomForest),
            random_cuts: params.kind == ForestKind::ExtraTrees,
            at_node,
            depth: if params.depth == 0 { usize::MAX } else { params.depth },
            min_rows: params.min_samples_leaf,
            seed: context.seed,
        };
        let mut trees = Vec::with_capacity(params.trees);
        let mut gains = vec![0.0; train.x.features.len()];
        'grow: for first in (0..params.trees).step_by(BATCH) {
            for (tree, found) in grow_batch(&task, first..(first + BATCH).min(params.trees), threads) {
                trees.push(tree);
                for (sum, gain) in gains.iter_mut().zip(found) {
                    *sum += gain;
                }
                if (context.on_iteration)(trees.len(), params.trees, None).is_break() {
                    break 'grow;
                }
            }
        }
        for gain in &mut gains {
            *gain /= trees.len() as f64;
        }
        Ok(ForestModel { classes: train.classes, base, trees, gains, walk: OnceLock::new() })
    }
}

fn grow_batch(task: &ForestTask<'_>, numbers: std::ops::Range<usize>, threads: usize) -> Vec<(Tree, Vec<f64>)> {
    if threads == 1 {
        return numbers.map(|number| grow_tree(task, number)).collect();
    }
    let share = numbers.len().div_ceil(threads);
    numbers.into_par_iter().with_min_len(share.clamp(1, BATCH / 4)).map(|number| grow_tree(task, number)).collect()
}
