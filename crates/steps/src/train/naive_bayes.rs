//! `train/naive-bayes`: naive Bayes, for classes.
//!
//! Gaussian, Bernoulli or multinomial, by the data or by `distribution`. A fast first model for many classes and
//! features; its probabilities are too sure of themselves.

use trainyard_learn::{features::Wants, naive_bayes};

use super::algorithm::{Algorithm, Span};

/// Naive Bayes, for classes.
pub struct NaiveBayes;

impl Algorithm for NaiveBayes {
    const NAME: &'static str = "train/naive-bayes";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "naive Bayes, for classes";
    const EXAMPLES: &'static [&'static str] = &["{}", r#"{"distribution": "gaussian", "resample": {"k-fold": 5}}"#];
    type Estimator = naive_bayes::NaiveBayes;
    const WANTS: Wants = Wants::Dense;
    const SPACE: &'static [(&'static str, Span)] =
        &[("variance_smoothing", Span::Log(1e-9, 1.0)), ("smoothing", Span::Log(1e-2, 10.0))];
}
