//! `target-leakage`: one feature gives the answer, which it can hardly know when the prediction is wanted.

use rayon::prelude::*;
use trainyard_core::{Severity, Warning, evaluation::Task};

use super::{
    Finding, Subject, evenly,
    levels::Levels,
    percent,
    ranks::{area_under_curve, both_finite, correlation, ranks},
};
use crate::Values;

/// A feature correlated with a number target beyond this is taken for the answer in another form.
const SAME_ANSWER: f64 = 0.97;
/// A correlation beyond this is an exact or affine function of the target.
const SAME_NUMBER: f64 = 1.0 - 1e-9;
/// A single feature that orders the rows this well (area under the ROC curve) is taken for the answer.
const GIVES_ORDER: f64 = 0.995;
/// A level that comes with the rarer class this often is taken for a consequence of it.
const GIVES_CLASS: f64 = 0.98;
/// Where the rarer class is more than this share, a pure level is no wonder.
const RARE: f64 = 0.25;
/// The share of rows whose class is told by the levels of one feature that is taken for the answer.
const GIVES_ALL: f64 = 0.995;
/// The share of a number target's variance within the levels of one feature that is left over by the answer.
const LEFT_OVER: f64 = 0.01;
/// Fewer rows than this say nothing.
const FEWEST_ROWS: usize = 10;
/// A column of more levels than this is none of levels.
const MOST_LEVELS: usize = 50;
/// Rows that are ranked: a finer area than these give is not wanted.
const RANKED: usize = 20_000;

/// The features that give the answer, in their order.
#[must_use]
pub fn find(subject: &Subject<'_>) -> Vec<Finding> {
    let picked = evenly(subject.target.len(), RANKED);
    subject
        .frame
        .columns
        .par_iter()
        .filter_map(|column| {
            let (reason, number) = by_number(&column.values, subject, &picked)
                .or_else(|| by_level(&Levels::of(&column.values, MOST_LEVELS)?, subject))?;
            Some(Finding { column: column.name.clone(), reason, number })
        })
        .collect()
}

/// A warning for each of [`find`].
pub(super) fn warnings(subject: &Subject<'_>) -> Vec<Warning> {
    find(subject)
        .into_iter()
        .map(|found| {
            let Finding { column, reason, number } = found;
            Warning::new("target-leakage", format!("`{column}` gives `{}` away: {reason}", subject.name))
                .severity(Severity::High)
                .help(format!(
                    "is `{column}` known when a prediction is wanted? if not, list it under `features.exclude`"
                ))
                .number(number.0, number.1)
        })
        .collect()
}

