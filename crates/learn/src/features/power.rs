//! Powers that make a distribution look normal, by greatest likelihood.

/// The power transform of Yeo and Johnson (Biometrika 2000, 87(4)).
pub(super) fn yeo_johnson(value: f64, lambda: f64) -> f64 {
    if value >= 0.0 { powered(value.ln_1p(), lambda) } else { -powered((-value).ln_1p(), 2.0 - lambda) }
}

/// The power transform of Box and Cox (JRSS B 1964, 26(2)), for values above 0.
pub(super) fn box_cox(value: f64, lambda: f64) -> f64 {
    powered(value.ln(), lambda)
}

/// `(exp(logarithm * power) - 1) / power`, and its limit where the power is 0.
fn powered(logarithm: f64, power: f64) -> f64 {
    if power.abs() < f64::EPSILON { logarithm } else { (logarithm * power).exp_m1() / power }
}

/// What is minimised for Yeo and Johnson's power: minus twice the log-likelihood over the number of values.
pub(super) fn yeo_johnson_loss(values: &[f64], lambda: f64) -> f64 {
    let count = values.len() as f64;
    let jacobian: f64 = values.iter().map(|value| value.abs().ln_1p().copysign(*value)).sum();
    variance(values, |value| yeo_johnson(value, lambda)).ln() - 2.0 * (lambda - 1.0) * jacobian / count
}

/// The same for Box and Cox's power.
pub(super) fn box_cox_loss(values: &[f64], lambda: f64) -> f64 {
    let count = values.len() as f64;
    let jacobian: f64 = values.iter().map(|value| value.ln()).sum();
    variance(values, |value| box_cox(value, lambda)).ln() - 2.0 * (lambda - 1.0) * jacobian / count
}

/// Numbers nearer together than this, relative to their mean, have lost their digits.
const TOGETHER: f64 = 1e-7;

/// The variance of the transformed values; NaN where the power leaves too few digits to tell them apart.
fn variance(values: &[f64], of: impl Fn(f64) -> f64) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().map(|&value| of(value)).sum::<f64>() / count;
    let variance = values.iter().map(|&value| (of(value) - mean).powi(2)).sum::<f64>() / count;
    if variance.sqrt() > TOGETHER * mean.abs() { variance } else { f64::NAN }
}

/// The power of least loss, found to about eight digits: a grid, then golden sections around its best place. 1, which
/// changes nothing but location, where no power has a finite loss.
pub(super) fn fit(values: &[f64], loss: impl Fn(&[f64], f64) -> f64) -> f64 {
    let worth = |lambda: f64| {
        let loss = loss(values, lambda);
        if loss.is_finite() { loss } else { f64::INFINITY }
    };
    let (mut low, mut high) = (-2.0, 2.0);
    let mut best = (1.0, worth(1.0));
    // The grid grows on the side where the best place lies at its end.
    for _ in 0..6 {
        let step = (high - low) / 16.0;
        for place in 0..=16 {
            let lambda = low + step * f64::from(place);
            let worth = worth(lambda);
            if worth < best.1 {
                best = (lambda, worth);
            }
        }
        if best.0 - low < step {
            low -= 2.0 * (high - low);
        } else if high - best.0 < step {
            high += 2.0 * (high - low);
        } else {
            break;
        }
    }
    if !best.1.is_finite() {
        return 1.0;
    }
    let step = (high - low) / 16.0;
    golden(best.0 - step, best.0 + step, worth)
}

fn golden(mut low: f64, mut high: f64, worth: impl Fn(f64) -> f64) -> f64 {
    let part = (5.0_f64.sqrt() - 1.0) / 2.0;
    let mut inner = [high - part * (high - low), low + part * (high - low)];
    let mut worths = inner.map(&worth);
    while high - low > 1e-9 * (1.0 + low.abs().max(high.abs())) {
        if worths[0] <= worths[1] {
            high = inner[1];
            inner = [high - part * (high - low), inner[0]];
            worths = [worth(inner[0]), worths[0]];
        } else {
            low = inner[0];
            inner = [inner[1], low + part * (high - low)];
            worths = [worths[1], worth(inner[1])];
        }
    }
    low + (high - low) / 2.0
}
