//! Small data of the reference scripts under `bench/reference`, and the shared real sets where they are present.

use std::{io::Read, path::PathBuf};

use crate::{Feature, Fitted, Matrix, Sample};

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

/// Rows to predict.
pub(crate) const QUERIES: [[f64; 3]; 4] = [[0.4, 0.6, 0.1], [2.0, 0.0, -1.0], [-1.0, 1.5, 0.5], [8.0, -6.0, 3.0]];

/// A matrix of rows.
pub(crate) fn of_rows(rows: &[[f64; 3]]) -> Matrix {
    matrix(&(0..3).map(|column| rows.iter().map(|row| row[column]).collect()).collect::<Vec<_>>())
}

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

/// The four standardised features of the power plant with its output.
pub(crate) fn standardised_power_plant() -> Option<(Matrix, Vec<f64>)> {
    let columns = power_plant()?;
    Some((matrix(&columns[..4].iter().map(|column| standardised(column)).collect::<Vec<_>>()), columns[4].clone()))
}

/// The 64 pixels of the digits, each from 0 to 1, and the digit.
pub(crate) fn digits() -> Option<(Matrix, Vec<f64>)> {
    let packed = shared("digits/digits.csv.gz")?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
    let rows: Vec<Vec<f64>> =
        text.lines().map(|line| line.split(',').map(|field| field.parse().unwrap()).collect()).collect();
    let columns: Vec<Vec<f64>> = (0..64).map(|column| rows.iter().map(|row| row[column] / 16.0).collect()).collect();
    Some((matrix(&columns), rows.iter().map(|row| row[64]).collect()))
}

/// The share of digits told right in every fifth row by a model of the others, which `fit` makes.
pub(crate) fn digits_accuracy<M: Fitted>(fit: impl Fn(&Sample<'_>) -> M) -> Option<f64> {
    let (x, y) = digits()?;
    let (test, train): (Vec<usize>, Vec<usize>) = (0..x.rows).partition(|row| row % 5 == 0);
    let of = |rows: &[usize]| -> Vec<f64> { rows.iter().map(|&row| y[row]).collect() };
    let model = fit(&Sample { x: &x.take(&train), y: &of(&train), classes: 10, weights: None, groups: None });
    let prediction = model.predict(&x.take(&test));
    let told = prediction.codes().unwrap();
    let right = told.iter().zip(of(&test)).filter(|(told, y)| f64::from(**told) == *y).count();
    Some(right as f64 / test.len() as f64)
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
