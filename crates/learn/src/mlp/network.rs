//! The layers while they learn: forward, loss and gradient of a batch of rows.

use faer::{Accum, Mat, Par, linalg::matmul::matmul};

use super::{Layer, Params};
use crate::{
    Sample,
    boosting::exponential::{exp, ln},
    dense_sample,
    random::{stream, unit},
    rows::Rows,
    softmax::softmax,
};

/// Rows whose loss is taken at once.
const ROWS: usize = 4096;

/// Weights (inputs × outputs) and biases (1 × outputs) of every layer; a gradient has the same form.
#[derive(Clone, Debug)]
pub(super) struct Network {
    pub(super) weights: Vec<Mat<f64>>,
    pub(super) biases: Vec<Mat<f64>>,
}

/// Rows with their targets.
pub(super) struct Batch {
    x: Mat<f64>,
    /// The standardised number, or the place of the class.
    y: Vec<f64>,
    weights: Vec<f64>,
    /// 0 for numbers.
    classes: usize,
}

impl Batch {
    pub(super) fn of(sample: &Sample<'_>, present: &[usize], target: [f64; 2], weights: Vec<f64>) -> Self {
        let features = &sample.x.features;
        let x = Mat::from_fn(sample.x.rows, features.len(), |row, column| features[column].values[row]);
        let y = match sample.classes {
            0 => sample.y.iter().map(|y| (y - target[0]) / target[1]).collect(),
            _ => dense_sample::places(sample.y, present).into_iter().map(f64::from).collect(),
        };
        Self { x, y, weights, classes: present.len() }
    }

    pub(super) fn count(&self) -> usize {
        self.y.len()
    }

    pub(super) fn take(&self, rows: &[usize]) -> Self {
        Self {
            x: Mat::from_fn(rows.len(), self.x.ncols(), |row, column| self.x[(rows[row], column)]),
            y: rows.iter().map(|&row| self.y[row]).collect(),
            weights: rows.iter().map(|&row| self.weights[row]).collect(),
            classes: self.classes,
        }
    }
}

impl Network {
    /// Weights and biases between plus and minus `sqrt(6 / (inputs + outputs))` (Glorot and Bengio 2010). One output for
    /// a number or two classes, else one a class.
    pub(super) fn random(params: &Params, features: usize, classes: usize, seed: u64) -> Self {
        let mut random = stream(seed, 0);
        let outputs = if classes > 2 { classes } else { 1 };
        let sizes: Vec<usize> = [features].into_iter().chain(params.hidden.iter().copied()).chain([outputs]).collect();
        let mut network = Self { weights: Vec::new(), biases: Vec::new() };
        for pair in sizes.windows(2) {
            let bound = (6.0 / (pair[0] + pair[1]) as f64).sqrt();
            let mut draw = |rows| Mat::from_fn(rows, pair[1], |_, _| bound * (2.0 * unit(&mut random) - 1.0));
            network.weights.push(draw(pair[0]));
            network.biases.push(draw(1));
        }
        network
    }

    /// The layers in the form of a model.
    pub(super) fn layers(&self) -> Vec<Layer> {
        let layer = |(weights, biases): (&Mat<f64>, &Mat<f64>)| Layer {
            weights: Rows {
                width: weights.ncols(),
                values: (0..weights.nrows())
                    .flat_map(|row| (0..weights.ncols()).map(move |column| weights[(row, column)]))
                    .collect(),
            },
            biases: (0..biases.ncols()).map(|column| biases[(0, column)]).collect(),
        };
        self.weights.iter().zip(&self.biases).map(layer).collect()
    }

    /// What each layer puts out; the last without a bend.
    fn forward(&self, x: &Mat<f64>, params: &Params) -> Vec<Mat<f64>> {
        let mut outputs: Vec<Mat<f64>> = Vec::with_capacity(self.weights.len());
        for (place, (weights, biases)) in self.weights.iter().zip(&self.biases).enumerate() {
            let input = outputs.last().unwrap_or(x);
            let mut out = Mat::from_fn(input.nrows(), weights.ncols(), |_, column| biases[(0, column)]);
            matmul(out.as_mut(), Accum::Add, input, weights, 1.0, Par::Seq);
            if place + 1 < self.weights.len() {
                each(&mut out, |value| params.activation.apply(value));
            }
            outputs.push(out);
        }
        outputs
    }

