//! Acquiring data: outside data becomes a table.

pub mod file;

use trainyard_core::step::ErasedStep;

/// The steps of this stage.
pub const STEPS: &[&dyn ErasedStep] = &[&file::File];
