//! The best split of a leaf on one column, from the column's histogram.
//!
//! All sums are whole numbers in a tree's own units ([`super::histogram::Scale`]); the penalties in [`Rules`] are in
//! the same units. The gain of a split is `S(left) + S(right)` with `S = max(|G| - l1, 0)² / (H + l2)`, as in XGBoost
//! (Chen and Guestrin 2016, equation 7, without the half); the caller takes the unsplit leaf's `S` away.

use super::histogram::{BINS, Cell};

/// What a split has to obey, in a tree's units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Least sum of hessians on either side.
    pub(crate) min_hessian: f64,
    /// Penalty on the absolute sum of gradients.
    pub(crate) l1: f64,
    /// Penalty added to the sum of hessians.
    pub(crate) l2: f64,
    /// What categorical splits obey besides.
    pub(crate) category: CategoryRules,
}

/// How levels are ordered and grouped, in a tree's units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CategoryRules {
    /// Added to a level's hessians before levels are ordered by gradient over hessian.
    pub(crate) smoothing: f64,
    /// Added to `l2` when several levels go left.
    pub(crate) l2: f64,
    /// Most levels on the smaller side.
    pub(crate) most: usize,
    /// With no more levels than this, one level is set against the rest.
    pub(crate) one_against_rest: usize,
    /// Least sum of hessians of a level that is ordered at all; rarer ones stay together on the right.
    pub(crate) min_level: f64,
}

/// A set of bins.
pub(crate) type BinSet = [u64; 4];

/// Whether `bin` is in `set`.
#[inline(always)]
pub(crate) fn holds(set: &BinSet, bin: u8) -> bool {
    set[usize::from(bin >> 6)] >> (bin & 63) & 1 == 1
}

/// A way to cut a leaf in two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Split {
    /// `S(left) + S(right)`.
    pub(crate) gain: f64,
    /// The column.
    pub(crate) column: usize,
    /// The bins that go left; bin 0 is missing.
    pub(crate) left: BinSet,
    /// The last value bin that goes left when the column is a number.
    pub(crate) last: u8,
    /// Sum of gradients on the left.
    pub(crate) gradient: f64,
    /// Sum of hessians on the left.
    pub(crate) hessian: f64,
}

/// `S` of a leaf.
#[inline(always)]
pub(crate) fn strength(gradient: f64, hessian: f64, l1: f64, l2: f64) -> f64 {
    let shrunk = gradient.abs() - l1;
    if shrunk > 0.0 && hessian + l2 > 0.0 { shrunk * shrunk / (hessian + l2) } else { 0.0 }
}

fn insert(set: &mut BinSet, bin: usize) {
    set[bin >> 6] |= 1 << (bin & 63);
}

/// Room to scan a column in.
pub(crate) struct Scratch {
    gradients: [f64; BINS],
    hessians: [f64; BINS],
    gains: [f64; BINS],
    order: Vec<(f64, usize)>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self { gradients: [0.0; BINS], hessians: [0.0; BINS], gains: [0.0; BINS], order: Vec::new() }
    }
}

/// The best cut between two neighbouring values, missing values on either side. Missing values that the leaf has not
/// met go with the heavier side.
pub(crate) fn best_number<C: Cell>(
    cells: &[C; BINS],
    bins: usize,
    column: usize,
    (gradient, hessian): (f64, f64),
    rules: &Rules,
    scratch: &mut Scratch,
) -> Option<Split> {
    let none_missing = cells[0] == C::default();
    let mut best: Option<Split> = None;
    for missing_left in [false, true] {
        if missing_left && none_missing {
            break;
        }
        // the last value bin may only go left when that leaves the missing ones on the right
        let cuts = if missing_left || none_missing { bins.saturating_sub(1) } else { bins };
        let (gradients, hessians) = (&mut scratch.gradients[..cuts], &mut scratch.hessians[..cuts]);
        let mut sum = if missing_left { cells[0] } else { C::default() };
        for ((g, h), &cell) in gradients.iter_mut().zip(hessians.iter_mut()).zip(&cells[1..]) {
            sum.add(cell);
            (*g, *h) = sum.sums();
        }
        let gains = &mut scratch.gains[..cuts];
        for ((gain, &g), &h) in gains.iter_mut().zip(gradients.iter()).zip(hessians.iter()) {
            *gain = pair_gain((g, h), (gradient - g, hessian - h), rules.l1, rules.l2, rules.min_hessian);
        }
        let Some((place, gain)) = largest(gains) else { continue };
        if best.is_none_or(|best| gain > best.gain) {
            let (g, h) = (gradients[place], hessians[place]);
            let last = place + 1;
            let left = up_to(last, missing_left || none_missing && h * 2.0 >= hessian);
            best = Some(Split { gain, column, left, last: last as u8, gradient: g, hessian: h });
        }
    }
    best
}

