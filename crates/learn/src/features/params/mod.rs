//! What a user may say about features: which columns, and how to fill, encode, scale and combine them.

mod check;
mod column;
mod stage;
mod text;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use column::{ColumnFeature, ColumnImpute, ColumnKind};
pub use stage::{Interactions, Pca, Select, SelectBy};
pub use text::{TextNorm, TextParams, TextStopWords, TextUnit, TextWeight};

/// How raw columns become features. All of it is learned from training rows alone and travels with the model.
///
/// Each column first goes by itself: a number is clipped, filled, binned or scaled; a category is encoded; a date is taken
/// apart; a text is counted. Then, over all features and in this order: nearest-neighbour filling, `interactions`, `pca`,
/// `select`.
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
    /// for linear models when left out. Target, frequency and hash encodings keep all.
    pub max_levels: Option<u32>,
    /// Levels rarer than this share of the training rows join `(other)`; between 0 and 0.5. 0 for trees and 0.01
    /// for linear models when left out.
    pub min_share: Option<f64>,
    /// How `encode: target` works.
    pub target_encoding: TargetEncoding,
    /// Number of features that `encode: hash` spreads a category over, 2 to 65536; 32 when left out.
    pub hash_size: Option<u32>,
    /// How numbers are scaled; not at all for trees, `standard` for linear models when left out.
    pub scale: Option<Scale>,
    /// Bounds that numbers are brought within first; none when left out.
    pub clip: Option<ClipParams>,
    /// Puts numbers into bins in place of scaling them; not done when left out.
    pub bins: Option<Binning>,
    /// How dates become numbers.
    pub date: DateParams,
    /// How free texts become numbers.
    pub text: TextParams,
    /// Products of features; none when left out.
    pub interactions: Option<Interactions>,
    /// Replaces number features by their principal components; not done when left out.
    pub pca: Option<Pca>,
    /// Keeps only the features that say most; all when left out.
    pub select: Option<Select>,
    /// Other choices for single columns, by column name or by pattern: `*` stands for any text, `?` for one character.
    /// A name goes before a pattern, a pattern with more plain characters before one with fewer.
    pub by_column: BTreeMap<String, ColumnFeature>,
}

/// How to fill missing values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Impute {
    /// For numbers; `none` for trees (they take missing values as they are), `median` for linear models when left out.
    /// Missing dates take the median moment unless it is `none`.
    pub number: Option<NumberImpute>,
    /// For categories; `none` when left out: trees take it as missing, one-hot codes are all zero. Linear models take a
    /// missing or unseen level under `encode: ordinal` as a level of its own.
    pub category: Option<CategoryImpute>,
    /// The value that `number: constant` fills in.
    pub constant: f64,
    /// The level that `category: constant` fills in; empty when left out.
    pub level: String,
    /// Adds a feature `column=(missing)` that is 1 where a number was missing, for columns with a missing value among
    /// the training rows. On for linear models and off for trees when left out.
    pub indicator: Option<bool>,
    /// Number of nearest rows whose mean `number: nearest` fills in, at least 1; 5 when left out.
    pub neighbours: Option<u32>,
    /// Most training rows that `number: nearest` looks among, evenly spread, at least 1; 2000 when left out.
    pub donors: Option<u32>,
}

/// What replaces a missing number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NumberImpute {
    /// The median of the training rows.
    Median,
    /// The mean of the training rows.
    Mean,
    /// The most frequent value of the training rows (the smallest among equals).
    MostFrequent,
    /// A given value.
    Constant,
    /// The mean of the nearest training rows that have the value; near by the columns filled this way, after scaling.
    Nearest,
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
    /// A given level.
    Constant,
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
    /// One number: the level's share of the training rows; 0 for a level they do not have.
    Frequency,
    /// The mean of the target among the training rows of that level, drawn towards the mean of all (with several classes
    /// the share of each class). The training rows themselves get numbers learned from the other folds.
    Target,
    /// A fixed number of features by a hash of the level, for very many levels.
    Hash,
    /// Categories are left out.
    None,
}

/// How `encode: target` works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TargetEncoding {
    /// How strongly a level is drawn towards the mean of all rows: `auto` (by its variance, empirical Bayes after
    /// Micci-Barreca 2001), or the number of rows that the mean of all counts for, at least 0.
    pub smoothing: Smoothing,
    /// Folds of the training rows, 2 to 50.
    pub folds: u32,
}

impl Default for TargetEncoding {
    fn default() -> Self {
        Self { smoothing: Smoothing::Auto(AutoWord::Auto), folds: 5 }
    }
}

/// How strongly a level's mean is drawn towards the mean of all rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Smoothing {
    /// By the level's variance.
    Auto(AutoWord),
    /// The number of rows that the mean of all counts for.
    Rows(f64),
}

/// The word `auto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AutoWord {
    /// Chosen from the data.
    Auto,
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
    /// The value's place among the training rows, 0 to 1.
    Quantile,
    /// The value's place among the training rows, as the quantile of a normal distribution.
    QuantileNormal,
    /// The power by which the training rows look most like a normal distribution (Yeo and Johnson 2000), then
    /// `standard`.
    YeoJohnson,
    /// The same for numbers above 0 only (Box and Cox 1964).
    BoxCox,
    /// As it is.
    None,
}

/// Bounds for numbers: given ones, or quantiles of the training rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClipParams {
    /// Lower bound.
    pub low: Option<f64>,
    /// Upper bound.
    pub high: Option<f64>,
    /// Lower and upper bound as shares of the training rows below them, such as `[0.01, 0.99]`.
    pub quantiles: Option<[f64; 2]>,
}

/// How numbers are put into bins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Binning {
    /// Number of bins, 2 to 1000; fewer where values are equal.
    pub count: u32,
    /// Where the edges lie.
    pub by: BinRule,
    /// What a bin becomes.
    #[serde(rename = "as")]
    pub form: BinsAs,
}

impl Default for Binning {
    fn default() -> Self {
        Self { count: 5, by: BinRule::Quantile, form: BinsAs::Ordinal }
    }
}

/// Where the edges of bins lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BinRule {
    /// At quantiles of the training rows.
    #[default]
    Quantile,
    /// At equal distances from the smallest to the largest value of the training rows.
    Uniform,
}

/// What a bin becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BinsAs {
    /// One number: the bin's place.
    #[default]
    Ordinal,
    /// One feature a bin, 1 where the value lies in it.
    OneHot,
}

/// How dates and timestamps (UTC) become numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DateParams {
    /// The parts to take; those that are the same in every training row are left out. `year`, `month`, `day`,
    /// `weekday`, `hour` and `day-of-year` for trees, `year`, `month`, `weekday` and `hour` for linear models when left
    /// out.
    pub parts: Option<Vec<DatePart>>,
    /// Whether parts that come round again become the sine and cosine of their place on a circle, so that December lies
    /// beside January. Off for trees and on for linear models when left out.
    pub cyclic: Option<bool>,
}

/// A part of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DatePart {
    /// Days since the first moment among the training rows. A tree cannot go beyond the ones it saw.
    Elapsed,
    /// The year.
    Year,
    /// The month, 1 to 12.
    Month,
    /// The day of the month, 1 to 31.
    Day,
    /// The day of the week, from Monday 0 to Sunday 6.
    Weekday,
    /// The hour, 0 to 23.
    Hour,
    /// The minute, 0 to 59.
    Minute,
    /// The day of the year, 1 to 366.
    DayOfYear,
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
