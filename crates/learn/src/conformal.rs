//! Split-conformal prediction (Papadopoulos et al. 2002; Vovk, Gammerman and Shafer 2005): intervals and sets that hold
//! the actual value with at least the probability they claim, whatever the model, as long as new rows are like those
//! they were calibrated on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{LearnError, Prediction, features::numbers::quantile};

/// What to predict beside the prediction itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ConformalParams {
    /// The share of actual values that intervals or sets are to hold (0.5 to 0.99).
    pub level: f64,
    /// How they are made: `absolute` (default) or `normalised` for numbers, `lac` (default) or `aps` for classes.
    pub method: Option<Method>,
}

impl Default for ConformalParams {
    fn default() -> Self {
        Self { level: 0.9, method: None }
    }
}

/// How unlike its prediction an actual value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// By the absolute error: intervals of one width.
    Absolute,
    /// By the absolute error over the usual one at such a prediction: wider where the model errs more.
    Normalised,
    /// By one minus the probability of the class: the smallest sets on average (Sadinle, Lei and Wasserman 2019).
    Lac,
    /// By the probabilities of all classes at least as probable: sets grow where classes are hard to tell apart (Romano,
    /// Sesia and Candès 2020), without their random choice at the edge, so they hold a little more than they claim.
    Aps,
}

impl Method {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Absolute => "absolute",
            Self::Normalised => "normalised",
            Self::Lac => "lac",
            Self::Aps => "aps",
        }
    }
}

/// A fitted conformal predictor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conformal {
    /// The share it claims to hold.
    pub level: f64,
    /// How it is made.
    pub method: Method,
    /// The score up to which a value belongs to the interval or set.
    pub reach: f64,
    /// For [`Method::Normalised`]: (prediction, usual absolute error there), ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub usual: Vec<[f64; 2]>,
    /// Rows it was calibrated on.
    pub rows: u64,
}

/// Ranges of the prediction in which the usual error is taken.
const RANGES: usize = 10;

impl ConformalParams {
    /// Checks the ranges.
    #[must_use]
    pub fn check(&self) -> Option<LearnError> {
        (!(0.5..=0.99).contains(&self.level)).then(|| LearnError {
            code: "out-of-range",
            message: format!("`level` is {}; expected 0.5 to 0.99", self.level),
            help: None,
            field: Some("conformal"),
        })
    }
}

impl Conformal {
    /// Calibrates on predictions of rows that the model has not learned from; `truth` holds values or class codes.
    ///
    /// # Errors
    /// `too-few-rows` where no number of rows as small could keep the claim; `method-does-not-fit`; `lengths-differ`.
    pub fn fit(params: &ConformalParams, truth: &[f64], prediction: &Prediction) -> Result<Self, LearnError> {
        let refuse = |code, message: String, help: Option<String>| {
            Err(LearnError { code, message, help, field: Some("conformal") })
        };
        let unfit = |method: Method, what: &str, those: &str| {
            let message = format!("`{}` does not fit a model that predicts {what}", method.name());
            refuse("method-does-not-fit", message, Some(format!("those that fit are {those}")))
        };
        let (method, mut scores, usual) = match prediction {
            Prediction::Values(values) if values.len() == truth.len() => {
                let errors = || truth.iter().zip(values).map(|(truth, value)| (truth - value).abs());
                match params.method.unwrap_or(Method::Absolute) {
                    method @ Method::Absolute => (method, errors().collect::<Vec<f64>>(), Vec::new()),
                    method @ Method::Normalised => {
                        // One half of the rows tells the usual error, the other what is beyond it.
                        let errors: Vec<f64> = errors().collect();
                        let half = |odd: usize| (0..values.len()).filter(move |row| row % 2 == odd);
                        let usual = usual(half(0).map(|row| [values[row], errors[row]]).collect());
                        let scores = half(1).map(|row| errors[row] / error_at(&usual, values[row])).collect();
                        (method, scores, usual)
                    }
                    method => return unfit(method, "numbers", "`absolute` and `normalised`"),
                }
            }
            Prediction::Probabilities { classes, values } if values.len() == truth.len() * classes => {
                let method = params.method.unwrap_or(Method::Lac);
                if matches!(method, Method::Absolute | Method::Normalised) {
                    return unfit(method, "classes", "`lac` and `aps`");
                }
                let rows = values.chunks_exact((*classes).max(1)).zip(truth);
                (method, rows.map(|(row, truth)| score(method, row, *truth as usize)).collect(), Vec::new())
            }
            Prediction::Clusters { .. } => return unfit(params.method.unwrap_or(Method::Lac), "clusters", "none"),
            _ => return refuse("lengths-differ", "there is not one prediction a row".to_owned(), None),
        };
        scores.sort_unstable_by(f64::total_cmp);
        let count = scores.len();
        // The (n + 1)(1 - miss) smallest score, rounded up: one new row is as likely to take any place among them.
        let rank = ((count + 1) as f64 * params.level - 1e-9).ceil() as usize;
        match scores.get(rank.wrapping_sub(1)) {
            Some(&reach) if reach.is_finite() => {
                Ok(Self { level: params.level, method, reach, usual, rows: truth.len() as u64 })
            }
            _ => {
                let least = (params.level / (1.0 - params.level)).ceil();
                let message = format!("{count} rows are too few to hold {} of all values", params.level);
                refuse("too-few-rows", message, Some(format!("it takes at least {least} held-out rows")))
            }
        }
    }

