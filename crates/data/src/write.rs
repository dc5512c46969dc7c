//! From a table to a file: CSV, TSV, JSON lines, Parquet or Arrow, by the file name's ending.
//!
//! CSV is written so that reading it again gives the same values: texts are quoted where a reader would take them for
//! something else, floats have all the digits they need, dates and moments are ISO 8601.

mod file;

use std::{
    io::{self, Write},
    path::Path,
};

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    datatypes::{DataType, Float64Type, Int64Type, SchemaRef},
    error::ArrowError,
    ipc::writer::FileWriter,
    util::display::{ArrayFormatter, FormatOptions},
};
use rayon::prelude::*;

pub use self::file::Writer;
use crate::{
    error::DataError,
    read::{Format, is_default_missing},
    table::{ParquetWriter, Table},
};

/// Rows formatted by one thread at a time.
const PIECE: usize = 1 << 14;

/// Pieces held in memory before they are written.
const PIECES: usize = 64;

/// Writes a table to a file whose name's ending tells the format: `.csv`, `.tsv`, `.jsonl`, `.parquet` or `.arrow`, the
/// first three also with `.gz` behind. A file of that name is replaced only once the new one is complete.
///
/// # Errors
/// `unknown-format`, `io`.
pub fn write(table: &Table, file: &Path) -> Result<(), DataError> {
    let mut writer = Writer::create(file, table.arrow_schema())?;
    table.scan().try_for_each(|batch| writer.push(&batch?))?;
    writer.finish()
}

/// Writes a table in a format; the bytes do not depend on the number of threads.
///
/// # Errors
/// `io` and whatever else the writer reports.
pub fn write_to<W: Write + Send>(table: &Table, format: Format, writer: W) -> Result<(), DataError> {
    let mut sink = Sink::new(writer, format, table.arrow_schema())?;
    table.scan().try_for_each(|batch| sink.push(&batch?))?;
    sink.finish().map(drop)
}

/// Rows on their way into a format; a bounded number of them is in memory.
enum Sink<W: Write + Send> {
    Text { writer: W, form: Text, pieces: Vec<RecordBatch> },
    Parquet(ParquetWriter<W>),
    Arrow(FileWriter<W>),
}

/// A text format.
#[derive(Clone, Copy)]
enum Text {
    /// Fields with this delimiter between them, and what stands for a missing value.
    Delimited(u8, &'static [u8]),
    JsonLines,
}

impl<W: Write + Send> Sink<W> {
    fn new(mut writer: W, format: Format, schema: &SchemaRef) -> Result<Self, DataError> {
        let form = match format {
            Format::Parquet => return ParquetWriter::new(writer, schema).map(Self::Parquet),
            Format::Arrow => return Ok(Self::Arrow(FileWriter::try_new(writer, schema)?)),
            Format::JsonLines => Text::JsonLines,
            Format::Csv | Format::Tsv => {
                let delimiter = if format == Format::Csv { b',' } else { b'\t' };
                let mut header = Vec::new();
                for (position, field) in schema.fields().iter().enumerate() {
                    if position > 0 {
                        header.push(delimiter);
                    }
                    text(field.name(), delimiter, &mut header);
                }
                header.push(b'\n');
                writer.write_all(&header).map_err(failed)?;
                // In a table of one column an empty field would be a blank line.
                Text::Delimited(delimiter, if schema.fields().len() == 1 { b"NA" } else { b"" })
            }
        };
        Ok(Self::Text { writer, form, pieces: Vec::with_capacity(PIECES) })
    }

    fn push(&mut self, batch: &RecordBatch) -> Result<(), DataError> {
        match self {
            Self::Parquet(writer) => writer.push(batch.clone()),
            Self::Arrow(writer) => Ok(writer.write(batch)?),
            Self::Text { pieces, .. } => {
                for start in (0..batch.num_rows()).step_by(PIECE) {
                    pieces.push(batch.slice(start, PIECE.min(batch.num_rows() - start)));
                }
                if pieces.len() >= PIECES { self.flush() } else { Ok(()) }
            }
        }
    }

