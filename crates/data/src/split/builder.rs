//! `Split::of(&table).target("y").seed(7).stratified()?` and what it gives back.

use std::{collections::BTreeMap, sync::Arc};

use arrow::array::ArrayRef;
use trainyard_core::Warning;

use super::{
    artifact::SplitTable,
    ratio::Ratio,
    spec::{Spec, Strategy},
};
use crate::{error::DataError, table::Table};

/// The usual parts by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// What models learn from.
    Train,
    /// What early stopping, tuning and choice look at.
    Validation,
    /// What the final judgement looks at, once.
    Test,
}

impl AsRef<str> for Part {
    fn as_ref(&self) -> &str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// A split being described; each of the last methods carries it out.
#[derive(Clone, Debug)]
pub struct Split<'a> {
    table: &'a Arc<Table>,
    spec: Spec,
}

impl<'a> Split<'a> {
    /// A split of this table, 70 : 15 : 15 with seed 0 until told otherwise.
    #[must_use]
    pub fn of(table: &'a Arc<Table>) -> Self {
        Self { table, spec: Spec::default() }
    }

    /// The same with the column to predict.
    #[must_use]
    pub fn target(mut self, column: impl Into<String>) -> Self {
        self.spec.target = Some(column.into());
        self
    }

    /// The same with the column that keeps rows together.
    #[must_use]
    pub fn group(mut self, column: impl Into<String>) -> Self {
        self.spec.group = Some(column.into());
        self
    }

    /// The same with the column that orders rows in time.
    #[must_use]
    pub fn time(mut self, column: impl Into<String>) -> Self {
        self.spec.time = Some(column.into());
        self
    }

    /// The same with these shares: two for train and test, three for train, validation and test, or any by name.
    #[must_use]
    pub fn ratio(mut self, ratio: impl Into<Ratio>) -> Self {
        self.spec.ratio = ratio.into();
        self
    }

    /// The same with `count` equal parts, `fold-1` and so on.
    #[must_use]
    pub fn folds(self, count: usize) -> Self {
        self.ratio(Ratio::folds(count))
    }

    /// The same with a seed.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.spec.seed = seed;
        self
    }

    /// The same with a stated precision: see [`Spec::precision`].
    #[must_use]
    pub const fn precision(mut self, half_width: f64) -> Self {
        self.spec.precision = half_width;
        self
    }

    /// Splits by chance.
    ///
    /// # Errors
    /// As [`super::split`].
    pub fn random(self) -> Result<Parts, DataError> {
        self.by(Strategy::Random)
    }

    /// Splits with equal shares of each class (or quantile bin) of the target in all parts, keeping groups together
    /// where a group is named.
    ///
    /// # Errors
    /// As [`super::split`].
    pub fn stratified(self) -> Result<Parts, DataError> {
        self.by(Strategy::Stratified { by: None, bins: None })
    }

    /// Splits by whole groups.
    ///
    /// # Errors
    /// As [`super::split`].
    pub fn grouped(self) -> Result<Parts, DataError> {
        self.by(Strategy::Group { stratify: false })
    }

    /// Splits in time order, with a gap before each later part: see [`Strategy::Time`].
    ///
    /// # Errors
    /// As [`super::split`].
    pub fn timed(self, gap: f64) -> Result<Parts, DataError> {
        self.by(Strategy::Time { gap })
    }

    /// Splits by a hash of these columns; of the group column, or of all, when none is given.
    ///
    /// # Errors
    /// As [`super::split`].
    pub fn hashed<S: Into<String>>(self, key: impl IntoIterator<Item = S>) -> Result<Parts, DataError> {
        self.by(Strategy::Hash { key: key.into_iter().map(Into::into).collect() })
    }

    /// Splits by a column that names the parts: see [`Strategy::Predefined`].
    ///
    /// # Errors
    /// As [`super::split`].
    pub fn predefined(self, column: impl Into<String>, parts: BTreeMap<String, String>) -> Result<Parts, DataError> {
        self.by(Strategy::Predefined { column: column.into(), parts })
    }

    /// Splits by any strategy.
    ///
    /// # Errors
    /// As [`super::split`].
    pub fn by(mut self, strategy: Strategy) -> Result<Parts, DataError> {
        self.spec.strategy = strategy;
        super::split(self.table, &self.spec)
    }
}

/// A finished split, and what the user should know about it.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The split.
    pub split: Arc<SplitTable>,
    /// What is doubtful about it, the most severe first.
    pub warnings: Vec<Warning>,
}

impl Parts {
    /// A part by name: a [`Part`] or any text.
    #[must_use]
    pub fn part(&self, name: impl AsRef<str>) -> PartView<'_> {
        PartView { split: &self.split, name: name.as_ref().to_owned() }
    }
}

/// One part of a split.
#[derive(Clone, Debug)]
pub struct PartView<'a> {
    split: &'a SplitTable,
    name: String,
}

impl PartView<'_> {
    /// Its rows with all columns.
    ///
    /// # Errors
    /// `unknown-part` with the nearest name.
    pub fn with_labels(&self) -> Result<Table, DataError> {
        self.split.part(&self.name)
    }

    /// Its rows without the target column.
    ///
    /// # Errors
    /// `unknown-part`; `no-target` when the split names no target.
    pub fn without_labels(&self) -> Result<Table, DataError> {
        let target = self.split.target()?;
        let part = self.split.part(&self.name)?;
        let rest: Vec<String> = part.names().filter(|name| *name != target).map(str::to_owned).collect();
        part.select(&rest)
    }

    /// Its target values.
    ///
    /// # Errors
    /// `unknown-part`; `no-target` when the split names no target.
    pub fn labels(&self) -> Result<ArrayRef, DataError> {
        self.split.labels(&self.name)
    }

    /// Its rows' positions in the table.
    ///
    /// # Errors
    /// `unknown-part` with the nearest name.
    pub fn rows(&self) -> Result<Vec<u32>, DataError> {
        self.split.rows(&self.name)
    }
}
