//! Metrics of two or more classes.

use super::{
    binary,
    cells::{self, Cells},
    estimate::{Estimate, Link},
    scored::{View, refuse},
    statistic::Statistic,
};
use crate::LearnError;

pub(super) fn accuracy(view: &View<'_>) -> Result<Estimate, LearnError> {
    let hit = |row| Some(view.predicted(row) == view.class(row));
    Ok(Estimate::Proportion { rows: (0..view.rows()).map(hit).collect() })
}

/// Over the classes among the actual ones.
pub(super) fn balanced_accuracy(view: &View<'_>) -> Result<Estimate, LearnError> {
    Ok(cells::estimate(view, |cells| {
        cells.mean(|class| {
            Some(cells.actual(class)).filter(|actual| *actual > 0.0).map(|actual| cells.hits(class) / actual)
        })
    }))
}

/// Matthews' correlation, for several classes Gorodkin's (2004); 0 where the actual or the predicted class does not
/// vary, as in scikit-learn.
pub(super) fn mcc(view: &View<'_>) -> Result<Estimate, LearnError> {
    Ok(cells::estimate(view, |cells| {
        let total = cells.total();
        // In shares, so that products of many rows keep their digits.
        let (mut hits, mut both, mut actual, mut predicted) = (0.0, 0.0, 0.0, 0.0);
        for class in 0..cells.classes() {
            let (own, found) = (cells.actual(class) / total, cells.predicted(class) / total);
            hits += cells.hits(class) / total;
            both += own * found;
            actual += own * own;
            predicted += found * found;
        }
        let scale = ((1.0 - actual) * (1.0 - predicted)).sqrt();
        if scale > 1e-15 { (hits - both) / scale } else { 0.0 }
    }))
}

/// Cohen's kappa (1960); undefined where there is one class only, actual and predicted.
pub(super) fn cohen_kappa(view: &View<'_>) -> Result<Estimate, LearnError> {
    let one = |of: &dyn Fn(usize) -> usize| (1..view.rows()).all(|row| of(row) == of(0));
    if one(&|row| view.class(row)) && one(&|row| view.predicted(row)) && view.class(0) == view.predicted(0) {
        return refuse("single-class", "metric `cohen_kappa` needs rows of two classes".to_owned());
    }
    Ok(cells::estimate(view, |cells| {
        let total = cells.total();
        let right: f64 = (0..cells.classes()).map(|class| cells.hits(class) / total).sum();
        let chance: f64 =
            (0..cells.classes()).map(|class| cells.actual(class) / total * (cells.predicted(class) / total)).sum();
        (right - chance) / (1.0 - chance)
    }))
}

/// What a wrong decision costs, averaged over the rows: by the cost matrix, or 1 for every error without one.
pub(super) fn cost(view: &View<'_>) -> Result<Estimate, LearnError> {
    let classes = view.classes;
    let costs: Vec<f64> = match view.settings.costs {
        Some(costs) if costs.len() == classes && costs.iter().all(|row| row.len() == classes) => costs.concat(),
        Some(_) => {
            return refuse("bad-costs", format!("`costs` must have {classes} rows of {classes} numbers, a class each"));
        }
        None => (0..classes * classes).map(|cell| f64::from(u8::from(cell / classes != cell % classes))).collect(),
    };
    Ok(cells::estimate(view, move |cells| {
        let cost = |cell: usize| costs[cell] * cells.at(cell / classes, cell % classes);
        (0..classes * classes).map(cost).sum::<f64>() / cells.total()
    }))
}

fn precision_of(cells: &Cells, class: usize) -> f64 {
    let predicted = cells.predicted(class);
    if predicted > 0.0 { cells.hits(class) / predicted } else { 0.0 }
}

fn recall_of(cells: &Cells, class: usize) -> f64 {
    let actual = cells.actual(class);
    if actual > 0.0 { cells.hits(class) / actual } else { 0.0 }
}

fn f_of(cells: &Cells, class: usize, beta: f64) -> f64 {
    let square = beta * beta;
    let either = square * cells.actual(class) + cells.predicted(class);
    if either > 0.0 { (1.0 + square) * cells.hits(class) / either } else { 0.0 }
}

/// The mean of one number a class over the classes among the actual or the predicted ones.
fn macro_mean(view: &View<'_>, of: fn(&Cells, usize) -> f64) -> Estimate {
    cells::estimate(view, move |cells| {
        cells.mean(|class| (cells.actual(class) + cells.predicted(class) > 0.0).then(|| of(cells, class)))
    })
}

/// The mean of one number a class, weighted by the class's share of the rows.
fn weighted_mean(view: &View<'_>, of: fn(&Cells, usize) -> f64) -> Estimate {
    cells::estimate(view, move |cells| cells.weighted(|class| Some(of(cells, class))))
}

pub(super) fn precision_macro(view: &View<'_>) -> Result<Estimate, LearnError> {
    Ok(macro_mean(view, precision_of))
}

pub(super) fn precision_weighted(view: &View<'_>) -> Result<Estimate, LearnError> {
    Ok(weighted_mean(view, precision_of))
}

pub(super) fn recall_macro(view: &View<'_>) -> Result<Estimate, LearnError> {
    Ok(macro_mean(view, recall_of))
}

