//! Delimited text: CSV and its relatives.
//!
//! The text is cut into chunks at record boundaries, the chunks are parsed in parallel into typed columns, and each
//! column takes the narrowest type that holds its values in all chunks. Types are thus inferred from the whole file.
//! Text is a missing value when it is empty or one of the markers; in quotes a marker is text, except in a column of
//! another type or where the file quotes everything. Integers with leading zeros (`007`) are text; integers beyond 64
//! bits are floats.

mod chunks;
mod column;
mod dialect;
mod record;
mod report;
mod stream;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, path::Path};

use arrow::array::ArrayRef;
use rayon::prelude::*;
use trainyard_core::ColumnType;

pub(crate) use self::dialect::is_default_missing;
pub(super) use self::{
    chunks::plain as lines,
    stream::{Survey, survey},
};
use self::{
    column::{Block, Column},
    dialect::{Dialect, detect_header},
    record::{Field, Records, Unclosed, unquoted},
    report::{Findings, SHOWN},
};
use super::{
    Cancelled, Note,
    options::{Quote, ReadOptions},
    text::{self, Part},
    unify::Columns,
    value::ValueType,
    windows::{Bounds, LONGEST_RECORD},
};
use crate::error::DataError;

/// Records whose types decide how columns start out; all others are then checked against that.
const FIRST_RECORDS: usize = 1000;

/// Rows split into fields before their values are parsed column by column.
const BLOCK_ROWS: usize = 256;

/// A parsed file.
pub(super) struct Parsed {
    pub(super) columns: Columns,
    pub(super) notes: Vec<Note>,
    /// The options that would read the file the same way without detection.
    pub(super) settled: ReadOptions,
}

/// How to parse a file's records.
struct Plan<'a> {
    file: &'a Path,
    dialect: Dialect,
    names: Vec<String>,
    types: Vec<ValueType>,
    declared: Vec<Option<ColumnType>>,
    /// Where the first record stands.
    start: usize,
    /// Types hold for the first so many rows, which is all that was looked at.
    inferred_from: Option<usize>,
}

/// Parses the bytes of a file; `whole` is false when they are only its first part, whose last record may be cut.
pub(super) fn parse(
    file: &Path,
    bytes: Vec<u8>,
    whole: bool,
    options: &ReadOptions,
    tabs: bool,
    cancelled: Cancelled<'_>,
) -> Result<Parsed, DataError> {
    let mut text = text::decode(file, bytes, options.encoding.as_deref())?;
    let dialect = Dialect::settle(file, &text, text::line_end(&text), options, tabs)?;
    if !whole {
        text.truncate(chunks::last_whole_record(&text, &dialect));
    }
    let mut notes = Vec::new();
    let (plan, header) = plan(file, &text, dialect, options, &mut notes)?;
    let (part, body) = (Part::whole(&text), &text[plan.start..]);
    let cuts = chunks::cuts(body, &plan.dialect, Bounds::default().chunk);
    if let Some(at) = cuts.unclosed {
        return Err(unclosed(file, &part, plan.start + at, &plan.dialect));
    }
    let mut ends = cuts.ends;
    if ends.last().copied().unwrap_or(0) < body.len() {
        ends.push(body.len());
    }
    let chunks = plan.chunks(&part, plan.start, &ends, cancelled)?;
    let mut findings = Findings::new(&plan.types);
    findings.add(&part, &chunks);
    let types = plan.conclude(&findings, options, &mut notes)?;
    let batches = plan.arrays(chunks, &part, plan.start, &ends, &types)?;
    let settled = plan.settled(options, header);
    Ok(Parsed { columns: Columns::new(file, plan.names, &types, batches), notes, settled })
}

/// A chunk's columns, and what was wrong with its rows.
struct Chunk {
    columns: Vec<Column>,
    rows: usize,
    /// Ragged rows, the first few: position in that part and number of fields.
    ragged: Vec<(usize, usize)>,
    ragged_count: usize,
    /// Smallest and largest number of fields of a ragged row.
    ragged_fields: Option<(usize, usize)>,
    /// Where the chunk starts in its part of the file.
    start: usize,
}

