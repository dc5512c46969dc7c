//! Bringing a registered model to those who ask it.

pub mod local;

use trainyard_core::step::ErasedStep;

/// The steps of this stage.
pub const STEPS: &[&dyn ErasedStep] = &[&local::Local];
