//! Test routines that a user runs on data of their own: does the split keep its promises here?

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    artifact::{NO_PART, SplitTable},
    assign::Prepared,
    hashed,
    spec::{Spec, Strategy},
};
use crate::{error::DataError, table::Table};

/// What one test routine found.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct SelfTestResult {
    /// The promise: `determinism`, `disjointness`, `cover`, `ratio`, `stratification`, `group-integrity`,
    /// `time-order` or `stability`.
    pub name: String,
    /// True when it is kept.
    pub passed: bool,
    /// The numbers by name.
    pub numbers: BTreeMap<String, f64>,
    /// What was found, in a sentence.
    pub message: String,
}

/// Tests the promises of a split of this table by this spec: those of every split, then those of its strategy.
///
/// # Errors
/// When the table cannot be split so at all: see [`super::split`].
pub fn self_test(table: &Arc<Table>, spec: &Spec) -> Result<Vec<SelfTestResult>, DataError> {
    let prepared = Prepared::of(table, spec)?;
    let (names, parts) = prepared.assign()?;
    let split = SplitTable::new(Arc::clone(table), names, parts, super::Roles::default())?;
    let mut results = vec![determinism(table, spec, &split)?, disjointness(&split)?, cover(&split)];
    results.extend(ratio(&prepared, &split)?);
    results.extend(stratification(&prepared, &split));
    results.extend(group_integrity(&prepared, &split));
    results.extend(time_order(&prepared, &split));
    results.extend(stability(table, spec, &split)?);
    Ok(results)
}

fn result<const N: usize>(name: &str, passed: bool, numbers: [(&str, f64); N], message: String) -> SelfTestResult {
    let numbers = numbers.into_iter().map(|(name, number)| (name.to_owned(), number)).collect();
    SelfTestResult { name: name.to_owned(), passed, numbers, message }
}

/// The same split again, from rows in other batches, on one thread.
fn determinism(table: &Arc<Table>, spec: &Spec, split: &SplitTable) -> Result<SelfTestResult, DataError> {
    let half = table.row_count() / 2;
    let rebatched = Table::stack(&[table.slice(0, half), table.slice(half, table.row_count())])?;
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let alone = alone.map_err(|error| DataError::new("io", error.to_string()))?;
    let (_, again) = alone.install(|| Prepared::of(&Arc::new(rebatched), spec).and_then(|again| again.assign()))?;
    let differing = split.parts().iter().zip(&again).filter(|(left, right)| left != right).count();
    let message = format!("{differing} of {} rows change their part when the split is repeated", again.len());
    Ok(result("determinism", differing == 0, [("rows", differing as f64)], message))
}

fn disjointness(split: &SplitTable) -> Result<SelfTestResult, DataError> {
    let mut times = vec![0_u8; split.parts().len()];
    for name in split.part_names() {
        for row in split.rows(name)? {
            times[row as usize] = times[row as usize].saturating_add(1);
        }
    }
    let shared = times.iter().filter(|times| **times > 1).count();
    Ok(result("disjointness", shared == 0, [("rows", shared as f64)], format!("{shared} rows are in two parts")))
}

fn cover(split: &SplitTable) -> SelfTestResult {
    let rows = split.parts().len();
    let out = split.parts().iter().filter(|part| **part == NO_PART).count();
    let held: usize = split.sizes().iter().sum();
    let message = format!("{held} of {rows} rows are in a part, {out} were left out as asked");
    result("cover", held + out == rows, [("rows", held as f64), ("left_out", out as f64)], message)
}

/// Each part's size against its share: see the comment at each bound.
fn ratio(prepared: &Prepared<'_>, split: &SplitTable) -> Result<Option<SelfTestResult>, DataError> {
    let spec = prepared.spec;
    if matches!(spec.strategy, Strategy::Predefined { .. }) {
        return Ok(None);
    }
    let rows = split.parts().len() as f64;
    let left_out = split.parts().iter().filter(|part| **part == NO_PART).count() as f64;
    let largest_group = || {
        let largest = prepared.groups.as_ref().and_then(|groups| groups.sizes().into_iter().max());
        largest.unwrap_or(1) as f64
    };
    // Rounding over strata adds up to less than a row a part.
    let rounding = split.part_names().len() as f64;
    let bound = match &spec.strategy {
        Strategy::Random => 1.0,
        Strategy::Stratified { .. } if prepared.groups.is_none() => rounding,
        // Greedy balance over strata can be off by a large group in each part.
        Strategy::Stratified { .. } => rounding * largest_group(),
        Strategy::Group { .. } => rounding * largest_group(),
        Strategy::Time { .. } => left_out + rounding + longest_tie(prepared.times.as_deref().unwrap_or_default()),
        // Five standard deviations of rows that move in lumps of equal keys, at an even share.
        Strategy::Hash { key } => {
            let mut hashes = hashed::hashes(prepared.table, &prepared.hash_key(key), spec.seed)?;
            hashes.sort_unstable();
            let lumps = hashes.chunk_by(|left, right| left == right).map(|lump| (lump.len() as f64).powi(2));
            (5.0 * (0.25 * lumps.sum::<f64>()).sqrt()).max(1.0)
        }
        Strategy::Predefined { .. } => rows,
    };
    let shares = spec.ratio.shares();
    let off = |(size, share): (usize, &f64)| (size as f64 - share * rows).abs();
    let worst = split.sizes().into_iter().zip(&shares).map(off).fold(0.0, f64::max);
    let message = format!("the part furthest from its share is off by {worst:.1} of {rows} rows, {bound:.1} allowed");
    let numbers = [("rows", worst), ("share", worst / rows), ("allowed", bound)];
    Ok(Some(result("ratio", worst <= bound + 1e-6, numbers, message)))
}