    /// Formats pieces in parallel and writes them in order.
    fn flush(&mut self) -> Result<(), DataError> {
        let Self::Text { writer, form, pieces } = self else { return Ok(()) };
        let form = *form;
        let formatted = pieces.par_drain(..).map(|piece| {
            let mut bytes = Vec::new();
            match form {
                Text::Delimited(delimiter, missing) => csv(&piece, delimiter, missing, &mut bytes)?,
                Text::JsonLines => json_lines(&piece, &mut bytes)?,
            }
            Ok(bytes)
        });
        let formatted = formatted.collect::<Result<Vec<_>, DataError>>()?;
        formatted.iter().try_for_each(|bytes| writer.write_all(bytes).map_err(failed))
    }

    fn finish(mut self) -> Result<W, DataError> {
        self.flush()?;
        match self {
            Self::Text { mut writer, .. } => {
                writer.flush().map_err(failed)?;
                Ok(writer)
            }
            Self::Parquet(writer) => writer.finish(),
            Self::Arrow(mut writer) => {
                writer.finish()?;
                Ok(writer.into_inner()?)
            }
        }
    }
}

fn failed(error: io::Error) -> DataError {
    DataError::new("io", error.to_string())
}

/// Shows the values of a column that has no simpler way.
fn formatter<'a>(
    array: &'a ArrayRef,
    options: &'a FormatOptions<'a>,
) -> Result<Option<ArrayFormatter<'a>>, ArrowError> {
    match array.data_type() {
        DataType::Boolean | DataType::Int64 | DataType::Float64 | DataType::Utf8 => Ok(None),
        _ => ArrayFormatter::try_new(array.as_ref(), options).map(Some),
    }
}

fn csv(batch: &RecordBatch, delimiter: u8, missing: &[u8], bytes: &mut Vec<u8>) -> Result<(), ArrowError> {
    let options = FormatOptions::default();
    let formatters = batch.columns().iter().map(|array| formatter(array, &options)).collect::<Result<Vec<_>, _>>()?;
    for row in 0..batch.num_rows() {
        for (position, (array, formatter)) in batch.columns().iter().zip(&formatters).enumerate() {
            if position > 0 {
                bytes.push(delimiter);
            }
            if array.is_null(row) {
                bytes.extend_from_slice(missing);
                continue;
            }
            match (array.data_type(), formatter) {
                (_, Some(formatter)) => text(&formatter.value(row).try_to_string()?, delimiter, bytes),
                (DataType::Utf8, None) => text(array.as_string::<i32>().value(row), delimiter, bytes),
                _ => number(array, row, bytes),
            }
        }
        bytes.push(b'\n');
    }
    Ok(())
}

/// Writes a value of a column that is boolean, integer or float.
fn number(array: &ArrayRef, row: usize, bytes: &mut Vec<u8>) {
    let written = match array.data_type() {
        DataType::Boolean => write!(bytes, "{}", array.as_boolean().value(row)),
        DataType::Int64 => write!(bytes, "{}", array.as_primitive::<Int64Type>().value(row)),
        // As `1.0` and `1e300`: shortest digits that read back as the same float, and never an integer's.
        _ => write!(bytes, "{:?}", array.as_primitive::<Float64Type>().value(row)),
    };
    written.expect("a vector takes any bytes");
}

/// Writes a text, in quotes where it would be taken for something else.
fn text(value: &str, delimiter: u8, bytes: &mut Vec<u8>) {
    let special = |byte: u8| byte == delimiter || matches!(byte, b'"' | b'\n' | b'\r');
    let padded = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
    let raw = value.as_bytes();
    let plain = !raw.iter().copied().any(special)
        && !padded(raw.first())
        && !padded(raw.last())
        && !value.starts_with('\u{feff}')
        && !is_default_missing(raw);
    if plain {
        bytes.extend_from_slice(raw);
        return;
    }
    bytes.push(b'"');
    for byte in raw {
        if *byte == b'"' {
            bytes.push(b'"');
        }
        bytes.push(*byte);
    }
    bytes.push(b'"');
}

