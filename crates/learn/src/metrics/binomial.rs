//! Random counts: how many of `size` rows fall into a class of probability `share`.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use statrs::function::factorial::ln_factorial;

/// A number in [0, 1) of 53 random bits.
pub(super) fn uniform(random: &mut ChaCha8Rng) -> f64 {
    (random.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
}

/// A binomial count: by inversion where few are expected, else by transformed rejection (algorithm BTRS of Hörmann
/// 1993), whose cost does not grow with `size`.
pub(super) fn binomial(random: &mut ChaCha8Rng, size: u64, share: f64) -> u64 {
    if size == 0 || share <= 0.0 {
        return 0;
    }
    if share >= 1.0 {
        return size;
    }
    if share > 0.5 {
        return size - binomial(random, size, 1.0 - share);
    }
    let n = size as f64;
    if n * share < 10.0 {
        return by_inversion(random, size, share);
    }
    let spread = (n * share * (1.0 - share)).sqrt();
    let b = 1.15 + 2.53 * spread;
    let a = -0.0873 + 0.0248 * b + 0.01 * share;
    let c = n * share + 0.5;
    let alpha = (2.83 + 5.1 / b) * spread;
    let squeeze = 0.92 - 4.2 / b;
    let odds = (share / (1.0 - share)).ln();
    let mode = ((n + 1.0) * share).floor();
    let height = ln_factorial(mode as u64) + ln_factorial((n - mode) as u64);
    loop {
        let u = uniform(random) - 0.5;
        let v = uniform(random);
        let us = 0.5 - u.abs();
        let k = ((2.0 * a / us + b) * u + c).floor();
        if us >= 0.07 && v <= squeeze {
            return k as u64;
        }
        if k < 0.0 || k > n {
            continue;
        }
        let v = (v * alpha / (a / (us * us) + b)).ln();
        let bound = height - ln_factorial(k as u64) - ln_factorial((n - k) as u64) + (k - mode) * odds;
        if v <= bound {
            return k as u64;
        }
    }
}

fn by_inversion(random: &mut ChaCha8Rng, size: u64, share: f64) -> u64 {
    let ratio = share / (1.0 - share);
    let first = (size as f64 * (-share).ln_1p()).exp();
    'again: loop {
        let mut left = uniform(random);
        let mut probability = first;
        for count in 0..=size {
            if left < probability {
                return count;
            }
            left -= probability;
            probability *= ratio * (size - count) as f64 / (count + 1) as f64;
            // Rounding can leave a crumb beyond the last count of any probability.
            if probability < 1e-18 && count as f64 > size as f64 * share {
                continue 'again;
            }
        }
    }
}

/// How `size` rows fall into classes of these weights: multinomial counts, as a chain of binomial ones.
pub(super) fn multinomial(random: &mut ChaCha8Rng, size: u64, weights: &[f64], counts: &mut [f64]) {
    let mut rows = size;
    let mut left: f64 = weights.iter().sum();
    for (count, &weight) in counts.iter_mut().zip(weights) {
        let drawn = if weight >= left { rows } else { binomial(random, rows, weight / left) };
        *count = drawn as f64;
        rows -= drawn;
        left -= weight;
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn counts_have_the_mean_and_spread_of_a_binomial() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        for (size, share) in [(7, 0.3), (40, 0.9), (1000, 0.002), (1000, 0.4), (1_000_000, 0.07), (5_000_000, 0.999)] {
            let draws: Vec<f64> = (0..20_000).map(|_| binomial(&mut random, size, share) as f64).collect();
            let mean = draws.iter().sum::<f64>() / 20_000.0;
            let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / 20_000.0;
            let (expected, spread) = (size as f64 * share, size as f64 * share * (1.0 - share));
            // Five standard errors of each.
            assert!((mean - expected).abs() < 5.0 * (spread / 20_000.0).sqrt(), "{size} {share}: {mean}");
            assert!((variance / spread - 1.0).abs() < 0.06, "{size} {share}: {variance} against {spread}");
            assert!(draws.iter().all(|draw| *draw >= 0.0 && *draw <= size as f64));
        }
        let mut counts = [0.0; 4];
        multinomial(&mut random, 1000, &[500.0, 0.0, 499.0, 1.0], &mut counts);
        assert_eq!(counts.iter().sum::<f64>(), 1000.0);
        assert_eq!(counts[1], 0.0);
    }
}
