//! A sigmoid of the log odds, fitted by Newton steps on Platt's softened targets (Platt 1999; Lin, Lin and Weng 2007).

use serde::{Deserialize, Serialize};

/// 1 / (1 + exp(−(slope × log odds + shift))).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sigmoid {
    /// Of the log odds.
    pub slope: f64,
    /// Added to them.
    pub shift: f64,
}

impl Sigmoid {
    pub(super) fn at(&self, share: f64) -> f64 {
        sigmoid(self.slope * log_odds(share) + self.shift)
    }
}

fn sigmoid(value: f64) -> f64 {
    if value >= 0.0 { 1.0 / (1.0 + (-value).exp()) } else { value.exp() / (1.0 + value.exp()) }
}

/// Kept finite for certain probabilities.
fn log_odds(share: f64) -> f64 {
    let share = share.clamp(1e-12, 1.0 - 1e-12);
    share.ln() - (-share).ln_1p()
}

pub(super) fn fit(shares: &[f64], hits: &[bool], weight: &dyn Fn(usize) -> f64) -> Sigmoid {
    let odds: Vec<f64> = shares.iter().map(|&share| log_odds(share)).collect();
    let side = |way: bool| (0..hits.len()).filter(|&row| hits[row] == way).map(weight).sum::<f64>();
    let (positive, negative) = (side(true), side(false));
    let targets = [1.0 / (negative + 2.0), (positive + 1.0) / (positive + 2.0)];
    let target = |row: usize| targets[usize::from(hits[row])];
    let loss = |fit: Sigmoid| -> f64 {
        (0..odds.len())
            .map(|row| {
                let value = fit.slope * odds[row] + fit.shift;
                // -t ln(p) - (1 - t) ln(1 - p), stable on both sides.
                weight(row) * (value.max(0.0) - target(row) * value + (-value.abs()).exp().ln_1p())
            })
            .sum()
    };
    let mut fit = Sigmoid { slope: 0.0, shift: ((positive + 1.0) / (negative + 1.0)).ln() };
    let mut best = loss(fit);
    for _ in 0..100 {
        let (mut g1, mut g2, mut h11, mut h22, mut h21) = (0.0, 0.0, 1e-12, 1e-12, 0.0);
        for (row, odds) in odds.iter().enumerate() {
            let share = sigmoid(fit.slope * odds + fit.shift);
            let (off, curve) = (weight(row) * (share - target(row)), weight(row) * share * (1.0 - share));
            g1 += off * odds;
            g2 += off;
            h11 += curve * odds * odds;
            h22 += curve;
            h21 += curve * odds;
        }
        let determinant = h11 * h22 - h21 * h21;
        if determinant == 0.0 || !determinant.is_finite() {
            break;
        }
        let (by, shift) = ((h22 * g1 - h21 * g2) / determinant, (h11 * g2 - h21 * g1) / determinant);
        let mut pace = 1.0;
        let next = loop {
            let next = Sigmoid { slope: fit.slope - pace * by, shift: fit.shift - pace * shift };
            if loss(next) <= best || pace < 1e-10 {
                break next;
            }
            pace /= 2.0;
        };
        let after = loss(next);
        if after >= best || after.is_nan() {
            break;
        }
        let gain = best - after;
        (fit, best) = (next, after);
        if gain < 1e-14 * best.abs() {
            break;
        }
    }
    fit
}
