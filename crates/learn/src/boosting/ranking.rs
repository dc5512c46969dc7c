//! LambdaMART: gradients that put the rows of each query in the order of their relevance (Burges 2010).
//!
//! Every pair of rows of unlike relevance pulls apart by how much swapping the two would change the query's NDCG. The
//! conventions are LightGBM's `lambdarank`: gains of `2^relevance - 1`, pairs with at least one row among the first
//! `ndcg_at`, a pair's weight divided by the distance of its scores, and a query's gradients scaled by the logarithm of
//! their sum.

use rayon::prelude::*;

use super::exponential::{exp_single, ln};
use crate::estimator::{LearnError, Sample};

/// Largest relevance: its gain, 2^31 - 1, is LightGBM's largest as well.
const MOST_RELEVANT: f64 = 31.0;
/// Queries worked on together, so that a result does not depend on the threads.
const QUERIES: usize = 64;

/// The rows of each query.
pub(crate) struct Queries {
    /// Rows, query by query, in the order of the sample within one.
    rows: Vec<u32>,
    /// Where each query starts in `rows`, and the end of the last.
    starts: Vec<usize>,
    /// By row.
    relevances: Vec<f32>,
    /// By row.
    weights: Option<Vec<f32>>,
    /// One over the best DCG of each query, 0 where no row is relevant.
    inverse_best: Vec<f64>,
    /// `1 / log2(2 + place)` for every place of the longest query.
    discounts: Vec<f64>,
    /// First places that count.
    at: usize,
}

impl Queries {
    /// The queries of `sample`, whose first `at` places count.
    ///
    /// # Errors
    /// `no-groups` without groups, `target-not-a-relevance`.
    pub(crate) fn new(sample: &Sample<'_>, at: usize) -> Result<Self, LearnError> {
        let refuse = |code, message: String, help: &str| {
            Err(LearnError { code, message, help: Some(help.to_owned()), field: Some("loss") })
        };
        let Some(groups) = sample.groups else {
            let message = "a ranking needs to know which rows belong to one query".to_owned();
            return refuse("no-groups", message, "name the query's column in the split: `group: …`");
        };
        if groups.len() != sample.x.rows {
            let message = format!("{} groups for {} rows", groups.len(), sample.x.rows);
            return refuse("length-mismatch", message, "each row needs its query");
        }
        let odd = |value: f64| !(0.0..=MOST_RELEVANT).contains(&value) || value.fract() != 0.0;
        if let Some((row, value)) = sample.y.iter().enumerate().find(|value| odd(*value.1)) {
            let message = format!("the relevance of row {row} is {value}, not a whole number from 0 to 31");
            return refuse("target-not-a-relevance", message, "grade the target: 0 is irrelevant, higher is better");
        }
        let mut rows: Vec<u32> = (0..groups.len() as u32).collect();
        rows.sort_by_key(|&row| (groups[row as usize], row));
        let mut starts = vec![0];
        for (i, pair) in rows.windows(2).enumerate() {
            if groups[pair[0] as usize] != groups[pair[1] as usize] {
                starts.push(i + 1);
            }
        }
        starts.push(rows.len());
        let longest = starts.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
        let discounts: Vec<f64> = (0..longest).map(|place| std::f64::consts::LN_2 / ln(2.0 + place as f64)).collect();
        let relevances: Vec<f32> = sample.y.iter().map(|&value| value as f32).collect();
        let inverse_best = starts
            .windows(2)
            .map(|pair| {
                let mut grades: Vec<f32> = rows[pair[0]..pair[1]].iter().map(|&row| relevances[row as usize]).collect();
                grades.sort_unstable_by(|a, b| b.total_cmp(a));
                let best: f64 = grades.iter().take(at).zip(&discounts).map(|(&grade, d)| gain(grade) * d).sum();
                if best > 0.0 { 1.0 / best } else { 0.0 }
            })
            .collect();
        let weights = sample.weights.map(|weights| weights.iter().map(|&weight| weight as f32).collect());
        Ok(Self { rows, starts, relevances, weights, inverse_best, discounts, at })
    }

    fn of_query(&self, query: usize) -> &[u32] {
        &self.rows[self.starts[query]..self.starts[query + 1]]
    }

    /// `work` on each query, in their order.
    fn each<T: Send>(&self, parallel: bool, work: impl Fn(usize) -> T + Sync) -> Vec<Vec<T>> {
        let count = self.inverse_best.len();
        let some = |first: usize| (first..(first + QUERIES).min(count)).map(&work).collect();
        let firsts: Vec<usize> = (0..count).step_by(QUERIES).collect();
        if parallel { firsts.into_par_iter().map(some).collect() } else { firsts.into_iter().map(some).collect() }
    }

    /// Gradients and hessians of all rows at `scores`.
    pub(crate) fn gradients(&self, scores: &[f32], parallel: bool) -> (Vec<f32>, Vec<f32>) {
        let found = self.each(parallel, |query| self.lambdas(query, scores));
        let (mut gradients, mut hessians) = (vec![0.0; scores.len()], vec![0.0; scores.len()]);
        for (query, lambdas) in found.into_iter().flatten().enumerate() {
            for (&row, (gradient, hessian)) in self.of_query(query).iter().zip(lambdas) {
                let weight = self.weights.as_ref().map_or(1.0, |weights| weights[row as usize]);
                gradients[row as usize] = gradient as f32 * weight;
                hessians[row as usize] = hessian as f32 * weight;
            }
        }
        (gradients, hessians)
    }

