//! Columns whose values are distributed otherwise in one part than in the first: KS for numbers, chi² for the rest.

use arrow::{array::ArrayRef, compute::interleave};
use rayon::prelude::*;
use trainyard_core::Warning;

use super::{ALPHA, View};
use crate::{
    error::DataError,
    split::{
        assign::Target,
        codes::{Codes, numbers},
        draw::Draw,
        statistics::{chi_squared, chi_squared_p_value, design_effect, ks_distance, ks_p_value},
    },
    table::Table,
};

/// Rows of a part that are looked at: enough to tell a distance of [`TOLERATED`] from chance many times over.
const SAMPLE: usize = 20_000;
/// A distance that matters: the largest difference of two distribution functions, or half the summed differences of
/// the categories' shares.
const TOLERATED: f64 = 0.05;
/// Sets the sample's stream apart from the split's.
const PURPOSE: u64 = 1;

/// `target-distribution-differs` and `feature-differs`.
///
/// # Errors
/// `bad-table` for a column type that cannot be shown as text.
pub(super) fn differing(view: &View<'_>) -> Result<Vec<Warning>, DataError> {
    let sample = Sample::of(view);
    let spec = view.prepared.spec;
    let table = view.prepared.table;
    let roles = [&spec.target, &spec.group, &spec.time].map(Option::as_deref);
    let columns: Vec<usize> =
        table.names().enumerate().filter(|(_, name)| !roles.contains(&Some(name))).map(|(index, _)| index).collect();
    let found = columns
        .par_iter()
        .map(|column| Ok((*column, sample.compare(&sample.gather(table, *column)?)?)))
        .collect::<Result<Vec<_>, DataError>>()?;
    let mut warnings = target(view, &sample).into_iter().collect::<Vec<_>>();
    warnings.extend(features(view, table, found));
    Ok(warnings)
}

/// How far one part's values are from the first part's.
#[derive(Clone, Copy)]
struct Difference {
    part: usize,
    distance: f64,
    p: f64,
    is_number: bool,
}

fn target(view: &View<'_>, sample: &Sample) -> Option<Warning> {
    let Some(Target::Numbers(values)) = &view.prepared.target else { return None };
    let name = view.prepared.spec.target.as_deref()?;
    let picked: Vec<f64> = sample.rows.iter().map(|row| values[*row as usize]).collect();
    let differences = sample.compare_numbers(&picked);
    let tests = differences.len() as f64;
    let worst = differences
        .into_iter()
        .filter(|difference| difference.distance >= TOLERATED && difference.p * tests < ALPHA)
        .max_by(|left, right| left.distance.total_cmp(&right.distance))?;
    let message = format!(
        "target `{name}` is distributed otherwise in part `{}` than in `{}`: KS distance {:.3}",
        view.names[worst.part], view.names[sample.first], worst.distance
    );
    Some(
        Warning::new("target-distribution-differs", message)
            .number("distance", worst.distance)
            .number("p", (worst.p * tests).min(1.0)),
    )
}

fn features(view: &View<'_>, table: &Table, found: Vec<(usize, Vec<Difference>)>) -> Option<Warning> {
    let tested = found.iter().filter(|(_, differences)| !differences.is_empty()).count();
    // Bonferroni: every column against every part is one try.
    let tests: f64 = found.iter().map(|(_, differences)| differences.len() as f64).sum();
    let mut worst: Vec<(&str, Difference)> = found
        .iter()
        .filter_map(|(column, differences)| {
            let kept = differences.iter().filter(|one| one.distance >= TOLERATED && one.p * tests < ALPHA);
            let largest = kept.max_by(|left, right| left.distance.total_cmp(&right.distance))?;
            Some((table.arrow_schema().field(*column).name().as_str(), *largest))
        })
        .collect();
    worst.sort_by(|left, right| right.1.distance.total_cmp(&left.1.distance));
    let largest = worst.first()?.1;
    let mut shown: Vec<String> = worst
        .iter()
        .take(5)
        .map(|(name, one)| {
            let how = if one.is_number { "KS distance" } else { "share moved" };
            format!("`{name}` in `{}` ({how} {:.3})", view.names[one.part], one.distance)
        })
        .collect();
    if worst.len() > 5 {
        shown.push(format!("{} more", worst.len() - 5));
    }
    let message = format!("{} of {tested} features are distributed otherwise: {}", worst.len(), shown.join(", "));
    Some(
        Warning::new("feature-differs", message)
            .number("features", worst.len() as f64)
            .number("tested", tested as f64)
            .number("distance", largest.distance)
            .number("p", (largest.p * tests).min(1.0)),
    )
}