/// Value bins up to `last`, with the missing one or without.
pub(crate) fn up_to(last: usize, missing: bool) -> BinSet {
    let mut left = BinSet::default();
    for (word, bits) in left.iter_mut().enumerate() {
        // bins 0 ..= last of this word
        let held = (last + 1).saturating_sub(word * 64).min(64);
        *bits = if held == 64 { u64::MAX } else { (1 << held) - 1 };
    }
    if !missing {
        left[0] &= !1;
    }
    left
}

/// Gain of two sides, minus infinity where one is too light. No branch, so that a loop over it vectorises.
#[inline(always)]
pub(crate) fn pair_gain(left: (f64, f64), right: (f64, f64), l1: f64, l2: f64, min_hessian: f64) -> f64 {
    let shrink = |g: f64| {
        let shrunk = g.abs() - l1;
        if shrunk > 0.0 { shrunk } else { 0.0 }
    };
    let (a, b) = (shrink(left.0), shrink(right.0));
    let (c, d) = (left.1 + l2, right.1 + l2);
    let gain = (a * a * d + b * b * c) / (c * d);
    if (left.1 >= min_hessian) & (right.1 >= min_hessian) { gain } else { f64::NEG_INFINITY }
}

/// The first largest gain above minus infinity.
fn largest(gains: &[f64]) -> Option<(usize, f64)> {
    let mut lanes = [f64::NEG_INFINITY; 8];
    for chunk in gains.chunks(8) {
        for (lane, &gain) in lanes.iter_mut().zip(chunk) {
            *lane = if gain > *lane { gain } else { *lane };
        }
    }
    let most = lanes.iter().fold(f64::NEG_INFINITY, |most, &lane| if lane > most { lane } else { most });
    if most == f64::NEG_INFINITY {
        return None;
    }
    gains.iter().position(|&gain| gain == most).map(|place| (place, most))
}

