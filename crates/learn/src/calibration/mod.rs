//! Probabilities made to mean what they say, by a map fitted on rows that the model has not learned from.

mod isotonic;
mod platt;
mod temperature;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{LearnError, Prediction};

/// How probabilities are mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// By the best rising steps (Zadrozny and Elkan 2002): any shape, needs some thousand rows.
    Isotonic,
    /// By a sigmoid of the log odds (Platt 1999): two numbers a class, for few rows.
    Platt,
    /// By one temperature that all log probabilities are divided by (Guo et al. 2017): keeps the order of classes.
    Temperature,
}

impl Method {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Isotonic => "isotonic",
            Self::Platt => "platt",
            Self::Temperature => "temperature",
        }
    }
}

/// A fitted map of probabilities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Calibration {
    /// Rising steps, joined by straight lines, of each class; of class 1 alone where there are two.
    Isotonic(Vec<isotonic::Steps>),
    /// A sigmoid of each class; of class 1 alone where there are two.
    Platt(Vec<platt::Sigmoid>),
    /// The temperature.
    Temperature(f64),
}

/// Rows below which nothing is fitted.
const FEWEST: usize = 10;

impl Calibration {
    /// Fits a map on predictions of rows that the model has not learned from; `truth` holds class codes.
    ///
    /// # Errors
    /// `no-probabilities` for a prediction of numbers, `too-few-rows` below 10, `single-class`, `class-absent` for a
    /// class without a row, `lengths-differ`.
    pub fn fit(
        method: Method,
        truth: &[f64],
        prediction: &Prediction,
        weights: Option<&[f64]>,
    ) -> Result<Self, LearnError> {
        let refuse = |code, message: String| Err(LearnError { code, message, help: None, field: Some("calibrate") });
        let Prediction::Probabilities { classes, values } = prediction else {
            return refuse("no-probabilities", "only probabilities can be calibrated".to_owned());
        };
        let classes = *classes;
        if values.len() != truth.len() * classes || weights.is_some_and(|weights| weights.len() != truth.len()) {
            let message = format!("there are {} rows but {} probabilities", truth.len(), values.len());
            return refuse("lengths-differ", message);
        }
        if truth.len() < FEWEST {
            return refuse("too-few-rows", format!("{} rows are too few to calibrate on", truth.len()));
        }
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let of = |class: usize| (0..truth.len()).filter(|&row| truth[row] == class as f64).map(weight).sum::<f64>();
        if let Some(class) = (0..classes).find(|&class| of(class) <= 0.0) {
            let code = if classes == 2 { "single-class" } else { "class-absent" };
            return refuse(code, format!("none of the {} rows to calibrate on is of class {class}", truth.len()));
        }
        if method == Method::Temperature {
            return Ok(Self::Temperature(temperature::fit(truth, classes, values, &weight)));
        }
        let fitted: Vec<usize> = if classes == 2 { vec![1] } else { (0..classes).collect() };
        let column = |class: usize| values.iter().skip(class).step_by(classes).copied().collect::<Vec<f64>>();
        let hits = |class: usize| truth.iter().map(|&truth| truth == class as f64).collect::<Vec<bool>>();
        Ok(match method {
            Method::Isotonic => Self::Isotonic(
                fitted.iter().map(|&class| isotonic::fit(&column(class), &hits(class), &weight)).collect(),
            ),
            _ => Self::Platt(fitted.iter().map(|&class| platt::fit(&column(class), &hits(class), &weight)).collect()),
        })
    }

    /// How it maps.
    #[must_use]
    pub const fn method(&self) -> Method {
        match self {
            Self::Isotonic(_) => Method::Isotonic,
            Self::Platt(_) => Method::Platt,
            Self::Temperature(_) => Method::Temperature,
        }
    }

    /// The mapped probabilities, row by row; numbers stay as they are.
    #[must_use]
    pub fn apply(&self, prediction: Prediction) -> Prediction {
        let Prediction::Probabilities { classes, mut values } = prediction else { return prediction };
        for row in values.chunks_exact_mut(classes.max(1)) {
            match self {
                Self::Isotonic(maps) => each(row, maps, isotonic::Steps::at),
                Self::Platt(maps) => each(row, maps, platt::Sigmoid::at),
                Self::Temperature(temperature) => temperature::apply(row, *temperature),
            }
        }
        Prediction::Probabilities { classes, values }
    }
}

/// Maps each class by itself and makes the row sum to one again.
fn each<M>(row: &mut [f64], maps: &[M], at: fn(&M, f64) -> f64) {
    if let ([_, _], [map]) = (&*row, maps) {
        let positive = at(map, row[1]).clamp(0.0, 1.0);
        row.copy_from_slice(&[1.0 - positive, positive]);
        return;
    }
    row.iter_mut().zip(maps).for_each(|(share, map)| *share = at(map, *share).clamp(0.0, 1.0));
    let sum: f64 = row.iter().sum();
    let even = 1.0 / row.len() as f64;
    row.iter_mut().for_each(|share| *share = if sum > 0.0 { *share / sum } else { even });
}
