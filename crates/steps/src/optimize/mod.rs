//! Making a trained model smaller and faster.

pub mod model;

use trainyard_core::step::ErasedStep;

/// The steps of this stage.
pub const STEPS: &[&dyn ErasedStep] = &[&model::Model];
