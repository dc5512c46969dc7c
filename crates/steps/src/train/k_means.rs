//! `train/k-means`: k-means: rows in clusters around centres, without a target.
//!
//! A target of classes that the split names is used to judge the clusters, never to learn from.

use trainyard_core::evaluation::Task;
use trainyard_learn::{features::Wants, k_means};

use super::algorithm::Algorithm;

/// K-means: rows in clusters around centres, without a target.
pub struct KMeans;

impl Algorithm for KMeans {
    const NAME: &'static str = "train/k-means";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "k-means: rows in clusters around centres, without a target";
    const EXAMPLES: &'static [&'static str] = &["{}", r#"{"clusters": 4, "seed": 7}"#];
    type Estimator = k_means::KMeans;
    const WANTS: Wants = Wants::Dense;
    const UNSUPERVISED: Option<Task> = Some(Task::Clustering);
}
