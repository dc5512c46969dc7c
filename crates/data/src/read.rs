//! From files to a table: CSV and its relatives, JSON lines, Parquet and Arrow, plain or packed, one file or many.
//!
//! What the options leave open is detected, and [`Read::notes`] says where that was a guess.

mod arrow_ipc;
mod csv;
mod files;
mod identity;
mod json_lines;
mod large;
mod options;
mod parquet;
#[cfg(test)]
mod tests;
pub(crate) mod text;
mod unify;
pub(crate) mod value;
mod windows;

use std::path::{Path, PathBuf};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use trainyard_core::{Schema, Warning};

pub(crate) use self::csv::is_default_missing;
pub use self::{
    files::expand,
    identity::content_digest,
    options::{Delimiter, Format, Quote, Ragged, ReadOptions},
};
use self::{
    files::{Opened, open},
    unify::{Columns, unify},
    windows::Bounds,
};
use crate::{error::DataError, table::Table};

/// Tells whether to stop; asked between blocks and chunks, by several threads.
pub type Cancelled<'a> = &'a (dyn Fn() -> bool + Sync);

/// Bytes of a file that [`look`] reads at first.
const FIRST_LOOK: usize = 1 << 20;

/// Bytes of a file that [`look`] reads at most, when a record is longer than the first look.
const LONGEST_LOOK: usize = 64 << 20;

/// Files that [`look`] opens at most.
const MOST_LOOKS: usize = 32;

/// Something to know about how a file was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Stable code such as `header-guessed`.
    pub code: String,
    /// Lower case, no full stop, names the file.
    pub message: String,
}

impl Note {
    pub(crate) fn new(code: &str, message: String) -> Self {
        Self { code: code.to_owned(), message }
    }
}

impl From<Note> for Warning {
    fn from(note: Note) -> Self {
        Self::new(note.code, note.message)
    }
}

/// A table read from files.
#[derive(Clone, Debug)]
pub struct Read {
    /// The rows of all files, file by file.
    pub table: Table,
    /// What was guessed or left out: `header-guessed`, `no-header`, `no-rows`, `empty-columns`, `large-integers`,
    /// `ragged-rows-skipped`, `inferred-from-part`.
    pub notes: Vec<Note>,
}

/// What a first part of the files tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// The columns.
    pub schema: Schema,
    /// False when a later part of the files may widen a type (integer to float, anything to text).
    pub exact: bool,
    /// The options that read the first file the same way without detection; useful to write them down.
    pub options_used: ReadOptions,
    /// As in [`Read::notes`], as far as the look went.
    pub notes: Vec<Note>,
}

/// Reads files of one schema into one table. The result does not depend on the number of threads.
///
/// # Errors
/// `file-not-found`, `is-a-folder`, `unknown-format`, `bad-option`, `empty-file`, `binary-file`, `bad-encoding`,
/// `line-too-long`, `file-too-large`, `broken-file`, `unclosed-quote`, `ragged-rows`, `wrong-type`, `wrong-columns`,
/// `duplicate-column`, `unknown-column`, `different-schemas`, `bad-json`, `bad-parquet`, `bad-table`, `cancelled`,
/// `io`.
pub fn read(files: &[PathBuf], options: &ReadOptions, cancelled: Cancelled<'_>) -> Result<Read, DataError> {
    check(options)?;
    let Some((first, others)) = files.split_first() else {
        return Err(DataError::new("file-not-found", "no file to read"));
    };
    let first = read_one(first, options, options.header, None, cancelled)?;
    // Whether there are headers is settled by the first.
    let header = first.settled.header;
    let others: Vec<Result<One, DataError>> =
        others.par_iter().map(|file| read_one(file, options, header, None, cancelled)).collect();
    let (mut columns, mut notes) = (vec![first.columns], first.notes);
    for other in others {
        let other = other?;
        columns.push(other.columns);
        notes.extend(other.notes);
    }
    Ok(Read { table: unify(&columns)?, notes })
}

/// The same for a step: what is large lies in a file in `folder` rather than in memory. One Parquet file is copied there
/// as it is and not decoded before its rows are wanted; one Arrow file is read batch by batch. Text, packed files and many
/// files at once that come to more than 128 MB go there in two passes, the first of which infers the types; but a packed
/// Arrow file is always unpacked in memory.
///
/// # Errors
/// As [`read`], but never `file-too-large`; `file-changed`, `too-large`, `disk-full`.
pub fn read_into(
    files: &[PathBuf],
    options: &ReadOptions,
    folder: &Path,
    cancelled: Cancelled<'_>,
) -> Result<Read, DataError> {
    read_within(files, options, folder, Bounds::default(), cancelled)
}

/// The same for rows that are wanted once and in order, and never all at a time: the files are gone through twice, and
/// nothing is kept of them. `begin` is told the columns, and what was guessed or left out, once the first pass has found
/// every mistake there is; then `take` gets the rows, some at a time.
///
/// # Errors
/// As [`read_into`]; what `begin` and `take` return.
pub fn read_batches<S>(
    files: &[PathBuf],
    options: &ReadOptions,
    cancelled: Cancelled<'_>,
    begin: impl FnOnce(&SchemaRef, Vec<Note>) -> Result<S, DataError>,
    take: impl FnMut(&mut S, RecordBatch) -> Result<(), DataError>,
) -> Result<S, DataError> {
    check(options)?;
    large::for_each_batch(files, options, Bounds::default(), cancelled, begin, take)
}

