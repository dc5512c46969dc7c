//! A tree on bins, fresh from growing, and the walk of rows down to its leaves.

use super::bins::{GROUP, Rows};
use super::split::{BinSet, holds};

/// Rows that walk in lockstep, so that they hide each other's latency.
const LANES: usize = 8;
/// The group of a node on a sparse column.
const SPARSE: u32 = u32::MAX;

/// An inner node of a grown tree.
#[derive(Clone, Debug)]
pub(crate) struct GrownNode {
    /// Column it splits on.
    pub(crate) column: usize,
    /// The column's group of rows; none for a sparse column.
    pub(crate) group: Option<usize>,
    /// The column's place in its group, below [`GROUP`]; of a sparse column the column itself.
    pub(crate) slot: usize,
    /// Bins that go left.
    pub(crate) left: BinSet,
    /// Last value bin that goes left when the column is a number.
    pub(crate) last: u8,
    /// How much the split lowers the loss, twice.
    pub(crate) gain: f64,
    /// Left and right: a node, or `!leaf`.
    pub(crate) children: [i32; 2],
}

/// A tree on bins.
#[derive(Clone, Debug, Default)]
pub(crate) struct GrownTree {
    /// The root first; none when the tree is one leaf.
    pub(crate) nodes: Vec<GrownNode>,
    /// The value of each leaf, in units of the score.
    pub(crate) values: Vec<f64>,
    /// How many of the rows it was grown on are in each leaf.
    pub(crate) covers: Vec<f64>,
}

/// A node to walk by; a leaf leads to itself.
#[derive(Clone, Copy)]
struct Step {
    left: BinSet,
    group: u32,
    slot: u32,
    children: [u32; 2],
}

impl GrownTree {
    /// Adds the value of its leaf to the score of each of `rows`, which are numbers of rows in `bins` and of scores.
    pub(crate) fn add(&self, bins: &Rows, rows: impl Iterator<Item = usize>, scores: &mut [f32]) {
        if self.nodes.is_empty() {
            return;
        }
        let steps = self.steps();
        let mut rows = rows.fuse();
        loop {
            let (mut taken, mut count) = ([0_usize; LANES], 0);
            for row in rows.by_ref().take(LANES) {
                taken[count] = row;
                count += 1;
            }
            // a worker may have no rows at all; otherwise lanes left over walk row 0 in vain
            if count == 0 {
                return;
            }
            let leaves = self.walk(&steps, bins, &taken);
            for (&row, leaf) in taken[..count].iter().zip(leaves) {
                scores[row] += self.values[leaf] as f32;
            }
            if count < LANES {
                return;
            }
        }
    }

    /// The nodes, then the leaves.
    fn steps(&self) -> Vec<Step> {
        let nodes = self.nodes.len();
        let place = |child: i32| if child >= 0 { child as u32 } else { (nodes + !child as usize) as u32 };
        let inner = self.nodes.iter().map(|node| Step {
            left: node.left,
            group: node.group.map_or(SPARSE, |group| group as u32),
            slot: node.slot as u32,
            children: node.children.map(place),
        });
        // a leaf looks at what the root does, in vain
        let (group, slot) =
            self.nodes.first().map_or((0, 0), |node| (node.group.map_or(SPARSE, |g| g as u32), node.slot as u32));
        let leaf = |leaf| Step { left: [0; 4], group, slot, children: [(nodes + leaf) as u32; 2] };
        inner.chain((0..self.values.len()).map(leaf)).collect()
    }

    #[inline]
    fn walk(&self, steps: &[Step], bins: &Rows, rows: &[usize; LANES]) -> [usize; LANES] {
        let nodes = self.nodes.len();
        let mut at = [0_usize; LANES];
        loop {
            let mut open = false;
            for (at, &row) in at.iter_mut().zip(rows) {
                let step = &steps[*at];
                let bin = match bins.groups.get(step.group as usize) {
                    Some(group) => group[row][step.slot as usize % GROUP],
                    None => bins.columns[step.slot as usize][row],
                };
                *at = step.children[usize::from(!holds(&step.left, bin))] as usize;
                open |= *at < nodes;
            }
            if !open {
                return at.map(|at| at - nodes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_gets_the_value_of_its_leaf() {
        let node = |slot, left: u64, children| GrownNode {
            column: slot,
            group: Some(0),
            slot,
            left: [left, 0, 0, 0],
            last: 1,
            gain: 1.0,
            children,
        };
        let nodes = vec![node(0, 0b010, [!0, 1]), node(3, 0b101, [!1, !2])];
        let tree = GrownTree { nodes, values: vec![1.0, 10.0, 100.0], covers: vec![1.0; 3] };
        let mut rows = Vec::new();
        for row in 0..21_u8 {
            let mut bins = [0; GROUP];
            (bins[0], bins[3]) = (row % 3, row / 3 % 3);
            rows.push(bins);
        }
        let expected: Vec<f32> = rows
            .iter()
            .map(|bins| {
                if bins[0] == 1 {
                    1.0
                } else if bins[3] == 1 {
                    100.0
                } else {
                    10.0
                }
            })
            .collect();
        tree.add(&Rows { groups: vec![Vec::new()], ..Rows::default() }, 0..0, &mut []);
        let rows = Rows { groups: vec![rows], ..Rows::default() };
        for count in [0, 1, 7, 8, 9, 16, 21] {
            let mut scores = vec![0.0; 21];
            tree.add(&rows, 0..count, &mut scores);
            assert_eq!(scores[..count], expected[..count]);
            assert!(scores[count..].iter().all(|&score| score == 0.0));
        }
    }
}
