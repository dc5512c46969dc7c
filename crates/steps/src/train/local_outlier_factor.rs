//! `train/local-outlier-factor`: local outlier factor: scores how sparse it is around a row, without a target.
//!
//! The factor is about 1 for an ordinary row. A target of two classes that the split names is used to judge it, never to
//! learn from.

use trainyard_core::evaluation::Task;
use trainyard_learn::{features::Wants, local_outlier_factor};

use super::algorithm::Algorithm;

/// Local outlier factor: scores how sparse it is around a row, without a target.
pub struct LocalOutlierFactor;

impl Algorithm for LocalOutlierFactor {
    const NAME: &'static str = "train/local-outlier-factor";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "local outlier factor: scores how sparse it is around a row, without a target";
    const EXAMPLES: &'static [&'static str] = &["{}", r#"{"neighbours": 35}"#];
    type Estimator = local_outlier_factor::LocalOutlierFactor;
    const WANTS: Wants = Wants::Dense;
    const UNSUPERVISED: Option<Task> = Some(Task::Anomaly);
}
