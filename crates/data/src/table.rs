//! The table: immutable rows and columns in canonical types, named by the digest of its content.

mod canonical;
mod codec;
mod digest;
#[cfg(test)]
mod tests;

use std::{
    any::Any,
    collections::BTreeSet,
    fmt,
    sync::{Arc, OnceLock},
};

use arrow::{
    array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array, new_empty_array},
    compute,
    datatypes::{DataType, Field, Schema as ArrowSchema, SchemaRef},
};
use rayon::prelude::*;
use trainyard_core::{Codec, Digest, Keeper, Kind, Outline, Schema, StepError, Value};

pub use canonical::column_type;
pub(crate) use codec::{decode_parquet, encode_parquet, parquet_schema};

use crate::error::DataError;

/// How tables are read back from the store.
pub const TABLE_CODEC: Codec = codec::CODEC;

/// Rows and columns that never change. Column names are distinct and kept exactly as written; types are canonical:
/// Boolean, Int64, Float64, Utf8, Date32 and Timestamp in microseconds (without zone or in UTC); any other type is
/// kept as it is. Every field is nullable and carries no metadata.
#[derive(Clone)]
pub struct Table {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    rows: usize,
    digest: OnceLock<Digest>,
}

impl Table {
    /// A table of these batches, each of which must have the columns of `schema`; types are made canonical.
    ///
    /// # Errors
    /// `duplicate-column` when two columns share a name; `bad-table` when a batch does not fit the schema or a value
    /// does not fit its canonical type.
    pub fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Result<Self, DataError> {
        distinct_names(&schema)?;
        let (schema, batches) = canonical::canonical(&schema, batches)?;
        Ok(Self::of_canonical(schema, batches))
    }

    /// A table of named columns of equal length.
    ///
    /// # Errors
    /// As [`Table::new`]; `bad-table` when the lengths differ.
    pub fn from_columns(columns: Vec<(String, ArrayRef)>) -> Result<Self, DataError> {
        let rows = columns.first().map_or(0, |(_, array)| array.len());
        if let Some((name, array)) = columns.iter().find(|(_, array)| array.len() != rows) {
            let first = &columns[0].0;
            return Err(DataError::new(
                "bad-table",
                format!("column `{name}` has {} rows where column `{first}` has {rows}", array.len()),
            ));
        }
        let fields: Vec<Field> =
            columns.iter().map(|(name, array)| Field::new(name, array.data_type().clone(), true)).collect();
        let schema = Arc::new(ArrowSchema::new(fields));
        let arrays = columns.into_iter().map(|(_, array)| array).collect();
        let batch = batch_of(&schema, arrays, rows)?;
        Self::new(schema, vec![batch])
    }

    /// Batches whose schema is already canonical and free of duplicate names; empty batches are dropped.
    pub(crate) fn of_canonical(schema: SchemaRef, mut batches: Vec<RecordBatch>) -> Self {
        batches.retain(|batch| batch.num_rows() > 0);
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        Self { schema, batches, rows, digest: OnceLock::new() }
    }

    /// The Arrow schema.
    #[must_use]
    pub const fn arrow_schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The rows in order, in batches of any size; none is empty.
    #[must_use]
    pub fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// The columns as a plan knows them.
    #[must_use]
    pub fn schema(&self) -> Schema {
        Schema::new(self.schema.fields().iter().map(|field| (field.name(), column_type(field.data_type()))))
    }

    /// Number of rows.
    #[must_use]
    pub const fn row_count(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    #[must_use]
    pub fn column_count(&self) -> usize {
        self.schema.fields().len()
    }

    /// The column names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.schema.fields().iter().map(|field| field.name().as_str())
    }

    /// The whole column of that exact name as one array.
    ///
    /// # Errors
    /// `unknown-column` with the nearest name; `bad-table` when its text is more than one array can hold (2 GiB).
    pub fn column(&self, name: &str) -> Result<ArrayRef, DataError> {
        self.column_at(self.position(name)?)
    }

