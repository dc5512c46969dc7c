//! From a path or a glob to the bytes of files: format by name or first bytes, gzip and Zstandard undone.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;

use super::{
    Cancelled,
    options::{Format, ReadOptions},
};
use crate::error::DataError;

/// A line of text longer than this is no table, and would be held in memory many times over.
pub(crate) const LONGEST_LINE: usize = 64 << 20;

/// An unpacked file larger than this cannot be held in memory as a table.
const LARGEST_FILE: usize = 16 << 30;

/// Bytes read between two looks at whether to stop.
const BLOCK: usize = 8 << 20;

/// Endings of delimited text. Publishers of data sets use the last few for files like any other.
const TEXT_ENDINGS: [&str; 10] = ["csv", "txt", "data", "dat", "asc", "psv", "train", "test", "valid", "weight"];

/// The files a path names: the file itself, or those that a glob (`*`, `?`, `[a-z]`, `**`) matches, sorted by name.
/// Relative paths are relative to `folder`.
///
/// # Errors
/// `file-not-found` with the nearest name in the folder, `is-a-folder`, `bad-path`, `io`.
pub fn expand(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, DataError> {
    if pattern.contains("://") {
        return Err(DataError::new("bad-path", format!("`{pattern}` is not a file"))
            .help("only local files can be read: fetch it first"));
    }
    let literal = folder.join(pattern);
    let is_glob = pattern.contains(['*', '?', '[']) && !literal.exists();
    if !is_glob {
        let meta = std::fs::metadata(&literal).map_err(|error| DataError::file(&literal, &error))?;
        if meta.is_dir() {
            return Err(DataError::new("is-a-folder", format!("`{}` is a folder", literal.display()))
                .help(format!("name its files, as in `{}`", Path::new(pattern).join("*.csv").display())));
        }
        return Ok(vec![literal]);
    }
    let folder = glob::Pattern::escape(&folder.to_string_lossy());
    let whole = Path::new(&folder).join(pattern);
    let bad = |why: String| DataError::new("bad-path", format!("`{pattern}` is not a valid glob: {why}"));
    let mut files = Vec::new();
    for entry in glob::glob(&whole.to_string_lossy()).map_err(|error| bad(error.to_string()))? {
        let file = entry.map_err(|error| DataError::file(error.path(), error.error()))?;
        if file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(DataError::new("file-not-found", format!("no file matches `{pattern}`"))
            .help(format!("looked in `{}`", literal.parent().unwrap_or(&literal).display())));
    }
    Ok(files)
}

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    None,
    Gzip,
    Zstandard,
}

/// A file, what it holds and how to get at it.
pub(super) struct Opened<'a> {
    pub(super) file: &'a Path,
    pub(super) format: Format,
    packing: Packing,
}

/// Finds out what a file holds.
pub(super) fn open<'a>(file: &'a Path, options: &ReadOptions) -> Result<Opened<'a>, DataError> {
    let failed = |error: io::Error| DataError::file(file, &error);
    let meta = std::fs::metadata(file).map_err(failed)?;
    if meta.is_dir() {
        return Err(DataError::new("is-a-folder", format!("`{}` is a folder", file.display()))
            .help("name its files, as in `folder/*.csv`"));
    }
    let mut head = Vec::new();
    File::open(file).map_err(failed)?.take(8).read_to_end(&mut head).map_err(failed)?;
    let packing = match head.as_slice() {
        [0x1f, 0x8b, ..] => Packing::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Packing::Zstandard,
        _ => Packing::None,
    };
    let format = match options.format {
        Some(format) => format,
        None if head.starts_with(b"PAR1") => Format::Parquet,
        None if head.starts_with(b"ARROW1") => Format::Arrow,
        None => format_by_name(file)?,
    };
    let useless = options.meaningless(format);
    if !useless.is_empty() {
        let keys: Vec<String> = useless.iter().map(|key| format!("`{key}`")).collect();
        return Err(DataError::new(
            "bad-option",
            format!("{} has no meaning for `{}`, which is {format}", keys.join(", "), file.display()),
        ));
    }
    Ok(Opened { file, format, packing })
}