fn json_lines(batch: &RecordBatch, bytes: &mut Vec<u8>) -> Result<(), ArrowError> {
    let options = FormatOptions::default();
    let formatters = batch.columns().iter().map(|array| formatter(array, &options)).collect::<Result<Vec<_>, _>>()?;
    let schema = batch.schema();
    let keys: Vec<Vec<u8>> = schema.fields().iter().map(|field| quoted(field.name())).collect();
    for row in 0..batch.num_rows() {
        bytes.push(b'{');
        for (position, (array, formatter)) in batch.columns().iter().zip(&formatters).enumerate() {
            if position > 0 {
                bytes.push(b',');
            }
            bytes.extend_from_slice(&keys[position]);
            bytes.push(b':');
            if array.is_null(row) {
                bytes.extend_from_slice(b"null");
                continue;
            }
            match (array.data_type(), formatter) {
                (_, Some(formatter)) => bytes.extend_from_slice(&quoted(&formatter.value(row).try_to_string()?)),
                (DataType::Utf8, None) => bytes.extend_from_slice(&quoted(array.as_string::<i32>().value(row))),
                // JSON has neither NaN nor infinities.
                (DataType::Float64, None) if !array.as_primitive::<Float64Type>().value(row).is_finite() => {
                    bytes.extend_from_slice(b"null");
                }
                _ => number(array, row, bytes),
            }
        }
        bytes.extend_from_slice(b"}\n");
    }
    Ok(())
}

fn quoted(text: &str) -> Vec<u8> {
    serde_json::to_vec(text).expect("a text is always JSON")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BooleanArray, Date32Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};

    use super::*;
    use crate::read::{ReadOptions, read, read_text};

    fn sample() -> Table {
        let at = TimestampMicrosecondArray::from(vec![Some(1), None, Some(1_600_000_000_000_000)]);
        Table::from_columns(vec![
            ("whole".to_owned(), Arc::new(Int64Array::from(vec![Some(1), None, Some(-3)])) as ArrayRef),
            ("real".to_owned(), Arc::new(Float64Array::from(vec![Some(1.0), Some(1e300), None]))),
            ("a, b".to_owned(), Arc::new(StringArray::from(vec![Some("x \"y\"\r\nz"), Some(""), None]))),
            ("yes".to_owned(), Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
            ("day".to_owned(), Arc::new(Date32Array::from(vec![None, Some(0), Some(20_000)]))),
            ("at".to_owned(), Arc::new(at.clone())),
            ("utc".to_owned(), Arc::new(at.with_timezone("UTC"))),
        ])
        .unwrap()
    }

    #[test]
    fn csv_is_as_one_would_write_it() {
        let mut bytes = Vec::new();
        write_to(&sample(), Format::Csv, &mut bytes).unwrap();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "whole,real,\"a, b\",yes,day,at,utc\n\
             1,1.0,\"x \"\"y\"\"\r\nz\",true,,1970-01-01T00:00:00.000001,1970-01-01T00:00:00.000001Z\n\
             ,1e300,\"\",,1970-01-01,,\n\
             -3,,,false,2024-10-04,2020-09-13T12:26:40,2020-09-13T12:26:40Z\n"
        );
    }

    #[test]
    fn every_format_reads_back_equal() {
        let folder = std::env::temp_dir().join(format!("trainyard-write-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let names = ["t.csv", "t.tsv", "t.jsonl", "t.parquet", "t.arrow", "t.csv.gz", "t.jsonl.gz"];
        for name in names {
            let file = folder.join(name);
            write(&sample(), &file).unwrap();
            let again = read(&[file], &ReadOptions::default(), &|| false).unwrap();
            assert_eq!(again.table, sample(), "{name}");
        }
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), names.len(), "nothing partial is left");
        assert_eq!(write(&sample(), &folder.join("t.xls")).unwrap_err().code, "unknown-format");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_single_column_keeps_its_gaps() {
        let texts = StringArray::from(vec![Some("NA"), None, Some(""), Some("x"), None]);
        let table = Table::from_columns(vec![("only".to_owned(), Arc::new(texts) as ArrayRef)]).unwrap();
        let mut bytes = Vec::new();
        write_to(&table, Format::Csv, &mut bytes).unwrap();
        let options = ReadOptions { header: Some(true), ..ReadOptions::default() };
        assert_eq!(read_text("t.csv", bytes, &options).unwrap().table, table);
    }
}
