//! The checks of a sample before any learning: shapes, target and weights.

use crate::estimator::{LearnError, Sample};
use crate::matrix::Matrix;

/// Beyond this a sum over the rows could overflow.
const LARGEST: f64 = 1e290;
/// Largest weight: gradients are held in single precision.
const LARGEST_WEIGHT: f64 = 1e30;

/// What was found in a sample that can be learned from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Target {
    /// Number of classes, 0 for a regression.
    pub(crate) classes: usize,
    /// Sum of the weights.
    pub(crate) weight: f64,
    /// Whether every weight is one.
    pub(crate) unweighted: bool,
}

fn error(code: &'static str, message: String, help: &str) -> LearnError {
    LearnError { code, message, help: (!help.is_empty()).then(|| help.to_owned()), field: None }
}

/// Checks shapes, weights and target of `sample`.
///
/// # Errors
/// `length-mismatch`, `no-rows`, `too-many-rows`, `weight-invalid`, `target-not-finite`, `target-not-a-class`.
pub(crate) fn check(sample: &Sample<'_>) -> Result<Target, LearnError> {
    let rows = sample.x.rows;
    check_lengths(sample)?;
    if rows == 0 {
        return Err(error("no-rows", "there are no rows to learn from".into(), "check the filters before this step"));
    }
    if rows >= u32::MAX as usize {
        let message = format!("{rows} rows are more than the {} that fit", u32::MAX - 1);
        return Err(error("too-many-rows", message, "learn from a sample of the rows"));
    }
    if let Some((row, weight)) =
        sample.weights.and_then(|all| all.iter().enumerate().find(|w| !(0.0..=LARGEST_WEIGHT).contains(w.1)))
    {
        let message = format!("weight {weight} of row {row} is not a number from 0 to {LARGEST_WEIGHT:e}");
        return Err(error("weight-invalid", message, "a row to leave out has weight 0"));
    }
    let weight = sample.weights.map_or(rows as f64, |all| all.iter().sum());
    if weight <= 0.0 {
        return Err(error("no-rows", "every row has weight 0, so there is nothing to learn from".into(), ""));
    }
    check_target(sample.y, sample.classes)?;
    let unweighted = sample.weights.is_none_or(|all| all.iter().all(|&weight| weight == 1.0));
    Ok(Target { classes: sample.classes, weight, unweighted })
}

fn check_lengths(sample: &Sample<'_>) -> Result<(), LearnError> {
    let rows = sample.x.rows;
    let named = |what: String, length: usize| {
        error("length-mismatch", format!("{what} has {length} values where the matrix has {rows} rows"), "")
    };
    if let Some(feature) = sample.x.features.iter().find(|feature| feature.values.len() != rows) {
        return Err(named(format!("feature `{}`", feature.name), feature.values.len()));
    }
    if sample.y.len() != rows {
        return Err(named("the target".into(), sample.y.len()));
    }
    match sample.weights {
        Some(weights) if weights.len() != rows => Err(named("the weights".into(), weights.len())),
        _ => Ok(()),
    }
}

fn check_target(y: &[f64], classes: usize) -> Result<(), LearnError> {
    if classes == 0 {
        return match y.iter().enumerate().find(|value| !(-LARGEST..=LARGEST).contains(value.1)) {
            Some((row, value)) => Err(error(
                "target-not-finite",
                format!("the target of row {row} is {value}, not a finite number"),
                "drop or repair the rows without a target before the split",
            )),
            None => Ok(()),
        };
    }
    match y.iter().enumerate().find(|value| super::bins::level(*value.1, classes).is_none()) {
        Some((row, value)) => Err(error(
            "target-not-a-class",
            format!("the target of row {row} is {value}, not a class code from 0 to {}", classes - 1),
            "a classification needs one whole-number code a row",
        )),
        None => Ok(()),
    }
}

/// Sum of the weights of each class.
///
/// # Errors
/// `single-class` where only one class has weight.
pub(crate) fn class_weights(sample: &Sample<'_>) -> Result<Vec<f64>, LearnError> {
    let mut sums = vec![0.0; sample.classes];
    for (row, &code) in sample.y.iter().enumerate() {
        sums[code as usize] += sample.weights.map_or(1.0, |weights| weights[row]);
    }
    if sums.iter().filter(|&&sum| sum > 0.0).count() < 2 {
        let message = "the target has one class only, so there is nothing to tell apart".to_owned();
        return Err(error(
            "single-class",
            message,
            "check the target, and that every part of the split has each class",
        ));
    }
    Ok(sums)
}

/// Checks that the features of `x` are those of the fit.
///
/// # Errors
/// `features-differ`.
pub(crate) fn check_features(x: &Matrix, train: &Matrix) -> Result<(), LearnError> {
    if x.features.len() == train.features.len() {
        return Ok(());
    }
    let message =
        format!("the validation rows have {} features, the training rows {}", x.features.len(), train.features.len());
    Err(error("features-differ", message, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Feature;

    fn matrix(rows: usize) -> Matrix {
        Matrix { features: vec![Feature { name: "x".into(), values: vec![0.0; rows], levels: None }], rows }
    }

    fn code(y: &[f64], classes: usize, weights: Option<&[f64]>, rows: usize) -> &'static str {
        check(&Sample { x: &matrix(rows), y, classes, weights, groups: None }).unwrap_err().code
    }

    #[test]
    fn what_cannot_be_learned_is_refused_by_name() {
        assert_eq!(code(&[], 0, None, 0), "no-rows");
        assert_eq!(code(&[1.0], 0, None, 2), "length-mismatch");
        assert_eq!(code(&[1.0, f64::NAN], 0, None, 2), "target-not-finite");
        assert_eq!(code(&[1.0, f64::INFINITY], 0, None, 2), "target-not-finite");
        assert_eq!(code(&[0.0, 2.0], 2, None, 2), "target-not-a-class");
        assert_eq!(code(&[0.0, 0.5], 2, None, 2), "target-not-a-class");
        assert_eq!(code(&[0.0, 1.0], 2, Some(&[1.0, -1.0]), 2), "weight-invalid");
        assert_eq!(code(&[0.0, 1.0], 2, Some(&[0.0, 0.0]), 2), "no-rows");
        assert_eq!(code(&[0.0, 1.0], 2, Some(&[1.0]), 2), "length-mismatch");
    }

    #[test]
    fn one_class_is_refused_also_when_the_others_have_no_weight() {
        let x = matrix(2);
        let sample = Sample { x: &x, y: &[0.0, 1.0], classes: 2, weights: Some(&[1.0, 0.0]), groups: None };
        assert!(check(&sample).is_ok());
        assert_eq!(class_weights(&sample).unwrap_err().code, "single-class");
    }
}
