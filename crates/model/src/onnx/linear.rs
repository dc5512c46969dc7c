//! Weighted sums of features: linear and logistic regression, and the perceptron's layers of them.

use trainyard_learn::{
    linear::LinearModel,
    logistic::LogisticModel,
    mlp::{Activation, MlpModel},
};

use crate::onnx::{
    columns::Features,
    graph::{Graph, Value},
    scores::Scores,
};

impl Graph {
    /// `x · coefficients + intercept`, `[N, 1]`. As many features are read as there are coefficients.
    pub(super) fn inner(&mut self, features: &Features, coefficients: &[f64], intercept: f64) -> Value {
        let mut column = coefficients.to_vec();
        column.resize(features.width, 0.0);
        let column = self.matrix(features.width, 1, &column);
        let sum = self.matmul(&features.x, &column);
        let intercept = self.number(intercept);
        self.add(&sum, &intercept)
    }

    /// The shares of two classes of which the second has these log-odds.
    pub(super) fn two_shares(&mut self, odds: &str) -> Value {
        let negative = self.op("Neg", &[odds]);
        let both = self.beside(&[negative, odds.to_owned()]);
        self.sigmoid(&both)
    }
}

/// A linear regression.
pub(super) fn linear(graph: &mut Graph, model: &LinearModel, features: &Features) -> Scores {
    Scores::Values(graph.inner(features, &model.coefficients, model.intercept))
}

/// A logistic regression.
pub(super) fn logistic(graph: &mut Graph, model: &LogisticModel, features: &Features) -> Scores {
    let scores: Vec<Value> =
        model.scores.iter().map(|score| graph.inner(features, &score.coefficients, score.intercept)).collect();
    let shares = match scores.as_slice() {
        [only] => graph.two_shares(only),
        several => {
            let several = graph.beside(several);
            graph.softmax(&several)
        }
    };
    graph.spread(shares, &model.present, model.classes)
}

/// A multilayer perceptron.
pub(super) fn mlp(graph: &mut Graph, model: &MlpModel, features: &Features) -> Scores {
    let mut x = features.x.clone();
    for (place, layer) in model.layers.iter().enumerate() {
        let weights = graph.matrix(layer.weights.count(), layer.weights.width, &layer.weights.values);
        let biases = graph.list(&layer.biases);
        let sum = graph.matmul(&x, &weights);
        x = graph.add(&sum, &biases);
        if place + 1 < model.layers.len() {
            x = match model.activation {
                Activation::Relu => {
                    let zero = graph.number(0.0);
                    let below = graph.op("Less", &[&x, &zero]);
                    graph.choose(&below, &zero, &x)
                }
                Activation::Tanh => {
                    let (one, two) = (graph.number(1.0), graph.number(2.0));
                    let twice = graph.mul(&two, &x);
                    let bent = graph.sigmoid(&twice);
                    let twice = graph.mul(&two, &bent);
                    graph.sub(&twice, &one)
                }
            };
        }
    }
    if model.classes == 0 {
        let (mean, deviation) = (graph.number(model.target[0]), graph.number(model.target[1]));
        let scaled = graph.mul(&deviation, &x);
        return Scores::Values(graph.add(&mean, &scaled));
    }
    let shares = if model.present.len() <= 2 { graph.two_shares(&x) } else { graph.softmax(&x) };
    graph.spread(shares, &model.present, model.classes)
}
