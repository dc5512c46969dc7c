//! A Parquet file as a table: nothing is read before it is wanted, a column at a time or a few rows at a time.
//!
//! The file must stay as it is while the table lives: a blob of the store, or a private copy that is removed with it.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use arrow::{
    array::{ArrayRef, RecordBatch},
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{
            ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
        },
    },
    basic::{Encoding, EncodingMask},
    errors::ParquetError,
};
use rayon::prelude::*;
use trainyard_core::Digest;

use super::{batch_of, canonical, distinct_names, held::Held, summary::Summary};
use crate::error::DataError;

/// Rows of a column that are looked at together: they stay in the processor's cache.
const PIECE: usize = 1 << 14;

/// Rows of all columns that are read together.
pub(super) const SCAN: usize = 1 << 16;

/// Rows kept as one array: a row group written elsewhere may hold more text than one array can.
const BATCH: usize = 1 << 20;

/// A table that lies in a file.
#[derive(Debug)]
pub(crate) struct ParquetFile {
    path: PathBuf,
    /// The columns as they are typed in the file.
    footer: ArrowReaderMetadata,
    /// The same, but texts that lie there as numbers into a dictionary are read as such.
    coded: ArrowReaderMetadata,
    schema: SchemaRef,
    rows: usize,
    /// Columns that someone wanted whole.
    columns: Vec<OnceLock<Vec<ArrayRef>>>,
    /// What was seen of the columns that have been read through.
    summaries: Vec<OnceLock<Summary>>,
    /// The digest of the file's bytes, where it is known.
    digest: Option<Digest>,
    /// Removes a private copy with the table.
    _held: Option<Held>,
}

impl ParquetFile {
    /// The table in the file at `path`, of which only the footer is read. `None` where the canonical type of a column
    /// depends on all of its values.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>, DataError> {
        let footer = footer(path, ArrowReaderOptions::new())?;
        let schema = footer.schema();
        distinct_names(schema)?;
        if schema.fields().iter().any(|field| *field.data_type() == DataType::UInt64) {
            return Ok(None);
        }
        let coded = footer_coded(&footer);
        let canonical = Arc::new(canonical::schema(schema));
        let rows = usize::try_from(footer.metadata().file_metadata().num_rows()).unwrap_or(0);
        let columns = canonical.fields().iter().map(|_| OnceLock::new()).collect();
        let summaries = canonical.fields().iter().map(|_| OnceLock::new()).collect();
        let path = path.to_owned();
        let (digest, held) = (None, None);
        Ok(Some(Self { path, footer, coded, schema: canonical, rows, columns, summaries, digest, _held: held }))
    }

    /// The table in a private file, which is removed with it. `digest` is that of the file's bytes, if known.
    pub(crate) fn open_held(held: Held, digest: Option<Digest>) -> Result<Option<Self>, DataError> {
        let opened = Self::open(held.path())?;
        Ok(opened.map(|file| Self { digest, _held: Some(held), ..file }))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) const fn digest(&self) -> Option<Digest> {
        self.digest
    }

    pub(crate) const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(crate) const fn rows(&self) -> usize {
        self.rows
    }

    /// What was seen of a column, once it has been read through.
    pub(super) fn summary(&self, position: usize) -> &OnceLock<Summary> {
        &self.summaries[position]
    }

    /// Bytes that the columns at these positions take in memory, about: what their pages unpack to.
    pub(crate) fn bytes(&self, positions: &[usize]) -> u64 {
        let columns = self.footer.parquet_schema().num_columns();
        let groups = self.footer.metadata().row_groups().iter();
        let sizes = groups.flat_map(|group| {
            (0..columns)
                .filter(|leaf| positions.contains(&self.footer.parquet_schema().get_column_root_idx(*leaf)))
                .map(|leaf| u64::try_from(group.column(leaf).uncompressed_size()).unwrap_or(0))
        });
        let fixed = positions.iter().filter(|position| {
            matches!(self.schema.field(**position).data_type(), DataType::Int64 | DataType::Float64 | DataType::Utf8)
        });
        // A value that is a number into a dictionary there takes eight bytes here.
        sizes.sum::<u64>().max(fixed.count() as u64 * 8 * self.rows as u64)
    }

    /// A whole column in canonical type, in pieces that end at the same rows for every column. Read once.
    pub(crate) fn column(&self, position: usize) -> Result<&[ArrayRef], DataError> {
        if let Some(read) = self.columns[position].get() {
            return Ok(read);
        }
        // Two who want it at once both read it: a lock held while reading in parallel could wait for itself.
        let groups = (0..self.footer.metadata().num_row_groups()).into_par_iter();
        let pieces: Vec<Vec<ArrayRef>> = groups
            .map(|group| {
                let pieces = self.reader(&self.footer, group, &[position], BATCH)?;
                pieces
                    .map(|batch| self.canonical(position, batch.map_err(|error| self.broken(&error.into()))?))
                    .collect()
            })
            .collect::<Result<_, DataError>>()?;
        let pieces = pieces.into_iter().flatten().collect();
        Ok(self.columns[position].get_or_init(|| pieces))
    }

    /// Hands a column to `take` in small pieces, in order, without keeping it. A text column whose pages all refer to a
    /// dictionary comes as numbers into it.
    pub(crate) fn for_each_piece(
        &self,
        position: usize,
        mut take: impl FnMut(&ArrayRef) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        if let Some(read) = self.columns[position].get() {
            return read.iter().try_for_each(take);
        }
        for group in 0..self.footer.metadata().num_row_groups() {
            // A reader of several groups would join their dictionaries.
            for batch in self.reader(&self.coded, group, &[position], PIECE)? {
                let batch = batch.map_err(|error| self.broken(&error.into()))?;
                if matches!(batch.column(0).data_type(), DataType::Dictionary(..))
                    && *self.coded.schema().field(position).data_type()
                        != *self.footer.schema().field(position).data_type()
                {
                    take(batch.column(0))?;
                } else {
                    take(&self.canonical(position, batch)?)?;
                }
            }
        }
        Ok(())
    }

    /// The columns at these positions (in that order, under these names), some rows at a time.
    pub(crate) fn scan<'a>(
        &'a self,
        positions: &'a [usize],
        schema: &'a SchemaRef,
    ) -> impl Iterator<Item = Result<RecordBatch, DataError>> + Send + 'a {
        let groups = 0..self.footer.metadata().num_row_groups();
        let mut sorted = positions.to_vec();
        sorted.sort_unstable();
        groups.flat_map(move |group| {
            let order: Vec<usize> =
                positions.iter().filter_map(|position| sorted.iter().position(|other| other == position)).collect();
            let (reader, failed) = match self.reader(&self.footer, group, &sorted, SCAN) {
                Ok(reader) => (Some(reader), None),
                Err(error) => (None, Some(Err(error))),
            };
            let batches = reader.into_iter().flatten().map(move |batch| {
                let batch = batch.map_err(|error| self.broken(&error.into()))?;
                let columns = order.iter().zip(positions).map(|(at, position)| {
                    let name = self.schema.field(*position).name();
                    canonical::piece(name, batch.column(*at))
                });
                batch_of(schema, columns.collect::<Result<_, _>>()?, batch.num_rows())
            });
            failed.into_iter().chain(batches)
        })
    }

    fn reader(
        &self,
        footer: &ArrowReaderMetadata,
        group: usize,
        positions: &[usize],
        rows: usize,
    ) -> Result<ParquetRecordBatchReader, DataError> {
        let open = File::open(&self.path).map_err(|error| DataError::file(&self.path, &error))?;
        let mask = ProjectionMask::roots(footer.parquet_schema(), positions.iter().copied());
        ParquetRecordBatchReaderBuilder::new_with_metadata(open, footer.clone())
            .with_row_groups(vec![group])
            .with_projection(mask)
            .with_batch_size(rows)
            .build()
            .map_err(|error| self.broken(&error))
    }

    fn canonical(&self, position: usize, batch: RecordBatch) -> Result<ArrayRef, DataError> {
        canonical::piece(self.schema.field(position).name(), batch.column(0))
    }

    fn broken(&self, error: &ParquetError) -> DataError {
        broken(&self.path, error)
    }
}