    /// The mean loss of a row, without the penalty.
    pub(super) fn loss(&self, batch: &Batch, params: &Params) -> f64 {
        let mut sum = 0.0;
        let rows: Vec<usize> = (0..batch.count()).collect();
        for own in rows.chunks(ROWS) {
            let own = batch.take(own);
            if let Some(mut out) = self.forward(&own.x, params).pop() {
                sum += errors(&own, &mut out);
            }
        }
        sum / batch.weights.iter().sum::<f64>()
    }

    /// The sum of the rows' losses (the penalty among them), and the gradient of their mean.
    pub(super) fn gradient(&self, batch: &Batch, params: &Params) -> (f64, Self) {
        let rows = batch.count() as f64;
        let mut outputs = self.forward(&batch.x, params);
        let mut gradient = Self { weights: Vec::new(), biases: Vec::new() };
        let Some(mut errors_of) = outputs.pop() else { return (0.0, gradient) };
        let mut loss = errors(batch, &mut errors_of);
        for place in (0..self.weights.len()).rev() {
            let weights = &self.weights[place];
            let input = if place == 0 { &batch.x } else { &outputs[place - 1] };
            loss += 0.5 * params.l2 * weights.squared_norm_l2();
            let mut own = weights * faer::Scale(params.l2 / rows);
            matmul(own.as_mut(), Accum::Add, input.transpose(), &errors_of, 1.0 / rows, Par::Seq);
            gradient.weights.push(own);
            gradient.biases.push(Mat::from_fn(1, weights.ncols(), |_, column| {
                errors_of.col_as_slice(column).iter().sum::<f64>() / rows
            }));
            if place > 0 {
                let mut before = Mat::zeros(input.nrows(), input.ncols());
                matmul(before.as_mut(), Accum::Replace, &errors_of, weights.transpose(), 1.0, Par::Seq);
                for column in 0..before.ncols() {
                    let slopes = input.col_as_slice(column).iter().map(|&out| params.activation.slope(out));
                    before.col_as_slice_mut(column).iter_mut().zip(slopes).for_each(|(error, slope)| *error *= slope);
                }
                errors_of = before;
            }
        }
        gradient.weights.reverse();
        gradient.biases.reverse();
        (loss, gradient)
    }
}

fn each(matrix: &mut Mat<f64>, apply: impl Fn(f64) -> f64) {
    for column in 0..matrix.ncols() {
        matrix.col_as_slice_mut(column).iter_mut().for_each(|value| *value = apply(*value));
    }
}

/// Turns outputs into the slope of each row's loss by them, and hands back the weighted sum of the losses: half the
/// squared error of a number, minus the logarithm of the probability of a class.
fn errors(batch: &Batch, out: &mut Mat<f64>) -> f64 {
    let mut loss = 0.0;
    let mut shares = vec![0.0; out.ncols()];
    for (row, (&y, &weight)) in batch.y.iter().zip(&batch.weights).enumerate() {
        if batch.classes > 2 {
            (0..shares.len()).for_each(|column| shares[column] = out[(row, column)]);
            let own = shares[y as usize];
            loss += weight * (softmax(&mut shares) - own);
            for (column, share) in shares.iter().enumerate() {
                out[(row, column)] = weight * (share - f64::from(u8::from(column == y as usize)));
            }
            continue;
        }
        let score = out[(row, 0)];
        if batch.classes == 0 {
            loss += weight * 0.5 * (score - y) * (score - y);
            out[(row, 0)] = weight * (score - y);
        } else {
            let e = exp(-score.abs());
            loss += weight * (score.max(0.0) - y * score + ln(1.0 + e));
            let share = if score >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) };
            out[(row, 0)] = weight * (share - y);
        }
    }
    loss
}