/// The pieces of `part` from `from` on that end at `ends`, counted from there, each with its start in `part`.
fn pieces<'a>(part: &Part<'a>, from: usize, ends: &[usize]) -> Vec<(usize, &'a [u8])> {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(ends).map(|(start, end)| (from + start, &part.text[from + start..from + *end])).collect()
}

fn plan<'a>(
    file: &'a Path,
    text: &[u8],
    dialect: Dialect,
    options: &ReadOptions,
    notes: &mut Vec<Note>,
) -> Result<(Plan<'a>, bool), DataError> {
    let shown = file.display();
    let part = Part::whole(text);
    let mut records = Records::new(text, &dialect);
    let mut first = Vec::new();
    let begun = records.next(&mut first).map_err(|Unclosed(at)| unclosed(file, &part, at, &dialect))?;
    if begun.is_none() {
        return Err(DataError::new("empty-file", format!("`{shown}` is empty")));
    }
    let after_first = records.position();
    // Detection must see text: the first line of a binary file makes no message.
    text::check(file, &part, &text[..after_first], 0)?;
    let wanted = options.infer_rows.unwrap_or(FIRST_RECORDS);
    let mut rest = Vec::new();
    while rest.len() < wanted {
        let mut fields = Vec::with_capacity(first.len());
        match records.next(&mut fields) {
            Ok(Some(_)) => rest.push(fields),
            // A quote left open is reported by the reading proper.
            Ok(None) | Err(_) => break,
        }
    }
    let header = match options.header {
        Some(header) => header,
        None => {
            let (header, sure) = detect_header(text, &dialect, &first, &rest);
            if header && !sure {
                notes.push(Note::new(
                    "header-guessed",
                    format!("`{shown}`: the first row was taken for column names; say `header: false` if it is data"),
                ));
            } else if !header && options.columns.is_none() {
                notes.push(Note::new(
                    "no-header",
                    format!("`{shown}` has no column names; give them with `columns`, or say `header: true`"),
                ));
            }
            header
        }
    };
    let names = names(file, text, &dialect, options, header.then_some(first.as_slice()), first.len())?;
    if !header {
        rest.insert(0, first);
    }
    if let Some(name) = options.types.keys().find(|name| !names.contains(name)) {
        return Err(DataError::unknown_column(name, names.iter().map(String::as_str)));
    }
    let mut types = vec![ValueType::Unknown; names.len()];
    for record in rest.iter().filter(|record| record.len() == names.len()).take(wanted) {
        for (joined, field) in types.iter_mut().zip(record) {
            let value = record::cell(text, *field);
            if !dialect.missing.has(value) {
                *joined =
                    joined.join(if field.is_raw() { ValueType::Text } else { ValueType::of(value, dialect.decimal) });
            }
        }
    }
    let mut declared: Vec<Option<ColumnType>> = names.iter().map(|name| options.types.get(name).copied()).collect();
    for (value_type, declared) in types.iter_mut().zip(&mut declared) {
        match declared {
            Some(ColumnType::Timestamp) if *value_type == ValueType::TimestampUtc => {}
            Some(column_type) => *value_type = ValueType::declared(*column_type),
            None if options.infer_rows.is_some() => {
                *declared = Some(column_type_of(*value_type));
                *value_type = if *value_type == ValueType::Unknown { ValueType::Text } else { *value_type };
            }
            None => {}
        }
    }
    if let Some(rows) = options.infer_rows.filter(|rows| rest.len() >= *rows) {
        notes.push(Note::new(
            "inferred-from-part",
            format!("`{shown}`: types were inferred from the first {rows} rows"),
        ));
    }
    let start = if header { after_first } else { 0 };
    Ok((Plan { file, dialect, names, types, declared, start, inferred_from: options.infer_rows }, header))
}

const fn column_type_of(value_type: ValueType) -> ColumnType {
    match value_type {
        ValueType::Boolean => ColumnType::Boolean,
        ValueType::Integer => ColumnType::Integer,
        ValueType::Float => ColumnType::Float,
        ValueType::Date => ColumnType::Date,
        ValueType::Timestamp | ValueType::TimestampUtc => ColumnType::Timestamp,
        ValueType::Text | ValueType::Unknown => ColumnType::Text,
    }
}

