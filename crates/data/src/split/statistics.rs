//! The two-sample tests behind the warnings.

use statrs::function::gamma::checked_gamma_ur;

/// Kolmogorov and Smirnov's distance of two samples, each sorted and without NaN: the largest difference of their
/// distribution functions. 0 when either is empty.
pub(super) fn ks_distance(left: &[f64], right: &[f64]) -> f64 {
    if left.is_empty() || right.is_empty() {
        return 0.0;
    }
    let (mut i, mut j, mut distance) = (0, 0, 0.0_f64);
    while i < left.len() && j < right.len() {
        let value = left[i].min(right[j]);
        i += left[i..].iter().take_while(|other| **other <= value).count();
        j += right[j..].iter().take_while(|other| **other <= value).count();
        distance = distance.max((i as f64 / left.len() as f64 - j as f64 / right.len() as f64).abs());
    }
    distance
}

/// The chance of so large a KS distance between two samples of `left` and `right` rows of one distribution; Stephens'
/// (1970) approximation, as in Press et al., "Numerical Recipes", 3rd ed., 14.3.18. Too large where values tie.
pub(super) fn ks_p_value(distance: f64, left: f64, right: f64) -> f64 {
    let effective = (left * right / (left + right)).sqrt();
    let lambda = (effective + 0.12 + 0.11 / effective) * distance;
    // The series does not converge near 0, where the chance is 1 to sixteen digits.
    if lambda.is_nan() || lambda <= 0.2 {
        return 1.0;
    }
    let term = |k: i32| 2.0 * f64::from(1 - 2 * ((k - 1) % 2)) * (-2.0 * f64::from(k * k) * lambda * lambda).exp();
    (1..=20).map(term).sum::<f64>().clamp(0.0, 1.0)
}

/// Pearson's chi² of two rows of counts, and its degrees of freedom; categories expected fewer than five times in
/// either row are counted as one (Cochran 1954). Also the total variation distance, ½ Σ |p − q|, of the same
/// categories.
pub(super) fn chi_squared(left: &[u64], right: &[u64]) -> (f64, usize, f64) {
    let sum = |counts: &[u64]| counts.iter().sum::<u64>() as f64;
    let (all_left, all_right) = (sum(left), sum(right));
    let all = all_left + all_right;
    if all_left == 0.0 || all_right == 0.0 {
        return (0.0, 0, 0.0);
    }
    let mut pairs = Vec::new();
    let mut rare = (0.0, 0.0);
    for (left, right) in left.iter().zip(right).map(|(left, right)| (*left as f64, *right as f64)) {
        if (left + right) * all_left.min(all_right) / all < 5.0 {
            rare = (rare.0 + left, rare.1 + right);
        } else {
            pairs.push((left, right));
        }
    }
    if (rare.0 + rare.1) * all_left.min(all_right) / all >= 5.0 {
        pairs.push(rare);
    }
    let (mut statistic, mut variation) = (0.0, 0.0);
    for (left, right) in &pairs {
        let (expect_left, expect_right) = ((left + right) * all_left / all, (left + right) * all_right / all);
        statistic += (left - expect_left).powi(2) / expect_left + (right - expect_right).powi(2) / expect_right;
        variation += (left / all_left - right / all_right).abs() / 2.0;
    }
    (statistic, pairs.len().saturating_sub(1), variation)
}

/// The chance of so large a chi².
pub(super) fn chi_squared_p_value(statistic: f64, freedom: usize) -> f64 {
    if freedom == 0 || statistic.is_nan() || statistic <= 0.0 {
        return 1.0;
    }
    checked_gamma_ur(freedom as f64 / 2.0, statistic / 2.0).unwrap_or(0.0)
}

/// The chance of a standard normal value as far from 0 as `z`, on either side.
pub(super) fn normal_p_value(z: f64) -> f64 {
    statrs::function::erf::erfc(z.abs() / std::f64::consts::SQRT_2)
}

