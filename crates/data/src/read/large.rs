//! Files whose table is larger than what is held in memory, in two passes. The first finds out what the columns of each
//! file are and whether the files are alike, the second writes their rows into a file, some at a time.
//!
//! Types, missing markers, errors and notes are those of reading in memory, and so is the table's digest. Only of several
//! mistakes in one file, that which comes first may be another.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use arrow::{
    array::{Array, RecordBatch},
    datatypes::{DataType, SchemaRef},
};

use super::{
    Cancelled, Note, Read, arrow_ipc, csv,
    files::{Opened, open},
    json_lines,
    options::{Format, ReadOptions},
    unify::{Heading, Unified},
    windows::Bounds,
};
use crate::{
    error::DataError,
    table::{Gather, Table, parquet_batches, parquet_size},
};

/// Whether the files hold more than is held in memory: text that is not packed by its size, packed files by what comes
/// out of them, Parquet by the size that its footer tells.
pub(super) fn is_large(files: &[PathBuf], options: &ReadOptions, most: u64) -> Result<bool, DataError> {
    let mut left = most;
    for file in files {
        let opened = open(file, options)?;
        let bytes = match opened.format {
            Format::Parquet => opened.unpacked().and_then(parquet_size)?,
            _ => opened.size_up_to(left)?,
        };
        match left.checked_sub(bytes) {
            Some(rest) => left = rest,
            None => return Ok(true),
        }
    }
    Ok(false)
}

/// What the first pass found out about a file.
enum Survey<'a> {
    Csv(Box<csv::Survey<'a>>),
    JsonLines(Box<json_lines::Survey<'a>>),
    Typed,
}

struct Surveyed<'a> {
    opened: &'a Opened<'a>,
    survey: Survey<'a>,
    heading: Heading,
}

/// Reads the files; the table will lie in a file in `folder`.
pub(super) fn read(
    files: &[PathBuf],
    options: &ReadOptions,
    folder: &Path,
    bounds: Bounds,
    cancelled: Cancelled<'_>,
) -> Result<Read, DataError> {
    let begin = |schema: &SchemaRef, notes| Ok((Gather::with_most(schema, folder, 0)?, notes));
    let (gather, notes) =
        for_each_batch(files, options, bounds, cancelled, begin, |(gather, _), batch| gather.push(&batch))?;
    Ok(Read { table: gather.finish()?, notes })
}

/// Goes through the files twice: `begin` is told the columns and what there is to know once the first pass is over, and
/// `take` gets the rows in order, some at a time.
pub(super) fn for_each_batch<S>(
    files: &[PathBuf],
    options: &ReadOptions,
    bounds: Bounds,
    cancelled: Cancelled<'_>,
    begin: impl FnOnce(&SchemaRef, Vec<Note>) -> Result<S, DataError>,
    mut take: impl FnMut(&mut S, RecordBatch) -> Result<(), DataError>,
) -> Result<S, DataError> {
    let opened: Vec<Opened<'_>> = files.iter().map(|file| open(file, options)).collect::<Result<_, _>>()?;
    let (mut surveyed, mut notes, mut options) = (Vec::with_capacity(files.len()), Vec::new(), options.clone());
    for (number, opened) in opened.iter().enumerate() {
        let (one, said, settled) = survey(opened, &options, bounds, cancelled)?;
        if number == 0 {
            // Whether there are headers is settled by the first.
            options.header = settled.header;
        }
        surveyed.push(one);
        notes.extend(said);
    }
    let unified = Unified::of(surveyed.iter().map(|one| &one.heading))?;
    let mut state = begin(unified.schema(), notes)?;
    for (number, one) in surveyed.iter().enumerate() {
        let mut take = |arrays: &[arrow::array::ArrayRef]| take(&mut state, unified.batch(number, arrays)?);
        match &one.survey {
            Survey::Csv(survey) => survey.for_each_batch(bounds, cancelled, &mut take)?,
            Survey::JsonLines(survey) => survey.for_each_batch(bounds, cancelled, &mut take)?,
            Survey::Typed => typed_batches(one.opened, cancelled, |batch| {
                // What the first pass saw is what `take` expects.
                let alike = batch.schema().fields().iter().map(|field| field.name()).eq(&one.heading.names);
                if alike { take(batch.columns()) } else { Err(one.opened.changed()) }
            })?,
        }
    }
    Ok(state)
}

