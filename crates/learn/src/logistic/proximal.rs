//! The log-loss with a lasso penalty: proximal Newton steps (Lee, Sun and Saunders 2014; as in glmnet) for models of few
//! parameters, the accelerated proximal gradient (Beck and Teboulle 2009, with restarts) for wide ones.

use faer::Mat;

use super::{Solution, objective::Objective};

/// Passes of coordinate descent within one Newton step.
const PASSES: usize = 10_000;
/// A step that promises less than this lowers nothing that matters; the loss is per unit of weight.
const SETTLED: f64 = 1e-16;

fn soft(value: f64, threshold: f64) -> f64 {
    (value.abs() - threshold).max(0.0).copysign(value)
}

fn penalty(point: &[f64], lasso: &[f64]) -> f64 {
    point.iter().zip(lasso).map(|(at, weight)| weight * at.abs()).sum()
}

/// Minimises from the origin by Newton steps; `go_on` hears each iteration and may end it.
pub(super) fn newton(objective: &Objective<'_>, most: u32, go_on: &dyn Fn(u32) -> bool) -> Solution {
    let lasso = objective.lasso();
    let mut point = vec![0.0; objective.parameters()];
    for done in 0..most {
        let here = objective.at(&point, true);
        let Some(hessian) = here.hessian else { return Solution { point, iterations: done, converged: false } };
        let best = quadratic(&hessian, &here.gradient, &point, &lasso);
        let before = here.value + penalty(&point, &lasso);
        let slope = best.iter().zip(&point).zip(&here.gradient).map(|((to, at), g)| (to - at) * g).sum::<f64>()
            + penalty(&best, &lasso)
            - penalty(&point, &lasso);
        if slope.is_nan() || slope > -SETTLED {
            return Solution { point: best, iterations: done + 1, converged: !slope.is_nan() };
        }
        let mut length = 1.0;
        loop {
            let next: Vec<f64> = point.iter().zip(&best).map(|(at, to)| at + length * (to - at)).collect();
            let value = objective.at(&next, false).value + penalty(&next, &lasso);
            if value <= before + 1e-4 * length * slope {
                point = next;
                break;
            }
            length *= 0.5;
            if length < 1e-12 {
                // No step lowers the loss any more: as near as rounding allows.
                return Solution { point, iterations: done, converged: -slope < 1e-8 };
            }
        }
        if !go_on(done + 1) {
            return Solution { point, iterations: done + 1, converged: false };
        }
    }
    Solution { point, iterations: most, converged: false }
}

/// Minimises the quadratic model at `point` plus the lasso penalty, by coordinate descent; only the lower triangle of
/// `hessian` is read.
fn quadratic(hessian: &Mat<f64>, gradient: &[f64], point: &[f64], lasso: &[f64]) -> Vec<f64> {
    let count = point.len();
    let at = |row: usize, column: usize| if row >= column { hessian[(row, column)] } else { hessian[(column, row)] };
    let largest = (0..count).map(|place| at(place, place)).fold(0.0, f64::max);
    let whole = Mat::from_fn(count, count, at);
    let mut best = point.to_vec();
    let mut slopes = gradient.to_vec();
    for _ in 0..PASSES {
        let mut moved = 0.0_f64;
        for place in 0..count {
            let curvature = whole[(place, place)] + 1e-14 * largest;
            if curvature <= 0.0 {
                continue;
            }
            let to = soft(best[place] - slopes[place] / curvature, lasso[place] / curvature);
            let step = to - best[place];
            if step != 0.0 {
                best[place] = to;
                slopes.iter_mut().zip(whole.col_as_slice(place)).for_each(|(slope, cross)| *slope += step * cross);
                moved = moved.max(step * step * curvature);
            }
        }
        if moved <= 1e-22 {
            break;
        }
    }
    best
}

/// Minimises from the origin by accelerated gradient steps; `go_on` hears each iteration and may end it.
pub(super) fn gradient(objective: &Objective<'_>, most: u32, go_on: &dyn Fn(u32) -> bool) -> Solution {
    let lasso = objective.lasso();
    let count = objective.parameters();
    let (mut point, mut ahead) = (vec![0.0; count], vec![0.0; count]);
    let mut momentum = 1.0_f64;
    let mut steepness = 1.0_f64;
    for done in 0..most {
        let here = objective.at(&ahead, false);
        // Never longer than the curvature allows, and now and then a little bolder.
        steepness *= 0.9;
        let next = loop {
            let next: Vec<f64> = (0..count)
                .map(|place| soft(ahead[place] - here.gradient[place] / steepness, lasso[place] / steepness))
                .collect();
            let model: f64 = here.value
                + (0..count)
                    .map(|place| {
                        let step = next[place] - ahead[place];
                        step * here.gradient[place] + 0.5 * steepness * step * step
                    })
                    .sum::<f64>();
            if objective.at(&next, false).value <= model + 1e-15 * model.abs() || steepness > 1e12 {
                break next;
            }
            steepness *= 2.0;
        };
        let moved = (0..count).map(|place| (next[place] - ahead[place]).abs()).fold(0.0, f64::max);
        let against: f64 = (0..count).map(|place| (ahead[place] - next[place]) * (next[place] - point[place])).sum();
        let faster = if against > 0.0 { 1.0 } else { (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt()) / 2.0 };
        let carry = if against > 0.0 { 0.0 } else { (momentum - 1.0) / faster };
        ahead = next.iter().zip(&point).map(|(next, before)| next + carry * (next - before)).collect();
        point = next;
        momentum = faster;
        if moved * steepness <= 1e-9 {
            return Solution { point, iterations: done + 1, converged: true };
        }
        if !go_on(done + 1) {
            return Solution { point, iterations: done + 1, converged: false };
        }
    }
    Solution { point, iterations: most, converged: false }
}
