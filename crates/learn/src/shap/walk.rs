//! What the features of a laid out tree contribute to a block of rows: down its edges and up again, all rows at each.

use super::edges::{Edge, Edges, MOST, Move, Pass, STATES};
use crate::Matrix;
use crate::boosting::level;

/// Rows explained together: their answers at a node are the bits of one word.
pub(super) const BLOCK: usize = 32;
/// A contribution is summed in so many lanes.
pub(super) const LANES: usize = 2;

/// A contribution while trees are still added to it.
pub(super) type Sum = [f64; LANES];

/// Room to work in, kept from tree to tree.
#[derive(Default)]
pub(super) struct Room {
    /// The rows that go left, node by node.
    lefts: Vec<u32>,
    /// The rows on the path of an edge's feature up to the edge, edge by edge.
    follows: Vec<u32>,
    /// Products at the points, `BLOCK` rows a depth.
    products: Vec<f64>,
    /// Sums of the products of the leaves below, `BLOCK` rows a depth.
    sums: Vec<f64>,
}

impl Edges<'_> {
    /// Adds the contributions to the rows of `x` from `from` on to `sums`, `BLOCK` for each of `outputs` of a feature,
    /// from output `first` on.
    pub(super) fn add(
        &self,
        x: &Matrix,
        rows: std::ops::Range<usize>,
        (first, outputs): (usize, usize),
        sums: &mut [[Sum; BLOCK]],
        room: &mut Room,
    ) {
        let count = rows.len();
        let lefts = (0..self.tree.features.len()).map(|node| self.lefts(node, x, rows.clone()));
        room.lefts.clear();
        room.lefts.extend(lefts);
        room.follows.clear();
        for edge in &self.edges {
            let here = if edge.left { room.lefts[edge.node] } else { !room.lefts[edge.node] };
            room.follows.push(here & edge.before.map_or(u32::MAX, |before| room.follows[before]));
        }
        let most = (self.depth + 1) * BLOCK * MOST;
        if room.products.len() < most {
            room.products.resize(most, 0.0);
            room.sums.resize(most, 0.0);
        }
        for pass in &self.passes {
            for output in 0..self.width {
                let place = (first + output, outputs);
                match pass.points {
                    2 => self.carry::<2>(pass, count, output, place, sums, room),
                    4 => self.carry::<4>(pass, count, output, place, sums, room),
                    6 => self.carry::<6>(pass, count, output, place, sums, room),
                    _ => self.carry::<MOST>(pass, count, output, place, sums, room),
                }
            }
        }
    }

    fn carry<const POINTS: usize>(
        &self,
        pass: &Pass,
        rows: usize,
        output: usize,
        (first, outputs): (usize, usize),
        sums: &mut [[Sum; BLOCK]],
        room: &mut Room,
    ) {
        let (ratios, shares) = (states::<POINTS>(&pass.ratios), states::<POINTS>(&pass.shares));
        let (follows, products, below) = (&room.follows, blocks(&mut room.products), blocks(&mut room.sums));
        let rows = rows.min(BLOCK);
        let mut weights = [0.0; POINTS];
        weights.copy_from_slice(&pass.weights);
        products[0] = [weights; BLOCK];
        let states_of = |edge: &Edge, at: usize| (edge.before.map_or(u32::MAX, |before| follows[before]), follows[at]);
        for step in &self.moves {
            match *step {
                Move::Down(at) => {
                    let edge = &self.edges[at];
                    let (bits, ratios) = (states_of(edge, at), &ratios[at]);
                    let (above, here) = products.split_at_mut(edge.depth);
                    let (above, here) = (&above[edge.depth - 1], &mut here[0]);
                    for row in 0..rows {
                        let ratio = &ratios[state(bits, row)];
                        for i in 0..POINTS {
                            here[row][i] = above[row][i] * ratio[i];
                        }
                    }
                    below[edge.depth] = [[0.0; POINTS]; BLOCK];
                }
                Move::Leaf(at, leaf) => {
                    let edge = &self.edges[at];
                    let (bits, ratios, shares) = (states_of(edge, at), &ratios[at], &shares[at]);
                    let value = self.tree.values[leaf * self.width + output] * self.share;
                    let (above, into) = (&products[edge.depth - 1], &mut below[edge.depth - 1]);
                    let sums = &mut sums[edge.feature * outputs + first];
                    for row in 0..rows {
                        let state = state(bits, row);
                        let (ratio, share) = (&ratios[state], &shares[state]);
                        let mut sum = sums[row];
                        for i in 0..POINTS {
                            let product = above[row][i] * ratio[i] * value;
                            into[row][i] += product;
                            sum[i % LANES] += product * share[i];
                        }
                        sums[row] = sum;
                    }
                }
                Move::Up(at) => {
                    let edge = &self.edges[at];
                    let (bits, shares) = (states_of(edge, at), &shares[at]);
                    let (above, here) = below.split_at_mut(edge.depth);
                    let (above, here) = (&mut above[edge.depth - 1], &here[0]);
                    let sums = &mut sums[edge.feature * outputs + first];
                    for row in 0..rows {
                        let share = &shares[state(bits, row)];
                        let mut sum = sums[row];
                        for i in 0..POINTS {
                            above[row][i] += here[row][i];
                            sum[i % LANES] += here[row][i] * share[i];
                        }
                        sums[row] = sum;
                    }
                }
            }
        }
    }

    /// Which of the rows go left at `node`, a bit a row.
    fn lefts(&self, node: usize, x: &Matrix, rows: std::ops::Range<usize>) -> u32 {
        let (threshold, missing_left) = (self.tree.thresholds[node], self.tree.missing_left[node]);
        let values = &x.features[self.tree.features[node] as usize].values[rows];
        // infinities count as the largest numbers, as in the walk of a prediction
        let threshold = if threshold == f64::MAX { f64::INFINITY } else { threshold };
        match self.sets[node] {
            None if missing_left => bits(values, |value| value <= threshold || value.is_nan()),
            None => bits(values, |value| value <= threshold),
            Some(words) => bits(values, |value| match level(value.clamp(f64::MIN, f64::MAX), words.len() * 32) {
                Some(code) => words[code / 32] >> (code % 32) & 1 == 1,
                None => missing_left,
            }),
        }
    }
}

/// A bit a value, the first the lowest.
#[inline(always)]
fn bits(values: &[f64], is_set: impl Fn(f64) -> bool) -> u32 {
    let mut bits = 0;
    for (row, &value) in values.iter().enumerate() {
        bits |= u32::from(is_set(value)) << row;
    }
    bits
}

/// The numbers as points, state by state, edge by edge.
fn states<const POINTS: usize>(numbers: &[f64]) -> &[[[f64; POINTS]; STATES]] {
    numbers.as_chunks().0.as_chunks().0
}

/// The numbers as points, row by row, `BLOCK` rows a depth.
fn blocks<const POINTS: usize>(numbers: &mut [f64]) -> &mut [[[f64; POINTS]; BLOCK]] {
    numbers.as_chunks_mut().0.as_chunks_mut().0
}

/// The state of a row at an edge, from the bits of the edge before and its own, which are among them.
#[inline(always)]
fn state((before, here): (u32, u32), row: usize) -> usize {
    ((before >> row & 1) + (here >> row & 1)) as usize
}
