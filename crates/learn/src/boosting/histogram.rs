//! Histograms of gradients: for each bin of each column the sums over a leaf's rows.
//!
//! Gradient and hessian are whole numbers of at most 16 bits (see [`Scale`]), packed in one u64 as
//! `gradient << 32 + hessian`, so that a row costs one integer addition a column, a sibling is an exact subtraction,
//! and a sum does not depend on the order of its terms: the trees are bit-identical at any number of threads.
//!
//! Half a u64 holds the sums of some million rows; beyond, blocks of [`BLOCK`] rows are summed in u64 and flushed to
//! cells of twice the width ([`WideCell`]).

use super::bins::{GROUP, Layout, Rows};

/// Bins of one column: bin 0 is missing.
pub(crate) const BINS: usize = 256;
/// Rows whose 16-bit terms cannot overflow half a u64: 2^16 rows of 2^15 stay below 2^31.
const BLOCK: usize = 1 << 16;
/// Rows added to one group of columns before the next group, so that they are still in the cache.
const STRIP: usize = 1 << 13;
/// Rows copied side by side before they are added: a loop as short as a copy keeps many cache misses in flight.
const GATHERED: usize = 64;

/// A row of a leaf: its number among its owner's rows, its gradient and its hessian, as `row << 32 | g << 16 | h`.
pub(crate) type Entry = u64;

/// The row of an entry.
#[inline(always)]
pub(crate) fn row_of(entry: Entry) -> usize {
    (entry >> 32) as usize
}

/// An entry of row `row` with gradient `g` in ±32767 and hessian `h` in 0 ..= 32767.
#[inline(always)]
pub(crate) fn entry(row: u32, g: i32, h: u32) -> Entry {
    u64::from(row) << 32 | u64::from((g as u32) << 16 | h)
}

#[inline(always)]
fn widen(entry: Entry) -> u64 {
    let gradient = i64::from((entry as u32 as i32) >> 16);
    ((gradient as u64) << 32).wrapping_add(entry & 0xffff)
}

/// The sums of one bin.
pub(crate) trait Cell: Copy + Default + PartialEq + Send + Sync + std::fmt::Debug {
    /// Adds another cell.
    fn add(&mut self, other: Self);
    /// Takes another cell away.
    fn subtract(&mut self, other: Self);
    /// A cell of whole sums that fit.
    fn of(gradient: f64, hessian: f64) -> Self;
    /// The sums of gradients and hessians, exact whole numbers.
    fn sums(self) -> (f64, f64);
    /// Adds the rows of `entries` to `histogram`, one cell a bin a column; `narrow` is room to work in.
    fn add_rows(histogram: &mut [[Self; BINS]], narrow: &mut Narrow, layout: &Layout, rows: &Rows, entries: &[Entry]);
}

/// Room for narrow sums.
#[derive(Clone, Debug, Default)]
pub(crate) struct Narrow {
    cells: Vec<[u64; BINS]>,
    /// The cells of sparse columns, one column's right behind another's: of a few bins each, they stay in the cache.
    sparse: Vec<u64>,
}

/// For leaves whose sums fit in half a u64: [`Scale`] sees to that.
pub(crate) type NarrowCell = u64;

impl Cell for NarrowCell {
    #[inline(always)]
    fn add(&mut self, other: Self) {
        *self = self.wrapping_add(other);
    }

    #[inline(always)]
    fn subtract(&mut self, other: Self) {
        *self = self.wrapping_sub(other);
    }

    fn of(gradient: f64, hessian: f64) -> Self {
        ((gradient as i64 as u64) << 32).wrapping_add(hessian as i64 as u64)
    }

    #[inline(always)]
    fn sums(self) -> (f64, f64) {
        (f64::from((self >> 32) as i32), f64::from(self as i32))
    }

    fn add_rows(histogram: &mut [[Self; BINS]], narrow: &mut Narrow, layout: &Layout, rows: &Rows, entries: &[Entry]) {
        add_strips(histogram, &mut narrow.sparse, layout, rows, entries);
    }
}

/// For leaves of any size.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct WideCell {
    gradient: i64,
    hessian: i64,
}

impl Cell for WideCell {
    #[inline(always)]
    fn add(&mut self, other: Self) {
        self.gradient += other.gradient;
        self.hessian += other.hessian;
    }

    #[inline(always)]
    fn subtract(&mut self, other: Self) {
        self.gradient -= other.gradient;
        self.hessian -= other.hessian;
    }

    fn of(gradient: f64, hessian: f64) -> Self {
        Self { gradient: gradient as i64, hessian: hessian as i64 }
    }

    #[inline(always)]
    fn sums(self) -> (f64, f64) {
        (self.gradient as f64, self.hessian as f64)
    }

