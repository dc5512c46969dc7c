//! Folds by chance: k-fold, bootstrap, subsampling; by class and by group where these are known.

use super::{Codes, DataError, Draw, Fold, FoldInput, balanced, grouped, of_parts, rows_of};

/// Sets the streams of the methods apart; k-fold's repeats are numbered from 0.
const BOOTSTRAP: u64 = 1 << 32;
const SUBSAMPLING: u64 = 2 << 32;
/// The stream of the seeds of inner folds.
pub(super) const NESTED: u64 = 3 << 32;
/// How often a bootstrap that left no row out is drawn again: with 4 rows one in ten does.
const ATTEMPTS: usize = 100;

/// One repeat of `k` folds.
pub(super) fn k_fold(
    input: &FoldInput<'_>,
    strata: Option<&Codes>,
    k: usize,
    repeat: u64,
) -> Result<Vec<Fold>, DataError> {
    let groups = input.groups.map(Codes::of_numbers);
    let (have, what) = groups.as_ref().map_or((input.rows, "rows"), |groups| (groups.count(), "groups"));
    if have < k {
        let error = DataError::new("too-few-rows", format!("{have} {what} for {k} folds"));
        return Err(error.help(format!("ask for {} folds at most", have.max(2))));
    }
    let shares = vec![1.0 / k as f64; k];
    Ok(of_parts(&dealt(input, strata, groups.as_ref(), &shares, repeat), k))
}

/// One round that learns from rows drawn with replacement and judges by those never drawn.
pub(super) fn bootstrap(input: &FoldInput<'_>, strata: Option<&Codes>, round: u64) -> Result<Fold, DataError> {
    let mut draw = Draw::new(input.seed, BOOTSTRAP | round);
    let groups = input.groups.map(Codes::of_numbers);
    let units =
        groups.as_ref().map_or_else(|| (0..input.rows as u32).collect::<Vec<u32>>(), |groups| groups.codes.clone());
    let count = groups.as_ref().map_or(input.rows, Codes::count);
    // Whole groups cannot be drawn class by class: chance alone decides.
    let urns = match (&groups, strata) {
        (None, Some(strata)) => members(strata),
        _ => vec![(0..count as u32).collect()],
    };
    for _ in 0..ATTEMPTS {
        let mut times = vec![0_u32; count];
        for urn in &urns {
            for _ in 0..urn.len() {
                times[urn[draw.below(urn.len() as u32) as usize] as usize] += 1;
            }
        }
        let train: Vec<u32> = (0_u32..)
            .zip(&units)
            .flat_map(|(row, unit)| std::iter::repeat_n(row, times[*unit as usize] as usize))
            .collect();
        let test: Vec<u32> =
            (0_u32..).zip(&units).filter(|(_, unit)| times[**unit as usize] == 0).map(|(row, _)| row).collect();
        if !train.is_empty() && !test.is_empty() {
            return Ok(Fold { train, test });
        }
    }
    let what = if groups.is_some() { "groups" } else { "rows" };
    Err(DataError::new("too-few-rows", format!("{count} {what} are too few for a bootstrap that leaves any out")))
}

/// One round that judges by a share of the rows and learns from the others.
pub(super) fn subsample(
    input: &FoldInput<'_>,
    strata: Option<&Codes>,
    share: f64,
    round: u64,
) -> Result<Fold, DataError> {
    hold_out(input, strata, share, SUBSAMPLING | round)
}

/// See [`super::holdout`].
pub(super) fn hold_out(
    input: &FoldInput<'_>,
    strata: Option<&Codes>,
    share: f64,
    purpose: u64,
) -> Result<Fold, DataError> {
    let rows = input.rows;
    if !(share > 0.0 && share < 1.0) {
        let error = DataError::new("bad-value", format!("the share held out of {rows} rows is {share}"));
        return Err(error.help("it is expected to lie between 0 and 1"));
    }
    let groups = input.groups.map(Codes::of_numbers);
    let parts = dealt(input, strata, groups.as_ref(), &[1.0 - share, share], purpose);
    let fold = Fold { train: rows_of(&parts, 0), test: rows_of(&parts, 1) };
    if fold.train.is_empty() || fold.test.is_empty() {
        let (have, what) = groups.map_or((rows, "rows"), |groups| (groups.count(), "groups"));
        let message = format!("{have} {what} are too few to hold out a share of {share}");
        return Err(DataError::new("too-few-rows", message));
    }
    Ok(fold)
}

fn dealt(
    input: &FoldInput<'_>,
    strata: Option<&Codes>,
    groups: Option<&Codes>,
    shares: &[f64],
    purpose: u64,
) -> Vec<u8> {
    let mut draw = Draw::new(input.seed, purpose);
    match groups {
        Some(groups) => grouped::assign(groups, strata, shares, &mut draw),
        None => balanced(strata, input.rows, shares, &mut draw),
    }
}

/// The rows of each stratum.
fn members(strata: &Codes) -> Vec<Vec<u32>> {
    let mut members: Vec<Vec<u32>> = strata.sizes().into_iter().map(Vec::with_capacity).collect();
    (0_u32..).zip(&strata.codes).for_each(|(row, stratum)| members[*stratum as usize].push(row));
    members
}
