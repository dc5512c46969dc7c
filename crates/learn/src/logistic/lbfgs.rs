//! L-BFGS, for models too wide for a Hessian (Nocedal and Wright, Numerical Optimization, algorithm 7.5).

use std::collections::VecDeque;

use super::{
    Solution,
    objective::{Evaluation, Objective, dot},
};

/// Pairs of steps and gradient changes remembered.
const MEMORY: usize = 20;
/// Largest entry of the gradient, for standardised features and mean loss, at which the point has settled.
const SETTLED: f64 = 1e-10;

struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    curvature: f64,
}

/// Minimises from the origin; `go_on` hears each iteration and may end it.
pub(super) fn minimise(objective: &Objective<'_>, most: u32, go_on: &dyn Fn(u32) -> bool) -> Solution {
    let mut point = vec![0.0; objective.parameters()];
    let mut here = objective.at(&point, false);
    let mut pairs: VecDeque<Pair> = VecDeque::with_capacity(MEMORY);
    for done in 0..most {
        let steepest = here.gradient.iter().fold(0.0_f64, |steepest, slope| steepest.max(slope.abs()));
        if steepest <= SETTLED {
            return Solution { point, iterations: done, converged: true };
        }
        let mut step = direction(&pairs, &here.gradient);
        if dot(&step, &here.gradient) >= 0.0 {
            pairs.clear();
            step = direction(&pairs, &here.gradient);
        }
        let Some((next, there)) = search(objective, &point, &here, &step) else {
            if !pairs.is_empty() {
                // The memory misleads: once more along the gradient itself.
                pairs.clear();
                continue;
            }
            return Solution { point, iterations: done, converged: steepest < 1e-6 };
        };
        let step: Vec<f64> = next.iter().zip(&point).map(|(next, at)| next - at).collect();
        let change: Vec<f64> = there.gradient.iter().zip(&here.gradient).map(|(next, at)| next - at).collect();
        let curvature = dot(&step, &change);
        if curvature > f64::EPSILON * dot(&change, &change) {
            if pairs.len() == MEMORY {
                pairs.pop_front();
            }
            pairs.push_back(Pair { step, change, curvature });
        }
        (point, here) = (next, there);
        if !go_on(done + 1) {
            return Solution { point, iterations: done + 1, converged: false };
        }
    }
    Solution { point, iterations: most, converged: false }
}

/// The two-loop recursion.
fn direction(pairs: &VecDeque<Pair>, gradient: &[f64]) -> Vec<f64> {
    let mut step: Vec<f64> = gradient.iter().map(|slope| -slope).collect();
    let mut shares = Vec::with_capacity(pairs.len());
    for pair in pairs.iter().rev() {
        let share = dot(&pair.step, &step) / pair.curvature;
        add(&mut step, -share, &pair.change);
        shares.push(share);
    }
    if let Some(last) = pairs.back() {
        let scale = last.curvature / dot(&last.change, &last.change);
        step.iter_mut().for_each(|value| *value *= scale);
    }
    for (pair, share) in pairs.iter().zip(shares.into_iter().rev()) {
        let back = dot(&pair.change, &step) / pair.curvature;
        add(&mut step, share - back, &pair.step);
    }
    step
}

/// A point along `step` that lowers the loss enough and flattens the slope: bisection between a step too short and one
/// too long (weak Wolfe conditions), with the approximate condition of Hager and Zhang (2005) where rounding hides the
/// decrease. None when there is no such point.
fn search(objective: &Objective<'_>, from: &[f64], here: &Evaluation, step: &[f64]) -> Option<(Vec<f64>, Evaluation)> {
    let slope = dot(step, &here.gradient);
    let (mut short, mut long, mut length) = (0.0, f64::INFINITY, 1.0);
    for _ in 0..60 {
        let next: Vec<f64> = from.iter().zip(step).map(|(at, step)| at + length * step).collect();
        let there = objective.at(&next, false);
        let slope_there = dot(step, &there.gradient);
        let nearly = there.value <= here.value + 1e-14 * here.value.abs() && slope_there <= -0.8 * slope;
        let lower = there.value <= here.value + 1e-4 * length * slope || nearly;
        if !lower {
            long = length;
        } else if slope_there < 0.9 * slope {
            short = length;
        } else {
            return Some((next, there));
        }
        length = if long.is_finite() { 0.5 * (short + long) } else { 2.0 * short };
    }
    None
}

fn add(to: &mut [f64], times: f64, what: &[f64]) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += times * what);
}
