//! Two models compared on the same rows, or over the same folds.

use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, Normal, StudentsT};
use trainyard_core::evaluation::{Measured, Task};

use super::{
    Direction, Settings, bootstrap, check,
    estimate::{Estimate, Link, weighted_mean},
    intervals::{normal, squares, student},
    scored::{Scored, View, refuse},
};
use crate::{LearnError, features::numbers::quantile};

/// How far one model is from another.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// The metric of the one minus that of the other.
    pub difference: f64,
    /// Lower end of the difference's interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// How probable a difference so far from none is if there is none (two-sided).
    pub p: f64,
    /// How it was tested.
    pub method: &'static str,
}

/// Compares two predictions of the same rows by a metric: accuracy by McNemar's exact test (1947), areas under the ROC
/// curve by DeLong's, means of a number a row by a paired t test (`rmse` through its derivative), and all others by
/// bootstrap samples that draw the same rows for both. Rows of a group count as dependent.
///
/// # Errors
/// What [`super::measure`] tells of either.
pub fn models<'a>(
    name: &str,
    task: Task,
    one: (&Scored<'a>, &Settings<'a>),
    other: (&Scored<'a>, &Settings<'a>),
) -> Result<Compared, LearnError> {
    let metric = check(name, Some(task))?;
    let (view, second) = (one.0.view_with(task, *one.1)?, other.0.view_with(task, *other.1)?);
    if view.truth != second.truth {
        return refuse("rows-differ", "models are compared on the same rows only".to_owned());
    }
    let (first, second) = ((metric.estimate)(&view)?, (metric.estimate)(&second)?);
    let difference = first.value(&view) - second.value(&view);
    let alike = view.groups.is_none() && view.weights.is_none();
    match (&first, &second) {
        (Estimate::Proportion { rows: first }, Estimate::Proportion { rows: second })
            if alike && first.iter().zip(second).all(|(a, b)| a.is_some() && b.is_some()) =>
        {
            return Ok(mcnemar(first, second, difference, one.1.level));
        }
        (Estimate::Influence { parts: first, .. }, Estimate::Influence { parts: second, .. }) => {
            let parts = first.iter().zip(second).map(|(a, b)| a - b);
            let correction = view.groups.as_ref().map_or(1.0, |(_, count)| *count as f64 / (*count - 1) as f64);
            let deviation = (squares(parts, &view) * correction).sqrt();
            return Ok(by_normal(difference, deviation, one.1.level, "delong"));
        }
        (Estimate::Mean { rows: first, link }, Estimate::Mean { rows: second, .. }) => {
            let slope = |rows: &[f64]| match link {
                Link::Root => 0.5 / weighted_mean(rows, &view).max(f64::MIN_POSITIVE).sqrt(),
                _ => 1.0,
            };
            let slopes = (slope(first), slope(second));
            let rows: Vec<f64> = first.iter().zip(second).map(|(a, b)| a * slopes.0 - b * slopes.1).collect();
            return paired_t(&rows, difference, &view);
        }
        (Estimate::Units { values: first, .. }, Estimate::Units { values: second, .. })
            if first.len() == second.len() =>
        {
            let units: Vec<f64> = first.iter().zip(second).map(|(a, b)| a - b).collect();
            return Ok(t_of(&units, difference, one.1.level));
        }
        _ => {}
    }
    let (Some(first), Some(second)) = (first.resampled(), second.resampled()) else {
        return refuse("not-comparable", format!("models cannot be compared by `{name}`"));
    };
    let mut drawn = bootstrap::paired(&first, &second, &view, one.1.samples, one.1.seed);
    drawn.retain(|value| value.is_finite());
    if drawn.len() * 2 < one.1.samples {
        return refuse("not-comparable", format!("`{name}` is undefined in most bootstrap samples"));
    }
    drawn.sort_unstable_by(f64::total_cmp);
    let (count, tail) = (drawn.len() as f64, (1.0 - one.1.level) / 2.0);
    let below = drawn.iter().filter(|value| **value <= 0.0).count() as f64;
    let above = drawn.iter().filter(|value| **value >= 0.0).count() as f64;
    // One more of each, so that no number of samples makes a chance of nothing (Davison and Hinkley 1997, 4.2).
    let p = (2.0 * (below.min(above) + 1.0) / (count + 1.0)).min(1.0);
    Ok(Compared {
        difference,
        low: quantile(&drawn, tail).min(difference),
        high: quantile(&drawn, 1.0 - tail).max(difference),
        p,
        method: "paired bootstrap",
    })
}

