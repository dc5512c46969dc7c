//! Newton's method with step halving, for models of few parameters.

use faer::{
    Mat, Side,
    linalg::solvers::{Llt, Solve},
};

use super::{
    Solution,
    objective::{Objective, dot},
};

/// The square of the Newton decrement below which a further step changes nothing (the method squares its error each
/// step, so the step before it already did).
const SETTLED: f64 = 1e-22;
/// Decrement below which rounding hides the decrease, so that the full step is taken unchecked.
const NEAR: f64 = 1e-13;

/// Minimises from the origin; `go_on` hears each iteration and may end it.
pub(super) fn minimise(objective: &Objective<'_>, most: u32, go_on: &dyn Fn(u32) -> bool) -> Solution {
    let mut point = vec![0.0; objective.parameters()];
    for done in 0..most {
        let here = objective.at(&point, true);
        let Some(step) = here.hessian.and_then(|hessian| direction(hessian, &here.gradient)) else {
            return Solution { point, iterations: done, converged: false };
        };
        let slope = dot(&step, &here.gradient);
        let taken =
            |length: f64| -> Vec<f64> { point.iter().zip(&step).map(|(at, step)| at + length * step).collect() };
        if -slope <= NEAR {
            point = taken(1.0);
            if -slope <= SETTLED {
                return Solution { point, iterations: done + 1, converged: true };
            }
        } else {
            let mut length = 1.0;
            let next = loop {
                let next = taken(length);
                let value = objective.at(&next, false).value;
                if value <= here.value + 1e-4 * length * slope {
                    break Some(next);
                }
                length *= 0.5;
                if length < 1e-12 {
                    break None;
                }
            };
            match next {
                Some(next) => point = next,
                // No step lowers the loss any more: as near as rounding allows.
                None => return Solution { point, iterations: done, converged: -slope < 1e-8 },
            }
        }
        if !go_on(done + 1) {
            return Solution { point, iterations: done + 1, converged: false };
        }
    }
    Solution { point, iterations: most, converged: false }
}

/// `-H^-1 g`, with the diagonal raised where rounding has made `H` indefinite. None when a number is not finite.
fn direction(mut hessian: Mat<f64>, gradient: &[f64]) -> Option<Vec<f64>> {
    let count = gradient.len();
    let largest = (0..count).map(|place| hessian[(place, place)]).fold(0.0, f64::max);
    let right = Mat::from_fn(count, 1, |row, _| -gradient[row]);
    let mut raise = 1e-14 * largest.max(f64::MIN_POSITIVE);
    for _ in 0..16 {
        if let Ok(factor) = Llt::new(hessian.as_ref(), Side::Lower) {
            let step = factor.solve(&right);
            let step: Vec<f64> = (0..count).map(|row| step[(row, 0)]).collect();
            if step.iter().all(|value| value.is_finite()) {
                return Some(step);
            }
        }
        (0..count).for_each(|place| hessian[(place, place)] += raise);
        raise *= 10.0;
    }
    None
}
