//! Features row by row, for estimators that look at whole rows.

use serde::{Deserialize, Serialize};

use crate::{Columns, Matrix};

/// Rows of equal width, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rows {
    /// Numbers a row; at least 1 where there are rows.
    pub width: usize,
    /// `values[row * width + feature]`.
    pub values: Vec<f64>,
}

impl Rows {
    /// The rows of `x`.
    pub(crate) fn of(x: &Matrix) -> Self {
        Self::of_columns(Columns { features: &x.slices(), rows: x.rows })
    }

    /// The rows of `x`.
    pub(crate) fn of_columns(x: Columns<'_>) -> Self {
        let width = x.features.len();
        let mut values = vec![0.0; x.rows * width];
        for (place, feature) in x.features.iter().enumerate() {
            for (into, value) in values.iter_mut().skip(place).step_by(width).zip(*feature) {
                *into = *value;
            }
        }
        Self { width, values }
    }

    /// Their number.
    #[must_use]
    pub fn count(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// One row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.width..(row + 1) * self.width]
    }

    /// The rows named by `rows`, in that order.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Self {
        Self { width: self.width, values: rows.iter().flat_map(|&row| self.row(row)).copied().collect() }
    }
}

/// Sums in four interleaved lanes, so that additions need not wait for each other and the order is always the same.
pub(crate) fn lanes(a: &[f64], b: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
    let mut sums = [0.0; 4];
    let (a, b) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(&a, &b)| term(a, b)).sum();
    for (a, b) in a.zip(b) {
        for lane in 0..4 {
            sums[lane] += term(a[lane], b[lane]);
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// The squared Euclidean distance.
pub(crate) fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    lanes(a, b, |a, b| (a - b) * (a - b))
}

/// The inner product.
pub(crate) fn inner(a: &[f64], b: &[f64]) -> f64 {
    lanes(a, b, |a, b| a * b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference_data::{ROWS, columns, matrix};

    #[test]
    fn columns_become_rows() {
        let rows = Rows::of(&matrix(&columns()));
        assert_eq!((rows.count(), rows.row(3)), (12, ROWS[3].as_slice()));
        assert_eq!(rows.take(&[3, 0]).row(1), ROWS[0]);
        assert_eq!(squared_distance(&[0.0, 0.0, 1.0, 0.0, 3.0], &[0.0, 2.0, 0.0, 0.0, 5.0]), 9.0);
        assert_eq!(inner(&[1.0, 2.0, 3.0, 4.0, 5.0], &[1.0; 5]), 15.0);
    }
}
