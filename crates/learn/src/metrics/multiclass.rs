//! Metrics of two or more classes.

use super::{
    cells,
    estimate::{Estimate, Link},
    scored::View,
};
use crate::LearnError;

pub(super) fn accuracy(view: &View<'_>) -> Result<Estimate, LearnError> {
    let hit = |row| Some(view.predicted(row) == view.class(row));
    Ok(Estimate::Proportion { rows: (0..view.rows()).map(hit).collect() })
}

/// Over the classes among the actual ones.
pub(super) fn balanced_accuracy(view: &View<'_>) -> Result<Estimate, LearnError> {
    Ok(cells::estimate(view, |cells| {
        cells.mean(|class| {
            Some(cells.actual(class)).filter(|actual| *actual > 0.0).map(|actual| cells.hits(class) / actual)
        })
    }))
}

/// Over the classes among the actual or the predicted ones.
pub(super) fn f1_macro(view: &View<'_>) -> Result<Estimate, LearnError> {
    Ok(cells::estimate(view, |cells| {
        cells.mean(|class| {
            let either = cells.actual(class) + cells.predicted(class);
            (either > 0.0).then(|| 2.0 * cells.hits(class) / either)
        })
    }))
}

/// Probabilities are kept the machine epsilon away from 0 and 1, as in scikit-learn.
pub(super) fn log_loss(view: &View<'_>) -> Result<Estimate, LearnError> {
    let loss = |row| -view.probability(row, view.class(row)).clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln();
    Ok(Estimate::Mean { rows: (0..view.rows()).map(loss).collect(), link: Link::NotNegative })
}
