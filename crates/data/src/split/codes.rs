//! A column's values as small whole numbers: classes, groups, quantile bins.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
};

use arrow::{
    array::{Array, ArrayRef, AsArray},
    compute::cast,
    datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType},
    util::display::{ArrayFormatter, FormatOptions},
};
use rayon::prelude::*;

use crate::error::DataError;

/// One code a row: rows of equal value have equal codes, counted from 0 in order of first appearance. Missing values
/// (null and NaN) are one value of their own.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Codes {
    /// The codes by row.
    pub(super) codes: Vec<u32>,
    /// The row where each code appears first; as many as there are codes.
    pub(super) first: Vec<u32>,
}

impl Codes {
    /// The codes of a column.
    pub(super) fn of(array: &ArrayRef) -> Result<Self, DataError> {
        let rows = array.len();
        let valid = |row: usize| array.is_valid(row);
        Ok(match array.data_type() {
            DataType::Utf8 => {
                let texts = array.as_string::<i32>();
                Self::by((0..rows).map(|row| valid(row).then(|| texts.value(row))))
            }
            DataType::Boolean => {
                let flags = array.as_boolean();
                Self::by((0..rows).map(|row| valid(row).then(|| flags.value(row))))
            }
            DataType::Float64 => {
                let values = array.as_primitive::<Float64Type>().values();
                // Adding zero makes −0 and 0 one value.
                let bits = |row: usize| (valid(row) && !values[row].is_nan()).then(|| (values[row] + 0.0).to_bits());
                Self::by((0..rows).map(bits))
            }
            DataType::Int64 => {
                let values = array.as_primitive::<Int64Type>().values();
                Self::by_number(rows, |row| valid(row).then(|| values[row]))
            }
            DataType::Date32 => {
                let values = array.as_primitive::<Date32Type>().values();
                Self::by_number(rows, |row| valid(row).then(|| i64::from(values[row])))
            }
            DataType::Timestamp(..) => {
                let values = array.as_primitive::<TimestampMicrosecondType>().values();
                Self::by_number(rows, |row| valid(row).then(|| values[row]))
            }
            _ => {
                let options = FormatOptions::default();
                let formatter = ArrayFormatter::try_new(array.as_ref(), &options)?;
                let texts: Vec<Option<String>> =
                    (0..rows).map(|row| valid(row).then(|| formatter.value(row).to_string())).collect();
                Self::by(texts.iter().map(Option::as_deref))
            }
        })
    }

    /// The codes of given numbers.
    pub(super) fn of_numbers(numbers: &[u32]) -> Self {
        Self::by_number(numbers.len(), |row| Some(i64::from(numbers[row])))
    }

    /// The codes of a column of numbers cut into `bins` quantile bins; equal values share a bin.
    pub(super) fn quantiles(values: &[f64], bins: usize) -> Self {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        sorted.par_sort_unstable_by(f64::total_cmp);
        let mut edges: Vec<f64> = (1..bins).filter_map(|bin| sorted.get(sorted.len() * bin / bins).copied()).collect();
        edges.dedup();
        let bin = |value: f64| (!value.is_nan()).then(|| edges.partition_point(|edge| *edge <= value) as i64);
        Self::by_number(values.len(), |row| bin(values[row]))
    }

    /// Number of distinct values.
    pub(super) fn count(&self) -> usize {
        self.first.len()
    }

