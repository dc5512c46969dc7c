//! Parts in time order.

use rayon::prelude::*;

use super::artifact::NO_PART;
use crate::error::DataError;

/// A part for each row: the earliest rows in the first part. A cut never parts rows of one moment; it moves to the
/// nearer end of them. Rows of an earlier part less than `gap` before a later part's first moment get no part.
///
/// # Errors
/// `missing-time` when a row has no moment.
pub(super) fn assign(times: &[f64], shares: &[f64], gap: f64) -> Result<Vec<u8>, DataError> {
    let missing = times.iter().filter(|time| time.is_nan()).count();
    if missing > 0 {
        let message = format!("{missing} of {} rows have no value in the time column", times.len());
        return Err(DataError::new("missing-time", message).help("drop these rows first, or split another way"));
    }
    let order = in_order(times);
    let at = |position: usize| times[order[position] as usize];
    let mut parts = vec![0_u8; times.len()];
    let mut share = 0.0;
    let mut starts = vec![0];
    for (part, own) in shares.iter().enumerate().take(shares.len().saturating_sub(1)) {
        share += own;
        let wanted = (share * times.len() as f64).round() as usize;
        let start = nearest_cut(times.len(), wanted, starts[part], at);
        starts.push(start);
    }
    for (part, start) in starts.iter().enumerate() {
        let end = starts.get(part + 1).copied().unwrap_or(times.len());
        order[*start..end].iter().for_each(|row| parts[*row as usize] = part as u8);
    }
    for start in starts.into_iter().skip(1).filter(|start| gap > 0.0 && *start < times.len()) {
        let near = (0..start).rev().take_while(|position| at(start) - at(*position) < gap);
        near.for_each(|position| parts[order[position] as usize] = NO_PART);
    }
    Ok(parts)
}

/// The rows in time order; rows of one moment in table order.
pub(super) fn in_order(times: &[f64]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..times.len() as u32).collect();
    if !times.is_sorted() {
        order.par_sort_unstable_by(|left, right| {
            times[*left as usize].total_cmp(&times[*right as usize]).then(left.cmp(right))
        });
    }
    order
}

/// The position nearest to `wanted`, and beyond `after`, whose moment differs from the one before it; the number of
/// rows when there is none.
pub(super) fn nearest_cut(rows: usize, wanted: usize, after: usize, at: impl Fn(usize) -> f64) -> usize {
    let is_cut = |position: usize| position == rows || at(position) > at(position - 1);
    let wanted = wanted.clamp(after.saturating_add(1).min(rows), rows);
    let before = (after + 1..=wanted).rev().find(|position| is_cut(*position) && *position < rows);
    let behind = (wanted..=rows).find(|position| *position > after && is_cut(*position)).unwrap_or(rows);
    match before {
        Some(before) if behind == rows || wanted - before <= behind - wanted => before,
        _ => behind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_one_moment_stay_together() {
        let times = [3.0, 1.0, 2.0, 2.0, 2.0, 5.0, 4.0, 6.0];
        let parts = assign(&times, &[0.5, 0.5], 0.0).unwrap();
        assert_eq!(parts, [1, 0, 0, 0, 0, 1, 1, 1]);
        assert!(assign(&[f64::NAN, 1.0], &[0.5, 0.5], 0.0).is_err());
    }

    #[test]
    fn the_gap_is_cut_from_the_earlier_part() {
        let times: Vec<f64> = (0..10).map(f64::from).collect();
        let parts = assign(&times, &[0.5, 0.5], 2.0).unwrap();
        assert_eq!(parts, [0, 0, 0, 0, NO_PART, 1, 1, 1, 1, 1]);
        // 5 − 3 is not less than 2; 5 − 4 is.
    }

    #[test]
    fn a_cut_moves_to_the_nearer_end_of_a_tie() {
        let times = [0.0, 1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 4.0];
        assert_eq!(nearest_cut(8, 4, 0, |position| times[position]), 5);
        assert_eq!(nearest_cut(8, 2, 0, |position| times[position]), 1);
        assert_eq!(nearest_cut(8, 3, 1, |position| times[position]), 5);
    }
}
