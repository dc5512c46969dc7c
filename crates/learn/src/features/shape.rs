//! Curves that bend a number's distribution.

use serde::{Deserialize, Serialize};

use crate::{
    LearnError,
    features::{Scale, power, quantile_map},
};

/// A curve that a number goes through; NaN stays NaN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "curve")]
pub enum Shape {
    /// The number's place among `quantiles` as a share, linear between them; the mean of the lowest and the highest
    /// place where several are equal to it. 0 at and below the first, 1 at and above the last.
    Quantile {
        /// The quantiles of the training rows at equally spaced shares from 0 to 1, ascending.
        quantiles: Vec<f64>,
    },
    /// The same share as a quantile of the standard normal distribution, kept within those of 1e-7 and 1 - 1e-7.
    QuantileNormal {
        /// The quantiles of the training rows at equally spaced shares from 0 to 1, ascending.
        quantiles: Vec<f64>,
    },
    /// `((x + 1)^λ - 1) / λ` from 0 on, `-((1 - x)^(2 - λ) - 1) / (2 - λ)` below, with logarithms where the power is 0
    /// (Yeo and Johnson 2000).
    YeoJohnson {
        /// The power λ.
        lambda: f64,
    },
    /// `(x^λ - 1) / λ`, and `ln x` where λ is 0, for numbers above 0 (Box and Cox 1964).
    BoxCox {
        /// The power λ.
        lambda: f64,
    },
}

impl Shape {
    /// Learns the curve of a scale that has one from ascending finite values.
    pub(super) fn fit(scale: Scale, sorted: &[f64], name: &str) -> Result<Option<Self>, LearnError> {
        Ok(Some(match scale {
            Scale::Quantile => Self::Quantile { quantiles: quantile_map::fit(sorted) },
            Scale::QuantileNormal => Self::QuantileNormal { quantiles: quantile_map::fit(sorted) },
            Scale::YeoJohnson => Self::YeoJohnson { lambda: power::fit(sorted, power::yeo_johnson_loss) },
            Scale::BoxCox => {
                positive(sorted, name)?;
                Self::BoxCox { lambda: power::fit(sorted, power::box_cox_loss) }
            }
            Scale::Standard | Scale::MinMax | Scale::Robust | Scale::None => return Ok(None),
        }))
    }

    /// Puts every value through the curve.
    pub(super) fn apply(&self, values: &mut [f64], name: &str) -> Result<(), LearnError> {
        match self {
            Self::Quantile { quantiles } => {
                values.iter_mut().for_each(|value| *value = quantile_map::share(quantiles, *value, 0.0));
            }
            Self::QuantileNormal { quantiles } => {
                values.iter_mut().for_each(|value| *value = quantile_map::normal(quantiles, *value));
            }
            Self::YeoJohnson { lambda } => {
                values.iter_mut().for_each(|value| *value = power::yeo_johnson(*value, *lambda));
            }
            Self::BoxCox { lambda } => {
                positive(values, name)?;
                values.iter_mut().for_each(|value| *value = power::box_cox(*value, *lambda));
            }
        }
        Ok(())
    }
}

fn positive(values: &[f64], name: &str) -> Result<(), LearnError> {
    match values.iter().find(|&&value| value <= 0.0) {
        None => Ok(()),
        Some(value) => Err(LearnError {
            code: "not-positive",
            message: format!("column `{name}` must hold numbers above 0 for `box-cox`, found {value}"),
            help: Some("set `scale: yeo-johnson`, which takes any number".to_owned()),
            field: Some("scale"),
        }),
    }
}
