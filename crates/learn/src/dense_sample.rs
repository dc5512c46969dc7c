//! What a sample must be before an estimator can learn from it that takes finite numbers only.

use crate::{Estimator, LearnError, Matrix, Sample};

/// Beyond this a sum of squares could overflow.
const LARGEST: f64 = 1e150;

fn refuse<T>(code: &'static str, message: String, help: Option<&str>) -> Result<T, LearnError> {
    Err(LearnError { code, message, help: help.map(str::to_owned), field: None })
}

/// Checks shapes and that every number is finite; then hands back one weight a row. `estimator` is named in messages.
///
/// # Errors
/// `no-rows`, `lengths-differ`, `target-not-finite`, and those of [`checked_rows`].
pub(crate) fn checked_weights(train: &Sample<'_>, estimator: &str) -> Result<Vec<f64>, LearnError> {
    let rows = train.y.len();
    if rows == 0 {
        return refuse("no-rows", "there is no training row".to_owned(), None);
    }
    if train.x.rows != rows || train.weights.is_some_and(|weights| weights.len() != rows) {
        let weights = train.weights.map_or(rows, <[f64]>::len);
        let found = format!("{} rows of features, {rows} of targets and {weights} of weights", train.x.rows);
        return refuse("lengths-differ", format!("features, targets and weights must be aligned, found {found}"), None);
    }
    if let Some(row) = train.y.iter().position(|value| !value.is_finite()) {
        let message = format!("the target must be a finite number in every training row, found {}", train.y[row]);
        return refuse("target-not-finite", message, Some("drop the rows without a target"));
    }
    checked_rows(train.x, train.weights, estimator)
}

/// Checks features and weights where no target is looked at; then hands back one weight a row.
///
/// # Errors
/// `no-rows`, `lengths-differ`, `missing-values`, `weight-out-of-range`.
fn checked_rows(x: &Matrix, weights: Option<&[f64]>, estimator: &str) -> Result<Vec<f64>, LearnError> {
    let rows = x.rows;
    if rows == 0 {
        return refuse("no-rows", "there is no training row".to_owned(), None);
    }
    let lengths = x.features.iter().map(|feature| feature.values.len()).chain(weights.map(<[f64]>::len));
    if let Some(length) = lengths.into_iter().find(|&length| length != rows) {
        return refuse(
            "lengths-differ",
            format!("features and weights must be aligned, found {length} and {rows} rows"),
            None,
        );
    }
    let holed: Vec<String> = x
        .features
        .iter()
        .filter(|feature| feature.values.iter().any(|value| !value.is_finite()))
        .map(|feature| format!("`{}`", feature.name))
        .collect();
    if !holed.is_empty() {
        return refuse(
            "missing-values",
            format!("`{estimator}` takes no missing or infinite value, found some in {}", holed.join(", ")),
            Some("set `features.impute.number` to `median`"),
        );
    }
    let weights = weights.map_or_else(|| vec![1.0; rows], <[f64]>::to_vec);
    if let Some(weight) = weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
        return refuse("weight-out-of-range", format!("weights must be finite and at least 0, found {weight}"), None);
    }
    if weights.iter().all(|&weight| weight == 0.0) {
        return refuse("no-rows", "every training row has weight 0".to_owned(), None);
    }
    Ok(weights)
}

/// For estimators that measure distances, before they learn: the parameters are in their ranges and the sample can be
/// learned from; then hands back one weight a row.
///
/// # Errors
/// The first problem of the parameters, and those of [`checked_weights`] and [`check_measurable`].
pub(crate) fn guarded<E: Estimator>(params: &E::Params, train: &Sample<'_>) -> Result<Vec<f64>, LearnError> {
    E::refuse(params)?;
    let weights = checked_weights(train, E::NAME)?;
    check_measurable(train.x)?;
    Ok(weights)
}

