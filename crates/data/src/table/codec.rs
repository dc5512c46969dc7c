//! Tables as Parquet: how they are kept in the store, and what other programs read.

use std::{fs::File, io::Write, path::Path, sync::Arc};

use arrow::{
    array::{ArrayRef, RecordBatch, new_empty_array},
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use parquet::{
    arrow::{
        ArrowWriter, ProjectionMask,
        arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder},
        arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves},
    },
    basic::{Compression, Encoding},
    errors::ParquetError,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::types::ColumnPath,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use trainyard_core::{Codec, Digest, Keeper, Kind, StepError, Stored, Value};

use super::{
    Content, Table, batch_of,
    parquet_file::{ParquetFile, SCAN, broken, footer},
};
use crate::{error::DataError, preparation::Preparation};

const FILE: &str = "table.parquet";

/// Beside it, for a table that has a preparation.
const PREPARATION: &str = "preparation.json";

/// What is kept of a preparation.
#[derive(Serialize, Deserialize)]
struct Prepared {
    /// The digest of the table's content without its preparation.
    content: Digest,
    preparation: Preparation,
}

/// Rows in a row group: enough for the encodings to pay, few enough for several threads to share a table.
const GROUP: usize = 1 << 17;

/// Rows read at once: a row group written elsewhere may hold more text than one array can.
const BATCH: usize = 1 << 20;

pub(super) const CODEC: Codec = Codec { kind: Kind::Table, decode };

pub(super) fn encode(table: &Table, keeper: &mut dyn Keeper) -> Result<(), StepError> {
    if let Some(preparation) = &table.preparation {
        let document = Prepared { content: table.content_digest(), preparation: Preparation::clone(preparation) };
        keeper.file(PREPARATION, &mut |writer| {
            serde_json::to_writer(writer, &document).map_err(|error| StepError::io(error.into()))
        })?;
    }
    if let Content::File(view) = &table.content
        && view.is_whole(&table.schema)
    {
        // It lies in Parquet already.
        return keeper.adopt(FILE, view.file.path(), view.file.digest());
    }
    keeper.file(FILE, &mut |writer| encode_parquet(table, writer).map_err(StepError::from))
}

fn decode(stored: &Stored<'_>) -> Result<Arc<dyn Value>, StepError> {
    let broken =
        |error: DataError| StepError::new("broken-artifact", format!("table {}: {}", stored.digest, error.message));
    let path = stored.file(FILE)?;
    let (content, preparation) = match stored.files.contains_key(PREPARATION) {
        false => (stored.digest, None),
        true => {
            let document: Prepared = serde_json::from_slice(&stored.read(PREPARATION)?)
                .map_err(|error| broken(DataError::new("broken-artifact", format!("its preparation: {error}"))))?;
            if document.preparation.digest(document.content) != stored.digest {
                return Err(broken(DataError::new("broken-artifact", "its preparation belongs to another table")));
            }
            (document.content, Some(Arc::new(document.preparation)))
        }
    };
    // Whoever loads it has just hashed the blob, and it was named by a table that was read from or written to it. So it
    // is not read once more to tell its digest.
    if let Some(file) = ParquetFile::open(path).map_err(broken)? {
        return Ok(Arc::new(Table::of_file(file, Some(content)).map_err(broken)?.with_preparation(preparation)));
    }
    let (schema, batches) = decode_parquet(path).map_err(broken)?;
    let table = Table::new(schema, batches).map_err(broken)?.with_preparation(preparation);
    if table.digest() != stored.digest {
        return Err(broken(DataError::new("broken-artifact", "its content has another digest")));
    }
    Ok(Arc::new(table))
}

/// Writes a table as one Parquet file; the columns of each row group are encoded in parallel, the bytes do not depend
/// on the number of threads.
pub(super) fn encode_parquet<W: Write + Send>(table: &Table, writer: W) -> Result<(), DataError> {
    let mut parquet = ParquetWriter::new(writer, &table.schema)?;
    table.scan().try_for_each(|batch| parquet.push(batch?))?;
    parquet.finish().map(drop)
}

