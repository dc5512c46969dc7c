//! Arrow IPC files and streams, also known as Feather.

use std::{
    fs::File,
    io::{BufReader, Cursor, Read},
    path::Path,
    sync::Arc,
};

use arrow::{
    array::RecordBatch,
    datatypes::{DataType, SchemaRef},
    error::ArrowError,
    ipc::reader::{FileReader, StreamReader},
};

use super::{Cancelled, files::Opened};
use crate::{
    error::DataError,
    table::{Gather, Table},
};

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

/// Reads an Arrow IPC file or stream batch by batch; a large table will lie in a file in `folder`. `None` where only all
/// values tell the canonical types, or the file is packed.
pub(super) fn gather(opened: &Opened<'_>, folder: &Path, cancelled: Cancelled<'_>) -> Result<Option<Table>, DataError> {
    let Ok(path) = opened.unpacked() else { return Ok(None) };
    let broken = |error: ArrowError| {
        DataError::new("bad-arrow", format!("`{}` is not a readable Arrow file: {error}", path.display()))
    };
    let open = || File::open(path).map(BufReader::new).map_err(|error| DataError::file(path, &error));
    let mut magic = Vec::new();
    let start = open()?.take(6).read_to_end(&mut magic);
    start.map_err(|error| DataError::file(path, &error))?;
    type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>>;
    let (schema, batches): (SchemaRef, Batches) = if magic == b"ARROW1" {
        let reader = FileReader::try_new(open()?, None).map_err(broken)?;
        (reader.schema(), Box::new(reader))
    } else {
        let reader = StreamReader::try_new(open()?, None).map_err(broken)?;
        (reader.schema(), Box::new(reader))
    };
    if schema.fields().iter().any(|field| *field.data_type() == DataType::UInt64) {
        return Ok(None);
    }
    let mut gather = Gather::new(&schema, folder)?;
    for batch in batches {
        if cancelled() {
            return Err(DataError::cancelled());
        }
        gather.push(&batch.map_err(broken)?)?;
    }
    gather.finish().map(Some)
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
