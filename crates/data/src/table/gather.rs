//! A table that comes batch by batch: in memory as long as it is small, from then on in a file.

use std::{
    fs::File,
    io::BufWriter,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::{array::RecordBatch, datatypes::SchemaRef};

use super::{
    Table, canonical, codec::ParquetWriter, digest::Digester, distinct_names, held::Held, parquet_file::ParquetFile,
};
use crate::error::DataError;

/// Bytes of a table that is held in memory rather than in a file. What lies in a file is kept in the store as it is, so
/// that nothing is written twice.
pub(crate) const MEMORY: u64 = 128 << 20;

/// Takes the batches of a table and makes the table of them.
pub struct Gather {
    schema: SchemaRef,
    folder: PathBuf,
    most: u64,
    bytes: u64,
    /// Those that are not in the file.
    batches: Vec<RecordBatch>,
    file: Option<Spilled>,
}

/// What has gone to a file so far.
struct Spilled {
    held: Held,
    writer: ParquetWriter<BufWriter<File>>,
    digester: Digester,
}

impl Gather {
    /// A table of these columns, none of which is UInt64; a large one will lie in a file in `folder`, which is removed
    /// with the table.
    ///
    /// # Errors
    /// `duplicate-column`.
    pub fn new(schema: &SchemaRef, folder: &Path) -> Result<Self, DataError> {
        Self::with_most(schema, folder, MEMORY)
    }

    /// The same where more than `most` bytes go to a file.
    pub(crate) fn with_most(schema: &SchemaRef, folder: &Path, most: u64) -> Result<Self, DataError> {
        distinct_names(schema)?;
        let schema = Arc::new(canonical::schema(schema));
        Ok(Self { schema, folder: folder.to_owned(), most, bytes: 0, batches: Vec::new(), file: None })
    }

    /// The columns in canonical types.
    #[must_use]
    pub const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Adds the next rows; types are made canonical.
    ///
    /// # Errors
    /// `bad-table` when a value does not fit its canonical type; `disk-full`, `io`.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<(), DataError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let batch = canonical::batch(&self.schema, batch)?;
        if let Some(file) = &mut self.file {
            file.digester.push(&batch);
            return file.writer.push(batch);
        }
        self.bytes += super::bytes_of(&batch);
        self.batches.push(batch);
        if self.bytes > self.most { self.spill() } else { Ok(()) }
    }

    /// The table.
    ///
    /// # Errors
    /// `disk-full`, `io`.
    pub fn finish(self) -> Result<Table, DataError> {
        let Some(Spilled { held, writer, digester }) = self.file else {
            return Ok(Table::of_canonical(self.schema, self.batches));
        };
        writer.finish()?.into_inner().map_err(|error| DataError::new("io", error.error().to_string()))?;
        let digest = digester.digest(&self.schema);
        let file = ParquetFile::open_held(held, None)?;
        let file = file.ok_or_else(|| DataError::new("bad-table", "a canonical table has no unsigned column"))?;
        Table::of_file(file, Some(digest))
    }

    fn spill(&mut self) -> Result<(), DataError> {
        let (held, file) = Held::new(&self.folder)?;
        let mut writer = ParquetWriter::new(BufWriter::with_capacity(1 << 18, file), &self.schema)?;
        let mut digester = Digester::new(self.schema.fields().len());
        for batch in self.batches.drain(..) {
            digester.push(&batch);
            writer.push(batch)?;
        }
        self.file = Some(Spilled { held, writer, digester });
        Ok(())
    }
}
