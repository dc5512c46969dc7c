//! The four forms a metric can take; each has its own kind of interval.

use super::scored::View;

/// A metric as a statistic of rows.
pub(super) enum Estimate {
    /// A function of the weighted mean of one number a row.
    Mean {
        /// One number a row.
        rows: Vec<f64>,
        /// From the mean to the metric.
        link: Link,
    },
    /// The share of hits among the rows that count.
    Proportion {
        /// Which rows count, and whether each is a hit; a hit that does not count is no hit.
        rows: Vec<Option<bool>>,
    },
    /// A statistic whose sampling error is the sum of one part a row.
    Influence {
        /// The metric.
        value: f64,
        /// Each row's part of the error; the variance is the sum of their squares.
        parts: Vec<f64>,
    },
    /// Anything that can be computed again with other weights.
    Resampled(Resampled),
}

/// How a mean becomes a metric.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// As it is.
    Identity,
    /// As it is, and never below 0.
    NotNegative,
    /// Its square root.
    Root,
}

/// A statistic as a function of weights.
pub(super) struct Resampled {
    /// The rows in the order in which `evaluate` takes their weights; the rows' own order when absent.
    pub(super) order: Option<Vec<u32>>,
    /// The metric with these weights; NaN where it is undefined.
    pub(super) evaluate: Evaluate,
}

/// From weights to a metric.
pub(super) type Evaluate = Box<dyn Fn(&[f64]) -> f64 + Send + Sync>;

impl Resampled {
    pub(super) fn row(&self, place: usize) -> usize {
        self.order.as_ref().map_or(place, |order| order[place] as usize)
    }
}

impl Estimate {
    pub(super) fn resampled(&self) -> Option<&Resampled> {
        match self {
            Self::Resampled(resampled) => Some(resampled),
            _ => None,
        }
    }

    /// The metric.
    pub(super) fn value(&self, view: &View<'_>) -> f64 {
        match self {
            Self::Mean { rows, link } => {
                let mean = weighted_mean(rows, view);
                if *link == Link::Root { mean.sqrt() } else { mean }
            }
            Self::Proportion { rows } => {
                let mut sums = [0.0, 0.0];
                for (row, hit) in rows.iter().enumerate() {
                    if let Some(hit) = hit {
                        sums[usize::from(*hit)] += view.weight(row);
                    }
                }
                let total = sums[0] + sums[1];
                if total > 0.0 { sums[1] / total } else { 0.0 }
            }
            Self::Influence { value, .. } => *value,
            Self::Resampled(resampled) => {
                let weights: Vec<f64> = (0..view.rows()).map(|place| view.weight(resampled.row(place))).collect();
                (resampled.evaluate)(&weights)
            }
        }
    }
}

pub(super) fn weighted_mean(rows: &[f64], view: &View<'_>) -> f64 {
    match view.weights {
        None => rows.iter().sum::<f64>() / rows.len() as f64,
        Some(weights) => {
            let sum: f64 = rows.iter().zip(weights).map(|(value, weight)| value * weight).sum();
            sum / weights.iter().sum::<f64>()
        }
    }
}
