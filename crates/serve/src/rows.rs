//! The rows of a request as they arrive, cell by cell, in the columns of a model.

use std::collections::HashMap;

use axum::http::StatusCode;
use trainyard_core::problem::nearest;
use trainyard_data::columns::number_of_moment;
use trainyard_learn::{Frame, FrameColumn, Values};

use crate::{
    model::{Cell, Served},
    refusal::Refusal,
};

/// Levels of one text column from which on they are looked up by hash.
const FEW_LEVELS: usize = 16;

/// The rows of a request in the making.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    model: &'a Served,
    /// One column a slot of the model, in their order.
    frame: Frame,
    /// The codes of each text column's levels, where there are many.
    codes: Vec<HashMap<String, u32>>,
    /// Rows that are complete.
    rows: usize,
    most: usize,
}

impl<'a> Rows<'a> {
    /// No row yet, and at most `most`.
    pub(crate) fn new(model: &'a Served, most: usize) -> Self {
        let columns = model
            .slots
            .iter()
            .map(|slot| {
                let values = match slot.cell {
                    Cell::Number => Values::Number(Vec::new()),
                    Cell::Moment => Values::Moment(Vec::new()),
                    Cell::Text => Values::Category { codes: Vec::new(), levels: Vec::new() },
                };
                FrameColumn { name: slot.filled_as.clone(), values }
            })
            .collect();
        Self { model, frame: Frame { columns, rows: 0 }, codes: Vec::new(), rows: 0, most }
    }

    /// Complete rows that were parsed for another version, whose slots were called `names` in the source.
    pub(crate) fn of_frame(model: &'a Served, names: &[String], mut frame: Frame) -> Self {
        let mut rows = Self::new(model, frame.rows);
        for (name, column) in names.iter().zip(&mut frame.columns) {
            if let Some(slot) = model.slots.iter().position(|slot| slot.name == *name) {
                std::mem::swap(&mut rows.frame.columns[slot].values, &mut column.values);
            }
        }
        rows.rows = frame.rows;
        rows.frame.rows = frame.rows;
        rows
    }

    pub(crate) const fn len(&self) -> usize {
        self.rows
    }

    /// The most rows a request may hold.
    pub(crate) const fn most(&self) -> usize {
        self.most
    }

