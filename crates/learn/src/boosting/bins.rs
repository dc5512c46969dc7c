//! From values to bins: each feature is cut into at most 254 value bins, quantile by quantile, and one bin for missing
//! values, so that a row is a few bytes and a histogram a small table.
//!
//! Bin 0 is missing; value bin `b` (1, 2, …) of a number holds `bounds[b - 2] < v <= bounds[b - 1]`. A categorical
//! feature has a bin a level, the most frequent first; where there are too many, the rare ones share the last bin.
//!
//! Where many columns have nearly all rows in one bin, as one-hot columns do, a row keeps only the bins of those columns
//! where it is elsewhere: see [`super::sparse`].

use rayon::prelude::*;

use super::sparse::{self, Cells};
use crate::matrix::{Feature, Matrix};

/// Most value bins a feature can have: a byte holds them, the missing bin and one spare.
pub(crate) const MOST_BINS: usize = 254;
/// Features in one row group: 16 bytes are a quarter of a cache line.
pub(crate) const GROUP: usize = 16;
/// Rows looked at to place the bounds.
const SAMPLE: usize = 200_000;

/// How one feature's values become bins.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cut {
    /// A number: ascending upper bounds of all value bins but the last.
    Number(Vec<f64>),
    /// A category: the bin of each code, 0 for a code that was never seen.
    Category(Vec<u8>),
}

/// A feature that can be split on: it has at least two bins in the rows of the fit.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// Its place in the matrix.
    pub(crate) feature: usize,
    /// Its bins.
    pub(crate) cut: Cut,
    /// Number of value bins; bins run from 0 (missing) to this.
    pub(crate) bins: usize,
    /// The bin with most of the rows looked at.
    pub(crate) usual: u8,
    /// The share of rows in that bin.
    pub(crate) share: f64,
}

/// The features that can be split on, laid out in groups of at most [`GROUP`].
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// In the matrix's order, those kept sparsely last.
    pub(crate) columns: Vec<Column>,
    /// How many are kept in groups; the others are kept sparsely.
    pub(crate) dense: usize,
    /// Columns in each group but the last, which may have fewer.
    pub(crate) width: usize,
}

/// Rows as bins, in both layouts: by row for histograms, by column for splitting a leaf's rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    /// `groups[g][row][k]` is the bin of column `g * width + k`.
    pub(crate) groups: Vec<Vec<[u8; GROUP]>>,
    /// `columns[c][row]`; empty where the rows are never split.
    pub(crate) columns: Vec<Vec<u8>>,
    /// Where each row is not in the usual bin of a sparse column.
    pub(crate) sparse: Cells,
}

/// A level's code, or none where `value` is missing or no code below `levels`.
#[inline]
pub(crate) fn level(value: f64, levels: usize) -> Option<usize> {
    // The cast of a number that is no code (NaN, negative, with a fraction) does not come back the same.
    let code = value as u32;
    ((code as usize) < levels && f64::from(code) == value).then_some(code as usize)
}

/// Places the bounds of every feature by the rows of `x`; constant features get no column.
pub(crate) fn lay_out(x: &Matrix, most: usize, parallel: bool) -> Layout {
    let most = most.clamp(2, MOST_BINS);
    let column = |(place, feature): (usize, &Feature)| {
        let (cut, bins, missing, (usual, share)) = match feature.levels {
            Some(levels) => cut_category(&feature.values, levels as usize, most),
            None => cut_number(feature, most),
        };
        (bins + usize::from(missing) >= 2).then_some(Column { feature: place, cut, bins, usual, share })
    };
    let columns: Vec<Option<Column>> = if parallel {
        x.features.par_iter().enumerate().map(column).collect()
    } else {
        x.features.iter().enumerate().map(column).collect()
    };
    let columns: Vec<Column> = columns.into_iter().flatten().collect();
    let (columns, dense) = sparse::sparse_last(columns);
    let groups = dense.div_ceil(GROUP).max(1);
    let width = dense.div_ceil(groups).max(1);
    Layout { columns, dense, width }
}

/// A cut, its value bins, whether any value is missing, and the fullest bin with its share of the rows.
type Made = (Cut, usize, bool, (u8, f64));

