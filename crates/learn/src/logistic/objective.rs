//! The penalised log-loss, its gradient and its Hessian.
//!
//! Works on features shifted to mean 0 and divided by about their standard deviation, for conditioning alone: the penalty
//! is that of the raw coefficients, so the minimum is the same. The point holds, score by score, one coefficient a feature
//! and then the intercept. Everything is divided by the total weight.

use std::ops::Range;

use faer::{
    Accum, Mat, Par,
    linalg::matmul::triangular::{BlockStructure, matmul},
};

use super::{Params, Score};
use crate::{Matrix, boosting::exponential::exp, chunks, dense_sample::weighted_mean, softmax::softmax};

/// Rows worked on at once.
const BLOCK: usize = 512;
/// Most partial sums of a Hessian kept at once; fixed, so that the result does not depend on the number of threads.
const PARTS: usize = 16;

/// The function to minimise.
pub(super) struct Objective<'a> {
    x: &'a Matrix,
    places: &'a [u32],
    weights: &'a [f64],
    total: f64,
    /// Number of scores: 1 for two classes.
    outputs: usize,
    intercept: bool,
    means: Vec<f64>,
    divisors: Vec<f64>,
    /// Penalty on half the squared coefficient of each feature, in units of the total weight.
    penalties: Vec<f64>,
    /// Penalty on the absolute coefficient of each feature, in the same units; not part of [`Objective::at`].
    lasso: Vec<f64>,
}

/// Value, gradient and, where asked for, the lower triangle of the Hessian.
pub(super) struct Evaluation {
    pub(super) value: f64,
    pub(super) gradient: Vec<f64>,
    pub(super) hessian: Option<Mat<f64>>,
}

impl<'a> Objective<'a> {
    /// `places` are class places below `classes`; `weights` have a positive sum.
    pub(super) fn new(x: &'a Matrix, places: &'a [u32], classes: usize, weights: &'a [f64], params: &Params) -> Self {
        let total: f64 = weights.iter().sum();
        let share = 1.0 / classes as f64;
        // Divided by this together with the spread, a feature's loss and penalty have about the same curvature at the
        // origin, however seldom the feature differs from 0.
        let penalty_spread = 1.0 / (params.c * total * share * (1.0 - share));
        let moments = chunks::map(x.features.len(), 1, |range| {
            let values = &x.features[range.start].values;
            // Without an intercept to take up the shift, the features stay where they are.
            let mean = if params.intercept { weighted_mean(values, weights, total) } else { 0.0 };
            let squares =
                values.iter().zip(weights).map(|(value, weight)| weight * (value - mean).powi(2)).sum::<f64>();
            let deviation = (squares / total).sqrt();
            let divisor = (squares / total + penalty_spread).sqrt();
            // A column that is constant but for rounding must not be blown up to noise.
            let varies = divisor.is_finite() && deviation > 1e-12 * mean.abs() && divisor > f64::MIN_POSITIVE;
            (mean, if varies { divisor } else { 1.0 })
        });
        let (means, divisors): (Vec<f64>, Vec<f64>) = moments.into_iter().unzip();
        let strength = 1.0 / (params.c * total);
        let ridge = (1.0 - params.l1_ratio) * strength;
        let penalties = divisors.iter().map(|divisor| ridge / (divisor * divisor)).collect();
        let lasso = divisors.iter().map(|divisor| params.l1_ratio * strength / divisor).collect();
        let outputs = if classes == 2 { 1 } else { classes };
        Self { x, places, weights, total, outputs, intercept: params.intercept, means, divisors, penalties, lasso }
    }

    /// Length of a point.
    pub(super) fn parameters(&self) -> usize {
        self.outputs * self.width()
    }

    /// The lasso penalty on each number of a point.
    pub(super) fn lasso(&self) -> Vec<f64> {
        let own = self.lasso.iter().copied().chain(self.intercept.then_some(0.0));
        (0..self.outputs).flat_map(|_| own.clone()).collect()
    }

    fn width(&self) -> usize {
        self.x.features.len() + usize::from(self.intercept)
    }

