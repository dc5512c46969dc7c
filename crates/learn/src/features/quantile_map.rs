//! A number's place among the quantiles of the training rows (scikit-learn's `QuantileTransformer`, without its
//! subsample).

use statrs::distribution::{ContinuousCDF, Normal};

use crate::features::numbers::exact_quantile;

/// Most quantiles kept.
const MOST: usize = 1000;
/// Shares nearer than this to 0 and 1 are not told apart on the normal scale.
const THRESHOLD: f64 = 1e-7;

/// Quantiles of ascending values at equally spaced shares, at most as many as there are values.
pub(super) fn fit(sorted: &[f64]) -> Vec<f64> {
    let count = sorted.len().clamp(1, MOST);
    let share = |place: usize| place as f64 / (count - 1).max(1) as f64;
    let mut quantiles: Vec<f64> = (0..count).map(|place| exact_quantile(sorted, share(place))).collect();
    for place in 1..quantiles.len() {
        quantiles[place] = quantiles[place].max(quantiles[place - 1]);
    }
    quantiles
}

/// The share of `value`, 0 within `near` of the first quantile or below, 1 within `near` of the last or above.
pub(super) fn share(quantiles: &[f64], value: f64, near: f64) -> f64 {
    let (Some(&first), Some(&last)) = (quantiles.first(), quantiles.last()) else { return value };
    if value.is_nan() {
        return value;
    }
    // The lower bound goes last in scikit-learn, and so wins where both hold.
    if value <= first || value - near < first {
        return 0.0;
    }
    if value >= last || value + near > last {
        return 1.0;
    }
    let step = |place: usize| place as f64 / (quantiles.len() - 1).max(1) as f64;
    let slope = |place: usize| (step(place + 1) - step(place)) / (quantiles[place + 1] - quantiles[place]);
    let from_below = quantiles.partition_point(|&quantile| quantile <= value) - 1;
    let from_above = quantiles.partition_point(|&quantile| quantile < value);
    let below = slope(from_below) * (value - quantiles[from_below]) + step(from_below);
    let above = slope(from_above - 1) * (quantiles[from_above] - value) - step(from_above);
    0.5 * (below - above)
}

/// The share of `value` as a quantile of the standard normal distribution.
pub(super) fn normal(quantiles: &[f64], value: f64) -> f64 {
    let share = share(quantiles, value, THRESHOLD);
    if share.is_nan() {
        return share;
    }
    let normal = Normal::standard();
    let least = THRESHOLD - f64::EPSILON;
    let bounds = (normal.inverse_cdf(least), normal.inverse_cdf(1.0 - least));
    normal.inverse_cdf(share.clamp(0.0, 1.0)).clamp(bounds.0, bounds.1)
}
