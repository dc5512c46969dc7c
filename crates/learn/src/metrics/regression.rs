//! Metrics of predicted numbers.

use super::{
    estimate::{Estimate, Link, Resampled},
    scored::{View, refuse},
};
use crate::LearnError;

fn mean(view: &View<'_>, link: Link, of: impl Fn(f64, f64) -> f64) -> Result<Estimate, LearnError> {
    let rows = view.truth.iter().zip(view.values).map(|(&truth, &predicted)| of(truth, predicted)).collect();
    Ok(Estimate::Mean { rows, link })
}

pub(super) fn rmse(view: &View<'_>) -> Result<Estimate, LearnError> {
    mean(view, Link::Root, |truth, predicted| (truth - predicted).powi(2))
}

pub(super) fn mae(view: &View<'_>) -> Result<Estimate, LearnError> {
    mean(view, Link::NotNegative, |truth, predicted| (truth - predicted).abs())
}

/// As scikit-learn, with actual values nearer to 0 than the machine epsilon taken for it.
pub(super) fn mape(view: &View<'_>) -> Result<Estimate, LearnError> {
    mean(view, Link::NotNegative, |truth, predicted| (truth - predicted).abs() / truth.abs().max(f64::EPSILON))
}

pub(super) fn bias(view: &View<'_>) -> Result<Estimate, LearnError> {
    mean(view, Link::Identity, |truth, predicted| predicted - truth)
}

pub(super) fn r2(view: &View<'_>) -> Result<Estimate, LearnError> {
    if view.truth.windows(2).all(|pair| pair[0] == pair[1]) {
        return refuse("constant-target", "metric `r2` needs actual values that differ".to_owned());
    }
    let centre = view.truth.iter().sum::<f64>() / view.rows() as f64;
    let rows: Vec<(f64, f64)> = view
        .truth
        .iter()
        .zip(view.values)
        .map(|(truth, predicted)| (truth - centre, (truth - predicted).powi(2)))
        .collect();
    let evaluate = move |weights: &[f64]| {
        let (mut total, mut sum, mut squares, mut errors) = (0.0, 0.0, 0.0, 0.0);
        for (&(value, error), &weight) in rows.iter().zip(weights) {
            total += weight;
            sum += weight * value;
            squares += weight * value * value;
            errors += weight * error;
        }
        let spread = squares - sum * sum / total;
        if spread > 1e-14 * squares { 1.0 - errors / spread } else { f64::NAN }
    };
    Ok(Estimate::Resampled(Resampled { order: None, evaluate: Box::new(evaluate) }))
}

/// The weighted median of absolute errors, the mean of the two middle ones where the weights split evenly.
pub(super) fn medae(view: &View<'_>) -> Result<Estimate, LearnError> {
    let mut rows: Vec<(f64, u32)> =
        view.truth.iter().zip(view.values).map(|(truth, predicted)| (truth - predicted).abs()).zip(0..).collect();
    rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let (errors, order): (Vec<f64>, Vec<u32>) = rows.into_iter().unzip();
    let evaluate = move |weights: &[f64]| {
        let half = weights.iter().sum::<f64>() / 2.0;
        let mut below = 0.0;
        let mut even = None;
        for (&error, &weight) in errors.iter().zip(weights).filter(|(_, weight)| **weight > 0.0) {
            if let Some(first) = even {
                return (first + error) / 2.0;
            }
            below += weight;
            if below > half * (1.0 + 1e-12) {
                return error;
            }
            if below >= half * (1.0 - 1e-12) {
                even = Some(error);
            }
        }
        even.unwrap_or(f64::NAN)
    };
    Ok(Estimate::Resampled(Resampled { order: Some(order), evaluate: Box::new(evaluate) }))
}
