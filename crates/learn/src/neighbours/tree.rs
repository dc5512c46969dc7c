//! A k-d tree with the bounding box of each node (Friedman, Bentley and Finkel 1977).

use super::{Distance, Nearest};
use crate::rows::Rows;

/// Rows of a leaf.
const LEAF: usize = 24;

/// Nodes in the order of a walk from the left: a node's left child follows it.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    /// The lower corner, then the upper corner, of each node.
    boxes: Vec<f64>,
    /// The rows, leaf by leaf.
    order: Vec<u32>,
}

#[derive(Clone, Debug)]
struct Node {
    /// Its rows in `order`.
    start: usize,
    end: usize,
    /// The right child; 0 for a leaf.
    right: usize,
}

impl Tree {
    pub(super) fn new(rows: &Rows) -> Self {
        let count = rows.count();
        let mut tree = Self { nodes: Vec::new(), boxes: Vec::new(), order: (0..count as u32).collect() };
        let mut open = vec![(0, count, None)];
        while let Some((start, end, parent)) = open.pop() {
            let node = tree.nodes.len();
            if let Some(parent) = parent {
                let parent: &mut Node = &mut tree.nodes[parent];
                parent.right = node;
            }
            let (low, high) = bounds(rows, &tree.order[start..end]);
            let widest =
                (0..rows.width).fold(0, |best, at| if high[at] - low[at] > high[best] - low[best] { at } else { best });
            let leaf = end - start <= LEAF || high[widest] <= low[widest];
            tree.boxes.extend(low);
            tree.boxes.extend(high);
            tree.nodes.push(Node { start, end, right: 0 });
            if leaf {
                tree.order[start..end].sort_unstable();
                continue;
            }
            let middle = (end - start) / 2;
            let value = |row: &u32| rows.values[*row as usize * rows.width + widest];
            tree.order[start..end].select_nth_unstable_by(middle, |a, b| value(a).total_cmp(&value(b)).then(a.cmp(b)));
            // Taken from the end: the left child comes next.
            open.push((start + middle, end, Some(node)));
            open.push((start, start + middle, None));
        }
        tree
    }

    pub(super) fn search(&self, rows: &Rows, asked: &[f64], distance: Distance, best: &mut Nearest) {
        let mut nearest_corner = vec![0.0; rows.width];
        // The same operations on numbers that are no further apart: rounded, too, it is never more than the measure of
        // any row in the box.
        let mut least = |node: usize| {
            let (low, high) = self.boxes[node * 2 * rows.width..(node + 1) * 2 * rows.width].split_at(rows.width);
            for ((into, asked), (low, high)) in nearest_corner.iter_mut().zip(asked).zip(low.iter().zip(high)) {
                *into = asked.max(*low).min(*high);
            }
            distance.measure(asked, &nearest_corner)
        };
        let mut open = vec![(least(0), 0)];
        while let Some((bound, node)) = open.pop() {
            // Also NaN: a row with a missing number is near to nothing.
            if bound.is_nan() || bound > best.worst() {
                continue;
            }
            let Node { start, end, right } = self.nodes[node];
            if right == 0 {
                for &row in &self.order[start..end] {
                    best.offer(distance.measure(asked, rows.row(row as usize)), row);
                }
                continue;
            }
            let children = [(least(node + 1), node + 1), (least(right), right)];
            let nearer = usize::from(children[1].0 < children[0].0);
            open.push(children[1 - nearer]);
            open.push(children[nearer]);
        }
    }
}

fn bounds(rows: &Rows, of: &[u32]) -> (Vec<f64>, Vec<f64>) {
    let (mut low, mut high) = (vec![f64::INFINITY; rows.width], vec![f64::NEG_INFINITY; rows.width]);
    for &row in of {
        for (at, &value) in rows.row(row as usize).iter().enumerate() {
            low[at] = low[at].min(value);
            high[at] = high[at].max(value);
        }
    }
    (low, high)
}
