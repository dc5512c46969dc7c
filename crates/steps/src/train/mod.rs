//! Training estimators: a split goes in, a model package comes out.
//!
//! Every step here takes the same common parameters ([`training::Common`]) beside its estimator's own. Whatever is
//! learned from data (filling, scaling, encoding) is learned in here, from training rows alone.

mod advice;
pub mod algorithm;
mod check;
pub mod checkpoints;
pub mod class_weights;
mod cross_validate;
mod diagnosis;
pub mod fit;
pub mod forest;
pub mod gradient_boosting;
pub mod linear;
pub mod logistic;
mod material;
mod prepare;
mod search;
pub mod training;
pub mod tune;

use std::marker::PhantomData;

use fit::Train;
use trainyard_core::step::ErasedStep;

/// The steps of this stage.
pub const STEPS: &[&dyn ErasedStep] = &[
    &Train::<gradient_boosting::GradientBoosting>(PhantomData),
    &Train::<forest::Forest>(PhantomData),
    &Train::<linear::Linear>(PhantomData),
    &Train::<logistic::Logistic>(PhantomData),
];
