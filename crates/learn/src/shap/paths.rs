//! A tree as the paths to its leaves, and what the features on them contribute to a block of rows.
//!
//! To a leaf of value `v` each distinct feature `k` on its path has two fractions: `z`, the share of training rows that
//! follow the path at the feature's nodes, and `o`, 1 where the row itself does and 0 where not. With the features of a
//! random order present up to a random moment `t` of 0 … 1, the leaf's expected share of `v` is the product of
//! `z + t (o - z)` over the features, so feature `j` contributes
//!
//! ```text
//! v (o_j - z_j) ∫ Π_{k ≠ j} (z_k + t (o_k - z_k)) dt
//! ```
//!
//! (the multilinear extension of Owen 1972). The product is a polynomial in `t`, which Gauss-Legendre quadrature
//! integrates exactly, and all its terms are positive: nothing cancels, and a path of `d` features costs `d²` or less
//! instead of the walk of `TreeSHAP` over a tree's subsets.

use super::quadrature::Rules;
use crate::Matrix;
use crate::boosting::{Tree, level};

/// Rows explained together: their answers at a node are the bits of one word.
pub(super) const BLOCK: usize = 64;
/// Points are worked on four by four.
const LANES: usize = 4;

type Points = [f64; LANES];

/// What holds for one feature on the path to one leaf.
struct Element {
    feature: usize,
    /// Places in `Paths::conditions`.
    conditions: std::ops::Range<usize>,
}

/// The path to one leaf.
struct Path {
    /// Places in `Paths::elements`.
    elements: std::ops::Range<usize>,
    /// Groups of points a factor has.
    groups: usize,
    /// First place in `Paths::factors` and `Paths::shares`: for each element `groups` for a row that does not follow
    /// the path, then `groups` for one that does.
    first: usize,
    /// First value in `Paths::values`.
    value: usize,
}

/// The paths to all leaves of a tree.
pub(super) struct Paths<'a> {
    tree: &'a Tree,
    width: usize,
    paths: Vec<Path>,
    elements: Vec<Element>,
    /// A node and the side that leads to the leaf.
    conditions: Vec<(usize, bool)>,
    /// `z + t (o - z)` at the points.
    factors: Vec<Points>,
    /// `w (o - z) / (z + t (o - z))` at the points of weight `w`.
    shares: Vec<Points>,
    values: Vec<f64>,
    /// The set of each node that has one.
    sets: Vec<Option<&'a [u32]>>,
}

/// Whether the tree knows how many rows are in each leaf.
pub(super) fn has_covers(tree: &Tree, width: usize) -> bool {
    tree.features.is_empty()
        || tree.covers.len() * width == tree.values.len()
            && tree.covers.iter().all(|cover| (0.0..f64::MAX).contains(cover))
            && tree.covers.iter().sum::<f64>() > 0.0
}

/// The tree's mean over its training rows, one an output.
pub(super) fn means(tree: &Tree, width: usize) -> Vec<f64> {
    if tree.features.is_empty() {
        return tree.values[..width].to_vec();
    }
    let total: f64 = tree.covers.iter().sum();
    let mut means = vec![0.0; width];
    for (values, cover) in tree.values.chunks_exact(width).zip(&tree.covers) {
        for (mean, value) in means.iter_mut().zip(values) {
            *mean += value * (cover / total);
        }
    }
    means
}

/// The most splits between the tree's root and a leaf.
pub(super) fn longest(tree: &Tree) -> usize {
    let mut depths = vec![0_usize; tree.features.len()];
    let mut longest = 0;
    for node in 0..tree.features.len() {
        for child in [tree.left[node], tree.right[node]] {
            longest = longest.max(depths[node] + 1);
            if child >= 0 {
                depths[child as usize] = depths[node] + 1;
            }
        }
    }
    longest
}

