//! Fitted feature transforms: raw columns in, numbers for an estimator out.
//!
//! [`FeaturePlan::fit_apply`] learns fills, levels, scales, vocabularies and more from training rows;
//! [`FeaturePlan::apply`] does to any row what was learned, each row by itself, so that a single row and a batch give
//! the same bits. It is one straight line: each raw column by its [`Transform`], then the [`Stage`]s, in order, over all
//! features.

mod apply;
mod choice;
mod dates;
mod fit;
mod fit_category;
mod fit_number;
mod glob;
mod hash;
mod levels;
pub(crate) mod numbers;
mod params;
mod power;
mod quantile_map;
mod ready;
mod shape;
mod stages;
mod target_encoding;
mod text;
mod transform;

#[cfg(test)]
pub(crate) mod contract;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod youtube_spam;

use serde::{Deserialize, Serialize};

pub(crate) use apply::Refusal;
pub use dates::{DateFeature, Wave, seconds_of};
pub use fit::Goal;
pub use params::{
    BinRule, Binning, BinsAs, CategoryImpute, ClipParams, ColumnFeature, ColumnImpute, ColumnKind, DateParams,
    DatePart, Encode, FeatureParams, Impute, Interactions, NumberImpute, Pca, Scale, Select, SelectBy, Smoothing,
    TargetEncoding, TextNorm, TextParams, TextStopWords, TextUnit, TextWeight, Wants,
};
pub use ready::Ready;
pub use shape::Shape;
pub use stages::Stage;
pub use text::{Vectoriser, is_free_text};
pub use transform::{Clip, ColumnPlan, Encoding, Missing, Transform};

/// What was learned about the features of a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FeaturePlan {
    /// The raw columns in use, in the features' order.
    pub columns: Vec<ColumnPlan>,
    /// What is done then to all features together, one after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
    /// True when every feature must come out finite, for an estimator that takes no missing value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dense: bool,
    /// Plans whose features follow these, for models that read features of several forms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<Self>,
}

/// The name of the level that rare and unseen texts share.
pub const OTHER: &str = "(other)";
/// The name of the level, or indicator, of missing values.
pub const MISSING: &str = "(missing)";

/// A feature without its values.
#[derive(Clone, Debug, PartialEq)]
struct Layout {
    name: String,
    /// The number of levels of a categorical feature.
    levels: Option<u32>,
    /// The place of the raw column it was made of, where it was made of one.
    column: Option<usize>,
}

impl FeaturePlan {
    /// Names of the raw columns that [`FeaturePlan::apply`] needs.
    #[must_use]
    pub fn inputs(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::with_capacity(self.columns.len());
        let own = self.columns.iter().map(|column| column.name.clone());
        for name in own.chain(self.beside.iter().flat_map(Self::inputs)) {
            // Two plans mostly read the same columns; each is asked for once.
            if self.beside.is_empty() || !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Names of the features, in the order of the matrix.
    #[must_use]
    pub fn outputs(&self) -> Vec<String> {
        let own = self.layout().into_iter().map(|feature| feature.name);
        own.chain(self.beside.iter().flat_map(Self::outputs)).collect()
    }

    /// The features before the stages.
    fn column_layout(&self) -> Vec<Layout> {
        self.columns.iter().enumerate().flat_map(|(place, column)| column.layout(place)).collect()
    }

    fn layout(&self) -> Vec<Layout> {
        self.stages.iter().fold(self.column_layout(), |layout, stage| stage.layout(layout))
    }
}
