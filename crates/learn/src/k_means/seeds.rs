//! Centres to start from: each is a row drawn in proportion to its squared distance from the centres before it, the best
//! of a few draws (greedy k-means++, with scikit-learn's number of draws).

use rand_chacha::ChaCha8Rng;

use super::lloyd::CHUNK;
use crate::{
    LearnError, chunks,
    random::place,
    rows::{Rows, squared_distance},
};

/// `count` rows, far from each other.
///
/// # Errors
/// `too-few-rows` where there are fewer distinct rows with weight.
pub(crate) fn seeds(rows: &Rows, weights: &[f64], count: usize, random: &mut ChaCha8Rng) -> Result<Rows, LearnError> {
    let draws = 2 + (count as f64).ln() as usize;
    let mut chosen = Vec::with_capacity(count);
    // Each row's weight times its squared distance to the nearest centre; at first its weight alone.
    let mut potential = weights.to_vec();
    while chosen.len() < count {
        let total: f64 = potential.iter().sum();
        if total <= 0.0 {
            return Err(LearnError {
                code: "too-few-rows",
                message: format!("`clusters` is {count}, but only {} training rows differ", chosen.len()),
                help: Some("ask fewer clusters, or train on more rows".to_owned()),
                field: Some("clusters"),
            });
        }
        let tries = if chosen.is_empty() { 1 } else { draws };
        let mut best: Option<(f64, usize, Vec<f64>)> = None;
        for _ in 0..tries {
            let candidate = place(&potential, total, random);
            let after = chunks::map(weights.len(), CHUNK, |range| {
                let left = |row: usize| {
                    let distance = weights[row] * squared_distance(rows.row(row), rows.row(candidate));
                    if chosen.is_empty() { distance } else { distance.min(potential[row]) }
                };
                range.map(left).collect::<Vec<f64>>()
            })
            .concat();
            let left: f64 = after.iter().sum();
            if best.as_ref().is_none_or(|best| left < best.0) {
                best = Some((left, candidate, after));
            }
        }
        if let Some((_, candidate, after)) = best {
            chosen.push(candidate);
            potential = after;
        }
    }
    Ok(rows.take(&chosen))
}
