//! Folds for cross-validation, and single inner holdouts.
//!
//! [`folds`] is the one function: a [`FoldSpec`] says what is wanted, a [`FoldInput`] what is known of the rows, and
//! back come the folds, the same for equal inputs at any thread count.

mod chance;
mod left_out;
mod of_table;
mod ordered;
mod spec;

pub use of_table::{fold_codes, moments, table_folds};
pub use spec::FoldSpec;

use spec::Method;

use super::{artifact::NO_PART, assign::balanced, codes::Codes, draw::Draw, grouped, ratio::MOST_PARTS};
use crate::error::DataError;

/// Rows of all folds together: 1 GiB of row numbers.
const MOST_ROWS: usize = 1 << 28;

/// Rows to learn from and rows to judge by, each in table order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// The rows to learn from; a bootstrap's may repeat.
    pub train: Vec<u32>,
    /// The rows to judge by, each once; none is in `train`.
    pub test: Vec<u32>,
}

/// An outer fold with the folds inside its training rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NestedFold {
    /// What an honest estimate is made of.
    pub outer: Fold,
    /// What choices are made by; all their rows are among the outer fold's training rows, counted as those are.
    pub inner: Vec<Fold>,
}

/// What is known of the rows; every slice is as long as there are rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct FoldInput<'a> {
    /// Number of rows.
    pub rows: usize,
    /// Any code for each row's class.
    pub labels: Option<&'a [u32]>,
    /// A number target, for stratified folds where there are no labels; NaN where missing.
    pub target: Option<&'a [f64]>,
    /// Any code for each row's group.
    pub groups: Option<&'a [u32]>,
    /// Each row's moment, in the unit in which a gap is given: see [`moments`].
    pub times: Option<&'a [f64]>,
    /// Any code for each row's fold, for `predefined`: [`NO_FOLD`] for a row that is never judged by.
    pub predefined: Option<&'a [u32]>,
    /// Seeds chance.
    pub seed: u64,
}

/// In [`FoldInput::predefined`]: no fold.
pub const NO_FOLD: u32 = u32::MAX;

/// The folds that a spec asks for. Where order matters (`leave-groups-out`, `predefined`) they come in the order of
/// their codes.
///
/// # Errors
/// Everything [`FoldSpec::check`] finds, at once; `bad-value` for slices of another length than `rows`;
/// `missing-column` for groups, classes or folds that the method needs and the input lacks; `too-few-rows` for fewer
/// rows, groups or moments than folds; `too-many-folds` where all folds together would not fit in memory;
/// `missing-time` for rows without a moment.
pub fn folds(spec: &FoldSpec, input: &FoldInput<'_>) -> Result<Vec<Fold>, DataError> {
    super::check::all_at_once(&spec.check())?;
    input.check()?;
    let method = spec.method().ok_or_else(|| DataError::new("bad-folds", "no method of resampling is named"))?;
    match method {
        Method::KFold { folds, .. } if input.times.is_some() && input.groups.is_none() => {
            ordered::time_series(spec, input, folds)
        }
        Method::KFold { folds, repeats } => {
            small_enough(input.rows, folds as u64 * repeats)?;
            let strata = strata(spec, input)?;
            let one = |repeat| chance::k_fold(input, strata.as_ref(), folds, repeat);
            Ok((0..repeats).map(one).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
        }
        Method::TimeSeries { folds } => ordered::time_series(spec, input, folds),
        Method::Purged { folds } => ordered::purged(spec, input, folds),
        Method::Bootstrap { rounds } => {
            small_enough(input.rows, rounds)?;
            let strata = strata(spec, input)?;
            (0..rounds).map(|round| chance::bootstrap(input, strata.as_ref(), round)).collect()
        }
        Method::Subsampling { rounds, test_size } => {
            small_enough(input.rows, rounds)?;
            let share = if test_size < 1.0 { test_size } else { test_size / input.rows.max(1) as f64 };
            let strata = strata(spec, input)?;
            (0..rounds).map(|round| chance::subsample(input, strata.as_ref(), share, round)).collect()
        }
        Method::LeaveOneOut => left_out::rows(input.rows),
        Method::LeaveGroupsOut { groups } => left_out::groups(needed(input.groups, "group")?, groups),
        Method::Predefined => left_out::predefined(needed(input.predefined, "fold")?),
    }
}

/// Folds inside folds: the inner ones, by their own spec, divide the training rows of each outer one.
///
/// # Errors
/// As [`folds`], the message of an inner fault naming the outer fold.
pub fn nested(outer: &FoldSpec, inner: &FoldSpec, input: &FoldInput<'_>) -> Result<Vec<NestedFold>, DataError> {
    let inside = |(index, fold): (usize, Fold)| {
        let mut rows = fold.train.clone();
        rows.dedup();
        let picked = Picked::of(input, &rows);
        let seed = Draw::new(input.seed, chance::NESTED | index as u64).number();
        let inner = folds(inner, &picked.input(rows.len(), seed)).map_err(|error| DataError {
            message: format!("inside outer fold {}: {}", index + 1, error.message),
            ..error
        })?;
        let back = |picked: Vec<u32>| picked.into_iter().map(|row| rows[row as usize]).collect();
        let inner = inner.into_iter().map(|fold| Fold { train: back(fold.train), test: back(fold.test) }).collect();
        Ok(NestedFold { outer: fold, inner })
    };
    folds(outer, input)?.into_iter().enumerate().map(inside).collect()
}

/// `k` folds of `rows` rows by chance: each row is judged once.
///
/// # Errors
/// As [`folds`].
pub fn random_folds(rows: usize, k: usize, seed: u64) -> Result<Vec<Fold>, DataError> {
    folds(&k_fold(k)?, &FoldInput { rows, seed, ..FoldInput::default() })
}

/// `k` folds by chance with equal shares of each label; `labels` holds any code for each row.
///
/// # Errors
/// As [`folds`].
pub fn stratified_folds(labels: &[u32], k: usize, seed: u64) -> Result<Vec<Fold>, DataError> {
    let input = FoldInput { rows: labels.len(), labels: Some(labels), seed, ..FoldInput::default() };
    folds(&k_fold(k)?, &input)
}

/// `k` folds of whole groups by chance; `groups` holds any code for each row.
///
/// # Errors
/// As [`folds`].
pub fn group_folds(groups: &[u32], k: usize, seed: u64) -> Result<Vec<Fold>, DataError> {
    let input = FoldInput { rows: groups.len(), groups: Some(groups), seed, ..FoldInput::default() };
    folds(&k_fold(k)?, &input)
}

/// `k` folds of whole groups with shares of each label as equal as they allow.
///
/// # Errors
/// As [`folds`].
pub fn stratified_group_folds(groups: &[u32], labels: &[u32], k: usize, seed: u64) -> Result<Vec<Fold>, DataError> {
    let input =
        FoldInput { rows: groups.len(), groups: Some(groups), labels: Some(labels), seed, ..FoldInput::default() };
    folds(&k_fold(k)?, &input)
}

/// `k` folds in time order; `gap` is in the unit of `times`. See [`FoldSpec::time_series`].
///
/// # Errors
/// As [`folds`].
pub fn time_folds(times: &[f64], k: usize, gap: f64) -> Result<Vec<Fold>, DataError> {
    let spec = FoldSpec { k_fold: None, time_series: Some(count(k)?), gap: Some(gap), ..FoldSpec::default() };
    folds(&spec, &FoldInput { rows: times.len(), times: Some(times), ..FoldInput::default() })
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
    let input = FoldInput { rows, labels: stratify, groups: group, seed, ..FoldInput::default() };
    input.check()?;
    chance::hold_out(&input, stratify.map(Codes::of_numbers).as_ref(), share, 0)
}

impl FoldInput<'_> {
    fn check(&self) -> Result<(), DataError> {
        if u32::try_from(self.rows).is_err() {
            return Err(DataError::new("too-many-rows", "folds take at most 4294967295 rows"));
        }
        let lengths = [
            ("classes", self.labels.map(<[u32]>::len)),
            ("target values", self.target.map(<[f64]>::len)),
            ("groups", self.groups.map(<[u32]>::len)),
            ("moments", self.times.map(<[f64]>::len)),
            ("folds", self.predefined.map(<[u32]>::len)),
        ];
        match lengths.into_iter().find(|(_, length)| length.is_some_and(|length| length != self.rows)) {
            Some((what, Some(length))) => {
                Err(DataError::new("bad-value", format!("{length} {what} for {} rows", self.rows)))
            }
            _ => Ok(()),
        }
    }
}

