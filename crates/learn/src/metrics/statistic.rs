//! Statistics that can be computed again with other weights, in three forms that resampling makes cheap in its own way.

use super::{
    scored::View,
    weights::{Weights, Whole},
};

/// From sums to a metric; NaN where it is undefined.
type OfSums = Box<dyn Fn(&[f64]) -> f64 + Send + Sync>;
/// From weights, in the statistic's own order, to a metric; NaN where it is undefined.
type OfWeights = Box<dyn Fn(&mut dyn Weights) -> f64 + Send + Sync>;

/// A statistic as a function of one weight a row.
pub(super) enum Statistic {
    /// A function of the weight of each kind of row.
    Counts {
        /// How many kinds there are.
        kinds: usize,
        /// The kind of each row.
        kind: Vec<u32>,
        /// From the weight of each kind to the metric.
        of: OfSums,
    },
    /// A function of weighted sums of `width` numbers a row, within each kind of row.
    Sums {
        /// How many kinds there are.
        kinds: usize,
        /// The kind of each row; all of kind 0 where absent.
        kind: Option<Vec<u32>>,
        /// Numbers a row.
        width: usize,
        /// The numbers, row by row.
        rows: Vec<f64>,
        /// From `kinds` runs of the weight followed by the `width` sums.
        of: OfSums,
    },
    /// Anything that takes the weights in an order of its own.
    Ordered {
        /// The rows in that order.
        order: Vec<u32>,
        /// From the weights in that order to the metric.
        of: OfWeights,
    },
}

impl Statistic {
    pub(super) fn counts(kinds: usize, kind: Vec<u32>, of: impl Fn(&[f64]) -> f64 + Send + Sync + 'static) -> Self {
        Self::Counts { kinds, kind, of: Box::new(of) }
    }

    pub(super) fn sums(width: usize, rows: Vec<f64>, of: impl Fn(&[f64]) -> f64 + Send + Sync + 'static) -> Self {
        Self::Sums { kinds: 1, kind: None, width, rows, of: Box::new(of) }
    }

    pub(super) fn ordered(order: Vec<u32>, of: impl Fn(&mut dyn Weights) -> f64 + Send + Sync + 'static) -> Self {
        Self::Ordered { order, of: Box::new(of) }
    }

    /// The weighted median, the mean of the two middle ones where the weights split evenly.
    pub(super) fn median(rows: &[f64]) -> Self {
        let mut sorted: Vec<(f64, u32)> = rows.iter().copied().zip(0..).collect();
        sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let (values, order): (Vec<f64>, Vec<u32>) = sorted.into_iter().unzip();
        Self::ordered(order, move |weights| {
            let weights = weights.all();
            let half = weights.iter().sum::<f64>() / 2.0;
            let mut below = 0.0;
            let mut even = None;
            for (&value, &weight) in values.iter().zip(&weights).filter(|(_, weight)| **weight > 0.0) {
                if let Some(first) = even {
                    return (first + value) / 2.0;
                }
                below += weight;
                if below > half * (1.0 + 1e-12) {
                    return value;
                }
                if below >= half * (1.0 - 1e-12) {
                    even = Some(value);
                }
            }
            even.unwrap_or(f64::NAN)
        })
    }

    /// How many sums it is a function of; none where it takes the weights themselves.
    pub(super) fn length(&self) -> Option<usize> {
        match self {
            Self::Counts { kinds, .. } => Some(*kinds),
            Self::Sums { kinds, width, .. } => Some(kinds * (width + 1)),
            Self::Ordered { .. } => None,
        }
    }

    /// Adds `weight` times the numbers of `row` to `sums`, which are as many as [`Statistic::length`] says.
    pub(super) fn add(&self, row: usize, weight: f64, sums: &mut [f64]) {
        match self {
            Self::Counts { kind, .. } => sums[kind[row] as usize] += weight,
            Self::Sums { kind, width, rows, .. } => {
                let from = kind.as_ref().map_or(0, |kind| kind[row] as usize) * (width + 1);
                sums[from] += weight;
                let values = &rows[row * width..(row + 1) * width];
                sums[from + 1..=from + width].iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
            }
            Self::Ordered { .. } => {}
        }
    }

    /// The kind of a row; 0 where there are no kinds.
    pub(super) fn kind(&self, row: usize) -> usize {
        match self {
            Self::Counts { kind, .. } | Self::Sums { kind: Some(kind), .. } => kind[row] as usize,
            _ => 0,
        }
    }

    /// Number `column` of a row within its kind's sums: 1, then the `width` numbers.
    pub(super) fn number(&self, row: usize, column: usize) -> f64 {
        match self {
            Self::Sums { width, rows, .. } if column > 0 => rows[row * width + column - 1],
            _ => 1.0,
        }
    }

    /// The metric of these sums; NaN for a statistic that is no function of sums.
    pub(super) fn of_sums(&self, sums: &[f64]) -> f64 {
        match self {
            Self::Counts { of, .. } | Self::Sums { of, .. } => of(sums),
            Self::Ordered { .. } => f64::NAN,
        }
    }

    /// The metric with one weight a row, in the rows' order.
    pub(super) fn of_weights(&self, weights: &[f64]) -> f64 {
        match self {
            Self::Ordered { order, of } => {
                let ordered: Vec<f64> = order.iter().map(|&row| weights[row as usize]).collect();
                of(&mut Whole::new(ordered))
            }
            _ => {
                let mut sums = vec![0.0; self.length().unwrap_or(0)];
                weights.iter().enumerate().for_each(|(row, &weight)| self.add(row, weight, &mut sums));
                self.of_sums(&sums)
            }
        }
    }

    /// The metric with weights that come in the statistic's own order.
    pub(super) fn of_stream(&self, weights: &mut dyn Weights) -> f64 {
        match self {
            Self::Ordered { of, .. } => of(weights),
            _ => self.of_weights(&weights.all()),
        }
    }

    /// The metric of the rows as they are.
    pub(super) fn of_rows(&self, view: &View<'_>) -> f64 {
        let weights: Vec<f64> = (0..view.rows()).map(|row| view.weight(row)).collect();
        self.of_weights(&weights)
    }

    /// The row whose weight comes at `place`.
    pub(super) fn row(&self, place: usize) -> usize {
        match self {
            Self::Ordered { order, .. } => order[place] as usize,
            _ => place,
        }
    }
}
