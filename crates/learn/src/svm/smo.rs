//! Sequential minimal optimisation with second-order choice of the pair (Fan, Chen and Lin 2005), as in LIBSVM but
//! without shrinking.

use super::cache::Cache;

/// Least curvature taken for granted where a kernel is not positive definite.
const FLAT: f64 = 1e-12;

/// Minimises `a'Qa/2 + p'a` with `0 <= a <= c` and `y'a = 0`, where `Q_ij = y_i y_j K(base_i, base_j)`.
pub(super) struct Problem<'a> {
    /// The row of each variable.
    pub(super) base: &'a [usize],
    /// 1 or -1.
    pub(super) signs: &'a [f64],
    pub(super) linear: &'a [f64],
    pub(super) costs: &'a [f64],
    pub(super) tolerance: f64,
    pub(super) steps: usize,
}

/// Where it ended.
pub(super) struct Optimum {
    /// One a variable.
    pub(super) values: Vec<f64>,
    /// To subtract from the sum of kernels.
    pub(super) threshold: f64,
    pub(super) converged: bool,
}

pub(super) fn solve(problem: &Problem<'_>, cache: &mut Cache<'_>) -> Optimum {
    let Problem { base, signs, linear, costs, .. } = problem;
    let count = base.len();
    let own: Vec<f64> = base.iter().map(|&row| cache.own(row)).collect();
    let mut values = vec![0.0; count];
    let mut gradient = linear.to_vec();
    let mut converged = false;
    for _ in 0..problem.steps {
        let Some((first, steepest)) = most_violating(problem, &values, &gradient) else {
            converged = true;
            break;
        };
        let line = cache.line(base[first]);
        let mut second = None;
        let mut lowest = f64::INFINITY;
        let mut best = 0.0;
        for other in 0..count {
            let down = if signs[other] > 0.0 { values[other] > 0.0 } else { values[other] < costs[other] };
            if !down {
                continue;
            }
            let rise = -signs[other] * gradient[other];
            lowest = lowest.min(rise);
            let gap = steepest - rise;
            if gap > 0.0 {
                let curvature = (own[first] + own[other] - 2.0 * line[base[other]]).max(FLAT);
                let gain = gap * gap / curvature;
                if gain > best {
                    best = gain;
                    second = Some(other);
                }
            }
        }
        let Some(second) = second.filter(|_| steepest - lowest >= problem.tolerance) else {
            converged = true;
            break;
        };
        let other_line = cache.line(base[second]);
        let curvature = (own[first] + own[second] - 2.0 * line[base[second]]).max(FLAT);
        let before = [values[first], values[second]];
        let after = step(problem, &gradient, before, [first, second], curvature);
        let change = [(after[0] - before[0]) * signs[first], (after[1] - before[1]) * signs[second]];
        (values[first], values[second]) = (after[0], after[1]);
        for ((gradient, sign), &row) in gradient.iter_mut().zip(signs.iter()).zip(base.iter()) {
            *gradient += sign * (change[0] * line[row] + change[1] * other_line[row]);
        }
    }
    let threshold = threshold(problem, &values, &gradient);
    Optimum { values, threshold, converged }
}

/// The variable that may rise along its sign with the steepest descent; none where every one is at its end.
fn most_violating(problem: &Problem<'_>, values: &[f64], gradient: &[f64]) -> Option<(usize, f64)> {
    let mut best: Option<(usize, f64)> = None;
    for (at, (&value, &gradient)) in values.iter().zip(gradient).enumerate() {
        let sign = problem.signs[at];
        let up = if sign > 0.0 { value < problem.costs[at] } else { value > 0.0 };
        let rise = -sign * gradient;
        if up && best.is_none_or(|best| rise > best.1) {
            best = Some((at, rise));
        }
    }
    best
}

/// The best two values on the line that keeps the constraint, within the box.
fn step(problem: &Problem<'_>, gradient: &[f64], before: [f64; 2], at: [usize; 2], curvature: f64) -> [f64; 2] {
    let costs = at.map(|at| problem.costs[at]);
    let gradients = at.map(|at| gradient[at]);
    if problem.signs[at[0]] != problem.signs[at[1]] {
        let delta = (-gradients[0] - gradients[1]) / curvature;
        let difference = before[0] - before[1];
        let mut after = [before[0] + delta, before[1] + delta];
        if difference > 0.0 && after[1] < 0.0 {
            after = [difference, 0.0];
        } else if difference <= 0.0 && after[0] < 0.0 {
            after = [0.0, -difference];
        }
        if difference > costs[0] - costs[1] && after[0] > costs[0] {
            after = [costs[0], costs[0] - difference];
        } else if difference <= costs[0] - costs[1] && after[1] > costs[1] {
            after = [costs[1] + difference, costs[1]];
        }
        return after;
    }
    let delta = (gradients[0] - gradients[1]) / curvature;
    let sum = before[0] + before[1];
    let mut after = [before[0] - delta, before[1] + delta];
    if sum > costs[0] && after[0] > costs[0] {
        after = [costs[0], sum - costs[0]];
    } else if sum <= costs[0] && after[1] < 0.0 {
        after = [sum, 0.0];
    }
    if sum > costs[1] && after[1] > costs[1] {
        after = [sum - costs[1], costs[1]];
    } else if sum <= costs[1] && after[0] < 0.0 {
        after = [0.0, sum];
    }
    after
}

/// From the variables between their ends, or the middle of what the others allow.
fn threshold(problem: &Problem<'_>, values: &[f64], gradient: &[f64]) -> f64 {
    let (mut sum, mut free) = (0.0, 0.0);
    let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
    for (at, (&value, &gradient)) in values.iter().zip(gradient).enumerate() {
        let sign = problem.signs[at];
        let slope = sign * gradient;
        let (bottom, top) = (value <= 0.0, value >= problem.costs[at]);
        if !bottom && !top {
            sum += slope;
            free += 1.0;
        } else if (top && sign < 0.0) || (bottom && sign > 0.0) {
            high = high.min(slope);
        } else {
            low = low.max(slope);
        }
    }
    match (free > 0.0, low.is_finite(), high.is_finite()) {
        (true, ..) => sum / free,
        (false, true, true) => low + (high - low) / 2.0,
        (false, true, false) => low,
        (false, false, true) => high,
        (false, false, false) => 0.0,
    }
}
