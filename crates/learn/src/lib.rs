//! Fitted feature transforms, estimators, resampling, metrics and statistics, as pure functions of arrays.
//!
//! Knows no pipeline, file, clock or table library. Everything is seeded, and equal inputs give bit-identical
//! results at any thread count.

pub mod baseline;
pub mod boosting;
pub mod calibration;
mod chunks;
pub mod conformal;
#[cfg(test)]
mod contract;
mod dense_sample;
pub mod dependence;
pub mod diagnose;
pub mod disturb;
pub mod ensemble;
pub mod estimator;
pub mod features;
pub mod fitted_model;
pub mod frame;
pub mod gaussian_mixture;
pub mod importance;
pub mod isolation_forest;
pub mod k_means;
pub mod knn;
pub mod linear;
pub mod local_outlier_factor;
pub mod logistic;
pub mod matrix;
pub mod metrics;
pub mod mlp;
pub mod naive_bayes;
pub mod neighbours;
pub mod one_feature;
pub mod onnx;
mod random;
#[cfg(test)]
mod reference_data;
mod restarts;
pub mod rows;
pub mod scoring;
pub mod shap;
pub mod shrink;
pub mod sketch;
mod softmax;
pub mod svm;
pub mod tuning;

pub use estimator::{Checkpoints, Estimator, FitContext, Fitted, LearnError, Prediction, Sample};
pub use fitted_model::FittedModel;
pub use frame::{Frame, FrameColumn, Values};
pub use matrix::{Columns, Feature, Matrix};
