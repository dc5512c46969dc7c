//! A fitted tree on raw values, as it is stored: arrays, one entry a node.

use serde::{Deserialize, Serialize};

use super::bins::{Cut, Layout};
use super::grown::GrownTree;
use super::split::holds;

/// A decision tree. A row at a node goes left when its value is at most the threshold or, at a node with a set of
/// codes, when its code is in the set; a missing value, or a code the fit never saw, goes where `missing_left` says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    /// The feature each node looks at.
    pub features: Vec<u32>,
    /// The largest value that goes left; 0 at a node with a set.
    pub thresholds: Vec<f64>,
    /// Whether missing values go left.
    pub missing_left: Vec<bool>,
    /// Left child: a node, or `-1 - leaf`.
    pub left: Vec<i32>,
    /// Right child: a node, or `-1 - leaf`.
    pub right: Vec<i32>,
    /// Sets of codes: a node, and 32 codes a word, lowest bit first.
    pub sets: Vec<(u32, Vec<u32>)>,
    /// Values of the leaves; several a leaf, leaf by leaf, where the tree has several outputs.
    pub values: Vec<f64>,
    /// Training rows in each leaf: their number or, in a forest, their weight. Empty in a tree stored before they were
    /// kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<f64>,
}

/// Where a node sends its rows, in terms of bins.
pub(crate) struct Branch<'a> {
    /// Column of the layout.
    pub(crate) column: usize,
    /// Bins that go left; bin 0 is missing.
    pub(crate) left: &'a [u64; 4],
    /// Last value bin that goes left when the column is a number.
    pub(crate) last: u8,
    /// Children: a node, or `!leaf`.
    pub(crate) children: [i32; 2],
}

impl Tree {
    /// A tree on raw values from one on bins; values are multiplied by `unit`.
    pub(crate) fn of_grown(grown: &GrownTree, layout: &Layout, unit: f64) -> Self {
        let values = grown.values.iter().map(|value| value * unit).collect();
        let mut tree = Self { values, covers: grown.covers.clone(), ..Self::default() };
        for node in &grown.nodes {
            tree.push(
                layout,
                &Branch { column: node.column, left: &node.left, last: node.last, children: node.children },
            );
        }
        tree
    }

    /// Appends a node.
    pub(crate) fn push(&mut self, layout: &Layout, branch: &Branch<'_>) {
        let column = &layout.columns[branch.column];
        let missing_left = holds(branch.left, 0);
        let threshold = match &column.cut {
            // the last bin goes left only against missing values: every number is at most the largest
            Cut::Number(bounds) => bounds.get(usize::from(branch.last) - 1).copied().unwrap_or(f64::MAX),
            Cut::Category(codes) => {
                let mut words = vec![0_u32; codes.len().div_ceil(32)];
                for (code, _) in codes.iter().enumerate().filter(|&(_, &bin)| holds(branch.left, bin)) {
                    words[code / 32] |= 1 << (code % 32);
                }
                self.sets.push((self.features.len() as u32, words));
                0.0
            }
        };
        self.features.push(column.feature as u32);
        self.thresholds.push(threshold);
        self.missing_left.push(missing_left);
        self.left.push(branch.children[0]);
        self.right.push(branch.children[1]);
    }
}
