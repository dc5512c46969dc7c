//! Location and spread of a column's finite numbers.

/// The quantile `share` (0 to 1) of ascending values, linear between neighbours (type 7 of Hyndman and Fan 1996, the
/// default of R and NumPy). NaN when empty.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    let part = place - below as f64;
    sorted[below] * (1.0 - part) + sorted[above] * part
}

/// The same quantile, rounded as NumPy does: exactly the value itself between equal neighbours, and never descending in
/// `share`.
pub(super) fn exact_quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share * last as f64;
    let below = (place.floor() as usize).min(last);
    let above = (below + 1).min(last);
    let part = place - below as f64;
    let (low, high) = (sorted[below], sorted[above]);
    let between = if part < 0.5 { low + (high - low) * part } else { high - (high - low) * (1.0 - part) };
    // The difference of two huge values overflows.
    if between.is_finite() { between.clamp(low, high) } else { quantile(sorted, share) }
}

/// Mean and population standard deviation, scaled by the largest magnitude so that huge values do not overflow.
pub(super) fn moments(values: &[f64]) -> (f64, f64) {
    let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    if values.is_empty() || largest == 0.0 {
        return (0.0, 0.0);
    }
    let count = values.len() as f64;
    let mean = values.iter().map(|value| value / largest).sum::<f64>() / count;
    let variance = values.iter().map(|value| (value / largest - mean).powi(2)).sum::<f64>() / count;
    (mean * largest, variance.sqrt() * largest)
}

/// True when every value equals the first; also for no value.
pub(super) fn constant(values: &[f64]) -> bool {
    values.windows(2).all(|pair| pair[0] == pair[1])
}

#[cfg(test)]
mod tests {
    use super::{exact_quantile, moments, quantile};

    #[test]
    fn quantiles_are_numpys() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        // numpy.quantile([1, 2, 4, 8], [0, .25, .5, .9, 1])
        let expected = [1.0, 1.75, 3.0, 6.8, 8.0];
        for (share, expected) in [0.0, 0.25, 0.5, 0.9, 1.0].into_iter().zip(expected) {
            assert!((quantile(&sorted, share) - expected).abs() < 1e-12, "{share}");
            assert!((exact_quantile(&sorted, share) - expected).abs() < 1e-12, "{share}");
        }
        assert!((0..1000).all(|share| exact_quantile(&[0.1, 0.1, 0.1], f64::from(share) / 999.0) == 0.1));
        assert_eq!(exact_quantile(&[-f64::MAX, f64::MAX], 0.5), 0.0);
    }

    #[test]
    fn moments_of_huge_values_stay_finite() {
        let (mean, deviation) = moments(&[1e308, -1e308, 1e308]);
        assert!(mean.is_finite() && deviation.is_finite());
        assert_eq!(moments(&[]), (0.0, 0.0));
        assert_eq!(moments(&[2.0, 4.0]), (3.0, 1.0));
    }
}
