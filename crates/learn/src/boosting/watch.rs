//! Watching the validation rows: their scores, and the loss or metric that decides early stopping.

use trainyard_core::evaluation::Task;

use super::bins::Layout;
use super::boost::on_each;
use super::gradient_boosting::prediction;
use super::grown::GrownTree;
use super::loss::Loss;
use super::ranking::Queries;
use super::shard::{Shard, in_chunk_order, share_out};
use super::start::Start;
use crate::estimator::{LearnError, Sample};
use crate::metrics::{self, Metric, Scored};

/// The metric of that name, where it fits what the loss predicts.
///
/// # Errors
/// `unknown-metric`, `metric-does-not-fit`.
pub(crate) fn metric_for(name: &str, loss: Loss) -> Result<&'static Metric, LearnError> {
    metrics::check(name, Some(task_of(loss)))
        .map_err(|error| LearnError { field: Some("early_stopping_metric"), ..error })
}

const fn task_of(loss: Loss) -> Task {
    match loss {
        Loss::LogLoss => Task::Binary,
        Loss::Softmax => Task::Multiclass,
        Loss::Rank => Task::Ranking,
        _ => Task::Regression,
    }
}

/// Validation rows.
pub(crate) struct Watch<'a> {
    sample: Sample<'a>,
    /// Their rows, shared out.
    pub(crate) shards: Vec<Shard>,
    weight: f64,
    metric: Option<&'static Metric>,
    queries: Option<Queries>,
}

impl<'a> Watch<'a> {
    /// Shares the rows of a checked sample of weight `weight` out.
    ///
    /// # Errors
    /// What [`Queries::new`] tells.
    pub(crate) fn new(
        sample: Sample<'a>,
        weight: f64,
        metric: Option<&'static Metric>,
        ndcg_at: usize,
        (layout, start, workers): (&Layout, &Start, usize),
    ) -> Result<Self, LearnError> {
        let queries = if start.curve.loss == Loss::Rank { Some(Queries::new(&sample, ndcg_at)?) } else { None };
        let shards = share_out(&sample, layout, start, workers, false);
        Ok(Self { sample, shards, weight, metric, queries })
    }

    /// Adds the trees of an iteration to the scores; the loss then, or the metric turned so that lower is better.
    ///
    /// # Errors
    /// Where the metric is undefined for these rows.
    pub(crate) fn look(&mut self, trees: &[GrownTree], start: &Start) -> Result<f64, LearnError> {
        on_each(&mut self.shards, |shard| {
            for (output, tree) in trees.iter().enumerate() {
                shard.add_to_all(output, tree);
            }
        });
        let Some(metric) = self.metric else {
            if let Some(queries) = &self.queries {
                return Ok(queries.loss(&gathered(&self.shards, 0, self.sample.x.rows), self.shards.len() > 1));
            }
            let found = on_each(&mut self.shards, |shard| shard.losses(start));
            return Ok(start.mean(in_chunk_order(&found, 0.0, |sum, loss| sum + loss), self.weight));
        };
        let (rows, outputs) = (self.sample.x.rows, start.base.len());
        let mut sums = vec![0.0; rows * outputs];
        for k in 0..outputs {
            for (sums, score) in sums.chunks_exact_mut(outputs).zip(gathered(&self.shards, k, rows)) {
                sums[k] = start.sum(k, score);
            }
        }
        let prediction = prediction(start.curve.loss, outputs, sums);
        let scored = Scored {
            truth: self.sample.y,
            prediction: &prediction,
            weights: self.sample.weights,
            groups: self.sample.groups.filter(|_| start.curve.loss == Loss::Rank),
        };
        let value = metrics::value(metric.name, task_of(start.curve.loss), &scored)
            .map_err(|error| LearnError { field: Some("early_stopping_metric"), ..error })?;
        Ok(metric.direction.loss(value))
    }
}

/// The scores of output `k`, in the order of the rows.
pub(crate) fn gathered(shards: &[Shard], k: usize, rows: usize) -> Vec<f32> {
    let mut all = vec![0.0; rows];
    for shard in shards {
        shard.hand_out_scores(k, &mut all);
    }
    all
}
