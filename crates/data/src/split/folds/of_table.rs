//! The folds of a table: the columns that a spec names, read.

use arrow::{array::ArrayRef, datatypes::DataType};

use super::{
    super::{
        assign::Target,
        codes::{Codes, numbers},
    },
    Fold, FoldInput, FoldSpec, NO_FOLD, folds,
};
use crate::{error::DataError, table::Table};

/// The folds of a table. `target` is the column whose classes (or quantile bins) are kept equal.
///
/// # Errors
/// As [`folds`]; `unknown-column`; `not-a-time` for a time column of another type.
pub fn table_folds(table: &Table, spec: &FoldSpec, target: Option<&str>, seed: u64) -> Result<Vec<Fold>, DataError> {
    let column = |name: Option<&str>| name.map(|name| table.column(name)).transpose();
    let target = column(target)?.map(|array| Target::of(&array)).transpose()?;
    let groups = column(spec.group.as_deref())?.map(|array| Codes::of(&array)).transpose()?;
    let times = column(spec.time.as_deref())?.map(|array| moments(&array)).transpose()?;
    let predefined = column(spec.predefined.as_deref())?.map(|array| fold_codes(&array)).transpose()?;
    let (labels, numbers) = match &target {
        Some(Target::Classes { codes, .. }) => (Some(codes.codes.as_slice()), None),
        Some(Target::Numbers(values)) => (None, Some(values.as_slice())),
        None => (None, None),
    };
    let input = FoldInput {
        rows: table.row_count(),
        labels,
        target: numbers,
        groups: groups.as_ref().map(|groups| groups.codes.as_slice()),
        times: times.as_deref(),
        predefined: predefined.as_deref(),
        seed,
    };
    folds(spec, &input)
}

/// A time column's moments in the unit in which a gap is given: seconds for timestamps, days for dates, the column's
/// own unit for numbers; NaN where missing.
///
/// # Errors
/// `not-a-time` for a column of another type.
pub fn moments(array: &ArrayRef) -> Result<Vec<f64>, DataError> {
    let not_a_time = || {
        DataError::new("not-a-time", "the time column is expected to hold timestamps, dates or numbers")
            .help("convert it first")
    };
    if *array.data_type() == DataType::Boolean {
        return Err(not_a_time());
    }
    let mut values = numbers(array)?.ok_or_else(not_a_time)?;
    if matches!(array.data_type(), DataType::Timestamp(..)) {
        values.iter_mut().for_each(|value| *value /= 1e6);
    }
    Ok(values)
}

/// The folds that a column names, for [`FoldInput::predefined`]: in the order of their names (of numbers: by number);
/// [`NO_FOLD`] where it has none.
///
/// # Errors
/// `bad-table` for a column type that cannot be shown as text.
pub fn fold_codes(array: &ArrayRef) -> Result<Vec<u32>, DataError> {
    let codes = Codes::of(array)?;
    let labels = codes.labels(array)?;
    let values = numbers(array)?;
    let mut order: Vec<usize> = (0..codes.count()).collect();
    order.sort_by(|left, right| match &values {
        Some(values) => values[codes.first[*left] as usize].total_cmp(&values[codes.first[*right] as usize]),
        None => labels[*left].cmp(&labels[*right]),
    });
    let mut rank = vec![0_u32; order.len()];
    (0_u32..).zip(&order).for_each(|(place, code)| rank[*code] = place);
    for (code, row) in codes.first.iter().enumerate() {
        let missing = values.as_ref().is_some_and(|values| values[*row as usize].is_nan());
        if array.is_null(*row as usize) || missing {
            rank[code] = NO_FOLD;
        }
    }
    Ok(codes.codes.iter().map(|code| rank[*code as usize]).collect())
}
