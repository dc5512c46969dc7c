//! Training estimators: a split goes in, a model package comes out.
//!
//! Every step here takes the same common parameters ([`training::Common`]) beside its estimator's own. Whatever is
//! learned from data (filling, scaling, encoding) is learned in here, from training rows alone.

mod cross_validate;
mod fit;
pub mod forest;
pub mod gradient_boosting;
pub mod linear;
pub mod logistic;
pub mod training;

use trainyard_core::step::ErasedStep;

/// The steps of this stage.
pub const STEPS: &[&dyn ErasedStep] =
    &[&gradient_boosting::GradientBoosting, &forest::Forest, &linear::Linear, &logistic::Logistic];