    /// The rows at these positions, in that order; a position may repeat.
    ///
    /// # Errors
    /// `bad-table` when a position is not below the row count.
    pub fn take(&self, rows: &[u32]) -> Result<Self, DataError> {
        if let Some(row) = rows.iter().find(|row| **row as usize >= self.rows) {
            return Err(DataError::new("bad-table", format!("row {row} of a table of {} rows", self.rows)));
        }
        let picked = UInt32Array::from(rows.to_vec());
        self.map_columns(rows.len(), |array| compute::take(&array, &picked, None))
    }

    /// The rows where `keep` is true; a missing value counts as false.
    ///
    /// # Errors
    /// `bad-table` when `keep` has another length than the table.
    pub fn filter(&self, keep: &BooleanArray) -> Result<Self, DataError> {
        if keep.len() != self.rows {
            return Err(DataError::new(
                "bad-table",
                format!("a filter of {} rows for a table of {}", keep.len(), self.rows),
            ));
        }
        let mut offset = 0;
        let mut batches = Vec::with_capacity(self.batches.len());
        for batch in &self.batches {
            let part = keep.slice(offset, batch.num_rows());
            offset += batch.num_rows();
            batches.push(compute::filter_record_batch(batch, &part)?);
        }
        Ok(Self::of_canonical(Arc::clone(&self.schema), batches))
    }

    /// These columns, in that order.
    ///
    /// # Errors
    /// `unknown-column` with the nearest name; `duplicate-column` when one is named twice.
    pub fn select(&self, names: &[String]) -> Result<Self, DataError> {
        let positions = names.iter().map(|name| self.position(name)).collect::<Result<Vec<_>, _>>()?;
        let schema = Arc::new(self.schema.project(&positions)?);
        distinct_names(&schema)?;
        let batches = self.batches.iter().map(|batch| batch.project(&positions)).collect::<Result<Vec<_>, _>>()?;
        let table = Self::of_canonical(schema, batches);
        Ok(Self { rows: self.rows, ..table })
    }

    /// The same with one more column at the end, or with the column of that name replaced.
    ///
    /// # Errors
    /// `bad-table` when `array` has another length than the table.
    pub fn with_column(&self, name: &str, array: ArrayRef) -> Result<Self, DataError> {
        if array.len() != self.rows && self.column_count() > 0 {
            return Err(DataError::new(
                "bad-table",
                format!("column `{name}` has {} rows where the table has {}", array.len(), self.rows),
            ));
        }
        let column = Self::from_columns(vec![(name.to_owned(), array)])?;
        let mut fields: Vec<Arc<Field>> = self.schema.fields().iter().cloned().collect();
        let position = self.schema.index_of(name).unwrap_or(fields.len());
        let field = Arc::clone(&column.schema.fields()[0]);
        if position == fields.len() {
            fields.push(field);
        } else {
            fields[position] = field;
        }
        let schema = Arc::new(ArrowSchema::new(fields));
        if self.column_count() == 0 {
            return Ok(column);
        }
        let whole = column.column_at(0)?;
        let mut offset = 0;
        let mut batches = Vec::with_capacity(self.batches.len());
        for batch in &self.batches {
            let mut arrays = batch.columns().to_vec();
            let part = whole.slice(offset, batch.num_rows());
            if position == arrays.len() {
                arrays.push(part);
            } else {
                arrays[position] = part;
            }
            offset += batch.num_rows();
            batches.push(batch_of(&schema, arrays, batch.num_rows())?);
        }
        Ok(Self::of_canonical(schema, batches))
    }

    /// `length` rows from `start`, or as many as there are; shares memory with this table.
    #[must_use]
    pub fn slice(&self, start: usize, length: usize) -> Self {
        let mut skip = start.min(self.rows);
        let mut left = length.min(self.rows - skip);
        let mut batches = Vec::new();
        for batch in &self.batches {
            let here = batch.num_rows().saturating_sub(skip).min(left);
            if here > 0 {
                batches.push(batch.slice(skip, here));
            }
            skip = skip.saturating_sub(batch.num_rows());
            left -= here;
        }
        Self::of_canonical(Arc::clone(&self.schema), batches)
    }

