//! Fewer trees.

use super::{Smaller, kept};
use crate::{
    Columns, FittedModel, Sample,
    boosting::{ForestModel, GradientBoostingModel, Tree, tree_values},
};

/// Rows that the trees of a forest are ordered by.
const MOST_ROWS: usize = 4000;
/// Additions that ordering may take: where there are many trees, fewer rows are looked at.
const MOST_WORK: usize = 400_000_000;

pub(super) fn fewer(model: &FittedModel, held: &Sample<'_>) -> Vec<Smaller> {
    match model {
        FittedModel::GradientBoosting(model) => boosted(model),
        FittedModel::Forest(model) => grown(model, held),
        _ => Vec::new(),
    }
}

/// The iterations of a booster whose trees move predictions least go first, which mostly are the last ones: what an
/// iteration moves is the sum, over its trees, of the variance of a tree's values among its training rows. What a tree
/// that goes adds on average is added from the start.
fn boosted(model: &GradientBoostingModel) -> Vec<Smaller> {
    let outputs = model.base.len().max(1);
    let moments: Vec<(f64, f64)> = model.trees.iter().map(moments).collect();
    let moved: Vec<f64> =
        moments.chunks(outputs).map(|trees| trees.iter().map(|(_, variance)| variance).sum()).collect();
    let mut order: Vec<usize> = (0..moved.len()).collect();
    order.sort_by(|&a, &b| moved[b].total_cmp(&moved[a]).then(a.cmp(&b)));
    let most = |kept: usize| {
        let mut stay = vec![false; moved.len()];
        order[..kept].iter().for_each(|&iteration| stay[iteration] = true);
        let mut base = model.base.clone();
        let mut trees = Vec::with_capacity(kept * outputs);
        for (place, (tree, (mean, _))) in model.trees.iter().zip(&moments).enumerate() {
            if stay[place / outputs] {
                trees.push(tree.clone());
            } else if let Some(base) = base.get_mut(place % outputs) {
                *base += mean;
            }
        }
        Smaller {
            what: format!("{} of {} trees", trees.len(), model.trees.len()),
            model: FittedModel::GradientBoosting(model.with_trees(base, trees)),
        }
    };
    kept(moved.len()).into_iter().map(most).collect()
}

/// Mean and variance of a tree's values among its training rows; leaves count alike where rows were not counted.
fn moments(tree: &Tree) -> (f64, f64) {
    let rows = |leaf: usize| tree.covers.get(leaf).copied().unwrap_or(1.0);
    let total: f64 = (0..tree.values.len()).map(rows).sum();
    if total <= 0.0 {
        return (0.0, 0.0);
    }
    let mean = |of: &dyn Fn(f64) -> f64| {
        tree.values.iter().enumerate().map(|(leaf, value)| rows(leaf) * of(*value)).sum::<f64>() / total
    };
    let middle = mean(&|value| value);
    (middle, mean(&|value| (value - middle).powi(2)))
}

/// A forest's trees stand beside each other. The best one joins first, then again and again the one with which the mean
/// is nearest to the truth (Margineantu and Dietterich 1997, "Pruning adaptive boosting").
fn grown(model: &ForestModel, held: &Sample<'_>) -> Vec<Smaller> {
    let all = model.trees.len();
    let counts = kept(all);
    let Some(&most) = counts.first() else { return Vec::new() };
    let order = order(model, held, most);
    let first = |kept: usize| {
        let mut places = order[..kept.min(order.len())].to_vec();
        // As they stood, so that sums have their order.
        places.sort_unstable();
        let trees: Vec<Tree> = places.into_iter().map(|place| model.trees[place].clone()).collect();
        Smaller { what: format!("{} of {all} trees", trees.len()), model: FittedModel::Forest(model.with_trees(trees)) }
    };
    counts.into_iter().map(first).collect()
}

fn order(model: &ForestModel, held: &Sample<'_>, most: usize) -> Vec<usize> {
    let width = if model.classes > 2 { model.classes } else { 1 };
    let all = model.trees.len();
    let affordable = MOST_WORK / (all * most * width).max(1);
    let count = held.x.rows.min(MOST_ROWS).min(affordable.max(200));
    let rows: Vec<usize> = (0..count).map(|at| at * held.x.rows / count.max(1)).collect();
    let x = held.x.take(&rows);
    let features = x.slices();
    let x = Columns { features: &features, rows: x.rows };
    let truth: Vec<f64> = rows
        .iter()
        .flat_map(|&row| {
            let y = held.y[row];
            (0..width).map(move |class| match width {
                1 => y,
                _ => f64::from(u8::from(y == class as f64)),
            })
        })
        .map(|truth| truth - model.base)
        .collect();
    let weight = |at: usize| held.weights.map_or(1.0, |weights| weights[rows[at / width]]);
    let weights: Vec<f64> = (0..truth.len()).map(weight).collect();
    let said: Vec<Vec<f64>> = model.trees.iter().map(|tree| tree_values(tree, width, x)).collect();
    let mut sum = vec![0.0; truth.len()];
    let mut open: Vec<usize> = (0..all).collect();
    let mut order = Vec::with_capacity(most);
    while order.len() < most {
        let count = (order.len() + 1) as f64;
        let loss = |place: usize| -> f64 {
            let off = |at: usize| (sum[at] + said[place][at]) / count - truth[at];
            (0..truth.len()).map(|at| weights[at] * off(at) * off(at)).sum()
        };
        let least =
            open.iter().map(|&place| (loss(place), place)).min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let Some((_, best)) = least else { break };
        sum.iter_mut().zip(&said[best]).for_each(|(sum, value)| *sum += value);
        open.retain(|&place| place != best);
        order.push(best);
    }
    order
}
