//! What a fit has made so far: its trees, what they gain, its losses and which iteration was best.

use super::bins::Layout;
use super::gradient_boosting::{GradientBoostingModel, History};
use super::grown::GrownTree;
use super::resume::{Checkpoint, Origin};
use super::start::Start;
use super::tree::Tree;

/// The trees so far and how they did.
pub(crate) struct Progress<'a> {
    /// A model of another fit, that comes first; its trees are never taken back.
    before: Option<&'a GradientBoostingModel>,
    /// Trees of this fit, iteration by iteration, within one output by output.
    trees: Vec<Tree>,
    /// What each of their nodes gains.
    node_gains: Vec<Vec<f64>>,
    /// Iterations of this fit.
    iterations: usize,
    history: History,
    best: usize,
    best_loss: f64,
    features: usize,
}

impl<'a> Progress<'a> {
    /// Takes up what `origin` has of this fit, on a matrix of so many features.
    pub(crate) fn from(origin: Origin<'a>, features: usize) -> Self {
        let mut progress = Self {
            before: None,
            trees: Vec::new(),
            node_gains: Vec::new(),
            iterations: 0,
            history: History::default(),
            best: 0,
            best_loss: f64::INFINITY,
            features,
        };
        match origin {
            Origin::Nothing => {}
            Origin::Model(model) => progress.before = Some(model),
            Origin::Checkpoint(Checkpoint { model, node_gains }) => {
                progress.trees.clone_from(&model.trees);
                progress.node_gains.clone_from(node_gains);
                progress.iterations = model.iterations;
                progress.history.train.clone_from(&model.history.train);
                // the loss after the last iteration is heard anew
                progress.history.train.truncate(model.iterations.saturating_sub(1));
                for &loss in &model.history.validation {
                    progress.hear_validation(loss);
                }
            }
        }
        progress
    }

    /// Iterations of the model before this fit, which it does not count.
    pub(crate) fn told_from(&self) -> usize {
        self.before.map_or(0, |model| model.iterations)
    }

    /// Iterations so far, those before this fit included.
    pub(crate) fn done(&self) -> usize {
        self.told_from() + self.iterations
    }

    /// Whether the best iteration is `patience` iterations ago.
    pub(crate) fn is_stale(&self, patience: usize) -> bool {
        self.history.validation.len() >= self.best + patience
    }

    /// Notes the loss on the training rows after all iterations so far, if there are any.
    pub(crate) fn hear_train(&mut self, loss: f64) {
        if self.iterations > 0 {
            self.history.train.push(loss);
        }
    }

    /// Whether the last iteration's training loss was not heard.
    pub(crate) fn misses_train(&self) -> bool {
        self.history.train.len() < self.iterations
    }

    fn hear_validation(&mut self, loss: f64) {
        self.history.validation.push(loss);
        if loss < self.best_loss {
            (self.best, self.best_loss) = (self.history.validation.len(), loss);
        }
    }

    /// Adds the trees of an iteration and the validation loss after it.
    pub(crate) fn push(&mut self, grown: &[GrownTree], layout: &Layout, start: &Start, validation: Option<f64>) {
        let unit = start.gradient_unit();
        for tree in grown {
            self.trees.push(Tree::of_grown(tree, layout, start.unit));
            self.node_gains.push(tree.nodes.iter().map(|node| node.gain * unit * unit).collect());
        }
        self.iterations += 1;
        if let Some(loss) = validation {
            self.hear_validation(loss);
        }
    }

    fn model(&self, start: &Start, classes: usize, trees: Vec<Tree>, history: History) -> GradientBoostingModel {
        let mut gains = self.before.map_or_else(|| vec![0.0; self.features], |model| model.gains.clone());
        for (tree, node_gains) in trees.iter().zip(&self.node_gains) {
            for (&feature, gain) in tree.features.iter().zip(node_gains) {
                gains[feature as usize] += gain;
            }
        }
        let mut all = self.before.map_or_else(Vec::new, |model| model.trees.clone());
        all.extend(trees);
        GradientBoostingModel::new(start.curve.loss, classes, start.base.clone(), all, gains, history)
    }

    /// All there is so far. After a model of another fit it is of that fit and this one together, and to go on from it
    /// is to go on from a model.
    pub(crate) fn checkpoint(&self, start: &Start, classes: usize) -> Checkpoint {
        let model = self.model(start, classes, self.trees.clone(), self.history.clone());
        Checkpoint { model, node_gains: self.node_gains.clone() }
    }

    /// The model; only of iterations up to the best where early stopping watched.
    pub(crate) fn into_model(mut self, start: &Start, classes: usize, up_to_best: bool) -> GradientBoostingModel {
        let mut trees = std::mem::take(&mut self.trees);
        if up_to_best {
            let least = usize::from(self.before.is_none());
            trees.truncate(self.best.max(least) * start.base.len());
        }
        let history = std::mem::take(&mut self.history);
        self.model(start, classes, trees, history)
    }
}
