//! Prediction: all trees of a model flattened into one array of small nodes, walked in blocks of rows.
//!
//! A row is laid out once as slots, each a feature in the form that nodes want it: a whole number that orders as the
//! feature does, with missing values below or above everything, whichever way a node sends them; or a bit for the code of
//! a level. Then a step is `child + (slot & mask > bound)`, for numbers and sets alike and without a branch: children
//! stand side by side, and a leaf is a node whose child is itself.

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
/// The slot that is never above a bound, which leaves look at.
const LEAST: u32 = 0;

#[derive(Clone, Copy, Debug)]
struct Node {
    /// What a number must be above to go to the second child; the place of a set among `sets`. At a leaf the bits of its
    /// value, or the place of its first value among `values`.
    bound: u64,
    slot: u32,
    /// The first child; the second stands after it. A leaf is its own child.
    child: u32,
}

/// A feature in a form that nodes look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    /// Never above a bound.
    Least,
    /// The key of a number; a missing value is below all.
    MissingLow(u32),
    /// The key of a number; a missing value is above all.
    MissingHigh(u32),
    /// The bit of a code; none for a missing value or a code from 64 on.
    MissingNone(u32),
    /// The bit of a code; every bit for a missing value or a code from 64 on.
    MissingAll(u32),
    /// The bits of the value as it is.
    Raw(u32),
}

/// A whole number that orders as `value` does; no number has the least or the greatest.
fn key(value: f64) -> u64 {
    // Adding zero turns -0 into 0. Infinities count as the largest numbers, as in the bins of the fit.
    let bits = (value.clamp(f64::MIN, f64::MAX) + 0.0).to_bits();
    bits ^ ((bits.cast_signed() >> 63).cast_unsigned() | 1 << 63)
}

#[derive(Clone, Debug)]
struct Set {
    missing_left: bool,
    words: Vec<u32>,
}

/// Which nodes there are, so that a walk need not ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Kinds {
    /// Numbers.
    #[default]
    Numbers,
    /// Sets of the first 64 codes too.
    Masks,
    /// Any sets too.
    Sets,
}

/// The place of each slot that there is.
type Known = BTreeMap<Slot, u32>;

/// Trees ready to predict with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Walk {
    nodes: Vec<Node>,
    /// What each node makes of its slot before it looks at the bound; none where there are numbers alone.
    masks: Vec<u64>,
    sets: Vec<Set>,
    /// Values of leaves that hold several.
    values: Vec<f64>,
    /// The first node of each tree.
    roots: Vec<u32>,
    slots: Vec<Slot>,
    kinds: Kinds,
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
        let (base, slots) = (base.to_vec(), vec![Slot::Least]);
        let mut walk = Self { width: width.max(1), base, slots, ..Self::default() };
        let mut known = Known::from([(Slot::Least, LEAST)]);
        for tree in trees {
            walk.append(tree, &mut known);
        }
        if walk.kinds == Kinds::Numbers {
            walk.masks.clear();
        }
        walk
    }

    fn append(&mut self, tree: &Tree, known: &mut Known) {
        let root = self.nodes.len();
        self.roots.push(root as u32);
        self.room_for(1);
        if !holds_together(tree, self.width) {
            let first = self.values.len();
            if self.width > 1 {
                self.values.extend(std::iter::repeat_n(0.0, self.width));
            }
            self.nodes[root] = leaf_at(root, if self.width > 1 { first as u64 } else { 0.0_f64.to_bits() });
            return;
        }
        let first_value = self.values.len();
        if self.width > 1 {
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
                let first = (first_value + leaf * self.width) as u64;
                self.nodes[place] = leaf_at(place, if self.width > 1 { first } else { tree.values[leaf].to_bits() });
                continue;
            }
            let node = at as usize;
            let child = self.nodes.len();
            self.room_for(2);
            let (bound, slot, children) = match sets[node] {
                Some(words) => self.set(known, place, tree, node, words),
                None => self.number(known, tree, node),
            };
            self.nodes[place] = Node { bound, slot, child: child as u32 };
            open.extend([(children[1], child + 1), (children[0], child)]);
        }
    }

    fn room_for(&mut self, nodes: usize) {
        self.nodes.extend(std::iter::repeat_n(Node { bound: 0, slot: LEAST, child: 0 }, nodes));
        self.masks.extend(std::iter::repeat_n(u64::MAX, nodes));
    }

    /// Bound, slot and children of a node with a threshold.
    fn number(&mut self, known: &mut Known, tree: &Tree, node: usize) -> (u64, u32, [i32; 2]) {
        let (feature, threshold) = (tree.features[node], tree.thresholds[node]);
        let slot = if tree.missing_left[node] { Slot::MissingLow(feature) } else { Slot::MissingHigh(feature) };
        // No number is at most what is none.
        let bound = if threshold.is_nan() { 0 } else { key(threshold) };
        (bound, self.slot(known, slot), [tree.left[node], tree.right[node]])
    }

    /// Bound, slot and children of a node with a set.
    fn set(
        &mut self,
        known: &mut Known,
        place: usize,
        tree: &Tree,
        node: usize,
        words: &[u32],
    ) -> (u64, u32, [i32; 2]) {
        let (feature, missing_left) = (tree.features[node], tree.missing_left[node]);
        // A level beyond the set's words goes where a missing value goes.
        let beyond = if missing_left { u64::MAX } else { 0 };
        let bits = match words {
            [] => beyond,
            [low] => beyond << 32 | u64::from(*low),
            [low, high] => u64::from(*high) << 32 | u64::from(*low),
            _ => 0,
        };
        // Every bit of a missing value has none in common with an empty set.
        if words.len() <= 2 && (bits != 0 || !missing_left) {
            self.masks[place] = bits;
            self.kinds = self.kinds.max(Kinds::Masks);
            let slot = if missing_left { Slot::MissingAll(feature) } else { Slot::MissingNone(feature) };
            // A bit in common is above 0: then it is the left child.
            return (0, self.slot(known, slot), [tree.right[node], tree.left[node]]);
        }
        self.kinds = Kinds::Sets;
        self.sets.push(Set { missing_left, words: words.to_vec() });
        let slot = self.slot(known, Slot::Raw(feature)) | SET;
        (self.sets.len() as u64 - 1, slot, [tree.left[node], tree.right[node]])
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
        let walk = |(block, sums): (usize, &mut [f64]), room: &mut Vec<u64>| match self.kinds {
            Kinds::Numbers => self.block(x, block * BLOCK, room, sums, |at, row| self.next(at, row)),
            Kinds::Masks => self.block(x, block * BLOCK, room, sums, |at, row| self.next_masked(at, row)),
            Kinds::Sets => self.block(x, block * BLOCK, room, sums, |at, row| self.next_of_any(at, row)),
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

    fn block(
        &self,
        x: Columns<'_>,
        from: usize,
        room: &mut Vec<u64>,
        sums: &mut [f64],
        next: impl Fn(u32, &[u64]) -> u32,
    ) {
        let outputs = self.base.len();
        let rows = sums.len() / outputs;
        let width = self.slots.len();
        room.clear();
        room.resize(rows * width, 0);
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
                    let leaves = leaves([root; LANES], |lane, at| next(at, &rows[lane * width..(lane + 1) * width]));
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
                let leaves = leaves(starts, |_, at| next(at, row));
                for (lane, leaf) in leaves.into_iter().take(roots.len()).enumerate() {
                    self.add(turn * LANES + lane, leaf, sums);
                }
            }
        }
    }

    #[inline]
    fn add(&self, tree: usize, leaf: u32, sums: &mut [f64]) {
        let inside = self.nodes[leaf as usize].bound;
        if self.width == 1 {
            let output = if sums.len() == 1 { 0 } else { tree % sums.len() };
            sums[output] += f64::from_bits(inside);
        } else {
            let first = inside as usize;
            for (sum, value) in sums.iter_mut().zip(&self.values[first..first + self.width]) {
                *sum += value;
            }
        }
    }

    #[inline(always)]
    fn next(&self, at: u32, row: &[u64]) -> u32 {
        let node = &self.nodes[at as usize];
        node.child + u32::from(row[node.slot as usize] > node.bound)
    }

    #[inline(always)]
    fn next_masked(&self, at: u32, row: &[u64]) -> u32 {
        let (node, mask) = (&self.nodes[at as usize], self.masks[at as usize]);
        node.child + u32::from(row[node.slot as usize] & mask > node.bound)
    }

    #[inline(always)]
    fn next_of_any(&self, at: u32, row: &[u64]) -> u32 {
        let node = &self.nodes[at as usize];
        if node.slot < SET {
            return self.next_masked(at, row);
        }
        let value = f64::from_bits(row[(node.slot - SET) as usize]);
        node.child + u32::from(!self.sets[node.bound as usize].holds(value))
    }
}

