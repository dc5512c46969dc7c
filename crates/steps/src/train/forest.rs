//! `train/forest`: a random forest, or extra trees.
//!
//! Takes missing values and categories as they are. Nothing to tune for a sound first result; probabilities are the
//! shares of the trees.

use trainyard_learn::{boosting, features::Wants};

use super::algorithm::{Algorithm, Span};

/// A random forest.
pub struct Forest;

impl Algorithm for Forest {
    const NAME: &'static str = "train/forest";
    const VERSION: u32 = 3;
    const ABOUT: &'static str = "a random forest";
    const EXAMPLES: &'static [&'static str] =
        &["{}", r#"{"trees": 300, "seed": 7, "resample": {"k-fold": 5}}"#, r#"{"kind": "extra-trees"}"#];
    type Estimator = boosting::Forest;
    const WANTS: Wants = Wants::Native;
    const SPACE: &'static [(&'static str, Span)] = &[
        ("min_samples_leaf", Span::Log(1.0, 30.0)),
        ("node_feature_fraction", Span::Even(0.1, 1.0)),
        ("row_fraction", Span::Even(0.3, 1.0)),
    ];
}
