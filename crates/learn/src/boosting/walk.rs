//! Prediction: all trees of a model flattened into one array of small nodes, walked in blocks of rows.
//!
//! A row is laid out once as slots, each a feature in the form that nodes want it: a number with missing values below or
//! above everything, whichever way a node sends them, or the code of a level. Then a step is one comparison and one
//! addition, without a branch: children stand side by side, and a leaf is a node whose child is itself.

use std::{collections::BTreeMap, ops::Range};

use rayon::prelude::*;

use super::bins::level;
use super::tree::Tree;
use crate::matrix::Columns;

/// Rows walked together: their values are laid side by side once and each tree is met while in the cache.
const BLOCK: usize = 64;
/// Rows of a tree, or trees of a row, that are walked in lockstep, so that they hide each other's latency.
const LANES: usize = 8;
/// Rows from which on blocks are walked in parallel.
const MANY: usize = 2048;
/// Slot numbers from here on mark a node with a set kept among `sets`.
const SET: u32 = 1 << 31;
/// Slot numbers from here on, and below [`SET`], mark a node whose threshold's bits are a set of codes.
const SMALL_SET: u32 = 1 << 30;
/// The code of a missing or unknown level in a small set; levels have the codes below.
const NO_LEVEL: u32 = 63;
/// The slot that is at most any number, which leaves look at.
const LEAST: u32 = 0;

#[derive(Clone, Copy, Debug)]
struct Node {
    /// The largest value that goes left, the bits of a set of codes, or the place of the set among `sets`. At a leaf its
    /// value, or the place of its first value among `values`.
    threshold: f64,
    slot: u32,
    /// The left child; the right one stands after it. A leaf is its own child.
    child: u32,
}

/// A feature in a form that nodes look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    /// Less than every number.
    Least,
    /// A number; a missing value is less than any.
    MissingLeft(u32),
    /// A number; a missing value is greater than any.
    MissingRight(u32),
    /// The bits are the code, [`NO_LEVEL`] where it is missing or too large.
    Code(u32),
}

#[derive(Clone, Debug)]
struct Set {
    missing_left: bool,
    words: Vec<u32>,
}

/// The place of each slot that there is.
type Known = BTreeMap<Slot, u32>;

/// Trees ready to predict with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Walk {
    nodes: Vec<Node>,
    sets: Vec<Set>,
    /// Values of leaves that do not fit into a node.
    values: Vec<f64>,
    /// The first node of each tree.
    roots: Vec<u32>,
    slots: Vec<Slot>,
    has_sets: bool,
    /// True when leaves hold the places of their values instead of a value.
    leaves_apart: bool,
    /// Values a leaf holds.
    width: usize,
    base: Vec<f64>,
}

impl Walk {
    /// Flattens `trees`, whose leaves hold `width` values each. Sums start at `base`; with one value a leaf, tree `t`
    /// adds to output `t % base.len()`, else a leaf adds to every output.
    ///
    /// A tree that does not hold together (a child, a feature array or a value beyond its end, as a tampered file may
    /// have) counts as a leaf of value 0.
    pub(crate) fn new(trees: &[Tree], width: usize, base: &[f64]) -> Self {
        let width = width.max(1);
        // What is no number would not stand at a leaf: it is neither more nor less than the least.
        let leaves_apart = width > 1 || trees.iter().any(|tree| tree.values.iter().any(|value| value.is_nan()));
        let has_sets = trees.iter().any(|tree| !tree.sets.is_empty());
        let (base, slots) = (base.to_vec(), vec![Slot::Least]);
        let mut walk = Self { width, base, slots, has_sets, leaves_apart, ..Self::default() };
        let mut known = Known::from([(Slot::Least, LEAST)]);
        for tree in trees {
            walk.append(tree, &mut known);
        }
        walk
    }

