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

/// The harmonic mean of precision and recall, recall counting `beta` times as much.
fn f(view: &View<'_>, beta: f64) -> Estimate {
    let square = beta * beta;
    cells::estimate(view, move |cells| {
        let either = square * cells.actual(1) + cells.predicted(1);
        if either > 0.0 { (1.0 + square) * cells.hits(1) / either } else { 0.0 }
    })
}

pub(super) fn f1(view: &View<'_>) -> Result<Estimate, LearnError> {
    Ok(f(view, 1.0))
}

pub(super) fn f2(view: &View<'_>) -> Result<Estimate, LearnError> {
    Ok(f(view, 2.0))
}

pub(super) fn f_half(view: &View<'_>) -> Result<Estimate, LearnError> {
    Ok(f(view, 0.5))
}

/// 0 where nothing is negative.
pub(super) fn specificity(view: &View<'_>) -> Result<Estimate, LearnError> {
    let hit = |row| (view.class(row) == 0).then(|| view.predicted(row) == 0);
    Ok(Estimate::Proportion { rows: (0..view.rows()).map(hit).collect() })
}

pub(super) fn brier(view: &View<'_>) -> Result<Estimate, LearnError> {
    let rows = (0..view.rows()).map(|row| (view.probability(row, 1) - view.truth[row]).powi(2)).collect();
    Ok(Estimate::Mean { rows, link: Link::NotNegative })
}
