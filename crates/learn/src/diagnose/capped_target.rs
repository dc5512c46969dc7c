//! `capped-target`: many rows hold the very largest (or smallest) value, as if what lies beyond was cut off.

use trainyard_core::{Severity, Warning, evaluation::Task};

use super::{Subject, percent};

/// Fewest rows at the end.
const FEWEST_ROWS: usize = 20;
/// Fewest distinct values of the target.
const FEWEST_VALUES: usize = 40;
/// The end's share of all rows.
const SHARE: f64 = 0.005;
/// How often the end comes for each time the most frequent of its neighbours does.
const ABOVE: usize = 5;
/// The neighbours: this share of the distinct values, next to the end.
const NEIGHBOURS: usize = 10;

/// The warning, where the target is cut off at an end.
pub(super) fn warning(subject: &Subject<'_>) -> Option<Warning> {
    if subject.task != Task::Regression {
        return None;
    }
    let mut values: Vec<f64> = subject.target.iter().copied().filter(|value| value.is_finite()).collect();
    values.sort_unstable_by(f64::total_cmp);
    // (value, rows), in order of the values.
    let mut counted: Vec<(f64, usize)> = Vec::new();
    for value in &values {
        match counted.last_mut() {
            Some((last, rows)) if last == value => *rows += 1,
            _ => counted.push((*value, 1)),
        }
    }
    let most = piled(counted.iter().rev(), counted.len(), values.len());
    // Many zeros are the usual bottom of what cannot be negative.
    let least = piled(counted.iter(), counted.len(), values.len()).filter(|(value, _)| *value != 0.0);
    let (end, (value, rows)) = most.map(|found| ("largest", found)).or(least.map(|found| ("smallest", found)))?;
    let share = rows as f64 / values.len() as f64;
    let name = subject.name;
    let message = format!(
        "{rows} rows ({}) hold the {end} `{name}` there is, {value}: as if the values beyond were cut off",
        percent(share)
    );
    Some(
        Warning::new("capped-target", message)
            .severity(Severity::Medium)
            .help(
                "errors on those rows are not real: leave them out, or judge them apart; no prediction can lie beyond",
            )
            .number("value", value)
            .number("rows", rows as f64)
            .number("share", share),
    )
}

/// The first value, if it is far more frequent than its neighbours, the values that come after it.
fn piled<'a>(
    mut values: impl Iterator<Item = &'a (f64, usize)>,
    distinct: usize,
    known: usize,
) -> Option<(f64, usize)> {
    let (value, rows) = *values.next()?;
    let frequent = values.take(distinct / NEIGHBOURS).map(|(_, rows)| *rows).max()?;
    let is_pile = distinct >= FEWEST_VALUES
        && rows >= FEWEST_ROWS
        && rows as f64 >= SHARE * known as f64
        && rows >= ABOVE * frequent;
    is_pile.then_some((value, rows))
}
