//! One Gaussian, by the Cholesky factor of its covariance.

use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};

use crate::{boosting::exponential::ln, rows::inner};

/// A Gaussian in some dimensions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gaussian {
    /// Its mean.
    pub mean: Vec<f64>,
    /// Its spread.
    pub spread: Spread,
    /// The logarithm of the density at the mean.
    pub peak: f64,
}

/// The square root of a covariance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spread {
    /// The lower Cholesky factor, row by row, each up to its diagonal.
    Full(Vec<f64>),
    /// The standard deviations.
    Diagonal(Vec<f64>),
}

impl Gaussian {
    /// From the lower triangle of a covariance, row by row. None where it is not positive definite.
    pub(super) fn full(mean: Vec<f64>, mut covariance: Vec<f64>) -> Option<Self> {
        let start = |row: usize| row * (row + 1) / 2;
        for row in 0..mean.len() {
            for column in 0..=row {
                let (above, own) = covariance.split_at(start(row));
                let done = if column < row { &above[start(column)..start(column) + column] } else { &own[..column] };
                let left = own[column] - inner(&own[..column], done);
                covariance[start(row) + column] = if column < row {
                    left / covariance[start(column) + column]
                } else if left > 0.0 && left.is_finite() {
                    left.sqrt()
                } else {
                    return None;
                };
            }
        }
        let logarithm: f64 = (0..mean.len()).map(|row| ln(covariance[start(row) + row])).sum();
        let peak = -0.5 * mean.len() as f64 * ln(TAU) - logarithm;
        Some(Self { mean, spread: Spread::Full(covariance), peak })
    }

    /// From variances. None where one is not above 0.
    pub(super) fn diagonal(mean: Vec<f64>, variances: &[f64]) -> Option<Self> {
        if !variances.iter().all(|&variance| variance > 0.0 && variance.is_finite()) {
            return None;
        }
        let logarithm: f64 = variances.iter().map(|&variance| 0.5 * ln(variance)).sum();
        let peak = -0.5 * mean.len() as f64 * ln(TAU) - logarithm;
        let deviations = variances.iter().map(|variance| variance.sqrt()).collect();
        Some(Self { mean, spread: Spread::Diagonal(deviations), peak })
    }

    /// The logarithm of the density at `row`.
    pub(super) fn log_density(&self, row: &[f64]) -> f64 {
        let mut squares = 0.0;
        match &self.spread {
            Spread::Diagonal(deviations) => {
                for ((value, mean), deviation) in row.iter().zip(&self.mean).zip(deviations) {
                    let off = (value - mean) / deviation;
                    squares += off * off;
                }
            }
            Spread::Full(factor) => {
                let mut solved: Vec<f64> = Vec::with_capacity(self.mean.len());
                let mut start = 0;
                for (place, (value, mean)) in row.iter().zip(&self.mean).enumerate() {
                    let own = &factor[start..=start + place];
                    let off = (value - mean - inner(&own[..place], &solved)) / own[place];
                    squares += off * off;
                    solved.push(off);
                    start += place + 1;
                }
            }
        }
        self.peak - 0.5 * squares
    }
}