    pub(crate) const fn model(&self) -> &'a Served {
        self.model
    }

    /// The complete rows.
    pub(crate) const fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The place of a named column among the inputs; `None` for the target, which records may hold.
    ///
    /// # Errors
    /// `unknown-column` with the nearest name.
    pub(crate) fn place(&self, name: &str, expected: usize) -> Result<Option<usize>, Refusal> {
        match self.model.place(name, expected) {
            Some(place) => Ok(Some(place)),
            None if self.model.is_target(name) => Ok(None),
            None => {
                let refusal = Refusal::bad(
                    "unknown-column",
                    format!("the model `{}` knows no column `{}`", self.model.name, shown(name)),
                );
                let names = self.model.inputs.iter().map(|input| input.name.as_str());
                Err(match nearest(name, names) {
                    Some(near) => refusal.help(format!("did you mean `{near}`?")),
                    None => refusal.help("its metadata lists the columns it takes"),
                })
            }
        }
    }

    /// The slot that an input fills; none where the model does not need it.
    pub(crate) fn slot(&self, place: usize) -> Option<usize> {
        self.model.inputs[place].slot
    }

    /// True when the column has a cell in the row that is being filled.
    pub(crate) fn is_filled(&self, slot: usize) -> bool {
        self.frame.columns[slot].values.len() > self.rows
    }

    /// A number in the row that is being filled.
    pub(crate) fn number(&mut self, slot: usize, number: f64) {
        match &mut self.frame.columns[slot].values {
            Values::Number(values) | Values::Moment(values) => values.push(number),
            Values::Category { .. } => {
                // As the cell would read in a text file.
                let text = number.to_string();
                self.level(slot, &text);
            }
        }
    }

    /// True or false in the row that is being filled.
    pub(crate) fn flag(&mut self, slot: usize, flag: bool) {
        match &mut self.frame.columns[slot].values {
            Values::Number(values) | Values::Moment(values) => values.push(f64::from(u8::from(flag))),
            Values::Category { .. } => self.level(slot, if flag { "true" } else { "false" }),
        }
    }

    /// A missing cell in the row that is being filled.
    pub(crate) fn missing(&mut self, slot: usize) {
        match &mut self.frame.columns[slot].values {
            Values::Number(values) | Values::Moment(values) => values.push(f64::NAN),
            Values::Category { codes, .. } => codes.push(Values::MISSING),
        }
    }

    /// A text in the row that is being filled: a number or a moment where the column holds those, and missing where it
    /// is empty.
    ///
    /// # Errors
    /// `not-a-number`, `not-a-moment`.
    pub(crate) fn text(&mut self, slot: usize, text: &str) -> Result<(), Refusal> {
        let input = &self.model.slots[slot];
        if text.is_empty() {
            self.missing(slot);
            return Ok(());
        }
        let wrong = |code: &str, what: &str| {
            let message =
                format!("column `{}` takes {what}, found `{}` in row {}", input.name, shown(text), self.rows + 1);
            Refusal::bad(code, message)
        };
        match input.cell {
            Cell::Text => self.level(slot, text),
            Cell::Number => {
                let number = match text {
                    "true" => 1.0,
                    "false" => 0.0,
                    _ => text.trim().parse().map_err(|_| wrong("not-a-number", "numbers"))?,
                };
                self.number(slot, number);
            }
            Cell::Moment => {
                let number = number_of_moment(text.trim(), input.column_type)
                    .ok_or_else(|| wrong("not-a-moment", "dates and times such as 2026-01-31T12:00:00Z"))?;
                self.number(slot, number);
            }
        }
        Ok(())
    }

    fn level(&mut self, slot: usize, text: &str) {
        let Values::Category { codes, levels } = &mut self.frame.columns[slot].values else { return };
        if levels.len() < FEW_LEVELS {
            if let Some(code) = levels.iter().position(|level| level == text) {
                codes.push(code as u32);
                return;
            }
        } else {
            if self.codes.is_empty() {
                self.codes = vec![HashMap::new(); self.model.slots.len()];
            }
            let known = &mut self.codes[slot];
            if known.len() < levels.len() {
                let unknown = levels.iter().enumerate().skip(known.len());
                known.extend(unknown.map(|(code, level)| (level.clone(), code as u32)));
            }
            if let Some(code) = known.get(text) {
                codes.push(*code);
                return;
            }
        }
        codes.push(levels.len() as u32);
        levels.push(text.to_owned());
    }

    /// Ends a row.
    ///
    /// # Errors
    /// `missing-column` that names all columns without a cell, `too-many-rows`.
    pub(crate) fn end_row(&mut self) -> Result<(), Refusal> {
        if self.frame.columns.iter().any(|column| column.values.len() == self.rows) {
            let pairs = self.model.slots.iter().zip(&self.frame.columns);
            let absent = pairs.filter(|(_, column)| column.values.len() == self.rows);
            return Err(absent_columns(absent.map(|(slot, _)| slot.name.as_str()), self.rows + 1));
        }
        self.rows += 1;
        self.frame.rows = self.rows;
        if self.rows > self.most { Err(too_many_rows(self.most)) } else { Ok(()) }
    }

    /// Ends a request that came column by column, `rows` cells each.
    ///
    /// # Errors
    /// As [`Rows::end_row`], and `lengths-differ`.
    pub(crate) fn end_columns(&mut self, rows: usize) -> Result<(), Refusal> {
        if rows > self.most {
            return Err(too_many_rows(self.most));
        }
        let pairs = || self.model.slots.iter().zip(&self.frame.columns);
        if rows > 0 && pairs().any(|(_, column)| column.values.is_empty()) {
            let absent = pairs().filter(|(_, column)| column.values.is_empty());
            return Err(absent_columns(absent.map(|(slot, _)| slot.name.as_str()), 1));
        }
        if let Some((slot, column)) = pairs().find(|(_, column)| column.values.len() != rows) {
            let found = column.values.len();
            let message = format!("column `{}` has {found} values where others have {rows}", slot.name);
            return Err(Refusal::bad("lengths-differ", message));
        }
        self.rows = rows;
        self.frame.rows = rows;
        Ok(())
    }

    /// A whole column of numbers.
    pub(crate) fn numbers(&mut self, slot: usize, numbers: impl Iterator<Item = f64>) {
        match &mut self.frame.columns[slot].values {
            Values::Number(values) | Values::Moment(values) => values.extend(numbers),
            Values::Category { .. } => numbers.for_each(|number| self.number(slot, number)),
        }
    }
}

pub(crate) fn too_many_rows(most: usize) -> Refusal {
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too-many-rows", format!("a request holds at most {most} rows"))
        .help("send several requests, or predict a file with `trainyard predict`")
}

fn absent_columns<'a>(names: impl Iterator<Item = &'a str>, row: usize) -> Refusal {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(20);
    let mut list = names[..names.len().min(20)].join(", ");
    if more > 0 {
        list.push_str(&format!(" and {more} more"));
    }
    let column = if names.len() == 1 { "column" } else { "columns" };
    Refusal::bad("missing-column", format!("row {row} lacks {column} {list}")).help("a missing value is null")
}

/// A text from outside, short enough for a message.
pub(crate) fn shown(text: &str) -> String {
    const MOST: usize = 60;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST).chain(['…']).collect()
}
