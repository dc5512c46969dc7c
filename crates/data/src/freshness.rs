//! How new the newest row of a table is.

use arrow::{
    array::{Array, AsArray},
    compute,
    datatypes::{DataType, Date32Type, TimestampMicrosecondType},
};

use crate::{
    DataError, Table, column_type,
    read::value::{DAY, date, timestamp},
};

/// Milliseconds since 1970 of the newest moment in a date or timestamp column, which is read piece by piece; none when
/// it holds none. A timestamp without a zone is taken for UTC, a date for its first moment.
///
/// # Errors
/// `unknown-column`; `wrong-type` for a column of another type; when the column cannot be read.
pub fn newest(table: &Table, name: &str) -> Result<Option<i64>, DataError> {
    let position = table.arrow_schema().index_of(name).map_err(|_| DataError::unknown_column(name, table.names()))?;
    let mut newest: Option<i64> = None;
    table.for_each_piece(position, |_, array| {
        let micros = match array.data_type() {
            DataType::Date32 => compute::max(array.as_primitive::<Date32Type>()).map(|day| i64::from(day) * DAY),
            DataType::Timestamp(..) => compute::max(array.as_primitive::<TimestampMicrosecondType>()),
            other => {
                let message = format!("`{name}` is {}; expected dates or timestamps", column_type(other));
                return Err(DataError::new("wrong-type", message));
            }
        };
        newest = newest.max(micros);
        Ok(())
    })?;
    Ok(newest.map(|micros| micros.div_euclid(1000)))
}

/// Milliseconds since 1970 of `YYYY-MM-DD` or `YYYY-MM-DDTHH:MM[:SS]`, with a zone or else in UTC.
#[must_use]
pub fn moment(text: &str) -> Option<i64> {
    let text = text.as_bytes();
    let micros = date(text).map(|day| i64::from(day) * DAY).or_else(|| timestamp(text).map(|(micros, _)| micros));
    micros.map(|micros| micros.div_euclid(1000))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Date32Array, Int64Array, TimestampMicrosecondArray};

    use super::*;

    #[test]
    fn finds_the_newest_moment() {
        let at = TimestampMicrosecondArray::from(vec![Some(5_000), None, Some(7_999), Some(-1)]);
        let table = Table::from_columns(vec![
            ("at".to_owned(), Arc::new(at) as ArrayRef),
            ("day".to_owned(), Arc::new(Date32Array::from(vec![Some(2), Some(1), None, None]))),
            ("none".to_owned(), Arc::new(Date32Array::from(vec![None; 4]))),
            ("x".to_owned(), Arc::new(Int64Array::from(vec![1; 4]))),
        ])
        .unwrap();
        assert_eq!(newest(&table, "at").unwrap(), Some(7));
        assert_eq!(newest(&table, "day").unwrap(), Some(2 * 86_400_000));
        assert_eq!(newest(&table, "none").unwrap(), None);
        assert_eq!(newest(&table, "x").unwrap_err().code, "wrong-type");
        assert_eq!(newest(&table, "ta").unwrap_err().code, "unknown-column");
        assert_eq!(newest(&table.slice(0, 0), "at").unwrap(), None);
    }

    #[test]
    fn moments_are_read_as_in_files() {
        assert_eq!(moment("1970-01-02"), Some(86_400_000));
        assert_eq!(moment("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(moment("1970-01-01 00:00:01.5"), Some(1500));
        assert_eq!(moment("yesterday"), None);
    }
}
