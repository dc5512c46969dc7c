//! How alike neighbouring rows are, against rows taken by chance: readings that follow each other nearly repeat.

use arrow::{
    array::{Array, ArrayRef},
    datatypes::DataType,
};
use trainyard_core::Warning;

use super::{View, unnamed};
use crate::{
    error::DataError,
    split::{
        codes::{Codes, numbers},
        draw::Draw,
    },
};

/// Pairs of neighbours that are looked at.
const PAIRS: usize = 4096;
/// Neighbours are alike when two rows by chance are nearer to each other less often than this. Of rows in no order
/// half are; of one-minute readings of a room, one in three hundred.
const ALIKE: f64 = 0.15;
/// A text column with more distinct values than this share of the rows tells the rows apart, and nothing of likeness.
const MOST_DISTINCT: f64 = 0.5;
/// Sets the pairs' stream apart from the split's.
const PURPOSE: u64 = 2;

/// Neighbouring rows from all over the table: the values of row `first[k]` at `2k`, of the row after it at `2k + 1`.
pub(super) struct Pairs {
    /// The columns that have no role, by name.
    pub(super) columns: Vec<(String, ArrayRef)>,
    /// For each pair another one, to be compared with by chance.
    other: Vec<usize>,
}

impl Pairs {
    pub(super) fn of(view: &View<'_>) -> Result<Self, DataError> {
        let (table, spec) = (view.prepared.table, view.prepared.spec);
        let mut draw = Draw::new(0, PURPOSE);
        let starts = table.row_count() - 1;
        let count = starts.min(PAIRS);
        let mut rows = Vec::with_capacity(2 * count);
        for pair in 0..count {
            // One at random out of each of as many equal stretches.
            let (from, to) = (starts * pair / count, starts * (pair + 1) / count);
            let first = from as u32 + draw.below((to - from) as u32);
            rows.extend([first, first + 1]);
        }
        let roles = [&spec.target, &spec.group, &spec.time].map(Option::as_deref);
        let names: Vec<String> =
            table.names().filter(|name| !roles.contains(&Some(*name))).map(str::to_owned).collect();
        let picked = table.select(&names)?.take(&rows)?;
        let columns = names
            .into_iter()
            .map(|name| Ok((name.clone(), picked.column(&name)?)))
            .collect::<Result<Vec<_>, DataError>>()?;
        let mut other: Vec<usize> = (0..count).collect();
        draw.shuffle(&mut other);
        Ok(Self { columns, other })
    }

    /// The share of neighbours with equal values in a column.
    pub(super) fn equal_neighbours(&self, array: &ArrayRef) -> Result<f64, DataError> {
        let codes = Codes::of(array)?.codes;
        let equal = codes.chunks_exact(2).filter(|pair| pair[0] == pair[1]).count();
        Ok(equal as f64 / self.other.len() as f64)
    }

    /// True for a column of numbers or moments that mostly rises from a row to the next, but not all through the table.
    pub(super) fn rises(&self, array: &ArrayRef) -> Result<bool, DataError> {
        let Some(values) = numbers(array)? else { return Ok(false) };
        let up = values.chunks_exact(2).filter(|pair| pair[1] > pair[0]).count();
        Ok(up as f64 >= 0.8 * self.other.len() as f64 && !values.is_sorted())
    }

    /// The share of pairs in which a moment is not before the one in the row above it; nothing for other columns.
    pub(super) fn in_order(&self, array: &ArrayRef) -> Option<f64> {
        let values = numbers(array).ok()??;
        let up = values.chunks_exact(2).filter(|pair| pair[1] >= pair[0]).count();
        Some(up as f64 / self.other.len() as f64)
    }

    /// `neighbours-alike`: see [`ALIKE`].
    pub(super) fn alike(&self) -> Result<Option<Warning>, DataError> {
        let pairs = self.other.len();
        let (mut near, mut far) = (vec![0.0_f64; pairs], vec![0.0_f64; pairs]);
        let mut compared = 0_usize;
        for (_, array) in &self.columns {
            let Some(distance) = distance(array)? else { continue };
            compared += 1;
            for pair in 0..pairs {
                near[pair] += distance(2 * pair, 2 * pair + 1);
                far[pair] += distance(2 * pair, 2 * self.other[pair] + 1);
            }
        }
        if compared == 0 {
            return Ok(None);
        }
        let equal = near.iter().filter(|distance| **distance == 0.0).count() as f64 / pairs as f64;
        far.sort_unstable_by(f64::total_cmp);
        let nearer = |distance: &f64| {
            let below = far.partition_point(|other| other < distance);
            let not_above = far.partition_point(|other| other <= distance);
            (below + not_above) as f64 / 2.0
        };
        let chance = near.iter().map(nearer).sum::<f64>() / (pairs * pairs) as f64;
        Ok((chance < ALIKE).then(|| unnamed::alike(chance, equal)))
    }
}

type Distance = Box<dyn Fn(usize, usize) -> f64>;

/// How far two picked rows are from each other in a column, 1 on average for rows by chance: by rank for numbers, equal
/// or not for texts. Nothing for a column that says nothing of likeness: constant, sorted, moments, or all different.
fn distance(array: &ArrayRef) -> Result<Option<Distance>, DataError> {
    let rows = array.len();
    if matches!(array.data_type(), DataType::Int64 | DataType::Float64)
        && let Some(values) = numbers(array)?
    {
        let backwards = || values.iter().rev().is_sorted();
        if values.is_sorted() || backwards() {
            return Ok(None);
        }
        let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        if sorted.first() == sorted.last() {
            return Ok(None);
        }
        // The middle of equal values' ranks; the expected distance of two ranks by chance is a third.
        let rank = |value: &f64| {
            let below = sorted.partition_point(|other| other < value);
            let not_above = sorted.partition_point(|other| other <= value);
            (below + not_above) as f64 / (2 * sorted.len()) as f64
        };
        let ranks: Vec<f64> = values.iter().map(|value| if value.is_nan() { f64::NAN } else { rank(value) }).collect();
        return Ok(Some(Box::new(move |left, right| match (ranks[left], ranks[right]) {
            (left, right) if left.is_nan() && right.is_nan() => 0.0,
            (left, right) if left.is_nan() || right.is_nan() => 1.0,
            (left, right) => (left - right).abs() * 3.0,
        })));
    }
    if !matches!(array.data_type(), DataType::Utf8 | DataType::Boolean) {
        return Ok(None);
    }
    let codes = Codes::of(array)?;
    if codes.count() < 2 || codes.count() as f64 > MOST_DISTINCT * rows as f64 {
        return Ok(None);
    }
    let equal: f64 = codes.sizes().iter().map(|size| (*size as f64 / rows as f64).powi(2)).sum();
    let weight = 1.0 / (1.0 - equal);
    let codes = codes.codes;
    Ok(Some(Box::new(move |left, right| if codes[left] == codes[right] { 0.0 } else { weight })))
}
