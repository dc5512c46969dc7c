//! `identifier-column`: a column that says which row it is, not what it is like.

use trainyard_core::{Severity, Warning};

use super::{Finding, listed};
use crate::{Frame, FrameColumn, Values, features::is_free_text};

/// Fewer rows than this say nothing.
const FEWEST_ROWS: usize = 20;
/// The share of distinct texts that makes a name of a text.
const DISTINCT: f64 = 0.9;

/// What makes an identifier of `column`: a text, but for sentences, that is different in nearly every row, or a whole
/// number that counts the rows, as a row number does even where rows were left out.
#[must_use]
pub fn find(column: &FrameColumn) -> Option<Finding> {
    let finding = |reason, number| Some(Finding { column: column.name.clone(), reason, number });
    match &column.values {
        Values::Category { codes, levels } => {
            let known = codes.iter().filter(|code| **code != Values::MISSING).count();
            let mut seen = vec![false; levels.len()];
            codes.iter().for_each(|&code| {
                if let Some(seen) = seen.get_mut(code as usize) {
                    *seen = true;
                }
            });
            let distinct = seen.iter().filter(|seen| **seen).count();
            let share = distinct as f64 / known.max(1) as f64;
            if known < FEWEST_ROWS || share < DISTINCT || is_free_text(&column.values, None) {
                return None;
            }
            finding(format!("has {distinct} distinct texts in {known} rows"), ("distinct", distinct as f64))
        }
        Values::Number(values) if counts_rows(values) => {
            finding("counts the rows".to_owned(), ("distinct", values.len() as f64))
        }
        _ => None,
    }
}

/// True for whole numbers that go up from row to row with hardly a gap.
fn counts_rows(values: &[f64]) -> bool {
    let (Some(first), Some(last)) = (values.first(), values.last()) else { return false };
    values.len() >= FEWEST_ROWS
        && last - first < 2.0 * values.len() as f64
        && values.iter().all(|value| value.fract() == 0.0)
        && values.windows(2).all(|pair| pair[1] > pair[0])
}

/// One warning for all of them.
pub(super) fn warning(frame: &Frame) -> Option<Warning> {
    let found: Vec<Finding> = frame.columns.iter().filter_map(find).collect();
    let first = found.first()?;
    let names: Vec<String> = found.iter().map(|finding| finding.column.clone()).collect();
    let message = if names.len() == 1 {
        format!("`{}` {}: it says which row it is, not what it is like", first.column, first.reason)
    } else {
        format!("{} say which row it is, not what it is like: `{}` {}", listed(&names), first.column, first.reason)
    };
    Some(
        Warning::new("identifier-column", message)
            .severity(Severity::Medium)
            .help("list it under `features.exclude`: a model that learns it by heart knows nothing of new rows")
            .number("columns", names.len() as f64),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_among_the_rows_and_sentences_are_no_names() {
        let texts = |of: &dyn Fn(usize) -> String| FrameColumn {
            name: "x".to_owned(),
            values: Values::Category { codes: (0..40).collect(), levels: (0..80).map(of).collect() },
        };
        let found = find(&texts(&|row| format!("SN-{row}"))).unwrap();
        assert_eq!(found.reason, "has 40 distinct texts in 40 rows");
        assert!(find(&texts(&|row| format!("the pump {row} was loud"))).is_none());
    }
}
