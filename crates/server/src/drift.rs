//! How far the columns of a table have moved since an earlier one, from their profiles alone.

use std::collections::BTreeSet;

use trainyard_core::profile::{ColumnProfile, NumberProfile, Profile};

/// From here on a shift is worth a look, and from the second on it is large: the usual reading of the index (N. Siddiqi,
/// Credit Risk Scorecards, 2006).
pub(crate) const NOTABLE: f64 = 0.1;
pub(crate) const LARGE: f64 = 0.25;
/// Least share of a bin, so that an empty one counts much but not without end.
const LEAST: f64 = 1e-4;
/// Bins that a column of numbers is compared in.
const BINS: usize = 10;

/// How a column moved.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shift {
    /// The column.
    pub(crate) name: String,
    /// The population stability index: the sum of (p − q) ln(p / q) over bins. None where the column is new, gone or of
    /// another type.
    pub(crate) index: Option<f64>,
    /// What happened, where no number says it.
    pub(crate) what: Option<&'static str>,
    /// The shares of missing values, before and now.
    pub(crate) missing: (f64, f64),
    /// The means, before and now, of numbers.
    pub(crate) means: Option<(f64, f64)>,
}

/// How each column moved from `before` to `now`, the farthest first.
pub(crate) fn between(before: &Profile, now: &Profile) -> Vec<Shift> {
    let of = |profile: &Profile, name: &str| profile.columns.iter().find(|column| column.name == name).cloned();
    let names: BTreeSet<&String> = before.columns.iter().chain(&now.columns).map(|column| &column.name).collect();
    let mut shifts: Vec<Shift> = names
        .into_iter()
        .map(|name| {
            let (old, new) = (of(before, name), of(now, name));
            let missing = |column: &Option<ColumnProfile>, rows: u64| {
                column.as_ref().map_or(0.0, |column| share(column.nulls, rows))
            };
            let shares = (missing(&old, before.rows), missing(&new, now.rows));
            let (index, what, means) = match (&old, &new) {
                (Some(old), Some(new)) if old.column_type != new.column_type => (None, Some("another type"), None),
                (Some(old), Some(new)) => {
                    let (index, means) = moved(old, before.rows, new, now.rows);
                    (Some(index), None, means)
                }
                (None, _) => (None, Some("new"), None),
                (_, None) => (None, Some("gone"), None),
            };
            Shift { name: name.clone(), index, what, missing: shares, means }
        })
        .collect();
    shifts.sort_by(|one, other| {
        let of = |shift: &Shift| shift.index.unwrap_or(f64::INFINITY);
        of(other).total_cmp(&of(one)).then_with(|| one.name.cmp(&other.name))
    });
    shifts
}

fn share(count: u64, rows: u64) -> f64 {
    if rows == 0 { 0.0 } else { count as f64 / rows as f64 }
}

fn moved(old: &ColumnProfile, old_rows: u64, new: &ColumnProfile, new_rows: u64) -> (f64, Option<(f64, f64)>) {
    // Missing values are a bin of their own.
    let (mut p, mut q) = (vec![share(old.nulls, old_rows)], vec![share(new.nulls, new_rows)]);
    match (&old.number, &new.number) {
        (Some(old), Some(new)) => {
            let edges = edges(old);
            p.extend(shares(old, &edges, old_rows));
            q.extend(shares(new, &edges, new_rows));
            (index(&p, &q), Some((old.mean, new.mean)))
        }
        _ => {
            let known: Vec<&String> = old.top.iter().map(|(value, _)| value).collect();
            let of = |column: &ColumnProfile, rows: u64| -> Vec<f64> {
                let count = |value: &String| column.top.iter().find(|(known, _)| known == value).map_or(0, |(_, n)| *n);
                let mut shares: Vec<f64> = known.iter().map(|value| share(count(value), rows)).collect();
                // All other values together.
                let rest = 1.0 - shares.iter().sum::<f64>() - share(column.nulls, rows);
                shares.push(rest.max(0.0));
                shares
            };
            p.extend(of(old, old_rows));
            q.extend(of(new, new_rows));
            (index(&p, &q), None)
        }
    }
}

fn index(p: &[f64], q: &[f64]) -> f64 {
    let floored = |share: f64| share.max(LEAST);
    p.iter()
        .zip(q)
        .filter(|(p, q)| **p > 0.0 || **q > 0.0)
        .map(|(p, q)| (floored(*p) - floored(*q)) * (floored(*p) / floored(*q)).ln())
        .sum()
}

