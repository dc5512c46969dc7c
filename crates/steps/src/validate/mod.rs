//! Validating tables against what they should look like.

pub mod fresh;
pub mod profile;
pub mod table;

use trainyard_core::step::ErasedStep;

/// The steps of this stage.
pub const STEPS: &[&dyn ErasedStep] = &[&profile::Profile, &table::Contract];
