//! `target-is-sum`: the target is made of other columns by adding and subtracting, as a fare is of its parts.
//!
//! Least squares on rows evenly picked; coefficients near −1, 0 and 1 are taken for those, and the rule counts where it
//! gives the target to the last digit in most rows. Rounding makes it robust: it is found as well where a part of the
//! rows adds up otherwise.

use faer::{Mat, linalg::solvers::SolveLstsq};
use trainyard_core::{Severity, Warning, evaluation::Task};

use super::{Subject, evenly, percent};
use crate::Values;

/// Rows the coefficients are estimated on, and checked on.
const PICKED: usize = 2_000;
/// With more columns nobody meant a sum.
const MOST_COLUMNS: usize = 60;
/// A coefficient this near to a whole number is taken for it.
const NEAR: f64 = 0.2;
/// The share of rows in which the sum must be the target to the last digit.
const MOST_ROWS: f64 = 0.6;
/// A target of fewer distinct values can be hit by chance.
const FEWEST_VALUES: usize = 50;

/// The warning, where the target is such a sum of at least two columns.
pub(super) fn warning(subject: &Subject<'_>) -> Option<Warning> {
    if subject.task != Task::Regression {
        return None;
    }
    let columns: Vec<(&str, &[f64])> = subject
        .frame
        .columns
        .iter()
        .filter_map(|column| match &column.values {
            Values::Number(values) => Some((column.name.as_str(), values.as_slice())),
            _ => None,
        })
        .filter(|(_, values)| values.windows(2).any(|pair| pair[0] != pair[1]))
        .collect();
    if columns.len() < 2 || columns.len() > MOST_COLUMNS {
        return None;
    }
    let rows: Vec<usize> = evenly(subject.target.len(), PICKED)
        .into_iter()
        .filter(|&row| subject.target[row].is_finite() && columns.iter().all(|(_, values)| values[row].is_finite()))
        .collect();
    let mut distinct: Vec<u64> = rows.iter().map(|&row| subject.target[row].to_bits()).collect();
    distinct.sort_unstable();
    distinct.dedup();
    if rows.len() < 10 * columns.len() || distinct.len() < FEWEST_VALUES {
        return None;
    }
    let matrix = Mat::from_fn(rows.len(), columns.len() + 1, |row, column| {
        if column < columns.len() { columns[column].1[rows[row]] } else { 1.0 }
    });
    let target = Mat::from_fn(rows.len(), 1, |row, _| subject.target[rows[row]]);
    let solution = matrix.col_piv_qr().solve_lstsq(&target);
    let signs: Vec<f64> = (0..columns.len()).map(|column| solution[(column, 0)].round()).collect();
    let is_rule = (0..columns.len()).all(|column| {
        let slope = solution[(column, 0)];
        slope.is_finite() && signs[column].abs() <= 1.0 && (slope - signs[column]).abs() <= NEAR
    });
    let used: Vec<usize> = (0..columns.len()).filter(|&column| signs[column] != 0.0).collect();
    if !is_rule || used.len() < 2 {
        return None;
    }
    let mut rest: Vec<f64> = rows
        .iter()
        .map(|&row| {
            subject.target[row] - used.iter().map(|&column| signs[column] * columns[column].1[row]).sum::<f64>()
        })
        .collect();
    let largest = rows.iter().map(|&row| subject.target[row].abs()).fold(0.0, f64::max);
    rest.sort_unstable_by(f64::total_cmp);
    // The constant that is left over most often, if any, is part of the rule.
    let constant = rest[rest.len() / 2];
    let hits = rest.iter().filter(|rest| (**rest - constant).abs() <= 1e-9 * largest.max(1.0)).count();
    let share = hits as f64 / rest.len() as f64;
    if share < MOST_ROWS {
        return None;
    }
    let terms: Vec<String> = used
        .iter()
        .enumerate()
        .map(|(place, &column)| {
            let sign = match (place, signs[column] < 0.0) {
                (0, false) => "",
                (0, true) => "−",
                (_, false) => " + ",
                (_, true) => " − ",
            };
            format!("{sign}`{}`", columns[column].0)
        })
        .collect();
    let message = format!("`{}` is {} in {} of the rows", subject.name, terms.concat(), percent(share));
    Some(
        Warning::new("target-is-sum", message)
            .severity(Severity::High)
            .help("a model would add up columns that are known only with the target; leave those out")
            .number("share", share)
            .number("columns", used.len() as f64),
    )
}
