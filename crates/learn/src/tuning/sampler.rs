//! Which point to try next.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Purpose, grid, random,
    space::{Point, Space},
    stream, tpe,
};

/// How the next point is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sampler {
    /// The tree-structured Parzen estimator over all parameters together: near what was good, away from what was not.
    #[default]
    Tpe,
    /// Evenly by chance.
    Random,
    /// Every combination of a few values.
    Grid,
}

/// How a trial went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// Its loss: the smaller the better.
    Complete(f64),
    /// Given up after so many steps with that loss.
    Pruned(u32, f64),
    /// Under way.
    Running,
    /// Nothing is known of it but that it failed.
    Failed,
}

/// A trial of the past.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    /// What was tried.
    pub point: Point,
    /// How it went.
    pub outcome: Outcome,
}

/// The point of trial `number`, given the trials before it in order; none when a grid has no more.
#[must_use]
pub fn propose(sampler: Sampler, space: &Space, past: &[Past], seed: u64, number: u32) -> Option<Point> {
    let mut rng = stream(seed, Purpose::Trial(number));
    match sampler {
        Sampler::Grid => grid::point(space, seed, number),
        Sampler::Random => Some(random::draw(space, &mut rng)),
        Sampler::Tpe => Some(tpe::propose(space, past, &mut rng)),
    }
}

/// Number of points there are to propose; none when there is no end to them.
#[must_use]
pub fn proposals(sampler: Sampler, space: &Space) -> Option<usize> {
    match sampler {
        Sampler::Grid => Some(grid::size(space).unwrap_or(grid::MOST)),
        Sampler::Random | Sampler::Tpe => None,
    }
}