/// How many times fewer independent rows there are than rows, since rows of one group are alike: 1 + (m − 1)ρ with the
/// intra-class correlation ρ from the one-way analysis of variance (Donner and Koval 1980) and m = Σ n² / n. `groups`
/// are below `count`; NaN values are skipped. At least 1.
pub(super) fn design_effect(values: &[f64], groups: &[u32], count: usize) -> f64 {
    let mut sums = vec![(0_u64, 0.0_f64); count];
    let (mut rows, mut total) = (0_u64, 0.0);
    for (value, group) in values.iter().zip(groups).filter(|(value, _)| value.is_finite()) {
        sums[*group as usize].0 += 1;
        sums[*group as usize].1 += value;
        rows += 1;
        total += value;
    }
    let held: Vec<(f64, f64)> =
        sums.iter().filter(|(rows, _)| *rows > 0).map(|(rows, sum)| (*rows as f64, sum / *rows as f64)).collect();
    let (n, k) = (rows as f64, held.len() as f64);
    if k < 2.0 || n <= k {
        return 1.0;
    }
    let mean = total / n;
    let between: f64 = held.iter().map(|(rows, own)| rows * (own - mean).powi(2)).sum();
    let all: f64 = values.iter().filter(|value| value.is_finite()).map(|value| (value - mean).powi(2)).sum();
    let squares: f64 = held.iter().map(|(rows, _)| rows * rows).sum::<f64>() / n;
    let (between, within) = (between / (k - 1.0), (all - between).max(0.0) / (n - k));
    let typical = (n - squares) / (k - 1.0);
    let alike = (between - within) / (between + (typical - 1.0) * within);
    if alike.is_finite() { 1.0 + (squares - 1.0).max(0.0) * alike.clamp(0.0, 1.0) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(left: f64, right: f64, tolerance: f64) {
        assert!((left - right).abs() <= tolerance, "{left} against {right}");
    }

    #[test]
    fn ks_of_small_samples_by_hand() {
        assert_eq!(ks_distance(&[1.0, 2.0, 3.0, 4.0], &[3.0, 4.0, 5.0, 6.0]), 0.5);
        assert_eq!(ks_distance(&[1.0, 1.0, 1.0], &[1.0]), 0.0);
        assert_eq!(ks_distance(&[], &[1.0]), 0.0);
        assert_eq!(ks_distance(&[1.0], &[2.0]), 1.0);
    }

    #[test]
    fn ks_p_value_meets_the_limit_distribution() {
        // Kolmogorov's distribution: Q(1.3581) = 0.05, Q(1.6276) = 0.01 (Smirnov's table, 1948).
        let rows = 1e12;
        let effective = (rows / 2.0_f64).sqrt();
        near(ks_p_value(1.3581 / effective, rows, rows), 0.05, 1e-5);
        near(ks_p_value(1.6276 / effective, rows, rows), 0.01, 1e-5);
        assert_eq!(ks_p_value(0.0, 100.0, 100.0), 1.0);
    }

    #[test]
    fn chi_squared_meets_the_textbook() {
        // Two rows of (10, 20, 30) and (6, 9, 17): scipy.stats.chi2_contingency gives 0.27158, 2 degrees of freedom.
        let (statistic, freedom, _) = chi_squared(&[10, 20, 30], &[6, 9, 17]);
        near(statistic, 0.271_575, 1e-5);
        assert_eq!(freedom, 2);
        // Tables of chi²: 3.841 (1) and 18.307 (10) are the 5 % points.
        near(chi_squared_p_value(3.8415, 1), 0.05, 1e-5);
        near(chi_squared_p_value(18.307, 10), 0.05, 1e-5);
        near(normal_p_value(1.959_964), 0.05, 1e-6);
    }

    #[test]
    fn rare_categories_are_counted_together() {
        let (_, freedom, _) = chi_squared(&[100, 2, 2, 2], &[100, 2, 2, 2]);
        assert_eq!(freedom, 1);
        assert_eq!(chi_squared(&[1, 1], &[1, 1]).1, 0);
    }

    #[test]
    fn equal_rows_in_a_group_count_once() {
        let values = [1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 5.0, 5.0, 5.0];
        near(design_effect(&values, &[0, 0, 0, 1, 1, 1, 2, 2, 2], 3), 3.0, 1e-12);
        assert_eq!(design_effect(&values, &[0, 1, 2, 0, 1, 2, 0, 1, 2], 3), 1.0);
    }
}