    /// The scores at a point, for raw features.
    pub(super) fn scores(&self, point: &[f64]) -> Vec<Score> {
        let features = self.x.features.len();
        point
            .chunks(self.width().max(1))
            .map(|own| {
                let coefficients: Vec<f64> =
                    own[..features].iter().zip(&self.divisors).map(|(slope, divisor)| slope / divisor).collect();
                let shift: f64 = coefficients.iter().zip(&self.means).map(|(slope, mean)| slope * mean).sum();
                let intercept = own.get(features).map_or(0.0, |intercept| intercept - shift);
                Score { coefficients, intercept }
            })
            .collect()
    }

    /// Value and gradient at a point, and the Hessian where asked for.
    pub(super) fn at(&self, point: &[f64], hessian: bool) -> Evaluation {
        let rows = self.places.len();
        let size = rows.div_ceil(PARTS).max(4 * BLOCK);
        let parts = chunks::map(rows, size, |range| self.part(point, range, hessian));
        let parameters = self.parameters();
        let mut sum = Evaluation {
            value: 0.0,
            gradient: vec![0.0; parameters],
            hessian: hessian.then(|| Mat::zeros(parameters, parameters)),
        };
        for part in parts {
            sum.value += part.value;
            sum.gradient.iter_mut().zip(&part.gradient).for_each(|(sum, part)| *sum += part);
            if let (Some(sum), Some(part)) = (&mut sum.hessian, &part.hessian) {
                *sum += part;
            }
        }
        sum.value /= self.total;
        sum.gradient.iter_mut().for_each(|sum| *sum /= self.total);
        if let Some(hessian) = &mut sum.hessian {
            *hessian *= faer::Scale(1.0 / self.total);
        }
        self.add_penalty(point, &mut sum);
        sum
    }

    fn add_penalty(&self, point: &[f64], sum: &mut Evaluation) {
        let width = self.width();
        for output in 0..self.outputs {
            for (feature, penalty) in self.penalties.iter().enumerate() {
                let place = output * width + feature;
                sum.value += 0.5 * penalty * point[place] * point[place];
                sum.gradient[place] += penalty * point[place];
                if let Some(hessian) = &mut sum.hessian {
                    hessian[(place, place)] += penalty;
                }
            }
        }
        if self.outputs > 1 && self.intercept {
            // Softmax does not change when every intercept moves alike. Half the squared sum of the intercepts pins
            // that direction at 0 and leaves every probability as it is.
            let places: Vec<usize> = (1..=self.outputs).map(|output| output * width - 1).collect();
            let lean: f64 = places.iter().map(|&place| point[place]).sum();
            sum.value += 0.5 * lean * lean;
            for &row in &places {
                sum.gradient[row] += lean;
                if let Some(hessian) = &mut sum.hessian {
                    places.iter().filter(|&&column| column <= row).for_each(|&column| hessian[(row, column)] += 1.0);
                }
            }
        }
    }

    fn part(&self, point: &[f64], range: Range<usize>, hessian: bool) -> Evaluation {
        let (width, parameters) = (self.width(), self.parameters());
        let mut part = Evaluation {
            value: 0.0,
            gradient: vec![0.0; parameters],
            hessian: hessian.then(|| Mat::zeros(parameters, parameters)),
        };
        let mut block = Mat::zeros(BLOCK, width);
        let mut weighted = Mat::zeros(if hessian { BLOCK } else { 0 }, width);
        let mut scores = vec![vec![0.0; BLOCK]; self.outputs];
        let mut slopes = vec![vec![0.0; BLOCK]; self.outputs];
        let mut start = range.start;
        while start < range.end {
            let rows = start..(start + BLOCK).min(range.end);
            self.fill(&mut block, rows.clone());
            for (scores, own) in scores.iter_mut().zip(point.chunks(width.max(1))) {
                scores.fill(0.0);
                for (column, slope) in own.iter().enumerate() {
                    scores
                        .iter_mut()
                        .zip(block.col_as_slice(column))
                        .for_each(|(score, value)| *score += slope * value);
                }
            }
            part.value += self.losses(rows.clone(), &mut scores, &mut slopes);
            for (own, slopes) in part.gradient.chunks_mut(width.max(1)).zip(&slopes) {
                for (column, gradient) in own.iter_mut().enumerate() {
                    *gradient += dot(slopes, block.col_as_slice(column));
                }
            }
            if let Some(hessian) = &mut part.hessian {
                self.add_hessian(hessian, rows.clone(), &scores, &block, &mut weighted);
            }
            start = rows.end;
        }
        part
    }

