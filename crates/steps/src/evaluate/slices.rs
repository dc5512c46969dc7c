//! The best model on parts of the rows: where it is worse than elsewhere, and whether that is more than chance.

use std::sync::Arc;

use trainyard_core::{Problem, Schema, StepError, evaluation::Task, judgement::Slice};
use trainyard_data::{DataError, Table, columns::numbers, sql};
use trainyard_learn::{
    Prediction, Values,
    metrics::{self, Settings, adjusted},
};
use trainyard_model::frame;

use super::{
    judge::{Predicted, measure},
    unseen::{Unseen, some},
};

/// Asks for a search through all columns.
pub(super) const AUTO: &str = "auto";
/// The name of the judged rows in a condition.
const TABLE: &str = "rows";
/// Rows of the smallest slice that is looked at.
const FEWEST: usize = 20;
/// Levels of a column that become slices, and distinct numbers that do; of more numbers the quarters do.
const LEVELS: usize = 12;
/// Weak slices shown of a search.
const SHOWN: usize = 5;

fn query(condition: &str) -> String {
    format!("SELECT CAST(({condition}) AS BOOLEAN) AS held FROM {TABLE}")
}

/// What is wrong with a slice as it is written.
pub(super) fn check(slice: &str, schema: &Schema) -> Option<Problem> {
    if slice == AUTO || schema.columns.is_empty() || schema.column(slice).is_some() {
        return None;
    }
    match sql::sql_schema(&query(slice), &[(TABLE.to_owned(), schema.clone())]) {
        Ok(outline) if outline.row_local => None,
        Ok(_) => Some(
            Problem::error("bad-slice", format!("`{slice}` looks at more than one row at a time"))
                .help("write a column, or a condition on the columns of a row, such as `age > 60`"),
        ),
        Err(mut problem) => {
            // A single misspelt name is a column that is not there, whatever SQL makes of it.
            if slice.chars().all(|letter| letter.is_alphanumeric() || letter == '_') {
                problem = Problem::unknown("unknown-column", "column", slice, schema.names());
            }
            problem.place = None;
            Some(problem)
        }
    }
}

/// A slice's name and its rows.
type Named = (String, Vec<usize>);

/// The slices that are asked for, and the weak ones that a search finds.
///
/// # Errors
/// When a condition cannot be computed.
#[expect(clippy::too_many_arguments, reason = "each is another thing that a slice is made from")]
pub(super) fn slices(
    asked: &[String],
    columns: &[String],
    test: &Unseen,
    predicted: &Predicted,
    names: &[&str],
    decided_by: &str,
    settings: &Settings<'_>,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<Slice>, StepError> {
    let own = predicted.settings(settings);
    let judging = judging(decided_by, test.task);
    // What aligns with all rows does not with some of them.
    let own = Settings { intervals: None, sets: None, points: None, ..own };
    let mut wanted = Vec::new();
    for slice in asked.iter().filter(|slice| *slice != AUTO) {
        if test.table.schema().column(slice).is_some() {
            wanted.extend(by_column(&test.table, slice)?);
        } else {
            wanted.push((slice.clone(), by_condition(test, slice, cancelled)?));
        }
    }
    let mut names = names.to_vec();
    if !names.contains(&judging) {
        names.push(judging);
    }
    let names = names.as_slice();
    let mut found: Vec<Slice> =
        wanted.iter().map(|named| judge(named, test, &predicted.prediction, names, &own)).collect();
    flag(&mut found, &wanted, test, &predicted.prediction, judging, &own);
    if asked.iter().any(|slice| slice == AUTO) {
        let mut candidates = Vec::new();
        for column in columns {
            candidates.extend(by_column(&test.table, column)?);
        }
        candidates.retain(|(name, _)| !found.iter().any(|slice| slice.name == *name));
        let mut weak: Vec<Slice> =
            candidates.iter().map(|named| judge(named, test, &predicted.prediction, &[judging], &own)).collect();
        flag(&mut weak, &candidates, test, &predicted.prediction, judging, &own);
        weak.retain(|slice| slice.worse);
        weak.sort_by(|a, b| a.p.unwrap_or(1.0).total_cmp(&b.p.unwrap_or(1.0)).then_with(|| a.name.cmp(&b.name)));
        weak.truncate(SHOWN);
        for slice in weak {
            if let Some(named) = candidates.iter().find(|(name, _)| *name == slice.name) {
                let judged = judge(named, test, &predicted.prediction, names, &own);
                found.push(Slice { metrics: judged.metrics, found: true, ..slice });
            }
        }
    }
    Ok(found)
}

fn judge(
    (name, rows): &Named,
    test: &Unseen,
    prediction: &Prediction,
    names: &[&str],
    settings: &Settings<'_>,
) -> Slice {
    let (part, prediction) = (test.take(rows), some(prediction, rows));
    let metrics = match rows.is_empty() {
        true => std::collections::BTreeMap::new(),
        false => measure(&part.scored(&prediction), test.task, names, settings, &mut |_| {}),
    };
    Slice { name: name.clone(), rows: rows.len() as u64, metrics, p: None, worse: false, found: false }
}

