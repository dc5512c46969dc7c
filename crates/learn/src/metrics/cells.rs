//! Actual class against predicted class, and the metrics that need no more.

use super::{
    estimate::Estimate,
    scored::{View, most_probable},
    statistic::Statistic,
};
use crate::Prediction;

/// Weights by actual class and predicted class.
pub(super) struct Cells {
    classes: usize,
    weights: Vec<f64>,
}

impl Cells {
    pub(super) fn hits(&self, class: usize) -> f64 {
        self.weights[class * self.classes + class]
    }

    /// Weight of the rows that are of `class`.
    pub(super) fn actual(&self, class: usize) -> f64 {
        self.weights[class * self.classes..(class + 1) * self.classes].iter().sum()
    }

    /// Weight of the rows that are predicted as `class`.
    pub(super) fn predicted(&self, class: usize) -> f64 {
        self.weights.iter().skip(class).step_by(self.classes).sum()
    }

    /// Weight of all rows.
    pub(super) fn total(&self) -> f64 {
        self.weights.iter().sum()
    }

    /// Weight of the rows of one class predicted as another.
    pub(super) fn at(&self, actual: usize, predicted: usize) -> f64 {
        self.weights[actual * self.classes + predicted]
    }

    pub(super) const fn classes(&self) -> usize {
        self.classes
    }

    /// The mean over the classes that `of` has a number for, each weighted by how many rows are of it.
    pub(super) fn weighted(&self, of: impl Fn(usize) -> Option<f64>) -> f64 {
        let sum: f64 = (0..self.classes).map(|class| self.actual(class) * of(class).unwrap_or(0.0)).sum();
        sum / self.total()
    }

    /// The mean over the classes that `of` has a number for; NaN when there is none.
    pub(super) fn mean(&self, of: impl Fn(usize) -> Option<f64>) -> f64 {
        let (count, sum) =
            (0..self.classes).filter_map(of).fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
        sum / count
    }
}

/// A metric that depends on the cells alone.
pub(super) fn estimate(view: &View<'_>, of: impl Fn(&Cells) -> f64 + Send + Sync + 'static) -> Estimate {
    let classes = view.classes;
    let places = (0..view.rows()).map(|row| (view.class(row) * classes + view.predicted(row)) as u32).collect();
    Estimate::Resampled(Statistic::counts(classes * classes, places, move |weights| {
        of(&Cells { classes, weights: weights.to_vec() })
    }))
}

/// Rows by actual class (outer) and predicted class (inner): the most probable one, or of two classes the one that
/// `threshold` says. Rows whose actual class is none of
/// the prediction's classes are left out; a regression has no matrix.
#[must_use]
pub fn confusion_matrix(truth: &[f64], prediction: &Prediction, threshold: Option<f64>) -> Vec<Vec<u64>> {
    let Prediction::Probabilities { classes, values } = prediction else { return Vec::new() };
    let mut counts = vec![vec![0; *classes]; *classes];
    for (&actual, shares) in truth.iter().zip(values.chunks_exact((*classes).max(1))) {
        let predicted = match (threshold, shares) {
            (Some(threshold), [_, positive]) => usize::from(*positive >= threshold),
            _ => most_probable(shares),
        };
        if actual >= 0.0
            && let Some(count) = counts.get_mut(actual as usize).and_then(|row| row.get_mut(predicted))
        {
            *count += 1;
        }
    }
    counts
}
