//! One tree of a forest: grown depth first until its leaves are pure or too small, on sums of weights and targets.
//!
//! A split's gain is `Σ S²/W` over its sides less that of the node, with `W` the weight and `S` the weighted sum of the
//! target, or of each class's indicator: the decrease of squared error, or of Gini impurity.

use std::ops::Range;

use rand_chacha::ChaCha8Rng;

use super::bins::{Cut, Layout};
use super::sampling::{Purpose, below, stream};
use super::tree::{Branch, Tree};
use crate::estimator::Sample;

/// Below this many rows a node's bins are sorted, above they are counted.
const SORTED: usize = 96;
/// A split must gain this share of the node's own sum: what is below is rounding.
const ROUNDING: f64 = 1e-11;
/// Before the sums of a bin: number of rows, weight.
const COUNT: usize = 0;
const WEIGHT: usize = 1;
const SUMS: usize = 2;

/// What all trees of a forest share.
pub(crate) struct ForestTask<'a> {
    /// Rows and weights, checked.
    pub(crate) sample: &'a Sample<'a>,
    /// Targets; those of a regression less their mean, so that squares of a far-off mean drown nothing.
    pub(crate) y: &'a [f64],
    /// The columns.
    pub(crate) layout: &'a Layout,
    /// Bins, column by column.
    pub(crate) columns: &'a [Vec<u8>],
    /// 1, or the number of classes from three on.
    pub(crate) outputs: usize,
    /// Rows drawn a tree.
    pub(crate) draws: usize,
    /// Whether they are drawn with replacement.
    pub(crate) bootstrap: bool,
    /// Whether a column offers one random cut instead of its best.
    pub(crate) random_cuts: bool,
    /// Columns looked at a node.
    pub(crate) at_node: usize,
    /// Most splits between root and leaf.
    pub(crate) depth: usize,
    /// Least rows of a leaf.
    pub(crate) min_rows: usize,
    /// Seeds every choice.
    pub(crate) seed: u64,
}

struct Split {
    gain: f64,
    column: usize,
    left: [u64; 4],
    last: u8,
}

/// A node to grow: its rows, its depth, its parent and whether it is the left child.
type Open = (Range<usize>, usize, Option<(usize, bool)>);

/// The bins a node meets in a column, ascending, and the sums of each: `2 + outputs` numbers a bin.
#[derive(Default)]
struct Met {
    bins: Vec<u8>,
    sums: Vec<f64>,
    keys: Vec<u32>,
    table: Vec<f64>,
}

/// Grows tree `number`; the tree and the gain on each feature.
pub(crate) fn grow_tree(task: &ForestTask<'_>, number: usize) -> (Tree, Vec<f64>) {
    let mut rng = stream(task.seed, Purpose::Columns(number));
    let (mut rows, weights) = draw(task, &mut rng);
    let mut gains = vec![0.0; task.sample.x.features.len()];
    let mut tree = Tree::default();
    let mut met = Met::default();
    let mut spare = Vec::new();
    let mut order: Vec<usize> = (0..task.layout.columns.len()).collect();
    let mut open: Vec<Open> = vec![(0..rows.len(), 0, None)];
    while let Some((range, depth, parent)) = open.pop() {
        let node = &mut rows[range.clone()];
        let total = task.total(node, &weights);
        let may_split = depth < task.depth && node.len() >= 2 * task.min_rows && !task.is_pure(&total);
        let split = may_split.then(|| task.best(node, &weights, &total, &mut order, &mut met, &mut rng)).flatten();
        let place = match &split {
            Some(split) => {
                let column = &task.layout.columns[split.column];
                gains[column.feature] += split.gain;
                tree.push(
                    task.layout,
                    &Branch { column: split.column, left: &split.left, last: split.last, children: [0, 0] },
                );
                let here = tree.features.len() - 1;
                let middle = range.start + task.partition(node, split, &mut spare);
                open.push((middle..range.end, depth + 1, Some((here, false))));
                open.push((range.start..middle, depth + 1, Some((here, true))));
                here as i32
            }
            None => {
                let leaf = tree.values.len() / task.outputs;
                // all draws may have fallen on rows of no weight: such a tree says nothing
                let weight = if total[WEIGHT] > 0.0 { total[WEIGHT] } else { 1.0 };
                tree.covers.push(total[WEIGHT]);
                tree.values.extend(total[SUMS..].iter().map(|sum| sum / weight));
                !(leaf as i32)
            }
        };
        if let Some((parent, is_left)) = parent {
            (if is_left { &mut tree.left } else { &mut tree.right })[parent] = place;
        }
    }
    (tree, gains)
}

