//! Raw feature columns as they come from a table, before any fitted transform.

use serde::{Deserialize, Serialize};

/// The values of one raw column, one entry a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Values {
    /// Numbers; a missing value is NaN. Booleans arrive as 0 and 1.
    Number(Vec<f64>),
    /// Dates and timestamps as seconds since the start of 1970 (UTC); a missing one is NaN.
    Moment(Vec<f64>),
    /// Codes into `levels`; a missing value is [`Values::MISSING`].
    Category {
        /// One code a row.
        codes: Vec<u32>,
        /// The distinct texts in the order of first appearance or sorted; only the texts carry meaning.
        levels: Vec<String>,
    },
}

impl Values {
    /// The code of a missing category.
    pub const MISSING: u32 = u32::MAX;

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Number(values) | Self::Moment(values) => values.len(),
            Self::Category { codes, .. } => codes.len(),
        }
    }

    /// The values of the rows named by `rows` (indices below their number), in that order.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Self {
        match self {
            Self::Number(values) => Self::Number(rows.iter().map(|&row| values[row]).collect()),
            Self::Moment(values) => Self::Moment(rows.iter().map(|&row| values[row]).collect()),
            Self::Category { codes, levels } => {
                Self::Category { codes: rows.iter().map(|&row| codes[row]).collect(), levels: levels.clone() }
            }
        }
    }

    /// True when there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One named raw column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameColumn {
    /// The column's name in the table.
    pub name: String,
    /// Its values.
    pub values: Values,
}

/// Raw feature columns of equal length.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// The columns, in table order.
    pub columns: Vec<FrameColumn>,
    /// Number of rows of every column.
    pub rows: usize,
}

impl Frame {
    /// The rows named by `rows` (indices below `self.rows`), in that order.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Self {
        let columns = self
            .columns
            .iter()
            .map(|column| FrameColumn { name: column.name.clone(), values: column.values.take(rows) })
            .collect();
        Self { columns, rows: rows.len() }
    }
}
