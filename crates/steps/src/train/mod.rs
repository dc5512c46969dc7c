//! Training estimators: a split goes in, a model package comes out.
//!
//! Every step here takes the same common parameters ([`training::Common`]) beside its estimator's own. Whatever is
//! learned from data (filling, scaling, encoding) is learned in here, from training rows alone.

mod advice;
pub mod algorithm;
pub mod auto;
mod beyond;
mod check;
pub mod checkpoints;
pub mod class_weights;
mod cross_validate;
mod diagnosis;
pub mod fit;
pub mod forest;
pub mod gaussian_mixture;
pub mod gradient_boosting;
pub mod isolation_forest;
pub mod k_means;
pub mod knn;
pub mod linear;
pub mod local_outlier_factor;
pub mod logistic;
mod material;
pub mod mlp;
pub mod naive_bayes;
pub mod onnx;
mod prepare;
pub(crate) mod refit;
mod search;
pub mod svm;
pub mod training;
pub mod tune;
mod unsupervised;
mod warm_start;

use std::marker::PhantomData;

use fit::Train;
use trainyard_core::step::ErasedStep;

/// The steps of this stage.
pub const STEPS: &[&dyn ErasedStep] = &[
    &auto::AutoStep,
    &onnx::Onnx,
    &Train::<gradient_boosting::GradientBoosting>(PhantomData),
    &Train::<forest::Forest>(PhantomData),
    &Train::<linear::Linear>(PhantomData),
    &Train::<logistic::Logistic>(PhantomData),
    &Train::<knn::Knn>(PhantomData),
    &Train::<naive_bayes::NaiveBayes>(PhantomData),
    &Train::<svm::Svm>(PhantomData),
    &Train::<mlp::Mlp>(PhantomData),
    &Train::<isolation_forest::IsolationForest>(PhantomData),
    &Train::<local_outlier_factor::LocalOutlierFactor>(PhantomData),
    &Train::<k_means::KMeans>(PhantomData),
    &Train::<gaussian_mixture::GaussianMixture>(PhantomData),
];
