//! A tree as the edges from its nodes to their children, depth first, and the values at the quadrature's points that go
//! with each.
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
//! integrates exactly. Leaves share their paths' beginnings, so products are carried down the tree, and what the leaves
//! below an edge come to is carried up (as Linear TreeSHAP of Yu et al. 2022 does with polynomials): a row costs a few
//! operations an edge and point.
//!
//! Where a feature comes a second time on a path, its two fractions become smaller: the edge's factor replaces the one
//! of the feature's edge before, and what lies below counts for the new fractions and no longer for the old ones.

use super::quadrature::Rules;
use crate::boosting::Tree;

/// Points that one pass over a tree carries at most.
pub(super) const MOST: usize = 8;
/// What a row can be at an edge: off the path at the feature's edge before, off it here, on it.
pub(super) const STATES: usize = 3;

/// From a node to one of its children.
pub(super) struct Edge {
    pub(super) feature: usize,
    pub(super) node: usize,
    /// Whether the child is the left one.
    pub(super) left: bool,
    /// Edges between the root and the child.
    pub(super) depth: usize,
    /// The nearest edge above on the same feature.
    pub(super) before: Option<usize>,
}

/// A move of the walk over the edges.
pub(super) enum Move {
    /// Down an edge to a node.
    Down(usize),
    /// Down an edge to a leaf, and up again.
    Leaf(usize, usize),
    /// Up an edge, when all below has been seen.
    Up(usize),
}

/// What one pass over the tree knows of some of the quadrature's points.
pub(super) struct Pass {
    /// Number of points, even and at most [`MOST`].
    pub(super) points: usize,
    /// The points' weights.
    pub(super) weights: Vec<f64>,
    /// Edge by edge and state by state, what a product at the points is multiplied by on the way down.
    pub(super) ratios: Vec<f64>,
    /// In the same order, what a sum of products is multiplied by to be the contribution of the edge's feature:
    /// `(o - z) / (z + t (o - z))`, less that of the feature's edge before.
    pub(super) shares: Vec<f64>,
}

/// A tree that holds together and has covers, ready to be walked.
pub(super) struct Edges<'a> {
    pub(super) tree: &'a Tree,
    /// Values of a leaf.
    pub(super) width: usize,
    /// What values are multiplied by.
    pub(super) share: f64,
    pub(super) edges: Vec<Edge>,
    pub(super) moves: Vec<Move>,
    pub(super) passes: Vec<Pass>,
    /// Most edges between the root and a leaf.
    pub(super) depth: usize,
    /// The set of each node that has one.
    pub(super) sets: Vec<Option<&'a [u32]>>,
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

/// No path of the tree has more distinct features than this.
pub(super) fn most_features(tree: &Tree, features: usize) -> usize {
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
    longest.min(features)
}

impl<'a> Edges<'a> {
    /// Lays out a tree that holds together and has covers; its values are multiplied by `share`.
    pub(super) fn new(tree: &'a Tree, width: usize, share: f64, rules: &Rules) -> Self {
        let mut sets = vec![None; tree.features.len()];
        for (node, words) in &tree.sets {
            sets[*node as usize] = Some(words.as_slice());
        }
        let mut laid_out =
            Self { tree, width, share, edges: Vec::new(), moves: Vec::new(), passes: Vec::new(), depth: 0, sets };
        if !tree.features.is_empty() {
            let (zeros, most) = laid_out.list();
            laid_out.value(&zeros, most, rules);
        }
        laid_out
    }

    /// Lists edges and moves; tells `z` after each edge and the most distinct features on a path.
    fn list(&mut self) -> (Vec<f64>, usize) {
        enum Next {
            Enter(usize, bool),
            Leave,
        }
        let tree = self.tree;
        let covers = node_covers(tree);
        let (mut zeros, mut trail, mut distinct, mut most) = (Vec::new(), Vec::<usize>::new(), 0, 0);
        let mut stack = vec![Next::Enter(0, false), Next::Enter(0, true)];
        while let Some(next) = stack.pop() {
            let Next::Enter(node, left) = next else {
                if let Some(edge) = trail.pop() {
                    distinct -= usize::from(self.edges[edge].before.is_none());
                    self.moves.push(Move::Up(edge));
                }
                continue;
            };
            let child = if left { tree.left[node] } else { tree.right[node] };
            let feature = tree.features[node] as usize;
            let before = trail.iter().rev().copied().find(|&edge| self.edges[edge].feature == feature);
            let part = if covers[node] > 0.0 { cover(tree, &covers, child) / covers[node] } else { 0.0 };
            let (edge, depth) = (self.edges.len(), trail.len() + 1);
            zeros.push(part * before.map_or(1.0, |before| zeros[before]));
            self.edges.push(Edge { feature, node, left, depth, before });
            self.depth = self.depth.max(depth);
            most = most.max(distinct + usize::from(before.is_none()));
            if child < 0 {
                self.moves.push(Move::Leaf(edge, !child as usize));
                continue;
            }
            self.moves.push(Move::Down(edge));
            trail.push(edge);
            distinct += usize::from(before.is_none());
            stack.extend([Next::Leave, Next::Enter(child as usize, false), Next::Enter(child as usize, true)]);
        }
        (zeros, most)
    }

    fn value(&mut self, zeros: &[f64], most: usize, rules: &Rules) {
        let rule = rules.exact_for(most - 1);
        let pairs: Vec<(f64, f64)> = rule.points.iter().copied().zip(rule.weights.iter().copied()).collect();
        for pairs in pairs.chunks(MOST) {
            // a point of no weight fills up to an even number
            let points = pairs.len().next_multiple_of(2);
            let at = |i: usize| pairs.get(i).copied().unwrap_or((0.5, 0.0));
            let mut pass = Pass {
                points,
                weights: (0..points).map(|i| at(i).1).collect(),
                ratios: Vec::with_capacity(self.edges.len() * STATES * points),
                shares: Vec::with_capacity(self.edges.len() * STATES * points),
            };
            for (edge, &zero) in self.edges.iter().zip(zeros) {
                let above = edge.before.map(|before| zeros[before]);
                for state in 0..STATES {
                    let one = f64::from(u8::from(state == 2));
                    let one_above = f64::from(u8::from(state > 0));
                    for i in 0..points {
                        let t = at(i).0;
                        let (factor, share) = factor_and_share(zero, one, t);
                        let (factor_above, share_above) =
                            above.map_or((1.0, 0.0), |z| factor_and_share(z, one_above, t));
                        pass.ratios.push(if factor_above > 0.0 { factor / factor_above } else { 0.0 });
                        pass.shares.push(share - share_above);
                    }
                }
            }
            self.passes.push(pass);
        }
    }
}

/// `z + t (o - z)`, and `o - z` divided by it. A path no training row takes has a factor of 0 and nothing to share.
fn factor_and_share(zero: f64, one: f64, t: f64) -> (f64, f64) {
    let factor = zero + t * (one - zero);
    (factor, if factor > 0.0 { (one - zero) / factor } else { 0.0 })
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