    /// The interval of each row; none for a model that predicts classes.
    #[must_use]
    pub fn intervals(&self, prediction: &Prediction) -> Option<Vec<[f64; 2]>> {
        let Prediction::Values(values) = prediction else { return None };
        let reach = |value: f64| match self.method {
            Method::Normalised => self.reach * error_at(&self.usual, value),
            _ => self.reach,
        };
        Some(values.iter().map(|&value| [value - reach(value), value + reach(value)]).collect())
    }

    /// Whether each class is in the row's set, row by row; none for a model that predicts numbers. The most probable
    /// class always is.
    #[must_use]
    pub fn sets(&self, prediction: &Prediction) -> Option<Vec<bool>> {
        let Prediction::Probabilities { classes, values } = prediction else { return None };
        let mut sets = Vec::with_capacity(values.len());
        for row in values.chunks_exact((*classes).max(1)) {
            let most = (1..row.len()).fold(0, |most, class| if row[class] > row[most] { class } else { most });
            sets.extend((0..row.len()).map(|class| class == most || score(self.method, row, class) <= self.reach));
        }
        Some(sets)
    }
}

/// How unlike the probabilities a class is.
fn score(method: Method, row: &[f64], class: usize) -> f64 {
    let own = row.get(class).copied().unwrap_or(0.0);
    match method {
        Method::Aps => row
            .iter()
            .enumerate()
            .filter(|(other, share)| **share > own || *other == class)
            .map(|(_, share)| share)
            .sum(),
        _ => 1.0 - own,
    }
}

/// The mean absolute error in each tenth of the predictions, never below a hundredth of the mean over all.
fn usual(mut rows: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    rows.sort_unstable_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    let mean = |rows: &[[f64; 2]], at: usize| rows.iter().map(|row| row[at]).sum::<f64>() / rows.len().max(1) as f64;
    let least = (mean(&rows, 1) / 100.0).max(f64::MIN_POSITIVE);
    let each = rows.len().div_ceil(RANGES).max(1);
    let mut usual: Vec<[f64; 2]> = rows.chunks(each).map(|rows| [mean(rows, 0), mean(rows, 1).max(least)]).collect();
    usual.dedup_by(|next, before| next[0] <= before[0]);
    usual
}

/// The usual error at a prediction: linear between the ranges' middles, level beyond them.
fn error_at(usual: &[[f64; 2]], value: f64) -> f64 {
    let after = usual.partition_point(|point| point[0] <= value);
    match (after.checked_sub(1).map(|before| usual[before]), usual.get(after)) {
        (None, None) => 1.0,
        (None, Some(point)) => point[1],
        (Some(point), None) => point[1],
        (Some(from), Some(to)) => from[1] + (to[1] - from[1]) * (value - from[0]) / (to[0] - from[0]),
    }
}