/// The best two groups of levels, missing being a level like any other. Few levels are set one against the rest; many
/// are ordered by gradient over hessian, which holds the best grouping for a convex loss (Fisher 1958), smoothed so
/// that rare levels do not lead, and cut from either end. `pair` is the gain of two sides under a penalty `l2`.
pub(crate) fn best_category<C: Cell>(
    cells: &[C; BINS],
    bins: usize,
    column: usize,
    total: (f64, f64),
    rules: &Rules,
    scratch: &mut Scratch,
    pair: impl Fn((f64, f64), (f64, f64), f64) -> f64,
) -> Option<Split> {
    let present = |bin: usize| cells[bin] != C::default();
    let levels = (0..=bins).filter(|&bin| present(bin)).count();
    let mut best: Option<Split> = None;
    let mut offer = |gain: f64, left: BinSet, (gradient, hessian): (f64, f64)| {
        if gain > f64::NEG_INFINITY && best.is_none_or(|best| gain > best.gain) {
            best = Some(Split { gain, column, left, last: 0, gradient, hessian });
        }
    };
    let missing_right = |left: BinSet, h: f64| {
        let mut left = left;
        // unseen codes will be treated as missing: where the leaf has met none, they go with the heavier side
        if !present(0) && h * 2.0 >= total.1 {
            left[0] |= 1;
        }
        left
    };
    if levels <= rules.category.one_against_rest {
        for bin in (0..=bins).filter(|&bin| present(bin)) {
            let (g, h) = cells[bin].sums();
            let gain = pair((g, h), (total.0 - g, total.1 - h), rules.l2);
            let mut left = BinSet::default();
            insert(&mut left, bin);
            offer(gain, missing_right(left, h), (g, h));
        }
        return best;
    }
    scratch.order.clear();
    for bin in (0..=bins).filter(|&bin| present(bin)) {
        let (g, h) = cells[bin].sums();
        if h >= rules.category.min_level {
            scratch.order.push((g / (h + rules.category.smoothing).max(f64::MIN_POSITIVE), bin));
        }
    }
    scratch.order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let ordered = scratch.order.len();
    let most = rules.category.most.min(ordered.div_ceil(2));
    for backwards in [false, true] {
        let (mut sum, mut left) = (C::default(), BinSet::default());
        for taken in 0..most {
            let bin = scratch.order[if backwards { ordered - 1 - taken } else { taken }].1;
            sum.add(cells[bin]);
            insert(&mut left, bin);
            let (g, h) = sum.sums();
            let right = (total.0 - g, total.1 - h);
            let gain = pair((g, h), right, rules.l2 + rules.category.l2);
            offer(gain, missing_right(left, h), (g, h));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(sums: &[(i32, u32)]) -> [u64; BINS] {
        let mut cells = [0_u64; BINS];
        for (cell, &(g, h)) in cells.iter_mut().zip(sums) {
            *cell = ((i64::from(g) as u64) << 32).wrapping_add(u64::from(h));
        }
        cells
    }

    fn total(sums: &[(i32, u32)]) -> (f64, f64) {
        sums.iter().fold((0.0, 0.0), |sum, &(g, h)| (sum.0 + f64::from(g), sum.1 + f64::from(h)))
    }

    fn rules() -> Rules {
        let category = CategoryRules { smoothing: 0.0, l2: 0.0, most: 32, one_against_rest: 4, min_level: 0.0 };
        Rules { min_hessian: 1.0, l1: 0.0, l2: 0.0, category }
    }

    fn category(sums: &[(i32, u32)], bins: usize, rules: &Rules) -> Option<Split> {
        let pair = |left, right, l2| pair_gain(left, right, rules.l1, l2, rules.min_hessian);
        best_category(&cells(sums), bins, 0, total(sums), rules, &mut Scratch::default(), pair)
    }

    #[test]
    fn cuts_where_the_sign_changes() {
        let sums = [(0, 0), (-4, 2), (-4, 2), (5, 2), (3, 1)];
        let split = best_number(&cells(&sums), 4, 7, total(&sums), &rules(), &mut Scratch::default()).unwrap();
        assert_eq!((split.column, split.last, split.gradient, split.hessian), (7, 2, -8.0, 4.0));
        assert!((split.gain - (64.0 / 4.0 + 64.0 / 3.0)).abs() < 1e-12);
        assert_eq!(split.left, [0b111, 0, 0, 0]);
    }

    #[test]
    fn missing_goes_where_it_gains_most() {
        let sums = [(-6, 2), (-4, 2), (5, 2), (5, 2)];
        let split = best_number(&cells(&sums), 3, 0, total(&sums), &rules(), &mut Scratch::default()).unwrap();
        assert_eq!((split.last, holds(&split.left, 0), split.gradient), (1, true, -10.0));
        let sums = [(6, 2), (-4, 2), (5, 2), (5, 2)];
        let split = best_number(&cells(&sums), 3, 0, total(&sums), &rules(), &mut Scratch::default()).unwrap();
        assert_eq!((split.last, holds(&split.left, 0), split.gradient), (1, false, -4.0));
        let sums = [(9, 3), (-4, 2), (-4, 2)];
        let split = best_number(&cells(&sums), 2, 0, total(&sums), &rules(), &mut Scratch::default()).unwrap();
        assert_eq!((split.last, holds(&split.left, 0)), (2, false));
    }

    #[test]
    fn penalties_and_minima_hold() {
        let sums = [(0, 0), (-9, 1), (4, 3), (5, 3)];
        let strict = Rules { min_hessian: 2.0, ..rules() };
        let split = best_number(&cells(&sums), 3, 0, total(&sums), &strict, &mut Scratch::default()).unwrap();
        assert_eq!(split.last, 2);
        let shrunk = Rules { l1: 1.0, l2: 2.0, ..rules() };
        let split = best_number(&cells(&sums), 3, 0, total(&sums), &shrunk, &mut Scratch::default()).unwrap();
        assert!((split.gain - (64.0 / 3.0 + 64.0 / 8.0)).abs() < 1e-12);
        let none = Rules { min_hessian: 4.0, ..rules() };
        assert!(best_number(&cells(&sums), 3, 0, total(&sums), &none, &mut Scratch::default()).is_none());
    }

    #[test]
    fn levels_are_ordered_by_their_mean() {
        let sums = [(0, 0), (-4, 2), (5, 2), (-5, 2), (4, 2), (-6, 2), (6, 2)];
        let split = category(&sums, 6, &rules()).unwrap();
        assert_eq!(split.gradient.abs(), 15.0);
        let left: Vec<u8> = (1..=6).filter(|&bin| holds(&split.left, bin)).collect();
        assert!(left == [1, 3, 5] || left == [2, 4, 6]);
    }

    #[test]
    fn few_levels_are_set_one_against_the_rest() {
        let sums = [(0, 0), (-1, 2), (9, 2), (-2, 2)];
        let split = category(&sums, 3, &rules()).unwrap();
        assert_eq!((split.gradient, split.left[0]), (9.0, 0b100));
    }

    #[test]
    fn missing_is_a_level() {
        let sums = [(9, 2), (-1, 2), (-2, 2)];
        let split = category(&sums, 2, &rules()).unwrap();
        assert_eq!((split.gradient, split.left[0]), (9.0, 0b1));
    }

    #[test]
    fn rare_levels_stay_together() {
        let sums = [(0, 0), (-40, 20), (50, 20), (-50, 20), (40, 20), (60, 20), (9, 1)];
        let strict = Rules { category: CategoryRules { min_level: 10.0, ..rules().category }, ..rules() };
        let split = category(&sums, 6, &strict).unwrap();
        assert!(!holds(&split.left, 6));
    }
}
