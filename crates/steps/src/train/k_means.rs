//! `train/k-means`: k-means: rows in clusters around centres, without a target.
//!
//! A target of classes that the split names is used to judge the clusters, never to learn from.

use trainyard_core::evaluation::Task;
use trainyard_learn::{features::Wants, fitted_model::FittedModel, k_means};

use super::algorithm::{Algorithm, Fitting};

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

    fn as_long_as(_: &k_means::Params, _: Option<&FittedModel>) -> Option<k_means::Params> {
        None
    }

    fn keep(model: k_means::KMeansModel) -> Fitting {
        Fitting::of(FittedModel::KMeans(model))
    }
}
