//! One temperature for all classes, by Newton steps on its inverse: the loss is convex in it.

/// Keeps logarithms finite.
const LEAST: f64 = 1e-12;

pub(super) fn fit(truth: &[f64], classes: usize, values: &[f64], weight: &dyn Fn(usize) -> f64) -> f64 {
    let logs: Vec<f64> = values.iter().map(|share| share.max(LEAST).ln()).collect();
    // First and second derivative of the loss with respect to the inverse temperature.
    let slopes = |inverse: f64| {
        let (mut first, mut second) = (0.0, 0.0);
        for (row, logs) in logs.chunks_exact(classes).enumerate() {
            let highest = logs.iter().fold(f64::NEG_INFINITY, |highest, log| highest.max(inverse * log));
            let (mut sum, mut mean, mut square) = (0.0, 0.0, 0.0);
            for log in logs {
                let share = (inverse * log - highest).exp();
                sum += share;
                mean += share * log;
                square += share * log * log;
            }
            (mean, square) = (mean / sum, square / sum);
            first += weight(row) * (mean - logs[truth[row] as usize]);
            second += weight(row) * (square - mean * mean);
        }
        (first, second)
    };
    let (mut low, mut high) = (1e-3, 1e3);
    let mut inverse: f64 = 1.0;
    for _ in 0..100 {
        let (first, second) = slopes(inverse);
        if first > 0.0 {
            high = inverse
        } else {
            low = inverse
        }
        let newton = inverse - first / second;
        // Outside of what is known to hold the minimum, halve it on the logarithm.
        let next = if newton > low && newton < high { newton } else { (low * high).sqrt() };
        if (next - inverse).abs() <= 1e-13 * inverse {
            break;
        }
        inverse = next;
    }
    1.0 / inverse
}

pub(super) fn apply(row: &mut [f64], temperature: f64) {
    let logs: Vec<f64> = row.iter().map(|share| share.max(LEAST).ln() / temperature).collect();
    let highest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logs.iter().map(|log| (log - highest).exp()).sum();
    row.iter_mut().zip(logs).for_each(|(share, log)| *share = (log - highest).exp() / sum);
}
