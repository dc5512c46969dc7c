//! Growing a tree: a random feature is cut at a random value between its least and its largest, until rows are alone or
//! as deep as an ordinary row would be.

use super::{Tree, expected_depth};
use crate::{
    Matrix,
    boosting::{
        exponential::ln,
        sampling::{below, choose},
    },
    random::{stream, unit},
};

/// What every tree is grown from.
pub(super) struct Plan<'a> {
    pub(super) x: &'a Matrix,
    /// The rows that may be drawn.
    pub(super) pool: &'a [usize],
    pub(super) weights: Option<&'a [f64]>,
    /// Rows of a tree.
    pub(super) rows: usize,
    /// Features of a tree.
    pub(super) features: usize,
    pub(super) seed: u64,
}

impl Plan<'_> {
    pub(super) fn grow(&self, number: usize) -> Tree {
        let mut random = stream(self.seed, number as u64);
        let all: Vec<usize> = (0..self.x.features.len()).collect();
        let features = choose(&all, self.features, &mut random);
        let mut rows = match self.weights {
            None => choose(self.pool, self.rows, &mut random),
            // Drawn one after the other in proportion to their weights (Efraimidis and Spirakis 2006).
            Some(weights) => {
                let mut keys: Vec<(f64, usize)> =
                    self.pool.iter().map(|&row| (-ln(1.0 - unit(&mut random)) / weights[row], row)).collect();
                keys.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                keys.into_iter().take(self.rows).map(|(_, row)| row).collect()
            }
        };
        let most = usize::BITS - (self.rows.max(2) - 1).leading_zeros();
        let mut tree = Tree::default();
        let mut open = vec![(0, rows.len(), 0, None)];
        while let Some((start, end, depth, parent)) = open.pop() {
            let node = tree.rights.len();
            if let Some(parent) = parent {
                let parent: usize = parent;
                tree.rights[parent] = node as u32;
            }
            let own = &mut rows[start..end];
            let cut = if depth < most && own.len() > 1 { self.cut(&features, own, &mut random) } else { None };
            let Some((feature, threshold)) = cut else {
                tree.features.push(0);
                tree.values.push(f64::from(depth) + expected_depth(own.len()));
                tree.rights.push(0);
                continue;
            };
            tree.features.push(feature as u32);
            tree.values.push(threshold);
            tree.rights.push(0);
            let values = &self.x.features[feature].values;
            let mut left = 0;
            for place in 0..own.len() {
                if values[own[place]] <= threshold {
                    own.swap(left, place);
                    left += 1;
                }
            }
            // Taken from the end: the left child comes next.
            open.push((start + left, end, depth + 1, Some(node)));
            open.push((start, start + left, depth + 1, None));
        }
        tree
    }

    /// A feature that varies among the rows, and a value from its least up to, but not including, its largest.
    fn cut(&self, features: &[usize], rows: &[usize], random: &mut rand_chacha::ChaCha8Rng) -> Option<(usize, f64)> {
        let mut left = features.to_vec();
        while !left.is_empty() {
            let feature = left.swap_remove(below(random, left.len()));
            let values = &self.x.features[feature].values;
            let ends = rows.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &row| {
                (low.min(values[row]), high.max(values[row]))
            });
            let (low, high) = ends;
            if low < high {
                let threshold = low + unit(random) * (high - low);
                return Some((feature, if threshold < high { threshold } else { low }));
            }
        }
        None
    }
}
