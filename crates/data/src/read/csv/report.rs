//! What is said about a parsed file: ragged rows, values of the wrong type, columns worth a note.

use super::{Chunk, Plan};
use crate::{
    error::DataError,
    read::{
        Note,
        options::{Delimiter, Ragged},
        text,
        value::ValueType,
    },
};

/// Lines named in an error.
pub(super) const SHOWN: usize = 5;

impl Plan<'_> {
    /// Refuses ragged rows, or notes that they were left out.
    pub(super) fn report_ragged(
        &self,
        text: &[u8],
        chunks: &[Chunk],
        ragged: Ragged,
        notes: &mut Vec<Note>,
    ) -> Result<(), DataError> {
        let count: usize = chunks.iter().map(|chunk| chunk.ragged_count).sum();
        if count == 0 {
            return Ok(());
        }
        let rows = count + chunks.iter().map(|chunk| chunk.rows).sum::<usize>();
        let first = chunks.iter().flat_map(|chunk| &chunk.ragged).take(SHOWN);
        let mut shown: Vec<String> =
            first.map(|(at, fields)| format!("line {} has {fields}", text::line_at(text, *at))).collect();
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
        let spans = chunks.iter().filter_map(|chunk| chunk.ragged_fields);
        let fields = spans.reduce(|(a, b), (c, d)| (a.min(c), b.max(d)));
        let error = DataError::new("ragged-rows", message);
        Err(match fields {
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
    pub(super) fn report_misfits(&self, text: &[u8], chunks: &[Chunk]) -> Result<(), DataError> {
        let mut wrong = Vec::new();
        for (position, name) in self.names.iter().enumerate() {
            let columns = || chunks.iter().map(|chunk| (chunk.start, &chunk.columns[position]));
            let count: usize = columns().map(|(_, column)| column.misfit_count).sum();
            if count == 0 {
                continue;
            }
            let first = columns().flat_map(|(start, column)| column.misfits.iter().map(move |misfit| (start, misfit)));
            let mut shown: Vec<String> = first
                .take(SHOWN)
                .map(|(start, (at, value))| format!("`{value}` on line {}", text::line_at(text, start + at)))
                .collect();
            if count > shown.len() {
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
    pub(super) fn note_columns(&self, chunks: &[Chunk], types: &[ValueType], notes: &mut Vec<Note>) {
        let file = self.file.display();
        let listed = |wanted: &dyn Fn(usize) -> bool| {
            let names: Vec<String> =
                (0..types.len()).filter(|at| wanted(*at)).map(|at| format!("`{}`", self.names[at])).collect();
            names.join(", ")
        };
        let large = listed(&|at| chunks.iter().any(|chunk| chunk.columns[at].large));
        if !large.is_empty() {
            notes.push(Note::new(
                "large-integers",
                format!(
                    "`{file}`: integers beyond 64 bits in {large} were read as floats; declare `text` if they are names"
                ),
            ));
        }
        let rows: usize = chunks.iter().map(|chunk| chunk.rows).sum();
        if rows == 0 {
            notes.push(Note::new("no-rows", format!("`{file}` has column names but no rows")));
            return;
        }
        let empty = listed(&|at| types[at] == ValueType::Unknown);
        if !empty.is_empty() {
            notes.push(Note::new("empty-columns", format!("`{file}`: no value at all in {empty}")));
        }
    }
}
