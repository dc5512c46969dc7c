//! Kernel values of whole rows, computed once and kept while the memory lasts.

use std::sync::Arc;

use super::kernel::Shape;
use crate::{chunks, rows::Rows};

/// Values computed by one thread at a time.
const CHUNK: usize = 1024;

/// The kernel of some rows, line by line.
pub(super) struct Cache<'a> {
    rows: &'a Rows,
    shape: Shape,
    lines: Vec<Option<Arc<Vec<f64>>>>,
    /// When each line was last asked for.
    asked: Vec<u64>,
    kept: usize,
    most: usize,
    clock: u64,
}

impl<'a> Cache<'a> {
    /// Keeps as many lines as fit in `bytes`, two at least.
    pub(super) fn new(rows: &'a Rows, shape: Shape, bytes: usize) -> Self {
        let count = rows.count();
        let most = (bytes / (8 * count.max(1))).max(2);
        Self { rows, shape, lines: vec![None; count], asked: vec![0; count], kept: 0, most, clock: 0 }
    }

    /// The kernel of a row with itself.
    pub(super) fn own(&self, row: usize) -> f64 {
        self.shape.compare(self.rows.row(row), self.rows.row(row))
    }

    /// The kernel of a row with every row.
    pub(super) fn line(&mut self, row: usize) -> Arc<Vec<f64>> {
        self.clock += 1;
        self.asked[row] = self.clock;
        if let Some(line) = &self.lines[row] {
            return Arc::clone(line);
        }
        if self.kept >= self.most {
            let held = |row: &usize| self.lines[*row].is_some();
            if let Some(oldest) = (0..self.lines.len()).filter(held).min_by_key(|&row| self.asked[row]) {
                self.lines[oldest] = None;
                self.kept -= 1;
            }
        }
        let own = self.rows.row(row);
        let compare = |other: usize| self.shape.compare(own, self.rows.row(other));
        let line = chunks::map(self.rows.count(), CHUNK, |range| range.map(compare).collect::<Vec<f64>>()).concat();
        let line = Arc::new(line);
        self.lines[row] = Some(Arc::clone(&line));
        self.kept += 1;
        line
    }
}
