//! Smaller models made of fitted ones, gentlest first: fewer trees, fewer leaves, fewer weights, fewer digits.
//!
//! Nothing here looks at how well the smaller model does; whoever asks measures that and keeps what stays good enough.

mod digits;
mod leaves;
mod trees;
mod weights;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{FittedModel, Sample};

/// A way to make a model smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Technique {
    /// Fewer trees: of a booster those go that move predictions least, of a forest those that help the others
    /// least.
    PruneTrees,
    /// Fewer leaves: those with the least difference, for the fewest training rows, become one (cost-complexity
    /// pruning).
    PruneLeaves,
    /// Fewer weights: of a linear model and a perceptron the smallest become 0.
    PruneWeights,
    /// Fewer digits: every number of the model is rounded; 7 digits are what 32 bits hold.
    Quantise,
}

impl Technique {
    /// All of them, in the order in which they work best together.
    pub const ALL: [Self; 4] = [Self::PruneTrees, Self::PruneLeaves, Self::PruneWeights, Self::Quantise];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PruneTrees => "prune-trees",
            Self::PruneLeaves => "prune-leaves",
            Self::PruneWeights => "prune-weights",
            Self::Quantise => "quantise",
        }
    }
}

/// A smaller model.
#[derive(Clone, Debug)]
pub struct Smaller {
    /// What is left, in words: `75 of 100 trees`.
    pub what: String,
    /// The model.
    pub model: FittedModel,
}

/// Shares of trees, leaves and weights that are kept, gentlest first.
const SHARES: [f64; 6] = [0.9, 0.75, 0.5, 0.35, 0.2, 0.1];

/// What `technique` makes of `model`, gentlest first; none where it does not apply to its kind. `held` are rows that the
/// model has not learned from, in the features it reads: they say which trees of a forest and which weights help least.
#[must_use]
pub fn smaller(model: &FittedModel, technique: Technique, held: &Sample<'_>) -> Vec<Smaller> {
    match technique {
        Technique::PruneTrees => trees::fewer(model, held),
        Technique::PruneLeaves => leaves::fewer(model),
        Technique::PruneWeights => weights::fewer(model, held.x),
        Technique::Quantise => digits::fewer(model),
    }
}

/// How many of `all` each share keeps, ascending shares left out where they keep what another kept.
fn kept(all: usize) -> Vec<usize> {
    let mut kept: Vec<usize> = SHARES.iter().map(|share| ((all as f64 * share).ceil() as usize).max(1)).collect();
    kept.dedup();
    kept.retain(|&kept| kept < all);
    kept
}

#[cfg(test)]
mod tests;