/// Metrics of two classes that follow the share of the second class, however good the model.
const BOUND_TO_SHARE: &[&str] =
    &["average_precision", "precision", "f1", "f2", "f0.5", "mcc", "kappa", "log_loss", "brier"];

/// The metric by which slices are compared: the deciding one, unless it would call every slice weak in which the second
/// class is rarer.
pub(super) fn judging(decided_by: &str, task: Task) -> &str {
    if task == Task::Binary && BOUND_TO_SHARE.contains(&decided_by) { "roc_auc" } else { decided_by }
}

/// Tests each slice against all other rows by the metric `by`: the difference over its standard error, which the
/// two intervals tell; one-sided, adjusted for the number of slices by Holm's method.
fn flag(
    slices: &mut [Slice],
    named: &[Named],
    test: &Unseen,
    prediction: &Prediction,
    by: &str,
    settings: &Settings<'_>,
) {
    let Some(direction) = metrics::metric(by).map(|metric| metric.direction) else { return };
    let mut tested = Vec::new();
    for (place, (slice, (_, rows))) in slices.iter().zip(named).enumerate() {
        let Some(own) = slice.metrics.get(by) else { continue };
        let mut inside = vec![false; test.truth.len()];
        rows.iter().for_each(|&row| inside[row] = true);
        let others: Vec<usize> = (0..inside.len()).filter(|&row| !inside[row]).collect();
        if others.len() < FEWEST || rows.len() < FEWEST {
            continue;
        }
        let (rest, guess) = (test.take(&others), some(prediction, &others));
        let mut measured = measure(&rest.scored(&guess), test.task, &[by], settings, &mut |_| {});
        let Some(rest) = measured.remove(by) else { continue };
        if let Some(p) = metrics::worse(own, &rest, direction) {
            tested.push((place, p));
        }
    }
    let p: Vec<f64> = tested.iter().map(|(_, p)| *p).collect();
    for ((place, _), p) in tested.into_iter().zip(adjusted(&p)) {
        slices[place].p = Some(p);
        slices[place].worse = p < 1.0 - settings.level;
    }
}

fn by_condition(test: &Unseen, condition: &str, cancelled: &dyn Fn() -> bool) -> Result<Vec<usize>, StepError> {
    let held = sql::sql(&query(condition), &[(TABLE.to_owned(), Arc::clone(&test.table))], cancelled)?;
    let held = numbers(&held.column("held")?)?;
    if held.len() != test.truth.len() {
        return Err(StepError::new("bad-slice", format!("`{condition}` does not give one answer a row")));
    }
    Ok((0..held.len()).filter(|&row| held[row] == 1.0).collect())
}

/// The values of a column as slices: levels, few distinct numbers, or the quarters of many.
fn by_column(table: &Table, column: &str) -> Result<Vec<Named>, DataError> {
    let frame = frame(table, &[column.to_owned()])?;
    let Some(column) = frame.columns.first() else { return Ok(Vec::new()) };
    let name = &column.name;
    let rows_of = |of: &dyn Fn(usize) -> bool| (0..frame.rows).filter(|&row| of(row)).collect::<Vec<usize>>();
    let mut slices: Vec<Named> = match &column.values {
        Values::Category { codes, levels } => (0..levels.len())
            .map(|code| (format!("{name} = {}", levels[code]), rows_of(&|row| codes[row] as usize == code)))
            .chain([(format!("{name} is missing"), rows_of(&|row| codes[row] == Values::MISSING))])
            .collect(),
        Values::Number(values) | Values::Moment(values) => {
            let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
            sorted.sort_unstable_by(f64::total_cmp);
            let mut distinct = sorted.clone();
            distinct.dedup();
            let missing = (format!("{name} is missing"), rows_of(&|row| values[row].is_nan()));
            let parts: Vec<Named> = if distinct.len() <= LEVELS {
                distinct
                    .iter()
                    .map(|value| (format!("{name} = {value}"), rows_of(&|row| values[row] == *value)))
                    .collect()
            } else {
                let mut edges: Vec<f64> = (0..=4).map(|quarter| sorted[(sorted.len() - 1) * quarter / 4]).collect();
                edges.dedup();
                edges
                    .windows(2)
                    .enumerate()
                    .map(|(place, ends)| {
                        let (low, high) = (ends[0], ends[1]);
                        let within = |row: usize| {
                            (values[row] > low || (place == 0 && values[row] == low)) && values[row] <= high
                        };
                        (format!("{name} {low} to {high}"), rows_of(&within))
                    })
                    .collect()
            };
            parts.into_iter().chain([missing]).collect()
        }
    };
    slices.retain(|(_, rows)| rows.len() >= FEWEST && rows.len() < frame.rows);
    // The largest, in the order they were made.
    let mut sizes: Vec<usize> = slices.iter().map(|(_, rows)| rows.len()).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    if let Some(&least) = sizes.get(LEVELS) {
        slices.retain(|(_, rows)| rows.len() > least);
    }
    Ok(slices)
}