fn format_by_name(file: &Path) -> Result<Format, DataError> {
    let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name = [".gz", ".zst", ".gzip", ".zstd"].iter().find_map(|packed| name.strip_suffix(packed)).unwrap_or(&name);
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending {
        "tsv" | "tab" => Ok(Format::Tsv),
        "jsonl" | "ndjson" | "json" => Ok(Format::JsonLines),
        "parquet" | "pq" => Ok(Format::Parquet),
        "arrow" | "feather" | "ipc" | "arrows" => Ok(Format::Arrow),
        text if TEXT_ENDINGS.contains(&text) => Ok(Format::Csv),
        other => {
            let formats: Vec<String> = Format::ALL.iter().map(|format| format!("`{format}`")).collect();
            let what = if other.is_empty() { "it has no ending".to_owned() } else { format!("ending `.{other}`") };
            Err(DataError::new("unknown-format", format!("unknown format of `{}`: {what}", file.display()))
                .help(format!("say which with `format`: {}", formats.join(", "))))
        }
    }
}

impl Opened<'_> {
    /// A path to the unpacked file where that is the file itself; formats read by position need one.
    pub(super) fn unpacked(&self) -> Result<&Path, DataError> {
        if self.packing == Packing::None {
            return Ok(self.file);
        }
        Err(DataError::new("packed", format!("`{}` is packed", self.file.display()))
            .help(format!("unpack it first: {} is compressed inside and read by position", self.format)))
    }

    /// The unpacked bytes, up to `bound` of them, and whether those are all.
    pub(super) fn load(&self, bound: Option<usize>, cancelled: Cancelled<'_>) -> Result<(Vec<u8>, bool), DataError> {
        let (mut blocks, mut bytes, limit) = (self.blocks(cancelled)?, Vec::new(), bound.unwrap_or(LARGEST_FILE));
        if self.packing == Packing::None {
            let size = self.file.metadata().map_or(0, |meta| usize::try_from(meta.len()).unwrap_or(0));
            // One more byte lets the last read see the end without growing.
            bytes.reserve_exact(size.min(limit) + 1);
        }
        loop {
            let room = limit + 1 - bytes.len();
            let more = blocks.more(&mut bytes, BLOCK.min(room))?;
            if bytes.len() > limit {
                bytes.truncate(limit);
                if bound.is_some() {
                    return Ok((bytes, false));
                }
                return Err(DataError::new(
                    "file-too-large",
                    format!("`{}` holds more than {} GiB", self.file.display(), LARGEST_FILE >> 30),
                )
                .help("cut it into several files, or convert it to Parquet"));
            }
            if !more {
                return Ok((bytes, true));
            }
        }
    }

    /// The unpacked bytes, block by block.
    pub(super) fn blocks<'a>(&'a self, cancelled: Cancelled<'a>) -> Result<Blocks<'a>, DataError> {
        let file = File::open(self.file).map_err(|error| self.failed(&error))?;
        let reader: Box<dyn Read> = match self.packing {
            Packing::None => Box::new(file),
            Packing::Gzip => Box::new(MultiGzDecoder::new(io::BufReader::with_capacity(1 << 16, file))),
            Packing::Zstandard => Box::new(zstd::Decoder::new(file).map_err(|error| self.failed(&error))?),
        };
        Ok(Blocks { opened: self, reader, cancelled, first: None, open: 0, feeds: 0, returns: 0 })
    }

    /// How many unpacked bytes there are, or `most` and one more.
    pub(super) fn size_up_to(&self, most: u64) -> Result<u64, DataError> {
        if self.packing == Packing::None {
            return self.file.metadata().map(|meta| meta.len()).map_err(|error| self.failed(&error));
        }
        let blocks = self.blocks(&|| false)?;
        // What cannot be unpacked is reported when it is read.
        Ok(io::copy(&mut blocks.reader.take(most.saturating_add(1)), &mut io::sink()).unwrap_or(0))
    }

    /// `file-changed`: what the file holds now is not what it held a moment ago.
    pub(super) fn changed(&self) -> DataError {
        DataError::new("file-changed", format!("`{}` changed while it was read", self.file.display()))
            .help("run again when nothing writes to it any more")
    }

    fn failed(&self, error: &io::Error) -> DataError {
        match self.packing {
            Packing::None => DataError::file(self.file, error),
            _ => DataError::new("broken-file", format!("`{}` cannot be unpacked: {error}", self.file.display()))
                .help("is it complete?"),
        }
    }
}

