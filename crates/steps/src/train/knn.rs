//! `train/knn`: k-nearest neighbours, for classes and numbers.
//!
//! Missing numbers are filled with the median, numbers scaled, categories one-hot coded. Exact at any number of rows and
//! features; the training rows are the model.

use trainyard_learn::{features::Wants, knn};

use super::algorithm::{Algorithm, Span};

/// K-nearest neighbours, for classes and numbers.
pub struct Knn;

impl Algorithm for Knn {
    const NAME: &'static str = "train/knn";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "k-nearest neighbours, for classes and numbers";
    const EXAMPLES: &'static [&'static str] =
        &["{}", r#"{"neighbours": 15, "vote": "distance", "seed": 7, "resample": {"k-fold": 5}}"#];
    type Estimator = knn::Knn;
    const WANTS: Wants = Wants::Dense;
    const SPACE: &'static [(&'static str, Span)] =
        &[("neighbours", Span::Log(1.0, 60.0)), ("vote", Span::Choose(&["uniform", "distance"]))];
}
