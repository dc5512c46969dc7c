//! Some columns and rows of a table that lies in a file.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, RecordBatch},
    datatypes::SchemaRef,
};
use rayon::prelude::*;

use super::{batch_of, parquet_file::ParquetFile};
use crate::{error::DataError, memory};

/// Some columns and rows of a table that lies in a file.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) file: Arc<ParquetFile>,
    /// The columns, by their position in the file.
    pub(crate) picked: Arc<[usize]>,
    pub(crate) rows: Range<usize>,
}

impl View {
    /// All of a file.
    pub(crate) fn of(file: ParquetFile) -> Self {
        let picked = (0..file.schema().fields().len()).collect();
        let rows = 0..file.rows();
        Self { file: Arc::new(file), picked, rows }
    }

    /// These of its columns.
    pub(crate) fn select(&self, positions: &[usize]) -> Self {
        Self { picked: positions.iter().map(|position| self.picked[*position]).collect(), ..self.clone() }
    }

    /// `length` of its rows from `start`, both within it.
    pub(crate) fn slice(&self, start: usize, length: usize) -> Self {
        let start = self.rows.start + start;
        Self { rows: start..start + length, ..self.clone() }
    }

    /// True when no row of the file is left out.
    pub(crate) fn has_all_rows(&self) -> bool {
        self.rows == (0..self.file.rows())
    }

    /// True when it is the file's whole table, under the names that it has there.
    pub(crate) fn is_whole(&self, schema: &SchemaRef) -> bool {
        self.has_all_rows()
            && self.picked.iter().copied().eq(0..self.file.schema().fields().len())
            && schema == self.file.schema()
    }

    /// Bytes in memory, about.
    pub(crate) fn bytes(&self) -> u64 {
        let (rows, all) = (self.rows.len() as u128, self.file.rows().max(1) as u128);
        u64::try_from(u128::from(self.file.bytes(&self.picked)) * rows / all).unwrap_or(u64::MAX)
    }

    /// The column at `position` of the view in pieces, which stay in memory as long as the file.
    pub(crate) fn column(&self, position: usize) -> Result<Vec<ArrayRef>, DataError> {
        memory::must_fit(self.file.bytes(&[self.picked[position]]))?;
        let mut start = 0;
        let pieces = self.file.column(self.picked[position])?.iter().filter_map(|array| {
            let here = self.within(start, array.len());
            start += array.len();
            (!here.is_empty()).then(|| array.slice(here.start, here.len()))
        });
        Ok(pieces.collect())
    }

    /// All columns, which stay in memory as long as the file.
    pub(crate) fn batches(&self, schema: &SchemaRef) -> Result<Vec<RecordBatch>, DataError> {
        memory::must_fit(self.file.bytes(&self.picked))?;
        let columns: Vec<Vec<ArrayRef>> =
            (0..self.picked.len()).into_par_iter().map(|position| self.column(position)).collect::<Result<_, _>>()?;
        let Some(first) = columns.first() else {
            let some = (!self.rows.is_empty()).then(|| batch_of(schema, Vec::new(), self.rows.len()));
            return some.into_iter().collect();
        };
        first
            .iter()
            .enumerate()
            .map(|(piece, array)| {
                let arrays: Option<Vec<ArrayRef>> = columns.iter().map(|pieces| pieces.get(piece).cloned()).collect();
                let arrays = arrays.ok_or_else(|| self.uneven())?;
                batch_of(schema, arrays, array.len())
            })
            .collect()
    }

    /// The rows in order, some at a time.
    pub(crate) fn scan<'a>(
        &'a self,
        schema: &'a SchemaRef,
    ) -> impl Iterator<Item = Result<RecordBatch, DataError>> + Send + 'a {
        let mut start = 0;
        // Left early, so that what lies behind the rows is not read.
        let batches = self.file.scan(&self.picked, schema).scan((), move |(), batch| {
            let batch = match batch {
                Ok(batch) => batch,
                failed => return Some(failed),
            };
            let here = self.within(start, batch.num_rows());
            let over = start >= self.rows.end;
            start += batch.num_rows();
            (!over).then(|| Ok(batch.slice(here.start, here.len())))
        });
        batches.filter(|batch| batch.as_ref().map_or(true, |batch| batch.num_rows() > 0))
    }

    /// Hands the column at `position` of the view to `take` in small pieces, in order, without keeping it.
    pub(crate) fn for_each_piece(
        &self,
        position: usize,
        mut take: impl FnMut(&ArrayRef) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let mut start = 0;
        self.file.for_each_piece(self.picked[position], |array| {
            let here = self.within(start, array.len());
            start += array.len();
            match here.len() {
                0 => Ok(()),
                all if all == array.len() => take(array),
                some => take(&array.slice(here.start, some)),
            }
        })
    }

    /// Which of the `length` rows from `start` of the file are in the view, counted from `start`.
    fn within(&self, start: usize, length: usize) -> Range<usize> {
        let low = self.rows.start.clamp(start, start + length) - start;
        let high = self.rows.end.clamp(start, start + length) - start;
        low..high.max(low)
    }

    fn uneven(&self) -> DataError {
        let file = self.file.path().display();
        DataError::new("bad-parquet", format!("`{file}`: its columns differ in length"))
    }
}
