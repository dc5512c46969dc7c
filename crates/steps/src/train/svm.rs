//! `train/svm`: a support vector machine, linear or with a kernel.
//!
//! Missing numbers are filled with the median, numbers scaled, categories one-hot coded. Kernels take up to 50 000 rows;
//! `kernel: linear` takes any number.

use trainyard_learn::{features::Wants, svm};

use super::algorithm::{Algorithm, Span};

/// A support vector machine, linear or with a kernel.
pub struct Svm;

impl Algorithm for Svm {
    const NAME: &'static str = "train/svm";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "a support vector machine, linear or with a kernel";
    const EXAMPLES: &'static [&'static str] = &["{}", r#"{"kernel": "linear", "c": 0.5, "resample": {"k-fold": 5}}"#];
    type Estimator = svm::Svm;
    const WANTS: Wants = Wants::Dense;
    const SPACE: &'static [(&'static str, Span)] = &[("c", Span::Log(0.03, 100.0)), ("gamma", Span::Log(1e-4, 1.0))];
}