    fn append(&mut self, tree: &Tree, known: &mut Known) {
        let root = self.nodes.len();
        self.roots.push(root as u32);
        self.nodes.push(Node { threshold: 0.0, slot: LEAST, child: root as u32 });
        if !holds_together(tree, self.width) {
            if self.leaves_apart {
                self.nodes[root].threshold = self.values.len() as f64;
                self.values.extend(std::iter::repeat_n(0.0, self.width));
            }
            return;
        }
        let first_value = self.values.len();
        if self.leaves_apart {
            self.values.extend_from_slice(&tree.values);
        }
        let mut sets: Vec<Option<&[u32]>> = vec![None; tree.features.len()];
        for (node, words) in &tree.sets {
            sets[*node as usize] = Some(words);
        }
        // A node, or `!` a leaf, of the tree, and its place here.
        let mut open = vec![(if tree.features.is_empty() { !0 } else { 0 }, root)];
        while let Some((at, place)) = open.pop() {
            if at < 0 {
                let leaf = !at as usize;
                let inside =
                    if self.leaves_apart { (first_value + leaf * self.width) as f64 } else { tree.values[leaf] };
                self.nodes[place] = Node { threshold: inside, slot: LEAST, child: place as u32 };
                continue;
            }
            let node = at as usize;
            let (feature, missing_left) = (tree.features[node], tree.missing_left[node]);
            let (threshold, slot) = match sets[node] {
                Some(words) => self.set(known, feature, missing_left, words),
                None if missing_left => (tree.thresholds[node], self.slot(known, Slot::MissingLeft(feature))),
                None => (tree.thresholds[node], self.slot(known, Slot::MissingRight(feature))),
            };
            let child = self.nodes.len();
            self.nodes[place] = Node { threshold, slot, child: child as u32 };
            self.nodes.extend([Node { threshold: 0.0, slot: LEAST, child: 0 }; 2]);
            open.extend([(tree.right[node], child + 1), (tree.left[node], child)]);
        }
    }

    /// Threshold and slot of a node with a set.
    fn set(&mut self, known: &mut Known, feature: u32, missing_left: bool, words: &[u32]) -> (f64, u32) {
        // A level beyond the set's words goes where a missing value goes.
        let beyond = if missing_left { u64::MAX } else { 0 };
        let bits = match words {
            [] => Some(beyond),
            [low] => Some(beyond << 32 | u64::from(*low)),
            [low, high] => Some(u64::from(*high) << 32 | u64::from(*low)),
            _ => None,
        };
        // The last bit is a level's and that of missing ones, so both must go the same way.
        if let Some(bits) = bits.filter(|bits| (bits >> NO_LEVEL == 1) == missing_left) {
            return (f64::from_bits(bits), self.slot(known, Slot::Code(feature)) | SMALL_SET);
        }
        self.sets.push(Set { missing_left, words: words.to_vec() });
        let slot = self.slot(known, Slot::MissingRight(feature));
        (f64::from_bits(self.sets.len() as u64 - 1), slot | SET)
    }

    fn slot(&mut self, known: &mut Known, wanted: Slot) -> u32 {
        *known.entry(wanted).or_insert_with(|| {
            self.slots.push(wanted);
            self.slots.len() as u32 - 1
        })
    }

    /// The sums of every row, row by row, one an output.
    pub(crate) fn sums(&self, x: Columns<'_>) -> Vec<f64> {
        let outputs = self.base.len();
        let mut sums = vec![0.0; x.rows * outputs];
        if outputs == 0 {
            return sums;
        }
        let walk = |(block, sums): (usize, &mut [f64]), room: &mut Vec<f64>| {
            if self.has_sets {
                self.block::<true>(x, block * BLOCK, room, sums);
            } else {
                self.block::<false>(x, block * BLOCK, room, sums);
            }
        };
        if x.rows >= MANY {
            sums.par_chunks_mut(BLOCK * outputs)
                .enumerate()
                .with_min_len(8)
                .for_each_init(Vec::new, |room, block| walk(block, room));
        } else {
            let mut room = Vec::new();
            sums.chunks_mut(BLOCK * outputs).enumerate().for_each(|block| walk(block, &mut room));
        }
        sums
    }

