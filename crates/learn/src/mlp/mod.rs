//! A multilayer perceptron: layers of weighted sums, each followed by a bend, learned by Adam on mini-batches.
//!
//! Loss, penalty, start and steps are those of scikit-learn's `MLPClassifier` and `MLPRegressor`, but for the target of a
//! regression, which is learned in units of its standard deviation, and for early stopping, which watches the validation
//! rows and keeps the best epoch.

mod adam;
mod network;

#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Columns, Estimator, FitContext, Fitted, LearnError, Prediction, Sample,
    boosting::{exponential::sigmoid, ranges::Ranges},
    chunks,
    dense_sample::{self, weighted_mean},
    random::{shuffle, stream},
    rows::Rows,
    softmax::softmax,
};
use adam::Adam;
use network::{Batch, Network};

/// Rows predicted at once.
const CHUNK: usize = 128;

/// Hyperparameters of a multilayer perceptron.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Units of each hidden layer, at most 20 layers of 1 to 10000; none at all makes a linear model.
    pub hidden: Vec<usize>,
    /// The bend after each hidden layer.
    pub activation: Activation,
    /// Strength of the penalty on the squared weights, at least 0.
    pub l2: f64,
    /// Length of Adam's steps, above 0.
    pub learning_rate: f64,
    /// Rows of a mini-batch, at least 1.
    pub batch: usize,
    /// Most passes over the rows, at least 1.
    pub epochs: usize,
    /// Ends when the validation loss has not improved for so many epochs, and keeps the best; 0 never ends early.
    pub early_stopping: usize,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            hidden: vec![100],
            activation: Activation::Relu,
            l2: 1e-4,
            learning_rate: 1e-3,
            batch: 200,
            epochs: 200,
            early_stopping: 20,
        }
    }
}

/// The bend after a hidden layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// What is below 0 becomes 0.
    #[default]
    Relu,
    /// The hyperbolic tangent.
    Tanh,
}

impl Activation {
    fn apply(self, value: f64) -> f64 {
        match self {
            // A NaN stays one.
            Self::Relu if value < 0.0 => 0.0,
            Self::Relu => value,
            Self::Tanh => 2.0 * sigmoid(2.0 * value) - 1.0,
        }
    }

    /// The slope, told from what came out.
    fn slope(self, out: f64) -> f64 {
        match self {
            Self::Relu => f64::from(u8::from(out > 0.0)),
            Self::Tanh => 1.0 - out * out,
        }
    }
}

/// Multilayer perceptron.
#[derive(Clone, Copy, Debug)]
pub struct Mlp;

/// A fitted multilayer perceptron.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MlpModel {
    /// Number of classes, 0 for a regression.
    pub classes: usize,
    /// The classes among the training rows, ascending; the others have probability 0.
    pub present: Vec<usize>,
    /// Mean and standard deviation of a number to predict.
    pub target: [f64; 2],
    /// The bend after every layer but the last.
    pub activation: Activation,
    /// The layers, in order.
    pub layers: Vec<Layer>,
    /// Epochs that made the layers.
    pub epochs: usize,
    /// Mean loss on the training rows, an epoch each.
    pub training_loss: Vec<f64>,
    /// Mean loss on the validation rows, an epoch each.
    pub validation_loss: Vec<f64>,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// `weights.row(input)[output]`
    pub weights: Rows,
    /// One an output.
    pub biases: Vec<f64>,
}

impl Estimator for Mlp {
    const NAME: &'static str = "mlp";
    type Params = Params;
    type Model = MlpModel;

    fn check(params: &Params) -> Vec<LearnError> {
        let mut ranges = Ranges::default();
        ranges.whole("hidden", params.hidden.len(), 0, 20);
        if let Some(&units) = params.hidden.iter().find(|units| !(1..=10_000).contains(*units)) {
            ranges.whole("hidden", units, 1, 10_000);
        }
        ranges.at_least_zero("l2", params.l2);
        ranges.above_zero("learning_rate", params.learning_rate);
        ranges.whole("batch", params.batch, 1, usize::MAX);
        ranges.whole("epochs", params.epochs, 1, 1_000_000);
        ranges.problems
    }

    fn fit(
        params: &Params,
        train: &Sample<'_>,
        validation: Option<&Sample<'_>>,
        context: &FitContext<'_>,
    ) -> Result<MlpModel, LearnError> {
        let mut weights = dense_sample::guarded::<Self>(params, train)?;
        let present = match train.classes {
            0 => Vec::new(),
            _ => dense_sample::present_classes(train, &weights)?,
        };
        let total: f64 = weights.iter().sum();
        // In units of their mean, so that the length of a step does not depend on their scale.
        weights.iter_mut().for_each(|weight| *weight *= train.y.len() as f64 / total);
        let target = if train.classes == 0 { moments(train.y, &weights) } else { [0.0, 1.0] };
        let rows = Batch::of(train, &present, target, weights);
        let watched = match validation.filter(|_| params.early_stopping > 0) {
            None => None,
            Some(validation) if validation.y.is_empty() => None,
            Some(validation) => {
                let weights = dense_sample::checked_weights(validation, Self::NAME)?;
                Some(Batch::of(validation, &present, target, weights))
            }
        };
        let network = Network::random(params, train.x.features.len(), present.len(), context.seed);
        let trained = train_network(params, network, &rows, watched.as_ref(), context, true)?;
        Ok(MlpModel {
            classes: train.classes,
            present,
            target,
            activation: params.activation,
            layers: trained.network.layers(),
            epochs: trained.epochs,
            training_loss: trained.training_loss,
            validation_loss: trained.validation_loss,
        })
    }
}

