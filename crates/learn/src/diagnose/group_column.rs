//! A column that says what rows belong together, such as a unit: it should be the group of the split, and no feature.
//! What a split that parts such rows has to say is the split's own warning, `possible-group`.

use std::cmp::Ordering;

use super::{Finding, in_order, levels::Levels};
use crate::{Frame, FrameColumn, Values};

/// Words that name what rows belong to.
const GROUP_WORDS: [&str; 19] = [
    "unit",
    "unit_id",
    "unit_number",
    "machine",
    "machine_id",
    "device",
    "device_id",
    "patient",
    "patient_id",
    "subject",
    "subject_id",
    "user_id",
    "customer_id",
    "session_id",
    "engine",
    "engine_id",
    "station",
    "station_id",
    "group",
];
/// Fewest groups.
const FEWEST: usize = 5;
/// Fewest rows of a group, on average.
const FEWEST_ROWS: usize = 3;
/// Fewest rows of a group, on average, where only their order tells that they are one: fewer could be chance.
const FEWEST_IN_ORDER: usize = 5;
/// Most groups.
const MOST: usize = 100_000;

/// True for a name such as `unit_id`.
#[must_use]
pub fn is_group_name(name: &str) -> bool {
    GROUP_WORDS.contains(&name.to_ascii_lowercase().as_str())
}

/// The first column of `frame`, all rows in the table's order, that says what rows belong together: by its name, or
/// because its values come in blocks within which another column goes up only to start anew. Only columns that `may`
/// are looked at.
#[must_use]
pub fn find(frame: &Frame, may: impl Fn(&str) -> bool) -> Option<Finding> {
    let mut columns = frame.columns.iter().enumerate().filter(|(_, column)| may(&column.name));
    columns.find_map(|(index, column)| group(frame, index, column))
}

fn group(frame: &Frame, index: usize, column: &FrameColumn) -> Option<Finding> {
    let name = &column.name;
    let named = is_group_name(name);
    // Counting runs is cheap, and most columns are not in blocks.
    if !named && runs(&column.values) * FEWEST_IN_ORDER > frame.rows {
        return None;
    }
    let levels = whole(&column.values).then(|| Levels::of(&column.values, MOST)).flatten()?;
    if levels.count < FEWEST || levels.count * FEWEST_ROWS > frame.rows {
        return None;
    }
    let reason = if named {
        format!("rows of one `{name}` are alike: they must not be on both sides")
    } else {
        let counter = counter_within(frame, index, &levels)?;
        format!("within each `{name}`, `{counter}` counts up: such rows must not be on both sides")
    };
    Some(Finding { column: name.clone(), reason, number: ("groups", levels.count as f64) })
}

/// Number of runs of equal values.
fn runs(values: &Values) -> usize {
    match values {
        Values::Category { codes, .. } => 1 + codes.windows(2).filter(|pair| pair[0] != pair[1]).count(),
        other => 1 + in_order(other).windows(2).filter(|pair| pair[0] != pair[1]).count(),
    }
}

/// True for texts and whole numbers.
fn whole(values: &Values) -> bool {
    match values {
        Values::Number(values) => values.iter().all(|value| value.fract() == 0.0),
        other => matches!(other, Values::Category { .. }),
    }
}

/// The column that goes up within every block of equal codes and starts anew after most of them, if each code is one
/// block.
fn counter_within<'a>(frame: &'a Frame, index: usize, levels: &Levels<'_>) -> Option<&'a str> {
    let starts: Vec<usize> =
        (1..levels.codes.len()).filter(|&row| levels.codes[row] != levels.codes[row - 1]).collect();
    if starts.len() + 1 != levels.count {
        return None;
    }
    let mut others = frame.columns.iter().enumerate().filter(|(other, _)| *other != index);
    let found = others.find(|(_, other)| {
        let values = in_order(&other.values);
        let mut next = starts.iter().copied().peekable();
        let mut resets = 0;
        for row in 1..values.len() {
            if next.next_if_eq(&row).is_some() {
                resets += usize::from(values[row] < values[row - 1]);
            } else if values[row - 1].partial_cmp(&values[row]) != Some(Ordering::Less) {
                return false;
            }
        }
        values.len() == frame.rows && resets * 2 > starts.len()
    });
    found.map(|(_, column)| column.name.as_str())
}
