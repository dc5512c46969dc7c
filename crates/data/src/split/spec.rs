//! What a split should be.

use std::collections::BTreeMap;

use super::ratio::Ratio;

/// How rows are given to parts.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Strategy {
    /// By chance.
    #[default]
    Random,
    /// By chance, with each class's share equal in all parts; with a group named, whole groups, as equal as they allow.
    Stratified {
        /// The column whose shares are kept equal; the target unless given.
        by: Option<String>,
        /// Quantile bins for numbers. Without it, a number column of more than 20 values is cut into ten bins and any
        /// other column goes by its values. 0: always by value.
        bins: Option<usize>,
    },
    /// By chance, with whole groups.
    Group {
        /// Whether the target's classes (or quantile bins) are to have equal shares, as far as whole groups allow.
        stratify: bool,
    },
    /// In order of the time column: the first part holds the earliest rows. Rows of one moment stay together.
    Time {
        /// Rows of an earlier part that lie less than this before a later part's first moment belong to no part: in
        /// seconds for timestamps, days for dates, the column's own unit for numbers.
        gap: f64,
    },
    /// By a hash of key columns, so that a row never changes its part as the data grow.
    Hash {
        /// The key columns; the group column unless given, or else all columns.
        key: Vec<String>,
    },
    /// By a column that names each row's part.
    Predefined {
        /// The column.
        column: String,
        /// The column's values, as text, to part names; the value `none` as part name leaves rows out. Empty: the
        /// values are the part names.
        parts: BTreeMap<String, String>,
    },
}

impl Strategy {
    /// The strategy of folds: with equal shares of the target's classes, by whole groups, both or neither.
    #[must_use]
    pub const fn of_folds(stratify: bool, by_group: bool) -> Self {
        match (stratify, by_group) {
            (_, true) => Self::Group { stratify },
            (true, false) => Self::Stratified { by: None, bins: None },
            (false, false) => Self::Random,
        }
    }

    /// Its name, as on the command line.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Stratified { .. } => "stratified",
            Self::Group { stratify: false } => "group",
            Self::Group { stratify: true } => "stratified-group",
            Self::Time { .. } => "time",
            Self::Hash { .. } => "hash",
            Self::Predefined { .. } => "predefined",
        }
    }
}

/// What a split should be: see [`super::split`].
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// How rows are given to parts.
    pub strategy: Strategy,
    /// The parts and their shares; not used by [`Strategy::Predefined`].
    pub ratio: Ratio,
    /// Seeds chance and hashes.
    pub seed: u64,
    /// The column to predict.
    pub target: Option<String>,
    /// The column that keeps rows together. A strategy that does not heed it is warned about.
    pub group: Option<String>,
    /// The column that orders rows in time. A strategy that does not heed it is warned about.
    pub time: Option<String>,
    /// Half the width of the 95 % interval that a share (such as accuracy) measured on any part should have: a part
    /// with too few rows for it is warned about.
    pub precision: f64,
}

impl Default for Spec {
    /// Random, 70 : 15 : 15, seed 0, a precision of ± 0.1 (97 rows).
    fn default() -> Self {
        Self {
            strategy: Strategy::Random,
            ratio: Ratio::default(),
            seed: 0,
            target: None,
            group: None,
            time: None,
            precision: 0.1,
        }
    }
}