    /// The rows of all tables one below the other; each must have the same columns in the same order.
    ///
    /// # Errors
    /// `bad-table` when there is no table, or a table has other columns than the first.
    pub fn stack(tables: &[Self]) -> Result<Self, DataError> {
        let first = tables.first().ok_or_else(|| DataError::new("bad-table", "there is no table to stack"))?;
        if let Some(other) = tables.iter().find(|table| table.schema != first.schema) {
            return Err(DataError::new(
                "bad-table",
                format!(
                    "tables to stack differ: columns {} against {}",
                    listed(&other.schema()),
                    listed(&first.schema())
                ),
            ));
        }
        let batches = tables.iter().flat_map(|table| table.batches.iter().cloned()).collect();
        Ok(Self::of_canonical(Arc::clone(&first.schema), batches))
    }

    fn position(&self, name: &str) -> Result<usize, DataError> {
        self.schema.index_of(name).map_err(|_| DataError::unknown_column(name, self.names()))
    }

    fn column_at(&self, position: usize) -> Result<ArrayRef, DataError> {
        match self.batches.as_slice() {
            [] => Ok(new_empty_array(self.schema.field(position).data_type())),
            [batch] => Ok(Arc::clone(batch.column(position))),
            many => {
                let parts: Vec<&dyn Array> = many.iter().map(|batch| batch.column(position).as_ref()).collect();
                Ok(compute::concat(&parts)?)
            }
        }
    }

    /// A table of `rows` rows in one batch, each whole column mapped; columns in parallel.
    fn map_columns(
        &self,
        rows: usize,
        map: impl Fn(ArrayRef) -> Result<ArrayRef, arrow::error::ArrowError> + Sync,
    ) -> Result<Self, DataError> {
        let arrays = (0..self.column_count())
            .into_par_iter()
            .map(|position| Ok(map(self.column_at(position)?)?))
            .collect::<Result<Vec<_>, DataError>>()?;
        let batch = batch_of(&self.schema, arrays, rows)?;
        Ok(Self::of_canonical(Arc::clone(&self.schema), vec![batch]))
    }
}

/// A batch of `rows` rows, also where there is no column to tell their number.
pub(crate) fn batch_of(schema: &SchemaRef, arrays: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, DataError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?)
}

/// A nullable field, as every field of a table is.
pub(crate) fn field(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

fn listed(schema: &Schema) -> String {
    let columns: Vec<String> =
        schema.columns.iter().map(|column| format!("`{}` {}", column.name, column.column_type)).collect();
    columns.join(", ")
}

/// Refuses two columns of one name.
fn distinct_names(schema: &ArrowSchema) -> Result<(), DataError> {
    let mut seen = BTreeSet::new();
    let twice: BTreeSet<&str> =
        schema.fields().iter().map(|field| field.name().as_str()).filter(|name| !seen.insert(*name)).collect();
    if twice.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = twice.iter().map(|name| format!("`{name}`")).collect();
    Err(DataError::new("duplicate-column", format!("more than one column is named {}", names.join(", ")))
        .help("column names must be distinct: rename all but one"))
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({} rows: {})", self.rows, listed(&self.schema()))
    }
}

/// Equal content, whatever the batches.
impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows && Value::digest(self) == Value::digest(other)
    }
}

impl Value for Table {
    fn kind(&self) -> Kind {
        Kind::Table
    }
    fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| digest::digest(self))
    }
    fn outline(&self) -> Outline {
        Outline::Table { schema: self.schema() }
    }
    fn rows(&self) -> Option<u64> {
        Some(self.rows as u64)
    }
    fn bytes(&self) -> u64 {
        let columns = self.batches.iter().flat_map(RecordBatch::columns);
        let sizes = columns.map(|array| {
            let data = array.to_data();
            data.get_slice_memory_size().unwrap_or_else(|_| data.get_buffer_memory_size())
        });
        sizes.sum::<usize>() as u64
    }
    fn encode(&self, keeper: &mut dyn Keeper) -> Result<(), StepError> {
        codec::encode(self, keeper)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}