/// Edges between the bins, at about equal shares of what was.
fn edges(old: &NumberProfile) -> Vec<f64> {
    let total: f64 = old.histogram.iter().map(|bin| bin[2]).sum();
    let mut edges = Vec::new();
    let (mut sum, mut next) = (0.0, 1);
    for [_, high, rows] in &old.histogram {
        sum += rows;
        while next < BINS && sum >= total * next as f64 / BINS as f64 {
            if edges.last() != Some(high) {
                edges.push(*high);
            }
            next += 1;
        }
    }
    edges
}

/// The shares of the bins between the edges, and beyond them, as if rows lay evenly within each bar of the histogram.
fn shares(of: &NumberProfile, edges: &[f64], rows: u64) -> Vec<f64> {
    let mut shares = vec![0.0; edges.len() + 1];
    for [low, high, count] in &of.histogram {
        let width = high - low;
        let below = |edge: f64| {
            if width <= 0.0 {
                // All of them are at one place.
                return if *low <= edge { 1.0 } else { 0.0 };
            }
            ((edge - low) / width).clamp(0.0, 1.0)
        };
        let mut before = 0.0;
        for (bin, edge) in edges.iter().enumerate() {
            let part = below(*edge);
            shares[bin] += (part - before) * count;
            before = part;
        }
        shares[edges.len()] += (1.0 - before) * count;
    }
    shares.into_iter().map(|count| if rows == 0 { 0.0 } else { count / rows as f64 }).collect()
}

#[cfg(test)]
mod tests {
    use trainyard_core::ColumnType;

    use super::*;

    fn numbers(name: &str, from: f64, nulls: u64) -> ColumnProfile {
        // A hundred rows, evenly from `from` to `from + 10`.
        let histogram =
            (0..20).map(|bin| [from + f64::from(bin) / 2.0, from + f64::from(bin + 1) / 2.0, 5.0]).collect();
        ColumnProfile {
            name: name.into(),
            column_type: ColumnType::Float,
            nulls,
            distinct: 100,
            distinct_exact: true,
            top: Vec::new(),
            number: Some(NumberProfile {
                min: from,
                max: from + 10.0,
                mean: from + 5.0,
                deviation: 3.0,
                quantiles: [from; 7],
                histogram,
                zeros: 0,
                not_finite: 0,
            }),
            lengths: None,
        }
    }

    fn texts(name: &str, top: &[(&str, u64)]) -> ColumnProfile {
        ColumnProfile {
            column_type: ColumnType::Text,
            top: top.iter().map(|(value, rows)| ((*value).to_owned(), *rows)).collect(),
            number: None,
            ..numbers(name, 0.0, 0)
        }
    }

    fn profile(columns: Vec<ColumnProfile>) -> Profile {
        Profile { rows: 100, duplicate_rows: 0, columns }
    }

    #[test]
    fn what_stays_has_not_moved() {
        let one = profile(vec![numbers("a", 0.0, 0), texts("b", &[("x", 60), ("y", 40)])]);
        assert!(between(&one, &one).iter().all(|shift| shift.index.is_some_and(|index| index.abs() < 1e-12)));
    }

    #[test]
    fn the_index_is_that_of_the_formula() {
        let shift = between(
            &profile(vec![texts("b", &[("x", 50), ("y", 50)])]),
            &profile(vec![texts("b", &[("x", 80), ("y", 20)])]),
        );
        // (0.5 − 0.8) ln(0.5 / 0.8) + (0.5 − 0.2) ln(0.5 / 0.2)
        assert!((shift[0].index.unwrap() - 0.415_888_3).abs() < 1e-6, "{shift:?}");
        let moved = between(&profile(vec![numbers("a", 0.0, 0)]), &profile(vec![numbers("a", 1.0, 0)]));
        // A tenth left the first of ten bins and lies beyond the last one, whose share doubled.
        let expected = (0.1 - LEAST) * (0.1 / LEAST).ln() + (0.1_f64 - 0.2) * (0.1_f64 / 0.2).ln();
        assert!((moved[0].index.unwrap() - expected).abs() < 1e-9, "{moved:?} {expected}");
        assert_eq!(moved[0].means, Some((5.0, 6.0)));
    }

    #[test]
    fn columns_come_and_go() {
        let before = profile(vec![numbers("a", 0.0, 0), numbers("b", 0.0, 0), numbers("c", 0.0, 50)]);
        let now = profile(vec![texts("b", &[("x", 100)]), numbers("c", 0.0, 0), numbers("d", 0.0, 0)]);
        let shifts = between(&before, &now);
        let told: Vec<_> = shifts.iter().map(|shift| (shift.name.as_str(), shift.what)).collect();
        assert_eq!(told, [("a", Some("gone")), ("b", Some("another type")), ("d", Some("new")), ("c", None)]);
        assert_eq!(shifts[3].missing, (0.5, 0.0));
        assert!(shifts[3].index.unwrap() > LARGE);
    }
}
