//! Registering what is worth keeping.

pub mod model;

use trainyard_core::step::ErasedStep;

/// The steps of this stage.
pub const STEPS: &[&dyn ErasedStep] = &[&model::Model];