    fn add_rows(histogram: &mut [[Self; BINS]], narrow: &mut Narrow, layout: &Layout, rows: &Rows, entries: &[Entry]) {
        let Narrow { cells: narrow, sparse } = narrow;
        narrow.resize(histogram.len(), [0; BINS]);
        for block in entries.chunks(BLOCK) {
            for (column, cells) in layout.columns.iter().zip(narrow.iter_mut()) {
                cells[..=column.bins].fill(0);
            }
            add_strips(narrow, sparse, layout, rows, block);
            for ((column, wide), narrow) in layout.columns.iter().zip(histogram.iter_mut()).zip(narrow.iter()) {
                for (wide, &narrow) in wide[..=column.bins].iter_mut().zip(narrow) {
                    wide.gradient += i64::from((narrow >> 32) as i32);
                    wide.hessian += i64::from(narrow as u32);
                }
            }
        }
    }
}

/// Empties `histogram` and adds the rows of `entries`.
pub(crate) fn build<C: Cell>(
    histogram: &mut Vec<[C; BINS]>,
    narrow: &mut Narrow,
    layout: &Layout,
    rows: &Rows,
    entries: &[Entry],
) {
    histogram.resize(layout.columns.len(), [C::default(); BINS]);
    for (column, cells) in layout.columns.iter().zip(histogram.iter_mut()) {
        cells[..=column.bins].fill(C::default());
    }
    C::add_rows(histogram, narrow, layout, rows, entries);
}

/// The usual bins of sparse columns are left out.
fn add_strips(histogram: &mut [[u64; BINS]], sparse: &mut Vec<u64>, layout: &Layout, rows: &Rows, entries: &[Entry]) {
    for strip in entries.chunks(STRIP) {
        for (g, rows) in rows.groups.iter().enumerate() {
            let from = g * layout.width;
            add_group(&mut histogram[from..from + layout.group_width(g)], rows, strip);
        }
    }
    if rows.sparse.is_empty() {
        return;
    }
    let columns = &layout.columns[layout.dense..];
    sparse.clear();
    sparse.resize(columns.iter().map(|column| column.bins + 1).sum(), 0);
    for &entry in entries {
        let term = widen(entry);
        for &cell in rows.sparse.of(row_of(entry)) {
            let cell = &mut sparse[cell as usize];
            *cell = cell.wrapping_add(term);
        }
    }
    let mut rest = sparse.as_slice();
    for (column, cells) in columns.iter().zip(&mut histogram[layout.dense..]) {
        let (own, others) = rest.split_at(column.bins + 1);
        for (cell, &sum) in cells.iter_mut().zip(own) {
            *cell = cell.wrapping_add(sum);
        }
        rest = others;
    }
}

/// Calls the kernel of the group's width, so that its loop over columns unrolls and its bounds checks vanish.
fn add_group(histogram: &mut [[u64; BINS]], rows: &[[u8; GROUP]], entries: &[Entry]) {
    macro_rules! by_width {
        ($($width:literal)*) => {
            match histogram.len() {
                $($width => add_columns::<$width>(histogram, rows, entries),)*
                _ => {}
            }
        };
    }
    by_width!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);
}

// a range known when compiling unrolls; zipped iterators did not
fn add_columns<const WIDTH: usize>(histogram: &mut [[u64; BINS]], rows: &[[u8; GROUP]], entries: &[Entry]) {
    let Ok(histogram) = <&mut [[u64; BINS]; WIDTH]>::try_from(histogram) else { return };
    let mut gathered = [[0; GROUP]; GATHERED];
    for entries in entries.chunks(GATHERED) {
        for (bins, &entry) in gathered.iter_mut().zip(entries) {
            *bins = rows[row_of(entry)];
        }
        for (bins, &entry) in gathered.iter().zip(entries) {
            let term = widen(entry);
            for k in 0..WIDTH {
                let cell = &mut histogram[k][usize::from(bins[k])];
                *cell = cell.wrapping_add(term);
            }
        }
    }
}

/// What the gradients of one tree look like, over all its rows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spread {
    /// Largest absolute gradient and its sum.
    pub(crate) gradient: (f64, f64),
    /// Largest hessian and its sum.
    pub(crate) hessian: (f64, f64),
    /// Rows with a weight.
    pub(crate) rows: usize,
}

/// How a tree's gradients and hessians become whole numbers: multiplied and rounded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    /// Factor of the gradients.
    pub(crate) gradient: f64,
    /// Factor of the hessians.
    pub(crate) hessian: f64,
    /// Whether sums may outgrow half a u64, so that wide cells are needed.
    pub(crate) wide: bool,
}

/// Largest whole number a gradient or a hessian may become.
const MOST: f64 = 32_767.0;
/// What a largest gradient or hessian counts as at least, so that a factor is finite in single precision.
const LEAST: f64 = 1e-30;
/// Levels below which narrow sums would cost quality.
const FEWEST: f64 = 2_048.0;

