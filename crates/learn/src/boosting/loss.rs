//! Losses: what boosting makes small, with its gradient and hessian in each row's score.
//!
//! Scores are in single precision (see [`super::start`]); sums run in fixed blocks of rows, so that they do not
//! depend on who computes them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exponential::{exp_single, ln_1p_single};
use super::histogram::Spread;
use super::regression_losses::{absolute, huber, poisson, quantile, squared, tweedie};

/// Rows whose losses are summed in single precision before they join the total.
pub(crate) const CHUNK: usize = 4096;
pub(crate) const LANES: usize = 8;
/// Hessians of saturated rows are held above this.
pub(crate) const LEAST_HESSIAN: f32 = 1e-16;

/// The loss of a fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Half the squared error, for a regression's mean; reported as root mean squared error.
    Squared,
    /// The absolute error, for a regression's median: outliers weigh no more than others.
    Absolute,
    /// Half the squared error up to `huber_delta`, beyond it linear: a mean that outliers hardly move.
    Huber,
    /// The pinball loss, for the quantile `quantile` of a regression.
    Quantile,
    /// Poisson deviance under a log link, for counts and rates of at least 0.
    Poisson,
    /// Tweedie deviance under a log link, for amounts of at least 0 of which many are 0.
    Tweedie,
    /// Negative log-likelihood of a binary classification.
    LogLoss,
    /// Negative log-likelihood of a classification with three or more classes.
    Softmax,
    /// LambdaMART: puts the rows of each query in the order of their relevance; reported as 1 - NDCG.
    Rank,
}

impl Loss {
    /// Whether the trees add up to a logarithm of what is predicted.
    pub(crate) const fn has_log_link(self) -> bool {
        matches!(self, Self::Poisson | Self::Tweedie)
    }
}

/// A loss with its parameter, in units of the score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Curve {
    /// The loss.
    pub(crate) loss: Loss,
    /// The quantile's level, Huber's delta, Tweedie's power, Poisson's `poisson_max_step`; else unused.
    pub(crate) shape: f32,
}

/// Rows in the loss's own terms; all slices are of equal length, one slice an output where there are several.
pub(crate) struct Rows<'a> {
    /// Targets.
    pub(crate) labels: &'a [f32],
    /// Weights.
    pub(crate) weights: &'a [f32],
    /// Scores, output by output.
    pub(crate) scores: Vec<&'a [f32]>,
}

/// Sum of the losses of at most [`CHUNK`] rows.
pub(crate) fn sum(curve: Curve, rows: &Rows<'_>) -> f64 {
    let mut total = [0_f32; LANES];
    each_block::<false>(curve, rows, |_, block| {
        for (total, loss) in total.iter_mut().zip(block.loss) {
            *total += loss;
        }
    });
    total.iter().map(|&lane| f64::from(lane)).sum()
}

/// Writes gradients and hessians of at most [`CHUNK`] rows, output by output; the sum of their losses and, for each
/// output, how gradients and hessians spread.
pub(crate) fn gradients(
    curve: Curve,
    rows: &Rows<'_>,
    gradients: &mut [&mut [f32]],
    hessians: &mut [&mut [f32]],
) -> (f64, Vec<Spread>) {
    let outputs = rows.scores.len();
    let mut total = [0_f32; LANES];
    let mut sums = vec![[[0_f32; LANES]; 4]; outputs];
    let length = rows.labels.len();
    each_block::<true>(curve, rows, |k, block| {
        if k.output == 0 {
            for (total, loss) in total.iter_mut().zip(block.loss) {
                *total += loss;
            }
        }
        let [g_sum, g_most, h_sum, h_most] = &mut sums[k.output];
        for lane in 0..LANES {
            let (g, h) = (block.gradient[lane].abs(), block.hessian[lane]);
            g_sum[lane] += g;
            h_sum[lane] += h;
            g_most[lane] = if g > g_most[lane] { g } else { g_most[lane] };
            h_most[lane] = if h > h_most[lane] { h } else { h_most[lane] };
        }
        store(&mut gradients[k.output][k.row..], &block.gradient);
        store(&mut hessians[k.output][k.row..], &block.hessian);
    });
    let add = |lanes: &[f32; LANES]| lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>();
    let most = |lanes: &[f32; LANES]| lanes.iter().fold(0.0_f64, |most, &lane| most.max(f64::from(lane)));
    let spreads = sums
        .iter()
        .map(|[g_sum, g_most, h_sum, h_most]| Spread {
            gradient: (most(g_most), add(g_sum)),
            hessian: (most(h_most), add(h_sum)),
            rows: length,
        })
        .collect();
    (add(&total), spreads)
}

/// Which rows of which output a block holds.
#[derive(Clone, Copy)]
struct Place {
    output: usize,
    row: usize,
}

/// Gradient and hessian of eight rows in one output, and their loss over all outputs, each times the row's weight.
pub(crate) struct Block {
    pub(crate) gradient: [f32; LANES],
    pub(crate) hessian: [f32; LANES],
    pub(crate) loss: [f32; LANES],
}