fn cut_number(feature: &Feature, most: usize) -> Made {
    let rows = feature.values.len();
    let looked = rows.min(SAMPLE);
    let mut keys: Vec<u64> = Vec::with_capacity(looked);
    for i in 0..looked {
        // evenly spaced: i * rows / looked without leaving 64 bits
        let value = feature.values[(i as u64 * rows as u64 / looked as u64) as usize];
        if !value.is_nan() {
            keys.push(order_key(value));
        }
    }
    let missing = if looked == rows { keys.len() < rows } else { feature.values.iter().any(|value| value.is_nan()) };
    keys.sort_unstable();
    let mut distinct: Vec<(f64, usize)> = Vec::new();
    for key in keys {
        let value = from_order_key(key);
        match distinct.last_mut() {
            Some(last) if last.0 == value => last.1 += 1,
            _ => distinct.push((value, 1)),
        }
    }
    let bounds = bounds(&distinct, most);
    let bins = if distinct.is_empty() { 0 } else { bounds.len() + 1 };
    let mut counts = vec![looked - distinct.iter().map(|value| value.1).sum::<usize>(); 1];
    counts.resize(bins + 1, 0);
    let mut bin = 0;
    for &(value, count) in &distinct {
        while bounds.get(bin).is_some_and(|&bound| bound < value) {
            bin += 1;
        }
        counts[bin + 1] += count;
    }
    let usual = usual(&counts);
    (Cut::Number(bounds), bins, missing, usual)
}

/// Bounds between distinct ascending values: one a value where they are few, else so that bins hold about equal
/// counts, a value with more than a bin's share keeping a bin of its own (as LightGBM's `GreedyFindBin` does).
fn bounds(distinct: &[(f64, usize)], most: usize) -> Vec<f64> {
    let between = |i: usize| midpoint(distinct[i].0, distinct[i + 1].0);
    if distinct.len() <= most {
        return (0..distinct.len().saturating_sub(1)).map(between).collect();
    }
    let total: usize = distinct.iter().map(|value| value.1).sum();
    let share = total as f64 / most as f64;
    let is_big = |i: usize| distinct[i].1 as f64 >= share;
    let (mut left, mut bins) = (total, most);
    for (i, value) in distinct.iter().enumerate() {
        if is_big(i) {
            left -= value.1;
            bins -= 1;
        }
    }
    let mut mean = left as f64 / bins.max(1) as f64;
    let mut bounds = Vec::with_capacity(most);
    let mut held = 0;
    for (i, &(_, count)) in distinct[..distinct.len() - 1].iter().enumerate() {
        held += count;
        if !is_big(i) {
            left -= count;
        }
        if is_big(i) || held as f64 >= mean || (is_big(i + 1) && held as f64 >= (mean * 0.5).max(1.0)) {
            bounds.push(between(i));
            if bounds.len() + 1 >= most {
                break;
            }
            held = 0;
            if !is_big(i) {
                bins = bins.saturating_sub(1).max(1);
                mean = left as f64 / bins as f64;
            }
        }
    }
    bounds
}

/// A finite bound `a <= m < b` for `a < b`, the middle where there is one.
fn midpoint(a: f64, b: f64) -> f64 {
    let middle = a * 0.5 + b * 0.5;
    if middle >= a && middle < b { middle } else { a }
}

/// An integer that orders as the value does; infinities count as the largest finite numbers, −0 as 0.
fn order_key(value: f64) -> u64 {
    let bits = (value.clamp(f64::MIN, f64::MAX) + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

fn from_order_key(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key })
}

/// The fullest bin and its share.
fn usual(counts: &[usize]) -> (u8, f64) {
    let most = (1..counts.len()).fold(0, |best, bin| if counts[bin] > counts[best] { bin } else { best });
    (most as u8, counts[most] as f64 / counts.iter().sum::<usize>().max(1) as f64)
}

