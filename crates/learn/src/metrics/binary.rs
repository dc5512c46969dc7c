//! Metrics of two classes; class 1 is the positive one.

use super::{
    cells,
    estimate::{Estimate, Link},
    scored::View,
};
use crate::LearnError;

/// 0 where nothing is predicted positive, as in scikit-learn.
pub(super) fn precision(view: &View<'_>) -> Result<Estimate, LearnError> {
    let hit = |row| (view.predicted(row) == 1).then(|| view.class(row) == 1);
    Ok(Estimate::Proportion { rows: (0..view.rows()).map(hit).collect() })
}

/// 0 where nothing is positive, as in scikit-learn.
pub(super) fn recall(view: &View<'_>) -> Result<Estimate, LearnError> {
    let hit = |row| (view.class(row) == 1).then(|| view.predicted(row) == 1);
    Ok(Estimate::Proportion { rows: (0..view.rows()).map(hit).collect() })
}

pub(super) fn f1(view: &View<'_>) -> Result<Estimate, LearnError> {
    Ok(cells::estimate(view, |cells| {
        let either = cells.actual(1) + cells.predicted(1);
        if either > 0.0 { 2.0 * cells.hits(1) / either } else { 0.0 }
    }))
}

/// 0 where the actual or the predicted class does not vary, as in scikit-learn.
pub(super) fn mcc(view: &View<'_>) -> Result<Estimate, LearnError> {
    Ok(cells::estimate(view, |cells| {
        let (right, wrong) = (cells.hits(1), cells.predicted(1) - cells.hits(1));
        let (missed, left) = (cells.actual(1) - cells.hits(1), cells.hits(0));
        // The four factors one by one: their product overflows nothing, but their square roots keep more digits.
        let scale = [cells.predicted(1), cells.predicted(0), cells.actual(1), cells.actual(0)];
        let scale: f64 = scale.iter().map(|weight| weight.sqrt()).product();
        if scale > 0.0 { (right * left - wrong * missed) / scale } else { 0.0 }
    }))
}

pub(super) fn brier(view: &View<'_>) -> Result<Estimate, LearnError> {
    let rows = (0..view.rows()).map(|row| (view.probability(row, 1) - view.truth[row]).powi(2)).collect();
    Ok(Estimate::Mean { rows, link: Link::NotNegative })
}
