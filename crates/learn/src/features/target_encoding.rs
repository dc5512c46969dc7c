//! The mean of the target by level, drawn towards the mean of all (Micci-Barreca, SIGKDD Explorations 2001, 3(1),
//! equations 4 to 6), as scikit-learn's `TargetEncoder` computes it.

use std::collections::HashMap;

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::features::{Goal, Smoothing};

/// One number a level.
pub(super) struct Encoding {
    pub(super) values: Vec<f64>,
    /// The mean of all rows.
    pub(super) unseen: f64,
}

/// The encoding learned from rows whose levels are `codes` (below `levels`) and targets `y`. A level without rows has the
/// mean of all.
pub(super) fn encode(codes: &[usize], y: &[f64], levels: usize, smoothing: Smoothing) -> Encoding {
    let all: Vec<usize> = (0..y.len()).collect();
    of_rows(codes, y, levels, smoothing, &all)
}

fn of_rows(codes: &[usize], y: &[f64], levels: usize, smoothing: Smoothing, rows: &[usize]) -> Encoding {
    let total = rows.len() as f64;
    let mean = rows.iter().map(|&row| y[row]).sum::<f64>() / total;
    let mut counts = vec![0.0; levels];
    let mut sums = vec![0.0; levels];
    for &row in rows {
        counts[codes[row]] += 1.0;
        sums[codes[row]] += y[row];
    }
    let values = match smoothing {
        Smoothing::Rows(rows) => sums
            .iter()
            .zip(&counts)
            .map(|(sum, count)| if count + rows > 0.0 { (sum + rows * mean) / (count + rows) } else { mean })
            .collect(),
        Smoothing::Auto(_) => {
            let variance = rows.iter().map(|&row| (y[row] - mean).powi(2)).sum::<f64>() / total;
            let mut squares = vec![0.0; levels];
            for &row in rows {
                let code = codes[row];
                squares[code] += (y[row] - sums[code] / counts[code]).powi(2);
            }
            (0..levels)
                .map(|level| {
                    let count = counts[level];
                    let own = variance * count / (variance * count + squares[level] / count);
                    // No row of the level, or a target that never changes.
                    if own.is_nan() { mean } else { own * (sums[level] / count) + (1.0 - own) * mean }
                })
                .collect()
        }
    };
    Encoding { values, unseen: mean }
}

/// Which fold each row is in: random, and each class spread evenly. A row that is there more than once, as in a
/// bootstrap, is in one fold only: its copy would give its target away.
pub(super) fn folds(goal: &Goal<'_>, most: usize, rows: Option<&[usize]>) -> Vec<usize> {
    let mut first: HashMap<usize, usize> = HashMap::new();
    let own: Vec<usize> =
        (0..goal.y.len()).map(|at| rows.map_or(at, |rows| *first.entry(rows[at]).or_insert(at))).collect();
    let mut rows: Vec<usize> = (0..goal.y.len()).filter(|&at| own[at] == at).collect();
    let count = most.min(rows.len()).max(1);
    rows.shuffle(&mut ChaCha8Rng::seed_from_u64(goal.seed));
    if goal.classes > 0 {
        // Stable: each class keeps the shuffled order.
        rows.sort_by(|&a, &b| goal.y[a].total_cmp(&goal.y[b]));
    }
    let mut folds = vec![0; goal.y.len()];
    for (turn, row) in rows.into_iter().enumerate() {
        folds[row] = turn % count;
    }
    own.into_iter().map(|at| folds[at]).collect()
}

/// Each row's number, learned from the rows of the other folds; the mean of all where there is only one fold.
pub(super) fn cross_fit(codes: &[usize], y: &[f64], levels: usize, smoothing: Smoothing, folds: &[usize]) -> Vec<f64> {
    let count = folds.iter().max().map_or(0, |last| last + 1);
    let mut values = vec![0.0; y.len()];
    for fold in 0..count {
        let others: Vec<usize> = (0..y.len()).filter(|&row| folds[row] != fold).collect();
        let learned = if others.is_empty() {
            Encoding { values: vec![y.iter().sum::<f64>() / y.len() as f64; levels], unseen: 0.0 }
        } else {
            of_rows(codes, y, levels, smoothing, &others)
        };
        for row in (0..y.len()).filter(|&row| folds[row] == fold) {
            values[row] = learned.values[codes[row]];
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_are_even_by_class_and_copies_of_a_row_stay_together() {
        let y: Vec<f64> = (0..40).map(|row| f64::from(u8::from(row % 4 == 0))).collect();
        let goal = Goal { y: &y, classes: 2, seed: 7 };
        let own = folds(&goal, 5, None);
        for fold in 0..5 {
            let of = |class: f64| own.iter().zip(&y).filter(|(at, y)| **at == fold && **y == class).count();
            assert_eq!((of(0.0), of(1.0)), (6, 2));
        }
        let rows: Vec<usize> = (0..40).map(|row| row % 13 * 4 % 13).collect();
        let copied = folds(&goal, 5, Some(&rows));
        assert!((0..40).all(|at| copied[at] == copied[at % 13]));
        assert_eq!(copied.iter().max(), Some(&4));
        assert_eq!(folds(&Goal { y: &[1.0], classes: 0, seed: 7 }, 5, None), [0]);
    }
}
