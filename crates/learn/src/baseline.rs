//! What guessing without features scores: the yardstick that any model must beat.

use serde::{Deserialize, Serialize};

use crate::{LearnError, Prediction, features::numbers::quantile};

/// A guess learned from training targets alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Baseline {
    /// The mean of the training target.
    Mean(f64),
    /// The median of the training target.
    Median(f64),
    /// The share of each class among the training rows; the most probable class is thereby the most frequent one.
    Prior(Vec<f64>),
}

impl Baseline {
    /// The baselines for a target with `classes` classes (0 for a regression: mean and median; else: prior), with one
    /// weight a row where given.
    ///
    /// # Errors
    /// No row, or targets that are not finite numbers or no class codes.
    pub fn fit(classes: usize, y: &[f64], weights: Option<&[f64]>) -> Result<Vec<Self>, LearnError> {
        let refuse = |code, message| Err(LearnError { code, message, help: None, field: None });
        let weight = |row: usize| weights.and_then(|weights| weights.get(row)).copied().unwrap_or(1.0);
        let total: f64 = (0..y.len()).map(weight).sum();
        if !(total > 0.0 && total.is_finite()) {
            return refuse("no-rows", "there is no training row with a weight above 0".to_owned());
        }
        if let Some(value) = y.iter().find(|value| !value.is_finite()) {
            return refuse("target-not-finite", format!("the target must be a finite number, found {value}"));
        }
        if classes == 0 {
            let mean = y.iter().enumerate().map(|(row, value)| value * weight(row)).sum::<f64>() / total;
            let mut sorted: Vec<f64> =
                y.iter().enumerate().filter(|(row, _)| weight(*row) > 0.0).map(|(_, value)| *value).collect();
            sorted.sort_unstable_by(f64::total_cmp);
            return Ok(vec![Self::Mean(mean), Self::Median(quantile(&sorted, 0.5))]);
        }
        let mut shares = vec![0.0; classes];
        for (row, &class) in y.iter().enumerate() {
            match shares.get_mut(class as usize) {
                Some(share) if class >= 0.0 && class.fract() == 0.0 => *share += weight(row) / total,
                _ => {
                    let message = format!("class codes must be whole numbers from 0 to {}, found {class}", classes - 1);
                    return refuse("class-out-of-range", message);
                }
            }
        }
        Ok(vec![Self::Prior(shares)])
    }

    /// Its name: `mean`, `median` or `prior`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Mean(_) => "mean",
            Self::Median(_) => "median",
            Self::Prior(_) => "prior",
        }
    }

    /// The same guess for each of `rows` rows.
    #[must_use]
    pub fn predict(&self, rows: usize) -> Prediction {
        match self {
            Self::Mean(value) | Self::Median(value) => Prediction::Values(vec![*value; rows]),
            Self::Prior(shares) => Prediction::Probabilities { classes: shares.len(), values: shares.repeat(rows) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Baseline;
    use crate::Prediction;

    #[test]
    fn numbers_are_guessed_by_mean_and_median() {
        let found = Baseline::fit(0, &[1.0, 2.0, 6.0], None).unwrap();
        assert_eq!(found, [Baseline::Mean(3.0), Baseline::Median(2.0)]);
        assert_eq!(found[0].predict(2), Prediction::Values(vec![3.0, 3.0]));
        assert_eq!(Baseline::fit(0, &[1.0, 2.0, 6.0], Some(&[1.0, 1.0, 0.0])).unwrap()[0], Baseline::Mean(1.5));
    }

    #[test]
    fn classes_are_guessed_by_their_shares() {
        let found = Baseline::fit(3, &[0.0, 1.0, 1.0, 1.0], None).unwrap();
        assert_eq!(found, [Baseline::Prior(vec![0.25, 0.75, 0.0])]);
        let expected = vec![0.25, 0.75, 0.0, 0.25, 0.75, 0.0];
        assert_eq!(found[0].predict(2), Prediction::Probabilities { classes: 3, values: expected });
    }

    #[test]
    fn targets_that_are_none_are_refused() {
        assert_eq!(Baseline::fit(0, &[], None).unwrap_err().code, "no-rows");
        assert_eq!(Baseline::fit(0, &[f64::NAN], None).unwrap_err().code, "target-not-finite");
        assert_eq!(Baseline::fit(2, &[2.0], None).unwrap_err().code, "class-out-of-range");
        assert_eq!(Baseline::fit(2, &[-1.0], None).unwrap_err().code, "class-out-of-range");
    }
}
