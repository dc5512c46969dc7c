//! What a user may say about features: which columns, and how to fill, encode and scale them.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::problem::nearest;

use crate::LearnError;

/// How raw columns become features. All of it is learned from training rows alone and travels with the model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FeatureParams {
    /// Columns to learn from; every column but the target when left out.
    pub columns: Option<Vec<String>>,
    /// Columns not to learn from.
    pub exclude: Vec<String>,
    /// How to fill missing values.
    pub impute: Impute,
    /// How categories become numbers; chosen for the estimator when left out.
    pub encode: Encode,
    /// Most levels a category keeps, by frequency; further ones share the level `(other)`. 254 for trees and 50
    /// for linear models when left out.
    pub max_levels: Option<u32>,
    /// Levels rarer than this share of the training rows join `(other)`; between 0 and 0.5. 0 for trees and 0.01
    /// for linear models when left out.
    pub min_share: Option<f64>,
    /// How numbers are scaled; not at all for trees, `standard` for linear models when left out.
    pub scale: Option<Scale>,
    /// Other choices for single columns, by column name.
    pub by_column: BTreeMap<String, ColumnFeature>,
}

/// How to fill missing values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Impute {
    /// For numbers; `none` for trees (they take missing values as they are), `median` for linear models when left out.
    pub number: Option<NumberImpute>,
    /// For categories; `none` when left out: trees take it as missing, one-hot codes are all zero.
    pub category: Option<CategoryImpute>,
    /// The value that `number: constant` fills in.
    pub constant: f64,
    /// Adds a feature `column=(missing)` that is 1 where a number was missing, for columns with a missing value among
    /// the training rows. On for linear models and off for trees when left out.
    pub indicator: Option<bool>,
}

/// What replaces a missing number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NumberImpute {
    /// The median of the training rows.
    Median,
    /// The mean of the training rows.
    Mean,
    /// A given value.
    Constant,
    /// Nothing: the value stays missing.
    None,
}

/// What replaces a missing category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CategoryImpute {
    /// The most frequent level of the training rows (the first by text among equals).
    MostFrequent,
    /// A level of its own, `(missing)`.
    MissingLevel,
    /// Nothing: the value stays missing.
    None,
}

/// How a category becomes numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encode {
    /// What suits the estimator: native categories for trees, one-hot for linear models.
    #[default]
    Auto,
    /// One feature a level, 1 where the row has that level.
    OneHot,
    /// One number: the level's place in the order of texts.
    Ordinal,
    /// Categories are left out.
    None,
}

/// How a number is scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Mean 0 and standard deviation 1 over the training rows.
    Standard,
    /// The training rows' smallest value at 0 and largest at 1.
    MinMax,
    /// Median 0 and interquartile range 1 over the training rows.
    Robust,
    /// As it is.
    None,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnKind {
    /// Numbers, of which more and less mean something.
    Number,
    /// Levels without an order.
    Category,
}

/// Choices for one column; what is left out is as for all columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ColumnFeature {
    /// Takes the column as numbers or as categories, whatever the table says: codes of places are categories that look
    /// like numbers.
    #[serde(rename = "type")]
    pub kind: Option<ColumnKind>,
    /// How to fill missing values.
    pub impute: ColumnImpute,
    /// How a category becomes numbers.
    pub encode: Option<Encode>,
    /// Most levels the category keeps.
    pub max_levels: Option<u32>,
    /// Levels rarer than this share of the training rows join `(other)`.
    pub min_share: Option<f64>,
    /// How a number is scaled.
    pub scale: Option<Scale>,
}

/// How to fill one column's missing values; what is left out is as for all columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ColumnImpute {
    /// For a number.
    pub number: Option<NumberImpute>,
    /// For a category.
    pub category: Option<CategoryImpute>,
    /// The value that `number: constant` fills in.
    pub constant: Option<f64>,
    /// Whether to add a feature that is 1 where a number was missing.
    pub indicator: Option<bool>,
}

/// The form of features an estimator learns from best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wants {
    /// Trees: numbers as they are with NaN where missing, categories as codes.
    Native,
    /// Linear models: finite, scaled numbers without a constant column.
    Dense,
}

impl FeatureParams {
    /// Checks the parameters against the names of the raw columns (the target not among them): every problem at once.
    #[must_use]
    pub fn check(&self, names: &[String]) -> Vec<LearnError> {
        let mut problems = self.check_ranges();
        let unknown = |name: &String, field: &'static str| {
            (!names.contains(name)).then(|| LearnError {
                code: "unknown-column",
                message: format!("no feature column `{name}`"),
                help: nearest(name, names.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?")),
                field: Some(field),
            })
        };
        problems.extend(self.columns.iter().flatten().filter_map(|name| unknown(name, "columns")));
        problems.extend(self.exclude.iter().filter_map(|name| unknown(name, "exclude")));
        problems.extend(self.by_column.keys().filter_map(|name| unknown(name, "by_column")));
        let mut seen = BTreeSet::new();
        for name in self.columns.iter().flatten() {
            if !seen.insert(name) {
                problems.push(LearnError {
                    code: "duplicate-column",
                    message: format!("column `{name}` is named twice"),
                    help: None,
                    field: Some("columns"),
                });
            }
        }
        if problems.is_empty() && self.chosen(names).is_empty() {
            problems.push(LearnError {
                code: "no-features",
                message: "no column is left to learn from".to_owned(),
                help: Some("name at least one column beside the target".to_owned()),
                field: Some("columns"),
            });
        }
        problems
    }

    /// The raw columns to learn from, in the order of `names`.
    #[must_use]
    pub fn chosen(&self, names: &[String]) -> Vec<String> {
        names
            .iter()
            .filter(|name| self.columns.as_ref().is_none_or(|columns| columns.contains(name)))
            .filter(|name| !self.exclude.contains(name))
            .cloned()
            .collect()
    }

    fn check_ranges(&self) -> Vec<LearnError> {
        let mut problems = Vec::new();
        let mut refuse = |field, message: String| {
            problems.push(LearnError { code: "out-of-range", message, help: None, field: Some(field) });
        };
        let all = ("".to_owned(), self.max_levels, self.min_share, Some(self.impute.constant));
        let single = self.by_column.iter().map(|(name, column)| {
            (format!(" of column `{name}`"), column.max_levels, column.min_share, column.impute.constant)
        });
        for (whose, max_levels, min_share, constant) in std::iter::once(all).chain(single) {
            if max_levels == Some(0) {
                refuse("max_levels", format!("`max_levels`{whose} must be at least 1, found 0"));
            }
            if let Some(share) = min_share.filter(|share| !(0.0..=0.5).contains(share)) {
                refuse("min_share", format!("`min_share`{whose} must lie between 0 and 0.5, found {share}"));
            }
            if let Some(constant) = constant.filter(|constant| !constant.is_finite()) {
                refuse("impute", format!("`impute.constant`{whose} must be a finite number, found {constant}"));
            }
        }
        problems
    }
}
