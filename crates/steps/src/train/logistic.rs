//! `train/logistic`: logistic regression, for two classes or more.
//!
//! Missing numbers are filled with the median, numbers scaled, categories one-hot coded; all of it fitted on training
//! rows. The penalty is `1 / (2 c)` times the squared coefficients, as in scikit-learn.

use trainyard_core::{Context, Inputs, Outlines, Outputs, Ports, Problem, Setting, Step, StepError};
use trainyard_learn::{features::Wants, fitted_model::FittedModel, logistic};

use super::{
    fit::{self, Algorithm, Fitting},
    training::Training,
};

/// Logistic regression.
pub struct Logistic;

impl Algorithm for Logistic {
    type Estimator = logistic::Logistic;
    const WANTS: Wants = Wants::Dense;

    fn as_long_as(_: &logistic::Params, _: Option<&FittedModel>) -> Option<logistic::Params> {
        None
    }

    fn keep(model: logistic::LogisticModel) -> Fitting {
        Fitting::of(FittedModel::Logistic(model))
    }
}

impl Step for Logistic {
    const NAME: &'static str = "train/logistic";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "logistic regression, for two classes or more";
    const EXAMPLES: &'static [&'static str] = &["{}", r#"{"c": 0.1, "seed": 7, "resample": {"k-fold": 5}}"#];
    type Params = Training<logistic::Params>;
    type Checked = Self::Params;

    fn ports(_: &Self::Params) -> Ports {
        fit::ports()
    }

    fn check(params: Self::Params, inputs: &Outlines, _: &Setting) -> Result<(Self::Params, Outlines), Vec<Problem>> {
        fit::check::<Self>(params, inputs)
    }

    fn run(params: &Self::Params, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        fit::run::<Self>(params, inputs, context)
    }
}
