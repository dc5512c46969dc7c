//! How the values of one raw column become features: plain data, each variant with what it does to one value.

use serde::{Deserialize, Serialize};

use crate::features::{DateFeature, Layout, MISSING, OTHER, Shape, Vectoriser};

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
    /// `(shape(clip(value)) - offset) / divisor`, where a missing value is `fill` in place of `clip(value)`.
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
        /// Bounds that values are brought within.
        #[serde(default, skip_serializing_if = "Clip::is_none")]
        clip: Clip,
        /// A curve that the value goes through before `offset` and `divisor`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shape: Option<Shape>,
    },
    /// The place of the bin that holds `clip(value)`, a missing value replaced by `fill`.
    Bins {
        /// Replaces a missing value; where there is none a missing value has no bin: NaN, or all zeros.
        fill: Option<f64>,
        /// Bounds that values are brought within.
        #[serde(default, skip_serializing_if = "Clip::is_none")]
        clip: Clip,
        /// Ascending edges between neighbouring bins; a value on an edge is in the bin above it.
        edges: Vec<f64>,
        /// The bins that are a feature of zeros and ones each; one feature of the bin's place when absent.
        one_hot: Option<Vec<u32>>,
        /// True when a last feature tells that the value was missing.
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
    /// The numbers learned for a category's level: its share of the rows, or what the target is like there.
    Table {
        /// The known levels, sorted by text.
        levels: Vec<String>,
        /// What each feature is called after the column's name.
        names: Vec<String>,
        /// Level by level, one number a feature.
        values: Vec<f64>,
        /// The numbers of a level that is not in the list, one a feature.
        unseen: Vec<f64>,
        /// The numbers of a missing value, one a feature.
        missing: Vec<f64>,
    },
    /// A category's level by hash: feature `|hash| mod size` is 1, or -1 where the hash is negative, and all others are
    /// 0; `hash` is MurmurHash3 (x86, 32 bits, seed 0) of the text's UTF-8 bytes, taken as signed. Missing is all 0.
    Hash {
        /// Number of features.
        size: u32,
    },
    /// Parts of a moment (UTC).
    Date {
        /// Replaces a missing moment, in seconds since 1970; missing moments give NaN when there is none.
        fill: Option<f64>,
        /// The features.
        parts: Vec<DateFeature>,
        /// True when a last feature tells that the moment was missing.
        indicator: bool,
    },
    /// Words or runs of characters of a text; a missing text is all zeros.
    Text {
        /// What is counted, and how counts become features.
        vectoriser: Vectoriser,
    },
}

/// Bounds that a value is brought within.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Clip {
    /// Values below become this one.
    pub low: Option<f64>,
    /// Values above become this one.
    pub high: Option<f64>,
}

impl Clip {
    /// True when there is no bound.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.low.is_none() && self.high.is_none()
    }

    /// The value within the bounds; NaN stays NaN.
    #[must_use]
    pub fn of(self, value: f64) -> f64 {
        let value = if self.low.is_some_and(|low| value < low) { self.low.unwrap_or(value) } else { value };
        if self.high.is_some_and(|high| value > high) { self.high.unwrap_or(value) } else { value }
    }
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

impl ColumnPlan {
    /// Names of the features made of this column.
    #[must_use]
    pub fn outputs(&self) -> Vec<String> {
        let name = &self.name;
        let marked = |indicator: &bool| indicator.then(|| format!("{name}={MISSING}"));
        match &self.transform {
            Transform::Number { value, indicator, .. } => {
                value.then(|| name.clone()).into_iter().chain(marked(indicator)).collect()
            }
            Transform::Bins { edges, one_hot, indicator, .. } => {
                let bins: Vec<String> = match one_hot {
                    Some(bins) => bins.iter().map(|bin| format!("{name}=bin {bin}")).collect(),
                    None if edges.is_empty() => Vec::new(),
                    None => vec![name.clone()],
                };
                bins.into_iter().chain(marked(indicator)).collect()
            }
            Transform::Category { encoding: Encoding::OneHot, dropped, .. } => {
                let kept = self.transform.code_names().into_iter().zip(0..).filter(|(_, code)| !dropped.contains(code));
                kept.map(|(level, _)| format!("{name}={level}")).collect()
            }
            Transform::Category { .. } => vec![name.clone()],
            Transform::Table { names, .. } => names.iter().map(|part| format!("{name}={part}")).collect(),
            Transform::Hash { size } => (0..*size).map(|place| format!("{name}=#{place}")).collect(),
            Transform::Date { parts, indicator, .. } => {
                parts.iter().map(|part| format!("{name}={part}")).chain(marked(indicator)).collect()
            }
            Transform::Text { vectoriser } => vectoriser.names().map(|term| format!("{name}={term}")).collect(),
        }
    }

    /// The features made of this column, the `place`-th of its plan.
    pub(super) fn layout(&self, place: usize) -> impl Iterator<Item = Layout> {
        let levels = match &self.transform {
            Transform::Category { encoding: Encoding::Native, .. } => Some(self.transform.code_count()),
            _ => None,
        };
        self.outputs().into_iter().map(move |name| Layout { name, levels, column: Some(place) })
    }
}

impl Transform {
    /// The text of each code of a category, in code order; empty for everything else.
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

    /// The number of codes of a category; 0 for everything else.
    #[must_use]
    pub fn code_count(&self) -> u32 {
        let Self::Category { levels, other, missing, .. } = self else { return 0 };
        let known = levels.len() as u32 + u32::from(*other);
        known + u32::from(*missing == Missing::Code(known))
    }
}
