//! Monotone constraints: a prediction that may only rise, or only fall, as a feature rises.
//!
//! The method is LightGBM's `basic`: a split on a constrained feature must put its children in the right order, and all
//! leaves below either child stay on their side of the middle between the two.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::problem::nearest;

use super::bins::Layout;
use super::loss::Loss;
use crate::estimator::LearnError;
use crate::matrix::Matrix;

/// Which way a prediction may go as a feature rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// It never falls.
    Increasing,
    /// It never rises.
    Decreasing,
}

/// The sign of each column of the layout: 1 increasing, -1 decreasing, 0 free. Empty when all are free.
///
/// # Errors
/// `monotone-unknown`, `monotone-category`, `monotone-loss`.
pub(crate) fn signs(
    wanted: &BTreeMap<String, Direction>,
    x: &Matrix,
    layout: &Layout,
    loss: Loss,
) -> Result<Vec<f64>, LearnError> {
    let refuse =
        |code, message: String, help: Option<String>| Err(LearnError { code, message, help, field: Some("monotone") });
    for name in wanted.keys() {
        match x.features.iter().find(|feature| feature.name == *name) {
            None => {
                let names = || x.features.iter().map(|feature| feature.name.as_str());
                let help = match nearest(name, names()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "name a feature as it is called after the features were made".to_owned(),
                };
                return refuse("monotone-unknown", format!("no feature `{name}` to constrain"), Some(help));
            }
            Some(feature) if feature.levels.is_some() => {
                let message = format!("`{name}` is a category, whose levels have no order to be monotone in");
                let help = "make it a number in the step before, or leave it out of `monotone`";
                return refuse("monotone-category", message, Some(help.to_owned()));
            }
            Some(_) => {}
        }
    }
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    if matches!(loss, Loss::Absolute | Loss::Quantile) {
        let message = "monotone constraints do not go with a loss whose leaves are quantiles".to_owned();
        return refuse("monotone-loss", message, Some("use `loss: huber` or `squared`".to_owned()));
    }
    if loss == Loss::Softmax {
        let message = "monotone constraints do not hold for the probabilities of three or more classes".to_owned();
        return refuse("monotone-loss", message, Some("leave `monotone` out, or predict one class".to_owned()));
    }
    let sign = |name: &str| match wanted.get(name) {
        Some(Direction::Increasing) => 1.0,
        Some(Direction::Decreasing) => -1.0,
        None => 0.0,
    };
    Ok(layout.columns.iter().map(|column| sign(&x.features[column.feature].name)).collect())
}
