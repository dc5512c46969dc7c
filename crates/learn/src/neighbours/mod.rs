//! The nearest rows to a row, exactly: by a k-d tree where there are few features, else by looking at all rows.
//!
//! Both give the same rows with the same bits: rows at equal distance are ordered by their number.

mod tree;

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    chunks,
    rows::{Rows, lanes, squared_distance},
};
use tree::Tree;

/// Most features for which a tree is faster than looking at all rows.
const MOST_TREE_FEATURES: usize = 16;
/// Least rows for which a tree is worth building.
const LEAST_TREE_ROWS: usize = 256;
/// Rows asked for at once; fixed, though no result depends on it.
const CHUNK: usize = 64;
/// Known rows looked at while they are in the cache.
const BLOCK: usize = 256;

/// How far rows are from each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Distance {
    /// The straight line.
    #[default]
    Euclidean,
    /// The sum of the absolute differences; one wild feature weighs less.
    Manhattan,
}

impl Distance {
    /// Grows with the distance: its square for the straight line.
    fn measure(self, a: &[f64], b: &[f64]) -> f64 {
        match self {
            Self::Euclidean => squared_distance(a, b),
            Self::Manhattan => lanes(a, b, |a, b| (a - b).abs()),
        }
    }

    fn finish(self, measure: f64) -> f64 {
        match self {
            Self::Euclidean => measure.sqrt(),
            Self::Manhattan => measure,
        }
    }
}

/// A near row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Near {
    /// Its distance.
    pub(crate) distance: f64,
    /// Its number.
    pub(crate) row: usize,
}

/// The nearest rows found so far, nearest first.
struct Nearest {
    most: usize,
    found: Vec<(f64, u32)>,
}

impl Nearest {
    fn worst(&self) -> f64 {
        if self.found.len() < self.most { f64::INFINITY } else { self.found[self.most - 1].0 }
    }

    fn offer(&mut self, measure: f64, row: u32) {
        // NaN is near to nothing.
        if measure.is_nan() || measure > self.worst() {
            return;
        }
        let place = self.found.partition_point(|&(known, at)| (known, at) < (measure, row));
        if place < self.most {
            self.found.truncate(self.most - 1);
            self.found.insert(place, (measure, row));
        }
    }
}

/// Rows prepared for many questions.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    tree: Option<Tree>,
}

impl Index {
    /// Prepares `rows`.
    pub(crate) fn new(rows: &Rows) -> Self {
        let tree = (rows.width <= MOST_TREE_FEATURES && rows.count() >= LEAST_TREE_ROWS).then(|| Tree::new(rows));
        Self { tree }
    }

    /// What `answer` makes of the (at most) `most` rows of `known` nearest to each row of `asked`, nearest first. A row
    /// with a missing number is near to nothing.
    pub(crate) fn nearest<T: Send>(
        &self,
        known: &Rows,
        asked: &Rows,
        most: usize,
        distance: Distance,
        answer: impl Fn(usize, &[Near]) -> T + Sync,
    ) -> Vec<T> {
        let chunk = |range: Range<usize>| {
            let mut bests: Vec<Nearest> =
                range.clone().map(|_| Nearest { most, found: Vec::with_capacity(most + 1) }).collect();
            match &self.tree {
                Some(tree) => bests
                    .iter_mut()
                    .zip(range.clone())
                    .for_each(|(best, row)| tree.search(known, asked.row(row), distance, best)),
                None => {
                    for start in (0..known.count()).step_by(BLOCK) {
                        let block = start..(start + BLOCK).min(known.count());
                        for (best, row) in bests.iter_mut().zip(range.clone()) {
                            let asked = asked.row(row);
                            for other in block.clone() {
                                best.offer(distance.measure(asked, known.row(other)), other as u32);
                            }
                        }
                    }
                }
            }
            let mut near = Vec::with_capacity(most);
            let answers = bests.iter().zip(range).map(|(best, row)| {
                near.clear();
                let finished =
                    |&(measure, row): &(f64, u32)| Near { distance: distance.finish(measure), row: row as usize };
                near.extend(best.found.iter().map(finished));
                answer(row, &near)
            });
            answers.collect::<Vec<T>>()
        };
        chunks::map(asked.count(), CHUNK, chunk).into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: usize, width: usize) -> Rows {
        // A coarse grid: many rows at equal distances.
        Rows { width, values: (0..count * width).map(|i| ((i * i * 7 + i * 31) % 23) as f64 / 4.0).collect() }
    }

    fn by_hand(known: &Rows, asked: &[f64], most: usize, distance: Distance) -> Vec<Near> {
        let mut all: Vec<(f64, usize)> =
            (0..known.count()).map(|row| (distance.measure(asked, known.row(row)), row)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        all.iter().take(most).map(|&(measure, row)| Near { distance: distance.finish(measure), row }).collect()
    }

    #[test]
    fn tree_and_blocks_find_what_sorting_finds() {
        for (count, width) in [(1000, 1), (1000, 3), (700, 7), (600, 20), (10, 2)] {
            let known = rows(count, width);
            let asked = Rows { width, values: rows(50, width).values.iter().map(|value| value * 1.3 - 0.4).collect() };
            let index = Index::new(&known);
            assert_eq!(index.tree.is_some(), count >= 256 && width <= 16);
            for distance in [Distance::Euclidean, Distance::Manhattan] {
                for most in [1, 5, 40] {
                    let found = index.nearest(&known, &asked, most, distance, |_, near| near.to_vec());
                    for (row, found) in found.iter().enumerate() {
                        assert_eq!(*found, by_hand(&known, asked.row(row), most, distance));
                    }
                }
            }
        }
    }

    #[test]
    fn equal_rows_and_missing_numbers_do_no_harm() {
        let known = Rows { width: 2, values: vec![1.0; 2000] };
        let index = Index::new(&known);
        let asked = Rows { width: 2, values: vec![1.0, 1.0, f64::NAN, 0.0] };
        let found = index.nearest(&known, &asked, 3, Distance::Euclidean, |_, near| near.to_vec());
        assert_eq!(found[0].iter().map(|near| near.row).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(found[1].is_empty());
    }
}
