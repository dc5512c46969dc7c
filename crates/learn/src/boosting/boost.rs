//! The boosting loop: gradients, a tree an output, scores, losses, and when to stop.

use rayon::prelude::*;

use super::bins::{Layout, lay_out};
use super::gradient_boosting::{GradientBoostingModel, GradientBoostingParams, History};
use super::grow::{Limits, Rooms, Task, grow};
use super::grown::GrownTree;
use super::histogram::{NarrowCell, Scale, Spread, WideCell};
use super::loss::{Loss, Start};
use super::sampling::{Purpose, choose, share, stream};
use super::shard::{Shard, in_chunk_order, share_out};
use super::target;
use super::tree::Tree;
use crate::estimator::{FitContext, LearnError, Sample};
use crate::matrix::Matrix;

/// A worker needs this many values (rows times features) to be worth its keep.
const VALUES_A_WORKER: usize = 150_000;

/// Fits a booster; the parameters are in their ranges.
pub(crate) fn boost(
    params: &GradientBoostingParams,
    train: &Sample<'_>,
    validation: Option<&Sample<'_>>,
    context: &FitContext<'_>,
) -> Result<GradientBoostingModel, LearnError> {
    let checked = target::check(train)?;
    let watched = match validation.filter(|sample| sample.x.rows > 0) {
        Some(sample) => {
            target::check_features(sample.x, train.x)?;
            let sample = Sample { classes: train.classes, ..*sample };
            Some((sample, target::check(&sample)?))
        }
        None => None,
    };
    let start = Start::of(train, checked.weight)?;
    let workers = workers(context, train.x, rayon::current_num_threads());
    let fit = || {
        let layout = lay_out(train.x, params.bins, workers > 1);
        let shards = share_out(train, &layout, &start, workers, true);
        let watch = watched.map(|(sample, found)| Watch {
            shards: share_out(&sample, &layout, &start, workers, false),
            weight: found.weight,
        });
        Fit {
            params,
            start: &start,
            layout: &layout,
            shards,
            watch,
            weight: checked.weight,
            all_one: start.loss == Loss::Squared && checked.unweighted,
            limits: limits(params),
            narrow: Rooms::new(workers),
            wide: Rooms::new(workers),
            seed: context.seed,
            features: train.x.features.len(),
        }
        .run(train.classes, context)
    };
    // inside the pool a phase costs microseconds to share out; from outside each would wait for the pool to wake
    Ok(if workers > 1 { rayon::scope(|_| fit()) } else { fit() })
}

/// How many workers share the rows of `x` out in a pool of `pool` threads; the result of a fit does not depend on it.
pub(crate) fn workers(context: &FitContext<'_>, x: &Matrix, pool: usize) -> usize {
    context.threads.min(pool).min(x.rows * x.features.len() / VALUES_A_WORKER).max(1)
}

fn limits(params: &GradientBoostingParams) -> Limits {
    Limits {
        leaves: params.leaves,
        depth: if params.depth == 0 { usize::MAX } else { params.depth },
        min_rows: params.min_samples_leaf,
        min_hessian: params.min_hessian,
        l1: params.l1,
        l2: params.l2,
        min_gain: params.min_gain,
        node_columns: params.node_feature_fraction,
        category_smoothing: params.category_smoothing,
        category_l2: params.category_l2,
        category_most: params.category_most,
        one_against_rest: params.one_against_rest,
        min_level_rows: params.category_smoothing as usize,
    }
}

/// Validation rows.
struct Watch {
    shards: Vec<Shard>,
    weight: f64,
}

struct Fit<'a> {
    params: &'a GradientBoostingParams,
    start: &'a Start,
    layout: &'a Layout,
    shards: Vec<Shard>,
    watch: Option<Watch>,
    weight: f64,
    all_one: bool,
    limits: Limits,
    narrow: Rooms<NarrowCell>,
    wide: Rooms<WideCell>,
    seed: u64,
    features: usize,
}

