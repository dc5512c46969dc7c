//! Evaluating models against actual values.

mod comparisons;
mod decide;
pub mod explain;
mod gates;
mod judge;
pub mod learning_curve;
pub mod models;
mod reuse;
pub mod robustness;
mod slices;
mod suspicions;
pub(crate) mod unseen;
mod yardsticks;

use trainyard_core::step::ErasedStep;

/// The steps of this stage.
pub const STEPS: &[&dyn ErasedStep] =
    &[&models::Models, &explain::Explain, &robustness::Robustness, &learning_curve::LearningCurve];
