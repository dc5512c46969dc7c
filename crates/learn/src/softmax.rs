//! From scores, logarithms of likelihoods, to shares.

use crate::boosting::exponential::{exp, ln};

/// Turns scores into shares that sum to one, and hands back the logarithm of the sum of their exponentials. Where every
/// score is minus infinity all shares are alike.
pub(crate) fn softmax(scores: &mut [f64]) -> f64 {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        let share = 1.0 / scores.len() as f64;
        scores.iter_mut().for_each(|score| *score = share);
        return largest;
    }
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = exp(*score - largest);
        sum += *score;
    }
    scores.iter_mut().for_each(|share| *share /= sum);
    largest + ln(sum)
}

#[cfg(test)]
mod tests {
    use super::softmax;

    #[test]
    fn large_and_impossible_scores_have_shares() {
        let mut scores = [1000.0, 1000.0 + 3.0_f64.ln(), f64::NEG_INFINITY];
        let sum = softmax(&mut scores);
        assert!((sum - 1000.0 - 4.0_f64.ln()).abs() < 1e-12);
        assert!((scores[1] - 0.75).abs() < 1e-12 && scores[2] < 1e-300);
        let mut scores = [f64::NEG_INFINITY; 2];
        softmax(&mut scores);
        assert_eq!(scores, [0.5, 0.5]);
    }
}
