//! Tree ensembles of our own: the histogram gradient booster and the random forest.
//!
//! ```text
//! values ─bins→ bytes ─loss→ gradients ─histogram, split, grow→ tree on bins ─tree→ tree on values ─walk→ predictions
//! ```

mod bagged;
mod bins;
mod boost;
mod bounded;
pub(crate) mod exponential;
mod forest;
mod forest_tree;
mod gradient_boosting;
mod grow;
mod grown;
mod histogram;
mod loss;
mod monotone;
mod progress;
pub(crate) mod ranges;
mod ranking;
mod regression_losses;
mod renewal;
mod resume;
pub(crate) mod sampling;
mod shard;
mod sparse;
mod split;
mod start;
mod target;
mod tree;
mod walk;
mod watch;

#[cfg(test)]
mod tests;

pub(crate) use bins::level;
pub use forest::{Forest, ForestKind, ForestModel, ForestParams};
pub use gradient_boosting::{GradientBoosting, GradientBoostingModel, GradientBoostingParams, History};
pub use loss::Loss;
pub use monotone::Direction;
pub use resume::{Checkpoint, Origin, Resume};
pub use tree::Tree;
pub(crate) use walk::{holds_together, tree_values};