/// Draws rows; the rows drawn, ascending, and every row's weight times its draws.
fn draw(task: &ForestTask<'_>, rng: &mut ChaCha8Rng) -> (Vec<u32>, Vec<f64>) {
    let count = task.sample.x.rows;
    let mut weights = vec![0.0; count];
    let mut take = |row: usize| weights[row] += task.sample.weights.map_or(1.0, |weights| weights[row]);
    if task.bootstrap {
        (0..task.draws).for_each(|_| take(below(rng, count)));
    } else if task.draws == count {
        (0..count).for_each(take);
    } else {
        // each row with the chance that makes the right number of those left (Knuth's algorithm S)
        let mut wanted = task.draws;
        for row in 0..count {
            if below(rng, count - row) < wanted {
                wanted -= 1;
                take(row);
            }
        }
    }
    if weights.iter().all(|&weight| weight == 0.0) {
        // few rows have a weight and none was drawn: the tree takes them all rather than none
        weights = task.sample.weights.map_or_else(|| vec![1.0; count], <[f64]>::to_vec);
    }
    let rows = (0..count as u32).filter(|&row| weights[row as usize] > 0.0).collect();
    (rows, weights)
}

impl ForestTask<'_> {
    fn stride(&self) -> usize {
        SUMS + self.outputs
    }

    #[inline]
    fn add(&self, sums: &mut [f64], row: usize, weight: f64) {
        sums[COUNT] += 1.0;
        sums[WEIGHT] += weight;
        let y = self.y[row];
        if self.outputs == 1 {
            sums[SUMS] += weight * y;
        } else {
            sums[SUMS + y as usize] += weight;
        }
    }

    fn total(&self, node: &[u32], weights: &[f64]) -> Vec<f64> {
        let mut total = vec![0.0; self.stride()];
        for &row in node {
            self.add(&mut total, row as usize, weights[row as usize]);
        }
        total
    }

    fn is_pure(&self, total: &[f64]) -> bool {
        let whole = total[SUMS..].iter().any(|&sum| sum == total[WEIGHT]);
        self.sample.classes > 0 && (whole || self.outputs == 1 && total[SUMS] == 0.0)
    }

    /// The best split among `at_node` random columns that vary in the node, or more while none of them gains.
    fn best(
        &self,
        node: &[u32],
        weights: &[f64],
        total: &[f64],
        order: &mut [usize],
        met: &mut Met,
        rng: &mut ChaCha8Rng,
    ) -> Option<Split> {
        let own = strength(total);
        let mut best: Option<Split> = None;
        let mut looked = 0;
        for i in 0..order.len() {
            if looked >= self.at_node && best.is_some() {
                break;
            }
            let j = i + below(rng, order.len() - i);
            order.swap(i, j);
            let c = order[i];
            self.meet(node, weights, c, met);
            if met.bins.len() < 2 {
                continue;
            }
            looked += 1;
            let found = match self.layout.columns[c].cut {
                Cut::Number(_) => self.best_number(c, total, met, self.random_cuts.then_some(&mut *rng)),
                Cut::Category(_) => self.best_category(c, total, met, self.random_cuts.then_some(&mut *rng)),
            };
            if let Some(found) = found {
                let gain = found.gain - own;
                if gain > own * ROUNDING && best.as_ref().is_none_or(|best| gain > best.gain) {
                    best = Some(Split { gain, ..found });
                }
            }
        }
        best
    }

    /// Sums the node's rows by their bins in column `c`.
    fn meet(&self, node: &[u32], weights: &[f64], c: usize, met: &mut Met) {
        let (codes, stride) = (&self.columns[c], self.stride());
        met.bins.clear();
        met.sums.clear();
        if node.len() < SORTED {
            met.keys.clear();
            met.keys.extend(node.iter().enumerate().map(|(i, &row)| u32::from(codes[row as usize]) << 8 | i as u32));
            met.keys.sort_unstable();
            for key in &met.keys {
                let (bin, row) = ((key >> 8) as u8, node[(key & 255) as usize] as usize);
                if met.bins.last() != Some(&bin) {
                    met.bins.push(bin);
                    met.sums.resize(met.sums.len() + stride, 0.0);
                }
                let at = met.sums.len() - stride;
                self.add(&mut met.sums[at..], row, weights[row]);
            }
            return;
        }
        met.table.clear();
        met.table.resize((self.layout.columns[c].bins + 1) * stride, 0.0);
        for &row in node {
            let at = usize::from(codes[row as usize]) * stride;
            self.add(&mut met.table[at..at + stride], row as usize, weights[row as usize]);
        }
        for (bin, sums) in met.table.chunks_exact(stride).enumerate().filter(|(_, sums)| sums[COUNT] > 0.0) {
            met.bins.push(bin as u8);
            met.sums.extend_from_slice(sums);
        }
    }

    /// The best cut or, with `random`, one drawn evenly between the smallest and the largest bin met.
    fn best_number(&self, column: usize, total: &[f64], met: &Met, random: Option<&mut ChaCha8Rng>) -> Option<Split> {
        let stride = self.stride();
        let missing = met.bins[0] == 0;
        let lowest = met.bins[usize::from(missing).min(met.bins.len() - 1)];
        let span = usize::from(met.bins[met.bins.len() - 1] - lowest);
        // with one value and missing ones there is nothing to draw
        let drawn = random.filter(|_| span > 0).map(|rng| lowest + below(rng, span) as u8);
        let mut best: Option<Split> = None;
        for missing_left in [false, true] {
            if missing_left && !missing {
                break;
            }
            let mut left = vec![0.0; stride];
            let first = usize::from(missing && !missing_left);
            for (i, sums) in met.sums.chunks_exact(stride).enumerate().skip(first) {
                add_all(&mut left, sums);
                // the last bin may only go left when that leaves the missing ones on the right
                let next = met.bins.get(i + 1).copied();
                if next.is_none() && first == 0 || met.bins[i] == 0 {
                    continue;
                }
                if drawn.is_some_and(|cut| met.bins[i] > cut || next.is_none_or(|next| next <= cut)) {
                    continue;
                }
                let Some(gain) = self.gain(&left, total) else { continue };
                if best.as_ref().is_none_or(|best| gain > best.gain) {
                    // between two values the node meets, cut in the middle
                    let last = next.map_or(met.bins[i], |next| ((u16::from(met.bins[i]) + u16::from(next)) / 2) as u8);
                    let last = if next == Some(last) { last - 1 } else { last };
                    let last = drawn.unwrap_or(last);
                    let heavier = left[WEIGHT] * 2.0 >= total[WEIGHT];
                    let set = up_to(last, missing_left || !missing && heavier);
                    best = Some(Split { gain, column, left: set, last });
                }
            }
        }
        best
    }

    /// Levels ordered by the mean target, or by the share of the node's most frequent class, cut in two where it gains
    /// most; with `random` at a place drawn.
    fn best_category(&self, column: usize, total: &[f64], met: &Met, random: Option<&mut ChaCha8Rng>) -> Option<Split> {
        let stride = self.stride();
        let leading = (SUMS..stride).fold(SUMS, |best, k| if total[k] > total[best] { k } else { best });
        let mean = |i: usize| met.sums[i * stride + leading] / met.sums[i * stride + WEIGHT];
        let mut order: Vec<usize> = (0..met.bins.len()).collect();
        order.sort_by(|&a, &b| mean(a).total_cmp(&mean(b)).then(a.cmp(&b)));
        let drawn = random.map(|rng| below(rng, order.len() - 1));
        let mut best: Option<Split> = None;
        let (mut left, mut set) = (vec![0.0; stride], [0_u64; 4]);
        for (place, &i) in order[..order.len() - 1].iter().enumerate() {
            let bin = met.bins[i];
            add_all(&mut left, &met.sums[i * stride..(i + 1) * stride]);
            set[usize::from(bin >> 6)] |= 1 << (bin & 63);
            if drawn.is_some_and(|drawn| drawn != place) {
                continue;
            }
            let Some(gain) = self.gain(&left, total) else { continue };
            if best.as_ref().is_none_or(|best| gain > best.gain) {
                let mut left_set = set;
                // missing values the node has not met go with the heavier side
                if met.bins[0] != 0 && left[WEIGHT] * 2.0 >= total[WEIGHT] {
                    left_set[0] |= 1;
                }
                best = Some(Split { gain, column, left: left_set, last: 0 });
            }
        }
        best
    }

    /// The strengths of both sides, none where one is too small.
    fn gain(&self, left: &[f64], total: &[f64]) -> Option<f64> {
        let least = self.min_rows as f64;
        if left[COUNT] < least || total[COUNT] - left[COUNT] < least {
            return None;
        }
        let right_weight = total[WEIGHT] - left[WEIGHT];
        let right: f64 = left[SUMS..].iter().zip(&total[SUMS..]).map(|(l, t)| (t - l) * (t - l)).sum();
        (right_weight > 0.0).then(|| strength(left) + right / right_weight)
    }

    /// Brings the left rows to the front, keeping their order; how many they are.
    fn partition(&self, node: &mut [u32], split: &Split, spare: &mut Vec<u32>) -> usize {
        let codes = &self.columns[split.column];
        spare.clear();
        let mut left = 0;
        for i in 0..node.len() {
            let row = node[i];
            if super::split::holds(&split.left, codes[row as usize]) {
                node[left] = row;
                left += 1;
            } else {
                spare.push(row);
            }
        }
        node[left..].copy_from_slice(spare);
        left
    }
}

fn strength(sums: &[f64]) -> f64 {
    if sums[WEIGHT] > 0.0 { sums[SUMS..].iter().map(|sum| sum * sum).sum::<f64>() / sums[WEIGHT] } else { 0.0 }
}

fn add_all(sums: &mut [f64], terms: &[f64]) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum += term;
    }
}

/// Bins 1 ..= `last`, with the missing one or without.
fn up_to(last: u8, missing: bool) -> [u64; 4] {
    let mut set = [0_u64; 4];
    for bin in 1..=last {
        set[usize::from(bin >> 6)] |= 1 << (bin & 63);
    }
    set[0] |= u64::from(missing);
    set
}
