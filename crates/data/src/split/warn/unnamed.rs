//! Rows that belong together although nobody said so: a split row by row parts what a group or a moment ties.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef},
    datatypes::DataType,
};
use trainyard_core::Warning;

use super::{View, neighbours::Pairs, percent};
use crate::{
    error::DataError,
    split::{
        codes::{Codes, numbers},
        spec::Strategy,
    },
    table::Table,
};

/// Words in a column's name that say that its rows belong together.
const GROUP_WORDS: [&str; 22] = [
    "author",
    "batch",
    "client",
    "customer",
    "device",
    "engine",
    "group",
    "household",
    "machine",
    "patient",
    "person",
    "plant",
    "position",
    "sensor",
    "session",
    "site",
    "speaker",
    "subject",
    "unit",
    "user",
    "vehicle",
    "video",
];
/// Fewest rows in which anything is looked for.
const FEWEST_ROWS: usize = 100;
/// Fewest rows of a group, on average, for its rows to be found in a row.
const FEWEST_IN_BLOCK: usize = 5;
/// The share of neighbouring rows that has to count up within a group for it to be a sequence.
const MOSTLY: f64 = 0.95;

/// `possible-group`, `possible-time` and `neighbours-alike`, for a split that goes row by row.
///
/// # Errors
/// `bad-table` for a column type that cannot be shown as text.
pub(super) fn warnings(view: &View<'_>) -> Result<Vec<Warning>, DataError> {
    let spec = view.prepared.spec;
    let row_by_row = match &spec.strategy {
        Strategy::Random => true,
        Strategy::Stratified { .. } | Strategy::Hash { .. } => spec.group.is_none(),
        Strategy::Group { .. } | Strategy::Time { .. } | Strategy::Predefined { .. } => false,
    };
    let table = view.prepared.table;
    if !row_by_row || table.row_count() < FEWEST_ROWS {
        return Ok(Vec::new());
    }
    let pairs = Pairs::of(view)?;
    let mut warnings = Vec::new();
    if spec.group.is_none() {
        warnings.extend(group(table, &pairs)?);
    }
    if spec.time.is_none() {
        warnings.extend(time(&pairs));
    }
    warnings.extend(pairs.alike()?);
    Ok(warnings)
}

/// A column by whose values rows seem to belong together.
fn group(table: &Arc<Table>, pairs: &Pairs) -> Result<Option<Warning>, DataError> {
    let mut found: Option<(bool, Warning)> = None;
    for (name, array) in &pairs.columns {
        let names_things = match array.data_type() {
            DataType::Int64 | DataType::Utf8 => true,
            // Whole numbers come as floats out of some files.
            DataType::Float64 => {
                let whole = |value: &f64| value.fract() == 0.0 || value.is_nan();
                numbers(array)?.is_some_and(|values| values.iter().all(whole))
            }
            _ => false,
        };
        if !names_things {
            continue;
        }
        let named = words(name).iter().any(|word| GROUP_WORDS.contains(&word.as_str()));
        let in_blocks = pairs.equal_neighbours(array)? >= 1.0 - 1.5 / FEWEST_IN_BLOCK as f64;
        if !named && !in_blocks {
            continue;
        }
        let codes = Codes::of(&table.column(name)?)?;
        let (rows, count) = (codes.codes.len(), codes.count());
        if count < 3 || count * 2 > rows {
            continue;
        }
        let runs = 1 + codes.codes.windows(2).filter(|pair| pair[0] != pair[1]).count();
        let unbroken = in_blocks && runs == count && rows >= count * FEWEST_IN_BLOCK;
        let sequence = if unbroken { sequence(table, pairs, name, &codes)? } else { None };
        if !(named || sequence.is_some()) {
            continue;
        }
        let how = match (&sequence, unbroken) {
            (Some(other), _) => format!(", each in one unbroken run of rows in which `{other}` counts up"),
            (None, true) => ", each in one unbroken run of rows".to_owned(),
            (None, false) => String::new(),
        };
        let message = format!(
            "`{name}` holds {count} values{how}: rows of one value may belong together, and this split parts them"
        );
        let warning = Warning::new("possible-group", message)
            .number("groups", count as f64)
            .number("rows_per_group", rows as f64 / count as f64)
            .number("unbroken", f64::from(u8::from(unbroken)));
        // What the order of the rows says goes before what a name says.
        if found.as_ref().is_none_or(|(other, _)| !other && sequence.is_some()) {
            found = Some((sequence.is_some(), warning));
        }
    }
    Ok(found.map(|(_, warning)| warning))
}

/// A column that counts up within each block of equal codes and begins again with most of them.
fn sequence(table: &Arc<Table>, pairs: &Pairs, group: &str, codes: &Codes) -> Result<Option<String>, DataError> {
    for (name, array) in pairs.columns.iter().filter(|(name, _)| name != group) {
        if matches!(array.data_type(), DataType::Boolean | DataType::Utf8) || !pairs.rises(array)? {
            continue;
        }
        let Some(values) = numbers(&table.column(name)?)? else { continue };
        let (mut inside, mut up, mut between, mut down) = (0_usize, 0_usize, 0_usize, 0_usize);
        for (pair, own) in values.windows(2).zip(codes.codes.windows(2)) {
            if own[0] == own[1] {
                inside += 1;
                up += usize::from(pair[1] > pair[0]);
            } else {
                between += 1;
                down += usize::from(pair[1] < pair[0]);
            }
        }
        if up as f64 >= MOSTLY * inside as f64 && down * 2 > between {
            return Ok(Some(name.clone()));
        }
    }
    Ok(None)
}

/// A column of moments that the split does not heed.
fn time(pairs: &Pairs) -> Option<Warning> {
    let is_moment = |array: &ArrayRef| matches!(array.data_type(), DataType::Date32 | DataType::Timestamp(..));
    let moments = pairs.columns.iter().filter(|(_, array)| is_moment(array) && array.null_count() * 2 < array.len());
    let ordered = |array: &ArrayRef| pairs.in_order(array).unwrap_or(0.0);
    let (name, share) = moments
        .map(|(name, array)| (name, ordered(array)))
        .reduce(|best, other| if other.1 > best.1 { other } else { best })?;
    let order = if share >= MOSTLY { ", in which the rows are in order" } else { "" };
    let message = format!(
        "the rows have moments in `{name}`{order}: a split by chance learns from what came after the rows it is judged on"
    );
    Some(Warning::new("possible-time", message).number("in_order", share))
}

/// The words of a column's name in lower case: `patient_ID` and `PatientId` are `patient` and `id`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for letter in name.chars() {
        if !letter.is_alphanumeric() {
            words.push(String::new());
        } else {
            if letter.is_uppercase() && before.is_lowercase() {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(letter.to_lowercase());
            }
        }
        before = letter;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The words of a warning about rows that are like their neighbours.
pub(super) fn alike(chance: f64, exact: f64) -> Warning {
    let message = format!(
        "neighbouring rows are alike: two rows taken by chance are nearer to each other than two neighbours {} of the \
         time, where 50 % would be expected; {} of neighbours are equal; a split row by row puts near-copies on both sides",
        percent(chance),
        percent(exact)
    );
    Warning::new("neighbours-alike", message).number("chance_nearer", chance).number("equal", exact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_word_by_word() {
        assert_eq!(words("PatientID"), ["patient", "id"]);
        assert_eq!(words("unit"), ["unit"]);
        assert_eq!(words("Air temperature [K]"), ["air", "temperature", "k"]);
        assert_eq!(words("user_no-7"), ["user", "no", "7"]);
    }
}