fn survey<'a>(
    opened: &'a Opened<'a>,
    options: &ReadOptions,
    bounds: Bounds,
    cancelled: Cancelled<'_>,
) -> Result<(Surveyed<'a>, Vec<Note>, ReadOptions), DataError> {
    let file = opened.file;
    let (survey, heading, notes, settled) = match opened.format {
        Format::Csv | Format::Tsv => {
            let mut survey = csv::survey(opened, options, bounds, cancelled)?;
            let heading = Heading::inferred(file, survey.names().to_vec(), &survey.types);
            let (notes, settled) = (std::mem::take(&mut survey.notes), survey.settled.clone());
            (Survey::Csv(Box::new(survey)), heading, notes, settled)
        }
        Format::JsonLines => {
            let mut survey = json_lines::survey(opened, options, bounds, cancelled)?;
            let heading = Heading::inferred(file, survey.names.clone(), &survey.types);
            let notes = std::mem::take(&mut survey.notes);
            (
                Survey::JsonLines(Box::new(survey)),
                heading,
                notes,
                ReadOptions { format: Some(opened.format), ..options.clone() },
            )
        }
        Format::Parquet | Format::Arrow => {
            let settled = ReadOptions { format: Some(opened.format), ..options.clone() };
            (Survey::Typed, typed_heading(opened, cancelled)?, Vec::new(), settled)
        }
    };
    Ok((Surveyed { opened, survey, heading }, notes, settled))
}

type Batches<'a> = Box<dyn Iterator<Item = Result<RecordBatch, DataError>> + 'a>;

/// A file that knows its own types, as it is typed there.
fn typed<'a>(opened: &'a Opened<'a>, cancelled: Cancelled<'_>) -> Result<(SchemaRef, Batches<'a>), DataError> {
    match opened.format {
        Format::Parquet => {
            let (schema, batches) = parquet_batches(opened.unpacked()?)?;
            Ok((schema, Box::new(batches)))
        }
        _ => arrow_ipc::batches(opened, cancelled),
    }
}

/// The columns in canonical types; those of unsigned integers depend on their values.
fn typed_heading(opened: &Opened<'_>, cancelled: Cancelled<'_>) -> Result<Heading, DataError> {
    let (schema, _) = typed(opened, cancelled)?;
    let unsigned: Vec<usize> = (0..schema.fields().len())
        .filter(|position| *schema.field(*position).data_type() == DataType::UInt64)
        .collect();
    let table = Table::new(schema, Vec::new()).map_err(|error| in_file(opened, error))?;
    let mut heading = Heading::of_table(opened.file, &table);
    if !unsigned.is_empty() {
        typed_batches(opened, cancelled, |batch| {
            for position in &unsigned {
                if *batch.column(*position).data_type() == DataType::Float64 {
                    heading.types[*position] = DataType::Float64;
                }
            }
            Ok(())
        })?;
    }
    Ok(heading)
}

/// Hands the rows to `take`, some at a time, in types that are canonical for those.
fn typed_batches(
    opened: &Opened<'_>,
    cancelled: Cancelled<'_>,
    mut take: impl FnMut(&RecordBatch) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let (schema, batches) = typed(opened, cancelled)?;
    for batch in batches {
        if cancelled() {
            return Err(DataError::cancelled());
        }
        let table = Table::new(SchemaRef::clone(&schema), vec![batch?]).map_err(|error| in_file(opened, error))?;
        table.batches()?.iter().try_for_each(&mut take)?;
    }
    Ok(())
}

fn in_file(opened: &Opened<'_>, error: DataError) -> DataError {
    match opened.format {
        Format::Parquet => DataError { message: format!("`{}`: {}", opened.file.display(), error.message), ..error },
        _ => error,
    }
}
