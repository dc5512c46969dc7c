//! The lasso and the elastic net by cyclic coordinate descent (Friedman, Hastie and Tibshirani 2010) on the triangle that
//! least squares reduces the rows to: a pass costs nothing that depends on the number of rows.
//!
//! The ridge part is already stacked under the triangle. Ends when the duality gap (Kim et al. 2007, as in scikit-learn)
//! is no more than a tiny share of the target's variation.

use faer::MatRef;

use crate::LearnError;

/// The duality gap at the end, as a share of the target's squared length.
const GAP: f64 = 1e-14;
/// Most passes over all coordinates.
const PASSES: usize = 100_000;
/// Passes between two looks at the gap.
const LOOK: usize = 10;

/// The coefficients that minimise `|z - R b|^2 + l1 sum |b|`, where `triangle` is `[R z]` with as many rows as columns.
///
/// # Errors
/// `not-converged` when rounding or near-dependent columns keep the gap open.
pub(super) fn lasso(triangle: MatRef<'_, f64>, l1: f64) -> Result<Vec<f64>, LearnError> {
    let count = triangle.ncols() - 1;
    // Half the objective, as the textbooks have it.
    let threshold = l1 / 2.0;
    let gram = triangle.transpose() * triangle;
    let length = gram[(count, count)];
    let mut coefficients = vec![0.0; count];
    // The inner products of each column with what is left of the target.
    let mut left: Vec<f64> = (0..count).map(|column| gram[(column, count)]).collect();
    for pass in 1..=PASSES {
        let mut moved = 0.0_f64;
        for column in 0..count {
            let squared = gram[(column, column)];
            if squared <= 0.0 {
                continue;
            }
            let before = coefficients[column];
            let alone = left[column] + squared * before;
            let after = (alone.abs() - threshold).max(0.0).copysign(alone) / squared;
            let step = after - before;
            if step != 0.0 {
                coefficients[column] = after;
                for (other, left) in left.iter_mut().enumerate() {
                    *left -= step * gram[(other, column)];
                }
                moved = moved.max(step * step * squared);
            }
        }
        if moved == 0.0 || (pass % LOOK == 0 && gap(&gram, &left, &coefficients, threshold) <= GAP * length) {
            return Ok(coefficients);
        }
        if pass % (10 * LOOK) == 0 {
            refresh(&gram, &coefficients, &mut left);
        }
    }
    Err(LearnError {
        code: "not-converged",
        message: format!("the lasso did not settle in {PASSES} passes"),
        help: Some("some features are nearly the same: add a little `l2`, or leave one of them out".to_owned()),
        field: Some("l1"),
    })
}

/// Takes the rounding of many small steps back out.
fn refresh(gram: &faer::Mat<f64>, coefficients: &[f64], left: &mut [f64]) {
    let count = coefficients.len();
    for (row, left) in left.iter_mut().enumerate() {
        let fitted: f64 = coefficients.iter().enumerate().map(|(column, slope)| gram[(row, column)] * slope).sum();
        *left = gram[(row, count)] - fitted;
    }
}

/// How far half the objective can still be above its minimum.
fn gap(gram: &faer::Mat<f64>, left: &[f64], coefficients: &[f64], threshold: f64) -> f64 {
    let count = coefficients.len();
    // With r = z - R b: r'z = z'z - b'R'z and r'r = r'z - b'R'r.
    let with_target =
        gram[(count, count)] - coefficients.iter().enumerate().map(|(at, b)| b * gram[(at, count)]).sum::<f64>();
    let squared = (with_target - coefficients.iter().zip(left).map(|(b, left)| b * left).sum::<f64>()).max(0.0);
    let steepest = left.iter().fold(0.0_f64, |most, left| most.max(left.abs()));
    let share = if steepest > threshold { threshold / steepest } else { 1.0 };
    let absolute: f64 = coefficients.iter().map(|b| b.abs()).sum();
    0.5 * squared * (1.0 + share * share) + threshold * absolute - share * with_target
}
