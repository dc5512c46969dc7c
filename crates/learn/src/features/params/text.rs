//! How a free text becomes numbers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a free text becomes numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TextParams {
    /// What a text is cut into.
    pub by: TextUnit,
    /// Fewest and most pieces that stand together as one term, each 1 to 10.
    pub ngrams: [u32; 2],
    /// Whether letters are made lower case first.
    pub lowercase: bool,
    /// Words left out.
    pub stop_words: TextStopWords,
    /// Terms in fewer texts are left out: a number of texts from 1 on, a share of them below 1.
    pub min_df: f64,
    /// Terms in more texts are left out: a share of the texts up to 1, a number of them above 1.
    pub max_df: f64,
    /// Most terms, those that occur most often; 1000 for linear models and 100 for trees when left out.
    pub max_features: Option<u32>,
    /// What a term's feature holds.
    pub weight: TextWeight,
    /// Whether a term that occurs n times counts as 1 + ln n. On for `tf-idf` and off otherwise when left out.
    pub sublinear: Option<bool>,
    /// The length that the features of a text are brought to; `l2` for `tf-idf` and `hash`, `none` for `count` and
    /// `binary` when left out.
    pub norm: Option<TextNorm>,
    /// Number of features that `weight: hash` spreads the terms over, 2 to 65536; 512 for linear models and 64 for trees
    /// when left out.
    pub hash_size: Option<u32>,
}

impl Default for TextParams {
    fn default() -> Self {
        Self {
            by: TextUnit::Word,
            ngrams: [1, 2],
            lowercase: true,
            stop_words: TextStopWords::None,
            min_df: 2.0,
            max_df: 1.0,
            max_features: None,
            weight: TextWeight::TfIdf,
            sublinear: None,
            norm: None,
            hash_size: None,
        }
    }
}

/// What a text is cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TextUnit {
    /// Words: runs of two or more letters, digits and `_`.
    Word,
    /// Characters, runs of white space as one.
    Character,
    /// Characters inside words, each word with a space before and after.
    CharacterInWord,
}

/// Words that are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TextStopWords {
    /// No word.
    None,
    /// The 318 English words of the Glasgow information retrieval group.
    English,
}

/// What a term's feature holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TextWeight {
    /// How often the term occurs, times `1 + ln((1 + texts) / (1 + texts with the term))`.
    TfIdf,
    /// How often the term occurs.
    Count,
    /// Whether the term occurs.
    Binary,
    /// How often terms of one hash occur, each counted up or down by its hash: no vocabulary to learn.
    Hash,
}

/// The length that the features of a text are brought to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TextNorm {
    /// The squares add up to 1.
    L2,
    /// As it is.
    None,
}
