//! Closed-form confidence intervals.

use statrs::distribution::{Beta, Binomial, ContinuousCDF, DiscreteCDF, Normal, StudentsT};

use super::{
    estimate::{Estimate, Link, weighted_mean},
    scored::{View, refuse},
};
use crate::LearnError;

/// Lower end, upper end and method of an estimate that needs no resampling.
pub(super) fn closed(estimate: &Estimate, view: &View<'_>, level: f64) -> Result<(f64, f64, &'static str), LearnError> {
    let value = estimate.value(view);
    match estimate {
        Estimate::Mean { rows, link } => {
            let mean = weighted_mean(rows, view);
            let total: f64 = (0..rows.len()).map(|row| view.weight(row)).sum();
            let parts = rows.iter().enumerate().map(|(row, value)| view.weight(row) * (value - mean) / total);
            let counted = (0..rows.len()).filter(|&row| view.weight(row) > 0.0).count();
            let units = view.groups.as_ref().map_or(counted, |(_, count)| *count);
            if units < 2 {
                return refuse("too-few-rows", "an interval needs at least two rows".to_owned());
            }
            let deviation = (squares(parts, view) * units as f64 / (units - 1) as f64).sqrt();
            let reach = student(level, (units - 1) as f64) * deviation;
            Ok(match link {
                Link::Identity => (value - reach, value + reach, "t"),
                Link::NotNegative => ((value - reach).max(0.0), value + reach, "t"),
                // Half the relative reach of the mean, on the logarithm, so that the ends stay positive.
                Link::Root if mean > 0.0 => {
                    let factor = (0.5 * reach / mean).exp();
                    (value / factor, value * factor, "delta")
                }
                Link::Root => (value, value, "delta"),
            })
        }
        Estimate::Proportion { rows } => {
            let counted = |row: usize| if rows[row].is_some() { view.weight(row) } else { 0.0 };
            let total: f64 = (0..rows.len()).map(counted).sum();
            let kish = if total > 0.0 {
                total * total / (0..rows.len()).map(|row| counted(row).powi(2)).sum::<f64>()
            } else {
                0.0
            };
            let size = match &view.groups {
                Some((_, groups)) if total > 0.0 => {
                    let error = |row: usize| rows[row].map_or(0.0, |hit| f64::from(u8::from(hit)) - value);
                    let parts = (0..rows.len()).map(|row| counted(row) * error(row) / total);
                    let variance = squares(parts, view) * *groups as f64 / (*groups - 1) as f64;
                    let size = value * (1.0 - value) / variance;
                    // Without a single miss or hit the groups tell nothing of their likeness: each counts once.
                    if size.is_finite() && size > 0.0 { size.min(kish) } else { kish.min(*groups as f64) }
                }
                _ => kish,
            };
            let (low, high) = wilson(value, size, level);
            Ok((low, high, "wilson"))
        }
        Estimate::Influence { parts, .. } => {
            let correction = view.groups.as_ref().map_or(1.0, |(_, count)| *count as f64 / (*count - 1) as f64);
            let reach = normal(level) * (squares(parts.iter().copied(), view) * correction).sqrt();
            Ok(((value - reach).max(0.0), (value + reach).min(1.0), "delong"))
        }
        Estimate::Units { values, of } => {
            if values.len() < 2 {
                return refuse("too-few-rows", format!("an interval needs at least two {of}"));
            }
            let count = values.len() as f64;
            let squares: f64 = values.iter().map(|unit| (unit - value).powi(2)).sum();
            let reach = student(level, count - 1.0) * (squares / (count - 1.0) / count).sqrt();
            Ok(((value - reach).max(0.0), (value + reach).min(1.0), "t"))
        }
        Estimate::Median { rows } => {
            let mut sorted = rows.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            let (low, high) = median_ranks(sorted.len(), level);
            let end = |rank: Option<usize>| rank.and_then(|rank| sorted.get(rank).copied());
            match (end(low), end(high)) {
                (Some(low), Some(high)) => Ok((low, high, "order statistics")),
                _ => refuse("too-few-rows", format!("{} rows are too few for an interval of a median", rows.len())),
            }
        }
        Estimate::Bare { .. } | Estimate::Resampled(_) => Ok((value, value, "none")),
    }
}

/// The sum of squares of each row's part, or of each group's where rows are grouped.
pub(super) fn squares(parts: impl Iterator<Item = f64>, view: &View<'_>) -> f64 {
    match &view.groups {
        None => parts.map(|part| part * part).sum(),
        Some((groups, count)) => {
            let mut sums = vec![0.0; *count];
            parts.zip(groups).for_each(|(part, &group)| sums[group as usize] += part);
            sums.into_iter().map(|sum| sum * sum).sum()
        }
    }
}

