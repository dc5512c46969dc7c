//! The probability from which a binary model decides for class 1, chosen on rows that are not judged with it.

use trainyard_core::evaluation::Task;

use super::{
    ranking::descending,
    scored::{Scored, refuse},
};
use crate::LearnError;

/// What the threshold is to be best at.
#[derive(Clone, Debug, PartialEq)]
pub enum Choose {
    /// The highest F₁.
    F1,
    /// The highest recall plus specificity (Youden 1950).
    Youden,
    /// The lowest mean cost, by a 2 × 2 matrix: actual class (outer), decided class (inner).
    Cost(Vec<Vec<f64>>),
}

/// The best threshold on these rows, between two neighbouring probabilities; the lowest such among equals.
///
/// # Errors
/// Rows that cannot be judged, or of one class only, or a matrix that is not 2 × 2.
pub fn threshold(scored: &Scored<'_>, choose: &Choose) -> Result<f64, LearnError> {
    let view = scored.view(Task::Binary)?;
    if let Choose::Cost(costs) = choose
        && (costs.len() != 2 || costs.iter().any(|row| row.len() != 2))
    {
        return refuse("bad-costs", "`costs` must have 2 rows of 2 numbers".to_owned());
    }
    let mut totals = [0.0, 0.0];
    (0..view.rows()).for_each(|row| totals[view.class(row)] += view.weight(row));
    if totals[0] <= 0.0 || totals[1] <= 0.0 {
        return refuse("single-class", "a threshold can be chosen on rows of both classes only".to_owned());
    }
    let merit = |[wrong, right]: [f64; 2]| match choose {
        Choose::F1 => 2.0 * right / (right + wrong + totals[1]),
        Choose::Youden => right / totals[1] - wrong / totals[0],
        Choose::Cost(costs) => {
            let missed = totals[1] - right;
            -(costs[0][0] * (totals[0] - wrong) + costs[0][1] * wrong + costs[1][0] * missed + costs[1][1] * right)
        }
    };
    let order = descending(&view, 1);
    let score = |row: u32| view.probability(row as usize, 1);
    // Above the highest: nothing is decided positive.
    let mut best = (merit([0.0, 0.0]), f64::midpoint(score(order[0]), 1.0).max(score(order[0]).next_up()));
    let mut above = [0.0, 0.0];
    let mut ties = order.chunk_by(|&a, &b| score(a) == score(b)).peekable();
    while let Some(tied) = ties.next() {
        tied.iter().for_each(|&row| above[view.class(row as usize)] += view.weight(row as usize));
        let own = score(tied[0]);
        let next = ties.peek().map_or(0.0, |next| score(next[0]));
        let merit = merit(above);
        if merit >= best.0 {
            best = (merit, if ties.peek().is_some() { f64::midpoint(own, next) } else { own });
        }
    }
    Ok(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Prediction;

    fn found(truth: &[f64], positive: &[f64], choose: &Choose) -> Result<f64, &'static str> {
        let values = positive.iter().flat_map(|p| [1.0 - p, *p]).collect();
        let prediction = Prediction::Probabilities { classes: 2, values };
        threshold(&Scored { truth, prediction: &prediction, weights: None, groups: None }, choose)
            .map_err(|error| error.code)
    }

    #[test]
    fn the_best_cut_lies_between_the_rows_it_parts() {
        let (truth, positive) = ([0.0, 0.0, 1.0, 1.0], [0.1, 0.2, 0.4, 0.9]);
        for choose in [Choose::F1, Choose::Youden, Choose::Cost(vec![vec![0.0, 1.0], vec![1.0, 0.0]])] {
            assert!((found(&truth, &positive, &choose).unwrap() - 0.3).abs() < 1e-15, "{choose:?}");
        }
        // A false alarm that costs ten misses: only the surest row is called.
        let truth = [0.0, 1.0, 0.0, 1.0];
        let dear = Choose::Cost(vec![vec![0.0, 10.0], vec![1.0, 0.0]]);
        assert!((found(&truth, &positive, &dear).unwrap() - 0.65).abs() < 1e-12);
        let free = Choose::Cost(vec![vec![0.0, 0.0], vec![1.0, 0.0]]);
        assert!(found(&truth, &positive, &free).unwrap() <= 0.2, "alarms that cost nothing are always given");
    }

    #[test]
    fn what_cannot_be_chosen_is_told() {
        assert_eq!(found(&[1.0, 1.0], &[0.2, 0.4], &Choose::F1), Err("single-class"));
        assert_eq!(found(&[1.0, 0.0], &[0.2, 0.4], &Choose::Cost(vec![vec![0.0]])), Err("bad-costs"));
    }
}