/// Writes rows as a Parquet file in groups of [`GROUP`] rows, however they come.
pub(crate) struct ParquetWriter<W: Write + Send> {
    schema: SchemaRef,
    file: SerializedFileWriter<W>,
    factory: ArrowRowGroupWriterFactory,
    /// How many Parquet columns each Arrow column becomes: one, unless it is nested.
    leaves: Vec<usize>,
    groups: usize,
    waiting: Vec<RecordBatch>,
    rows: usize,
}

impl<W: Write + Send> ParquetWriter<W> {
    pub(crate) fn new(writer: W, schema: &SchemaRef) -> Result<Self, DataError> {
        let writer = ArrowWriter::try_new(writer, Arc::clone(schema), Some(properties(schema)?))?;
        let (file, factory) = writer.into_serialized_writer()?;
        let leaves = leaves_of(schema)?;
        Ok(Self { schema: Arc::clone(schema), file, factory, leaves, groups: 0, waiting: Vec::new(), rows: 0 })
    }

    pub(crate) fn push(&mut self, batch: RecordBatch) -> Result<(), DataError> {
        let mut start = 0;
        while start < batch.num_rows() {
            let length = (GROUP - self.rows).min(batch.num_rows() - start);
            self.waiting.push(batch.slice(start, length));
            self.rows += length;
            start += length;
            if self.rows == GROUP {
                self.write_group()?;
            }
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<W, DataError> {
        if self.rows > 0 {
            self.write_group()?;
        }
        Ok(self.file.into_inner()?)
    }

    fn write_group(&mut self) -> Result<(), DataError> {
        let mut writers = self.factory.create_column_writers(self.groups)?.into_iter();
        let writers: Vec<Vec<ArrowColumnWriter>> =
            self.leaves.iter().map(|count| writers.by_ref().take(*count).collect()).collect();
        let (schema, waiting) = (&self.schema, &self.waiting);
        let chunks: Vec<Vec<ArrowColumnChunk>> = writers
            .into_par_iter()
            .enumerate()
            .map(|(position, writers)| column_chunks(schema.field(position), position, waiting, writers))
            .collect::<Result<_, _>>()?;
        let mut row_group = self.file.next_row_group()?;
        for chunk in chunks.into_iter().flatten() {
            chunk.append_to_row_group(&mut row_group)?;
        }
        row_group.close()?;
        self.groups += 1;
        self.waiting.clear();
        self.rows = 0;
        Ok(())
    }
}

fn column_chunks(
    field: &Field,
    position: usize,
    batches: &[RecordBatch],
    mut writers: Vec<ArrowColumnWriter>,
) -> Result<Vec<ArrowColumnChunk>, ParquetError> {
    for batch in batches {
        let leaves = compute_leaves(field, batch.column(position))?;
        for (writer, leaf) in writers.iter_mut().zip(&leaves) {
            writer.write(leaf)?;
        }
    }
    writers.into_iter().map(ArrowColumnWriter::close).collect()
}

fn properties(schema: &Schema) -> Result<WriterProperties, ParquetError> {
    let mut properties = WriterProperties::builder()
        // The store is a cache first: writing and reading fast beats the last tenth of size.
        .set_compression(Compression::LZ4_RAW)
        .set_max_row_group_row_count(Some(GROUP))
        .set_created_by("trainyard".to_owned());
    // Real numbers rarely repeat: a dictionary costs time and saves nothing.
    for field in schema.fields().iter().filter(|field| *field.data_type() == DataType::Float64) {
        let path = ColumnPath::new(vec![field.name().clone()]);
        properties = properties
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::BYTE_STREAM_SPLIT);
    }
    Ok(properties.build())
}

/// See [`ParquetWriter::leaves`].
fn leaves_of(schema: &Schema) -> Result<Vec<usize>, ParquetError> {
    let leaves = schema.fields().iter().map(|field| compute_leaves(field, &new_empty_array(field.data_type())));
    leaves.map(|leaves| leaves.map(|leaves| leaves.len())).collect()
}

/// The Arrow schema of a Parquet file, from its footer.
pub(crate) fn parquet_schema(file: &Path) -> Result<SchemaRef, DataError> {
    Ok(Arc::clone(footer(file, ArrowReaderOptions::new())?.schema()))
}

/// Bytes that the pages of a Parquet file unpack to.
pub(crate) fn parquet_size(file: &Path) -> Result<u64, DataError> {
    let footer = footer(file, ArrowReaderOptions::new())?;
    let sizes = footer.metadata().row_groups().iter().map(|group| u64::try_from(group.total_byte_size()).unwrap_or(0));
    Ok(sizes.fold(0, u64::saturating_add))
}

/// The rows of a Parquet file as it is typed there, some at a time.
pub(crate) fn parquet_batches(
    file: &Path,
) -> Result<(SchemaRef, impl Iterator<Item = Result<RecordBatch, DataError>>), DataError> {
    let footer = footer(file, ArrowReaderOptions::new())?;
    let schema = Arc::clone(footer.schema());
    // A reader of several groups would join their dictionaries.
    let batches = (0..footer.metadata().num_row_groups()).flat_map(move |group| {
        let reader = File::open(file).map_err(|error| DataError::file(file, &error)).and_then(|open| {
            ParquetRecordBatchReaderBuilder::new_with_metadata(open, footer.clone())
                .with_row_groups(vec![group])
                .with_batch_size(SCAN)
                .build()
                .map_err(|error| broken(file, &error))
        });
        let (reader, failed) = match reader {
            Ok(reader) => (Some(reader), None),
            Err(error) => (None, Some(Err(error))),
        };
        let batches = reader.into_iter().flatten();
        failed.into_iter().chain(batches.map(move |batch| batch.map_err(|error| broken(file, &error.into()))))
    });
    Ok((schema, batches))
}

/// Reads a Parquet file as it is typed there, every column of every row group in parallel.
pub(crate) fn decode_parquet(file: &Path) -> Result<(SchemaRef, Vec<RecordBatch>), DataError> {
    let footer = footer(file, ArrowReaderOptions::new())?;
    let schema = Arc::clone(footer.schema());
    let groups = footer.metadata().num_row_groups();
    let width = schema.fields().len();
    let columns: Vec<Vec<ArrayRef>> = (0..groups * width)
        .into_par_iter()
        .map(|task| read_column(file, &footer, task / width, task % width))
        .collect::<Result<_, _>>()?;
    let mut batches = Vec::new();
    for group in columns.chunks(width.max(1)) {
        let parts = group.iter().map(Vec::len).max().unwrap_or(0);
        for part in 0..parts {
            let arrays: Option<Vec<ArrayRef>> = group.iter().map(|arrays| arrays.get(part).cloned()).collect();
            let arrays = arrays.ok_or_else(|| {
                DataError::new("bad-parquet", format!("`{}`: its columns differ in length", file.display()))
            })?;
            let rows = arrays.first().map_or(0, |array| array.len());
            batches.push(batch_of(&schema, arrays, rows)?);
        }
    }
    Ok((schema, batches))
}

fn read_column(
    file: &Path,
    footer: &ArrowReaderMetadata,
    group: usize,
    position: usize,
) -> Result<Vec<ArrayRef>, DataError> {
    let open = File::open(file).map_err(|error| DataError::file(file, &error))?;
    let mask = ProjectionMask::roots(footer.parquet_schema(), [position]);
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(open, footer.clone())
        .with_row_groups(vec![group])
        .with_projection(mask)
        .with_batch_size(BATCH)
        .build()
        .map_err(|error| broken(file, &error))?;
    let arrays = reader.map(|batch| batch.map(|batch| Arc::clone(batch.column(0))));
    arrays.collect::<Result<_, _>>().map_err(|error| broken(file, &ParquetError::from(error)))
}
