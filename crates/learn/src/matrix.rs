//! The numbers an estimator sees: one column a feature.

/// One feature, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Feature {
    /// Its name, such as `age` or `colour=red`.
    pub name: String,
    /// One number a row; NaN is missing. A categorical feature holds its code (0, 1, …) as a number.
    pub values: Vec<f64>,
    /// The number of levels when the feature is categorical, none when it is a number.
    pub levels: Option<u32>,
}

/// Features of equal length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    /// The features, in the feature plan's order.
    pub features: Vec<Feature>,
    /// Number of rows of every feature.
    pub rows: usize,
}

/// The features of some rows as they lie in memory: what a fitted model predicts from.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    /// The features, in the order of the fit: one number a row, as in [`Feature::values`].
    pub features: &'a [&'a [f64]],
    /// Number of rows of every feature.
    pub rows: usize,
}

impl Matrix {
    /// The features without their names, as [`Columns`] borrow them.
    #[must_use]
    pub fn slices(&self) -> Vec<&[f64]> {
        self.features.iter().map(|feature| feature.values.as_slice()).collect()
    }

    /// The rows named by `rows` (indices below `self.rows`), in that order.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Self {
        let features = self
            .features
            .iter()
            .map(|feature| Feature {
                name: feature.name.clone(),
                values: rows.iter().map(|&row| feature.values[row]).collect(),
                levels: feature.levels,
            })
            .collect();
        Self { features, rows: rows.len() }
    }
}