    fn block<const SETS: bool>(&self, x: Columns<'_>, from: usize, room: &mut Vec<f64>, sums: &mut [f64]) {
        let outputs = self.base.len();
        let rows = sums.len() / outputs;
        let width = self.slots.len();
        room.clear();
        room.resize(rows * width, f64::NEG_INFINITY);
        for (place, slot) in self.slots.iter().enumerate() {
            slot.lay(x, from..from + rows, room[place..].iter_mut().step_by(width));
        }
        for sums in sums.chunks_exact_mut(outputs) {
            sums.copy_from_slice(&self.base);
        }
        let whole = rows / LANES * LANES;
        let (rows, rest) = room.split_at(whole * width);
        let (sums, sums_of_rest) = sums.split_at_mut(whole * outputs);
        if !rows.is_empty() {
            for (tree, &root) in self.roots.iter().enumerate() {
                let lanes = rows.chunks_exact(width * LANES).zip(sums.chunks_exact_mut(outputs * LANES));
                for (rows, sums) in lanes {
                    let leaves = self.leaves::<SETS>([root; LANES], |lane| &rows[lane * width..(lane + 1) * width]);
                    for (leaf, sums) in leaves.into_iter().zip(sums.chunks_exact_mut(outputs)) {
                        self.add(tree, leaf, sums);
                    }
                }
            }
        }
        for (row, sums) in rest.chunks_exact(width).zip(sums_of_rest.chunks_exact_mut(outputs)) {
            for (turn, roots) in self.roots.chunks(LANES).enumerate() {
                let mut starts = [roots[0]; LANES];
                starts[..roots.len()].copy_from_slice(roots);
                let leaves = self.leaves::<SETS>(starts, |_| row);
                for (lane, leaf) in leaves.into_iter().take(roots.len()).enumerate() {
                    self.add(turn * LANES + lane, leaf, sums);
                }
            }
        }
    }

    #[inline]
    fn add(&self, tree: usize, leaf: u32, sums: &mut [f64]) {
        let inside = self.nodes[leaf as usize].threshold;
        if !self.leaves_apart {
            let output = if sums.len() == 1 { 0 } else { tree % sums.len() };
            sums[output] += inside;
        } else if self.width == 1 {
            let output = tree % sums.len();
            sums[output] += self.values[inside as usize];
        } else {
            let first = inside as usize;
            for (sum, value) in sums.iter_mut().zip(&self.values[first..first + self.width]) {
                *sum += value;
            }
        }
    }

    /// The leaf that each lane comes to from its start.
    #[inline]
    fn leaves<'r, const SETS: bool>(&self, starts: [u32; LANES], row: impl Fn(usize) -> &'r [f64]) -> [u32; LANES] {
        let mut at = starts;
        loop {
            let mut moved = false;
            for (lane, at) in at.iter_mut().enumerate() {
                let next = self.next::<SETS>(*at, row(lane));
                moved |= next != *at;
                *at = next;
            }
            if !moved {
                return at;
            }
        }
    }

    #[inline(always)]
    fn next<const SETS: bool>(&self, at: u32, row: &[f64]) -> u32 {
        let node = &self.nodes[at as usize];
        if !SETS {
            return node.child + u32::from(row[node.slot as usize] > node.threshold);
        }
        let value = row[(node.slot & (SMALL_SET - 1)) as usize];
        let left = if node.slot < SMALL_SET {
            value <= node.threshold
        } else if node.slot < SET {
            node.threshold.to_bits() >> (value.to_bits() & 63) & 1 == 1
        } else {
            self.sets[node.threshold.to_bits() as usize].holds(value)
        };
        node.child + u32::from(!left)
    }
}

impl Slot {
    /// Lays the rows' values side by side; `into` holds minus infinity.
    fn lay<'a>(self, x: Columns<'_>, rows: Range<usize>, into: impl Iterator<Item = &'a mut f64>) {
        // A feature that is not there is missing in every row.
        let values = |feature: u32| x.features.get(feature as usize).map(|values| &values[rows.clone()]);
        // Infinities count as the largest numbers, as in the bins of the fit.
        let bounded = |value: f64| value.clamp(f64::MIN, f64::MAX);
        match self {
            Self::Least => {}
            Self::MissingLeft(feature) => {
                let values = values(feature).unwrap_or_default();
                into.zip(values).filter(|(_, value)| !value.is_nan()).for_each(|(into, value)| *into = bounded(*value));
            }
            Self::MissingRight(feature) => {
                let number = |value: f64| if value.is_nan() { f64::INFINITY } else { bounded(value) };
                match values(feature) {
                    Some(values) => into.zip(values).for_each(|(into, value)| *into = number(*value)),
                    None => into.for_each(|into| *into = f64::INFINITY),
                }
            }
            Self::Code(feature) => {
                let code = |value: f64| level(value, NO_LEVEL as usize).map_or(NO_LEVEL, |code| code as u32);
                let bits = |value: f64| f64::from_bits(u64::from(code(value)));
                match values(feature) {
                    Some(values) => into.zip(values).for_each(|(into, value)| *into = bits(*value)),
                    None => into.for_each(|into| *into = bits(f64::NAN)),
                }
            }
        }
    }
}

