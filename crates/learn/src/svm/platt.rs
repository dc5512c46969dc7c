//! From decision values to probabilities: Platt's sigmoid by the method of Lin, Lin and Weng (2007).

use crate::boosting::exponential::{exp, ln};

/// `[a, b]` such that the probability of `y = 1` is `1 / (1 + e^(a decision + b))`.
pub(super) fn sigmoid(decisions: &[f64], y: &[f64], weights: &[f64]) -> [f64; 2] {
    let weight_of = |positive: bool| -> f64 {
        y.iter().zip(weights).filter(|(y, _)| (**y > 0.0) == positive).map(|(_, weight)| weight).sum()
    };
    let (positive, negative) = (weight_of(true), weight_of(false));
    // Targets a little inside 0 and 1, so that separable values do not make a step.
    let (high, low) = ((positive + 1.0) / (positive + 2.0), 1.0 / (negative + 2.0));
    let target = |y: f64| if y > 0.0 { high } else { low };
    let loss = |[a, b]: [f64; 2]| -> f64 {
        let rows = decisions.iter().zip(y).zip(weights);
        rows.map(|((decision, &y), weight)| {
            let score = a * decision + b;
            let t = target(y);
            let above = if score >= 0.0 { t * score } else { (t - 1.0) * score };
            weight * (above + ln(1.0 + exp(-score.abs())))
        })
        .sum()
    };
    let mut at = [0.0, ln((negative + 1.0) / (positive + 1.0))];
    let mut here = loss(at);
    for _ in 0..100 {
        let (mut slope, mut curve, mut cross) = ([0.0; 2], [1e-12; 2], 0.0);
        for ((decision, &y), weight) in decisions.iter().zip(y).zip(weights) {
            let score = at[0] * decision + at[1];
            let e = exp(-score.abs());
            let p = if score >= 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) };
            let off = weight * (target(y) - p);
            let spread = weight * p * (1.0 - p);
            curve[0] += decision * decision * spread;
            curve[1] += spread;
            cross += decision * spread;
            slope[0] += decision * off;
            slope[1] += off;
        }
        if slope.iter().all(|slope| slope.abs() < 1e-9 * (positive + negative)) {
            break;
        }
        let determinant = curve[0] * curve[1] - cross * cross;
        let step = [
            -(curve[1] * slope[0] - cross * slope[1]) / determinant,
            -(curve[0] * slope[1] - cross * slope[0]) / determinant,
        ];
        let along = slope[0] * step[0] + slope[1] * step[1];
        let mut length = 1.0;
        loop {
            let next = [at[0] + length * step[0], at[1] + length * step[1]];
            let there = loss(next);
            if there < here + 1e-4 * length * along {
                (at, here) = (next, there);
                break;
            }
            length /= 2.0;
            if length < 1e-10 {
                return at;
            }
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::sigmoid;

    #[test]
    fn agrees_with_scikit_learns_sigmoid() {
        // _sigmoid_calibration of scikit-learn 1.9.1, by bench/reference/estimators.py
        let decisions = [-2.0, -1.5, -0.3, 0.2, 0.1, 0.4, 1.1, -0.6, 2.5, 0.9];
        let y = [-1.0, -1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0, 1.0, -1.0];
        let found = sigmoid(&decisions, &y, &[1.0; 10]);
        let expected = [-0.6687516043206213, 0.04958092118307593];
        assert!((found[0] - expected[0]).abs() < 1e-5 && (found[1] - expected[1]).abs() < 1e-5, "{found:?}");
    }
}