/// The columns' names: the given ones, those in the header, or `column_1` and so on.
fn names(
    file: &Path,
    text: &[u8],
    dialect: &Dialect,
    options: &ReadOptions,
    header: Option<&[Field]>,
    width: usize,
) -> Result<Vec<String>, DataError> {
    let shown = file.display();
    if let Some(columns) = &options.columns {
        if columns.len() != width {
            return Err(DataError::new(
                "wrong-columns",
                format!("`columns` names {} columns where `{shown}` has {width}", columns.len()),
            ));
        }
        return Ok(columns.clone());
    }
    let Some(header) = header else { return Ok((1..=width).map(|number| format!("column_{number}")).collect()) };
    let names: Vec<String> = header
        .iter()
        .enumerate()
        .map(|(position, field)| {
            let name = unquoted(text, *field, dialect);
            match String::from_utf8_lossy(&name).trim() {
                "" => format!("column_{}", position + 1),
                name => name.to_owned(),
            }
        })
        .collect();
    let mut seen = BTreeSet::new();
    let twice: BTreeSet<String> =
        names.iter().filter(|name| !seen.insert(name.as_str())).map(|name| format!("`{name}`")).collect();
    if twice.is_empty() {
        return Ok(names);
    }
    let twice: Vec<String> = twice.into_iter().collect();
    Err(DataError::new("duplicate-column", format!("`{shown}`: more than one column is named {}", twice.join(", ")))
        .help("name all columns with `columns`, or say `header: false` if the first row is data"))
}

/// The quote at `at` of `part` is never closed.
fn unclosed(file: &Path, part: &Part<'_>, at: usize, dialect: &Dialect) -> DataError {
    // What is not text at all has quotes anywhere.
    if let Err(error) = text::check(file, &Part::whole(part.head), part.head, 0)
        && error.code == "binary-file"
    {
        return error;
    }
    let quote = dialect.quote.map_or('"', char::from);
    let line = part.line_at(at);
    DataError::new("unclosed-quote", format!("`{}`: the `{quote}` on line {line} is never closed", file.display()))
        .help("say `quote: off` if quotes stand for themselves")
}

