//! Fewer leaves.
//!
//! Two leaves of one parent become one at the mean of their values, weighted by their training rows. What that costs is
//! by how much the predictions of the training rows move, squared and summed: `a b / (a + b) (u - v)^2` for values u and
//! v of a and b rows, which adds up exactly when more and more leaves become one. The cheapest pair of all trees goes
//! first (cost-complexity pruning, Breiman et al. 1984, with what the whole model says in place of the target).

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{Smaller, kept};
use crate::{
    FittedModel,
    boosting::{Tree, holds_together},
};

pub(super) fn fewer(model: &FittedModel) -> Vec<Smaller> {
    let (trees, width) = match model {
        FittedModel::GradientBoosting(model) => (&model.trees, 1),
        FittedModel::Forest(model) => (&model.trees, if model.classes > 2 { model.classes } else { 1 }),
        _ => return Vec::new(),
    };
    if !trees.iter().all(|tree| holds_together(tree, width)) {
        return Vec::new();
    }
    let leaves = |tree: &Tree| tree.values.len() / width;
    let all: usize = trees.iter().map(leaves).sum();
    let mut pruning = Pruning::new(trees, width);
    let with = |trees: Vec<Tree>| match model {
        FittedModel::GradientBoosting(model) => {
            FittedModel::GradientBoosting(model.with_trees(model.base.clone(), trees))
        }
        FittedModel::Forest(model) => FittedModel::Forest(model.with_trees(trees)),
        other => other.clone(),
    };
    let mut found = Vec::new();
    let mut left = all;
    for kept in kept(all) {
        while left > kept && pruning.step() {
            left -= 1;
        }
        if left > kept {
            break;
        }
        found.push(Smaller { what: format!("{left} of {all} leaves"), model: with(pruning.trees()) });
    }
    found
}

/// A cost that orders as numbers do.
#[derive(PartialEq)]
struct Cost(f64);

impl Eq for Cost {}

impl PartialOrd for Cost {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Cost {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// What a place of a tree has merged: nothing yet, or a leaf.
#[derive(Clone)]
struct Leaf {
    values: Vec<f64>,
    rows: f64,
}

struct Pruning<'a> {
    trees: &'a [Tree],
    width: usize,
    /// By tree and node, the leaf that it has become, if any.
    merged: Vec<Vec<Option<Leaf>>>,
    /// By tree and node, its parent.
    parents: Vec<Vec<Option<usize>>>,
    queue: BinaryHeap<Reverse<(Cost, usize, usize)>>,
}

impl<'a> Pruning<'a> {
    fn new(trees: &'a [Tree], width: usize) -> Self {
        let parents = |tree: &Tree| {
            let mut parents = vec![None; tree.features.len()];
            for node in 0..tree.features.len() {
                for child in [tree.left[node], tree.right[node]] {
                    if child >= 0 {
                        parents[child as usize] = Some(node);
                    }
                }
            }
            parents
        };
        let mut pruning = Self {
            trees,
            width,
            merged: trees.iter().map(|tree| vec![None; tree.features.len()]).collect(),
            parents: trees.iter().map(parents).collect(),
            queue: BinaryHeap::new(),
        };
        for (tree, of) in trees.iter().enumerate() {
            (0..of.features.len()).for_each(|node| pruning.offer(tree, node));
        }
        pruning
    }

    /// The leaf at a child, if it is one by now.
    fn leaf(&self, tree: usize, child: i32) -> Option<Leaf> {
        if child >= 0 {
            return self.merged[tree][child as usize].clone();
        }
        let (of, leaf) = (&self.trees[tree], !child as usize);
        // A tree stored before rows were counted: all leaves alike.
        let rows = of.covers.get(leaf).copied().unwrap_or(1.0);
        Some(Leaf { values: of.values[leaf * self.width..(leaf + 1) * self.width].to_vec(), rows })
    }

    fn pair(&self, tree: usize, node: usize) -> Option<(Leaf, Leaf)> {
        let of = &self.trees[tree];
        self.leaf(tree, of.left[node]).zip(self.leaf(tree, of.right[node]))
    }

    /// Queues a node whose children are both leaves.
    fn offer(&mut self, tree: usize, node: usize) {
        let Some((a, b)) = self.pair(tree, node) else { return };
        let apart: f64 = a.values.iter().zip(&b.values).map(|(a, b)| (a - b) * (a - b)).sum();
        let rows = a.rows + b.rows;
        let cost = if rows > 0.0 { a.rows * b.rows / rows * apart } else { 0.0 };
        self.queue.push(Reverse((Cost(cost), tree, node)));
    }

    /// Makes one leaf of the cheapest pair; false when there is none left.
    fn step(&mut self) -> bool {
        let Some(Reverse((_, tree, node))) = self.queue.pop() else { return false };
        let Some((a, b)) = self.pair(tree, node) else { return false };
        let rows = a.rows + b.rows;
        let mean = |(a_value, b_value): (&f64, &f64)| {
            if rows > 0.0 { (a.rows * a_value + b.rows * b_value) / rows } else { (a_value + b_value) / 2.0 }
        };
        let values = a.values.iter().zip(&b.values).map(mean).collect();
        self.merged[tree][node] = Some(Leaf { values, rows });
        if let Some(parent) = self.parents[tree][node] {
            self.offer(tree, parent);
        }
        true
    }

    /// The trees as they are by now.
    fn trees(&self) -> Vec<Tree> {
        (0..self.trees.len()).map(|tree| self.tree(tree)).collect()
    }

    fn tree(&self, place: usize) -> Tree {
        let of = &self.trees[place];
        let mut tree = Tree::default();
        let counted = !of.covers.is_empty();
        let push_leaf = |tree: &mut Tree, leaf: Leaf| {
            tree.values.extend(leaf.values);
            if counted {
                tree.covers.push(leaf.rows);
            }
            !((tree.values.len() / self.width - 1) as i32)
        };
        let root = if of.features.is_empty() { !0 } else { 0 };
        if let Some(leaf) = self.leaf(place, root) {
            push_leaf(&mut tree, leaf);
            return tree;
        }
        // A node of the whole tree, and where its place here is to be written: a parent and a side.
        let mut open: Vec<(usize, Option<(usize, bool)>)> = vec![(root as usize, None)];
        while let Some((node, parent)) = open.pop() {
            let at = tree.features.len();
            tree.features.push(of.features[node]);
            tree.thresholds.push(of.thresholds[node]);
            tree.missing_left.push(of.missing_left[node]);
            tree.left.push(0);
            tree.right.push(0);
            tree.sets.extend(
                of.sets.iter().filter(|(own, _)| *own as usize == node).map(|(_, set)| (at as u32, set.clone())),
            );
            if let Some((parent, left)) = parent {
                let side = if left { &mut tree.left } else { &mut tree.right };
                side[parent] = at as i32;
            }
            for (child, left) in [(of.right[node], false), (of.left[node], true)] {
                match self.leaf(place, child) {
                    Some(leaf) => {
                        let leaf = push_leaf(&mut tree, leaf);
                        if left { tree.left[at] = leaf } else { tree.right[at] = leaf }
                    }
                    None => open.push((child as usize, Some((at, left)))),
                }
            }
        }
        tree
    }
}