type Reason = (String, (&'static str, f64));

fn by_number(values: &Values, subject: &Subject<'_>, picked: &[usize]) -> Option<Reason> {
    let Values::Number(values) = values else { return None };
    match subject.task {
        Task::Regression => {
            let (feature, target) = both_finite(values, subject.target);
            if feature.len() < FEWEST_ROWS {
                return None;
            }
            let line = correlation(&feature, &target);
            if line.abs() >= SAME_NUMBER {
                return Some(("it is the target in another unit".to_owned(), ("correlation", line)));
            }
            let of = |values: &[f64]| picked.iter().map(|&row| values[row]).collect::<Vec<f64>>();
            let (feature, target) = both_finite(&of(values), &of(subject.target));
            let by_rank = correlation(&ranks(&feature), &ranks(&target));
            let strongest = if line.abs() > by_rank.abs() { line } else { by_rank };
            (strongest.abs() >= SAME_ANSWER)
                .then(|| (format!("their correlation is {strongest:.3}"), ("correlation", strongest)))
        }
        Task::Binary => {
            let of = |values: &[f64]| picked.iter().map(|&row| values[row]).collect::<Vec<f64>>();
            let (feature, target) = both_finite(&of(values), &of(subject.target));
            let area = area_under_curve(&feature, &target)?;
            (area.max(1.0 - area) >= GIVES_ORDER)
                .then(|| (format!("alone it tells the classes apart (AUC {area:.4})"), ("roc_auc", area)))
        }
        _ => None,
    }
}

fn by_level(levels: &Levels<'_>, subject: &Subject<'_>) -> Option<Reason> {
    match subject.task {
        Task::Binary => tell_tale(levels, subject),
        Task::Multiclass => tells_class(levels, subject),
        Task::Regression => tells_number(levels, subject),
        _ => None,
    }
}

/// A level that hardly ever comes without the rarer class.
fn tell_tale(levels: &Levels<'_>, subject: &Subject<'_>) -> Option<Reason> {
    let (mut rows, mut ones) = (vec![0_usize; levels.count], vec![0_usize; levels.count]);
    for (code, class) in levels.known(subject.target) {
        rows[code] += 1;
        ones[code] += usize::from(class == 1.0);
    }
    let (known, all_ones): (usize, usize) = (rows.iter().sum(), ones.iter().sum());
    let rarer = all_ones.min(known - all_ones);
    let share = rarer as f64 / known.max(1) as f64;
    if share > RARE || rows.iter().filter(|rows| **rows > 0).count() < 2 {
        return None;
    }
    let hits = |code: usize| if all_ones == rarer { ones[code] } else { rows[code] - ones[code] };
    (0..levels.count)
        .filter(|&code| rows[code] >= FEWEST_ROWS && hits(code) as f64 / rows[code] as f64 >= GIVES_CLASS)
        .max_by_key(|&code| (rows[code], std::cmp::Reverse(code)))
        .map(|code| {
            let reason = format!(
                "with value {}, {} of {} rows are of the rarer class ({} of all)",
                levels.name(code),
                hits(code),
                rows[code],
                percent(share)
            );
            (reason, ("share", hits(code) as f64 / rows[code] as f64))
        })
}

/// Levels whose most frequent class is nearly always right.
fn tells_class(levels: &Levels<'_>, subject: &Subject<'_>) -> Option<Reason> {
    let classes = subject.classes.len();
    let mut counts = vec![0_usize; levels.count * classes];
    let mut totals = vec![0_usize; classes];
    for (code, class) in levels.known(subject.target) {
        // Codes are whole numbers below the number of classes.
        let class = (class as usize).min(classes.saturating_sub(1));
        *counts.get_mut(code * classes + class)? += 1;
        totals[class] += 1;
    }
    let known: usize = totals.iter().sum();
    let largest = totals.into_iter().max()?;
    let right: usize = counts.chunks(classes.max(1)).filter_map(|level| level.iter().max()).sum();
    let share = right as f64 / known.max(1) as f64;
    let is_news = known >= 20 * levels.count.max(1) && (largest as f64) < 0.9 * known as f64;
    (is_news && share >= GIVES_ALL)
        .then(|| (format!("its value alone tells the class of {} of the rows", percent(share)), ("share", share)))
}

/// Levels within which the target hardly varies.
fn tells_number(levels: &Levels<'_>, subject: &Subject<'_>) -> Option<Reason> {
    let (mut rows, mut sums) = (vec![0.0; levels.count], vec![0.0; levels.count]);
    let (mut known, mut sum) = (0.0, 0.0);
    for (code, value) in levels.known(subject.target) {
        rows[code] += 1.0;
        sums[code] += value;
        known += 1.0;
        sum += value;
    }
    if known < 20.0 * levels.count.max(1) as f64 {
        return None;
    }
    let (mut within, mut total) = (0.0, 0.0);
    for (code, value) in levels.known(subject.target) {
        within += (value - sums[code] / rows[code]).powi(2);
        total += (value - sum / known).powi(2);
    }
    let left = within / total;
    // A NaN, where the target does not vary, is no finding.
    (left <= LEFT_OVER).then(|| {
        let told = 1.0 - left;
        (format!("its value alone explains {} of the variance", percent(told)), ("r2", told))
    })
}