impl Fit<'_> {
    fn run(mut self, classes: usize, context: &FitContext<'_>) -> GradientBoostingModel {
        // penalties are on the target's scale, scores in the start's unit
        self.limits.l1 /= self.start.unit;
        self.limits.min_gain /= self.start.unit * self.start.unit;
        let mut history = History::default();
        let mut grown: Vec<Vec<GrownTree>> = Vec::new();
        let (mut best, mut best_loss) = (0, f64::INFINITY);
        let stops_early = self.watch.is_some() && self.params.early_stopping > 0;
        for iteration in 0..self.params.trees {
            let (loss, spreads) = self.differentiate();
            if iteration > 0 {
                history.train.push(loss);
            }
            if !loss.is_finite() {
                break;
            }
            let trees = self.iterate(iteration, &spreads);
            let samples = self.params.row_fraction < 1.0
                || self.params.feature_fraction < 1.0
                || self.params.node_feature_fraction < 1.0;
            if !samples && trees.iter().all(|tree| tree.nodes.is_empty()) {
                break;
            }
            let watched = self.watch(&trees);
            grown.push(trees);
            if let Some(loss) = watched {
                history.validation.push(loss);
                if loss < best_loss {
                    (best, best_loss) = (grown.len(), loss);
                }
            }
            let stop = (context.on_iteration)(grown.len(), self.params.trees, watched).is_break();
            if stop || stops_early && grown.len() >= best + self.params.early_stopping {
                break;
            }
        }
        if history.train.len() < grown.len() {
            history.train.push(self.train_loss());
        }
        if stops_early {
            grown.truncate(best.max(1));
        }
        self.model(classes, &grown, history)
    }

    fn differentiate(&mut self) -> (f64, Vec<Spread>) {
        let start = self.start;
        let found = on_each(&mut self.shards, |shard| shard.differentiate(start));
        let nothing = (0.0, vec![Spread::default(); start.base.len()]);
        let (sum, spreads) = in_chunk_order(&found, nothing, |(sum, mut all), (loss, spreads)| {
            for (all, one) in all.iter_mut().zip(spreads) {
                all.gradient = (all.gradient.0.max(one.gradient.0), all.gradient.1 + one.gradient.1);
                all.hessian = (all.hessian.0.max(one.hessian.0), all.hessian.1 + one.hessian.1);
                all.rows += one.rows;
            }
            (sum + loss, all)
        });
        (start.mean(sum, self.weight), spreads)
    }

    /// Grows the trees of one iteration, one an output.
    fn iterate(&mut self, iteration: usize, spreads: &[Spread]) -> Vec<GrownTree> {
        let (fraction, seed) = (self.params.row_fraction, self.seed);
        on_each(&mut self.shards, |shard| shard.sample(fraction, seed, iteration));
        let all: Vec<usize> = (0..self.layout.columns.len()).collect();
        let mut trees = Vec::with_capacity(spreads.len());
        for (output, spread) in spreads.iter().enumerate() {
            let mut rng = stream(seed, Purpose::Columns(iteration * spreads.len() + output));
            let columns = choose(&all, share(all.len(), self.params.feature_fraction), &mut rng);
            let task = Task {
                layout: self.layout,
                limits: &self.limits,
                scale: Scale::of(spread, self.all_one),
                columns: &columns,
                output,
                rate: self.params.learning_rate,
            };
            trees.push(if task.scale.wide {
                grow(&task, &mut self.shards, &mut self.wide, &mut rng)
            } else {
                grow(&task, &mut self.shards, &mut self.narrow, &mut rng)
            });
        }
        trees
    }

    /// Adds the trees to the validation rows' scores; their loss.
    fn watch(&mut self, trees: &[GrownTree]) -> Option<f64> {
        let start = self.start;
        let watch = self.watch.as_mut()?;
        let found = on_each(&mut watch.shards, |shard| {
            for (output, tree) in trees.iter().enumerate() {
                shard.add_to_all(output, tree);
            }
            shard.losses(start)
        });
        Some(start.mean(in_chunk_order(&found, 0.0, |sum, loss| sum + loss), watch.weight))
    }

    fn train_loss(&mut self) -> f64 {
        let start = self.start;
        let found = on_each(&mut self.shards, |shard| shard.losses(start));
        start.mean(in_chunk_order(&found, 0.0, |sum, loss| sum + loss), self.weight)
    }

    fn model(&self, classes: usize, grown: &[Vec<GrownTree>], history: History) -> GradientBoostingModel {
        let unit = self.start.unit;
        let mut gains = vec![0.0; self.features];
        for node in grown.iter().flatten().flat_map(|tree| &tree.nodes) {
            gains[self.layout.columns[node.column].feature] += node.gain * unit * unit;
        }
        let trees = grown.iter().flatten().map(|tree| Tree::of_grown(tree, self.layout, unit)).collect();
        GradientBoostingModel::new(self.start.loss, classes, self.start.base.clone(), trees, gains, history)
    }
}

/// Runs `work` on each shard, in parallel where there are several.
fn on_each<T: Send>(shards: &mut [Shard], work: impl Fn(&mut Shard) -> T + Send + Sync) -> Vec<T> {
    if shards.len() > 1 { shards.par_iter_mut().map(work).collect() } else { shards.iter_mut().map(work).collect() }
}