pub(super) fn recall_weighted(view: &View<'_>) -> Result<Estimate, LearnError> {
    Ok(weighted_mean(view, recall_of))
}

pub(super) fn f1_macro(view: &View<'_>) -> Result<Estimate, LearnError> {
    Ok(macro_mean(view, |cells, class| f_of(cells, class, 1.0)))
}

pub(super) fn f1_weighted(view: &View<'_>) -> Result<Estimate, LearnError> {
    Ok(weighted_mean(view, |cells, class| f_of(cells, class, 1.0)))
}

pub(super) fn f2_macro(view: &View<'_>) -> Result<Estimate, LearnError> {
    Ok(macro_mean(view, |cells, class| f_of(cells, class, 2.0)))
}

pub(super) fn f_half_macro(view: &View<'_>) -> Result<Estimate, LearnError> {
    Ok(macro_mean(view, |cells, class| f_of(cells, class, 0.5)))
}

/// Whether the actual class is among the `k` most probable; among equals the later class counts as more probable, as
/// in scikit-learn.
pub(super) fn top_k_accuracy(view: &View<'_>) -> Result<Estimate, LearnError> {
    let k = view.settings.top_k;
    if k == 0 {
        return refuse("out-of-range", "`top_k` must be at least 1".to_owned());
    }
    let hit = |row: usize| {
        let own = view.probability(row, view.class(row));
        let ahead = (0..view.classes).filter(|&class| {
            let other = view.probability(row, class);
            other > own || (other == own && class > view.class(row))
        });
        Some(ahead.count() < k)
    };
    Ok(Estimate::Proportion { rows: (0..view.rows()).map(hit).collect() })
}

/// Probabilities are kept the machine epsilon away from 0 and 1, as in scikit-learn.
pub(super) fn log_loss(view: &View<'_>) -> Result<Estimate, LearnError> {
    let loss = |row| -view.probability(row, view.class(row)).clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln();
    Ok(Estimate::Mean { rows: (0..view.rows()).map(loss).collect(), link: Link::NotNegative })
}

/// Brier's score (1950): the squared error of the probability of class 1, or of several classes their sum.
pub(super) fn brier_of(view: &View<'_>) -> Result<Estimate, LearnError> {
    if view.classes == 2 { binary::brier(view) } else { brier(view) }
}

fn brier(view: &View<'_>) -> Result<Estimate, LearnError> {
    let error = |row: usize| {
        let of = |class| view.probability(row, class) - f64::from(u8::from(view.class(row) == class));
        (0..view.classes).map(|class| of(class).powi(2)).sum()
    };
    Ok(Estimate::Mean { rows: (0..view.rows()).map(error).collect(), link: Link::NotNegative })
}

/// Bins of the calibration error.
const BINS: usize = 10;

/// Expected calibration error: how far the share of positives (of right answers, for several classes) is from the mean
/// probability (of the most probable class), averaged over ten equal ranges of it (Guo et al. 2017).
pub(super) fn ece(view: &View<'_>) -> Result<Estimate, LearnError> {
    let told = |row: usize| match view.classes {
        2 => (view.probability(row, 1), view.truth[row]),
        _ => {
            let most = view.most_probable(row);
            (view.probability(row, most), f64::from(u8::from(view.class(row) == most)))
        }
    };
    let bin = |row: usize| ((told(row).0 * BINS as f64) as usize).min(BINS - 1) as u32;
    let off = |row: usize| told(row).0 - told(row).1;
    Ok(Estimate::Resampled(Statistic::Sums {
        kinds: BINS,
        kind: Some((0..view.rows()).map(bin).collect()),
        width: 1,
        rows: (0..view.rows()).map(off).collect(),
        of: Box::new(|sums| {
            let (mut total, mut off) = (0.0, 0.0);
            for bin in sums.chunks_exact(2) {
                total += bin[0];
                off += bin[1].abs();
            }
            off / total
        }),
    }))
}

fn sets<'a>(view: &View<'a>, name: &str) -> Result<&'a [bool], LearnError> {
    match view.settings.sets {
        Some(sets) if sets.len() == view.rows() * view.classes => Ok(sets),
        Some(sets) => refuse("lengths-differ", format!("there are {} rows but {} sets", view.rows(), sets.len())),
        None => refuse("no-sets", format!("metric `{name}` needs a model that predicts sets of classes")).map_err(
            |error: LearnError| LearnError { help: Some("train it with `conformal: {}`".to_owned()), ..error },
        ),
    }
}

/// The share of rows whose class is in the predicted set.
pub(super) fn set_coverage(view: &View<'_>) -> Result<Estimate, LearnError> {
    let sets = sets(view, "set_coverage")?;
    let hit = |row: usize| Some(sets[row * view.classes + view.class(row)]);
    Ok(Estimate::Proportion { rows: (0..view.rows()).map(hit).collect() })
}

/// How many classes the predicted sets hold.
pub(super) fn set_size(view: &View<'_>) -> Result<Estimate, LearnError> {
    let sets = sets(view, "set_size")?;
    let size = |set: &[bool]| set.iter().filter(|class| **class).count() as f64;
    Ok(Estimate::Mean { rows: sets.chunks_exact(view.classes).map(size).collect(), link: Link::NotNegative })
}