impl<'a> Paths<'a> {
    /// Lays out the paths of a tree that holds together and has covers; its values are multiplied by `share`.
    pub(super) fn new(tree: &'a Tree, width: usize, share: f64, rules: &Rules) -> Self {
        let mut sets = vec![None; tree.features.len()];
        for (node, words) in &tree.sets {
            sets[*node as usize] = Some(words.as_slice());
        }
        let mut paths = Self {
            tree,
            width,
            paths: Vec::new(),
            elements: Vec::new(),
            conditions: Vec::new(),
            factors: Vec::new(),
            shares: Vec::new(),
            values: tree.values.iter().map(|value| value * share).collect(),
            sets,
        };
        if tree.features.is_empty() {
            return paths;
        }
        let covers = node_covers(tree);
        let mut parents: Vec<Option<(usize, bool)>> = vec![None; tree.features.len()];
        for node in 0..tree.features.len() {
            for (child, side) in [(tree.left[node], true), (tree.right[node], false)] {
                if child >= 0 {
                    parents[child as usize] = Some((node, side));
                    continue;
                }
                let mut trail: Vec<(usize, bool, f64)> = Vec::new();
                let mut step = Some((node, side));
                while let Some((node, side)) = step {
                    let below = cover(tree, &covers, if side { tree.left[node] } else { tree.right[node] });
                    trail.push((node, side, if covers[node] > 0.0 { below / covers[node] } else { 0.0 }));
                    step = parents[node];
                }
                trail.reverse();
                paths.push(!child as usize, &trail, rules);
            }
        }
        paths
    }

    fn push(&mut self, leaf: usize, trail: &[(usize, bool, f64)], rules: &Rules) {
        let first_element = self.elements.len();
        let mut zeros: Vec<f64> = Vec::new();
        for (at, &(node, _, _)) in trail.iter().enumerate() {
            let feature = self.tree.features[node];
            if trail[..at].iter().any(|&(before, _, _)| self.tree.features[before] == feature) {
                continue;
            }
            let first = self.conditions.len();
            let mut zero = 1.0;
            for &(node, side, part) in trail[at..].iter().filter(|step| self.tree.features[step.0] == feature) {
                self.conditions.push((node, side));
                zero *= part;
            }
            zeros.push(zero);
            self.elements.push(Element { feature: feature as usize, conditions: first..self.conditions.len() });
        }
        let rule = rules.exact_for(zeros.len() - 1);
        let groups = rule.points.len().div_ceil(LANES);
        let first = self.factors.len();
        for &zero in &zeros {
            for one in [0.0, 1.0] {
                for group in 0..groups {
                    let (mut factors, mut shares) = ([0.0; LANES], [0.0; LANES]);
                    let points = rule.points.iter().zip(&rule.weights).skip(group * LANES);
                    for ((factor, share), (t, weight)) in factors.iter_mut().zip(&mut shares).zip(points) {
                        *factor = zero + t * (one - zero);
                        // a path no training row takes has a factor of 0 and nothing to share
                        *share = if *factor > 0.0 { weight * (one - zero) / *factor } else { 0.0 };
                    }
                    self.factors.push(factors);
                    self.shares.push(shares);
                }
            }
        }
        let elements = first_element..self.elements.len();
        self.paths.push(Path { elements, groups, first, value: leaf * self.width });
    }

