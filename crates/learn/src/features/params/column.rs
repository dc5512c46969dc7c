//! Choices for single columns, and which of them count for a column.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Binning, CategoryImpute, ClipParams, DateParams, Encode, FeatureParams, NumberImpute, Scale, TargetEncoding,
    TextParams,
};
use crate::{Frame, features::glob};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnKind {
    /// Numbers, of which more and less mean something.
    Number,
    /// Levels without an order.
    Category,
    /// Dates and timestamps: texts in ISO 8601, or numbers of seconds since the start of 1970.
    Date,
    /// Free text.
    Text,
}

/// Choices for one column; what is left out is as for all columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ColumnFeature {
    /// Takes the column as numbers, categories, dates or text, whatever the table says: codes of places are categories
    /// that look like numbers. Texts of several words that hardly repeat are taken for `text` when left out.
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
    /// How `encode: target` works.
    pub target_encoding: Option<TargetEncoding>,
    /// Number of features that `encode: hash` makes.
    pub hash_size: Option<u32>,
    /// How a number is scaled.
    pub scale: Option<Scale>,
    /// Bounds that a number is brought within.
    pub clip: Option<ClipParams>,
    /// Puts a number into bins.
    pub bins: Option<Binning>,
    /// How a date becomes numbers.
    pub date: Option<DateParams>,
    /// How a text becomes numbers.
    pub text: Option<TextParams>,
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
    /// The level that `category: constant` fills in.
    pub level: Option<String>,
    /// Whether to add a feature that is 1 where a number was missing.
    pub indicator: Option<bool>,
}

impl ColumnFeature {
    fn or(self, other: &Self) -> Self {
        Self {
            kind: self.kind.or(other.kind),
            impute: ColumnImpute {
                number: self.impute.number.or(other.impute.number),
                category: self.impute.category.or(other.impute.category),
                constant: self.impute.constant.or(other.impute.constant),
                level: self.impute.level.or_else(|| other.impute.level.clone()),
                indicator: self.impute.indicator.or(other.impute.indicator),
            },
            encode: self.encode.or(other.encode),
            max_levels: self.max_levels.or(other.max_levels),
            min_share: self.min_share.or(other.min_share),
            target_encoding: self.target_encoding.or_else(|| other.target_encoding.clone()),
            hash_size: self.hash_size.or(other.hash_size),
            scale: self.scale.or(other.scale),
            clip: self.clip.or(other.clip),
            bins: self.bins.or(other.bins),
            date: self.date.or_else(|| other.date.clone()),
            text: self.text.or_else(|| other.text.clone()),
        }
    }
}

impl FeatureParams {
    /// The same without what `by_column` says about columns that `frame` does not have: they were left out since.
    #[must_use]
    pub fn about(mut self, frame: &Frame) -> Self {
        let there =
            |key: &String| frame.columns.iter().any(|column| column.name == *key || glob::matches(key, &column.name));
        self.by_column.retain(|key, _| there(key));
        self
    }

    /// The choices of `by_column` for the column `name`: those under its name, then those under patterns that match it,
    /// the pattern with most plain characters first.
    #[must_use]
    pub fn of_column(&self, name: &str) -> ColumnFeature {
        let mut patterns: Vec<&String> =
            self.by_column.keys().filter(|key| *key != name && glob::matches(key, name)).collect();
        patterns.sort_by_key(|key| std::cmp::Reverse(glob::plain(key)));
        let own = self.by_column.get(name).cloned().unwrap_or_default();
        patterns.into_iter().fold(own, |own, key| own.or(&self.by_column[key]))
    }
}
