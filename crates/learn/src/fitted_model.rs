//! A fitted model of any estimator, as it lies in a model package.

use serde::{Deserialize, Serialize};

use crate::{
    Estimator, Fitted, Matrix, Prediction,
    boosting::{Forest, ForestModel, GradientBoosting, GradientBoostingModel},
    features::Wants,
    linear::{Linear, LinearModel},
    logistic::{Logistic, LogisticModel},
};

/// A fitted model, stored under the name of its estimator.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FittedModel {
    /// Trees added one after the other.
    GradientBoosting(GradientBoostingModel),
    /// Trees averaged.
    Forest(ForestModel),
    /// Linear regression.
    Linear(LinearModel),
    /// Logistic regression.
    Logistic(LogisticModel),
}

impl FittedModel {
    /// The name of the estimator that fitted it.
    #[must_use]
    pub const fn estimator(&self) -> &'static str {
        match self {
            Self::GradientBoosting(_) => GradientBoosting::NAME,
            Self::Forest(_) => Forest::NAME,
            Self::Linear(_) => Linear::NAME,
            Self::Logistic(_) => Logistic::NAME,
        }
    }
}

/// The form of features that the estimator of that name learns from; none for a name that is no estimator.
#[must_use]
pub fn wants(estimator: &str) -> Option<Wants> {
    match estimator {
        GradientBoosting::NAME | Forest::NAME => Some(Wants::Native),
        Linear::NAME | Logistic::NAME => Some(Wants::Dense),
        _ => None,
    }
}

impl Fitted for FittedModel {
    fn predict(&self, x: &Matrix) -> Prediction {
        match self {
            Self::GradientBoosting(model) => model.predict(x),
            Self::Forest(model) => model.predict(x),
            Self::Linear(model) => model.predict(x),
            Self::Logistic(model) => model.predict(x),
        }
    }
}

impl From<GradientBoostingModel> for FittedModel {
    fn from(model: GradientBoostingModel) -> Self {
        Self::GradientBoosting(model)
    }
}

impl From<ForestModel> for FittedModel {
    fn from(model: ForestModel) -> Self {
        Self::Forest(model)
    }
}

impl From<LinearModel> for FittedModel {
    fn from(model: LinearModel) -> Self {
        Self::Linear(model)
    }
}

impl From<LogisticModel> for FittedModel {
    fn from(model: LogisticModel) -> Self {
        Self::Logistic(model)
    }
}
