//! What is said about a parsed file: ragged rows, values of the wrong type, columns worth a note.

use super::{Chunk, Plan};
use crate::{
    error::DataError,
    read::{
        Note,
        options::{Delimiter, Ragged},
        text::Part,
        value::ValueType,
    },
};

/// Lines named in an error.
pub(super) const SHOWN: usize = 5;

/// What was found in the chunks of a file so far.
#[derive(Debug, PartialEq)]
pub(super) struct Findings {
    rows: usize,
    ragged_count: usize,
    /// The first ragged rows: line and number of fields.
    ragged: Vec<(usize, usize)>,
    /// Smallest and largest number of fields of a ragged row.
    ragged_fields: Option<(usize, usize)>,
    columns: Vec<Found>,
}

/// What was found in a column.
#[derive(Clone, Debug, PartialEq)]
struct Found {
    value_type: ValueType,
    large: bool,
    misfit_count: usize,
    /// The first misfits: line and text.
    misfits: Vec<(usize, String)>,
}

impl Findings {
    /// Nothing yet in columns of these types.
    pub(super) fn new(types: &[ValueType]) -> Self {
        let found = |value_type: &ValueType| Found {
            value_type: *value_type,
            large: false,
            misfit_count: 0,
            misfits: Vec::new(),
        };
        let columns = types.iter().map(found).collect();
        Self { rows: 0, ragged_count: 0, ragged: Vec::new(), ragged_fields: None, columns }
    }

    /// Adds what was found in the next chunks, which stand in `part`.
    pub(super) fn add(&mut self, part: &Part<'_>, chunks: &[Chunk]) {
        for chunk in chunks {
            self.rows += chunk.rows;
            self.ragged_count += chunk.ragged_count;
            let room = SHOWN - self.ragged.len();
            self.ragged.extend(chunk.ragged.iter().take(room).map(|(at, fields)| (part.line_at(*at), *fields)));
            let spans = [self.ragged_fields, chunk.ragged_fields].into_iter().flatten();
            self.ragged_fields = spans.reduce(|(a, b), (c, d)| (a.min(c), b.max(d)));
            for (found, column) in self.columns.iter_mut().zip(&chunk.columns) {
                found.value_type = found.value_type.join(column.value_type());
                found.large |= column.large;
                found.misfit_count += column.misfit_count;
                let misfits = column.misfits.iter().take(SHOWN - found.misfits.len());
                found.misfits.extend(misfits.map(|(at, text)| (part.line_at(chunk.start + at), text.clone())));
            }
        }
    }

    /// The narrowest types that hold all values.
    pub(super) fn types(&self) -> Vec<ValueType> {
        self.columns.iter().map(|column| column.value_type).collect()
    }

    /// Whether the types hold what `all` hold, and no more.
    pub(super) fn within(&self, all: &Self) -> bool {
        let mut pairs = self.columns.iter().zip(&all.columns);
        pairs.all(|(found, whole)| found.value_type.join(whole.value_type) == whole.value_type)
    }
}

impl Plan<'_> {
    /// Refuses ragged rows, or notes that they were left out.
    pub(super) fn report_ragged(
        &self,
        findings: &Findings,
        ragged: Ragged,
        notes: &mut Vec<Note>,
    ) -> Result<(), DataError> {
        let count = findings.ragged_count;
        if count == 0 {
            return Ok(());
        }
        let rows = count + findings.rows;
        let first = findings.ragged.iter();
        let mut shown: Vec<String> = first.map(|(line, fields)| format!("line {line} has {fields}")).collect();
        if count > shown.len() {
            shown.push(format!("{} more", count - shown.len()));
        }
        let (file, width) = (self.file.display(), self.names.len());
        let message = format!(
            "`{file}`: {count} of {rows} rows have another number of fields than the {width} expected: {}",
            shown.join(", ")
        );
        if ragged == Ragged::Skip {
            notes.push(Note::new("ragged-rows-skipped", message));
            return Ok(());
        }
        let error = DataError::new("ragged-rows", message);
        Err(match findings.ragged_fields {
            Some((low, high)) if count == rows && low == high => {
                error.help(format!("name all {low} columns with `columns`, if the first row lacks some"))
            }
            _ if self.dialect.delimiter == Delimiter::Char(b',') && self.dialect.quote.is_none() => {
                error.help("`ragged: skip` leaves such rows out; fields that hold a delimiter need quotes")
            }
            _ => error.help("`ragged: skip` leaves such rows out and counts them"),
        })
    }

    /// Refuses values that do not fit the type a column was declared to have.
    pub(super) fn report_misfits(&self, findings: &Findings) -> Result<(), DataError> {
        let mut wrong = Vec::new();
        for (position, name) in self.names.iter().enumerate() {
            let Found { misfit_count: count, misfits, .. } = &findings.columns[position];
            if *count == 0 {
                continue;
            }
            let mut shown: Vec<String> =
                misfits.iter().map(|(line, value)| format!("`{value}` on line {line}")).collect();
            if *count > shown.len() {
                shown.push(format!("{} more", count - shown.len()));
            }
            let type_name = self.types[position].name();
            wrong.push(format!("column `{name}` holds what is no {type_name}: {}", shown.join(", ")));
        }
        if wrong.is_empty() {
            return Ok(());
        }
        let error = DataError::new("wrong-type", format!("`{}`: {}", self.file.display(), wrong.join("; ")));
        Err(match self.inferred_from {
            Some(rows) => {
                error.help(format!("types come from the first {rows} rows: raise `infer_rows` or leave it out"))
            }
            None => error.help("declare another type, or add the text to `missing`"),
        })
    }

    /// Notes columns without values and integers that were too large.
    pub(super) fn note_columns(&self, findings: &Findings, types: &[ValueType], notes: &mut Vec<Note>) {
        let file = self.file.display();
        let listed = |wanted: &dyn Fn(usize) -> bool| {
            let names: Vec<String> =
                (0..types.len()).filter(|at| wanted(*at)).map(|at| format!("`{}`", self.names[at])).collect();
            names.join(", ")
        };
        let large = listed(&|at| findings.columns[at].large && types[at] == ValueType::Float);
        if !large.is_empty() {
            notes.push(Note::new(
                "large-integers",
                format!(
                    "`{file}`: integers beyond 64 bits in {large} were read as floats; declare `text` if they are names"
                ),
            ));
        }
        if findings.rows == 0 {
            notes.push(Note::new("no-rows", format!("`{file}` has column names but no rows")));
            return;
        }
        let empty = listed(&|at| types[at] == ValueType::Unknown);
        if !empty.is_empty() {
            notes.push(Note::new("empty-columns", format!("`{file}`: no value at all in {empty}")));
        }
    }
}