const fn leaf_at(place: usize, inside: u64) -> Node {
    Node { bound: inside, slot: LEAST, child: place as u32 }
}

/// The leaf that each lane comes to from its start.
#[inline(always)]
fn leaves(starts: [u32; LANES], next: impl Fn(usize, u32) -> u32) -> [u32; LANES] {
    let mut at = starts;
    loop {
        let mut moved = false;
        for (lane, at) in at.iter_mut().enumerate() {
            let next = next(lane, *at);
            moved |= next != *at;
            *at = next;
        }
        if !moved {
            return at;
        }
    }
}

impl Slot {
    /// Lays the rows' values side by side; `into` holds zeros.
    fn lay<'a>(self, x: Columns<'_>, rows: Range<usize>, into: impl Iterator<Item = &'a mut u64>) {
        // A feature that is not there is missing in every row.
        let values = |feature: u32| x.features.get(feature as usize).map(|values| &values[rows]);
        match self {
            Self::Least => {}
            Self::MissingLow(feature) => {
                each(values(feature), into, |value| if value.is_nan() { 0 } else { key(value) });
            }
            Self::MissingHigh(feature) => {
                each(values(feature), into, |value| if value.is_nan() { u64::MAX } else { key(value) });
            }
            Self::MissingNone(feature) => {
                each(values(feature), into, |value| level(value, 64).map_or(0, |code| 1 << code));
            }
            Self::MissingAll(feature) => {
                each(values(feature), into, |value| level(value, 64).map_or(u64::MAX, |code| 1 << code));
            }
            Self::Raw(feature) => each(values(feature), into, f64::to_bits),
        }
    }
}

fn each<'a>(values: Option<&[f64]>, into: impl Iterator<Item = &'a mut u64>, form: impl Fn(f64) -> u64) {
    match values {
        Some(values) => into.zip(values).for_each(|(into, value)| *into = form(*value)),
        None => into.for_each(|into| *into = form(f64::NAN)),
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

/// What one tree, whose leaves hold `width` values each, says of every row.
pub(crate) fn tree_values(tree: &Tree, width: usize, x: Columns<'_>) -> Vec<f64> {
    Walk::new(std::slice::from_ref(tree), width, &vec![0.0; width]).sums(x)
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
        && tree.features.iter().all(|&feature| feature < SET)
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
