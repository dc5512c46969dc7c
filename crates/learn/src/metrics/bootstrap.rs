//! Bootstrap replicates of several statistics of the same rows at once.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{estimate::Resampled, scored::View};

/// Samples drawn.
const REPLICATES: u64 = 500;

/// For each statistic, its finite values over the samples, ascending. Every sample draws as many rows as there are, or
/// as many groups, with replacement, from its own stream of the seed: the result does not depend on the threads.
///
/// A statistic that takes its rows in another order gets the counts in that order all the same: the rows are drawn alike,
/// so each statistic by itself sees a proper sample.
pub(super) fn replicates(statistics: &[&Resampled], view: &View<'_>, seed: u64) -> Vec<Vec<f64>> {
    if statistics.is_empty() {
        return Vec::new();
    }
    let rows = view.rows();
    let base = ChaCha8Rng::seed_from_u64(seed);
    let one = |stream: u64| {
        let mut random = base.clone();
        random.set_stream(stream);
        let counts = draw(&mut random, view.groups.as_ref().map_or(rows, |(_, count)| *count));
        let mut weights = vec![0.0; rows];
        let mut filled = false;
        let mut values = Vec::with_capacity(statistics.len());
        for statistic in statistics {
            let places = weights.iter_mut().enumerate();
            match (&view.groups, view.weights) {
                (Some((groups, _)), _) => places.for_each(|(place, weight)| {
                    let row = statistic.row(place);
                    *weight = f64::from(counts[groups[row] as usize]) * view.weight(row);
                }),
                (None, Some(own)) => {
                    places.for_each(|(place, weight)| *weight = f64::from(counts[place]) * own[statistic.row(place)])
                }
                (None, None) if !filled => {
                    places.for_each(|(place, weight)| *weight = f64::from(counts[place]));
                    filled = true;
                }
                (None, None) => {}
            }
            values.push((statistic.evaluate)(&weights));
        }
        values
    };
    let drawn: Vec<Vec<f64>> = (0..REPLICATES).into_par_iter().map(one).collect();
    (0..statistics.len())
        .map(|place| {
            let mut values: Vec<f64> =
                drawn.iter().map(|values| values[place]).filter(|value| value.is_finite()).collect();
            values.sort_unstable_by(f64::total_cmp);
            values
        })
        .collect()
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
