//! Folds for cross-validation, and single inner holdouts.

use std::sync::Arc;

use super::{
    artifact::NO_PART,
    assign::{balanced, strata},
    codes::{Codes, numbers},
    draw::Draw,
    grouped,
    ratio::MOST_PARTS,
    timed,
};
use crate::{error::DataError, table::Table};

/// Rows to learn from and rows to judge by, each in table order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// The rows to learn from.
    pub train: Vec<u32>,
    /// The rows to judge by; none is in `train`.
    pub test: Vec<u32>,
}

/// How rows are given to folds.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum FoldStrategy {
    /// By chance.
    #[default]
    Random,
    /// By chance, with equal shares of the target's classes (or quantile bins, as [`super::Strategy::Stratified`]) in
    /// all folds; with a group named, by whole groups.
    Stratified {
        /// See [`super::Strategy::Stratified`].
        bins: Option<usize>,
    },
    /// By chance, with whole groups.
    Group,
    /// In time order: each fold learns from everything before the rows it judges.
    Time {
        /// See [`super::Strategy::Time`]; here in the units of the time column's values (microseconds for timestamps).
        gap: f64,
    },
}

/// What folds should be.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct FoldSpec {
    /// Number of folds.
    pub k: usize,
    /// How rows are given to folds.
    pub strategy: FoldStrategy,
    /// The column whose shares are kept equal.
    pub target: Option<String>,
    /// The column that keeps rows together.
    pub group: Option<String>,
    /// The column that orders rows in time.
    pub time: Option<String>,
    /// Seeds chance.
    pub seed: u64,
}

/// The folds of a table.
///
/// # Errors
/// `unknown-column`; `missing-column` when the strategy needs one that is not given; `not-a-time`; `bad-value` for
/// fewer than 2 or more than 254 folds; `too-few-rows` for fewer rows, groups or moments than folds; `missing-time`.
pub fn folds(table: &Arc<Table>, spec: &FoldSpec) -> Result<Vec<Fold>, DataError> {
    let column = |name: &Option<String>, what: &str| match name {
        Some(name) => table.column(name),
        None => Err(DataError::new("missing-column", format!("these folds need a {what} column"))),
    };
    let rows = table.row_count();
    match &spec.strategy {
        FoldStrategy::Random => random_folds(rows, spec.k, spec.seed),
        FoldStrategy::Stratified { bins } => {
            let strata = strata(&column(&spec.target, "target")?, *bins)?;
            match &spec.group {
                Some(group) => {
                    let groups = Codes::of(&table.column(group)?)?;
                    stratified_group_folds(&groups.codes, &strata.codes, spec.k, spec.seed)
                }
                None => stratified_folds(&strata.codes, spec.k, spec.seed),
            }
        }
        FoldStrategy::Group => group_folds(&Codes::of(&column(&spec.group, "group")?)?.codes, spec.k, spec.seed),
        FoldStrategy::Time { gap } => {
            let array = column(&spec.time, "time")?;
            let not_a_time =
                || DataError::new("not-a-time", "the time column is expected to hold timestamps, dates or numbers");
            let times = numbers(&array)?.ok_or_else(not_a_time)?;
            time_folds(&times, spec.k, *gap)
        }
    }
}

/// `k` folds of `rows` rows by chance: each row is judged once.
///
/// # Errors
/// `bad-value`, `too-few-rows`: see [`folds`].
pub fn random_folds(rows: usize, k: usize, seed: u64) -> Result<Vec<Fold>, DataError> {
    enough(k, rows, "rows")?;
    Ok(of_parts(&balanced(None, rows, &equal(k), &mut Draw::new(seed, 0)), k))
}

/// `k` folds by chance with equal shares of each label; `labels` holds any code for each row.
///
/// # Errors
/// `bad-value`, `too-few-rows`: see [`folds`].
pub fn stratified_folds(labels: &[u32], k: usize, seed: u64) -> Result<Vec<Fold>, DataError> {
    enough(k, labels.len(), "rows")?;
    let strata = Codes::of_numbers(labels);
    Ok(of_parts(&balanced(Some(&strata), labels.len(), &equal(k), &mut Draw::new(seed, 0)), k))
}

/// `k` folds of whole groups by chance; `groups` holds any code for each row.
///
/// # Errors
/// `bad-value`, `too-few-rows`: see [`folds`].
pub fn group_folds(groups: &[u32], k: usize, seed: u64) -> Result<Vec<Fold>, DataError> {
    let groups = Codes::of_numbers(groups);
    enough(k, groups.count(), "groups")?;
    Ok(of_parts(&grouped::assign(&groups, None, &equal(k), &mut Draw::new(seed, 0)), k))
}

