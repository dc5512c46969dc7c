//! Points of the curves that pictures of a binary model show.

use trainyard_core::evaluation::{Curve, Task};

use super::{
    ranking::descending,
    scored::{Scored, View},
    thin::thin,
};
use crate::{LearnError, Prediction};

/// Most points of a curve.
const POINTS: usize = 200;
/// Bins of the calibration curve.
const BINS: usize = 10;

/// What judges curves: probabilities of two classes, or scores.
const fn task(scored: &Scored<'_>) -> Task {
    if matches!(scored.prediction, Prediction::Values(_)) { Task::Anomaly } else { Task::Binary }
}

/// (false positive rate, true positive rate) from (0, 0) to (1, 1), at most 200 points.
///
/// # Errors
/// Rows that cannot be judged, or of one class only.
pub fn roc_curve(scored: &Scored<'_>) -> Result<Curve, LearnError> {
    let view = scored.view(task(scored))?;
    let steps = thresholds(&view);
    let [negative, positive] = totals(&steps)?;
    let mut points = vec![[0.0, 0.0]];
    points.extend(steps.iter().map(|[wrong, right]| [wrong / negative, right / positive]));
    Ok(thin(&points, POINTS))
}

/// (recall, precision) by rising recall, at most 200 points; the first is at recall 0 with the precision of the highest
/// threshold.
///
/// # Errors
/// Rows that cannot be judged, or of one class only.
pub fn precision_recall_curve(scored: &Scored<'_>) -> Result<Curve, LearnError> {
    let view = scored.view(task(scored))?;
    let steps = thresholds(&view);
    let [_, positive] = totals(&steps)?;
    let counted = steps.iter().filter(|[wrong, right]| wrong + right > 0.0);
    let mut points: Curve = counted.map(|[wrong, right]| [right / positive, right / (wrong + right)]).collect();
    // Beyond the last hit the recall stands still and only the precision falls: that is no part of the curve.
    let last = points.iter().position(|point| point[0] >= 1.0).unwrap_or(points.len().saturating_sub(1));
    points.truncate(last + 1);
    if let Some(&[_, precision]) = points.first() {
        points.insert(0, [0.0, precision]);
    }
    Ok(thin(&points, POINTS))
}

/// (mean probability, share of positives, rows) of each of ten equal ranges of the probability that has a row.
///
/// # Errors
/// Rows that cannot be judged.
pub fn calibration_curve(scored: &Scored<'_>) -> Result<Vec<[f64; 3]>, LearnError> {
    let view = scored.view(Task::Binary)?;
    let mut bins = [[0.0; 4]; BINS];
    for row in 0..view.rows() {
        let (probability, weight) = (view.probability(row, 1), view.weight(row));
        let bin = ((probability * BINS as f64) as usize).min(BINS - 1);
        let sums = [weight * probability, weight * view.truth[row], 1.0, weight];
        bins[bin].iter_mut().zip(sums).for_each(|(bin, sum)| *bin += sum);
    }
    let used = bins.iter().filter(|[_, _, _, weight]| *weight > 0.0);
    Ok(used.map(|[probability, positive, rows, weight]| [probability / weight, positive / weight, *rows]).collect())
}

/// Weight of the negative and positive rows at or above each threshold, from the highest down.
fn thresholds(view: &View<'_>) -> Vec<[f64; 2]> {
    let order = descending(view, 1);
    let score = |row: u32| view.probability(row as usize, 1);
    let mut above = [0.0, 0.0];
    let mut steps = Vec::new();
    for tied in order.chunk_by(|&a, &b| score(a) == score(b)) {
        tied.iter().for_each(|&row| above[view.class(row as usize)] += view.weight(row as usize));
        steps.push(above);
    }
    steps
}

fn totals(steps: &[[f64; 2]]) -> Result<[f64; 2], LearnError> {
    match steps.last() {
        Some(&totals) if totals[0] > 0.0 && totals[1] > 0.0 => Ok(totals),
        _ => Err(LearnError {
            code: "single-class",
            message: "a curve needs rows of both classes".to_owned(),
            help: None,
            field: None,
        }),
    }
}
