//! The forms a metric can take; each has its own kind of interval.

use super::{scored::View, statistic::Statistic};

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
    /// The mean of one number a query (or cluster, or any unit of several rows), which are independent of each other.
    Units {
        /// One number a unit.
        values: Vec<f64>,
        /// What the units are, for the method's name.
        of: &'static str,
    },
    /// The median of one number a row: its interval needs no resampling where rows are alike and independent.
    Median {
        /// One number a row.
        rows: Vec<f64>,
    },
    /// A number that has no interval.
    Bare {
        /// The metric.
        value: f64,
    },
    /// Anything that can be computed again with other weights.
    Resampled(Statistic),
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

impl Estimate {
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
            Self::Influence { value, .. } | Self::Bare { value } => *value,
            Self::Units { values, .. } => values.iter().sum::<f64>() / values.len() as f64,
            Self::Median { rows } => Statistic::median(rows).of_rows(view),
            Self::Resampled(statistic) => statistic.of_rows(view),
        }
    }

    /// What can be computed again with other weights, where there is no better way to an interval.
    pub(super) fn into_statistic(self, view: &View<'_>) -> Result<Statistic, Self> {
        match self {
            Self::Resampled(statistic) => Ok(statistic),
            Self::Median { rows } if view.groups.is_some() || view.weights.is_some() => Ok(Statistic::median(&rows)),
            other => Err(other),
        }
    }

    /// The estimate as a statistic whatever its form, so that two can be resampled together; none where it has no rows.
    pub(super) fn resampled(self) -> Option<Statistic> {
        Some(match self {
            Self::Resampled(statistic) => statistic,
            Self::Median { rows } => Statistic::median(&rows),
            Self::Mean { rows, link } => Statistic::sums(1, rows, move |sums| {
                let mean = sums[1] / sums[0];
                if link == Link::Root { mean.max(0.0).sqrt() } else { mean }
            }),
            Self::Proportion { rows } => {
                let kind = rows.iter().map(|hit| hit.map_or(2, u32::from)).collect();
                Statistic::counts(3, kind, |counts| {
                    let total = counts[0] + counts[1];
                    if total > 0.0 { counts[1] / total } else { 0.0 }
                })
            }
            Self::Influence { .. } | Self::Units { .. } | Self::Bare { .. } => return None,
        })
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
