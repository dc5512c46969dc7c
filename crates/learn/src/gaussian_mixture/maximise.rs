//! The maximisation: shares, means and covariances from the probability of each cluster for each row.

use super::{CHUNK, Covariance, Mixture, Params, gaussian::Gaussian};
use crate::{LearnError, chunks, rows::Rows};

/// Keeps a cluster without rows from dividing by 0, as scikit-learn does.
const LEAST: f64 = 10.0 * f64::EPSILON;

/// The most probable mixture under `responsibilities[row * clusters + cluster]`.
///
/// # Errors
/// `singular-covariance` where a cluster has no extent in some direction.
pub(super) fn maximise(
    params: &Params,
    rows: &Rows,
    weights: &[f64],
    responsibilities: &[f64],
) -> Result<Mixture, LearnError> {
    let (clusters, width) = (params.clusters, rows.width);
    let mut totals = sums(rows, clusters, |row, into| {
        let own = &responsibilities[row * clusters..(row + 1) * clusters];
        into.iter_mut().zip(own).for_each(|(sum, share)| *sum += weights[row] * share);
    });
    totals.iter_mut().for_each(|total| *total += LEAST);
    let mut means = sums(rows, clusters * width, |row, into| {
        for (cluster, into) in into.chunks_exact_mut(width).enumerate() {
            let share = weights[row] * responsibilities[row * clusters + cluster];
            if share > 0.0 {
                into.iter_mut().zip(rows.row(row)).for_each(|(sum, value)| *sum += share * value);
            }
        }
    });
    for (means, total) in means.chunks_exact_mut(width).zip(&totals) {
        means.iter_mut().for_each(|mean| *mean /= total);
    }
    let size = match params.covariance {
        Covariance::Full => width * (width + 1) / 2,
        Covariance::Diagonal => width,
    };
    let mut spreads = sums(rows, clusters * size, |row, into| {
        let mut off = vec![0.0; width];
        for (cluster, into) in into.chunks_exact_mut(size).enumerate() {
            let share = weights[row] * responsibilities[row * clusters + cluster];
            if share <= 0.0 {
                continue;
            }
            let mean = &means[cluster * width..(cluster + 1) * width];
            off.iter_mut().zip(rows.row(row)).zip(mean).for_each(|((off, value), mean)| *off = value - mean);
            match params.covariance {
                Covariance::Diagonal => into.iter_mut().zip(&off).for_each(|(sum, off)| *sum += share * off * off),
                Covariance::Full => {
                    let mut start = 0;
                    for (place, own) in off.iter().enumerate() {
                        let line = into[start..=start + place].iter_mut();
                        line.zip(&off).for_each(|(sum, other)| *sum += share * own * other);
                        start += place + 1;
                    }
                }
            }
        }
    });
    let total: f64 = weights.iter().sum();
    let mut gaussians = Vec::with_capacity(clusters);
    for (cluster, spread) in spreads.chunks_exact_mut(size).enumerate() {
        spread.iter_mut().for_each(|sum| *sum /= totals[cluster]);
        let mean = means[cluster * width..(cluster + 1) * width].to_vec();
        let found = match params.covariance {
            Covariance::Diagonal => {
                spread.iter_mut().for_each(|variance| *variance += params.regularisation);
                Gaussian::diagonal(mean, spread)
            }
            Covariance::Full => {
                (0..width).for_each(|place| spread[place * (place + 3) / 2] += params.regularisation);
                Gaussian::full(mean, spread.to_vec())
            }
        };
        gaussians.push(found.ok_or_else(singular)?);
    }
    Ok((totals.iter().map(|own| own / total).collect(), gaussians))
}

fn singular() -> LearnError {
    LearnError {
        code: "singular-covariance",
        message: "a cluster has no extent in some direction, so it has no density".to_owned(),
        help: Some("raise `regularisation`, ask fewer clusters, or set `covariance: diagonal`".to_owned()),
        field: Some("regularisation"),
    }
}

/// The sum over the rows of what `add` adds to `size` numbers.
fn sums(rows: &Rows, size: usize, add: impl Fn(usize, &mut [f64]) + Sync) -> Vec<f64> {
    let parts = chunks::map(rows.count(), CHUNK, |range| {
        let mut part = vec![0.0; size];
        range.for_each(|row| add(row, &mut part));
        part
    });
    parts.into_iter().fold(vec![0.0; size], |mut whole, part| {
        whole.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        whole
    })
}
