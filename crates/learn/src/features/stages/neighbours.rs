//! Filling missing numbers from the nearest training rows (scikit-learn's `KNNImputer` with uniform weights).

use crate::{chunks, features::Stage};

/// Donors whose mean is taken, unless said otherwise.
pub(super) const COUNT: u32 = 5;
/// Training rows kept as donors, unless said otherwise.
pub(super) const DONORS: u32 = 2000;
/// Rows that one thread works on at a time.
const CHUNK: usize = 64;

pub(super) fn fit(values: &[Vec<f64>], rows: usize, features: Vec<u32>, count: u32, most: usize) -> Stage {
    let donors = rows.min(most);
    let row = |donor: usize| (donor as u128 * rows as u128 / donors as u128) as usize;
    let known = |row: usize| {
        let value = |&feature: &u32| Some(values[feature as usize][row]).filter(|value| value.is_finite());
        features.iter().map(value).collect::<Vec<_>>()
    };
    let donors: Vec<Vec<Option<f64>>> = (0..donors).map(|donor| known(row(donor))).collect();
    let mean = |place: usize| {
        let known: Vec<f64> = donors.iter().filter_map(|donor| donor[place]).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    };
    let means = (0..features.len()).map(mean).collect();
    Stage::Neighbours { features, count, donors, means }
}

pub(super) fn fill(
    values: &mut [Vec<f64>],
    rows: usize,
    features: &[u32],
    count: usize,
    donors: &[Vec<Option<f64>>],
    means: &[Option<f64>],
) {
    let holed: Vec<usize> =
        (0..rows).filter(|&row| features.iter().any(|&at| !values[at as usize][row].is_finite())).collect();
    let filled = chunks::map(holed.len(), CHUNK, |range| {
        let mut filled = Vec::new();
        for &row in &holed[range] {
            let own: Vec<f64> = features.iter().map(|&feature| values[feature as usize][row]).collect();
            let distances: Vec<Option<f64>> = donors.iter().map(|donor| distance(&own, donor)).collect();
            for (place, _) in own.iter().enumerate().filter(|(_, value)| !value.is_finite()) {
                filled.push((row, place, nearest_mean(&distances, donors, place, count).or(means[place])));
            }
        }
        filled
    });
    for (row, place, value) in filled.into_iter().flatten() {
        values[features[place] as usize][row] = value.unwrap_or(f64::NAN);
    }
}

/// The mean square over what both have; none when they have nothing in common.
fn distance(own: &[f64], donor: &[Option<f64>]) -> Option<f64> {
    let (mut sum, mut common) = (0.0, 0_u32);
    for (own, donor) in own.iter().zip(donor) {
        if let Some(donor) = donor
            && own.is_finite()
        {
            sum += (own - donor).powi(2);
            common += 1;
        }
    }
    (common > 0).then(|| sum / f64::from(common))
}

fn nearest_mean(distances: &[Option<f64>], donors: &[Vec<Option<f64>>], place: usize, count: usize) -> Option<f64> {
    // Ascending by distance; the earlier donor first among equals.
    let mut best: Vec<(f64, f64)> = Vec::with_capacity(count.min(donors.len()) + 1);
    for (distance, donor) in distances.iter().zip(donors) {
        let (Some(distance), Some(value)) = (distance, donor[place]) else { continue };
        if best.len() == count && best.last().is_some_and(|(worst, _)| worst <= distance) {
            continue;
        }
        let at = best.partition_point(|(other, _)| other <= distance);
        best.insert(at, (*distance, value));
        best.truncate(count);
    }
    (!best.is_empty()).then(|| best.iter().map(|(_, value)| value).sum::<f64>() / best.len() as f64)
}
