//! `train/linear`: linear regression by least squares.
//!
//! Missing numbers are filled with the median, numbers scaled, categories one-hot coded; all of it fitted on training
//! rows. With `l2` it is a ridge regression, with `l1` a lasso, with both an elastic net.

use trainyard_learn::{features::Wants, linear};

use super::algorithm::{Algorithm, Span};

/// Linear regression by least squares.
pub struct Linear;

impl Algorithm for Linear {
    const NAME: &'static str = "train/linear";
    const VERSION: u32 = 2;
    const ABOUT: &'static str = "linear regression by least squares";
    const EXAMPLES: &'static [&'static str] = &["{}", r#"{"l2": 1, "seed": 7, "resample": {"k-fold": 5}}"#];
    type Estimator = linear::Linear;
    const WANTS: Wants = Wants::Dense;
    const SPACE: &'static [(&'static str, Span)] = &[("l2", Span::Log(1e-3, 1e4))];
}
