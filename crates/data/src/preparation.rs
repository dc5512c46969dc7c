//! What was done to a table since its source, row by row: what has to be done to a single record before a model that
//! learned from the table can read it.
//!
//! A step that works row by row adds an [`Operation`] to the [`Preparation`] of its input; what a step makes of several
//! rows, or learns from them, is a source of its own. Operations that leave rows out (a `WHERE`, a contract that drops
//! rows) say which rows to learn from and are no preparation of a record: a filter is left out when records are
//! prepared. A preparation belongs to the content of its table, so that a model always holds the right one.

mod compiled;
mod conform;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use arrow::datatypes::{DataType, Schema as ArrowSchema, TimeUnit};
use serde::{Deserialize, Serialize};
use trainyard_core::{Column, ColumnType, Digest, Hasher};

pub use self::compiled::Compiled;
use crate::{columns::arrow_type, table::column_type};

/// A column of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceColumn {
    /// Its name and type.
    #[serde(flatten)]
    pub column: Column,
    /// True for moments with a zone, which are held in UTC.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub utc: bool,
    /// The unit of its values, where a contract names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

impl SourceColumn {
    /// The Arrow type of its values; none for [`ColumnType::Other`], whose values are taken as they come.
    #[must_use]
    pub fn arrow_type(&self) -> Option<DataType> {
        if self.utc {
            return Some(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
        }
        arrow_type(self.column.column_type)
    }
}

/// What was done to a table since its source, row by row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Preparation {
    /// The columns of the source, in its order.
    pub source: Vec<SourceColumn>,
    /// What was done since, the first thing first.
    pub operations: Vec<Operation>,
}

/// One thing done to every row by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Columns picked, renamed and cast; a value that does not fit its new type becomes missing.
    Columns(Vec<Picked>),
    /// Columns brought to the types of a contract; a value that does not fit, such as 2.5 for an integer, becomes missing.
    Types(BTreeMap<String, ColumnType>),
    /// A query over one table that works row by row.
    Sql {
        /// The table's name in the query.
        table: String,
        /// The query, parsed and printed, so that equal queries are equal however they are laid out.
        query: String,
    },
}

/// A column that stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picked {
    /// Its name before.
    pub from: String,
    /// Its name from then on, where that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Its type from then on, where it was cast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cast: Option<ColumnType>,
}

impl Picked {
    /// Its name from then on.
    #[must_use]
    pub fn name(&self) -> &str {
        self.to.as_deref().unwrap_or(&self.from)
    }
}

impl Preparation {
    /// That of a table which is a source itself.
    #[must_use]
    pub fn of_source(schema: &ArrowSchema) -> Self {
        let source = schema.fields().iter().map(|field| SourceColumn {
            column: Column { name: field.name().clone(), column_type: column_type(field.data_type()) },
            utc: matches!(field.data_type(), DataType::Timestamp(_, Some(_))),
            unit: None,
        });
        Self { source: source.collect(), operations: Vec::new() }
    }

    /// The same with one more operation at the end.
    #[must_use]
    pub fn then(mut self, operation: Operation) -> Self {
        self.operations.push(operation);
        self
    }

    /// The digest of a table of this content with this preparation.
    #[must_use]
    pub fn digest(&self, content: Digest) -> Digest {
        let text = serde_json::to_vec(self).expect("a preparation has string keys and no serialiser that could fail");
        Hasher::new("trainyard prepared table 1").part(content.as_bytes()).part(&text).digest()
    }
}
