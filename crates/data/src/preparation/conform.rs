//! Values as they come with a record, brought to the type of their source column.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BooleanArray, Date32Array, Int64Array, StringArray, TimestampMicrosecondArray,
        new_null_array,
    },
    compute::cast,
    datatypes::{DataType, Float64Type, Int64Type},
};

use super::SourceColumn;
use crate::{
    error::DataError,
    read::value::{DAY, date, timestamp},
    table::{canonical_piece, column_type},
};

/// The values in the type of their column. Other types are taken where they say the same: whole numbers and flags for
/// text, 0 and 1 for flags, ISO 8601 text for days and moments, days for moments, whole floats for integers. A column
/// from which nothing is computed takes any number for an integer, since it is a number to the model.
/// Errors count the records from `first` on.
pub(super) fn conform(
    array: &ArrayRef,
    column: &SourceColumn,
    plain: bool,
    first: usize,
) -> Result<ArrayRef, DataError> {
    let Some(target) = column.arrow_type() else { return Ok(Arc::clone(array)) };
    if *array.data_type() == target {
        return Ok(Arc::clone(array));
    }
    let array = canonical_piece(&column.column.name, array)?;
    let refuse = |row: Option<usize>, shown: &str| wrong_type(column, row.map(|row| first + row), shown);
    match (array.data_type(), &target) {
        (found, target) if found == target => Ok(array),
        (DataType::Int64, DataType::Float64) | (DataType::Int64 | DataType::Boolean, DataType::Utf8) => {
            Ok(cast(&array, &target)?)
        }
        (DataType::Float64, DataType::Int64) | (DataType::Timestamp(..), DataType::Timestamp(..)) if plain => Ok(array),
        (DataType::Float64, DataType::Int64) => {
            let floats = array.as_primitive::<Float64Type>();
            let whole = |(row, value): (usize, Option<f64>)| match value {
                None => Ok(None),
                Some(value) if value.fract() == 0.0 && value.abs() < 9.0e18 => Ok(Some(value as i64)),
                Some(value) => Err(refuse(Some(row), &value.to_string())),
            };
            Ok(Arc::new(floats.iter().enumerate().map(whole).collect::<Result<Int64Array, _>>()?))
        }
        (DataType::Int64, DataType::Boolean) => {
            let flag = |(row, value): (usize, Option<i64>)| match value {
                None => Ok(None),
                Some(value @ (0 | 1)) => Ok(Some(value == 1)),
                Some(value) => Err(refuse(Some(row), &value.to_string())),
            };
            let whole = array.as_primitive::<Int64Type>();
            Ok(Arc::new(whole.iter().enumerate().map(flag).collect::<Result<BooleanArray, _>>()?))
        }
        // A flag is a number to a model as well.
        (DataType::Boolean, DataType::Int64 | DataType::Float64) => Ok(cast(&array, &target)?),
        (DataType::Utf8, DataType::Date32) => {
            let days = parsed(array.as_string(), date, &refuse)?;
            Ok(Arc::new(days.into_iter().collect::<Date32Array>()))
        }
        (DataType::Utf8, DataType::Timestamp(_, zone)) => {
            let utc = zone.is_some();
            let read = |text: &[u8]| match timestamp(text) {
                Some((micros, zoned)) => (zoned == utc).then_some(micros),
                None if utc => None,
                None => date(text).map(|day| i64::from(day) * DAY),
            };
            let micros: TimestampMicrosecondArray = parsed(array.as_string(), read, &refuse)?.into_iter().collect();
            Ok(Arc::new(if utc { micros.with_timezone("UTC") } else { micros }))
        }
        (DataType::Date32, DataType::Timestamp(_, None)) => Ok(cast(&array, &target)?),
        _ if array.null_count() == array.len() => Ok(new_null_array(&target, array.len())),
        (found, _) => {
            let first = (0..array.len()).find(|row| array.is_valid(*row));
            Err(refuse(first, &format!("of type {}", column_type(found))))
        }
    }
}