/// The footer of a Parquet file.
pub(super) fn footer(path: &Path, options: ArrowReaderOptions) -> Result<ArrowReaderMetadata, DataError> {
    let open = File::open(path).map_err(|error| DataError::file(path, &error))?;
    ArrowReaderMetadata::load(&open, options).map_err(|error| broken(path, &error))
}

/// The footer read so that texts whose data pages all refer to a dictionary stay references.
fn footer_coded(plain: &ArrowReaderMetadata) -> ArrowReaderMetadata {
    let parquet = plain.parquet_schema();
    let is_coded = |position: usize| {
        let Some(leaf) = (0..parquet.num_columns()).find(|leaf| parquet.get_column_root_idx(*leaf) == position) else {
            return false;
        };
        let by_number = EncodingMask::new_from_encodings([Encoding::PLAIN_DICTIONARY, Encoding::RLE_DICTIONARY].iter());
        plain.metadata().row_groups().iter().all(|group| {
            let pages = group.column(leaf).page_encoding_stats_mask();
            pages.is_some_and(|pages| pages.encodings().all(|encoding| by_number.is_set(encoding)))
        })
    };
    let fields: Vec<Field> = plain
        .schema()
        .fields()
        .iter()
        .enumerate()
        .map(|(position, field)| {
            let is_text = matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
            let coded = is_text && is_coded(position);
            let kept = field.as_ref().clone();
            if coded {
                kept.with_data_type(DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)))
            } else {
                kept
            }
        })
        .collect();
    let hint = Arc::new(Schema::new_with_metadata(fields, plain.schema().metadata().clone()));
    // Only a shortcut: where it cannot be had, texts are read as such.
    ArrowReaderMetadata::try_new(Arc::clone(plain.metadata()), ArrowReaderOptions::new().with_schema(hint))
        .unwrap_or_else(|_| plain.clone())
}

pub(super) fn broken(file: &Path, error: &ParquetError) -> DataError {
    DataError::new("bad-parquet", format!("`{}` is not a readable Parquet file: {error}", file.display()))
}
