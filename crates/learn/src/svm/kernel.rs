//! How alike two rows are.

use serde::{Deserialize, Serialize};

use super::{Kernel, Params};
use crate::{
    boosting::exponential::exp,
    rows::{Rows, inner, squared_distance},
};

/// A kernel with its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// The inner product.
    Linear,
    /// `e^(-gamma distance^2)`
    Rbf {
        /// How fast likeness falls.
        gamma: f64,
    },
    /// `(gamma x.y + offset)^degree`
    Polynomial {
        /// Scale of the inner product.
        gamma: f64,
        /// Added to it.
        offset: f64,
        /// The power.
        degree: u32,
    },
}

impl Shape {
    pub(super) fn of(params: &Params, rows: &Rows) -> Self {
        let gamma = params.gamma.unwrap_or_else(|| {
            let count = rows.values.len() as f64;
            let mean = rows.values.iter().sum::<f64>() / count;
            let variance = rows.values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count;
            if variance > 0.0 { 1.0 / (rows.width as f64 * variance) } else { 1.0 }
        });
        match params.kernel {
            Kernel::Linear => Self::Linear,
            Kernel::Rbf => Self::Rbf { gamma },
            Kernel::Polynomial => Self::Polynomial { gamma, offset: params.offset, degree: params.degree },
        }
    }

    pub(super) fn compare(self, a: &[f64], b: &[f64]) -> f64 {
        match self {
            Self::Linear => inner(a, b),
            Self::Rbf { gamma } => exp(-gamma * squared_distance(a, b)),
            Self::Polynomial { gamma, offset, degree } => {
                let base = gamma * inner(a, b) + offset;
                (1..degree).fold(base, |power, _| power * base)
            }
        }
    }
}
