//! Gradients, hessians and losses of regressions, eight rows at a time, each times the row's weight.
//!
//! The conventions are LightGBM's: losses with a kink have the row's weight for a hessian, and Poisson's hessian is
//! `exp(score + poisson_max_step)`, which keeps early steps short.

use super::exponential::exp_single;
use super::loss::{Block, LANES, LEAST_HESSIAN, each_lane};

type Eight = [f32; LANES];

#[inline(always)]
pub(crate) fn squared(labels: &Eight, weights: &Eight, scores: &Eight) -> Block {
    let error: Eight = each_lane(|i| scores[i] - labels[i]);
    Block {
        gradient: each_lane(|i| weights[i] * error[i]),
        hessian: *weights,
        loss: each_lane(|i| 0.5 * weights[i] * error[i] * error[i]),
    }
}

#[inline(always)]
fn sign(error: f32) -> f32 {
    if error > 0.0 {
        1.0
    } else if error < 0.0 {
        -1.0
    } else {
        0.0
    }
}

#[inline(always)]
pub(crate) fn absolute(labels: &Eight, weights: &Eight, scores: &Eight) -> Block {
    let error: Eight = each_lane(|i| scores[i] - labels[i]);
    Block {
        gradient: each_lane(|i| weights[i] * sign(error[i])),
        hessian: *weights,
        loss: each_lane(|i| weights[i] * error[i].abs()),
    }
}

#[inline(always)]
pub(crate) fn huber(delta: f32, labels: &Eight, weights: &Eight, scores: &Eight) -> Block {
    let error: Eight = each_lane(|i| scores[i] - labels[i]);
    let held: Eight = each_lane(|i| {
        let most = if error[i] < delta { error[i] } else { delta };
        if most > -delta { most } else { -delta }
    });
    Block {
        gradient: each_lane(|i| weights[i] * held[i]),
        hessian: *weights,
        // inside, held is the error; outside, delta (|error| - delta / 2)
        loss: each_lane(|i| weights[i] * held[i] * (error[i] - 0.5 * held[i])),
    }
}

#[inline(always)]
pub(crate) fn quantile(level: f32, labels: &Eight, weights: &Eight, scores: &Eight) -> Block {
    let error: Eight = each_lane(|i| scores[i] - labels[i]);
    let slope: Eight = each_lane(|i| if error[i] >= 0.0 { 1.0 - level } else { -level });
    Block {
        gradient: each_lane(|i| weights[i] * slope[i]),
        hessian: *weights,
        loss: each_lane(|i| weights[i] * slope[i] * error[i]),
    }
}

#[inline(always)]
pub(crate) fn poisson(max_step: f32, labels: &Eight, weights: &Eight, scores: &Eight) -> Block {
    let mean: Eight = each_lane(|i| exp_single(scores[i]));
    let widened = exp_single(max_step);
    Block {
        gradient: each_lane(|i| weights[i] * (mean[i] - labels[i])),
        hessian: each_lane(|i| weights[i] * at_least(mean[i] * widened)),
        loss: each_lane(|i| weights[i] * (mean[i] - labels[i] * scores[i])),
    }
}

#[inline(always)]
pub(crate) fn tweedie(power: f32, labels: &Eight, weights: &Eight, scores: &Eight) -> Block {
    let (one, two) = (1.0 - power, 2.0 - power);
    let a: Eight = each_lane(|i| labels[i] * exp_single(one * scores[i]));
    let b: Eight = each_lane(|i| exp_single(two * scores[i]));
    Block {
        gradient: each_lane(|i| weights[i] * (b[i] - a[i])),
        hessian: each_lane(|i| weights[i] * at_least(two * b[i] - one * a[i])),
        loss: each_lane(|i| weights[i] * (b[i] / two - a[i] / one)),
    }
}

#[inline(always)]
fn at_least(hessian: f32) -> f32 {
    if hessian > LEAST_HESSIAN { hessian } else { LEAST_HESSIAN }
}
