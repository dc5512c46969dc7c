//! Running other programs.

pub mod command;
pub mod noop;

use trainyard_core::step::ErasedStep;

/// The steps of this stage.
pub const STEPS: &[&dyn ErasedStep] = &[&command::Command, &noop::Noop];