/// Names and rows of the quarters of some predictions, for telling whether coverage is the same everywhere.
#[must_use]
pub fn quarters(values: &[f64]) -> Vec<(String, Vec<usize>)> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let cuts = [0.25, 0.5, 0.75].map(|share| quantile(&sorted, share));
    let names = ["lowest quarter", "second quarter", "third quarter", "highest quarter"];
    let place = |value: f64| cuts.iter().filter(|cut| value > **cut).count();
    let rows = |quarter: usize| (0..values.len()).filter(|&row| place(values[row]) == quarter).collect();
    names.iter().enumerate().map(|(quarter, name)| ((*name).to_owned(), rows(quarter))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(row: usize) -> f64 {
        ((row * 7919 % 1009) as f64 - 504.0) / 504.0
    }

    #[test]
    fn intervals_hold_what_they_claim_on_new_rows() {
        // The error grows with the prediction.
        let truth = |row: usize| (row % 100) as f64 + noise(row) * (1.0 + (row % 100) as f64);
        let values: Vec<f64> = (0..4000).map(|row| (row % 100) as f64).collect();
        let actual: Vec<f64> = (0..4000).map(truth).collect();
        let seen = Prediction::Values(values[..2000].to_vec());
        let new = Prediction::Values(values[2000..].to_vec());
        let mut widths = Vec::new();
        for method in [Method::Absolute, Method::Normalised] {
            let params = ConformalParams { level: 0.9, method: Some(method) };
            let fitted = Conformal::fit(&params, &actual[..2000], &seen).unwrap();
            let intervals = fitted.intervals(&new).unwrap();
            let held = intervals.iter().zip(&actual[2000..]).filter(|([low, high], y)| low <= y && *y <= high).count();
            assert!((0.87..0.93).contains(&(held as f64 / 2000.0)), "{method:?}: {held}");
            widths.push(intervals.iter().map(|[low, high]| high - low).sum::<f64>());
            assert!(fitted.sets(&new).is_none());
        }
        assert!(widths[1] < widths[0], "wider only where the model errs more: {widths:?}");
    }

    #[test]
    fn sets_hold_what_they_claim_on_new_rows() {
        let shares = |row: usize| {
            let parts = [0, 1, 2].map(|k| 1.0 + ((row * (k + 3) * 37 + k * 11) % 29) as f64);
            parts.map(|part| part / parts.iter().sum::<f64>())
        };
        let class = |row: usize| {
            let (at, shares) = ((noise(row) + 1.0) / 2.0, shares(row));
            if at < shares[0] {
                0.0
            } else if at < shares[0] + shares[1] {
                1.0
            } else {
                2.0
            }
        };
        let prediction = |from: usize, to: usize| Prediction::Probabilities {
            classes: 3,
            values: (from..to).flat_map(shares).collect(),
        };
        let truth: Vec<f64> = (0..6000).map(class).collect();
        for method in [Method::Lac, Method::Aps] {
            let params = ConformalParams { level: 0.8, method: Some(method) };
            let fitted = Conformal::fit(&params, &truth[..3000], &prediction(0, 3000)).unwrap();
            let sets = fitted.sets(&prediction(3000, 6000)).unwrap();
            let held = (0..3000).filter(|&row| sets[row * 3 + truth[3000 + row] as usize]).count() as f64 / 3000.0;
            assert!((0.77..0.9).contains(&held), "{method:?}: {held}");
            assert!(sets.chunks(3).all(|set| set.contains(&true)));
        }
    }

    #[test]
    fn claims_that_cannot_be_kept_are_refused() {
        let params = ConformalParams { level: 0.9, method: None };
        let few = Prediction::Values(vec![0.0; 8]);
        assert_eq!(Conformal::fit(&params, &[1.0; 8], &few).unwrap_err().code, "too-few-rows");
        let nine = Prediction::Values(vec![0.0; 9]);
        let truth: Vec<f64> = (1..10).map(f64::from).collect();
        assert_eq!(Conformal::fit(&params, &truth, &nine).unwrap().reach, 9.0, "the highest of nine for nine tenths");
        let wrong = ConformalParams { method: Some(Method::Lac), ..params };
        assert_eq!(Conformal::fit(&wrong, &truth, &nine).unwrap_err().code, "method-does-not-fit");
        assert!(ConformalParams { level: 1.0, method: None }.check().is_some());
    }
}