fn read_within(
    files: &[PathBuf],
    options: &ReadOptions,
    folder: &Path,
    bounds: Bounds,
    cancelled: Cancelled<'_>,
) -> Result<Read, DataError> {
    check(options)?;
    if let [file] = files {
        let opened = open(file, options)?;
        let table = match opened.format {
            Format::Parquet if opened.unpacked().is_ok() => {
                let before = identity::remembered(file);
                let bytes = || before.filter(|digest| identity::remembered(file) == Some(*digest));
                Table::copied(file, bytes, folder)?
            }
            Format::Arrow => arrow_ipc::gather(&opened, folder, cancelled)?,
            _ => None,
        };
        if let Some(table) = table {
            return Ok(Read { table, notes: Vec::new() });
        }
    }
    if large::is_large(files, options, bounds.memory)? {
        return large::read(files, options, folder, bounds, cancelled);
    }
    read(files, options, cancelled)
}

/// Reads a first part of the files: enough to check a pipeline, whatever their size.
///
/// # Errors
/// As [`read`].
pub fn look(files: &[PathBuf], options: &ReadOptions) -> Result<Look, DataError> {
    check(options)?;
    let (mut columns, mut notes, mut exact) = (Vec::new(), Vec::new(), files.len() <= MOST_LOOKS);
    let (mut used, mut header) = (None, options.header);
    for file in files.iter().take(MOST_LOOKS) {
        let one = look_at(file, options, header)?;
        exact &= one.whole;
        notes.extend(one.notes);
        columns.push(one.columns);
        if used.is_none() {
            header = one.settled.header;
            used = Some(one.settled);
        }
    }
    let table = unify(&columns)?;
    Ok(Look { schema: table.schema(), exact, options_used: used.unwrap_or_default(), notes })
}

/// Reads a text that is already in memory; `name` stands for the file in messages. CSV unless the options say
/// otherwise.
///
/// # Errors
/// As [`read`]; `bad-option` for a format that is not text.
pub fn read_text(name: &str, bytes: Vec<u8>, options: &ReadOptions) -> Result<Read, DataError> {
    check(options)?;
    let file = Path::new(name);
    let one = match options.format.unwrap_or(Format::Csv) {
        Format::Csv => One::of(csv::parse(file, bytes, true, options, false, &|| false)?, true),
        Format::Tsv => One::of(csv::parse(file, bytes, true, options, true, &|| false)?, true),
        Format::JsonLines => One::of(json_lines::parse(file, bytes, true, options)?, true),
        other => return Err(DataError::new("bad-option", format!("`{name}` is text where {other} is not"))),
    };
    Ok(Read { table: unify(&[one.columns])?, notes: one.notes })
}

/// What came out of one file.
struct One {
    columns: Columns,
    notes: Vec<Note>,
    settled: ReadOptions,
    whole: bool,
}

impl One {
    fn of(parsed: csv::Parsed, whole: bool) -> Self {
        Self { columns: parsed.columns, notes: parsed.notes, settled: parsed.settled, whole }
    }
}

fn check(options: &ReadOptions) -> Result<(), DataError> {
    options.problems().into_iter().next().map_or(Ok(()), |problem| Err(problem.into()))
}

fn look_at(file: &Path, options: &ReadOptions, header: Option<bool>) -> Result<One, DataError> {
    let mut bound = FIRST_LOOK;
    loop {
        match read_one(file, options, header, Some(bound), &|| false) {
            // The first record alone is longer than the look.
            Err(error) if matches!(error.code.as_str(), "empty-file" | "unclosed-quote") && bound < LONGEST_LOOK => {
                bound *= 8;
            }
            Err(error) if error.code == "empty-file" && file.metadata().is_ok_and(|file| file.len() > bound as u64) => {
                let message = format!("the first line of `{}` is longer than {} MB", file.display(), bound >> 20);
                return Err(DataError::new("line-too-long", message).help("is this a text file with lines?"));
            }
            other => return other,
        }
    }
}

/// Reads a file, or about its first `bound` bytes. `header` says whether it has one, if it is of a kind that can.
fn read_one(
    file: &Path,
    options: &ReadOptions,
    header: Option<bool>,
    bound: Option<usize>,
    cancelled: Cancelled<'_>,
) -> Result<One, DataError> {
    let opened = open(file, options)?;
    match opened.format {
        Format::Csv | Format::Tsv => {
            let (bytes, whole) = opened.load(bound, cancelled)?;
            let (options, tabs) = (ReadOptions { header, ..options.clone() }, opened.format == Format::Tsv);
            Ok(One::of(csv::parse(file, bytes, whole, &options, tabs, cancelled)?, whole))
        }
        Format::JsonLines => {
            let (bytes, whole) = opened.load(bound, cancelled)?;
            Ok(One::of(json_lines::parse(file, bytes, whole, options)?, whole))
        }
        Format::Parquet => typed(&opened, options, parquet::read(&opened, bound.is_some())?),
        Format::Arrow => typed(&opened, options, arrow_ipc::read(&opened, bound.is_some(), cancelled)?),
    }
}

/// A file that knows its own types.
fn typed(opened: &Opened<'_>, options: &ReadOptions, table: Table) -> Result<One, DataError> {
    Ok(One {
        columns: Columns::of_table(opened.file, &table)?,
        notes: Vec::new(),
        settled: ReadOptions { format: Some(opened.format), ..options.clone() },
        whole: true,
    })
}