/// What is known of some of the rows.
struct Picked {
    labels: Option<Vec<u32>>,
    target: Option<Vec<f64>>,
    groups: Option<Vec<u32>>,
    times: Option<Vec<f64>>,
    predefined: Option<Vec<u32>>,
}

impl Picked {
    fn of(input: &FoldInput<'_>, rows: &[u32]) -> Self {
        fn pick<T: Copy>(values: Option<&[T]>, rows: &[u32]) -> Option<Vec<T>> {
            values.map(|values| rows.iter().map(|row| values[*row as usize]).collect())
        }
        Self {
            labels: pick(input.labels, rows),
            target: pick(input.target, rows),
            groups: pick(input.groups, rows),
            times: pick(input.times, rows),
            predefined: pick(input.predefined, rows),
        }
    }

    fn input(&self, rows: usize, seed: u64) -> FoldInput<'_> {
        FoldInput {
            rows,
            labels: self.labels.as_deref(),
            target: self.target.as_deref(),
            groups: self.groups.as_deref(),
            times: self.times.as_deref(),
            predefined: self.predefined.as_deref(),
            seed,
        }
    }
}

/// What is to be kept equal in all folds, if anything.
fn strata(spec: &FoldSpec, input: &FoldInput<'_>) -> Result<Option<Codes>, DataError> {
    if spec.stratify == Some(false) {
        return Ok(None);
    }
    if let Some(labels) = input.labels {
        return Ok(Some(Codes::of_numbers(labels)));
    }
    if spec.stratify != Some(true) && spec.bins.is_none() {
        return Ok(None);
    }
    let target = needed(input.target, "target")?;
    Ok(Some(Codes::quantiles(target, spec.bins.unwrap_or(super::assign::BINS as u32) as usize)))
}

fn needed<'a, T>(values: Option<&'a [T]>, what: &str) -> Result<&'a [T], DataError> {
    values.ok_or_else(|| {
        DataError::new("missing-column", format!("these folds need a {what} column"))
            .help(format!("name the {what} column, or choose another method"))
    })
}

fn small_enough(rows: usize, folds: u64) -> Result<(), DataError> {
    if (rows as u64).saturating_mul(folds) > MOST_ROWS as u64 {
        let message = format!("{folds} folds of {rows} rows each are more than {MOST_ROWS} row numbers");
        return Err(DataError::new("too-many-folds", message).help("ask for fewer folds, or for `k-fold`"));
    }
    Ok(())
}

fn count(k: usize) -> Result<u32, DataError> {
    let bad = |_| DataError::new("bad-value", format!("{k} folds, expected 2 to {}", MOST_PARTS - 1));
    u32::try_from(k).map_err(bad)
}

fn k_fold(k: usize) -> Result<FoldSpec, DataError> {
    Ok(FoldSpec::k_fold(count(k)?))
}

/// Each part but [`NO_PART`] as the rows judged by what was learned from all others.
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
