//! Principal components (scikit-learn's `PCA` with a full singular value decomposition).
//!
//! The centred rows are reduced block by block to a triangle by orthogonal transformations, whose right singular vectors
//! and singular values are theirs: nothing is squared, and memory does not grow with the rows. Of each direction and its
//! opposite, the one whose weight of largest magnitude is positive is taken.

use faer::{
    Mat,
    linalg::solvers::{Qr, Svd},
};

use crate::{
    LearnError, chunks,
    features::{Layout, Pca, Stage, numbers::moments},
};

/// Rows reduced at once; fixed, so that the result does not depend on the number of threads.
const BLOCK: usize = 4096;
/// The share of the variance explained, unless said otherwise.
const SHARE: f64 = 0.95;
/// Directions with less than this share of the largest spread are rounding errors.
const LEAST: f64 = 1e-12;

pub(super) fn fit(
    pca: &Pca,
    layout: &[Layout],
    values: &[Vec<f64>],
    rows: usize,
    features: Vec<u32>,
) -> Result<Option<Stage>, LearnError> {
    let columns: Vec<&Vec<f64>> = features.iter().map(|&feature| &values[feature as usize]).collect();
    let holed = |column: &Vec<f64>| column.iter().any(|value| !value.is_finite());
    if let Some(place) = columns.iter().position(|column| holed(column)) {
        return Err(LearnError {
            code: "missing-values",
            message: format!(
                "principal components take no missing or infinite value, found some in `{}`",
                layout[features[place] as usize].name
            ),
            help: Some("set `impute.number: median`, or name other columns in `pca.columns`".to_owned()),
            field: Some("pca"),
        });
    }
    if columns.is_empty() || rows < 2 {
        return Err(LearnError {
            code: "no-components",
            message: format!("{} number features of {rows} rows have no principal component", columns.len()),
            help: Some("leave out `pca`, or name other columns in `pca.columns`".to_owned()),
            field: Some("pca"),
        });
    }
    let means: Vec<f64> = columns.iter().map(|column| mean(column)).collect();
    let triangle = reduce(&columns, &means, rows);
    let overflow = || LearnError {
        code: "overflow",
        message: "the numbers are too large for principal components".to_owned(),
        help: Some("set `scale: standard`".to_owned()),
        field: Some("pca"),
    };
    let svd = Svd::new_thin(triangle.as_ref()).map_err(|_| overflow())?;
    let spreads: Vec<f64> = svd.S().column_vector().iter().copied().collect();
    let total: f64 = spreads.iter().map(|spread| spread * spread).sum();
    if !total.is_finite() {
        return Err(overflow());
    }
    let largest = spreads.first().copied().unwrap_or(0.0);
    if largest == 0.0 {
        return Ok(None);
    }
    let shares: Vec<f64> = spreads.iter().map(|spread| spread * spread / total).collect();
    let usable = spreads.iter().take_while(|spread| **spread > LEAST * largest).count();
    let count = match (pca.components, pca.share) {
        (Some(count), _) => count as usize,
        (None, share) => {
            let share = share.unwrap_or(SHARE);
            let mut sum = 0.0;
            1 + shares
                .iter()
                .take_while(|own| {
                    sum += **own;
                    sum <= share
                })
                .count()
        }
    };
    let count = count.min(usable).min(rows).max(1);
    let right = svd.V();
    let direction = |component: usize| {
        let mut weights: Vec<f64> = (0..columns.len()).map(|feature| right[(feature, component)]).collect();
        let strongest =
            weights.iter().fold(0.0_f64, |best, weight| if weight.abs() > best.abs() { *weight } else { best });
        let deviation = spreads[component] / ((rows - 1) as f64).sqrt();
        let unit = if pca.whiten { deviation } else { 1.0 }.copysign(strongest);
        weights.iter_mut().for_each(|weight| *weight /= unit);
        weights
    };
    let directions = (0..count).map(direction).collect();
    Ok(Some(Stage::Components { features, means, directions, shares: shares[..count].to_vec() }))
}

/// The mean, corrected once so that its rounding error does not grow with the rows.
fn mean(values: &[f64]) -> f64 {
    let first = moments(values).0;
    first + values.iter().map(|value| value - first).sum::<f64>() / values.len() as f64
}

fn reduce(columns: &[&Vec<f64>], means: &[f64], rows: usize) -> Mat<f64> {
    let blocks = chunks::map(rows, BLOCK, |range| {
        let first = range.start;
        upper(Mat::from_fn(range.len(), columns.len(), |row, column| columns[column][first + row] - means[column]))
    });
    let joined = blocks.into_iter().reduce(|above, below| {
        let rows = above.nrows();
        upper(Mat::from_fn(rows + below.nrows(), columns.len(), |row, column| {
            if row < rows { above[(row, column)] } else { below[(row - rows, column)] }
        }))
    });
    joined.unwrap_or_else(|| Mat::zeros(0, columns.len()))
}

/// What is left of a block after orthogonal transformations; a block with fewer rows than columns stays as it is.
fn upper(block: Mat<f64>) -> Mat<f64> {
    if block.nrows() <= block.ncols() { block } else { Qr::new(block.as_ref()).thin_R().to_owned() }
}

/// The components of every row.
pub(super) fn project(
    values: &[Vec<f64>],
    rows: usize,
    features: &[u32],
    means: &[f64],
    directions: &[Vec<f64>],
) -> Vec<Vec<f64>> {
    chunks::map(directions.len(), 1, |range| {
        let mut component = vec![0.0; rows];
        for ((&feature, mean), weight) in features.iter().zip(means).zip(&directions[range.start]) {
            for (sum, value) in component.iter_mut().zip(&values[feature as usize]) {
                *sum += (value - mean) * weight;
            }
        }
        component
    })
}