    /// Adds the contributions to the rows of `x` from `from` on to `block`, which has `outputs` values a feature a row,
    /// from output `first` on; `room` is room to work in.
    pub(super) fn add(
        &self,
        x: &Matrix,
        from: usize,
        first: usize,
        outputs: usize,
        block: &mut [f64],
        room: &mut Vec<u64>,
    ) {
        let stride = x.features.len() * outputs;
        let rows = block.len() / stride;
        room.clear();
        room.extend((0..self.tree.features.len()).map(|node| self.lefts(node, x, from, rows)));
        let mut follows: Vec<u64> = Vec::new();
        for path in &self.paths {
            let elements = &self.elements[path.elements.clone()];
            follows.clear();
            follows.extend(elements.iter().map(|element| {
                let all = self.conditions[element.conditions.clone()].iter();
                all.fold(u64::MAX, |all, &(node, left)| all & if left { room[node] } else { !room[node] })
            }));
            for (row, contributions) in block.chunks_exact_mut(stride).enumerate() {
                match path.groups {
                    1 => self.add_row::<1>(path, elements, &follows, row, first, outputs, contributions),
                    2 => self.add_row::<2>(path, elements, &follows, row, first, outputs, contributions),
                    _ => self.add_long_row(path, elements, &follows, row, first, outputs, contributions),
                }
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the innermost loop: a struct of them would be taken apart at once")]
    #[inline(always)]
    fn add_row<const GROUPS: usize>(
        &self,
        path: &Path,
        elements: &[Element],
        follows: &[u64],
        row: usize,
        first: usize,
        outputs: usize,
        contributions: &mut [f64],
    ) {
        let length = elements.len() * 2 * GROUPS;
        let factors = &self.factors[path.first..path.first + length];
        let shares = &self.shares[path.first..path.first + length];
        let mut product = [[1.0; LANES]; GROUPS];
        for (pair, follows) in factors.chunks_exact(2 * GROUPS).zip(follows) {
            let side = (follows >> row & 1) as usize;
            for (product, factor) in product.iter_mut().zip(&pair[side * GROUPS..side * GROUPS + GROUPS]) {
                for (product, factor) in product.iter_mut().zip(factor) {
                    *product *= factor;
                }
            }
        }
        for ((pair, follows), element) in shares.chunks_exact(2 * GROUPS).zip(follows).zip(elements) {
            let side = (follows >> row & 1) as usize;
            let mut lanes = [0.0; LANES];
            for (product, share) in product.iter().zip(&pair[side * GROUPS..side * GROUPS + GROUPS]) {
                for ((lane, product), share) in lanes.iter_mut().zip(product).zip(share) {
                    *lane += product * share;
                }
            }
            let part = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
            let place = element.feature * outputs + first;
            let values = &self.values[path.value..path.value + self.width];
            for (sum, value) in contributions[place..place + self.width].iter_mut().zip(values) {
                *sum += part * value;
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "as `add_row`")]
    fn add_long_row(
        &self,
        path: &Path,
        elements: &[Element],
        follows: &[u64],
        row: usize,
        first: usize,
        outputs: usize,
        contributions: &mut [f64],
    ) {
        let place_of =
            |at: usize, group: usize| path.first + (at * 2 + (follows[at] >> row & 1) as usize) * path.groups + group;
        let mut parts = vec![0.0; elements.len()];
        for group in 0..path.groups {
            let mut product = [1.0; LANES];
            for at in 0..elements.len() {
                for (product, factor) in product.iter_mut().zip(&self.factors[place_of(at, group)]) {
                    *product *= factor;
                }
            }
            for (at, part) in parts.iter_mut().enumerate() {
                *part += product.iter().zip(&self.shares[place_of(at, group)]).map(|(p, s)| p * s).sum::<f64>();
            }
        }
        for (element, part) in elements.iter().zip(parts) {
            let place = element.feature * outputs + first;
            for (k, sum) in contributions[place..place + self.width].iter_mut().enumerate() {
                *sum += part * self.values[path.value + k];
            }
        }
    }

    /// Which of the rows go left at `node`, a bit a row.
    fn lefts(&self, node: usize, x: &Matrix, from: usize, rows: usize) -> u64 {
        let (threshold, missing_left) = (self.tree.thresholds[node], self.tree.missing_left[node]);
        let values = &x.features[self.tree.features[node] as usize].values[from..from + rows];
        let mut bits = 0;
        for (row, &value) in values.iter().enumerate() {
            // infinities count as the largest numbers, as in the walk of a prediction
            let value = value.clamp(f64::MIN, f64::MAX);
            let left = match self.sets[node] {
                None => value <= threshold || value.is_nan() && missing_left,
                Some(words) => match level(value, words.len() * 32) {
                    Some(code) => words[code / 32] >> (code % 32) & 1 == 1,
                    None => missing_left,
                },
            };
            bits |= u64::from(left) << row;
        }
        bits
    }
}

/// Rows below each node.
fn node_covers(tree: &Tree) -> Vec<f64> {
    let mut covers = vec![0.0; tree.features.len()];
    // children come after their parents
    for node in (0..tree.features.len()).rev() {
        covers[node] = cover(tree, &covers, tree.left[node]) + cover(tree, &covers, tree.right[node]);
    }
    covers
}

fn cover(tree: &Tree, nodes: &[f64], child: i32) -> f64 {
    if child >= 0 { nodes[child as usize] } else { tree.covers[!child as usize] }
}
