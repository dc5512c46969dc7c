//! Fewer weights.

use super::{Smaller, kept};
use crate::{
    FittedModel, Matrix,
    linear::LinearModel,
    logistic::{LogisticModel, Score},
    mlp::MlpModel,
};

/// Shares of a perceptron's weights that are kept.
const WEIGHTS: [f64; 5] = [0.75, 0.5, 0.35, 0.2, 0.1];

pub(super) fn fewer(model: &FittedModel, held: &Matrix) -> Vec<Smaller> {
    match model {
        FittedModel::Linear(model) => lines(model, held),
        FittedModel::Logistic(model) => scores(model, held),
        FittedModel::Mlp(model) => perceptrons(model),
        _ => Vec::new(),
    }
}

/// Mean and standard deviation of each feature: a weight matters as much as what it is multiplied with moves.
fn moments(x: &Matrix) -> Vec<(f64, f64)> {
    let of = |values: &Vec<f64>| {
        let rows = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / rows;
        (mean, (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / rows).sqrt())
    };
    x.features.iter().map(|feature| of(&feature.values)).collect()
}

/// Places of features that are not among the `kept` whose `worth` is most, ascending.
fn least(worth: &[f64], kept: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..worth.len()).collect();
    order.sort_by(|&a, &b| worth[b].total_cmp(&worth[a]).then(a.cmp(&b)));
    let mut least = order.split_off(kept.min(order.len()));
    least.sort_unstable();
    least
}

/// Sets a score's weights at `places` to 0; what they added on average goes into the intercept.
fn drop_weights(coefficients: &mut [f64], intercept: &mut f64, places: &[usize], moments: &[(f64, f64)]) {
    for &place in places {
        *intercept += coefficients[place] * moments[place].0;
        coefficients[place] = 0.0;
    }
}

fn lines(model: &LinearModel, held: &Matrix) -> Vec<Smaller> {
    let moments = moments(held);
    if moments.len() != model.coefficients.len() {
        return Vec::new();
    }
    let worth: Vec<f64> =
        model.coefficients.iter().zip(&moments).map(|(weight, (_, spread))| (weight * spread).abs()).collect();
    let all = worth.iter().filter(|worth| **worth > 0.0).count();
    let with = |kept: usize| {
        let mut model = model.clone();
        drop_weights(&mut model.coefficients, &mut model.intercept, &least(&worth, kept), &moments);
        // They were those of other coefficients.
        model.standard_errors = None;
        Smaller { what: format!("{kept} of {all} features"), model: FittedModel::Linear(model) }
    };
    kept(all).into_iter().map(with).collect()
}

fn scores(model: &LogisticModel, held: &Matrix) -> Vec<Smaller> {
    let moments = moments(held);
    if model.scores.iter().any(|score| score.coefficients.len() != moments.len()) {
        return Vec::new();
    }
    let worth = |place: usize| {
        let of = |score: &Score| (score.coefficients[place] * moments[place].1).abs();
        model.scores.iter().map(of).fold(0.0, f64::max)
    };
    let worth: Vec<f64> = (0..moments.len()).map(worth).collect();
    let all = worth.iter().filter(|worth| **worth > 0.0).count();
    let with = |kept: usize| {
        let mut model = model.clone();
        let dropped = least(&worth, kept);
        for score in &mut model.scores {
            drop_weights(&mut score.coefficients, &mut score.intercept, &dropped, &moments);
        }
        Smaller { what: format!("{kept} of {all} features"), model: FittedModel::Logistic(model) }
    };
    kept(all).into_iter().map(with).collect()
}

fn perceptrons(model: &MlpModel) -> Vec<Smaller> {
    let pruned = |&share: &f64| {
        let (model, kept, all) = model.pruned(share);
        Smaller { what: format!("{kept} of {all} weights"), model: FittedModel::Mlp(model) }
    };
    WEIGHTS.iter().map(pruned).collect()
}