impl Set {
    fn holds(&self, value: f64) -> bool {
        match level(value, self.words.len() * 32) {
            Some(code) => self.words[code / 32] >> (code % 32) & 1 == 1,
            None => self.missing_left,
        }
    }
}

/// Whether every array of `tree` has its length, every child exists, comes after its parent and has no other, and every
/// leaf has its values: then a walk ends.
pub(crate) fn holds_together(tree: &Tree, width: usize) -> bool {
    let nodes = tree.features.len();
    let mut taken = vec![false; nodes];
    let mut child_is_sound = |node: usize, child: i32| {
        if child >= 0 {
            let later = (child as usize) < nodes && child as usize > node;
            later && !std::mem::replace(&mut taken[child as usize], true)
        } else {
            (!child as usize + 1) * width <= tree.values.len()
        }
    };
    let lengths = [tree.thresholds.len(), tree.missing_left.len(), tree.left.len(), tree.right.len()];
    lengths.iter().all(|&length| length == nodes)
        && tree.values.len() >= width
        && tree.features.iter().all(|&feature| feature < SMALL_SET)
        && (0..nodes).all(|node| child_is_sound(node, tree.left[node]) && child_is_sound(node, tree.right[node]))
        && tree.sets.iter().all(|(node, _)| (*node as usize) < nodes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::{Feature, Matrix};

    fn matrix(columns: &[(&[f64], Option<u32>)]) -> Matrix {
        let features = columns
            .iter()
            .map(|(values, levels)| Feature { name: "x".into(), values: values.to_vec(), levels: *levels })
            .collect();
        Matrix { features, rows: columns[0].0.len() }
    }

    fn sums(walk: &Walk, x: &Matrix) -> Vec<f64> {
        walk.sums(Columns { features: &x.slices(), rows: x.rows })
    }

    /// Feature 0 at most 1.5, missing right; then on the right feature 1 in {0, 2}, else-where missing left.
    fn tree() -> Tree {
        Tree {
            features: vec![0, 1],
            thresholds: vec![1.5, 0.0],
            missing_left: vec![false, true],
            left: vec![-1, -2],
            right: vec![1, -3],
            sets: vec![(1, vec![0b101])],
            values: vec![1.0, 10.0, 100.0],
            ..Tree::default()
        }
    }

    #[test]
    fn thresholds_sets_and_missing_values_go_their_way() {
        let walk = Walk::new(&[tree(), tree()], 1, &[0.5]);
        let first = [1.5, 1.500_000_1, f64::NAN, 9.0, 9.0, 9.0, f64::NEG_INFINITY, f64::INFINITY];
        let second = [0.0, 0.0, 1.0, f64::NAN, 77.0, 2.0, 1.0, 0.5];
        let sums = sums(&walk, &matrix(&[(&first, None), (&second, Some(3))]));
        assert_eq!(sums, [2.5, 20.5, 200.5, 20.5, 20.5, 20.5, 2.5, 20.5]);
    }

    #[test]
    fn trees_take_turns_or_hold_every_output() {
        let two = Walk::new(&[tree(), tree(), tree()], 1, &[0.0, 0.0]);
        assert_eq!(sums(&two, &matrix(&[(&[0.0], None), (&[0.0], None)])), [2.0, 1.0]);
        let leaf = Tree { values: vec![0.25, 0.75], ..Tree::default() };
        let wide = Walk::new(&[leaf.clone(), leaf], 2, &[0.0, 0.0]);
        assert_eq!(sums(&wide, &matrix(&[(&[0.0], None)])), [0.5, 1.5]);
    }

    #[test]
    fn a_broken_tree_or_a_missing_feature_does_no_harm() {
        let mut broken = tree();
        broken.right[0] = 7;
        let mut looping = tree();
        looping.left[1] = 0;
        let walk = Walk::new(&[broken, looping, tree()], 1, &[0.0]);
        assert_eq!(sums(&walk, &matrix(&[(&[f64::NAN], None)])), [10.0]);
    }
}
