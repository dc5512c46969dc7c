//! Where people usually fool themselves: what a look at the features, the target and the scores tells before anyone
//! believes a result.
//!
//! Each detector is a pure function with a file of its own; [`warnings`] asks all that look at rows, [`scores`] those
//! that look at an evaluation. They are to be given no more than [`MOST_ROWS`] rows ([`picked`]), and prefer silence:
//! a threshold lies where clean data do not come.

pub mod capped_target;
pub mod class_imbalance;
pub mod constant_column;
pub mod duplicate_column;
pub mod group_column;
pub mod identifier;
mod levels;
mod ranks;
pub mod row_order;
pub mod scores;
pub mod sum_of_columns;
pub mod target_leakage;

#[cfg(test)]
mod tests;

use trainyard_core::{Warning, evaluation::Task};

use crate::{Frame, Values};

/// Most rows that a detector looks at.
pub const MOST_ROWS: usize = 50_000;

/// What the detectors look at: the features and the target of the training rows.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The features, a row each.
    pub frame: &'a Frame,
    /// The target's value or class code of each row; NaN where it is missing.
    pub target: &'a [f64],
    /// The target's name.
    pub name: &'a str,
    /// What is predicted.
    pub task: Task,
    /// The class names in the order of their codes; empty for a regression.
    pub classes: &'a [String],
}

/// A column that something is odd about.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The column.
    pub column: String,
    /// What is odd, to be read after the column's name: `alone tells the classes apart (AUC 0.998)`.
    pub reason: String,
    /// The number behind it, by name.
    pub number: (&'static str, f64),
}

/// Every warning about the rows of `subject`, the most severe first.
#[must_use]
pub fn warnings(subject: &Subject<'_>) -> Vec<Warning> {
    let mut warnings = target_leakage::warnings(subject);
    warnings.extend(sum_of_columns::warning(subject));
    warnings.extend(identifier::warning(subject.frame));
    warnings.extend(class_imbalance::warning(subject));
    warnings.extend(capped_target::warning(subject));
    warnings.extend(duplicate_column::warning(subject.frame));
    warnings.extend(constant_column::warnings(subject.frame));
    warnings.sort_by_key(|warning| std::cmp::Reverse(warning.severity));
    warnings
}

/// The rows to look at: `rows` themselves, or [`MOST_ROWS`] of them, evenly spread.
#[must_use]
pub fn picked(rows: &[usize]) -> Vec<usize> {
    evenly(rows.len(), MOST_ROWS).into_iter().map(|index| rows[index]).collect()
}

/// The values of a column that has an order; none of a category.
fn in_order(values: &Values) -> &[f64] {
    match values {
        Values::Number(values) | Values::Moment(values) => values,
        Values::Category { .. } => &[],
    }
}

/// `count` of `rows` rows, evenly spread and in order; all of them where there are no more.
fn evenly(rows: usize, count: usize) -> Vec<usize> {
    if rows <= count { (0..rows).collect() } else { (0..count).map(|index| index * rows / count).collect() }
}

/// Up to five names in back-ticks, and how many more there are.
fn listed(names: &[String]) -> String {
    let mut shown: Vec<String> = names.iter().take(5).map(|name| format!("`{name}`")).collect();
    if names.len() > 5 {
        shown.push(format!("{} more", names.len() - 5));
    }
    shown.join(", ")
}

/// A share in percent: `3.4 %`. What is not all is never shown as all.
fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    match percent {
        99.0..100.0 => format!("{:.2} %", (100.0 * percent).floor() / 100.0),
        10.0.. | 0.0 => format!("{percent:.0} %"),
        1.0..10.0 => format!("{percent:.1} %"),
        _ => format!("{percent:.2} %"),
    }
}
