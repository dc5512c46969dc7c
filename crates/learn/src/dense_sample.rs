//! What a sample must be before a linear model can learn from it.

use crate::{LearnError, Sample};

/// Checks shapes and that every number is finite; then hands back one weight a row.
pub(crate) fn checked_weights(train: &Sample<'_>) -> Result<Vec<f64>, LearnError> {
    let rows = train.y.len();
    let refuse = |code, message: String, help: Option<&str>| {
        Err(LearnError { code, message, help: help.map(str::to_owned), field: None })
    };
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
    let holed: Vec<String> = train
        .x
        .features
        .iter()
        .filter(|feature| feature.values.iter().any(|value| !value.is_finite()))
        .map(|feature| format!("`{}`", feature.name))
        .collect();
    if !holed.is_empty() {
        return refuse(
            "missing-values",
            format!("a linear model takes no missing or infinite value, found some in {}", holed.join(", ")),
            Some("set `features.impute.number` to `median`"),
        );
    }
    let weights = train.weights.map_or_else(|| vec![1.0; rows], <[f64]>::to_vec);
    if let Some(weight) = weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
        return refuse("weight-out-of-range", format!("weights must be finite and at least 0, found {weight}"), None);
    }
    if weights.iter().all(|&weight| weight == 0.0) {
        return refuse("no-rows", "every training row has weight 0".to_owned(), None);
    }
    Ok(weights)
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
        checked_weights(&Sample { x: &x, y, classes: 0, weights, groups: None })
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
