//! Small data of the reference scripts under `bench/reference`, and the shared real sets where they are present.

use std::path::PathBuf;

use crate::{Feature, Matrix};

/// Twelve rows of three features.
pub(crate) const ROWS: [[f64; 3]; 12] = [
    [1.0, 2.5, -0.3],
    [0.5, 1.1, 0.8],
    [2.2, -0.7, 1.5],
    [3.1, 0.4, -1.2],
    [-1.4, 2.0, 0.1],
    [0.3, -1.6, 0.9],
    [1.8, 1.3, -0.6],
    [-0.9, 0.2, 1.7],
    [2.7, -1.1, 0.4],
    [-2.0, 0.9, -0.8],
    [0.1, 3.0, 0.5],
    [1.2, -0.5, -1.9],
];
/// A number to predict for each row.
pub(crate) const NUMBERS: [f64; 12] = [4.1, 1.9, 3.6, 7.2, -0.8, -1.5, 5.9, -2.4, 4.4, -3.1, 3.3, 2.6];
/// A weight for each row.
pub(crate) const WEIGHTS: [f64; 12] = [1.0, 2.0, 0.5, 1.0, 3.0, 1.0, 0.0, 1.5, 1.0, 2.0, 1.0, 0.5];
/// One of two classes for each row.
pub(crate) const TWO: [f64; 12] = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0];
/// One of three classes for each row.
pub(crate) const THREE: [f64; 12] = [0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 1.0, 0.0, 0.0];

/// A matrix of columns named `x0`, `x1`, ….
pub(crate) fn matrix(columns: &[Vec<f64>]) -> Matrix {
    let feature = |(place, values): (usize, &Vec<f64>)| Feature {
        name: format!("x{place}"),
        values: values.clone(),
        levels: None,
    };
    Matrix { features: columns.iter().enumerate().map(feature).collect(), rows: columns.first().map_or(0, Vec::len) }
}

/// The columns of [`ROWS`].
pub(crate) fn columns() -> Vec<Vec<f64>> {
    (0..3).map(|column| ROWS.iter().map(|row| row[column]).collect()).collect()
}

/// The bytes of a file of the shared data; none, with a note, where the folder is absent.
///
/// # Panics
/// Under `CI=true`, where the folder must be there.
pub(crate) fn shared(path: &str) -> Option<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    match std::fs::read(folder.join(path)) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{path}: {error}");
            eprintln!("skipped: no ../shared/data/{path}");
            None
        }
    }
}

/// The columns AT, V, AP, RH and PE of the power plant.
pub(crate) fn power_plant() -> Option<Vec<Vec<f64>>> {
    let text = String::from_utf8(shared("power_plant/power_plant.csv")?).unwrap();
    let mut columns = vec![Vec::new(); 5];
    for line in text.lines().skip(1) {
        for (column, field) in columns.iter_mut().zip(line.split(',')) {
            column.push(field.parse().unwrap());
        }
    }
    assert_eq!(columns[0].len(), 9568);
    Some(columns)
}

/// Mean 0 and population standard deviation 1.
pub(crate) fn standardised(values: &[f64]) -> Vec<f64> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
    values.iter().map(|value| (value - mean) / deviation).collect()
}

/// Fails where a number is further from its reference than `tolerance`, relative for numbers above 1.
#[track_caller]
pub(crate) fn near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{found:?} against {expected:?}");
    for (found, expected) in found.iter().zip(expected) {
        let off = (found - expected).abs() / expected.abs().max(1.0);
        assert!(off <= tolerance, "{found} against {expected}: off by {off:e}");
    }
}
