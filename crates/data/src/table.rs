//! The table: immutable rows and columns in canonical types, named by the digest of its content.

mod canonical;
mod codec;
mod digest;
mod gather;
mod held;
mod parquet_file;
mod prepared;
mod summary;
#[cfg(test)]
mod tests;
mod view;

use std::{
    any::Any,
    collections::BTreeSet,
    fmt,
    fs::File,
    path::Path,
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
pub(crate) use canonical::{piece as canonical_piece, schema as canonical_schema};
pub(crate) use codec::{ParquetWriter, decode_parquet, parquet_batches, parquet_schema, parquet_size};
pub use gather::Gather;
pub(crate) use gather::MEMORY;

pub(crate) use self::summary::Summary;
use self::{held::Held, parquet_file::ParquetFile, summary::Seen, view::View};
use crate::{error::DataError, preparation::Preparation};

/// How tables are read back from the store.
pub const TABLE_CODEC: Codec = codec::CODEC;

/// Rows and columns that never change. Column names are distinct and kept exactly as written; types are canonical:
/// Boolean, Int64, Float64, Utf8, Date32 and Timestamp in microseconds (without zone or in UTC); any other type is
/// kept as it is. Every field is nullable and carries no metadata.
///
/// A table may know what was done to it since its source ([`Table::preparation`]); what is made of it with the methods here
/// knows nothing of that.
///
/// The rows are in memory or in a file. Of a table in a file, [`Table::column`] reads that column, [`Table::batches`]
/// all of them, and both stay in memory as long as the table; [`Table::scan`] reads some rows at a time and keeps none.
#[derive(Clone)]
pub struct Table {
    schema: SchemaRef,
    rows: usize,
    content: Content,
    /// That of the content alone.
    digest: OnceLock<Digest>,
    /// What was done since the source; none where the table is a source itself.
    preparation: Option<Arc<Preparation>>,
}

/// Where a table's rows are.
#[derive(Clone)]
enum Content {
    Memory(Vec<RecordBatch>),
    File(View),
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
        Self { schema, rows, content: Content::Memory(batches), digest: OnceLock::new(), preparation: None }
    }

    /// The table in a file. With `digest`, its digest is known; otherwise the file is read through once to tell it.
    fn of_file(file: ParquetFile, digest: Option<Digest>) -> Result<Self, DataError> {
        let (schema, rows) = (Arc::clone(file.schema()), file.rows());
        let content = Content::File(View::of(file));
        let table = Self { schema, rows, content, digest: OnceLock::new(), preparation: None };
        let digest = digest.map_or_else(|| digest::digest(&table), Ok)?;
        Ok(Self { digest: digest.into(), ..table })
    }

    /// The table in a Parquet file, copied into `folder` and read from there as it is needed: nothing but a few rows is
    /// in memory until someone asks for a whole column. `bytes` is the digest of the file's bytes, if known. `None`
    /// where only reading all values tells the canonical types.
    ///
    /// # Errors
    /// `bad-parquet`, `duplicate-column`, `bad-table`, `disk-full`, `io`.
    pub(crate) fn copied(
        file: &Path,
        bytes: impl Fn() -> Option<Digest>,
        folder: &Path,
    ) -> Result<Option<Self>, DataError> {
        if ParquetFile::open(file)?.is_none() {
            return Ok(None);
        }
        let (held, mut copy) = Held::new(folder)?;
        let mut open = File::open(file).map_err(|error| DataError::file(file, &error))?;
        std::io::copy(&mut open, &mut copy).map_err(|error| DataError::file(file, &error))?;
        let name = held.path().to_owned();
        let table = ParquetFile::open_held(held, bytes())
            .and_then(|opened| opened.map(|file| Self::of_file(file, None)).transpose());
        table.map_err(|error| DataError {
            // The copy is nobody's business.
            message: error.message.replace(&name.display().to_string(), &file.display().to_string()),
            ..error
        })
    }

    /// The Arrow schema.
    #[must_use]
    pub const fn arrow_schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The rows in order, in batches of any size; none is empty. Cheap for a table in memory, and brings any other into
    /// memory whole.
    ///
    /// # Errors
    /// `bad-parquet` or `io` when the table lies in a file that can no longer be read; `too-large` when it does not fit
    /// into memory.
    pub fn batches(&self) -> Result<Vec<RecordBatch>, DataError> {
        match &self.content {
            Content::Memory(batches) => Ok(batches.clone()),
            Content::File(view) => view.batches(&self.schema),
        }
    }

    /// The rows in order, some at a time; of a table in a file, no more than those are in memory.
    pub fn scan(&self) -> Box<dyn Iterator<Item = Result<RecordBatch, DataError>> + Send + '_> {
        match &self.content {
            Content::Memory(batches) => Box::new(batches.iter().cloned().map(Ok)),
            Content::File(view) => Box::new(view.scan(&self.schema)),
        }
    }

    /// What `map` makes of each of the batches, in order; some batches at a time, in parallel.
    pub(crate) fn map_batches<T: Send>(
        &self,
        map: impl Fn(&RecordBatch) -> Result<T, DataError> + Sync,
    ) -> Result<Vec<T>, DataError> {
        let at_once = 2 * rayon::current_num_threads();
        let (mut scan, mut mapped) = (self.scan(), Vec::new());
        loop {
            let batches = scan.by_ref().take(at_once).collect::<Result<Vec<_>, _>>()?;
            if batches.is_empty() {
                return Ok(mapped);
            }
            mapped.extend(batches.par_iter().map(&map).collect::<Result<Vec<_>, _>>()?);
        }
    }

    /// Hands a column to `take` in pieces, each with the number of its first row. A text column may come as numbers
    /// into a dictionary.
    pub(crate) fn for_each_piece(
        &self,
        position: usize,
        mut take: impl FnMut(usize, &ArrayRef) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let mut start = 0;
        let mut next = |array: &ArrayRef| {
            take(start, array)?;
            start += array.len();
            Ok(())
        };
        match &self.content {
            Content::Memory(batches) => batches.iter().try_for_each(|batch| next(batch.column(position))),
            Content::File(view) => view.for_each_piece(position, next),
        }
    }

    /// What is known of a column without reading it: something only of one in a file that has been read through before.
    pub(crate) fn summary(&self, position: usize) -> Option<&Summary> {
        match &self.content {
            Content::File(view) if view.has_all_rows() => view.file.summary(view.picked[position]).get(),
            _ => None,
        }
    }

    /// Remembers what was seen of a whole column.
    fn note(&self, position: usize, seen: Seen) {
        if let Content::File(view) = &self.content
            && view.has_all_rows()
        {
            view.file.summary(view.picked[position]).get_or_init(|| seen.summary());
        }
    }

    /// True when the rows are in a file, not in memory.
    #[must_use]
    pub const fn is_in_file(&self) -> bool {
        matches!(self.content, Content::File(..))
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
        if self.is_in_file() && rows.is_sorted_by(|one, next| one < next) {
            return self.pick(rows);
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
        let mut batches = Vec::new();
        for batch in self.scan() {
            let batch = batch?;
            let part = keep.slice(offset, batch.num_rows());
            offset += batch.num_rows();
            batches.push(compute::filter_record_batch(&batch, &part)?);
        }
        Ok(Self::of_canonical(Arc::clone(&self.schema), batches))
    }

    /// The rows at these positions, ascending, without keeping any other in memory.
    fn pick(&self, rows: &[u32]) -> Result<Self, DataError> {
        let (mut batches, mut start, mut rest) = (Vec::new(), 0, rows);
        let mut scan = self.scan();
        while !rest.is_empty() {
            let Some(batch) = scan.next().transpose()? else { break };
            let end = start + batch.num_rows();
            let (here, later) = rest.split_at(rest.partition_point(|row| (*row as usize) < end));
            let here: UInt32Array = here.iter().map(|row| row - start as u32).collect();
            batches.push(compute::take_record_batch(&batch, &here)?);
            (start, rest) = (end, later);
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
        let content = match &self.content {
            Content::Memory(batches) => {
                Content::Memory(batches.iter().map(|batch| batch.project(&positions)).collect::<Result<_, _>>()?)
            }
            Content::File(view) => Content::File(view.select(&positions)),
        };
        // The same columns are the same table.
        let digest = if schema == self.schema { self.digest.clone() } else { OnceLock::new() };
        Ok(Self { schema, rows: self.rows, content, digest, preparation: None })
    }

    /// The same columns under other names.
    ///
    /// # Errors
    /// `duplicate-column` when two columns would share a name.
    pub(crate) fn renamed(&self, name: impl Fn(&str) -> String) -> Result<Self, DataError> {
        let fields: Vec<Field> =
            self.schema.fields().iter().map(|field| field.as_ref().clone().with_name(name(field.name()))).collect();
        let schema = Arc::new(ArrowSchema::new(fields));
        distinct_names(&schema)?;
        let content = match &self.content {
            Content::Memory(batches) => Content::Memory(
                batches
                    .iter()
                    .map(|batch| batch_of(&schema, batch.columns().to_vec(), batch.num_rows()))
                    .collect::<Result<_, _>>()?,
            ),
            file @ Content::File(..) => file.clone(),
        };
        let digest = if schema == self.schema { self.digest.clone() } else { OnceLock::new() };
        Ok(Self { schema, rows: self.rows, content, digest, preparation: None })
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
        let mut batches = Vec::new();
        for batch in self.batches()? {
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
        let memory = match &self.content {
            Content::Memory(batches) => batches,
            Content::File(view) => {
                let content = Content::File(view.slice(skip, left));
                let (schema, digest) = (Arc::clone(&self.schema), OnceLock::new());
                return Self { schema, rows: left, content, digest, preparation: None };
            }
        };
        let mut batches = Vec::new();
        for batch in memory {
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
        let batches = tables.iter().map(Self::batches).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::of_canonical(Arc::clone(&first.schema), batches.concat()))
    }

    fn position(&self, name: &str) -> Result<usize, DataError> {
        self.schema.index_of(name).map_err(|_| DataError::unknown_column(name, self.names()))
    }

    /// The whole column at that position, in pieces of any size; none is empty.
    pub(crate) fn pieces(&self, position: usize) -> Result<Vec<ArrayRef>, DataError> {
        match &self.content {
            Content::Memory(batches) => Ok(batches.iter().map(|batch| Arc::clone(batch.column(position))).collect()),
            Content::File(view) => view.column(position),
        }
    }

    fn column_at(&self, position: usize) -> Result<ArrayRef, DataError> {
        let parts = self.pieces(position)?;
        match parts.as_slice() {
            [] => Ok(new_empty_array(self.schema.field(position).data_type())),
            [one] => Ok(Arc::clone(one)),
            many => Ok(compute::concat(&many.iter().map(|part| part.as_ref()).collect::<Vec<&dyn Array>>())?),
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

/// Bytes in memory.
fn bytes_of(batch: &RecordBatch) -> u64 {
    let sizes = batch.columns().iter().map(|array| {
        let data = array.to_data();
        data.get_slice_memory_size().unwrap_or_else(|_| data.get_buffer_memory_size())
    });
    sizes.sum::<usize>() as u64
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
        let content = self.content_digest();
        self.preparation.as_ref().map_or(content, |preparation| preparation.digest(content))
    }
    fn outline(&self) -> Outline {
        Outline::Table { schema: self.schema() }
    }
    fn rows(&self) -> Option<u64> {
        Some(self.rows as u64)
    }
    fn bytes(&self) -> u64 {
        let batches = match &self.content {
            Content::Memory(batches) => batches,
            Content::File(view) => return view.bytes(),
        };
        batches.iter().map(bytes_of).sum()
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
