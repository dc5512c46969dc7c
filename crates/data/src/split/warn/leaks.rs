//! Knowledge that passes from one part to another: equal rows, groups on both sides, time that overlaps.

use rayon::prelude::*;
use trainyard_core::Warning;

use super::{View, listed, percent};
use crate::{
    error::DataError,
    split::{artifact::NO_PART, row_hash::row_hashes},
};

/// `duplicate-rows-across-parts`: rows equal in every column to a row of an earlier part.
///
/// # Errors
/// As [`row_hashes`].
pub(super) fn duplicates(view: &View<'_>) -> Result<Option<Warning>, DataError> {
    // The lowest byte gives way to the part, so that one sort brings equal rows together, earlier parts first.
    let mut keys: Vec<u64> = row_hashes(view.prepared.table)?
        .into_iter()
        .zip(view.parts)
        .filter(|(_, part)| **part != NO_PART)
        .map(|(hash, part)| hash & !0xff | u64::from(*part))
        .collect();
    keys.par_sort_unstable();
    let mut found = vec![0_usize; view.names.len()];
    for equal in keys.chunk_by(|left, right| left >> 8 == right >> 8) {
        let earliest = equal[0] & 0xff;
        equal.iter().filter(|key| **key & 0xff != earliest).for_each(|key| found[(key & 0xff) as usize] += 1);
    }
    let rows: usize = found.iter().sum();
    if rows == 0 {
        return Ok(None);
    }
    let share = |part: usize| found[part] as f64 / view.sizes[part] as f64;
    let hit: Vec<usize> = (0..found.len()).filter(|part| found[*part] > 0).collect();
    let shown: Vec<String> = hit
        .iter()
        .take(5)
        .map(|part| format!("{} rows of part `{}` ({})", found[*part], view.names[*part], percent(share(*part))))
        .collect();
    let more = if hit.len() > 5 { ", …" } else { "" };
    let message = format!("{}{more} equal a row of an earlier part in every column", shown.join(", "));
    let largest = hit.iter().map(|part| share(*part)).fold(0.0, f64::max);
    let mut warning =
        Warning::new("duplicate-rows-across-parts", message).number("rows", rows as f64).number("share", largest);
    for part in hit {
        warning = warning.number(&format!("rows_{}", view.names[part]), found[part] as f64);
    }
    Ok(Some(warning))
}

/// `group-on-both-sides`: groups with rows in more than one part.
pub(super) fn groups(view: &View<'_>) -> Option<Warning> {
    let groups = view.prepared.groups.as_ref()?;
    let name = view.prepared.spec.group.as_deref()?;
    let mut home = vec![NO_PART; groups.count()];
    let mut torn = vec![false; groups.count()];
    for (part, group) in view.parts.iter().zip(&groups.codes).filter(|(part, _)| **part != NO_PART) {
        let group = *group as usize;
        match home[group] {
            NO_PART => home[group] = *part,
            other => torn[group] |= other != *part,
        }
    }
    let count = torn.iter().filter(|torn| **torn).count();
    if count == 0 {
        return None;
    }
    let rows = groups.codes.iter().filter(|group| torn[**group as usize]).count();
    let message = format!("{count} of {} groups of `{name}` have rows in more than one part", torn.len());
    Some(
        Warning::new("group-on-both-sides", message)
            .number("groups", count as f64)
            .number("of", torn.len() as f64)
            .number("rows", rows as f64),
    )
}

/// `time-overlap`: rows of a later part that are not after all rows of the parts before it.
pub(super) fn moments(view: &View<'_>) -> Option<Warning> {
    let times = view.prepared.times.as_ref()?;
    let name = view.prepared.spec.time.as_deref()?;
    let mut latest = vec![f64::NEG_INFINITY; view.names.len()];
    for (part, time) in view.parts.iter().zip(times).filter(|(part, time)| **part != NO_PART && !time.is_nan()) {
        latest[*part as usize] = latest[*part as usize].max(*time);
    }
    // The latest moment of all parts before each part.
    let mut before = Vec::with_capacity(latest.len());
    let mut so_far = f64::NEG_INFINITY;
    for own in latest {
        before.push(so_far);
        so_far = so_far.max(own);
    }
    let mut found = vec![0_usize; view.names.len()];
    for (part, time) in view.parts.iter().zip(times).filter(|(part, _)| **part != NO_PART) {
        if *time <= before[*part as usize] {
            found[*part as usize] += 1;
        }
    }
    let rows: usize = found.iter().sum();
    if rows == 0 {
        return None;
    }
    let hit: Vec<&str> =
        view.names.iter().zip(&found).filter(|(_, found)| **found > 0).map(|(name, _)| name.as_str()).collect();
    let later: usize = view.sizes.iter().skip(1).sum();
    let share = rows as f64 / later as f64;
    let message = format!(
        "{rows} rows of part {} ({}) are not later in `{name}` than the parts before",
        listed(hit.iter().copied()),
        percent(share)
    );
    Some(Warning::new("time-overlap", message).number("rows", rows as f64).number("share", share))
}
