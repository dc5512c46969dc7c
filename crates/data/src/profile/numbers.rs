//! Statistics of numbers: moments, quantiles, histogram.

use trainyard_core::profile::NumberProfile;

/// The quantiles reported.
const QUANTILES: [f64; 7] = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];

/// Bins of a histogram at most.
const BINS: usize = 20;

/// The numbers of a column.
#[derive(Default)]
pub(super) struct Numbers {
    finite: Vec<f64>,
    zeros: u64,
    not_finite: u64,
    /// True while a value had a fraction.
    fractions: bool,
}

impl Numbers {
    pub(super) fn add(&mut self, value: f64) {
        if !value.is_finite() {
            self.not_finite += 1;
            return;
        }
        self.zeros += u64::from(value == 0.0);
        self.fractions |= value.fract() != 0.0;
        self.finite.push(value);
    }
}

/// Describes numbers. Without a finite one all but the counts are zero.
pub(super) fn describe(numbers: Numbers) -> NumberProfile {
    let Numbers { finite: mut values, zeros, not_finite, fractions } = numbers;
    let mut profile = NumberProfile { zeros, not_finite, ..NumberProfile::default() };
    let Some(first) = values.first().copied() else { return profile };
    let (min, max) = values.iter().fold((first, first), |(min, max), value| (min.min(*value), max.max(*value)));
    (profile.min, profile.max) = (min, max);
    (profile.mean, profile.deviation) = mean_and_deviation(&values, min.abs().max(max.abs()));
    profile.histogram = histogram(&values, min, max, !fractions);
    profile.quantiles = quantiles(&mut values);
    profile
}

/// Mean and standard deviation (n − 1) in two passes. Huge values are scaled down, so that no sum overflows; their
/// deviation alone may be too large for a float, and is then the largest one.
fn mean_and_deviation(values: &[f64], largest: f64) -> (f64, f64) {
    let scale = if largest > 1e150 { largest } else { 1.0 };
    let count = values.len() as f64;
    let mean = values.iter().map(|value| value / scale).sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value / scale - mean).powi(2)).sum();
    let deviation = if values.len() > 1 { (squares / (count - 1.0)).sqrt() } else { 0.0 };
    (mean * scale, (deviation * scale).min(f64::MAX))
}

/// Selects from left to right, each time in the part not yet known to be smaller.
fn quantiles(values: &mut [f64]) -> [f64; 7] {
    let last = values.len() - 1;
    let mut settled = 0;
    QUANTILES.map(|quantile| {
        let position = quantile * last as f64;
        let below = (position.floor() as usize).min(last);
        let fraction = position - below as f64;
        let (_, low, above) = values[settled..].select_nth_unstable_by(below - settled, f64::total_cmp);
        let low = *low;
        let high = above.iter().copied().fold(f64::INFINITY, f64::min);
        settled = below;
        if fraction > 0.0 && high.is_finite() { low * (1.0 - fraction) + high * fraction } else { low }
    })
}

/// Bins of equal width. Whole numbers get bins of whole width around whole numbers, so that no bin holds more of them
/// than its neighbour only by where its edges fall.
fn histogram(values: &[f64], min: f64, max: f64, whole: bool) -> Vec<[f64; 3]> {
    if min == max {
        return vec![[min, max, values.len() as f64]];
    }
    // Beyond 2^52 there are no halves.
    let whole = whole && min.abs().max(max.abs()) < (1_u64 << 52) as f64;
    let (low, width, bins) = if whole {
        let span = max - min + 1.0;
        let width = (span / BINS as f64).ceil();
        (min - 0.5, width, (span / width).ceil() as usize)
    } else {
        let bins = BINS.min((values.len() as f64).sqrt().ceil() as usize).max(1);
        (min, max / bins as f64 - min / bins as f64, bins)
    };
    let mut counts = vec![0_u64; bins];
    for value in values {
        // The largest value belongs to the last bin; halves keep the difference of huge values finite.
        let bin = ((value / 2.0 - low / 2.0) / (width / 2.0)) as usize;
        counts[bin.min(bins - 1)] += 1;
    }
    let edge = |bin: usize| if bin == bins && !whole { max } else { low + width * bin as f64 };
    counts.iter().enumerate().map(|(bin, count)| [edge(bin), edge(bin + 1), *count as f64]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(values: &[f64]) -> NumberProfile {
        let mut numbers = Numbers::default();
        values.iter().for_each(|value| numbers.add(*value));
        describe(numbers)
    }

    #[test]
    fn agrees_with_numpy() {
        // numpy.percentile([3, 1, 4, 1, 5, 9, 2, 6], [1, 5, 25, 50, 75, 95, 99]) and numpy.std(…, ddof=1), NumPy 2.
        let profile = described(&[3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0]);
        let expected = [1.0, 1.0, 1.75, 3.5, 5.25, 7.95, 8.79];
        for (value, expected) in profile.quantiles.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-12, "{value} {expected}");
        }
        assert_eq!((profile.min, profile.max, profile.mean), (1.0, 9.0, 3.875));
        assert!((profile.deviation - 2.748_376_143_938_713).abs() < 1e-12, "{}", profile.deviation);
    }

    #[test]
    fn whole_numbers_have_a_bin_each() {
        let profile = described(&[1.0, 2.0, 2.0, 4.0]);
        assert_eq!(profile.histogram, [[0.5, 1.5, 1.0], [1.5, 2.5, 2.0], [2.5, 3.5, 0.0], [3.5, 4.5, 1.0]]);
        let many: Vec<f64> = (0..1000).map(f64::from).collect();
        let profile = described(&many);
        assert_eq!(profile.histogram.len(), 20);
        assert!(profile.histogram.iter().all(|bin| bin[2] == 50.0));
    }

    #[test]
    fn every_finite_value_is_in_a_bin() {
        let values: Vec<f64> = (0..10_000).map(|at| (f64::from(at) * 0.618).fract() * 7.3 - 2.0).collect();
        let profile = described(&values);
        assert_eq!(profile.histogram.iter().map(|bin| bin[2]).sum::<f64>(), 10_000.0);
        assert_eq!(profile.histogram[19][1], profile.max);
    }

    #[test]
    fn extremes_stay_finite() {
        let profile = described(&[f64::MAX, f64::MIN, 0.0, f64::NAN, f64::INFINITY]);
        assert_eq!((profile.zeros, profile.not_finite), (1, 2));
        let mut all = vec![profile.mean, profile.deviation];
        all.extend(profile.quantiles);
        all.extend(profile.histogram.iter().flatten());
        assert!(all.iter().all(|value| value.is_finite()), "{profile:?}");
        assert_eq!(described(&[f64::NAN]).not_finite, 1);
        assert_eq!(described(&[5.0]).histogram, [[5.0, 5.0, 1.0]]);
    }
}