/// Takes the rows eight by eight, `ALL` outputs or only the first, which is enough for the loss.
#[inline(always)]
fn each_block<const ALL: bool>(curve: Curve, rows: &Rows<'_>, mut take: impl FnMut(Place, &Block)) {
    let shape = curve.shape;
    // one loop a loss, so that each is compiled for its own
    match curve.loss {
        Loss::Squared => each_single(rows, take, squared),
        Loss::Absolute => each_single(rows, take, absolute),
        Loss::Huber => each_single(rows, take, |y, w, s| huber(shape, y, w, s)),
        Loss::Quantile => each_single(rows, take, |y, w, s| quantile(shape, y, w, s)),
        Loss::Poisson => each_single(rows, take, |y, w, s| poisson(shape, y, w, s)),
        Loss::Tweedie => each_single(rows, take, |y, w, s| tweedie(shape, y, w, s)),
        Loss::LogLoss => each_single(rows, take, log_loss),
        Loss::Softmax => {
            for row in (0..rows.labels.len()).step_by(LANES) {
                let (labels, weights) = (lanes(rows.labels, row), lanes(rows.weights, row));
                softmax::<ALL>(&labels, &weights, &rows.scores, row, &mut take);
            }
        }
        // a ranking's gradients are those of whole queries
        Loss::Rank => {}
    }
}

#[inline(always)]
fn each_single(
    rows: &Rows<'_>,
    mut take: impl FnMut(Place, &Block),
    block: impl Fn(&[f32; LANES], &[f32; LANES], &[f32; LANES]) -> Block,
) {
    for row in (0..rows.labels.len()).step_by(LANES) {
        let (labels, weights) = (lanes(rows.labels, row), lanes(rows.weights, row));
        take(Place { output: 0, row }, &block(&labels, &weights, &lanes(rows.scores[0], row)));
    }
}

/// Eight values from `row` on; beyond the end they are 0, and so is the weight.
#[inline(always)]
fn lanes(values: &[f32], row: usize) -> [f32; LANES] {
    let values = &values[row..];
    if let Some(full) = values.first_chunk::<LANES>() {
        return *full;
    }
    let mut part = [0.0; LANES];
    for (lane, value) in part.iter_mut().zip(values) {
        *lane = *value;
    }
    part
}

/// Writes as many of the eight values as there is room for.
#[inline(always)]
fn store(room: &mut [f32], values: &[f32; LANES]) {
    if let Some(full) = room.first_chunk_mut::<LANES>() {
        *full = *values;
    } else {
        for (room, value) in room.iter_mut().zip(values) {
            *room = *value;
        }
    }
}

/// As `std::array::from_fn`, which is not always inlined.
#[inline(always)]
pub(crate) fn each_lane(of: impl Fn(usize) -> f32) -> [f32; LANES] {
    let mut lanes = [0.0; LANES];
    for (i, lane) in lanes.iter_mut().enumerate() {
        *lane = of(i);
    }
    lanes
}

#[inline(always)]
fn log_loss(labels: &[f32; LANES], weights: &[f32; LANES], scores: &[f32; LANES]) -> Block {
    // e = exp(-|score|) serves the probability of either sign and the loss
    let e: [f32; LANES] = each_lane(|i| exp_single(-scores[i].abs()));
    let p: [f32; LANES] = each_lane(|i| (if scores[i] >= 0.0 { 1.0 } else { e[i] }) / (1.0 + e[i]));
    let hessian = each_lane(|i| {
        let h = p[i] * (1.0 - p[i]);
        weights[i] * if h > LEAST_HESSIAN { h } else { LEAST_HESSIAN }
    });
    let loss = each_lane(|i| {
        let against = if labels[i] > 0.5 { -scores[i] } else { scores[i] };
        weights[i] * ((if against > 0.0 { against } else { 0.0 }) + ln_1p_single(e[i]))
    });
    Block { gradient: each_lane(|i| weights[i] * (p[i] - labels[i])), hessian, loss }
}

