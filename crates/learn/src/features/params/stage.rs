//! What may be done to all features together, after each column went by itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Products of number features.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Interactions {
    /// Pairs of columns, by name: every number feature of the first times every one of the second.
    pub pairs: Vec<[String; 2]>,
    /// Columns, by name or pattern, whose number features are all multiplied with each other.
    pub columns: Vec<String>,
    /// Whether to add the squares of the number features of `columns` too.
    pub squares: bool,
}

/// Principal components of number features. They must have no missing value: set `impute.number` for trees.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Pca {
    /// Number of components, at least 1.
    pub components: Option<u32>,
    /// As many components as explain at least this share of the variance, above 0 and below 1; 0.95 when both are left
    /// out.
    pub share: Option<f64>,
    /// Columns, by name or pattern, whose number features are replaced; all when left out.
    pub columns: Option<Vec<String>>,
    /// Whether to divide each component by its standard deviation.
    pub whiten: bool,
}

/// Which features to keep: exactly one of `count`, `share` and `threshold`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Select {
    /// What says how much a feature is worth.
    pub by: SelectBy,
    /// The number of features to keep, at least 1; the first among equals.
    #[serde(default)]
    pub count: Option<u32>,
    /// The share of the features to keep, above 0 and at most 1.
    #[serde(default)]
    pub share: Option<f64>,
    /// Keeps features worth more than this, at least 0.
    #[serde(default)]
    pub threshold: Option<f64>,
}

/// What says how much a feature is worth. A feature's missing values are left out, but for `mutual-information`, to which
/// missing is a value of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SelectBy {
    /// Its variance over the training rows (of a categorical feature, of its codes).
    Variance,
    /// How well it goes with the target by itself, 0 to 1: the absolute correlation of two numbers, the correlation
    /// ratio of a number and levels or classes, Cramér's V of levels and classes.
    Correlation,
    /// What knowing it tells about the target, in nats; numbers are cut into ten bins of equally many rows.
    MutualInformation,
    /// Its share of the gain in a small boosted model of all features.
    Importance,
}