/// The exact binomial form of McNemar's test; the interval is Agresti and Min's (2005), half a row added to each cell.
fn mcnemar(first: &[Option<bool>], second: &[Option<bool>], difference: f64, level: f64) -> Compared {
    let differ = |way: bool| first.iter().zip(second).filter(|(a, b)| **a == Some(way) && **b == Some(!way)).count();
    let (won, lost) = (differ(true) as u64, differ(false) as u64);
    let p = match Binomial::new(0.5, won + lost) {
        Ok(binomial) if won + lost > 0 => (2.0 * binomial.cdf(won.min(lost))).min(1.0),
        _ => 1.0,
    };
    let (size, won, lost) = (first.len() as f64 + 2.0, won as f64 + 0.5, lost as f64 + 0.5);
    let centre = (won - lost) / size;
    let reach = normal(level) * ((won + lost) - (won - lost).powi(2) / size).max(0.0).sqrt() / size;
    Compared {
        difference,
        low: (centre - reach).max(-1.0).min(difference),
        high: (centre + reach).min(1.0).max(difference),
        p,
        method: "mcnemar",
    }
}

fn by_normal(difference: f64, deviation: f64, level: f64, method: &'static str) -> Compared {
    let p = match deviation > 0.0 {
        true => 2.0 * Normal::standard().cdf(-(difference / deviation).abs()),
        false => f64::from(u8::from(difference == 0.0)),
    };
    let reach = normal(level) * deviation;
    Compared { difference, low: difference - reach, high: difference + reach, p, method }
}

fn paired_t(rows: &[f64], difference: f64, view: &View<'_>) -> Result<Compared, LearnError> {
    let mean = weighted_mean(rows, view);
    let total: f64 = (0..rows.len()).map(|row| view.weight(row)).sum();
    let parts = rows.iter().enumerate().map(|(row, value)| view.weight(row) * (value - mean) / total);
    let units = view
        .groups
        .as_ref()
        .map_or_else(|| (0..rows.len()).filter(|&row| view.weight(row) > 0.0).count(), |(_, count)| *count);
    if units < 2 {
        return refuse("too-few-rows", "a comparison needs at least two rows".to_owned());
    }
    let deviation = (squares(parts, view) * units as f64 / (units - 1) as f64).sqrt();
    Ok(by_student(difference, deviation, (units - 1) as f64, view.settings.level, "paired t"))
}

fn t_of(units: &[f64], difference: f64, level: f64) -> Compared {
    let count = units.len() as f64;
    let squares: f64 = units.iter().map(|unit| (unit - difference).powi(2)).sum();
    let deviation = (squares / (count - 1.0).max(1.0) / count).sqrt();
    by_student(difference, deviation, (count - 1.0).max(1.0), level, "paired t")
}

fn by_student(difference: f64, deviation: f64, freedom: f64, level: f64, method: &'static str) -> Compared {
    let p = match StudentsT::new(0.0, 1.0, freedom) {
        Ok(student) if deviation > 0.0 => 2.0 * student.cdf(-(difference / deviation).abs()),
        _ => f64::from(u8::from(difference == 0.0)),
    };
    let reach = student(level, freedom) * deviation;
    Compared { difference, low: difference - reach, high: difference + reach, p, method }
}

/// Compares two models by their metric on each of the same folds: Nadeau and Bengio's corrected t test (2003), which
/// allows for training rows that folds share. `share` is the number of test rows over that of training rows of a fold.
///
/// # Errors
/// Fewer than two folds, or not the same number of them.
pub fn folds(one: &[f64], other: &[f64], share: f64, level: f64) -> Result<Compared, LearnError> {
    if one.len() != other.len() || one.len() < 2 {
        let message =
            format!("there are {} and {} folds; expected as many of both, at least 2", one.len(), other.len());
        return refuse("folds-differ", message);
    }
    let count = one.len() as f64;
    let differences: Vec<f64> = one.iter().zip(other).map(|(one, other)| one - other).collect();
    let mean = differences.iter().sum::<f64>() / count;
    let variance = differences.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let deviation = ((1.0 / count + share) * variance).sqrt();
    Ok(by_student(mean, deviation, count - 1.0, level, "nadeau-bengio"))
}

/// How probable it is that `one` is so much worse than `other`, measured on other rows, if it is not: one-sided, by the
/// standard errors that the intervals tell. None where neither has an interval.
#[must_use]
pub fn worse(one: &Measured, other: &Measured, direction: Direction) -> Option<f64> {
    let error = |of: &Measured| ((of.high - of.low) / (2.0 * normal(of.level))).powi(2);
    let deviation = (error(one) + error(other)).sqrt();
    let by = direction.loss(one.value) - direction.loss(other.value);
    (deviation > 0.0 && by.is_finite()).then(|| Normal::standard().cdf(-by / deviation))
}

/// Holm's adjustment (1979) of p values for their number, in the order given.
#[must_use]
pub fn adjusted(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut adjusted = vec![0.0; p.len()];
    let mut least: f64 = 0.0;
    for (rank, &place) in order.iter().enumerate() {
        least = least.max((p[place] * (p.len() - rank) as f64).min(1.0));
        adjusted[place] = least;
    }
    adjusted
}
