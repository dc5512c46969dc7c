//! Adam (Kingma and Ba 2015): steps by the running mean of the gradient over that of its square.

use faer::Mat;

use super::network::Network;

const MEAN: f64 = 0.9;
const SQUARE: f64 = 0.999;
const LEAST: f64 = 1e-8;

/// The running means.
pub(super) struct Adam {
    rate: f64,
    steps: i32,
    means: Network,
    squares: Network,
}

impl Adam {
    pub(super) fn new(rate: f64, network: &Network) -> Self {
        let zeros = |all: &Vec<Mat<f64>>| all.iter().map(|own| Mat::zeros(own.nrows(), own.ncols())).collect();
        let empty = || Network { weights: zeros(&network.weights), biases: zeros(&network.biases) };
        Self { rate, steps: 0, means: empty(), squares: empty() }
    }

    /// One step against the gradient.
    pub(super) fn step(&mut self, network: &mut Network, gradient: &Network) {
        self.steps = self.steps.saturating_add(1);
        let rate = self.rate * (1.0 - SQUARE.powi(self.steps)).sqrt() / (1.0 - MEAN.powi(self.steps));
        let (means, squares) = (&mut self.means, &mut self.squares);
        turn(&mut network.weights, &mut means.weights, &mut squares.weights, &gradient.weights, rate);
        turn(&mut network.biases, &mut means.biases, &mut squares.biases, &gradient.biases, rate);
    }
}

fn turn(values: &mut [Mat<f64>], means: &mut [Mat<f64>], squares: &mut [Mat<f64>], gradients: &[Mat<f64>], rate: f64) {
    for (((values, means), squares), gradients) in values.iter_mut().zip(means).zip(squares).zip(gradients) {
        for column in 0..values.ncols() {
            let running = means.col_as_slice_mut(column).iter_mut().zip(squares.col_as_slice_mut(column));
            let own = values.col_as_slice_mut(column).iter_mut().zip(gradients.col_as_slice(column));
            for ((value, gradient), (mean, square)) in own.zip(running) {
                *mean = MEAN * *mean + (1.0 - MEAN) * gradient;
                *square = SQUARE * *square + (1.0 - SQUARE) * gradient * gradient;
                *value -= rate * *mean / (square.sqrt() + LEAST);
            }
        }
    }
}
