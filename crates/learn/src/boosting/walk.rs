//! Prediction: all trees of a model flattened into one array of small nodes, walked in blocks of rows.

use rayon::prelude::*;

use super::bins::level;
use super::tree::Tree;
use crate::matrix::Matrix;

/// Rows walked together: their values are laid side by side once and each tree is met while in the cache.
const BLOCK: usize = 64;
/// Rows that walk in lockstep, so that they hide each other's latency.
const LANES: usize = 8;
/// Rows from which on blocks are walked in parallel.
const MANY: usize = 2048;
/// Feature numbers from here on mark a node with a set kept among `sets`.
const SET: u32 = 1 << 31;
/// Feature numbers from here on, and below [`SET`], mark a node whose threshold's bits are a set of at most 64 levels.
const SMALL_SET: u32 = 1 << 30;

#[derive(Clone, Copy, Debug)]
struct Node {
    /// The threshold, or the bits of the set's place among `sets`.
    threshold: f64,
    feature: u32,
    missing_left: bool,
    /// Left and right: a node, or `!` the place of the leaf's first value.
    children: [i32; 2],
}

/// Trees ready to predict with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Walk {
    nodes: Vec<Node>,
    sets: Vec<(u32, Vec<u32>)>,
    values: Vec<f64>,
    roots: Vec<i32>,
    /// Number of features a row is looked at.
    features: usize,
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
        let mut walk = Self { width: width.max(1), base: base.to_vec(), ..Self::default() };
        for tree in trees {
            walk.append(tree);
        }
        walk
    }

    fn append(&mut self, tree: &Tree) {
        let (first, first_value) = (self.nodes.len(), self.values.len());
        if !holds_together(tree, self.width) {
            self.roots.push(!(first_value as i32));
            self.values.extend(std::iter::repeat_n(0.0, self.width));
            return;
        }
        let moved = |child: i32| {
            if child >= 0 { child + first as i32 } else { !((!child as usize * self.width + first_value) as i32) }
        };
        for node in 0..tree.features.len() {
            self.nodes.push(Node {
                threshold: tree.thresholds[node],
                feature: tree.features[node],
                missing_left: tree.missing_left[node],
                children: [moved(tree.left[node]), moved(tree.right[node])],
            });
            self.features = self.features.max(tree.features[node] as usize + 1);
        }
        for (node, words) in &tree.sets {
            let node = &mut self.nodes[first + *node as usize];
            if words.len() <= 2 {
                // A level beyond the set's words goes where a missing value goes.
                let beyond = if node.missing_left { u32::MAX } else { 0 };
                let word = |place: usize| u64::from(words.get(place).copied().unwrap_or(beyond));
                node.threshold = f64::from_bits(word(1) << 32 | word(0));
                node.feature |= SMALL_SET;
                continue;
            }
            node.threshold = f64::from_bits(self.sets.len() as u64);
            self.sets.push((node.feature, words.clone()));
            node.feature |= SET;
        }
        self.values.extend_from_slice(&tree.values);
        self.roots.push(if tree.features.is_empty() { !(first_value as i32) } else { first as i32 });
    }

    /// The sums of every row, row by row, one an output.
    pub(crate) fn sums(&self, x: &Matrix) -> Vec<f64> {
        let outputs = self.base.len();
        let mut sums = vec![0.0; x.rows * outputs];
        if outputs == 0 {
            return sums;
        }
        let walk = |(block, sums): (usize, &mut [f64]), room: &mut Vec<f64>| {
            self.block(x, block * BLOCK, room, sums);
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

    fn block(&self, x: &Matrix, from: usize, room: &mut Vec<f64>, sums: &mut [f64]) {
        let outputs = self.base.len();
        let rows = sums.len() / outputs;
        // one column more than there are features, so that a tree without nodes has a row to look at
        let width = self.features.max(1);
        room.clear();
        room.resize(rows * width, f64::NAN);
        for (place, feature) in x.features.iter().take(width).enumerate() {
            for (row, value) in room.chunks_exact_mut(width).zip(&feature.values[from..from + rows]) {
                // infinities count as the largest numbers, as in the bins of the fit
                row[place] = value.clamp(f64::MIN, f64::MAX);
            }
        }
        for sums in sums.chunks_exact_mut(outputs) {
            sums.copy_from_slice(&self.base);
        }
        for (t, &root) in self.roots.iter().enumerate() {
            let add = |leaf: usize, sums: &mut [f64]| {
                if self.width == 1 {
                    sums[t % outputs] += self.values[leaf];
                } else {
                    for (sum, value) in sums.iter_mut().zip(&self.values[leaf..leaf + self.width]) {
                        *sum += value;
                    }
                }
            };
            let (mut many, mut sums_of_many) =
                (room.chunks_exact(width * LANES), sums.chunks_exact_mut(outputs * LANES));
            for (rows, sums) in many.by_ref().zip(sums_of_many.by_ref()) {
                for (leaf, sums) in self.leaves(root, rows, width).into_iter().zip(sums.chunks_exact_mut(outputs)) {
                    add(leaf, sums);
                }
            }
            let rest = many.remainder().chunks_exact(width);
            for (row, sums) in rest.zip(sums_of_many.into_remainder().chunks_exact_mut(outputs)) {
                add(self.leaf(root, row), sums);
            }
        }
    }

    /// As [`Self::leaf`], for rows side by side.
    #[inline]
    fn leaves(&self, root: i32, rows: &[f64], width: usize) -> [usize; LANES] {
        let mut at = [root; LANES];
        let mut open = root >= 0;
        while open {
            open = false;
            for (at, row) in at.iter_mut().zip(rows.chunks_exact(width)) {
                // a lane that has its leaf looks at the first node in vain: that is cheaper than a branch
                let node = &self.nodes[(*at).max(0) as usize];
                let left = self.goes_left(node, row);
                let next = node.children[usize::from(!left)];
                *at = if *at >= 0 { next } else { *at };
                open |= *at >= 0;
            }
        }
        at.map(|at| !at as usize)
    }

    /// The place of the first value of a row's leaf.
    #[inline]
    fn leaf(&self, root: i32, row: &[f64]) -> usize {
        let mut at = root;
        while at >= 0 {
            let node = &self.nodes[at as usize];
            at = node.children[usize::from(!self.goes_left(node, row))];
        }
        !at as usize
    }

    #[inline(always)]
    fn goes_left(&self, node: &Node, row: &[f64]) -> bool {
        if node.feature < SMALL_SET {
            let value = row[node.feature as usize];
            (value <= node.threshold) | (value.is_nan() & node.missing_left)
        } else if node.feature < SET {
            let value = row[(node.feature - SMALL_SET) as usize];
            match level(value, 64) {
                Some(code) => node.threshold.to_bits() >> code & 1 == 1,
                None => node.missing_left,
            }
        } else {
            self.in_set(node, row)
        }
    }

    fn in_set(&self, node: &Node, row: &[f64]) -> bool {
        let (feature, words) = &self.sets[node.threshold.to_bits() as usize];
        match level(row[*feature as usize], words.len() * 32) {
            Some(code) => words[code / 32] >> (code % 32) & 1 == 1,
            None => node.missing_left,
        }
    }
}

/// Whether every array of `tree` has its length, every child exists and comes after its parent, and every leaf has its
/// values: then a walk ends.
pub(crate) fn holds_together(tree: &Tree, width: usize) -> bool {
    let nodes = tree.features.len();
    let child_is_sound = |node: usize, child: i32| {
        if child >= 0 {
            (child as usize) < nodes && child as usize > node
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
    use crate::matrix::Feature;

    fn matrix(columns: &[(&[f64], Option<u32>)]) -> Matrix {
        let features = columns
            .iter()
            .map(|(values, levels)| Feature { name: "x".into(), values: values.to_vec(), levels: *levels })
            .collect();
        Matrix { features, rows: columns[0].0.len() }
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
        let sums = walk.sums(&matrix(&[(&first, None), (&second, Some(3))]));
        assert_eq!(sums, [2.5, 20.5, 200.5, 20.5, 20.5, 20.5, 2.5, 20.5]);
    }

    #[test]
    fn trees_take_turns_or_hold_every_output() {
        let two = Walk::new(&[tree(), tree(), tree()], 1, &[0.0, 0.0]);
        assert_eq!(two.sums(&matrix(&[(&[0.0], None), (&[0.0], None)])), [2.0, 1.0]);
        let leaf = Tree { values: vec![0.25, 0.75], ..Tree::default() };
        let wide = Walk::new(&[leaf.clone(), leaf], 2, &[0.0, 0.0]);
        assert_eq!(wide.sums(&matrix(&[(&[0.0], None)])), [0.5, 1.5]);
    }

    #[test]
    fn a_broken_tree_or_a_missing_feature_does_no_harm() {
        let mut broken = tree();
        broken.right[0] = 7;
        let mut looping = tree();
        looping.left[1] = 0;
        let walk = Walk::new(&[broken, looping, tree()], 1, &[0.0]);
        assert_eq!(walk.sums(&matrix(&[(&[f64::NAN], None)])), [10.0]);
    }
}
