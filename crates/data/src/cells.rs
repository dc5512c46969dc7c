//! Small tables of plain values, such as a step's own findings.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use trainyard_core::{ColumnType, Schema};

use crate::{DataError, Table};

/// The values of one column, one a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cells {
    /// Texts.
    Texts(Vec<String>),
    /// Numbers.
    Numbers(Vec<f64>),
    /// Whole numbers.
    Counts(Vec<i64>),
    /// True or false.
    Flags(Vec<bool>),
}

impl Cells {
    /// The type of the column.
    #[must_use]
    pub const fn column_type(&self) -> ColumnType {
        match self {
            Self::Texts(_) => ColumnType::Text,
            Self::Numbers(_) => ColumnType::Float,
            Self::Counts(_) => ColumnType::Integer,
            Self::Flags(_) => ColumnType::Boolean,
        }
    }

    /// A table of columns of equal length.
    ///
    /// # Errors
    /// Columns of different lengths, or names that are there twice.
    pub fn table(columns: Vec<(&str, Self)>) -> Result<Table, DataError> {
        let array = |(name, cells): (&str, Self)| {
            let array: ArrayRef = match cells {
                Self::Texts(texts) => Arc::new(StringArray::from(texts)),
                Self::Numbers(numbers) => Arc::new(Float64Array::from(numbers)),
                Self::Counts(counts) => Arc::new(Int64Array::from(counts)),
                Self::Flags(flags) => Arc::new(BooleanArray::from(flags)),
            };
            (name.to_owned(), array)
        };
        Table::from_columns(columns.into_iter().map(array).collect())
    }

    /// The schema that [`Cells::table`] gives the same columns.
    #[must_use]
    pub fn schema(columns: &[(&str, Self)]) -> Schema {
        Schema::new(columns.iter().map(|(name, cells)| (*name, cells.column_type())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_the_schema_that_was_told() {
        let columns = || {
            vec![
                ("what", Cells::Texts(vec!["a".to_owned()])),
                ("value", Cells::Numbers(vec![0.5])),
                ("bytes", Cells::Counts(vec![7])),
                ("chosen", Cells::Flags(vec![true])),
            ]
        };
        let table = Cells::table(columns()).unwrap();
        assert_eq!((table.row_count(), table.schema()), (1, Cells::schema(&columns())));
        assert!(Cells::table(vec![("a", Cells::Counts(vec![1])), ("b", Cells::Counts(vec![]))]).is_err());
    }
}