/// Wilson's score interval (1927) for a share `value` of `size` rows, which need not be whole.
pub(super) fn wilson(value: f64, size: f64, level: f64) -> (f64, f64) {
    if size <= 0.0 {
        return (0.0, 1.0);
    }
    let square = normal(level).powi(2);
    let centre = (value + square / (2.0 * size)) / (1.0 + square / size);
    let reach = (square * (value * (1.0 - value) / size + square / (4.0 * size * size))).sqrt() / (1.0 + square / size);
    ((centre - reach).max(0.0), (centre + reach).min(1.0))
}

/// Clopper and Pearson's exact interval (1934) for `hits` of `size` rows: it never covers less often than it says.
#[must_use]
pub fn clopper_pearson(hits: u64, size: u64, level: f64) -> (f64, f64) {
    let (hits, size, tail) = (hits as f64, size as f64, (1.0 - level) / 2.0);
    let quantile = |a: f64, b: f64, share: f64| Beta::new(a, b).map_or(f64::NAN, |beta| beta.inverse_cdf(share));
    let low = if hits > 0.0 { quantile(hits, size - hits + 1.0, tail) } else { 0.0 };
    let high = if hits < size { quantile(hits + 1.0, size - hits, 1.0 - tail) } else { 1.0 };
    (low, high)
}

/// The places, from 0, of the order statistics that enclose the median with at least that confidence (Conover 1999,
/// chapter 3.2); none where there are too few rows for one.
fn median_ranks(size: usize, level: f64) -> (Option<usize>, Option<usize>) {
    let Ok(binomial) = Binomial::new(0.5, size as u64) else { return (None, None) };
    let tail = (1.0 - level) / 2.0;
    // The smallest count whose cumulative probability reaches the tail, by bisection over the counts.
    let (mut from, mut to) = (0, size as u64);
    while from < to {
        let middle = from.midpoint(to);
        if binomial.cdf(middle) >= tail { to = middle } else { from = middle + 1 }
    }
    let least = from as usize;
    (least.checked_sub(1), Some(size - least).filter(|rank| *rank < size))
}

/// How many standard deviations of a normal variable hold a share `level` around its mean.
pub(super) fn normal(level: f64) -> f64 {
    Normal::standard().inverse_cdf(0.5 + level / 2.0)
}

pub(super) fn student(level: f64, freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or_else(|_| normal(level), |student| student.inverse_cdf(0.5 + level / 2.0))
}

#[cfg(test)]
mod tests {
    use super::{median_ranks, normal, student, wilson};
    use crate::reference_data::near;

    #[test]
    fn wilson_is_statsmodels() {
        // statsmodels 0.15.0, proportion_confint(count, nobs, alpha, method="wilson")
        let cases = [
            (8.0, 10.0, 0.95, 0.49016247153664183, 0.9433178485456247),
            (0.0, 20.0, 0.95, 0.0, 0.16112515805281938),
            (20.0, 20.0, 0.9, 0.8808421626390355, 1.0),
            (37.0, 400.0, 0.99, 0.061547343721659924, 0.13675068056261078),
            (1.0, 2.0, 0.95, 0.09453120573423074, 0.9054687942657693),
        ];
        for (count, size, level, low, high) in cases {
            let found = wilson(count / size, size, level);
            near(&[found.0, found.1], &[low, high], 1e-12);
        }
        assert_eq!(wilson(0.0, 0.0, 0.95), (0.0, 1.0));
    }

    #[test]
    fn quantiles_are_scipys() {
        // scipy 1.17.1, norm.ppf and t.ppf
        near(
            &[normal(0.95), normal(0.9), normal(0.99)],
            &[1.959963984540054, 1.6448536269514722, 2.5758293035489004],
            1e-12,
        );
        near(
            &[student(0.95, 1.0), student(0.95, 9.0), student(0.95, 2391.0)],
            &[12.706204736174694, 2.262157162798205, 1.9609566454122116],
            1e-9,
        );
    }

    #[test]
    fn too_few_rows_have_no_interval_of_a_median() {
        // 5 rows: the extremes enclose the median with 1 - 2 / 32 = 0.9375 only.
        assert_eq!(median_ranks(5, 0.95), (None, None));
        assert_eq!(median_ranks(6, 0.95), (Some(0), Some(5)));
        assert_eq!(median_ranks(0, 0.95), (None, None));
    }
}
