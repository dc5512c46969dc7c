//! `near-duplicate-column`: two columns that say the same thing.

use rayon::prelude::*;
use trainyard_core::{Severity, Warning};

use super::{
    evenly,
    levels::Levels,
    ranks::{both_finite, correlation},
};
use crate::{Frame, Values};

/// Numbers correlated beyond this say the same.
const SAME: f64 = 0.99;
/// Rows on which every pair is compared at first, and those on which what was found is confirmed.
const FIRST_LOOK: usize = 300;
const SECOND_LOOK: usize = 20_000;
/// Columns compared at most.
const MOST_COLUMNS: usize = 500;
/// A column of more levels than this is none of levels.
const MOST_LEVELS: usize = 1_000;
/// Fewer rows than this say nothing.
const FEWEST_ROWS: usize = 50;
/// Pairs named in the message.
const NAMED: usize = 5;

/// One warning for all pairs.
pub(super) fn warning(frame: &Frame) -> Option<Warning> {
    if frame.rows < FEWEST_ROWS {
        return None;
    }
    let mut pairs = numbers(frame);
    pairs.extend(levels(frame));
    pairs.sort_by_key(|pair| (pair.0, pair.1));
    pairs.dedup_by_key(|pair| (pair.0, pair.1));
    let name = |index: usize| format!("`{}`", frame.columns[index].name);
    let mut named: Vec<String> = pairs
        .iter()
        .take(NAMED)
        .map(|(left, right, why)| match why {
            Why::Correlated(value) => format!("{} and {} (correlation {value:.3})", name(*left), name(*right)),
            Why::Determined => format!("{} and {} (each tells the other)", name(*left), name(*right)),
        })
        .collect();
    if named.is_empty() {
        return None;
    }
    if pairs.len() > NAMED {
        named.push(format!("{} more pairs", pairs.len() - NAMED));
    }
    Some(
        Warning::new("near-duplicate-column", format!("columns that say the same: {}", named.join(", ")))
            .severity(Severity::Low)
            .help("keep one of each pair: coefficients and importances are shared out among copies by chance")
            .number("pairs", pairs.len() as f64),
    )
}

#[derive(Clone, Copy)]
enum Why {
    Correlated(f64),
    Determined,
}

type Pair = (usize, usize, Why);

fn numbers(frame: &Frame) -> Vec<Pair> {
    let columns: Vec<(usize, &[f64])> = frame
        .columns
        .iter()
        .enumerate()
        .filter_map(|(index, column)| match &column.values {
            Values::Number(values) => Some((index, values.as_slice())),
            _ => None,
        })
        .take(MOST_COLUMNS)
        .collect();
    let rows = evenly(frame.rows, FIRST_LOOK);
    // Of unit length around their mean, so that a product is the correlation; a missing value stands on the mean.
    let units: Vec<Vec<f64>> = columns
        .iter()
        .map(|(_, values)| {
            let picked: Vec<f64> = rows.iter().map(|&row| values[row]).collect();
            let known = picked.iter().filter(|value| value.is_finite()).count().max(1) as f64;
            let mean = picked.iter().filter(|value| value.is_finite()).sum::<f64>() / known;
            let centred: Vec<f64> =
                picked.iter().map(|value| if value.is_finite() { value - mean } else { 0.0 }).collect();
            let length = centred.iter().map(|value| value * value).sum::<f64>().sqrt();
            if length > 0.0 { centred.into_iter().map(|value| value / length).collect() } else { Vec::new() }
        })
        .collect();
    let rows = evenly(frame.rows, SECOND_LOOK);
    (0..columns.len())
        .into_par_iter()
        .flat_map_iter(|left| {
            let (units, columns, rows) = (&units, &columns, &rows);
            (left + 1..columns.len()).filter_map(move |right| {
                let product: f64 = units[left].iter().zip(&units[right]).map(|(a, b)| a * b).sum();
                if product.abs() < SAME - 0.03 {
                    return None;
                }
                let of = |at: usize| rows.iter().map(|&row| columns[at].1[row]).collect::<Vec<f64>>();
                let (a, b) = both_finite(&of(left), &of(right));
                let exact = correlation(&a, &b);
                (exact.abs() >= SAME && a.len() >= FEWEST_ROWS).then_some((
                    columns[left].0,
                    columns[right].0,
                    Why::Correlated(exact),
                ))
            })
        })
        .collect()
}

/// Pairs of columns of few values in which each value goes with one value of the other.
fn levels(frame: &Frame) -> Vec<Pair> {
    let columns: Vec<(usize, Levels<'_>)> = frame
        .columns
        .iter()
        .enumerate()
        .take(MOST_COLUMNS)
        .filter_map(|(index, column)| Some((index, Levels::of(&column.values, MOST_LEVELS)?)))
        .filter(|(_, levels)| levels.count >= 3 && levels.count * 5 <= frame.rows)
        .collect();
    let rows = evenly(frame.rows, SECOND_LOOK);
    let mut pairs = Vec::new();
    for (at, (left, a)) in columns.iter().enumerate() {
        for (right, b) in &columns[at + 1..] {
            if one_to_one(a, b, &rows) {
                pairs.push((*left, *right, Why::Determined));
            }
        }
    }
    pairs
}

fn one_to_one(left: &Levels<'_>, right: &Levels<'_>, rows: &[usize]) -> bool {
    let mut to_right = vec![Values::MISSING; left.count];
    let mut to_left = vec![Values::MISSING; right.count];
    let mut met = 0;
    for &row in rows {
        let (a, b) = (left.codes[row], right.codes[row]);
        if a == Values::MISSING || b == Values::MISSING {
            if a != b {
                return false;
            }
            continue;
        }
        let (there, back) = (&mut to_right[a as usize], &mut to_left[b as usize]);
        if *there == Values::MISSING && *back == Values::MISSING {
            (*there, *back) = (b, a);
            met += 1;
        } else if (*there, *back) != (b, a) {
            return false;
        }
    }
    met >= 3
}