    /// Fills a block with shifted and divided features, then ones; rows beyond `rows` with zeros.
    fn fill(&self, block: &mut Mat<f64>, rows: Range<usize>) {
        let shifts = self.means.iter().zip(&self.divisors);
        for (column, (feature, (mean, divisor))) in self.x.features.iter().zip(shifts).enumerate() {
            let (filled, rest) = block.col_as_slice_mut(column).split_at_mut(rows.len());
            let values = filled.iter_mut().zip(&feature.values[rows.clone()]);
            values.for_each(|(into, value)| *into = (value - mean) / divisor);
            rest.fill(0.0);
        }
        if self.intercept {
            let (filled, rest) = block.col_as_slice_mut(self.x.features.len()).split_at_mut(rows.len());
            filled.fill(1.0);
            rest.fill(0.0);
        }
    }

    /// Sums the losses of the rows, turns scores into probabilities and sets the slopes of the loss by each score.
    fn losses(&self, rows: Range<usize>, scores: &mut [Vec<f64>], slopes: &mut [Vec<f64>]) -> f64 {
        slopes.iter_mut().for_each(|slopes| slopes.fill(0.0));
        let mut sum = 0.0;
        let mut shares = vec![0.0; self.outputs];
        for (at, row) in rows.enumerate() {
            let (weight, place) = (self.weights[row], self.places[row] as usize);
            if let [score] = scores {
                let target = place as f64;
                // ln(1 + e^z) - y z, without overflow
                let z = score[at];
                sum += weight * (z.max(0.0) - target * z + exp(-z.abs()).ln_1p());
                score[at] = logistic(z);
                slopes[0][at] = weight * (score[at] - target);
                continue;
            }
            shares.iter_mut().zip(scores.iter()).for_each(|(share, scores)| *share = scores[at]);
            let own = shares[place];
            sum += weight * (softmax(&mut shares) - own);
            for (output, share) in shares.iter().enumerate() {
                scores[output][at] = *share;
                slopes[output][at] = weight * (share - f64::from(u8::from(output == place)));
            }
        }
        sum
    }

    fn add_hessian(
        &self,
        hessian: &mut Mat<f64>,
        rows: Range<usize>,
        shares: &[Vec<f64>],
        block: &Mat<f64>,
        weighted: &mut Mat<f64>,
    ) {
        let width = self.width();
        let weights = &self.weights[rows];
        let mut curvature = vec![0.0; BLOCK];
        for row in 0..self.outputs {
            for column in 0..=row {
                for (at, weight) in weights.iter().enumerate() {
                    let own = if row == column { 1.0 } else { 0.0 };
                    curvature[at] = weight * shares[row][at] * (own - shares[column][at]);
                }
                for feature in 0..width {
                    let values = block.col_as_slice(feature).iter().zip(&curvature);
                    let into = weighted.col_as_slice_mut(feature).iter_mut();
                    into.zip(values).for_each(|(into, (value, curvature))| *into = value * curvature);
                }
                let shape = if row == column { BlockStructure::TriangularLower } else { BlockStructure::Rectangular };
                matmul(
                    hessian.get_mut(row * width..(row + 1) * width, column * width..(column + 1) * width),
                    shape,
                    Accum::Add,
                    block.transpose(),
                    BlockStructure::Rectangular,
                    &*weighted,
                    BlockStructure::Rectangular,
                    1.0,
                    Par::Seq,
                );
            }
        }
    }
}

/// `1 / (1 + e^-z)`, accurate at both ends.
pub(super) fn logistic(z: f64) -> f64 {
    if z >= 0.0 {
        1.0 / (1.0 + exp(-z))
    } else {
        let e = exp(z);
        e / (1.0 + e)
    }
}

/// The inner product, in eight interleaved sums so that additions need not wait for each other.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f64>() + rest
}
