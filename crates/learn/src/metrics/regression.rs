//! Metrics of predicted numbers.

use super::{
    estimate::{Estimate, Link},
    scored::{View, refuse},
    statistic::Statistic,
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

/// Twice the absolute error over the sum of the magnitudes; 0 where both are 0 (Makridakis 1993, from 0 to 2).
pub(super) fn smape(view: &View<'_>) -> Result<Estimate, LearnError> {
    mean(view, Link::NotNegative, |truth, predicted| {
        let scale = truth.abs() + predicted.abs();
        if scale > 0.0 { 2.0 * (truth - predicted).abs() / scale } else { 0.0 }
    })
}

/// The loss that the quantile minimises (Koenker and Bassett 1978).
pub(super) fn pinball(view: &View<'_>) -> Result<Estimate, LearnError> {
    let share = view.settings.quantile;
    if !(share > 0.0 && share < 1.0) {
        return refuse("out-of-range", format!("a quantile lies between 0 and 1, found {share}"));
    }
    mean(view, Link::NotNegative, |truth, predicted| {
        if truth >= predicted { share * (truth - predicted) } else { (1.0 - share) * (predicted - truth) }
    })
}

fn intervals<'a>(view: &View<'a>, name: &str) -> Result<&'a [[f64; 2]], LearnError> {
    match view.settings.intervals {
        Some(intervals) if intervals.len() == view.rows() => Ok(intervals),
        Some(intervals) => {
            refuse("lengths-differ", format!("there are {} rows but {} intervals", view.rows(), intervals.len()))
        }
        None => refuse("no-intervals", format!("metric `{name}` needs a model that predicts intervals")).map_err(
            |error: LearnError| LearnError { help: Some("train it with `conformal: {}`".to_owned()), ..error },
        ),
    }
}

/// The share of actual values within the predicted interval, its ends among it.
pub(super) fn interval_coverage(view: &View<'_>) -> Result<Estimate, LearnError> {
    let intervals = intervals(view, "interval_coverage")?;
    let within = |(truth, [low, high]): (&f64, &[f64; 2])| Some(low <= truth && truth <= high);
    Ok(Estimate::Proportion { rows: view.truth.iter().zip(intervals).map(within).collect() })
}

/// How wide the predicted intervals are.
pub(super) fn interval_width(view: &View<'_>) -> Result<Estimate, LearnError> {
    let intervals = intervals(view, "interval_width")?;
    Ok(Estimate::Mean { rows: intervals.iter().map(|[low, high]| high - low).collect(), link: Link::NotNegative })
}

pub(super) fn r2(view: &View<'_>) -> Result<Estimate, LearnError> {
    if view.truth.windows(2).all(|pair| pair[0] == pair[1]) {
        return refuse("constant-target", "metric `r2` needs actual values that differ".to_owned());
    }
    let centre = view.truth.iter().sum::<f64>() / view.rows() as f64;
    let own = |(truth, predicted): (&f64, &f64)| {
        let off = truth - centre;
        [off, off * off, (truth - predicted).powi(2)]
    };
    let rows = view.truth.iter().zip(view.values).flat_map(own).collect();
    Ok(Estimate::Resampled(Statistic::sums(3, rows, |sums| {
        let [total, sum, squares, errors] = [sums[0], sums[1], sums[2], sums[3]];
        let spread = squares - sum * sum / total;
        if spread > 1e-14 * squares { 1.0 - errors / spread } else { f64::NAN }
    })))
}

pub(super) fn medae(view: &View<'_>) -> Result<Estimate, LearnError> {
    let error = |(truth, predicted): (&f64, &f64)| (truth - predicted).abs();
    Ok(Estimate::Median { rows: view.truth.iter().zip(view.values).map(error).collect() })
}
