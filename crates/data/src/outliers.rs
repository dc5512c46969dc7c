//! Values far from the rest: limits by interquartile range or z-score, and what lies outside them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Float64Array};
use rayon::prelude::*;

use crate::{DataError, Table, columns::numbers};

/// The values of a column that are not outliers run from `low` to `high`, both inclusive.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// The column.
    pub column: String,
    /// Lower limit; −∞ when the column has no finite value.
    pub low: f64,
    /// Upper limit.
    pub high: f64,
}

/// Limits `factor` interquartile ranges outside the middle half (J. W. Tukey, Exploratory Data Analysis, 1977), with
/// quartiles by linear interpolation (Hyndman & Fan's type 7, as in NumPy).
///
/// # Errors
/// A column that is missing or holds no numbers.
pub fn iqr_limits(table: &Table, columns: &[String], factor: f64) -> Result<Vec<Limits>, DataError> {
    limits(table, columns, |values| {
        values.sort_unstable_by(f64::total_cmp);
        let (lower, upper) = (quantile(values, 0.25), quantile(values, 0.75));
        let reach = factor * (upper - lower);
        (lower - reach, upper + reach)
    })
}

/// Limits `factor` standard deviations (n − 1) from the mean.
///
/// # Errors
/// A column that is missing or holds no numbers.
pub fn z_score_limits(table: &Table, columns: &[String], factor: f64) -> Result<Vec<Limits>, DataError> {
    #[expect(clippy::cast_precision_loss, reason = "row counts are far below 2^53")]
    limits(table, columns, |values| {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        let reach = factor * (squares / (count - 1.0).max(1.0)).sqrt();
        (mean - reach, mean + reach)
    })
}

fn limits(
    table: &Table,
    columns: &[String],
    of: impl Fn(&mut Vec<f64>) -> (f64, f64) + Sync,
) -> Result<Vec<Limits>, DataError> {
    columns
        .par_iter()
        .map(|name| {
            let mut values = numbers(&table.column(name)?)?;
            values.retain(|value| value.is_finite());
            let (low, high) = if values.is_empty() { (f64::NEG_INFINITY, f64::INFINITY) } else { of(&mut values) };
            Ok(Limits { column: name.clone(), low, high })
        })
        .collect()
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    #![expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the position lies between 0 and the number of values"
    )]
    let position = share * (sorted.len() - 1) as f64;
    let below = sorted[position.floor() as usize];
    let above = sorted[position.ceil() as usize];
    below + (above - below) * position.fract()
}

/// Which rows hold an outlier.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    outlier: Vec<bool>,
    /// Rows that hold an outlier, for each of the limits.
    pub rows_by_column: Vec<usize>,
}

impl Found {
    /// True for each row that holds an outlier.
    #[must_use]
    pub fn flags(&self) -> ArrayRef {
        Arc::new(BooleanArray::from(self.outlier.clone()))
    }

    /// True for each row that holds none.
    #[must_use]
    pub fn keep(&self) -> BooleanArray {
        self.outlier.iter().map(|outlier| Some(!outlier)).collect()
    }
}

/// Finds the values outside the limits; missing values are none.
///
/// # Errors
/// A column that is missing or holds no numbers.
pub fn find(table: &Table, limits: &[Limits]) -> Result<Found, DataError> {
    let mut outlier = vec![false; table.row_count()];
    let mut rows_by_column = Vec::with_capacity(limits.len());
    for limit in limits {
        let values = numbers(&table.column(&limit.column)?)?;
        let mut rows = 0;
        for (outlier, value) in outlier.iter_mut().zip(values) {
            if value < limit.low || value > limit.high {
                *outlier = true;
                rows += 1;
            }
        }
        rows_by_column.push(rows);
    }
    Ok(Found { outlier, rows_by_column })
}

/// Moves the values outside the limits to the nearest limit; the columns become floats.
///
/// # Errors
/// A column that is missing or holds no numbers.
pub fn clip(table: &Table, limits: &[Limits]) -> Result<Table, DataError> {
    limits.iter().try_fold(table.clone(), |table, limit| {
        let array = table.column(&limit.column)?;
        let values = numbers(&array)?;
        let clipped: Float64Array = values
            .into_iter()
            .enumerate()
            .map(|(row, value)| array.is_valid(row).then(|| value.clamp(limit.low, limit.high)))
            .collect();
        table.with_column(&limit.column, Arc::new(clipped))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let values = vec![Some(1.0), Some(2.0), None, Some(3.0), Some(4.0), Some(100.0)];
        Table::from_columns(vec![("x".to_owned(), Arc::new(Float64Array::from(values)) as ArrayRef)]).unwrap()
    }

    #[test]
    fn iqr_agrees_with_numpy() {
        // numpy.percentile([1, 2, 3, 4, 100], [25, 75]) is [2, 4], so the limits are 2 - 1.5 * 2 and 4 + 1.5 * 2.
        let limits = iqr_limits(&table(), &["x".to_owned()], 1.5).unwrap();
        assert_eq!((limits[0].low, limits[0].high), (-1.0, 7.0));
        let found = find(&table(), &limits).unwrap();
        assert_eq!(found.rows_by_column, [1]);
        assert_eq!(found.keep().true_count(), 5);
        let clipped = clip(&table(), &limits).unwrap().column("x").unwrap();
        assert_eq!(numbers(&clipped).unwrap()[5], 7.0);
        assert!(clipped.is_null(2));
    }

    #[test]
    fn z_score_agrees_with_numpy() {
        // numpy.std([1, 2, 3, 4, 100], ddof=1) is 43.6176…, their mean 22.
        let limits = z_score_limits(&table(), &["x".to_owned()], 1.0).unwrap();
        assert!((limits[0].high - 22.0 - 43.617_656_975_128_77).abs() < 1e-9);
    }
}