fn cut_category(values: &[f64], levels: usize, most: usize) -> Made {
    let mut counts = vec![0_usize; levels];
    let mut missing = false;
    for &value in values {
        match level(value, levels) {
            Some(code) => counts[code] += 1,
            None => missing = true,
        }
    }
    let mut seen: Vec<usize> = (0..levels).filter(|&code| counts[code] > 0).collect();
    seen.sort_by_key(|&code| (std::cmp::Reverse(counts[code]), code));
    let mut codes = vec![0_u8; levels];
    for (rank, &code) in seen.iter().enumerate() {
        codes[code] = (rank + 1).min(most) as u8;
    }
    let bins = seen.len().min(most);
    let mut by_bin = vec![0; bins + 1];
    by_bin[0] = values.len() - counts.iter().sum::<usize>();
    for &code in &seen {
        by_bin[usize::from(codes[code])] += counts[code];
    }
    (Cut::Category(codes), bins, missing, usual(&by_bin))
}

impl Layout {
    /// Number of row groups.
    pub(crate) fn groups(&self) -> usize {
        self.dense.div_ceil(self.width)
    }

    /// Number of columns in group `g`.
    pub(crate) fn group_width(&self, g: usize) -> usize {
        self.width.min(self.dense - g * self.width)
    }

    /// The bins of the rows in `spans` (ranges of row numbers of `x`), one after the other, in the layouts asked for.
    pub(crate) fn encode(&self, x: &Matrix, spans: &[std::ops::Range<usize>], by_row: bool, by_column: bool) -> Rows {
        let length = spans.iter().map(ExactSizeIterator::len).sum();
        let groups = if by_row { vec![vec![[0; GROUP]; length]; self.groups()] } else { Vec::new() };
        let mut rows = Rows { groups, ..Rows::default() };
        // rows that only walk down trees look sparse columns up by column
        let mut sparse = sparse::Filling::new(length);
        let mut codes = vec![0_u8; length];
        let mut first_cell = 0;
        for (c, column) in self.columns.iter().enumerate() {
            let values = &x.features[column.feature].values;
            let mut at = 0;
            for span in spans {
                let out = &mut codes[at..at + span.len()];
                column.cut.encode(&values[span.clone()], out);
                at += span.len();
            }
            if c >= self.dense && by_row && by_column {
                sparse.add(first_cell, column.usual, &codes);
                first_cell += column.bins as u32 + 1;
            } else if c < self.dense
                && let Some(group) = rows.groups.get_mut(c / self.width)
            {
                let slot = c % self.width;
                for (row, &code) in group.iter_mut().zip(&codes) {
                    row[slot] = code;
                }
            }
            if by_column || c >= self.dense {
                rows.columns.push(codes.clone());
            } else {
                rows.columns.push(Vec::new());
            }
        }
        if by_row && by_column {
            rows.sparse = sparse.finish();
        }
        rows
    }
}

impl Cut {
    /// The bin of each value.
    fn encode(&self, values: &[f64], out: &mut [u8]) {
        match self {
            Self::Category(codes) => {
                for (out, &value) in out.iter_mut().zip(values) {
                    *out = level(value, codes.len()).map_or(0, |code| codes[code]);
                }
            }
            Self::Number(bounds) => encode_numbers(bounds, values, out),
        }
    }
}

