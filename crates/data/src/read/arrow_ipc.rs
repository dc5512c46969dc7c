//! Arrow IPC files and streams, also known as Feather.

use std::{fs::File, io::Cursor, sync::Arc};

use arrow::{
    array::RecordBatch,
    datatypes::SchemaRef,
    error::ArrowError,
    ipc::reader::{FileReader, StreamReader},
};

use super::{Cancelled, files::Opened};
use crate::{error::DataError, table::Table};

/// Reads an Arrow IPC file or stream, or only its schema as a table without rows.
pub(super) fn read(opened: &Opened<'_>, only_schema: bool, cancelled: Cancelled<'_>) -> Result<Table, DataError> {
    let file = opened.file.display();
    let broken =
        |error: ArrowError| DataError::new("bad-arrow", format!("`{file}` is not a readable Arrow file: {error}"));
    if only_schema && let Ok(path) = opened.unpacked() {
        let open = || File::open(path).map_err(|error| DataError::file(path, &error));
        // The footer or the first message is enough.
        if let Ok(reader) = FileReader::try_new(open()?, None) {
            return Table::new(reader.schema(), Vec::new());
        }
        let reader = StreamReader::try_new(open()?, None).map_err(broken)?;
        return Table::new(reader.schema(), Vec::new());
    }
    let (bytes, _) = opened.load(None, cancelled)?;
    let (schema, batches) = batches(bytes).map_err(broken)?;
    Table::new(schema, if only_schema { Vec::new() } else { batches })
}

fn batches(bytes: Vec<u8>) -> Result<(SchemaRef, Vec<RecordBatch>), ArrowError> {
    if bytes.starts_with(b"ARROW1") {
        let reader = FileReader::try_new(Cursor::new(bytes), None)?;
        return Ok((reader.schema(), reader.collect::<Result<_, _>>()?));
    }
    let reader = StreamReader::try_new(Cursor::new(bytes), None)?;
    let schema = Arc::clone(&reader.schema());
    Ok((schema, reader.collect::<Result<_, _>>()?))
}
