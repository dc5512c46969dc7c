//! Gives every row its part.

use std::sync::Arc;

use arrow::{array::ArrayRef, datatypes::DataType};

use super::{
    artifact::NO_PART,
    check,
    codes::{Codes, more_distinct_than, numbers},
    draw::Draw,
    grouped, hashed, predefined,
    ratio::apportion,
    spec::{Spec, Strategy},
    timed,
};
use crate::{error::DataError, table::Table};

/// A number column with more values than this is continuous: cut into bins, compared as a distribution.
pub(super) const MOST_CLASSES: usize = 20;
/// Bins for a continuous column unless told otherwise.
pub(super) const BINS: usize = 10;

/// The columns that a spec names, read from the table.
pub(super) struct Prepared<'a> {
    /// The table.
    pub(super) table: &'a Arc<Table>,
    /// The spec.
    pub(super) spec: &'a Spec,
    /// The target.
    pub(super) target: Option<Target>,
    /// What is kept equal in all parts, for the stratified strategy.
    pub(super) strata: Option<Codes>,
    /// The groups.
    pub(super) groups: Option<Codes>,
    /// The moments, in the time column's own unit.
    pub(super) times: Option<Vec<f64>>,
}

/// The column to predict.
pub(super) enum Target {
    /// Classes and their names.
    Classes {
        /// The class of each row.
        codes: Codes,
        /// Each class as text.
        labels: Vec<String>,
    },
    /// A continuous number; NaN where missing.
    Numbers(Vec<f64>),
}

impl<'a> Prepared<'a> {
    /// Reads the columns that `spec` names.
    ///
    /// # Errors
    /// As [`super::split`].
    pub(super) fn of(table: &'a Arc<Table>, spec: &'a Spec) -> Result<Self, DataError> {
        let problems = check::check(spec, &table.schema());
        check::all_at_once(&problems)?;
        if table.row_count() == 0 {
            return Err(DataError::new("no-rows", "the table has no rows to split"));
        }
        if u32::try_from(table.row_count()).is_err() {
            return Err(DataError::new("too-many-rows", "a split takes at most 4294967295 rows"));
        }
        let column = |name: &Option<String>| name.as_ref().map(|name| table.column(name)).transpose();
        let target = column(&spec.target)?.map(|array| Target::of(&array)).transpose()?;
        let strata = match &spec.strategy {
            Strategy::Stratified { by, bins } => {
                let array = column(if by.is_some() { by } else { &spec.target })?;
                array.map(|array| strata(&array, *bins)).transpose()?
            }
            Strategy::Group { stratify: true } => {
                column(&spec.target)?.map(|array| strata(&array, None)).transpose()?
            }
            _ => None,
        };
        let groups = column(&spec.group)?.map(|array| Codes::of(&array)).transpose()?;
        let times = match column(&spec.time)? {
            Some(array) => numbers(&array)?,
            None => None,
        };
        Ok(Self { table, spec, target, strata, groups, times })
    }

    /// The part names, and the part of each row.
    ///
    /// # Errors
    /// As [`super::split`].
    pub(super) fn assign(&self) -> Result<(Vec<String>, Vec<u8>), DataError> {
        let rows = self.table.row_count();
        let shares = self.spec.ratio.shares();
        let mut draw = Draw::new(self.spec.seed, 0);
        let parts = match &self.spec.strategy {
            Strategy::Predefined { column, parts } => return predefined::assign(self.table, column, parts),
            Strategy::Random => balanced(None, rows, &shares, &mut draw),
            Strategy::Stratified { .. } | Strategy::Group { .. } => match &self.groups {
                Some(groups) => grouped::assign(groups, self.strata.as_ref(), &shares, &mut draw),
                None => balanced(self.strata.as_ref(), rows, &shares, &mut draw),
            },
            Strategy::Time { gap } => {
                let times = self.times.as_deref().unwrap_or_default();
                timed::assign(times, &shares, gap * self.time_unit()?)?
            }
            Strategy::Hash { key } => {
                let key = self.hash_key(key);
                hashed::assign(self.table, &key, &shares, self.spec.seed)?
            }
        };
        let names = self.spec.ratio.names();
        if !matches!(self.spec.strategy, Strategy::Hash { .. }) {
            self.none_empty(&names, &parts)?;
        }
        Ok((names, parts))
    }

    /// The columns that are hashed.
    pub(super) fn hash_key(&self, key: &[String]) -> Vec<String> {
        match (&self.spec.group, key.is_empty()) {
            (_, false) => key.to_vec(),
            (Some(group), true) => vec![group.clone()],
            (None, true) => self.table.names().map(str::to_owned).collect(),
        }
    }

