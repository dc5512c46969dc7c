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
    let (schema, batches) = decode(bytes).map_err(broken)?;
    Table::new(schema, if only_schema { Vec::new() } else { batches })
}

/// Reads an Arrow IPC file or stream batch by batch; a large table will lie in a file in `folder`. `None` where only all
/// values tell the canonical types, or the file is packed.
pub(super) fn gather(opened: &Opened<'_>, folder: &Path, cancelled: Cancelled<'_>) -> Result<Option<Table>, DataError> {
    if opened.unpacked().is_err() {
        return Ok(None);
    }
    let (schema, batches) = batches(opened, cancelled)?;
    if schema.fields().iter().any(|field| *field.data_type() == DataType::UInt64) {
        return Ok(None);
    }
    let mut gather = Gather::new(&schema, folder)?;
    for batch in batches {
        if cancelled() {
            return Err(DataError::cancelled());
        }
        gather.push(&batch?)?;
    }
    gather.finish().map(Some)
}

type Batches<'a> = Box<dyn Iterator<Item = Result<RecordBatch, DataError>> + 'a>;

/// The schema and the rows of an Arrow IPC file or stream, batch by batch; a packed one is unpacked in memory.
pub(super) fn batches<'a>(
    opened: &'a Opened<'a>,
    cancelled: Cancelled<'_>,
) -> Result<(SchemaRef, Batches<'a>), DataError> {
    let file = opened.file;
    let broken = |error: ArrowError| {
        DataError::new("bad-arrow", format!("`{}` is not a readable Arrow file: {error}", file.display()))
    };
    let Ok(path) = opened.unpacked() else {
        let (bytes, _) = opened.load(None, cancelled)?;
        let (schema, batches) = decode(bytes).map_err(broken)?;
        return Ok((schema, Box::new(batches.into_iter().map(Ok))));
    };
    let open = || File::open(path).map(BufReader::new).map_err(|error| DataError::file(path, &error));
    let mut magic = Vec::new();
    let start = open()?.take(6).read_to_end(&mut magic);
    start.map_err(|error| DataError::file(path, &error))?;
    if magic == b"ARROW1" {
        let reader = FileReader::try_new(open()?, None).map_err(broken)?;
        return Ok((reader.schema(), Box::new(reader.map(move |batch| batch.map_err(broken)))));
    }
    let reader = StreamReader::try_new(open()?, None).map_err(broken)?;
    Ok((reader.schema(), Box::new(reader.map(move |batch| batch.map_err(broken)))))
}

fn decode(bytes: Vec<u8>) -> Result<(SchemaRef, Vec<RecordBatch>), ArrowError> {
    if bytes.starts_with(b"ARROW1") {
        let reader = FileReader::try_new(Cursor::new(bytes), None)?;
        return Ok((reader.schema(), reader.collect::<Result<_, _>>()?));
    }
    let reader = StreamReader::try_new(Cursor::new(bytes), None)?;
    let schema = Arc::clone(&reader.schema());
    Ok((schema, reader.collect::<Result<_, _>>()?))
}
