//! Shares by likelihoods: naive Bayes and mixtures of Gaussians.

use std::f64::consts::TAU;

use trainyard_learn::{
    gaussian_mixture::{Gaussian, GaussianMixtureModel, Spread},
    naive_bayes::{Likelihood, NaiveBayesModel},
};

use crate::onnx::{
    columns::Features,
    graph::{Graph, Value},
    scores::Scores,
};

/// Naive Bayes.
pub(super) fn naive_bayes(graph: &mut Graph, model: &NaiveBayesModel, features: &Features) -> Scores {
    let classes = model.present.len();
    let mut score = graph.list(&model.priors);
    let known: Vec<(usize, &Likelihood)> = model.features.iter().take(features.width).enumerate().collect();
    let (mut normal, mut flags, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    for &(place, likelihood) in &known {
        match likelihood {
            Likelihood::Gaussian { means, variances } => normal.push((place, means, variances)),
            Likelihood::Bernoulli { threshold, yes, no } => flags.push((place, *threshold, yes, no)),
            Likelihood::Multinomial { shares } => counts.push((place, shares)),
        }
    }
    if !normal.is_empty() {
        let places: Vec<usize> = normal.iter().map(|(place, ..)| *place).collect();
        let own = graph.pick(&features.x, &places);
        for class in 0..classes {
            // Class by class, so that no more than the features are held at once.
            let means: Vec<f64> = normal.iter().map(|(_, means, _)| means[class]).collect();
            let variances: Vec<f64> = normal.iter().map(|(_, _, variances)| variances[class]).collect();
            let twice: Vec<f64> = variances.iter().map(|variance| 2.0 * variance).collect();
            let constants: Vec<f64> = variances.iter().map(|variance| -0.5 * (TAU * variance).ln()).collect();
            let (means, twice, constants) = (graph.list(&means), graph.list(&twice), graph.list(&constants));
            let off = graph.sub(&own, &means);
            let square = graph.mul(&off, &off);
            let square = graph.div(&square, &twice);
            let log = graph.sub(&constants, &square);
            let sum = graph.row_sum(&log);
            let mut only = vec![0.0; classes];
            only[class] = 1.0;
            let only = graph.list(&only);
            let sum = graph.mul(&sum, &only);
            score = graph.add(&score, &sum);
        }
    }
    if !flags.is_empty() {
        let places: Vec<usize> = flags.iter().map(|(place, ..)| *place).collect();
        let own = graph.pick(&features.x, &places);
        let thresholds: Vec<f64> = flags.iter().map(|(_, threshold, ..)| *threshold).collect();
        let thresholds = graph.list(&thresholds);
        let above = graph.op("Greater", &[&own, &thresholds]);
        let above = graph.flag(&above);
        let one = graph.number(1.0);
        let below = graph.sub(&one, &above);
        for (side, pick_yes) in [(above, true), (below, false)] {
            let values: Vec<f64> = flags
                .iter()
                .flat_map(|(_, _, yes, no)| if pick_yes { yes.iter() } else { no.iter() })
                .copied()
                .collect();
            let values = graph.matrix(flags.len(), classes, &values);
            let sum = graph.matmul(&side, &values);
            score = graph.add(&score, &sum);
        }
        score = graph.unless_missing(&own, &score);
    }
    if !counts.is_empty() {
        let places: Vec<usize> = counts.iter().map(|(place, _)| *place).collect();
        let own = graph.pick(&features.x, &places);
        let shares: Vec<f64> = counts.iter().flat_map(|(_, shares)| shares.iter()).copied().collect();
        let shares = graph.matrix(counts.len(), classes, &shares);
        let sum = graph.matmul(&own, &shares);
        score = graph.add(&score, &sum);
    }
    let shares = graph.softmax(&score);
    graph.spread(shares, &model.present, model.classes)
}

/// A mixture of Gaussians.
pub(super) fn mixture(graph: &mut Graph, model: &GaussianMixtureModel, features: &Features) -> Scores {
    let scores: Vec<Value> = model
        .gaussians
        .iter()
        .zip(&model.weights)
        .map(|(gaussian, weight)| graph.log_density(gaussian, weight.ln(), &features.x))
        .collect();
    let scores = graph.beside(&scores);
    Scores::Probabilities { values: graph.softmax(&scores), classes: model.weights.len() }
}

impl Graph {
    /// The logarithm of a Gaussian's density, plus `shift`.
    fn log_density(&mut self, gaussian: &Gaussian, shift: f64, x: &str) -> Value {
        let width = gaussian.mean.len();
        let mean = self.list(&gaussian.mean);
        let off = self.sub(x, &mean);
        let standard = match &gaussian.spread {
            Spread::Diagonal(deviations) => {
                let deviations = self.list(deviations);
                self.div(&off, &deviations)
            }
            Spread::Full(factor) => {
                let turned = self.matrix(width, width, &inverse_turned(factor, width));
                self.matmul(&off, &turned)
            }
        };
        let squares = self.mul(&standard, &standard);
        let sum = self.row_sum(&squares);
        let half = self.number(-0.5);
        let sum = self.mul(&half, &sum);
        let peak = self.number(gaussian.peak + shift);
        self.add(&peak, &sum)
    }
}

/// The inverse of a lower triangle (row by row, each up to its diagonal), rows and columns exchanged, as a whole matrix.
fn inverse_turned(factor: &[f64], width: usize) -> Vec<f64> {
    let start = |row: usize| row * (row + 1) / 2;
    let mut turned = vec![0.0; width * width];
    for column in 0..width {
        for row in column..width {
            let own = &factor[start(row)..=start(row) + row];
            let done: f64 = (column..row).map(|at| own[at] * turned[column * width + at]).sum();
            turned[column * width + row] = (f64::from(u8::from(row == column)) - done) / own[row];
        }
    }
    turned
}

#[cfg(test)]
mod tests {
    use super::inverse_turned;

    #[test]
    fn a_triangle_times_its_inverse_is_one() {
        let factor = [2.0, 1.0, 4.0, -1.0, 3.0, 0.5];
        let turned = inverse_turned(&factor, 3);
        let rows = [[2.0, 0.0, 0.0], [1.0, 4.0, 0.0], [-1.0, 3.0, 0.5]];
        for (at, row) in rows.iter().enumerate() {
            for column in 0..3 {
                let sum: f64 = (0..3).map(|k| row[k] * turned[column * 3 + k]).sum();
                assert!((sum - f64::from(u8::from(at == column))).abs() < 1e-12, "{at} {column}: {sum}");
            }
        }
    }
}
