//! Predicting with trained models.

pub mod batch;

use trainyard_core::step::ErasedStep;

/// The steps of this stage.
pub const STEPS: &[&dyn ErasedStep] = &[&batch::Batch];
