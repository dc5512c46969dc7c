//! Every step and every kind of artifact there is, as slices that can be read.

use crate::{
    artifact::{Codec, Kind},
    problem::Problem,
    step::ErasedStep,
};

/// What the binary was built with.
#[derive(Clone, Copy)]
pub struct Registry {
    /// The steps, one slice a stage.
    pub stages: &'static [&'static [&'static dyn ErasedStep]],
    /// How each kind of artifact is read back.
    pub codecs: &'static [&'static Codec],
}

impl Registry {
    /// All steps.
    pub fn steps(&self) -> impl Iterator<Item = &'static dyn ErasedStep> {
        self.stages.iter().flat_map(|stage| stage.iter().copied())
    }

    /// The step of that name.
    ///
    /// # Errors
    /// `unknown-step`, with the nearest known name.
    pub fn step(&self, name: &str) -> Result<&'static dyn ErasedStep, Problem> {
        self.steps()
            .find(|step| step.name() == name)
            .ok_or_else(|| Problem::unknown("unknown-step", "step", name, self.steps().map(|step| step.name())))
    }

    /// The codec of that kind.
    #[must_use]
    pub fn codec(&self, kind: Kind) -> Option<&'static Codec> {
        self.codecs.iter().copied().find(|codec| codec.kind == kind)
    }
}