/// Rows of each part, spread over it.
struct Sample {
    /// The rows, part after part.
    rows: Vec<u32>,
    /// Where each part's rows are in `rows`.
    ranges: Vec<std::ops::Range<usize>>,
    /// The part the others are compared with: the first that has rows.
    first: usize,
    /// The groups of the rows, and how many there are.
    groups: Option<(Vec<u32>, usize)>,
}

impl Sample {
    fn of(view: &View<'_>) -> Self {
        let mut draw = Draw::new(0, PURPOSE);
        let mut rows = Vec::new();
        let mut ranges = Vec::new();
        let mut by_part: Vec<Vec<u32>> = view.sizes.iter().map(|size| Vec::with_capacity(*size)).collect();
        for (row, part) in view.parts.iter().enumerate() {
            if let Some(part) = by_part.get_mut(*part as usize) {
                part.push(row as u32);
            }
        }
        for part in by_part {
            let start = rows.len();
            if part.len() <= SAMPLE {
                rows.extend(part);
            } else {
                // One row at random out of each of as many equal stretches: no period of the data can hide.
                let stretch = |index: usize| part.len() * index / SAMPLE;
                rows.extend((0..SAMPLE).map(|index| {
                    let length = stretch(index + 1) - stretch(index);
                    part[stretch(index) + draw.below(length as u32) as usize]
                }));
            }
            ranges.push(start..rows.len());
        }
        let first = ranges.iter().position(|range| !range.is_empty()).unwrap_or(0);
        let groups = view.prepared.groups.as_ref();
        let groups =
            groups.map(|groups| (rows.iter().map(|row| groups.codes[*row as usize]).collect(), groups.count()));
        Self { rows, ranges, first, groups }
    }

    /// A column's values in these rows.
    fn gather(&self, table: &Table, column: usize) -> Result<ArrayRef, DataError> {
        let pieces = table.pieces(column)?;
        let arrays: Vec<&dyn arrow::array::Array> = pieces.iter().map(|piece| piece.as_ref()).collect();
        let mut starts = Vec::with_capacity(arrays.len());
        let mut sum = 0;
        for piece in &pieces {
            starts.push(sum);
            sum += piece.len();
        }
        let place = |row: &u32| {
            let row = *row as usize;
            let batch = starts.partition_point(|start| *start <= row) - 1;
            (batch, row - starts[batch])
        };
        let places: Vec<(usize, usize)> = self.rows.iter().map(place).collect();
        Ok(interleave(&arrays, &places)?)
    }

    fn compare(&self, array: &ArrayRef) -> Result<Vec<Difference>, DataError> {
        Ok(match numbers(array)? {
            Some(values) => self.compare_numbers(&values),
            None => self.compare_categories(&Codes::of(array)?),
        })
    }

    fn others(&self) -> impl Iterator<Item = usize> {
        (0..self.ranges.len()).filter(|part| *part != self.first && !self.ranges[*part].is_empty())
    }

    fn compare_numbers(&self, values: &[f64]) -> Vec<Difference> {
        let sorted = |part: usize| {
            let mut own: Vec<f64> =
                values[self.ranges[part].clone()].iter().copied().filter(|value| !value.is_nan()).collect();
            own.sort_unstable_by(f64::total_cmp);
            own
        };
        let first = sorted(self.first);
        let effect = self.effect(values);
        let compare = |part: usize| {
            let own = sorted(part);
            let distance = ks_distance(&first, &own);
            let p = match distance < TOLERATED {
                true => 1.0,
                false => ks_p_value(distance, first.len() as f64 / effect, own.len() as f64 / effect),
            };
            Difference { part, distance, p, is_number: true }
        };
        self.others().map(compare).collect()
    }

    fn compare_categories(&self, codes: &Codes) -> Vec<Difference> {
        let counts = |part: usize| {
            let mut counts = vec![0_u64; codes.count()];
            codes.codes[self.ranges[part].clone()].iter().for_each(|code| counts[*code as usize] += 1);
            counts
        };
        let first = counts(self.first);
        // Dividing by the design effect of the most frequent category is Rao and Scott's (1981) first correction.
        let frequent = codes.sizes().iter().enumerate().max_by_key(|(_, size)| **size).map_or(0, |(code, _)| code);
        let is_frequent: Vec<f64> = codes.codes.iter().map(|code| f64::from(*code as usize == frequent)).collect();
        let effect = self.effect(&is_frequent);
        let compare = |part: usize| {
            let (statistic, freedom, distance) = chi_squared(&first, &counts(part));
            (freedom > 0).then(|| {
                let p = chi_squared_p_value(statistic / effect, freedom);
                Difference { part, distance, p, is_number: false }
            })
        };
        self.others().filter_map(compare).collect()
    }

    fn effect(&self, values: &[f64]) -> f64 {
        self.groups.as_ref().map_or(1.0, |(groups, count)| design_effect(values, groups, *count))
    }
}
