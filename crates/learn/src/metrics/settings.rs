//! What metrics need to know beside the rows.

use crate::Matrix;

/// How metrics are measured; the default is what [`super::measure`] uses.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// Confidence level of the intervals, such as 0.95.
    pub level: f64,
    /// Seeds the bootstrap.
    pub seed: u64,
    /// Bootstrap samples.
    pub samples: usize,
    /// The probability of class 1 from which a binary row is decided to be of it; the more probable class without it.
    /// For the NAB score: the anomaly score from which a row is called an anomaly.
    pub threshold: Option<f64>,
    /// What deciding for a class (inner) costs where another (outer) is actual; 1 for every error without it.
    pub costs: Option<&'a [Vec<f64>]>,
    /// Places that count for `top_k_accuracy`.
    pub top_k: usize,
    /// The quantile that `pinball` judges.
    pub quantile: f64,
    /// Predicted intervals, low and high of each row.
    pub intervals: Option<&'a [[f64; 2]]>,
    /// Predicted sets: whether each class is in the row's set, row by row.
    pub sets: Option<&'a [bool]>,
    /// The features of the rows, for what is measured by distances.
    pub points: Option<&'a Matrix>,
}

impl Default for Settings<'_> {
    fn default() -> Self {
        Self {
            level: 0.95,
            seed: 0,
            samples: 2000,
            threshold: None,
            costs: None,
            top_k: 2,
            quantile: 0.5,
            intervals: None,
            sets: None,
            points: None,
        }
    }
}