impl Scale {
    /// The finest scale whose terms fit in 16 bits and, unless too coarse, whose sums fit in 31. Where all hessians are
    /// one they stay one, so that their sums are counts.
    pub(crate) fn of(spread: &Spread, all_one: bool) -> Self {
        // rounding moves each term by at most a half
        let room = f64::from(i32::MAX) - spread.rows as f64;
        let fit = |(largest, sum): (f64, f64)| {
            let (fine, narrow) = (MOST / largest.max(LEAST), room / sum.max(LEAST));
            (fine, narrow, narrow >= fine || narrow * largest >= FEWEST)
        };
        let (fine_gradient, narrow_gradient, gradient_fits) = fit(spread.gradient);
        let (fine_hessian, narrow_hessian, hessian_fits) =
            if all_one { (1.0, 1.0, room >= spread.rows as f64) } else { fit(spread.hessian) };
        if gradient_fits && hessian_fits && room > 0.0 {
            let (gradient, hessian) = (fine_gradient.min(narrow_gradient), fine_hessian.min(narrow_hessian));
            Self { gradient, hessian, wide: false }
        } else {
            Self { gradient: fine_gradient, hessian: fine_hessian, wide: true }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boosting::bins::{Column, Cut};

    fn layout(columns: usize) -> Layout {
        let columns = (0..columns)
            .map(|feature| Column { feature, cut: Cut::Number(vec![0.0; 253]), bins: 254, usual: 0, share: 0.0 })
            .collect::<Vec<_>>();
        let groups = columns.len().div_ceil(GROUP);
        Layout { width: columns.len().div_ceil(groups), dense: columns.len(), columns }
    }

    fn sums<C: Cell>(columns: usize, rows: &[[u8; GROUP]], entries: &[Entry]) -> Vec<Vec<(f64, f64)>> {
        let layout = layout(columns);
        let rows = Rows { groups: vec![rows.to_vec(); layout.groups()], ..Rows::default() };
        let (mut histogram, mut narrow) = (Vec::<[C; BINS]>::new(), Narrow::default());
        build(&mut histogram, &mut narrow, &layout, &rows, entries);
        histogram.iter().map(|cells| cells.iter().map(|cell| cell.sums()).collect()).collect()
    }

    #[test]
    fn sums_are_those_of_a_plain_loop() {
        let rows: Vec<[u8; GROUP]> =
            (0..500_usize).map(|row| std::array::from_fn(|k| ((row * 31 + k * 7) % 255) as u8)).collect();
        let entries: Vec<Entry> = (0..500).step_by(3).map(|row| entry(row, row as i32 * 5 - 900, row + 1)).collect();
        for columns in [1, 5, 16, 17, 40] {
            let width = layout(columns).width;
            let mut expected = vec![vec![(0.0, 0.0); BINS]; columns];
            for row in (0..500).step_by(3) {
                for (c, cells) in expected.iter_mut().enumerate() {
                    let cell = &mut cells[usize::from(rows[row][c % width])];
                    cell.0 += row as f64 * 5.0 - 900.0;
                    cell.1 += row as f64 + 1.0;
                }
            }
            assert_eq!(sums::<NarrowCell>(columns, &rows, &entries), expected);
            assert_eq!(sums::<WideCell>(columns, &rows, &entries), expected);
        }
    }

    #[test]
    fn wide_cells_hold_what_would_overflow_narrow_ones() {
        let rows = [[1; GROUP]];
        for sign in [-1, 1] {
            let entries = vec![entry(0, sign * 32_767, 32_767); 200_001];
            let cell = sums::<WideCell>(1, &rows, &entries)[0][1];
            assert_eq!(cell, (f64::from(sign) * 200_001.0 * 32_767.0, 200_001.0 * 32_767.0));
        }
    }

    #[test]
    fn a_scale_never_lets_narrow_sums_overflow() {
        for rows in [1_usize, 1000, 65_536, 400_000, 1_000_000, 3_000_000, 50_000_000, 3_000_000_000] {
            for mean in [1e-6, 0.1, 1.0] {
                let sum = rows as f64 * mean * 7.0;
                let spread = Spread { gradient: (7.0, sum), hessian: (7.0, sum), rows };
                for all_one in [false, true] {
                    let scale = Scale::of(&spread, all_one);
                    assert!(scale.gradient * 7.0 <= 32_767.5);
                    if !scale.wide {
                        assert!(scale.gradient * sum + rows as f64 * 0.5 < 2_147_483_648.0);
                        assert!(scale.gradient * 7.0 >= 2_047.0);
                        assert!(all_one || scale.hessian * sum + rows as f64 * 0.5 < 2_147_483_648.0);
                    }
                }
            }
        }
        let nothing = Spread { gradient: (0.0, 0.0), hessian: (0.0, 0.0), rows: 9 };
        assert!((Scale::of(&nothing, false).gradient as f32).is_finite());
        let large = Spread { gradient: (1.0, 5e7), hessian: (1.0, 1e8), rows: 100_000_000 };
        assert!(Scale::of(&large, false).wide);
    }
}
