//! `train/isolation-forest`: isolation forest: scores how strange a row is, without a target.
//!
//! The score is near 1 for a strange row and about 0.5 or less for an ordinary one. A target of two classes that the
//! split names is used to judge it, never to learn from.

use trainyard_core::evaluation::Task;
use trainyard_learn::{features::Wants, isolation_forest};

use super::algorithm::Algorithm;

/// Isolation forest: scores how strange a row is, without a target.
pub struct IsolationForest;

impl Algorithm for IsolationForest {
    const NAME: &'static str = "train/isolation-forest";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "isolation forest: scores how strange a row is, without a target";
    const EXAMPLES: &'static [&'static str] = &["{}", r#"{"trees": 300, "seed": 7}"#];
    type Estimator = isolation_forest::IsolationForest;
    const WANTS: Wants = Wants::Dense;
    const UNSUPERVISED: Option<Task> = Some(Task::Anomaly);
}
