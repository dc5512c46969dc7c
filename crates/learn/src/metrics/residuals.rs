//! What pictures of a regression show.

use trainyard_core::evaluation::{Curve, Task};

use super::scored::Scored;
use crate::{LearnError, features::numbers::quantile};

/// Most points of a scatter.
const POINTS: usize = 1000;

/// (predicted, actual) of at most 1000 rows, spread evenly over the rows.
///
/// # Errors
/// Rows that cannot be judged.
pub fn predicted_actual(scored: &Scored<'_>) -> Result<Curve, LearnError> {
    let view = scored.view(Task::Regression)?;
    let rows = view.rows();
    let shown = rows.min(POINTS);
    Ok((0..shown).map(|point| point * rows / shown).map(|row| [view.values[row], view.truth[row]]).collect())
}

/// (lower edge, upper edge, rows) of a histogram of actual minus predicted. The bins are of equal width (Freedman and
/// Diaconis 1981; 10 to 40 of them) but for the outermost, which reach out to the extremes where few rows lie far off.
///
/// # Errors
/// Rows that cannot be judged.
pub fn residual_histogram(scored: &Scored<'_>) -> Result<Vec<[f64; 3]>, LearnError> {
    let view = scored.view(Task::Regression)?;
    let mut errors: Vec<f64> = view.truth.iter().zip(view.values).map(|(truth, predicted)| truth - predicted).collect();
    errors.sort_unstable_by(f64::total_cmp);
    let (least, most) = (errors[0], errors[errors.len() - 1]);
    if !(most - least).is_normal() {
        return Ok(vec![[least, most, errors.len() as f64]]);
    }
    let (mut low, mut high) = (quantile(&errors, 0.005), quantile(&errors, 0.995));
    if most - least < 3.0 * (high - low) || high <= low {
        (low, high) = (least, most);
    }
    let spread = quantile(&errors, 0.75) - quantile(&errors, 0.25);
    let width = 2.0 * spread / (errors.len() as f64).cbrt();
    let bins = if width > 0.0 { ((high - low) / width).ceil().clamp(10.0, 40.0) } else { 10.0 };
    let edge = |bin: f64| low + (high - low) * bin / bins;
    let mut histogram = Vec::with_capacity(bins as usize);
    let mut from = 0;
    for bin in 0..bins as usize {
        let last = bin + 1 == bins as usize;
        let upper = if last { most } else { edge(bin as f64 + 1.0) };
        let to = if last { errors.len() } else { errors.partition_point(|&error| error < upper) };
        histogram.push([if bin == 0 { least } else { edge(bin as f64) }, upper, (to - from) as f64]);
        from = to;
    }
    Ok(histogram)
}
