//! Fitted feature transforms, estimators, resampling, metrics and statistics, as pure functions of arrays.
//!
//! Knows no pipeline, file, clock or table library. Everything is seeded, and equal inputs give bit-identical
//! results at any thread count.

pub mod baseline;
pub mod boosting;
mod chunks;
#[cfg(test)]
mod contract;
mod dense_sample;
pub mod estimator;
pub mod features;
pub mod fitted_model;
pub mod frame;
pub mod importance;
pub mod linear;
pub mod logistic;
pub mod matrix;
pub mod metrics;
#[cfg(test)]
mod reference_data;
pub mod shap;
pub mod tuning;

pub use estimator::{Estimator, FitContext, Fitted, LearnError, Prediction, Sample};
pub use fitted_model::FittedModel;
pub use frame::{Frame, FrameColumn, Values};
pub use matrix::{Feature, Matrix};
