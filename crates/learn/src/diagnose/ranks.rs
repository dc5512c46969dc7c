//! Ranks, and what they tell of two columns.

/// Ranks from 1, equal values sharing their mean rank.
pub(super) fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<u32> = (0..).take(values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a as usize].total_cmp(&values[b as usize]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let value = values[order[start] as usize];
        let same = order[start..].iter().take_while(|&&row| values[row as usize] == value).count().max(1);
        let rank = start as f64 + (same + 1) as f64 / 2.0;
        order[start..start + same].iter().for_each(|&row| ranks[row as usize] = rank);
        start += same;
    }
    ranks
}

/// Pearson's correlation of finite columns; 0 where one of them does not vary.
pub(super) fn correlation(left: &[f64], right: &[f64]) -> f64 {
    let count = left.len().min(right.len()).max(1) as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / count;
    let (mean_left, mean_right) = (mean(left), mean(right));
    let (mut cross, mut squares_left, mut squares_right) = (0.0, 0.0, 0.0);
    for (a, b) in left.iter().zip(right) {
        cross += (a - mean_left) * (b - mean_right);
        squares_left += (a - mean_left).powi(2);
        squares_right += (b - mean_right).powi(2);
    }
    let scale = f64::sqrt(squares_left) * f64::sqrt(squares_right);
    if scale > 0.0 && scale.is_finite() { cross / scale } else { 0.0 }
}

/// The rows where both are finite.
pub(super) fn both_finite(left: &[f64], right: &[f64]) -> (Vec<f64>, Vec<f64>) {
    left.iter().zip(right).filter(|(a, b)| a.is_finite() && b.is_finite()).map(|(a, b)| (*a, *b)).unzip()
}

/// Area under the ROC curve of finite `values` for class 1, by the rank sum; `None` with fewer than five rows of either
/// class.
pub(super) fn area_under_curve(values: &[f64], classes: &[f64]) -> Option<f64> {
    let ones: f64 = classes.iter().sum();
    let zeros = classes.len() as f64 - ones;
    if ones < 5.0 || zeros < 5.0 {
        return None;
    }
    let sum: f64 = ranks(values).iter().zip(classes).map(|(rank, class)| rank * class).sum();
    Some((sum - ones * (ones + 1.0) / 2.0) / (ones * zeros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_their_rank() {
        assert_eq!(ranks(&[10.0, 20.0, 10.0, 30.0]), [1.5, 3.0, 1.5, 4.0]);
    }

    #[test]
    fn correlation_and_area_agree_with_scipy_and_scikit_learn() {
        // scipy.stats.spearmanr(range(10), [0, 1, 2, 3, 4, 5, 6, 7, 9, 8]).statistic, SciPy 1.16
        let x: Vec<f64> = (0..10).map(f64::from).collect();
        let y = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 9.0, 8.0];
        assert!((correlation(&ranks(&x), &ranks(&y)) - 0.987_878_787_878_787_8).abs() < 1e-12);
        // sklearn.metrics.roc_auc_score([0, 0, 0, 0, 0, 1, 0, 1, 1, 1, 1], range(11)), scikit-learn 1.7: 29 / 30
        let classes = [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0];
        let x: Vec<f64> = (0..11).map(f64::from).collect();
        assert!((area_under_curve(&x, &classes).unwrap() - 29.0 / 30.0).abs() < 1e-12);
    }
}
