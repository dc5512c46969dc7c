//! Fitted feature transforms: raw columns in, numbers for an estimator out.
//!
//! [`FeaturePlan::fit`] learns fills, levels and scales from training rows; [`FeaturePlan::apply`] does to any row what
//! was learned, each row by itself, so that a single row and a batch give the same bits.

mod apply;
mod fit;
pub(crate) mod numbers;
mod params;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use params::{
    CategoryImpute, ColumnFeature, ColumnImpute, ColumnKind, Encode, FeatureParams, Impute, NumberImpute, Scale, Wants,
};

/// What was learned about the features of a model: one entry a raw column, in the features' order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeaturePlan {
    /// The raw columns in use.
    pub columns: Vec<ColumnPlan>,
}

/// What was learned about one raw column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnPlan {
    /// The raw column's name.
    pub name: String,
    /// How its values become features.
    pub transform: Transform,
}

/// How the values of one raw column become features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "as")]
pub enum Transform {
    /// `(value - offset) / divisor`, after filling.
    Number {
        /// Replaces a missing value; missing values stay when there is none.
        fill: Option<f64>,
        /// Subtracted first.
        offset: f64,
        /// Divides then; 1 when not scaled.
        divisor: f64,
        /// False when the value was constant and only its indicator is a feature.
        value: bool,
        /// True when a second feature tells that the value was missing.
        indicator: bool,
    },
    /// A category's code.
    Category {
        /// The known levels, sorted by text: the code is the place in this list.
        levels: Vec<String>,
        /// True when levels not in the list share one more code, `(other)`.
        other: bool,
        /// What a missing value becomes.
        missing: Missing,
        /// The form of the features.
        encoding: Encoding,
        /// Codes whose one-hot feature was constant and is left out.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        dropped: Vec<u32>,
    },
}

/// What a missing category becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// It stays missing: NaN, or all zeros under one-hot.
    Stays,
    /// It gets this code.
    Code(u32),
}

/// The form a category's features take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// One categorical feature of codes.
    Native,
    /// One numeric feature of codes.
    Ordinal,
    /// One feature of zeros and ones a code.
    OneHot,
}

/// The name of the level that rare and unseen texts share.
pub const OTHER: &str = "(other)";
/// The name of the level, or indicator, of missing values.
pub const MISSING: &str = "(missing)";

impl FeaturePlan {
    /// Names of the raw columns that [`FeaturePlan::apply`] needs.
    #[must_use]
    pub fn inputs(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// Names of the features, in the order of the matrix.
    #[must_use]
    pub fn outputs(&self) -> Vec<String> {
        self.columns.iter().flat_map(ColumnPlan::outputs).collect()
    }
}

impl ColumnPlan {
    /// Names of the features made of this column.
    #[must_use]
    pub fn outputs(&self) -> Vec<String> {
        match &self.transform {
            Transform::Number { value, indicator, .. } => {
                let value = value.then(|| self.name.clone());
                value.into_iter().chain(indicator.then(|| format!("{}={MISSING}", self.name))).collect()
            }
            Transform::Category { encoding: Encoding::OneHot, dropped, .. } => {
                let kept = self.transform.code_names().into_iter().zip(0..).filter(|(_, code)| !dropped.contains(code));
                kept.map(|(level, _)| format!("{}={level}", self.name)).collect()
            }
            Transform::Category { .. } => vec![self.name.clone()],
        }
    }
}

impl Transform {
    /// The text of each code of a category, in code order; empty for a number.
    #[must_use]
    pub fn code_names(&self) -> Vec<String> {
        let Self::Category { levels, other, missing, .. } = self else { return Vec::new() };
        let mut names = levels.clone();
        if *other {
            names.push(OTHER.to_owned());
        }
        if let Missing::Code(code) = missing
            && *code as usize == names.len()
        {
            names.push(MISSING.to_owned());
        }
        names
    }
}
