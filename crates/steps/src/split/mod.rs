//! Splitting a table into parts through the one data-segregation API.

pub mod cut;
pub mod group;
pub mod hash;
pub mod k_fold;
pub mod predefined;
pub mod random;
pub mod stratified;
pub mod time;

use std::marker::PhantomData;

use cut::Cut;
use trainyard_core::step::ErasedStep;

/// The steps of this stage.
pub const STEPS: &[&dyn ErasedStep] = &[
    &Cut::<group::Group>(PhantomData),
    &Cut::<hash::Hash>(PhantomData),
    &Cut::<k_fold::KFold>(PhantomData),
    &Cut::<predefined::Predefined>(PhantomData),
    &Cut::<random::Random>(PhantomData),
    &Cut::<stratified::Stratified>(PhantomData),
    &Cut::<time::Time>(PhantomData),
];
