//! Metrics of the order that probabilities put rows in.

use super::{
    estimate::Estimate,
    scored::{View, refuse},
    statistic::Statistic,
};
use crate::LearnError;

pub(super) fn roc_auc(view: &View<'_>) -> Result<Estimate, LearnError> {
    let (value, parts) = area(view, 1).ok_or_else(|| LearnError {
        code: "single-class",
        message: "metric `roc_auc` needs rows of both classes".to_owned(),
        help: Some("a stratified split keeps every class in each part".to_owned()),
        field: None,
    })?;
    Ok(Estimate::Influence { value, parts })
}

/// Every class against the rest, averaged: its error is the average of theirs, row by row.
pub(super) fn roc_auc_ovr(view: &View<'_>) -> Result<Estimate, LearnError> {
    let mut value = 0.0;
    let mut parts = vec![0.0; view.rows()];
    let share = 1.0 / view.classes as f64;
    for class in 0..view.classes {
        let (area, errors) = area(view, class).ok_or_else(|| LearnError {
            code: "class-absent",
            message: format!(
                "metric `roc_auc_ovr` needs rows of every class, found none or nothing else of class {class}"
            ),
            help: Some("a stratified split keeps every class in each part".to_owned()),
            field: None,
        })?;
        value += share * area;
        parts.iter_mut().zip(errors).for_each(|(part, error)| *part += share * error);
    }
    Ok(Estimate::Influence { value, parts })
}

/// Area under the ROC curve of one class against the rest, ties counting half, and each row's part of its sampling error
/// (DeLong, DeLong and Clarke-Pearson 1988, by ranks as in Sun and Xu 2014). None when either side has no weight.
pub(super) fn area(view: &View<'_>, class: usize) -> Option<(f64, Vec<f64>)> {
    let order = descending(view, class);
    let score = |row: u32| view.probability(row as usize, class);
    let positive = |row: u32| view.class(row as usize) == class;
    let mut totals = [0.0, 0.0];
    let mut counts = [0.0, 0.0];
    for &row in &order {
        let weight = view.weight(row as usize);
        totals[usize::from(positive(row))] += weight;
        counts[usize::from(positive(row))] += f64::from(u8::from(weight > 0.0));
    }
    if totals[0] <= 0.0 || totals[1] <= 0.0 {
        return None;
    }
    // A row's placement: the share of the other side that it beats.
    let mut placements = vec![0.0; order.len()];
    let mut above = [0.0, 0.0];
    let mut area = 0.0;
    for tied in order.chunk_by(|&a, &b| score(a) == score(b)) {
        let mut own = [0.0, 0.0];
        tied.iter().for_each(|&row| own[usize::from(positive(row))] += view.weight(row as usize));
        for &row in tied {
            let placement = if positive(row) {
                (totals[0] - above[0] - own[0] / 2.0) / totals[0]
            } else {
                (above[1] + own[1] / 2.0) / totals[1]
            };
            placements[row as usize] = placement;
        }
        area += own[1] * (totals[0] - above[0] - own[0] / 2.0);
        above[0] += own[0];
        above[1] += own[1];
    }
    area /= totals[0] * totals[1];
    let corrections = counts.map(|count: f64| if count > 1.0 { (count / (count - 1.0)).sqrt() } else { 1.0 });
    for (row, part) in placements.iter_mut().enumerate() {
        let side = usize::from(positive(row as u32));
        *part = (*part - area) * view.weight(row) / totals[side] * corrections[side];
    }
    Some((area, placements))
}

/// Rows by falling probability of a class, and by row among equals.
pub(super) fn descending(view: &View<'_>, class: usize) -> Vec<u32> {
    let mut rows: Vec<(f64, u32)> = (0..view.rows()).map(|row| view.probability(row, class)).zip(0..).collect();
    rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Precision at each threshold, weighted by the gain of recall there: scikit-learn's definition, without interpolation.
pub(super) fn average_precision(view: &View<'_>) -> Result<Estimate, LearnError> {
    if !(0..view.rows()).any(|row| view.class(row) == 1 && view.weight(row) > 0.0) {
        return refuse("single-class", "metric `average_precision` needs positive rows".to_owned());
    }
    Ok(Estimate::Resampled(precision_of(view, 1)))
}

fn precision_of(view: &View<'_>, class: usize) -> Statistic {
    let order = descending(view, class);
    let score = |row: u32| view.probability(row as usize, class);
    // For each place, whether the row is positive and whether it is the last of its threshold.
    let places: Vec<(bool, bool)> = (0..order.len())
        .map(|place| {
            let last = order.get(place + 1).is_none_or(|&next| score(next) != score(order[place]));
            (view.class(order[place] as usize) == class, last)
        })
        .collect();
    Statistic::ordered(order, move |weights| {
        let (mut hits, mut all, mut before, mut sum) = (0.0, 0.0, 0.0, 0.0);
        let mut place = 0;
        loop {
            let run = weights.next();
            if run.is_empty() {
                return sum / hits;
            }
            for (&(positive, last), &weight) in places[place..].iter().zip(run) {
                all += weight;
                hits += if positive { weight } else { 0.0 };
                if last && hits > before {
                    sum += (hits - before) * hits / all;
                    before = hits;
                }
            }
            place += run.len();
        }
    })
}

/// The average precision of each class against the rest, averaged over the classes.
pub(super) fn average_precision_macro(view: &View<'_>) -> Result<Estimate, LearnError> {
    for class in 0..view.classes {
        if !(0..view.rows()).any(|row| view.class(row) == class && view.weight(row) > 0.0) {
            let message =
                format!("metric `average_precision_macro` needs rows of every class, found none of class {class}");
            return refuse("class-absent", message);
        }
    }
    let each: Vec<Statistic> = (0..view.classes).map(|class| precision_of(view, class)).collect();
    let rows = (0..view.rows() as u32).collect();
    Ok(Estimate::Resampled(Statistic::ordered(rows, move |weights| {
        let weights = weights.all();
        each.iter().map(|class| class.of_weights(&weights)).sum::<f64>() / each.len() as f64
    })))
}
