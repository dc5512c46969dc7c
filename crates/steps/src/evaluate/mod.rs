//! Evaluating models against actual values.

mod comparisons;
mod decide;
mod gates;
mod judge;
pub mod models;
mod reuse;
mod slices;
mod suspicions;
mod unseen;
mod yardsticks;

use trainyard_core::step::ErasedStep;

/// The steps of this stage.
pub const STEPS: &[&dyn ErasedStep] = &[&models::Models];
