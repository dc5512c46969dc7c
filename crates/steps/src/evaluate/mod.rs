//! Evaluating models against actual values.

mod gates;
pub mod models;
mod reuse;
mod suspicions;

use trainyard_core::step::ErasedStep;

/// The steps of this stage.
pub const STEPS: &[&dyn ErasedStep] = &[&models::Models];
