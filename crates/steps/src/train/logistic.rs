//! `train/logistic`: logistic regression, for two classes or more.
//!
//! Missing numbers are filled with the median, numbers scaled, categories one-hot coded; all of it fitted on training
//! rows. The penalty is `1 / (2 c)` times the squared coefficients, as in scikit-learn, or, with
//! `l1_ratio`, partly or wholly `1 / c` times the absolute ones.

use trainyard_learn::{features::Wants, logistic};

use super::algorithm::{Algorithm, Span};

/// Logistic regression.
pub struct Logistic;

impl Algorithm for Logistic {
    const NAME: &'static str = "train/logistic";
    const VERSION: u32 = 2;
    const ABOUT: &'static str = "logistic regression, for two classes or more";
    const EXAMPLES: &'static [&'static str] =
        &["{}", r#"{"c": 0.1, "l1_ratio": 0.5, "seed": 7, "resample": {"k-fold": 5}}"#];
    type Estimator = logistic::Logistic;
    const WANTS: Wants = Wants::Dense;
    const SPACE: &'static [(&'static str, Span)] = &[("c", Span::Log(1e-3, 1e3))];
}