/// A binary search a value, eight in lockstep so that they hide each other's latency.
fn encode_numbers(bounds: &[f64], values: &[f64], out: &mut [u8]) {
    let mut table = [f64::INFINITY; 256];
    for (slot, &bound) in table.iter_mut().zip(bounds) {
        *slot = bound;
    }
    let steps = usize::BITS - bounds.len().leading_zeros();
    for (values, out) in values.chunks(8).zip(out.chunks_mut(8)) {
        let mut lanes = [f64::NAN; 8];
        for (lane, &value) in lanes.iter_mut().zip(values) {
            *lane = value;
        }
        let mut place = [0_usize; 8];
        for step in (0..steps).rev() {
            let half = 1_usize << step;
            for (place, value) in place.iter_mut().zip(&lanes) {
                *place += usize::from(table[(*place + half - 1) & 255] < *value) << step;
            }
        }
        for ((out, value), place) in out.iter_mut().zip(&lanes).zip(place) {
            *out = if value.is_nan() { 0 } else { (place.min(bounds.len()) + 1) as u8 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(values: Vec<f64>) -> Matrix {
        let rows = values.len();
        Matrix { features: vec![Feature { name: "x".into(), values, levels: None }], rows }
    }

    #[test]
    fn few_values_get_a_bin_each_and_missing_is_bin_zero() {
        let x = number(vec![3.0, 1.0, f64::NAN, 2.0, 1.0, f64::INFINITY, f64::NEG_INFINITY]);
        let layout = lay_out(&x, 254, false);
        let Cut::Number(bounds) = &layout.columns[0].cut else { panic!("a number") };
        assert_eq!(bounds.len(), 4);
        assert_eq!(bounds[1..3], [1.5, 2.5]);
        assert!(bounds.iter().all(|bound| bound.is_finite()));
        let rows = layout.encode(&x, std::slice::from_ref(&(0..7)), true, true);
        assert_eq!(rows.columns[0], [4, 2, 0, 3, 2, 5, 1]);
        assert_eq!(rows.groups[0][0][0], 4);
    }

    #[test]
    fn encoding_agrees_with_comparing_every_bound() {
        for count in [1, 2, 3, 7, 8, 9, 100, 254, 255, 300, 5000] {
            let values: Vec<f64> = (0..count).map(|i| ((i * 7919) % count) as f64 * 0.5 - 10.0).collect();
            let x = number(values);
            let layout = lay_out(&x, 254, false);
            let Some(column) = layout.columns.first() else {
                assert_eq!(count, 1);
                continue;
            };
            let Cut::Number(bounds) = &column.cut else { panic!("a number") };
            assert!(column.bins <= MOST_BINS && column.bins == bounds.len() + 1);
            let rows = layout.encode(&x, &[0..count / 2, count / 2..count], true, true);
            for (value, &bin) in x.features[0].values.iter().zip(&rows.columns[0]) {
                let expected = 1 + bounds.iter().filter(|bound| value > bound).count();
                assert_eq!(usize::from(bin), expected, "{value} among {count}");
            }
        }
    }

    #[test]
    fn a_frequent_value_keeps_a_bin_of_its_own() {
        let mut values: Vec<f64> = (0..10_000).map(f64::from).collect();
        values.extend(std::iter::repeat_n(5000.0, 10_000));
        let x = number(values);
        let layout = lay_out(&x, 254, false);
        let rows = layout.encode(&x, &[4990..5011, 10_000..10_001], true, true);
        let own = rows.columns[0][21];
        assert_eq!(rows.columns[0].iter().filter(|&&bin| bin == own).count(), 2);
    }

    #[test]
    fn rare_levels_share_the_last_bin_and_unseen_codes_are_missing() {
        let mut values: Vec<f64> =
            (0..400).flat_map(|code| std::iter::repeat_n(f64::from(code), 400 - code as usize)).collect();
        values.push(f64::NAN);
        values.push(0.5);
        let rows = values.len();
        let x = Matrix { features: vec![Feature { name: "c".into(), values, levels: Some(401) }], rows };
        let layout = lay_out(&x, 254, false);
        let column = &layout.columns[0];
        assert_eq!(column.bins, 254);
        let Cut::Category(codes) = &column.cut else { panic!("a category") };
        assert_eq!((codes[0], codes[252], codes[253], codes[399], codes[400]), (1, 253, 254, 254, 0));
        let encoded = layout.encode(&x, std::slice::from_ref(&(rows - 2..rows)), true, true);
        assert_eq!(encoded.columns[0], [0, 0]);
    }

    #[test]
    fn constants_get_no_column_but_missing_against_present_does() {
        assert!(lay_out(&number(vec![2.0; 9]), 254, false).columns.is_empty());
        assert!(lay_out(&number(vec![f64::NAN; 9]), 254, true).columns.is_empty());
        assert_eq!(lay_out(&number(vec![2.0, f64::NAN]), 254, false).columns.len(), 1);
    }

    #[test]
    fn wide_data_is_cut_into_even_groups() {
        let features = (0..20)
            .map(|i| Feature { name: format!("f{i}"), values: vec![0.0, f64::from(i) + 1.0], levels: None })
            .collect();
        let x = Matrix { features, rows: 2 };
        let layout = lay_out(&x, 254, false);
        assert_eq!((layout.groups(), layout.group_width(0), layout.group_width(1)), (2, 10, 10));
    }
}
