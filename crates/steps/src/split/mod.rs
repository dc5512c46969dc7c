//! Splitting a table into parts through the one data-segregation API.

pub mod group;
pub mod hash;
pub mod predefined;
pub mod random;
mod segregate;
pub mod stratified;
pub mod time;

use trainyard_core::step::ErasedStep;

/// The steps of this stage.
pub const STEPS: &[&dyn ErasedStep] =
    &[&group::Group, &hash::Hash, &predefined::Predefined, &random::Random, &stratified::Stratified, &time::Time];