fn longest_tie(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.chunk_by(|left, right| left == right).map(<[f64]>::len).max().unwrap_or(0) as f64
}

fn stratification(prepared: &Prepared<'_>, split: &SplitTable) -> Option<SelfTestResult> {
    let strata = prepared.strata.as_ref()?;
    let shares = prepared.spec.ratio.shares();
    let sizes = strata.sizes();
    let mut counts = vec![vec![0_usize; sizes.len()]; shares.len()];
    for (part, stratum) in split.parts().iter().zip(&strata.codes).filter(|(part, _)| **part != NO_PART) {
        counts[*part as usize][*stratum as usize] += 1;
    }
    let off = |part: usize, stratum: usize| (counts[part][stratum] as f64 - shares[part] * sizes[stratum] as f64).abs();
    let worst =
        (0..shares.len()).flat_map(|part| (0..sizes.len()).map(move |stratum| off(part, stratum))).fold(0.0, f64::max);
    let groups = prepared.groups.as_ref().map(|groups| groups.sizes().into_iter().max().unwrap_or(1) as f64);
    let bound = groups.map_or(1.0, |largest| largest * shares.len() as f64);
    let message = format!("the class furthest from its share in a part is off by {worst:.1} rows, {bound:.1} allowed");
    let numbers = [("rows", worst), ("allowed", bound), ("classes", sizes.len() as f64)];
    Some(result("stratification", worst <= bound + 1e-6, numbers, message))
}

fn group_integrity(prepared: &Prepared<'_>, split: &SplitTable) -> Option<SelfTestResult> {
    let groups = prepared.groups.as_ref()?;
    let mut pairs: BTreeSet<(u32, u8)> = BTreeSet::new();
    let held = groups.codes.iter().zip(split.parts()).filter(|(_, part)| **part != NO_PART);
    held.for_each(|(group, part)| {
        pairs.insert((*group, *part));
    });
    let distinct: BTreeSet<u32> = pairs.iter().map(|(group, _)| *group).collect();
    let torn = distinct.iter().filter(|group| pairs.range((**group, 0)..=(**group, NO_PART)).count() > 1).count();
    let message = format!("{torn} of {} groups have rows in more than one part", distinct.len());
    Some(result("group-integrity", torn == 0, [("groups", torn as f64), ("of", distinct.len() as f64)], message))
}

fn time_order(prepared: &Prepared<'_>, split: &SplitTable) -> Option<SelfTestResult> {
    let times = prepared.times.as_ref()?;
    let Strategy::Time { .. } = prepared.spec.strategy else { return None };
    let mut ranges = vec![(f64::INFINITY, f64::NEG_INFINITY); split.part_names().len()];
    for (part, time) in split.parts().iter().zip(times).filter(|(part, _)| **part != NO_PART) {
        let range = &mut ranges[*part as usize];
        *range = (range.0.min(*time), range.1.max(*time));
    }
    let overlaps = ranges.windows(2).filter(|pair| pair[1].0 <= pair[0].1).count();
    let message = format!("{overlaps} parts begin before the part before them ends");
    Some(result("time-order", overlaps == 0, [("parts", overlaps as f64)], message))
}

/// A hashed row keeps its part when other rows are gone.
fn stability(table: &Arc<Table>, spec: &Spec, split: &SplitTable) -> Result<Option<SelfTestResult>, DataError> {
    let Strategy::Hash { .. } = spec.strategy else { return Ok(None) };
    let fewer = table.row_count().div_ceil(2);
    let first_half = Arc::new(table.slice(0, fewer));
    let (_, parts) = Prepared::of(&first_half, spec)?.assign()?;
    let moved = parts.iter().zip(split.parts()).filter(|(left, right)| left != right).count();
    let message = format!("{moved} of {fewer} rows change their part as the data grow");
    Ok(Some(result("stability", moved == 0, [("rows", moved as f64)], message)))
}