fn moments(y: &[f64], weights: &[f64]) -> [f64; 2] {
    let total: f64 = weights.iter().sum();
    let mean = weighted_mean(y, weights, total);
    let squares: Vec<f64> = y.iter().map(|y| (y - mean) * (y - mean)).collect();
    let deviation = weighted_mean(&squares, weights, total).sqrt();
    [mean, if deviation > 0.0 && deviation.is_finite() { deviation } else { 1.0 }]
}

struct Trained {
    network: Network,
    epochs: usize,
    training_loss: Vec<f64>,
    validation_loss: Vec<f64>,
}

/// Epochs of mini-batches from `network` on; `mixed` rows come in another order each epoch.
fn train_network(
    params: &Params,
    mut network: Network,
    rows: &Batch,
    watched: Option<&Batch>,
    context: &FitContext<'_>,
    mixed: bool,
) -> Result<Trained, LearnError> {
    let mut adam = Adam::new(params.learning_rate, &network);
    let mut random = stream(context.seed, 1);
    let mut order: Vec<usize> = (0..rows.count()).collect();
    let (mut training_loss, mut validation_loss) = (Vec::new(), Vec::new());
    let mut best: Option<(usize, f64, Network)> = None;
    for epoch in 1..=params.epochs {
        if mixed {
            shuffle(&mut order, &mut random);
        }
        let mut loss = 0.0;
        for own in order.chunks(params.batch.min(rows.count())) {
            let (sum, gradient) = network.gradient(&rows.take(own), params);
            loss += sum;
            adam.step(&mut network, &gradient);
        }
        let loss = loss / rows.count() as f64;
        if !loss.is_finite() {
            return Err(LearnError {
                code: "diverged",
                message: format!("the loss is no longer a number in epoch {epoch}"),
                help: Some("lower `learning_rate`, or scale the features".to_owned()),
                field: Some("learning_rate"),
            });
        }
        training_loss.push(loss);
        let seen = watched.map(|watched| network.loss(watched, params));
        if let Some(seen) = seen {
            validation_loss.push(seen);
            if best.as_ref().is_none_or(|(_, least, _)| seen < *least) {
                best = Some((epoch, seen, network.clone()));
            }
        }
        let stale = best.as_ref().is_some_and(|(at, ..)| epoch - at >= params.early_stopping);
        if (context.on_iteration)(epoch, params.epochs, seen).is_break() || stale {
            break;
        }
    }
    let epochs = training_loss.len();
    let (epochs, network) = best.map_or((epochs, network), |(epoch, _, network)| (epoch, network));
    Ok(Trained { network, epochs, training_loss, validation_loss })
}

impl MlpModel {
    /// The same with only about a `share` of the weights, the largest of each layer, and how many are left of how many;
    /// the others are 0.
    #[must_use]
    pub(crate) fn pruned(&self, share: f64) -> (Self, usize, usize) {
        let mut model = self.clone();
        let (mut left, mut all) = (0, 0);
        for layer in &mut model.layers {
            let weights = &mut layer.weights.values;
            let mut order: Vec<usize> = (0..weights.len()).collect();
            order.sort_by(|&a, &b| weights[b].abs().total_cmp(&weights[a].abs()).then(a.cmp(&b)));
            let kept = (weights.len() as f64 * share).ceil() as usize;
            order[kept.min(order.len())..].iter().for_each(|&place| weights[place] = 0.0);
            left += weights.iter().filter(|weight| **weight != 0.0).count();
            all += weights.len();
        }
        (model, left, all)
    }

    /// The outputs for one row, in `out`; every row by itself and always in the same order of additions.
    fn forward(&self, row: &[f64], held: &mut Vec<f64>, out: &mut Vec<f64>) {
        out.clear();
        out.extend_from_slice(row);
        for (place, layer) in self.layers.iter().enumerate() {
            std::mem::swap(held, out);
            out.clear();
            out.extend_from_slice(&layer.biases);
            for (input, value) in held.iter().enumerate() {
                if *value != 0.0 {
                    out.iter_mut().zip(layer.weights.row(input)).for_each(|(sum, weight)| *sum += value * weight);
                }
            }
            if place + 1 < self.layers.len() {
                out.iter_mut().for_each(|value| *value = self.activation.apply(*value));
            }
        }
    }
}

impl Fitted for MlpModel {
    /// A row with a missing number gets NaN.
    fn predict_columns(&self, x: Columns<'_>) -> Prediction {
        let rows = Rows::of_columns(x);
        let parts = chunks::map(x.rows, CHUNK, |range| {
            let (mut held, mut out) = (Vec::new(), Vec::new());
            let mut values = Vec::with_capacity(range.len() * self.classes.max(1));
            for row in range {
                self.forward(rows.row(row), &mut held, &mut out);
                if self.classes == 0 {
                    values.push(self.target[0] + self.target[1] * out[0]);
                    continue;
                }
                if let [score] = out[..] {
                    let second = sigmoid(score);
                    out = vec![1.0 - second, second];
                } else {
                    softmax(&mut out);
                }
                let start = values.len();
                values.resize(start + self.classes, 0.0);
                self.present.iter().zip(&out).for_each(|(&class, share)| values[start + class] = *share);
            }
            values
        });
        let values = parts.concat();
        match self.classes {
            0 => Prediction::Values(values),
            classes => Prediction::Probabilities { classes, values },
        }
    }
}
