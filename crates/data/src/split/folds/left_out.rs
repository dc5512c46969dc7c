//! Folds that leave something named out: each row, each choice of groups, each predefined fold.

use super::{DataError, Fold, NO_FOLD, small_enough, spec::MOST_ROUNDS};

/// As many folds as rows.
pub(super) fn rows(rows: usize) -> Result<Vec<Fold>, DataError> {
    if rows < 2 {
        return Err(DataError::new("too-few-rows", format!("{rows} rows leave nothing to learn from")));
    }
    small_enough(rows, rows as u64)?;
    let fold = |out: u32| Fold { train: (0..rows as u32).filter(|row| *row != out).collect(), test: vec![out] };
    Ok((0..rows as u32).map(fold).collect())
}

/// A fold for each choice of `chosen` groups, in the order of their codes.
pub(super) fn groups(groups: &[u32], chosen: usize) -> Result<Vec<Fold>, DataError> {
    let (codes, known) = ranked(groups, None);
    if known <= chosen {
        let message = format!("{known} groups, of which {chosen} are to be left out");
        return Err(DataError::new("too-few-rows", message).help("one group at least has to be learned from"));
    }
    let count = choices(known, chosen);
    if count > u64::from(MOST_ROUNDS) {
        let message = format!("{chosen} of {known} groups can be left out in more than {MOST_ROUNDS} ways");
        return Err(DataError::new("too-many-folds", message).help("leave fewer groups out, or ask for `k-fold`"));
    }
    small_enough(groups.len(), count)?;
    let mut folds = Vec::with_capacity(count as usize);
    let mut out: Vec<usize> = (0..chosen).collect();
    loop {
        let is_out = |code: u32| out.binary_search(&(code as usize)).is_ok();
        folds.push(fold(&codes, is_out));
        // The next choice in the order of a dictionary.
        let Some(moved) = (0..chosen).rev().find(|place| out[*place] < known - chosen + place) else { break };
        out[moved] += 1;
        (moved + 1..chosen).for_each(|place| out[place] = out[place - 1] + 1);
    }
    Ok(folds)
}

/// A fold for each code but [`NO_FOLD`], in their order.
pub(super) fn predefined(of_row: &[u32]) -> Result<Vec<Fold>, DataError> {
    let (codes, known) = ranked(of_row, Some(NO_FOLD));
    if known == 0 {
        return Err(DataError::new("too-few-rows", "no row has a fold").help("name a column that holds the folds"));
    }
    small_enough(of_row.len(), known as u64)?;
    let folds: Vec<Fold> = (0..known as u32).map(|own| fold(&codes, |code| code == own)).collect();
    if folds.iter().any(|fold| fold.train.is_empty()) {
        let error = DataError::new("too-few-rows", "all rows are in one fold: nothing is left to learn from");
        return Err(error.help("name a column with two folds or more, or with rows that are in none"));
    }
    Ok(folds)
}

fn fold(codes: &[u32], is_out: impl Fn(u32) -> bool) -> Fold {
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for (row, code) in (0_u32..).zip(codes) {
        if is_out(*code) { test.push(row) } else { train.push(row) }
    }
    Fold { train, test }
}

/// Each code's rank among the distinct ones but `none`, which stays as it is; and how many there are.
fn ranked(codes: &[u32], none: Option<u32>) -> (Vec<u32>, usize) {
    let mut distinct: Vec<u32> = codes.iter().copied().filter(|code| Some(*code) != none).collect();
    distinct.sort_unstable();
    distinct.dedup();
    let rank = |code: &u32| distinct.binary_search(code).map_or(*code, |rank| rank as u32);
    (codes.iter().map(rank).collect(), distinct.len())
}

/// n over k, or the largest number where that is larger.
fn choices(n: usize, k: usize) -> u64 {
    (0..k.min(n - k))
        .try_fold(1_u64, |all, step| all.checked_mul((n - step) as u64).map(|all| all / (step as u64 + 1)))
        .unwrap_or(u64::MAX)
}