impl Plan<'_> {
    /// Parses the text from `from` on in pieces that end at `ends`, counted from there.
    fn chunks(
        &self,
        part: &Part<'_>,
        from: usize,
        ends: &[usize],
        cancelled: Cancelled<'_>,
    ) -> Result<Vec<Chunk>, DataError> {
        let chunks: Vec<Result<Chunk, DataError>> = pieces(part, from, ends)
            .into_par_iter()
            .map(|(start, piece)| {
                if cancelled() {
                    return Err(DataError::cancelled());
                }
                self.chunk(part, start, piece)
            })
            .collect();
        // Of several mistakes, the first one is told at any number of threads.
        chunks.into_iter().collect()
    }

    /// The types that hold all values, unless something speaks against the file.
    fn conclude(
        &self,
        findings: &Findings,
        options: &ReadOptions,
        notes: &mut Vec<Note>,
    ) -> Result<Vec<ValueType>, DataError> {
        self.report_ragged(findings, options.ragged.unwrap_or_default(), notes)?;
        self.report_misfits(findings)?;
        let types = findings.types();
        self.note_columns(findings, &types, notes);
        Ok(types)
    }

    /// The values of chunks as columns of these types.
    fn arrays(
        &self,
        mut chunks: Vec<Chunk>,
        part: &Part<'_>,
        from: usize,
        ends: &[usize],
        types: &[ValueType],
    ) -> Result<Vec<Vec<ArrayRef>>, DataError> {
        let pieces = pieces(part, from, ends);
        chunks.par_iter_mut().zip(pieces).for_each(|(chunk, (_, piece))| self.read_again(chunk, piece, types));
        chunks
            .into_par_iter()
            .map(|chunk| {
                let arrays = chunk.columns.into_iter().zip(types).map(|(column, kind)| column.finish(*kind));
                Ok(arrays.collect::<Result<Vec<ArrayRef>, _>>()?)
            })
            .collect()
    }

    /// The options that would read the file the same way without detection.
    fn settled(&self, options: &ReadOptions, header: bool) -> ReadOptions {
        let dialect = &self.dialect;
        ReadOptions {
            delimiter: Some(dialect.delimiter),
            header: Some(header),
            columns: if header && options.columns.is_none() { None } else { Some(self.names.clone()) },
            decimal: (dialect.decimal != b'.').then_some(char::from(dialect.decimal)),
            quote: dialect.quote.filter(|quote| *quote != b'"').map(Quote::Char).or(options.quote),
            trim: dialect.trim.then_some(true).or(options.trim),
            ..options.clone()
        }
    }

    fn fresh(&self, bytes: usize) -> Vec<Column> {
        // A guess that saves most of the growing.
        let rows = bytes / (self.names.len() * 4).max(1);
        let columns = self.types.iter().zip(&self.declared);
        columns.map(|(value_type, declared)| Column::new(*value_type, *declared, rows)).collect()
    }

    /// Parses a chunk that starts at `start` of `part`.
    fn chunk(&self, part: &Part<'_>, start: usize, piece: &[u8]) -> Result<Chunk, DataError> {
        text::check(self.file, part, piece, start)?;
        if piece.len() >= LONGEST_RECORD {
            let line = part.line_at(start);
            return Err(DataError::new(
                "line-too-long",
                format!("`{}`: the record on line {line} is longer than 1 GiB", self.file.display()),
            ));
        }
        let mut chunk = Chunk {
            columns: self.fresh(piece.len()),
            rows: 0,
            ragged: Vec::new(),
            ragged_count: 0,
            ragged_fields: None,
            start,
        };
        let read = self.blocks(piece, &mut chunk, |columns, block| {
            columns.iter_mut().enumerate().for_each(|(position, column)| column.append(block, position));
        });
        read.map_err(|Unclosed(at)| unclosed(self.file, part, start + at, &self.dialect))?;
        Ok(chunk)
    }

    /// Hands the records of a chunk to `take` in blocks, leaving out and counting the ragged ones.
    fn blocks(
        &self,
        piece: &[u8],
        chunk: &mut Chunk,
        mut take: impl FnMut(&mut Vec<Column>, &Block<'_>),
    ) -> Result<(), Unclosed> {
        let width = self.names.len();
        let mut records = Records::new(piece, &self.dialect);
        let mut fields: Vec<Field> = Vec::with_capacity(BLOCK_ROWS * width);
        loop {
            let before = fields.len();
            let at = records.next(&mut fields)?;
            let count = fields.len() - before;
            if let Some(at) = at
                && count != width
            {
                fields.truncate(before);
                chunk.ragged_count += 1;
                if chunk.ragged.len() < SHOWN {
                    chunk.ragged.push((chunk.start + at, count));
                }
                let (low, high) = chunk.ragged_fields.unwrap_or((count, count));
                chunk.ragged_fields = Some((low.min(count), high.max(count)));
                continue;
            }
            if fields.len() >= BLOCK_ROWS * width || at.is_none() {
                let block = Block { text: piece, dialect: &self.dialect, fields: &fields, width };
                chunk.rows += block.rows();
                take(&mut chunk.columns, &block);
                fields.clear();
            }
            if at.is_none() {
                return Ok(());
            }
        }
    }

    /// Reads those columns of a chunk again whose values turned out to be text elsewhere.
    fn read_again(&self, chunk: &mut Chunk, piece: &[u8], types: &[ValueType]) {
        let again: Vec<usize> = (0..types.len()).filter(|at| chunk.columns[*at].needs_reading_as(types[*at])).collect();
        if again.is_empty() {
            return;
        }
        let mut scratch = Chunk {
            columns: again.iter().map(|_| Column::new(ValueType::Text, None, chunk.rows)).collect(),
            rows: 0,
            ragged: Vec::new(),
            ragged_count: 0,
            ragged_fields: None,
            start: chunk.start,
        };
        let read = self.blocks(piece, &mut scratch, |columns, block| {
            columns.iter_mut().zip(&again).for_each(|(column, position)| column.append(block, *position));
        });
        debug_assert!(read.is_ok(), "the first reading went through the same records");
        for (position, column) in again.into_iter().zip(scratch.columns) {
            chunk.columns[position] = column;
        }
    }
}
