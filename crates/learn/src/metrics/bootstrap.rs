//! Bootstrap samples of a statistic, and the intervals made of them.
//!
//! Every sample draws from its own stream of the seed and every sum is taken in one order, so the result does not
//! depend on the threads. How a sample is drawn depends on what the statistic needs: multinomial counts of a few kinds
//! of rows, sums looked up eight rows at a time, or a weight a row.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal};

use super::{
    binomial::multinomial,
    jackknife,
    scored::View,
    statistic::Statistic,
    subset_sums,
    weights::{self, TwoValued, Weights as _},
};
use crate::features::numbers::quantile;

/// Numbers kept of groups' sums at most; beyond that each row is weighted by itself.
const MOST_SUMS: usize = 4_000_000;

/// The statistic in each of `samples` bootstrap samples; NaN where it is undefined. Every sample draws as many rows as
/// there are, or as many groups, with replacement.
pub(super) fn replicates(statistic: &Statistic, view: &View<'_>, samples: usize, seed: u64) -> Vec<f64> {
    let rows = view.rows();
    let stream = |sample: usize| {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(sample as u64);
        random
    };
    match (&view.groups, statistic, statistic.length()) {
        (Some((_, count)), _, Some(length)) if count * length <= MOST_SUMS => {
            let sums = jackknife::sums_by_group(statistic, view, *count, length);
            let one = |sample: usize| {
                let counts = draw(&mut stream(sample), *count);
                let mut total = vec![0.0; length];
                for (group, &drawn) in sums.chunks_exact(length).zip(&counts).filter(|(_, drawn)| **drawn > 0) {
                    total.iter_mut().zip(group).for_each(|(total, sum)| *total += f64::from(drawn) * sum);
                }
                statistic.of_sums(&total)
            };
            (0..samples).into_par_iter().map(one).collect()
        }
        (Some((groups, count)), ..) => {
            let one = |sample: usize| {
                let counts = draw(&mut stream(sample), *count);
                let weight = |row: usize| f64::from(counts[groups[row] as usize]) * view.weight(row);
                statistic.of_weights(&(0..rows).map(weight).collect::<Vec<f64>>())
            };
            (0..samples).into_par_iter().map(one).collect()
        }
        (None, Statistic::Counts { kinds, .. }, _) if view.weights.is_none() => {
            let mut counts = vec![0.0; *kinds];
            (0..rows).for_each(|row| statistic.add(row, 1.0, &mut counts));
            let one = |sample: usize| {
                let mut drawn = vec![0.0; *kinds];
                multinomial(&mut stream(sample), rows as u64, &counts, &mut drawn);
                statistic.of_sums(&drawn)
            };
            (0..samples).into_par_iter().map(one).collect()
        }
        (None, _, Some(length)) if rows >= weights::MANY && length <= subset_sums::MOST => {
            subset_sums::replicates(statistic, view, length, samples, seed)
        }
        (None, ..) if rows >= weights::MANY => {
            let own = |place: usize| view.weight(statistic.row(place));
            let own: Option<&(dyn Fn(usize) -> f64 + Sync)> = if view.weights.is_some() { Some(&own) } else { None };
            let one = |sample: usize| statistic.of_stream(&mut TwoValued::new(stream(sample), rows, own));
            (0..samples).into_par_iter().map(one).collect()
        }
        (None, ..) => {
            let one = |sample: usize| statistic.of_weights(&sample_weights(&mut stream(sample), view));
            (0..samples).into_par_iter().map(one).collect()
        }
    }
}

/// The difference of two statistics in each of `samples` bootstrap samples, the same rows drawn for both.
pub(super) fn paired(one: &Statistic, other: &Statistic, view: &View<'_>, samples: usize, seed: u64) -> Vec<f64> {
    let difference = |sample: usize| {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(sample as u64);
        let weights = sample_weights(&mut random, view);
        one.of_weights(&weights) - other.of_weights(&weights)
    };
    (0..samples).into_par_iter().map(difference).collect()
}

/// One weight a row of a bootstrap sample.
fn sample_weights(random: &mut ChaCha8Rng, view: &View<'_>) -> Vec<f64> {
    let rows = view.rows();
    if let Some((groups, count)) = &view.groups {
        let counts = draw(random, *count);
        return (0..rows).map(|row| f64::from(counts[groups[row] as usize]) * view.weight(row)).collect();
    }
    if rows >= weights::MANY {
        let own = |row: usize| view.weight(row);
        let own: Option<&(dyn Fn(usize) -> f64 + Sync)> = if view.weights.is_some() { Some(&own) } else { None };
        return TwoValued::new(random.clone(), rows, own).all();
    }
    let counts = draw(random, rows);
    counts.into_iter().enumerate().map(|(row, count)| f64::from(count) * view.weight(row)).collect()
}

/// How often each of `count` units comes up in `count` draws.
fn draw(random: &mut ChaCha8Rng, count: usize) -> Vec<u32> {
    let mut counts = vec![0; count];
    for _ in 0..count {
        // The high half of the product is uniform to one part in 2^32 / count, far below the sampling error.
        let unit = (u64::from(random.next_u32()) * count as u64) >> 32;
        counts[unit as usize] += 1;
    }
    counts
}

/// The bias-corrected and accelerated interval (Efron 1987) of replicates of a statistic of that value; none where
/// fewer than half of the replicates are finite.
pub(super) fn accelerated(replicates: &[f64], value: f64, acceleration: f64, level: f64) -> Option<(f64, f64)> {
    let mut drawn: Vec<f64> = replicates.iter().copied().filter(|value| value.is_finite()).collect();
    if drawn.is_empty() || drawn.len() * 2 < replicates.len() {
        return None;
    }
    drawn.sort_unstable_by(f64::total_cmp);
    let below = drawn.partition_point(|drawn| *drawn < value);
    let equal = drawn.partition_point(|drawn| *drawn <= value) - below;
    let share = (below as f64 + 0.5 * equal as f64) / drawn.len() as f64;
    let tail = (1.0 - level) / 2.0;
    if share <= 0.0 || share >= 1.0 {
        return Some((quantile(&drawn, tail), quantile(&drawn, 1.0 - tail)));
    }
    let normal = Normal::standard();
    let bias = normal.inverse_cdf(share);
    let end = |tail: f64| {
        let reach = bias + normal.inverse_cdf(tail);
        let corrected = bias + reach / (1.0 - acceleration * reach);
        let tail = if corrected.is_finite() { normal.cdf(corrected) } else { tail };
        quantile(&drawn, tail.clamp(0.0, 1.0))
    };
    let (low, high) = (end(tail), end(1.0 - tail));
    Some((low.min(high), high.max(low)))
}
