//! How much one feature says about the target by itself.

use std::collections::BTreeMap;

use crate::features::{BinRule, Binning, BinsAs, Goal, fit_number::edges, numbers::moments};

/// Bins that a number is cut into for its mutual information.
const BINS: u32 = 10;

/// The population variance of what is there.
pub(super) fn variance(values: &[f64]) -> f64 {
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    moments(&finite).1.powi(2)
}

/// How well a feature goes with the target: correlation, correlation ratio or Cramér's V, 0 to 1.
pub(super) fn association(values: &[f64], levels: Option<u32>, goal: &Goal<'_>) -> f64 {
    let pairs: Vec<(f64, f64)> =
        values.iter().zip(goal.y).filter(|(value, _)| value.is_finite()).map(|(value, y)| (*value, *y)).collect();
    match (levels.is_some(), goal.classes) {
        (false, 0) => correlation(&pairs).abs(),
        (false, _) => correlation_ratio(pairs.iter().map(|&(value, class)| (class, value))),
        (true, 0) => correlation_ratio(pairs.iter().copied()),
        (true, _) => cramers_v(&pairs),
    }
}

/// Pearson's correlation.
fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let ((mean_x, spread_x), (mean_y, spread_y)) = (moments(&x), moments(&y));
    if spread_x == 0.0 || spread_y == 0.0 {
        return 0.0;
    }
    // In units of the spread, so that huge numbers do not overflow.
    let products = pairs.iter().map(|(x, y)| (x - mean_x) / spread_x * ((y - mean_y) / spread_y));
    (products.sum::<f64>() / pairs.len() as f64).clamp(-1.0, 1.0)
}

/// The root of the share of the numbers' variance that lies between the groups (correlation ratio; the F test of one-way
/// analysis of variance grows with it).
fn correlation_ratio(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    let pairs: Vec<(f64, f64)> = pairs.collect();
    let numbers: Vec<f64> = pairs.iter().map(|(_, number)| *number).collect();
    let (mean, spread) = moments(&numbers);
    if spread == 0.0 {
        return 0.0;
    }
    let mut groups: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
    for (group, number) in &pairs {
        let (count, sum) = groups.entry(group.to_bits()).or_default();
        *count += 1.0;
        *sum += (number - mean) / spread;
    }
    let between: f64 = groups.values().map(|(count, sum)| sum * sum / count).sum();
    (between / pairs.len() as f64).sqrt().min(1.0)
}

/// Cramér's V of two sets of levels.
fn cramers_v(pairs: &[(f64, f64)]) -> f64 {
    let table = Table::of(pairs.iter().map(|(a, b)| (a.to_bits(), b.to_bits())));
    let least = table.first.len().min(table.second.len());
    if least < 2 {
        return 0.0;
    }
    let expected = |a: &u64, b: &u64| table.first[a] * table.second[b] / table.total;
    let cells: f64 = table.cells.iter().map(|((a, b), count)| count * count / expected(a, b)).sum();
    ((cells - table.total) / (table.total * (least - 1) as f64)).max(0.0).sqrt().min(1.0)
}

/// The bin of each value: its level, or one of ten by quantile; missing is a bin of its own.
pub(super) fn bins(values: &[f64], levels: Option<u32>) -> Vec<u64> {
    let missing = u64::MAX;
    if levels.is_some() {
        return values.iter().map(|value| if value.is_nan() { missing } else { value.to_bits() }).collect();
    }
    let mut finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    finite.sort_unstable_by(f64::total_cmp);
    let edges = edges(Binning { count: BINS, by: BinRule::Quantile, form: BinsAs::Ordinal }, &finite);
    let place = |value: &f64| edges.partition_point(|edge| edge <= value) as u64;
    values.iter().map(|value| if value.is_nan() { missing } else { place(value) }).collect()
}

/// The target as classes, or as ten bins by quantile.
pub(super) fn target_bins(goal: &Goal<'_>) -> Vec<u64> {
    bins(goal.y, (goal.classes > 0).then_some(goal.classes as u32))
}

/// The mutual information of two sets of levels, in nats (scikit-learn's `mutual_info_score`).
pub(super) fn mutual_information(first: &[u64], second: &[u64]) -> f64 {
    let table = Table::of(first.iter().copied().zip(second.iter().copied()));
    let term = |((a, b), count): (&(u64, u64), &f64)| {
        count / table.total * (count * table.total / (table.first[a] * table.second[b])).ln()
    };
    table.cells.iter().map(term).sum::<f64>().max(0.0)
}

/// How often levels occur together.
struct Table {
    cells: BTreeMap<(u64, u64), f64>,
    first: BTreeMap<u64, f64>,
    second: BTreeMap<u64, f64>,
    total: f64,
}

impl Table {
    fn of(pairs: impl Iterator<Item = (u64, u64)>) -> Self {
        let mut table = Self { cells: BTreeMap::new(), first: BTreeMap::new(), second: BTreeMap::new(), total: 0.0 };
        for (a, b) in pairs {
            *table.cells.entry((a, b)).or_default() += 1.0;
            *table.first.entry(a).or_default() += 1.0;
            *table.second.entry(b).or_default() += 1.0;
            table.total += 1.0;
        }
        table
    }
}