/// `k` folds of whole groups with shares of each label as equal as they allow.
///
/// # Errors
/// `bad-value`, `too-few-rows`: see [`folds`]; `bad-value` when the lengths differ.
pub fn stratified_group_folds(groups: &[u32], labels: &[u32], k: usize, seed: u64) -> Result<Vec<Fold>, DataError> {
    equal_lengths(groups.len(), labels.len())?;
    let groups = Codes::of_numbers(groups);
    enough(k, groups.count(), "groups")?;
    let strata = Codes::of_numbers(labels);
    Ok(of_parts(&grouped::assign(&groups, Some(&strata), &equal(k), &mut Draw::new(seed, 0)), k))
}

/// `k` folds in time order: the rows are cut into k + 1 stretches, and each after the first is judged by what was
/// learned from all rows before it but those less than `gap` before its first moment. Rows of one moment stay together.
///
/// # Errors
/// `bad-value`, `too-few-rows`: see [`folds`]; `missing-time` for NaN.
pub fn time_folds(times: &[f64], k: usize, gap: f64) -> Result<Vec<Fold>, DataError> {
    enough(k, times.len().saturating_sub(1), "moments after the first")?;
    if !(gap.is_finite() && gap >= 0.0) {
        return Err(DataError::new("bad-value", format!("`gap` is {gap}, expected a number from 0")));
    }
    let stretches = timed::assign(times, &equal(k + 1), 0.0)?;
    let mut first = vec![f64::INFINITY; k + 1];
    for (part, time) in stretches.iter().zip(times) {
        first[*part as usize] = first[*part as usize].min(*time);
    }
    if first.iter().any(|time| time.is_infinite()) {
        return Err(DataError::new("too-few-rows", format!("too few distinct moments for {k} folds in time order")));
    }
    let fold = |test: u8| {
        let start = first[test as usize];
        let before = |row: usize| stretches[row] < test && (gap == 0.0 || start - times[row] >= gap);
        let train: Vec<u32> = (0..times.len()).filter(|row| before(*row)).map(|row| row as u32).collect();
        if train.is_empty() {
            return Err(DataError::new(
                "too-few-rows",
                format!("a gap of {gap} leaves fold {test} nothing to learn from"),
            ));
        }
        Ok(Fold { train, test: rows_of(&stretches, test) })
    };
    (1..=k as u8).map(fold).collect()
}

/// One holdout of about `share` of the rows: with equal shares of each label in `stratify`, and by whole groups of
/// `group`, where given. What early stopping and inner choices look at.
///
/// # Errors
/// `bad-value` when `share` is not between 0 and 1 or the lengths differ; `too-few-rows` when a side would be empty.
pub fn holdout(
    rows: usize,
    share: f64,
    stratify: Option<&[u32]>,
    group: Option<&[u32]>,
    seed: u64,
) -> Result<Fold, DataError> {
    if !(share > 0.0 && share < 1.0) {
        return Err(DataError::new("bad-value", format!("the share held out is {share}, expected between 0 and 1")));
    }
    stratify.map_or(Ok(()), |labels| equal_lengths(rows, labels.len()))?;
    group.map_or(Ok(()), |groups| equal_lengths(rows, groups.len()))?;
    let strata = stratify.map(Codes::of_numbers);
    let shares = [1.0 - share, share];
    let mut draw = Draw::new(seed, 0);
    let parts = match group.map(Codes::of_numbers) {
        Some(groups) => grouped::assign(&groups, strata.as_ref(), &shares, &mut draw),
        None => balanced(strata.as_ref(), rows, &shares, &mut draw),
    };
    let fold = Fold { train: rows_of(&parts, 0), test: rows_of(&parts, 1) };
    if fold.train.is_empty() || fold.test.is_empty() {
        return Err(DataError::new("too-few-rows", format!("{rows} rows are too few to hold out a share of {share}")));
    }
    Ok(fold)
}

fn equal(k: usize) -> Vec<f64> {
    vec![1.0 / k as f64; k]
}

fn enough(k: usize, have: usize, what: &str) -> Result<(), DataError> {
    if !(2..MOST_PARTS).contains(&k) {
        return Err(DataError::new("bad-value", format!("{k} folds, expected 2 to {}", MOST_PARTS - 1)));
    }
    if have < k {
        return Err(DataError::new("too-few-rows", format!("{have} {what} for {k} folds")));
    }
    if u32::try_from(have).is_err() {
        return Err(DataError::new("too-many-rows", "folds take at most 4294967295 rows"));
    }
    Ok(())
}

fn equal_lengths(rows: usize, other: usize) -> Result<(), DataError> {
    if rows == other {
        return Ok(());
    }
    Err(DataError::new("bad-value", format!("{other} labels or groups for {rows} rows")))
}

fn of_parts(parts: &[u8], k: usize) -> Vec<Fold> {
    let fold = |test: u8| {
        let train = parts.iter().enumerate().filter(|(_, part)| **part != test && **part != NO_PART);
        Fold { train: train.map(|(row, _)| row as u32).collect(), test: rows_of(parts, test) }
    };
    (0..k as u8).map(fold).collect()
}

fn rows_of(parts: &[u8], wanted: u8) -> Vec<u32> {
    parts.iter().enumerate().filter(|(_, part)| **part == wanted).map(|(row, _)| row as u32).collect()
}