/// As [`guarded`], for estimators that look at no target.
///
/// # Errors
/// As [`guarded`].
pub(crate) fn guarded_rows<E: Estimator>(params: &E::Params, train: &Sample<'_>) -> Result<Vec<f64>, LearnError> {
    E::refuse(params)?;
    let weights = checked_rows(train.x, train.weights, E::NAME)?;
    check_measurable(train.x)?;
    Ok(weights)
}

/// For estimators that measure distances: the features must be there and not so large that a square overflows.
///
/// # Errors
/// `no-features`, `overflow`.
fn check_measurable(x: &Matrix) -> Result<(), LearnError> {
    if x.features.is_empty() {
        return refuse("no-features", "there is no feature to learn from".to_owned(), None);
    }
    match x.features.iter().find(|feature| feature.values.iter().any(|value| value.abs() > LARGEST)) {
        Some(feature) => refuse(
            "overflow",
            format!("the numbers of `{}` are too large to measure distances by", feature.name),
            Some("scale the features, or look for outliers"),
        ),
        None => Ok(()),
    }
}

/// The classes that have weight, ascending.
///
/// # Errors
/// `class-out-of-range`, and `single-class` where fewer than two have weight.
pub(crate) fn present_classes(train: &Sample<'_>, weights: &[f64]) -> Result<Vec<usize>, LearnError> {
    let mut totals = vec![0.0; train.classes];
    for (&class, weight) in train.y.iter().zip(weights) {
        let whole = class.fract() == 0.0 && class >= 0.0 && class < train.classes as f64;
        if !whole {
            let last = train.classes.saturating_sub(1);
            let message = format!("class codes must be whole numbers from 0 to {last}, found {class}");
            return refuse("class-out-of-range", message, None);
        }
        totals[class as usize] += weight;
    }
    let present: Vec<usize> = (0..train.classes).filter(|&class| totals[class] > 0.0).collect();
    if present.len() < 2 {
        return refuse(
            "single-class",
            "the training rows hold only one class, so there is nothing to tell apart".to_owned(),
            Some("check the target and the split; a stratified split keeps every class in each part"),
        );
    }
    Ok(present)
}

/// Each row's place in `present`.
pub(crate) fn places(y: &[f64], present: &[usize]) -> Vec<u32> {
    y.iter().map(|&class| present.iter().position(|&known| known as f64 == class).unwrap_or(0) as u32).collect()
}

/// The weighted mean, corrected once so that its rounding error does not grow with the number of rows.
pub(crate) fn weighted_mean(values: &[f64], weights: &[f64], total: f64) -> f64 {
    let first = values.iter().zip(weights).map(|(value, weight)| value * weight).sum::<f64>() / total;
    first + values.iter().zip(weights).map(|(value, weight)| (value - first) * weight).sum::<f64>() / total
}

#[cfg(test)]
mod tests {
    use super::checked_weights;
    use crate::{Feature, Matrix, Sample};

    fn code(values: &[f64], y: &[f64], weights: Option<&[f64]>) -> &'static str {
        let feature = Feature { name: "x".to_owned(), values: values.to_vec(), levels: None };
        let x = Matrix { features: vec![feature], rows: values.len() };
        checked_weights(&Sample { x: &x, y, classes: 0, weights, groups: None }, "linear")
            .map_or_else(|error| error.code, |_| "fine")
    }

    #[test]
    fn every_unfit_sample_is_refused() {
        assert_eq!(code(&[1.0, 2.0], &[1.0, 2.0], None), "fine");
        assert_eq!(code(&[], &[], None), "no-rows");
        assert_eq!(code(&[1.0], &[1.0, 2.0], None), "lengths-differ");
        assert_eq!(code(&[1.0], &[1.0], Some(&[])), "lengths-differ");
        assert_eq!(code(&[1.0], &[f64::NAN], None), "target-not-finite");
        assert_eq!(code(&[f64::INFINITY], &[1.0], None), "missing-values");
        assert_eq!(code(&[1.0], &[1.0], Some(&[-1.0])), "weight-out-of-range");
        assert_eq!(code(&[1.0], &[1.0], Some(&[0.0])), "no-rows");
    }
}
