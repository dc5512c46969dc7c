//! How skewed a statistic's error is, by leaving rows out (the acceleration of Efron 1987).

use rayon::prelude::*;

use super::{scored::View, statistic::Statistic};

/// Rows up to which each is left out by itself where the statistic has to be computed anew each time; of more, as many
/// equal portions are left out instead, which have the same acceleration.
const MOST_PORTIONS: usize = 300;

/// The acceleration: the skewness of the influence of a row (or group) on the statistic, over six times the root of
/// their number.
pub(super) fn acceleration(statistic: &Statistic, view: &View<'_>) -> f64 {
    match (&view.groups, statistic.length()) {
        (Some((_, count)), Some(length)) if count * length <= 4_000_000 => {
            let sums = sums_by_group(statistic, view, *count, length);
            let total = total(&sums, length);
            let left = (0..*count).into_par_iter().map(|group| {
                let without: Vec<f64> =
                    total.iter().zip(&sums[group * length..]).map(|(total, sum)| total - sum).collect();
                (statistic.of_sums(&without), 1.0)
            });
            skewness(&left.collect::<Vec<_>>())
        }
        (None, Some(length)) => without_rows(statistic, view, length),
        (groups, _) => {
            // Groups stay together in a portion.
            let unit = |row: usize| groups.as_ref().map_or(row, |(groups, _)| groups[row] as usize);
            let units = groups.as_ref().map_or(view.rows(), |(_, count)| *count);
            let portions = units.min(MOST_PORTIONS);
            let left = (0..portions).into_par_iter().map(|portion| {
                let weight = |row: usize| if unit(row) % portions == portion { 0.0 } else { view.weight(row) };
                (statistic.of_weights(&(0..view.rows()).map(weight).collect::<Vec<f64>>()), 1.0)
            });
            skewness(&left.collect::<Vec<_>>())
        }
    }
}

/// Leaves out one row after the other of a statistic of sums.
fn without_rows(statistic: &Statistic, view: &View<'_>, length: usize) -> f64 {
    let mut total = vec![0.0; length];
    (0..view.rows()).for_each(|row| statistic.add(row, view.weight(row), &mut total));
    if let (Statistic::Counts { kinds, .. }, None) = (statistic, view.weights) {
        // All rows of a kind have the same influence.
        let left: Vec<(f64, f64)> = (0..*kinds)
            .filter(|kind| total[*kind] > 0.0)
            .map(|kind| {
                let mut without = total.clone();
                without[kind] -= 1.0;
                (statistic.of_sums(&without), total[kind])
            })
            .collect();
        return skewness(&left);
    }
    let mut without = total.clone();
    let left: Vec<(f64, f64)> = (0..view.rows())
        .map(|row| {
            without.copy_from_slice(&total);
            statistic.add(row, -view.weight(row), &mut without);
            (statistic.of_sums(&without), 1.0)
        })
        .collect();
    skewness(&left)
}

/// From (statistic without it, how many such) to the acceleration; 0 where it is undefined.
fn skewness(left: &[(f64, f64)]) -> f64 {
    let known = || left.iter().filter(|(value, _)| value.is_finite());
    let count: f64 = known().map(|(_, count)| count).sum();
    let mean = known().map(|(value, count)| value * count).sum::<f64>() / count;
    let (squares, cubes) = known().fold((0.0, 0.0), |(squares, cubes), (value, count)| {
        let off = mean - value;
        (squares + count * off * off, cubes + count * off * off * off)
    });
    let acceleration = cubes / (6.0 * squares.powf(1.5));
    if acceleration.is_finite() { acceleration } else { 0.0 }
}

/// The statistic's sums within each group, group by group.
pub(super) fn sums_by_group(statistic: &Statistic, view: &View<'_>, groups: usize, length: usize) -> Vec<f64> {
    let mut sums = vec![0.0; groups * length];
    if let Some((group, _)) = &view.groups {
        for (row, &group) in group.iter().enumerate() {
            let from = group as usize * length;
            statistic.add(row, view.weight(row), &mut sums[from..from + length]);
        }
    }
    sums
}

fn total(sums: &[f64], length: usize) -> Vec<f64> {
    let mut total = vec![0.0; length];
    for group in sums.chunks_exact(length) {
        total.iter_mut().zip(group).for_each(|(total, sum)| *total += sum);
    }
    total
}
