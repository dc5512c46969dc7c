//! A table's columns as far as a plan needs to know them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// The type of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// True or false.
    Boolean,
    /// Whole numbers of at most 64 bits.
    Integer,
    /// Real numbers.
    Float,
    /// Text.
    Text,
    /// A day.
    Date,
    /// A moment.
    Timestamp,
    /// Anything else a table can hold, such as lists or binary.
    Other,
}

impl ColumnType {
    /// True for integers and floats.
    #[must_use]
    pub const fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Float)
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Text => "text",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Other => "other",
        })
    }
}

/// A named, typed column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name, exactly as written in the data.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub column_type: ColumnType,
}

/// The columns of a table, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// The columns; names are distinct.
    pub columns: Vec<Column>,
}

impl Schema {
    /// A schema of these columns.
    pub fn new<S: Into<String>>(columns: impl IntoIterator<Item = (S, ColumnType)>) -> Self {
        Self {
            columns: columns.into_iter().map(|(name, column_type)| Column { name: name.into(), column_type }).collect(),
        }
    }

    /// The column of that exact name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// The column of that exact name, or the problem to report, with the nearest known name.
    ///
    /// # Errors
    /// `unknown-column`.
    pub fn require(&self, name: &str) -> Result<&Column, Problem> {
        self.column(name).ok_or_else(|| Problem::unknown("unknown-column", "column", name, self.names()))
    }
}
