//! Tree ensembles of our own: the histogram gradient booster and the random forest.
//!
//! ```text
//! values ─bins→ bytes ─loss→ gradients ─histogram, split, grow→ tree on bins ─tree→ tree on values ─walk→ predictions
//! ```

mod bins;
mod boost;
mod exponential;
mod forest;
mod forest_tree;
mod gradient_boosting;
mod grow;
mod grown;
mod histogram;
mod loss;
mod ranges;
mod sampling;
mod shard;
mod split;
mod target;
mod tree;
mod walk;

#[cfg(test)]
mod tests;

pub(crate) use bins::level;
pub use forest::{Forest, ForestModel, ForestParams};
pub use gradient_boosting::{GradientBoosting, GradientBoostingModel, GradientBoostingParams, History};
pub use loss::Loss;
pub use tree::Tree;
pub(crate) use walk::holds_together;
