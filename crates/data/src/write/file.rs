//! A file that is written row by row and appears under its name once it is complete.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use flate2::{Compression, write::GzEncoder};

use super::Sink;
use crate::{error::DataError, read::Format};

/// Writes rows to a file as they come. Until [`Writer::finish`] they lie beside it under another name, which is removed
/// when the writer is dropped before.
pub struct Writer {
    file: PathBuf,
    partial: Partial,
    /// None once it is finished.
    sink: Option<Sink<Packed>>,
}

/// A file that is removed unless it has been given its name.
struct Partial(Option<PathBuf>);

impl Drop for Partial {
    fn drop(&mut self) {
        // What is left of a failed attempt is of no use; its own failure adds nothing to the first.
        self.0.take().map(fs::remove_file);
    }
}

/// A file, packed or not.
enum Packed {
    Plain(BufWriter<File>),
    Gzip(Box<GzEncoder<BufWriter<File>>>),
}

impl Write for Packed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(writer) => writer.write(bytes),
            Self::Gzip(writer) => writer.write(bytes),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(writer) => writer.flush(),
            Self::Gzip(writer) => writer.flush(),
        }
    }
}

impl Packed {
    fn finish(self) -> io::Result<File> {
        let buffer = match self {
            Self::Plain(writer) => writer,
            Self::Gzip(writer) => writer.finish()?,
        };
        buffer.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

impl Writer {
    /// A file of these columns; the ending of its name tells the format, as for [`super::write`].
    ///
    /// # Errors
    /// `unknown-format`, `io`.
    pub fn create(file: &Path, schema: &SchemaRef) -> Result<Self, DataError> {
        let (format, gzip) = format_of(file)?;
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let path = file.with_file_name(name);
        let open = File::create(&path).map_err(|error| DataError::file(file, &error))?;
        let partial = Partial(Some(path));
        let buffer = BufWriter::with_capacity(1 << 16, open);
        let packed = if gzip {
            Packed::Gzip(Box::new(GzEncoder::new(buffer, Compression::fast())))
        } else {
            Packed::Plain(buffer)
        };
        let sink = Sink::new(packed, format, schema)?;
        Ok(Self { file: file.to_owned(), partial, sink: Some(sink) })
    }

    /// The next rows, which must have the columns of the file.
    ///
    /// # Errors
    /// `io`, and whatever else writing reports.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<(), DataError> {
        match &mut self.sink {
            Some(sink) => sink.push(batch),
            None => Ok(()),
        }
    }

    /// Ends the file and gives it its name, in place of any file that had it.
    ///
    /// # Errors
    /// As [`Writer::push`].
    pub fn finish(mut self) -> Result<(), DataError> {
        let failed = |error: io::Error| DataError::file(&self.file, &error);
        if let Some(sink) = self.sink.take() {
            sink.finish()?.finish().map_err(failed)?.sync_all().map_err(failed)?;
        }
        if let Some(partial) = &self.partial.0 {
            fs::rename(partial, &self.file).map_err(failed)?;
        }
        self.partial.0 = None;
        Ok(())
    }
}

/// The format that a file's name tells, and whether it is packed.
fn format_of(file: &Path) -> Result<(Format, bool), DataError> {
    let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let (name, gzip) = name.strip_suffix(".gz").map_or((name.as_str(), false), |name| (name, true));
    let format = match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "csv" | "txt" => Format::Csv,
        "tsv" | "tab" => Format::Tsv,
        "jsonl" | "ndjson" | "json" => Format::JsonLines,
        "parquet" | "pq" if !gzip => Format::Parquet,
        "arrow" | "feather" | "ipc" if !gzip => Format::Arrow,
        _ => {
            return Err(DataError::new("unknown-format", format!("unknown format of `{}`", file.display()))
                .help("name it `.csv`, `.tsv`, `.jsonl` (each also `.gz`), `.parquet` or `.arrow`"));
        }
    };
    Ok((format, gzip))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::Int64Array,
        datatypes::{DataType, Field, Schema},
    };

    use super::*;

    #[test]
    fn nothing_stands_under_the_name_before_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("out.csv");
        fs::write(&file, "before").unwrap();
        let schema = Arc::new(Schema::new(vec![Field::new("x", DataType::Int64, true)]));
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(Int64Array::from(vec![1, 2]))]).unwrap();
        let mut writer = Writer::create(&file, &schema).unwrap();
        writer.push(&batch).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "before");
        drop(writer);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "what was not finished is gone");
        let mut writer = Writer::create(&file, &schema).unwrap();
        writer.push(&batch).unwrap();
        writer.finish().unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "x\n1\n2\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(
            Writer::create(&folder.path().join("out.parquet.gz"), &schema).err().unwrap().code,
            "unknown-format"
        );
    }
}