/// The unpacked bytes of a file, block by block.
pub(super) struct Blocks<'a> {
    opened: &'a Opened<'a>,
    reader: Box<dyn Read>,
    cancelled: Cancelled<'a>,
    /// The first byte that is no space.
    first: Option<u8>,
    /// Bytes since the last line end.
    open: usize,
    /// Line feeds and carriage returns so far.
    feeds: usize,
    returns: usize,
}

impl Blocks<'_> {
    /// Appends the next block of so many bytes; false when it was the last one.
    pub(super) fn more(&mut self, bytes: &mut Vec<u8>, block: usize) -> Result<bool, DataError> {
        if (self.cancelled)() {
            return Err(DataError::cancelled());
        }
        let lines = match self.opened.format {
            Format::Csv | Format::Tsv => true,
            // An array of objects may well be one line.
            Format::JsonLines => self.first != Some(b'['),
            Format::Parquet | Format::Arrow => false,
        };
        if lines && self.open > LONGEST_LINE {
            let line = if self.feeds > 0 { self.feeds } else { self.returns } + 1;
            return Err(DataError::new(
                "line-too-long",
                format!("`{}`: line {line} is longer than {} MiB", self.opened.file.display(), LONGEST_LINE >> 20),
            )
            .help("is it a text file with one record a line?"));
        }
        let before = bytes.len();
        let read = self.reader.by_ref().take(block as u64).read_to_end(bytes);
        let got = read.map_err(|error| self.opened.failed(&error))?;
        let new = &bytes[before..];
        self.first = self.first.or_else(|| new.iter().copied().find(|byte| !byte.is_ascii_whitespace()));
        match memchr::memrchr2(b'\n', b'\r', new) {
            Some(end) => {
                self.feeds += memchr::memchr_iter(b'\n', &new[..=end]).count();
                self.returns += memchr::memchr_iter(b'\r', &new[..=end]).count();
                self.open = got - end;
            }
            None => self.open += got,
        }
        Ok(got == block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_are_sorted_and_misses_explained() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let names = |pattern: &str| -> Vec<String> {
            let files = expand(folder, pattern).unwrap();
            files.iter().map(|file| file.file_name().unwrap().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(names("src/read/tex*.rs"), ["text.rs"]);
        assert_eq!(names("src/read/[fo]*.rs"), ["files.rs", "options.rs"]);
        assert_eq!(names("Cargo.toml"), ["Cargo.toml"]);
        let code = |pattern: &str| expand(folder, pattern).unwrap_err().code;
        assert_eq!(code("src"), "is-a-folder");
        assert_eq!(code("src/*.csv"), "file-not-found");
        assert_eq!(code("s3://bucket/key"), "bad-path");
        let error = expand(folder, "Cargo.tml").unwrap_err();
        assert!(error.help.is_some_and(|help| help.contains("Cargo.toml")));
    }

    #[test]
    fn formats_go_by_the_name() {
        let format = |name: &str| format_by_name(Path::new(name));
        assert_eq!(format("a/adult.data.gz").unwrap(), Format::Csv);
        assert_eq!(format("x.TSV").unwrap(), Format::Tsv);
        assert_eq!(format("x.ndjson.zst").unwrap(), Format::JsonLines);
        let error = format("x.xlsx").unwrap_err();
        assert_eq!(error.code, "unknown-format");
        assert!(error.help.is_some_and(|help| help.contains("`parquet`")));
    }
}