fn parsed<T>(
    texts: &StringArray,
    read: impl Fn(&[u8]) -> Option<T>,
    refuse: &dyn Fn(Option<usize>, &str) -> DataError,
) -> Result<Vec<Option<T>>, DataError> {
    let values = texts.iter().enumerate().map(|(row, text)| match text {
        None => Ok(None),
        Some(text) => read(text.as_bytes()).map(Some).ok_or_else(|| refuse(Some(row), text)),
    });
    values.collect()
}

fn wrong_type(column: &SourceColumn, row: Option<usize>, shown: &str) -> DataError {
    let (name, wanted) = (&column.column.name, column.column.column_type);
    let zone = match wanted {
        trainyard_core::ColumnType::Timestamp if column.utc => " with a zone",
        trainyard_core::ColumnType::Timestamp => " without a zone",
        _ => "",
    };
    let shown: String = shown.chars().take(40).collect();
    let place = row.map_or_else(String::new, |row| format!(" in record {}", row + 1));
    DataError::new("wrong-type", format!("column `{name}` is {wanted}{zone}; found `{shown}`{place}"))
}

#[cfg(test)]
mod tests {
    use arrow::array::Float64Array;
    use trainyard_core::{Column, ColumnType};

    use super::*;

    fn column(column_type: ColumnType) -> SourceColumn {
        SourceColumn { column: Column { name: "x".to_owned(), column_type }, utc: false, unit: None }
    }

    fn conformed(array: impl Array + 'static, column_type: ColumnType, plain: bool) -> Result<ArrayRef, DataError> {
        conform(&(Arc::new(array) as ArrayRef), &column(column_type), plain, 0)
    }

    #[test]
    fn other_types_are_taken_where_they_say_the_same() {
        let numbers = || Int64Array::from(vec![Some(7), None]);
        let texts = conformed(numbers(), ColumnType::Text, true).unwrap();
        assert_eq!(texts.as_string::<i32>().value(0), "7");
        assert_eq!(conformed(numbers(), ColumnType::Float, true).unwrap().as_primitive::<Float64Type>().value(0), 7.0);
        let floats = || Float64Array::from(vec![2.0, 2.5]);
        assert_eq!(conformed(floats(), ColumnType::Integer, true).unwrap().data_type(), &DataType::Float64);
        let error = conformed(floats(), ColumnType::Integer, false).unwrap_err();
        assert_eq!(error.message, "column `x` is integer; found `2.5` in record 2");
        let whole = conformed(Float64Array::from(vec![2.0]), ColumnType::Integer, false).unwrap();
        assert_eq!(whole.as_primitive::<Int64Type>().value(0), 2);
        let days = conformed(StringArray::from(vec!["1970-01-02"]), ColumnType::Date, true).unwrap();
        assert_eq!(days.data_type(), &DataType::Date32);
        let moments = conformed(StringArray::from(vec!["1970-01-02"]), ColumnType::Timestamp, true).unwrap();
        assert_eq!(moments.len(), 1);
        let nothing = conformed(StringArray::from(vec![None::<&str>]), ColumnType::Float, true).unwrap();
        assert_eq!((nothing.data_type(), nothing.null_count()), (&DataType::Float64, 1));
    }

    #[test]
    fn what_says_something_else_is_refused() {
        for (array, column_type) in [
            (Arc::new(StringArray::from(vec!["7"])) as ArrayRef, ColumnType::Float),
            (Arc::new(Float64Array::from(vec![7.0])), ColumnType::Text),
            (Arc::new(Int64Array::from(vec![2])), ColumnType::Boolean),
            (Arc::new(StringArray::from(vec!["soon"])), ColumnType::Date),
            (Arc::new(StringArray::from(vec!["1970-01-02T00:00Z"])), ColumnType::Timestamp),
        ] {
            assert_eq!(conform(&array, &column(column_type), true, 0).unwrap_err().code, "wrong-type");
        }
    }
}