    /// Gradient and hessian of each row of a query.
    fn lambdas(&self, query: usize, scores: &[f32]) -> Vec<(f64, f64)> {
        let rows = self.of_query(query);
        let mut found = vec![(0.0, 0.0); rows.len()];
        let inverse = self.inverse_best[query];
        if inverse == 0.0 {
            return found;
        }
        let order = self.order(rows, scores);
        let score = |place: usize| scores[rows[order[place]] as usize];
        let relevance = |place: usize| self.relevances[rows[order[place]] as usize];
        let apart = score(0) != score(order.len() - 1);
        let mut sum = 0.0;
        for i in 0..order.len().saturating_sub(1).min(self.at) {
            for j in i + 1..order.len() {
                if relevance(i) == relevance(j) {
                    continue;
                }
                let (high, low) = if relevance(i) > relevance(j) { (i, j) } else { (j, i) };
                let distance = score(high) - score(low);
                let mut change = (gain(relevance(high)) - gain(relevance(low)))
                    * (self.discounts[high] - self.discounts[low]).abs()
                    * inverse;
                if apart {
                    change /= 0.01 + f64::from(distance.abs());
                }
                let wrong = 1.0 / (1.0 + f64::from(exp_single(distance)));
                let (pull, curve) = (change * wrong, change * wrong * (1.0 - wrong));
                for (place, sign) in [(high, -1.0), (low, 1.0)] {
                    let (gradient, hessian) = &mut found[order[place]];
                    *gradient += sign * pull;
                    *hessian += curve;
                }
                sum += 2.0 * pull;
            }
        }
        if sum > 0.0 {
            let factor = ln(1.0 + sum) / std::f64::consts::LN_2 / sum;
            for (gradient, hessian) in &mut found {
                *gradient *= factor;
                *hessian *= factor;
            }
        }
        found
    }

    /// The places within a query's rows, the highest score first, the first among equals.
    fn order(&self, rows: &[u32], scores: &[f32]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by(|&a, &b| scores[rows[b] as usize].total_cmp(&scores[rows[a] as usize]));
        order
    }

    /// 1 - NDCG of the first places, averaged over the queries; a query without a relevant row counts as in order.
    pub(crate) fn loss(&self, scores: &[f32], parallel: bool) -> f64 {
        let found = self.each(parallel, |query| {
            let inverse = self.inverse_best[query];
            if inverse == 0.0 {
                return 0.0;
            }
            let rows = self.of_query(query);
            let order = self.order(rows, scores);
            let gains = order.iter().take(self.at).zip(&self.discounts);
            1.0 - inverse * gains.map(|(&at, d)| gain(self.relevances[rows[at] as usize]) * d).sum::<f64>()
        });
        found.iter().flatten().sum::<f64>() / self.inverse_best.len().max(1) as f64
    }
}

fn gain(relevance: f32) -> f64 {
    ((1_u64 << relevance as u32) - 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Matrix;

    fn queries(y: &[f64], groups: &[u32], at: usize) -> Result<Queries, LearnError> {
        let x = Matrix { features: Vec::new(), rows: y.len() };
        Queries::new(&Sample { groups: Some(groups), ..Sample::new(&x, y, 0) }, at)
    }

    #[test]
    fn the_loss_is_one_less_ndcg() {
        // scikit-learn 1.9.1 on gains 2^y - 1: ndcg_score([[7, 0, 1, 3]], [[.1, .9, .4, .3]], k=3) = 0.2268686856
        let one = queries(&[3.0, 0.0, 1.0, 2.0], &[5, 5, 5, 5], 3).unwrap();
        let loss = one.loss(&[0.1, 0.9, 0.4, 0.3], false);
        assert!((loss - (1.0 - NDCG)).abs() < 1e-9, "{loss}");
        // rows of queries need not be neighbours; a query without a relevant row is in order
        let two = queries(&[3.0, 0.0, 0.0, 1.0, 0.0, 2.0], &[5, 2, 5, 5, 2, 5], 3).unwrap();
        assert!((two.loss(&[0.1, 0.0, 0.9, 0.4, 7.0, 0.3], true) - (1.0 - NDCG) / 2.0).abs() < 1e-9);
    }
    const NDCG: f64 = 0.226_868_685_6;

    #[test]
    fn a_pair_is_pulled_apart() {
        // equal scores: half wrong, change (1 - 0) (1 - 1 / log2 3) / 1, no scaling by distance
        let pair = queries(&[0.0, 1.0], &[0, 0], 30).unwrap();
        let (gradients, hessians) = pair.gradients(&[0.5, 0.5], false);
        let change = 1.0 - 1.0 / 3.0_f64.log2();
        let factor = (1.0 + change).log2() / change;
        for (found, expected) in gradients.iter().zip([0.5 * change * factor, -0.5 * change * factor]) {
            assert!((f64::from(*found) - expected).abs() < 1e-6, "{gradients:?}");
        }
        assert!(hessians.iter().all(|h| (f64::from(*h) - 0.25 * change * factor).abs() < 1e-6));
    }

    #[test]
    fn what_is_no_ranking_is_refused() {
        let x = Matrix { features: Vec::new(), rows: 2 };
        let code = |sample: Sample<'_>| Queries::new(&sample, 5).err().map(|error| error.code);
        assert_eq!(code(Sample::new(&x, &[0.0, 1.0], 0)), Some("no-groups"));
        let grouped = Sample { groups: Some(&[1, 1]), ..Sample::new(&x, &[0.0, 1.5], 0) };
        assert_eq!(code(grouped), Some("target-not-a-relevance"));
        assert_eq!(code(Sample { y: &[0.0, 32.0], ..grouped }), Some("target-not-a-relevance"));
        assert_eq!(code(Sample { groups: Some(&[1]), ..grouped }), Some("length-mismatch"));
        assert_eq!(code(Sample { y: &[0.0, 31.0], ..grouped }), None);
    }
}
