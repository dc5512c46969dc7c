//! Class probabilities from those of single machines.

use crate::boosting::exponential::exp;

/// Keeps pairwise probabilities off 0 and 1, as LIBSVM does.
const LEAST: f64 = 1e-7;

/// The probability of each class. `decisions` are one for two classes, else one a class against the rest, or one a pair
/// (later against earlier) to be coupled (Wu, Lin and Weng 2004, second method).
pub(super) fn shares(
    decisions: &[f64],
    sigmoids: &[[f64; 2]],
    classes: usize,
    against_rest: bool,
    into: &mut Vec<f64>,
) {
    into.clear();
    let mut probabilities =
        decisions.iter().zip(sigmoids).map(|(decision, [a, b])| 1.0 / (1.0 + exp(a * decision + b)));
    if classes == 2 {
        let second = probabilities.next().unwrap_or(f64::NAN);
        into.extend([1.0 - second, second]);
        return;
    }
    if against_rest {
        into.extend(probabilities);
        let sum: f64 = into.iter().sum();
        into.iter_mut().for_each(|share| *share /= sum);
        return;
    }
    // pairs[i * classes + j]: the probability of i where it is i or j.
    let mut pairs = vec![0.0; classes * classes];
    for first in 0..classes {
        for second in first + 1..classes {
            let own = probabilities.next().unwrap_or(f64::NAN).clamp(LEAST, 1.0 - LEAST);
            pairs[second * classes + first] = own;
            pairs[first * classes + second] = 1.0 - own;
        }
    }
    couple(&pairs, classes, into);
}

fn couple(pairs: &[f64], classes: usize, into: &mut Vec<f64>) {
    let mut q = vec![0.0; classes * classes];
    for a in 0..classes {
        for b in 0..classes {
            if a == b {
                q[a * classes + a] = (0..classes).filter(|&c| c != a).map(|c| pairs[c * classes + a].powi(2)).sum();
            } else {
                q[a * classes + b] = -pairs[b * classes + a] * pairs[a * classes + b];
            }
        }
    }
    into.resize(classes, 1.0 / classes as f64);
    let tolerance = 0.005 / classes as f64;
    for _ in 0..classes.max(100) {
        let mut products: Vec<f64> =
            (0..classes).map(|a| (0..classes).map(|b| q[a * classes + b] * into[b]).sum()).collect();
        let mut whole: f64 = products.iter().zip(into.iter()).map(|(product, share)| product * share).sum();
        let off = products.iter().map(|product| (product - whole).abs()).fold(0.0, f64::max);
        if off < tolerance {
            break;
        }
        for a in 0..classes {
            let step = (whole - products[a]) / q[a * classes + a];
            into[a] += step;
            let grown = 1.0 + step;
            whole = (whole + step * (step * q[a * classes + a] + 2.0 * products[a])) / (grown * grown);
            for b in 0..classes {
                products[b] = (products[b] + step * q[a * classes + b]) / grown;
                into[b] /= grown;
            }
        }
    }
    let sum: f64 = into.iter().sum();
    into.iter_mut().for_each(|share| *share /= sum);
}
