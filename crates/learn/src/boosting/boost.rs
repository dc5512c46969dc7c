//! The boosting loop: gradients, a tree an output, scores, losses, and when to stop.

use rayon::prelude::*;

use super::bins::{Layout, lay_out};
use super::gradient_boosting::{GradientBoostingModel, GradientBoostingParams};
use super::grow::{Limits, Rooms, Task, grow};
use super::grown::GrownTree;
use super::histogram::{NarrowCell, Scale, Spread, WideCell};
use super::loss::Loss;
use super::monotone::signs;
use super::progress::Progress;
use super::ranking::Queries;
use super::resume::{Resume, restore};
use super::sampling::{Purpose, choose, share, stream};
use super::shard::{Shard, in_chunk_order, share_out};
use super::start::Start;
use super::target;
use super::watch::{Watch, gathered, metric_for};
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
    resume: &Resume<'_>,
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
    let start = match resume.from.model() {
        Some(GradientBoostingModel { base, .. }) if !base.is_empty() => {
            Start::after(train, checked.weight, &params.asked(), base)?
        }
        _ => Start::of(train, checked.weight, &params.asked())?,
    };
    resume.from.check(&start, train.classes, train.x)?;
    let loss = start.curve.loss;
    let metric = params.early_stopping_metric.as_ref().map(|name| metric_for(name, loss)).transpose()?;
    let queries = if loss == Loss::Rank { Some(Queries::new(train, params.ndcg_at)?) } else { None };
    let workers = workers(context, train.x, rayon::current_num_threads());
    let fit = || {
        let layout = lay_out(train.x, params.bins, workers > 1);
        let mut shards = share_out(train, &layout, &start, workers, true);
        let mut watch = match watched {
            Some((sample, found)) => {
                Some(Watch::new(sample, found.weight, metric, params.ndcg_at, (&layout, &start, workers))?)
            }
            None => None,
        };
        if let Some(model) = resume.from.model() {
            restore(model, &start, train.x, &mut shards);
            if let (Some(watch), Some((sample, _))) = (&mut watch, watched) {
                restore(model, &start, sample.x, &mut watch.shards);
            }
        }
        let signs = signs(&params.monotone, train.x, &layout, loss)?;
        Fit {
            params,
            start: &start,
            layout: &layout,
            shards,
            watch,
            queries,
            rows: train.x.rows,
            weight: checked.weight,
            all_one: start.is_flat() && checked.unweighted,
            limits: limits(params, signs),
            narrow: Rooms::new(workers),
            wide: Rooms::new(workers),
            seed: context.seed,
        }
        .run(Progress::from(resume.from, train.x.features.len()), train.classes, context, resume)
    };
    // inside the pool a phase costs microseconds to share out; from outside each would wait for the pool to wake
    if workers > 1 { rayon::scope(|_| fit()) } else { fit() }
}

/// How many workers share the rows of `x` out in a pool of `pool` threads; the result of a fit does not depend on it.
pub(crate) fn workers(context: &FitContext<'_>, x: &Matrix, pool: usize) -> usize {
    context.threads.min(pool).min(x.rows * x.features.len() / VALUES_A_WORKER).max(1)
}

fn limits(params: &GradientBoostingParams, signs: Vec<f64>) -> Limits {
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
        path_smoothing: params.path_smoothing,
        signs,
    }
}

struct Fit<'a> {
    params: &'a GradientBoostingParams,
    start: &'a Start,
    layout: &'a Layout,
    shards: Vec<Shard>,
    watch: Option<Watch<'a>>,
    queries: Option<Queries>,
    rows: usize,
    weight: f64,
    all_one: bool,
    limits: Limits,
    narrow: Rooms<NarrowCell>,
    wide: Rooms<WideCell>,
    seed: u64,
}

impl Fit<'_> {
    fn run(
        mut self,
        mut progress: Progress<'_>,
        classes: usize,
        context: &FitContext<'_>,
        resume: &Resume<'_>,
    ) -> Result<GradientBoostingModel, LearnError> {
        // penalties are on the target's scale, gradients in the start's unit
        let unit = self.start.gradient_unit();
        self.limits.l1 /= unit;
        self.limits.min_gain /= unit * unit;
        let stops_early = self.watch.is_some() && self.params.early_stopping > 0;
        let most = self.params.trees + progress.told_from();
        while progress.done() < most && !(stops_early && progress.is_stale(self.params.early_stopping)) {
            let iteration = progress.done();
            let (loss, spreads) = self.differentiate();
            progress.hear_train(loss);
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
            let watched = self.watch.as_mut().map(|watch| watch.look(&trees, self.start)).transpose()?;
            progress.push(&trees, self.layout, self.start, watched);
            let done = progress.done();
            if (resume.due)(done) {
                (resume.keep)(&progress.checkpoint(self.start, classes));
            }
            let told = done - progress.told_from();
            if (context.on_iteration)(told, self.params.trees, watched).is_break() {
                break;
            }
        }
        if progress.misses_train() {
            let loss = self.train_loss();
            progress.hear_train(loss);
        }
        Ok(progress.into_model(self.start, classes, stops_early))
    }

    fn differentiate(&mut self) -> (f64, Vec<Spread>) {
        let start = self.start;
        let (loss, found) = match &self.queries {
            Some(queries) => {
                let parallel = self.shards.len() > 1;
                let scores = gathered(&self.shards, 0, self.rows);
                let (gradients, hessians) = queries.gradients(&scores, parallel);
                let found = on_each(&mut self.shards, |shard| shard.take_gradients(&gradients, &hessians));
                (Some(queries.loss(&scores, parallel)), found)
            }
            None => (None, on_each(&mut self.shards, |shard| shard.differentiate(start))),
        };
        let nothing = (0.0, vec![Spread::default(); start.base.len()]);
        let (sum, spreads) = in_chunk_order(&found, nothing, |(sum, mut all), (loss, spreads)| {
            for (all, one) in all.iter_mut().zip(spreads) {
                all.gradient = (all.gradient.0.max(one.gradient.0), all.gradient.1 + one.gradient.1);
                all.hessian = (all.hessian.0.max(one.hessian.0), all.hessian.1 + one.hessian.1);
                all.rows += one.rows;
            }
            (sum + loss, all)
        });
        (loss.unwrap_or_else(|| start.mean(sum, self.weight)), spreads)
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
                renewed: self.start.renewed(),
            };
            trees.push(if task.scale.wide {
                grow(&task, &mut self.shards, &mut self.wide, &mut rng)
            } else {
                grow(&task, &mut self.shards, &mut self.narrow, &mut rng)
            });
        }
        trees
    }

    fn train_loss(&mut self) -> f64 {
        let start = self.start;
        if let Some(queries) = &self.queries {
            return queries.loss(&gathered(&self.shards, 0, self.rows), self.shards.len() > 1);
        }
        let found = on_each(&mut self.shards, |shard| shard.losses(start));
        start.mean(in_chunk_order(&found, 0.0, |sum, loss| sum + loss), self.weight)
    }
}

/// Runs `work` on each shard, in parallel where there are several.
pub(crate) fn on_each<T: Send>(shards: &mut [Shard], work: impl Fn(&mut Shard) -> T + Send + Sync) -> Vec<T> {
    if shards.len() > 1 { shards.par_iter_mut().map(work).collect() } else { shards.iter_mut().map(work).collect() }
}