    /// Rows of each code.
    pub(super) fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.count()];
        self.codes.iter().for_each(|code| sizes[*code as usize] += 1);
        sizes
    }

    /// The value behind each code as text; `missing` for no value.
    pub(super) fn labels(&self, array: &ArrayRef) -> Result<Vec<String>, DataError> {
        let options = FormatOptions::default();
        let formatter = ArrayFormatter::try_new(array.as_ref(), &options)?;
        let label = |row: &u32| match *row as usize {
            row if array.is_null(row) => "missing".to_owned(),
            row => formatter.value(row).to_string(),
        };
        Ok(self.first.iter().map(label).collect())
    }

    fn by<K: Hash + Eq>(values: impl ExactSizeIterator<Item = Option<K>>) -> Self {
        let mut known: HashMap<Option<K>, u32> = HashMap::new();
        let mut first = Vec::new();
        let mut codes = Vec::with_capacity(values.len());
        for (row, value) in values.enumerate() {
            codes.push(match known.entry(value) {
                Entry::Occupied(entry) => *entry.get(),
                Entry::Vacant(entry) => {
                    first.push(row as u32);
                    *entry.insert(first.len() as u32 - 1)
                }
            });
        }
        Self { codes, first }
    }

    /// As [`Codes::by`], by a table in place of hashing where the numbers lie close together.
    fn by_number(rows: usize, value: impl Fn(usize) -> Option<i64>) -> Self {
        let range = (0..rows).filter_map(&value).fold(None, |range: Option<(i64, i64)>, value| {
            Some(range.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
        });
        let Some((low, high)) = range else { return Self::by((0..rows).map(value)) };
        let span = high.abs_diff(low);
        if span > 4 * rows as u64 + 1024 {
            return Self::by((0..rows).map(value));
        }
        // One slot a number, and the last for missing values.
        let mut known = vec![u32::MAX; span as usize + 2];
        let mut first = Vec::new();
        let mut codes = Vec::with_capacity(rows);
        for row in 0..rows {
            let slot = value(row).map_or(span as usize + 1, |value| value.abs_diff(low) as usize);
            if known[slot] == u32::MAX {
                known[slot] = first.len() as u32;
                first.push(row as u32);
            }
            codes.push(known[slot]);
        }
        Self { codes, first }
    }
}

/// A number, date or timestamp column as numbers in its own unit (days for dates, microseconds for timestamps); NaN for
/// a missing value, `None` for any other type.
pub(super) fn numbers(array: &ArrayRef) -> Result<Option<Vec<f64>>, DataError> {
    let values = match array.data_type() {
        DataType::Float64 => array.clone(),
        DataType::Int64 | DataType::Boolean => cast(array, &DataType::Float64)?,
        DataType::Date32 => cast(&cast(array, &DataType::Int32)?, &DataType::Float64)?,
        DataType::Timestamp(..) => cast(&cast(array, &DataType::Int64)?, &DataType::Float64)?,
        _ => return Ok(None),
    };
    let values = values.as_primitive::<Float64Type>();
    if values.null_count() == 0 {
        return Ok(Some(values.values().to_vec()));
    }
    Ok(Some(values.iter().map(|value| value.unwrap_or(f64::NAN)).collect()))
}

/// True when a column holds more than `most` distinct numbers.
pub(super) fn more_distinct_than(values: &[f64], most: usize) -> bool {
    let mut seen: Vec<f64> = Vec::with_capacity(most);
    for value in values.iter().filter(|value| !value.is_nan()) {
        if !seen.contains(value) {
            if seen.len() == most {
                return true;
            }
            seen.push(*value);
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, StringArray};

    use super::*;

    #[test]
    fn missing_values_are_a_value_of_their_own() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("b"), None, Some("a"), Some("b"), None]));
        let codes = Codes::of(&texts).unwrap();
        assert_eq!(
            (codes.codes.as_slice(), codes.first.as_slice()),
            ([0, 1, 2, 0, 1].as_slice(), [0, 1, 2].as_slice())
        );
        assert_eq!(codes.labels(&texts).unwrap(), ["b", "missing", "a"]);
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![Some(0.0), Some(-0.0), Some(f64::NAN), None]));
        assert_eq!(Codes::of(&floats).unwrap().codes, [0, 0, 1, 1]);
    }

    #[test]
    fn near_and_far_integers_are_coded_alike() {
        let near: ArrayRef = Arc::new(Int64Array::from(vec![Some(5), Some(-3), None, Some(5)]));
        let far: ArrayRef = Arc::new(Int64Array::from(vec![Some(i64::MAX), Some(i64::MIN), None, Some(i64::MAX)]));
        assert_eq!(Codes::of(&near).unwrap(), Codes::of(&far).unwrap());
    }

    #[test]
    fn quantile_bins_hold_equal_numbers_of_rows() {
        let values: Vec<f64> = (0..1000).map(|value| f64::from(value * 7919 % 1000)).collect();
        let codes = Codes::quantiles(&values, 10);
        assert_eq!(codes.sizes(), vec![100; 10]);
        assert_eq!(Codes::quantiles(&[1.0; 50], 10).count(), 1);
        assert_eq!(Codes::quantiles(&[], 10).count(), 0);
    }
}
