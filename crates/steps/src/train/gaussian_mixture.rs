//! `train/gaussian-mixture`: a mixture of Gaussians: clusters of any ellipsoidal shape, without a target.
//!
//! Predicts the probability of each cluster. A target of classes that the split names is used to judge the clusters,
//! never to learn from.

use trainyard_core::evaluation::Task;
use trainyard_learn::{features::Wants, gaussian_mixture};

use super::algorithm::Algorithm;

/// A mixture of Gaussians: clusters of any ellipsoidal shape, without a target.
pub struct GaussianMixture;

impl Algorithm for GaussianMixture {
    const NAME: &'static str = "train/gaussian-mixture";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "a mixture of Gaussians: clusters of any ellipsoidal shape, without a target";
    const EXAMPLES: &'static [&'static str] = &["{}", r#"{"clusters": 4, "covariance": "diagonal", "seed": 7}"#];
    type Estimator = gaussian_mixture::GaussianMixture;
    const WANTS: Wants = Wants::Dense;
    const UNSUPERVISED: Option<Task> = Some(Task::Clustering);
}