    /// The time column's units in a second (timestamps), a day (dates) or its own unit.
    fn time_unit(&self) -> Result<f64, DataError> {
        let Some(name) = &self.spec.time else { return Ok(1.0) };
        let field = self.table.arrow_schema().field_with_name(name)?;
        Ok(if matches!(field.data_type(), DataType::Timestamp(..)) { 1e6 } else { 1.0 })
    }

    fn none_empty(&self, names: &[String], parts: &[u8]) -> Result<(), DataError> {
        let mut filled = vec![false; names.len()];
        for part in parts.iter().filter(|part| **part != NO_PART) {
            filled[*part as usize] = true;
        }
        let empty: Vec<String> =
            names.iter().zip(&filled).filter(|(_, filled)| !**filled).map(|(name, _)| format!("`{name}`")).collect();
        if empty.is_empty() {
            return Ok(());
        }
        let (number, what) = match (&self.spec.strategy, &self.groups, &self.times) {
            (Strategy::Group { .. } | Strategy::Stratified { .. }, Some(groups), _) => (groups.count(), "groups"),
            _ => (parts.len(), "rows"),
        };
        let message = format!("no rows for part {}: {number} {what} for {} parts", empty.join(", "), names.len());
        Err(DataError::new("too-few-rows", message).help("give fewer parts, larger shares or more data"))
    }
}

impl Target {
    /// Classes where the column holds few values, numbers where it holds many.
    pub(super) fn of(array: &ArrayRef) -> Result<Self, DataError> {
        if matches!(array.data_type(), DataType::Int64 | DataType::Float64)
            && let Some(values) = numbers(array)?
            && more_distinct_than(&values, MOST_CLASSES)
        {
            return Ok(Self::Numbers(values));
        }
        let codes = Codes::of(array)?;
        let labels = codes.labels(array)?;
        Ok(Self::Classes { codes, labels })
    }
}

/// A column's classes or quantile bins: see [`Strategy::Stratified`].
pub(super) fn strata(array: &ArrayRef, bins: Option<usize>) -> Result<Codes, DataError> {
    match (numbers(array)?, bins) {
        (Some(values), Some(bins)) if bins > 0 => Ok(Codes::quantiles(&values, bins)),
        (Some(values), None) if more_distinct_than(&values, MOST_CLASSES) => Ok(Codes::quantiles(&values, BINS)),
        _ => Codes::of(array),
    }
}

/// A part for each row by chance, each stratum's rows within one of its share of every part, and the whole as near to
/// it as that allows.
pub(super) fn balanced(strata: Option<&Codes>, rows: usize, shares: &[f64], draw: &mut Draw) -> Vec<u8> {
    let Some(strata) = strata else { return dealt(&apportion(rows, shares), draw) };
    let sizes = strata.sizes();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    draw.shuffle(&mut order);
    let mut wanted = vec![0.0; shares.len()];
    let mut given = vec![0_usize; shares.len()];
    let mut hands: Vec<Vec<u8>> = vec![Vec::new(); sizes.len()];
    for stratum in order {
        let quotas: Vec<f64> = shares.iter().map(|share| share * sizes[stratum] as f64).collect();
        let mut counts: Vec<usize> = quotas.iter().map(|quota| (quota + 1e-9) as usize).collect();
        wanted.iter_mut().zip(&quotas).for_each(|(wanted, quota)| *wanted += quota);
        // Rows left over by rounding go to the parts that are furthest behind over all strata so far.
        let behind: Vec<f64> =
            (0..shares.len()).map(|part| wanted[part] - (given[part] + counts[part]) as f64).collect();
        let mut parts: Vec<usize> = (0..shares.len()).collect();
        parts.sort_by(|left, right| behind[*right].total_cmp(&behind[*left]));
        let left = sizes[stratum].saturating_sub(counts.iter().sum());
        parts.into_iter().cycle().take(left).for_each(|part| counts[part] += 1);
        given.iter_mut().zip(&counts).for_each(|(given, count)| *given += count);
        hands[stratum] = dealt(&counts, draw);
    }
    let mut next = vec![0; sizes.len()];
    let deal = |code: &u32| {
        let stratum = *code as usize;
        next[stratum] += 1;
        hands[stratum][next[stratum] - 1]
    };
    strata.codes.iter().map(deal).collect()
}

/// `counts[p]` rows of each part p, in random order.
fn dealt(counts: &[usize], draw: &mut Draw) -> Vec<u8> {
    let mut hand: Vec<u8> =
        counts.iter().enumerate().flat_map(|(part, count)| std::iter::repeat_n(part as u8, *count)).collect();
    draw.shuffle(&mut hand);
    hand
}
