//! Columns that nearly always hold one bin: a row keeps the cells of only those where it is elsewhere, so that a
//! histogram costs what is out of the ordinary. The usual bin's sums are what the leaf's rows have in all, less those of
//! the column's other bins.

use super::bins::{Column, GROUP};
use super::histogram::{BINS, Cell};

/// A bin with this share of the rows makes its column sparse: below, sixteen neighbouring additions are cheaper than a
/// few scattered ones.
const SHARE: f64 = 0.8;

/// Orders columns so that sparse ones come last; how many are not. Few are not worth a pass of their own.
pub(crate) fn sparse_last(columns: Vec<Column>) -> (Vec<Column>, usize) {
    let (sparse, mut dense): (Vec<Column>, Vec<Column>) =
        columns.iter().cloned().partition(|column| column.share >= SHARE);
    if sparse.len() < GROUP {
        let all = columns.len();
        return (columns, all);
    }
    let count = dense.len();
    dense.extend(sparse);
    (dense, count)
}

/// Cells of sparse columns, row by row: bins counted on from the first sparse column's to the last one's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cells {
    /// Where each row starts in `cells`, and the end of the last; empty without sparse columns.
    starts: Vec<usize>,
    cells: Vec<u32>,
}

impl Cells {
    /// The cells of a row.
    #[inline(always)]
    pub(crate) fn of(&self, row: usize) -> &[u32] {
        &self.cells[self.starts[row]..self.starts[row + 1]]
    }

    /// Whether no row has any.
    pub(crate) fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }
}

/// Cells on their way from columns to rows.
pub(crate) struct Filling {
    counts: Vec<u32>,
    /// Row and cell, column by column.
    met: Vec<(u32, u32)>,
}

impl Filling {
    /// For so many rows.
    pub(crate) fn new(rows: usize) -> Self {
        Self { counts: vec![0; rows], met: Vec::new() }
    }

    /// Takes the bins of the next column, whose usual bin is left out; `first` is the cell of its bin 0.
    pub(crate) fn add(&mut self, first: u32, usual: u8, codes: &[u8]) {
        for (row, &bin) in codes.iter().enumerate().filter(|(_, bin)| **bin != usual) {
            self.counts[row] += 1;
            self.met.push((row as u32, first + u32::from(bin)));
        }
    }

    /// The cells by row, in each the columns ascending.
    pub(crate) fn finish(self) -> Cells {
        if self.met.is_empty() {
            return Cells::default();
        }
        let mut starts = Vec::with_capacity(self.counts.len() + 1);
        let mut end = 0;
        for &count in &self.counts {
            starts.push(end);
            end += count as usize;
        }
        starts.push(end);
        let mut next = starts.clone();
        let mut cells = vec![0; end];
        for (row, cell) in self.met {
            cells[next[row as usize]] = cell;
            next[row as usize] += 1;
        }
        Cells { starts, cells }
    }
}

/// Sets the usual bin of each sparse column from the sums of all rows, `total`.
pub(crate) fn complete<C: Cell>(histogram: &mut [[C; BINS]], columns: &[Column], dense: usize, total: C) {
    for (column, cells) in columns.iter().zip(histogram).skip(dense) {
        let mut rest = total;
        cells[usize::from(column.usual)] = C::default();
        for &cell in &cells[..=column.bins] {
            rest.subtract(cell);
        }
        cells[usize::from(column.usual)] = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boosting::bins::lay_out;
    use crate::{Feature, Matrix};

    fn one_hot(columns: usize, rows: usize) -> Matrix {
        let feature = |k: usize| {
            let values = (0..rows).map(|row| f64::from(u8::from(row * 7 % columns == k))).collect();
            Feature { name: format!("f{k}"), values, levels: None }
        };
        let mut features: Vec<Feature> = (0..columns).map(feature).collect();
        let plain = (0..rows).map(|row| (row % 10) as f64).collect();
        features.insert(3, Feature { name: "plain".to_owned(), values: plain, levels: None });
        Matrix { features, rows }
    }

    #[test]
    fn rows_keep_what_is_out_of_the_ordinary() {
        let x = one_hot(20, 100);
        let layout = lay_out(&x, 254, false);
        assert_eq!((layout.dense, layout.columns[0].feature, layout.columns.len()), (1, 3, 21));
        let rows = layout.encode(&x, std::slice::from_ref(&(0..100)), true, true);
        for row in 0..100 {
            // each of the one-hot columns has a bin for missing values and two more
            assert_eq!(rows.sparse.of(row), [(row * 7 % 20) as u32 * 3 + 2]);
        }
        let few = one_hot(12, 100);
        assert_eq!(lay_out(&few, 254, false).dense, 13, "not worth it");
    }

    #[test]
    fn the_usual_bin_is_what_is_left() {
        let layout = lay_out(&one_hot(20, 100), 254, false);
        let mut histogram = vec![[0_u64; BINS]; 21];
        histogram[1][2] = (3_u64 << 32).wrapping_add(5);
        complete(&mut histogram, &layout.columns, layout.dense, u64::of(-4.0, 90.0));
        assert_eq!((histogram[1][1].sums(), histogram[2][1].sums()), ((-7.0, 85.0), (-4.0, 90.0)));
        assert_eq!(histogram[0][1], 0, "dense columns stay as they are");
    }
}