/// Hessians are the diagonal times `K / (K - 1)`, as in LightGBM, since the classes' scores move together.
fn softmax<const ALL: bool>(
    labels: &[f32; LANES],
    weights: &[f32; LANES],
    scores: &[&[f32]],
    row: usize,
    take: &mut impl FnMut(Place, &Block),
) {
    let outputs = scores.len();
    let mut most = [f32::NEG_INFINITY; LANES];
    for scores in scores {
        let scores = lanes(scores, row);
        for (most, score) in most.iter_mut().zip(scores) {
            *most = if score > *most { score } else { *most };
        }
    }
    let (mut sum, mut own) = ([0_f32; LANES], [0_f32; LANES]);
    for (k, scores) in scores.iter().enumerate() {
        let scores = lanes(scores, row);
        for i in 0..LANES {
            let relative = scores[i] - most[i];
            sum[i] += exp_single(relative);
            own[i] = if labels[i] == k as f32 { relative } else { own[i] };
        }
    }
    // ln(sum) for sums from 1 to K: in double precision, once a row
    let loss = each_lane(|i| weights[i] * (super::exponential::ln(f64::from(sum[i])) as f32 - own[i]));
    let factor = outputs as f32 / (outputs as f32 - 1.0);
    for (k, scores) in scores.iter().enumerate().take(if ALL { outputs } else { 1 }) {
        let scores = lanes(scores, row);
        let p: [f32; LANES] = each_lane(|i| exp_single(scores[i] - most[i]) / sum[i]);
        let block = Block {
            gradient: each_lane(|i| weights[i] * (p[i] - if labels[i] == k as f32 { 1.0 } else { 0.0 })),
            hessian: each_lane(|i| {
                let h = factor * p[i] * (1.0 - p[i]);
                weights[i] * if h > LEAST_HESSIAN { h } else { LEAST_HESSIAN }
            }),
            loss,
        };
        take(Place { output: k, row }, &block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gradients against central differences of the loss, in every lane and in a part block.
    fn agrees(curve: Curve, labels: &[f32], scores: &[Vec<f32>], hessian_factor: f64) {
        let weights: Vec<f32> = (0..labels.len()).map(|i| 0.5 + i as f32 * 0.25).collect();
        let borrowed = || scores.iter().map(Vec::as_slice).collect::<Vec<_>>();
        let rows = Rows { labels, weights: &weights, scores: borrowed() };
        let mut g = vec![vec![0_f32; labels.len()]; scores.len()];
        let mut h = g.clone();
        let (total, spreads) = gradients(
            curve,
            &rows,
            &mut g.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>(),
            &mut h.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>(),
        );
        assert_eq!(total, sum(curve, &rows));
        for k in 0..scores.len() {
            let most = g[k].iter().fold(0.0_f32, |most, g| most.max(g.abs()));
            assert_eq!(spreads[k].gradient.0, f64::from(most));
            for i in 0..labels.len() {
                let at = |delta: f32| {
                    let mut moved = scores.to_vec();
                    moved[k][i] += delta;
                    let rows = Rows {
                        labels: &labels[i..=i],
                        weights: &weights[i..=i],
                        scores: moved.iter().map(|scores| &scores[i..=i]).collect(),
                    };
                    sum(curve, &rows)
                };
                let slope = (at(0.01) - at(-0.01)) / 0.02;
                assert!((slope - f64::from(g[k][i])).abs() < 4e-3, "{curve:?} {k} {i}: {slope} {}", g[k][i]);
                let bend = (at(0.1) - 2.0 * at(0.0) + at(-0.1)) / 0.01 * hessian_factor;
                if hessian_factor.is_nan() {
                    assert_eq!(h[k][i], weights[i]);
                } else {
                    assert!((bend - f64::from(h[k][i])).abs() < 4e-2, "{curve:?} {k} {i}: {bend} {}", h[k][i]);
                }
            }
        }
    }

    #[test]
    fn gradients_are_the_slopes_of_the_loss() {
        let scores: Vec<f32> = (0..11).map(|i| i as f32 * 0.7 - 3.0).collect();
        let targets: Vec<f32> = (0..11).map(|i| (i * 5 % 7) as f32 * 0.5).collect();
        let with = |loss, shape| Curve { loss, shape };
        agrees(with(Loss::Squared, 0.0), &targets, std::slice::from_ref(&scores), 1.0);
        // the hessians of these are set, not curvatures
        for (loss, shape) in [(Loss::Absolute, 0.0), (Loss::Huber, 1.3), (Loss::Quantile, 0.2)] {
            agrees(with(loss, shape), &targets, std::slice::from_ref(&scores), f64::NAN);
        }
        let small: Vec<f32> = scores.iter().map(|score| score * 0.3).collect();
        agrees(with(Loss::Poisson, 0.0), &targets, std::slice::from_ref(&small), 1.0);
        agrees(with(Loss::Poisson, 0.7), &targets, std::slice::from_ref(&small), 0.7_f64.exp());
        agrees(with(Loss::Tweedie, 1.3), &targets, std::slice::from_ref(&small), 1.0);
        let binary: Vec<f32> = (0..11).map(|i| (i % 2) as f32).collect();
        agrees(with(Loss::LogLoss, 0.0), &binary, std::slice::from_ref(&scores), 1.0);
        let classes: Vec<f32> = (0..11).map(|i| (i % 3) as f32).collect();
        let outputs = [scores.clone(), scores.iter().map(|s| -s).collect(), vec![0.5; 11]];
        agrees(with(Loss::Softmax, 0.0), &classes, &outputs, 1.5);
    }

    #[test]
    fn saturated_scores_stay_finite() {
        for score in [-1e4_f32, 1e4] {
            let scores = [score];
            let rows = Rows { labels: &[1.0], weights: &[1.0], scores: vec![&scores] };
            let (mut g, mut h) = ([0_f32], [0_f32]);
            let (total, _) = gradients(Curve { loss: Loss::LogLoss, shape: 0.0 }, &rows, &mut [&mut g], &mut [&mut h]);
            assert!(total.is_finite() && g[0].is_finite() && h[0] > 0.0);
        }
    }
}
