//! Leaf values of losses with a kink: their gradients only say on which side of a row the score lies, so that a leaf
//! takes the quantile of its rows' residuals instead of a Newton step, as in LightGBM.

use std::ops::Range;

use rayon::prelude::*;

use super::shard::Shard;

/// Rows from which on leaves are renewed in parallel.
const WORTH_SHARING: usize = 50_000;

/// The quantile `level` of weighted values; 0 where there are none.
///
/// With weights of one it is interpolated between the two nearest values (type 7 of Hyndman and Fan 1996, as NumPy and
/// LightGBM have it), else it is the least value whose share of the weight reaches `level`, or the mean of two where one
/// reaches it exactly.
pub(crate) fn middle(values: impl Iterator<Item = (f64, f64)>, level: f64) -> f64 {
    let mut all: Vec<(f64, f64)> = values.filter(|(_, weight)| *weight > 0.0).collect();
    if all.is_empty() {
        return 0.0;
    }
    if all.iter().all(|(_, weight)| *weight == 1.0) {
        let at = (all.len() - 1) as f64 * level;
        let (place, part) = (at.floor() as usize, at - at.floor());
        let (_, &mut (low, _), above) = all.select_nth_unstable_by(place, |a, b| a.0.total_cmp(&b.0));
        let high = above.iter().map(|(value, _)| *value).fold(f64::INFINITY, f64::min);
        return if part > 0.0 { low + (high - low) * part } else { low };
    }
    // equal values in the order of their weights, so that the sum does not depend on who met them first
    all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let wanted = all.iter().map(|(_, weight)| weight).sum::<f64>() * level;
    let mut sum = 0.0;
    for (i, (value, weight)) in all.iter().enumerate() {
        sum += weight;
        if sum > wanted {
            return *value;
        }
        if sum == wanted {
            return all.get(i + 1).map_or(*value, |next| 0.5 * (value + next.0));
        }
    }
    all[all.len() - 1].0
}

/// The new value of each leaf, given as a side and a range of rows a shard.
pub(crate) fn renew(shards: &[Shard], leaves: &[(usize, &[Range<usize>])], output: usize, level: f64) -> Vec<f64> {
    let value = |(side, ranges): &(usize, &[Range<usize>])| {
        let mut residuals: Vec<(f64, f64)> = Vec::new();
        for (shard, range) in shards.iter().zip(*ranges) {
            residuals.extend(shard.residuals(output, *side, range.clone()));
        }
        middle(residuals.into_iter(), level)
    };
    let rows: usize = leaves.iter().flat_map(|leaf| leaf.1).map(ExactSizeIterator::len).sum();
    if shards.len() > 1 && rows >= WORTH_SHARING {
        leaves.par_iter().map(value).collect()
    } else {
        leaves.iter().map(value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::middle;

    #[test]
    fn quantiles_are_numpys() {
        // numpy 2.4.6: quantile([3, 1, 4, 1.5, 9], q) for q = 0.1, 0.5, 0.9
        let values = [3.0, 1.0, 4.0, 1.5, 9.0];
        let of = |level| middle(values.iter().map(|value| (*value, 1.0)), level);
        for (level, expected) in [(0.1, 1.2), (0.5, 3.0), (0.9, 7.0), (0.0, 1.0), (1.0, 9.0)] {
            assert!((of(level) - expected).abs() < 1e-12, "{level}: {}", of(level));
        }
        assert_eq!(middle(std::iter::empty(), 0.5), 0.0);
    }

    #[test]
    fn weights_count_and_rows_without_do_not() {
        let of = |weights: [f64; 4], level| middle([1.0, 2.0, 3.0, 4.0].into_iter().zip(weights), level);
        assert_eq!(of([1.0, 5.0, 0.0, 1.0], 0.5), 2.0);
        assert_eq!(of([2.0, 2.0, 2.0, 2.0], 0.5), 2.5);
        assert_eq!(of([0.0, 0.0, 1.0, 1.0], 0.1), 3.1);
        assert_eq!(of([0.0, 0.0, 0.5, 1.5], 0.9), 4.0);
    }
}
