//! The typed inputs and outputs of a step.

use crate::artifact::Kind;

/// How many artifacts an input port takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// Exactly one.
    One,
    /// None or one.
    Optional,
    /// One or more, each known by the name of the step it comes from.
    Many,
}

/// One input or output of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name in `from:`, such as `data`.
    pub name: &'static str,
    /// The kinds of artifact it takes (inputs) or gives (outputs: exactly one, or the kind of the input of the same
    /// name when empty). An empty input list takes any kind.
    pub kinds: &'static [Kind],
    /// How many it takes; outputs are always one.
    pub arity: Arity,
}

/// A step's ports. The first output is the one meant by the bare step name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ports {
    /// Inputs, in the order in which an unnamed `from:` fills them.
    pub inputs: Vec<Port>,
    /// Outputs; the first is the default.
    pub outputs: Vec<Port>,
}

impl Ports {
    /// No ports yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more input of exactly one artifact.
    #[must_use]
    pub fn one(self, name: &'static str, kinds: &'static [Kind]) -> Self {
        self.input(name, kinds, Arity::One)
    }

    /// With one more input of none or one artifact.
    #[must_use]
    pub fn optional(self, name: &'static str, kinds: &'static [Kind]) -> Self {
        self.input(name, kinds, Arity::Optional)
    }

    /// With one more input of one or more artifacts.
    #[must_use]
    pub fn many(self, name: &'static str, kinds: &'static [Kind]) -> Self {
        self.input(name, kinds, Arity::Many)
    }

    /// With one more output.
    #[must_use]
    pub fn output(mut self, name: &'static str, kinds: &'static [Kind]) -> Self {
        self.outputs.push(Port { name, kinds, arity: Arity::One });
        self
    }

    fn input(mut self, name: &'static str, kinds: &'static [Kind], arity: Arity) -> Self {
        self.inputs.push(Port { name, kinds, arity });
        self
    }
}
