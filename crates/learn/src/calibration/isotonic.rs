//! Isotonic regression of hits on probabilities by pooling adjacent violators (Ayer et al. 1955).

use serde::{Deserialize, Serialize};

/// A rising line through points; level beyond the outermost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Steps {
    /// Probabilities, ascending.
    pub from: Vec<f64>,
    /// What each becomes, ascending.
    pub to: Vec<f64>,
}

impl Steps {
    /// The line at a probability, as scikit-learn's `IsotonicRegression(out_of_bounds="clip")` has it.
    pub(super) fn at(&self, share: f64) -> f64 {
        let after = self.from.partition_point(|from| *from <= share);
        match (after.checked_sub(1), self.from.get(after)) {
            (None, _) => self.to.first().copied().unwrap_or(share),
            (Some(before), None) => self.to[before],
            (Some(before), Some(next)) => {
                let part = (share - self.from[before]) / (next - self.from[before]);
                self.to[before] + part * (self.to[after] - self.to[before])
            }
        }
    }
}

/// Equal probabilities share their mean; then neighbours that fall are pooled.
pub(super) fn fit(shares: &[f64], hits: &[bool], weight: &dyn Fn(usize) -> f64) -> Steps {
    let mut order: Vec<usize> = (0..shares.len()).filter(|&row| weight(row) > 0.0).collect();
    order.sort_by(|&a, &b| shares[a].total_cmp(&shares[b]));
    // (lowest probability, highest, weight, weighted hits)
    let mut pools: Vec<[f64; 4]> = Vec::new();
    for tied in order.chunk_by(|&a, &b| shares[a] == shares[b]) {
        let total: f64 = tied.iter().map(|&row| weight(row)).sum();
        let hit: f64 = tied.iter().filter(|&&row| hits[row]).map(|&row| weight(row)).sum();
        let mut pool = [shares[tied[0]], shares[tied[0]], total, hit];
        while let Some(last) = pools.last()
            && last[3] * pool[2] >= pool[3] * last[2]
        {
            pool = [last[0], pool[1], last[2] + pool[2], last[3] + pool[3]];
            pools.pop();
        }
        pools.push(pool);
    }
    let mut steps = Steps::default();
    for [low, high, total, hit] in pools {
        for from in if low < high { vec![low, high] } else { vec![low] } {
            steps.from.push(from);
            steps.to.push(hit / total);
        }
    }
    steps
}
