//! `target-follows-row-order`: neighbouring rows have the same answer, as readings in time or places in space do.

use trainyard_core::{Severity, Warning};

use super::{Subject, ranks::correlation};

/// Agreement of neighbours beyond chance that matters.
const ALIKE: f64 = 0.5;
/// One in so many rows may be in another part than the row before: at random it is every second or third.
const PARTED: usize = 10;
/// Fewer rows than this say nothing.
const FEWEST_ROWS: usize = 50;

/// The warning, where the rows of `subject`, all of them and in the table's order, are like their neighbours and
/// `parts`, a code a row, puts neighbours into different parts.
///
/// Agreement is the correlation of each value with the one before, for classes Cohen's kappa of each class with the one
/// before. Rows that are merely sorted by the target are left alone: their order says nothing of the rows.
#[must_use]
pub fn warning(subject: &Subject<'_>, parts: &[u8]) -> Option<Warning> {
    let parted = parts.windows(2).filter(|pair| pair[0] != pair[1]).count();
    if parted * PARTED < parts.len() {
        return None;
    }
    let values: Vec<f64> = subject.target.iter().copied().filter(|value| value.is_finite()).collect();
    if values.len() < FEWEST_ROWS {
        return None;
    }
    let (alike, sorted) =
        if subject.task.is_classification() { classes(&values, subject.classes.len()) } else { numbers(&values) };
    if alike.is_nan() || alike < ALIKE || sorted {
        return None;
    }
    let message = format!(
        "neighbouring rows have nearly the same `{}` (agreement {alike:.2}): at random, near copies of training rows are tested on",
        subject.name
    );
    Some(
        Warning::new("target-follows-row-order", message)
            .severity(Severity::High)
            .help("name what ties the rows together: `split/group` by the unit or place they are of, or `split/time` by when they were taken")
            .number("agreement", alike),
    )
}

/// Cohen's kappa of each class with the one before, and whether the classes come one after the other.
fn classes(values: &[f64], count: usize) -> (f64, bool) {
    let rows = values.len() as f64;
    let changes = values.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let mut counts = vec![0.0; count];
    for value in values {
        if let Some(count) = counts.get_mut(*value as usize) {
            *count += 1.0;
        }
    }
    let by_chance: f64 = counts.iter().map(|count| (count / rows).powi(2)).sum();
    let agreed = 1.0 - changes as f64 / (rows - 1.0);
    ((agreed - by_chance) / (1.0 - by_chance), changes < count)
}

/// The correlation of each value with the one before, and whether the values hardly ever turn.
fn numbers(values: &[f64]) -> (f64, bool) {
    let ups = values.windows(2).filter(|pair| pair[1] > pair[0]).count();
    let downs = values.windows(2).filter(|pair| pair[1] < pair[0]).count();
    let sorted = ups.min(downs) * 100 < values.len();
    (correlation(&values[1..], &values[..values.len() - 1]), sorted)
}
