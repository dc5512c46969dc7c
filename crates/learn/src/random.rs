//! Seeded streams of random numbers for estimators, the same on every machine and at any number of threads.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::boosting::sampling::below;

/// The stream of that number under `seed`; streams are independent.
pub(crate) fn stream(seed: u64, number: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(number);
    random
}

/// From 0 to 1, 1 excluded.
pub(crate) fn unit(random: &mut ChaCha8Rng) -> f64 {
    random.random::<f64>()
}

/// Every order as likely as another (Fisher and Yates).
pub(crate) fn shuffle(items: &mut [usize], random: &mut ChaCha8Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(random, last + 1));
    }
}

/// A place drawn in proportion to `weights`, whose sum is `total`; the last with weight where rounding runs over.
pub(crate) fn place(weights: &[f64], total: f64, random: &mut ChaCha8Rng) -> usize {
    let mut left = unit(random) * total;
    let mut last = 0;
    for (place, &weight) in weights.iter().enumerate() {
        if weight > 0.0 {
            last = place;
            left -= weight;
            if left < 0.0 {
                return place;
            }
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_seeded_and_fair() {
        let mut random = stream(7, 1);
        let mut items: Vec<usize> = (0..100).collect();
        shuffle(&mut items, &mut random);
        let mut sorted = items.clone();
        sorted.sort_unstable();
        assert!(items != sorted && sorted == (0..100).collect::<Vec<_>>());
        let mut counts = [0; 4];
        (0..4000).for_each(|_| counts[place(&[1.0, 0.0, 2.0, 1.0], 4.0, &mut random)] += 1);
        assert_eq!(counts[1], 0);
        assert!((counts[2] as f64 / 2000.0 - 1.0).abs() < 0.1, "{counts:?}");
        assert_ne!(unit(&mut stream(7, 1)), unit(&mut stream(7, 2)));
        assert_eq!(unit(&mut stream(7, 1)), unit(&mut stream(7, 1)));
    }
}
