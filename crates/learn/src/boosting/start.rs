//! Where a fit starts: its loss, the constant that suits the target best, and the unit of its scores.
//!
//! A score of a loss on differences is relative to the start and in a unit of the target's own, so that single precision
//! loses nothing where the target is far off zero or huge.

use super::exponential::{ln, ln_ratio};
use super::loss::{Curve, Loss};
use super::renewal::middle;
use crate::estimator::{LearnError, Sample};

/// The loss asked for and the parameters of all losses, in the target's unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// The loss, told from the target when absent.
    pub(crate) loss: Option<Loss>,
    /// Level of the quantile.
    pub(crate) quantile: f64,
    /// Where Huber's loss turns linear.
    pub(crate) huber_delta: f64,
    /// Tweedie's variance power.
    pub(crate) tweedie_power: f64,
    /// Added to the score in Poisson's hessian.
    pub(crate) poisson_max_step: f64,
}

/// Where the scores start and in what unit they are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Start {
    /// The loss.
    pub(crate) curve: Curve,
    /// The constant each output starts at.
    pub(crate) base: Vec<f64>,
    /// A score of 1 stands for this much of the target; a power of two, 1 where scores are not differences of targets.
    pub(crate) unit: f64,
}

/// The loss that fits the target: the one asked for, or the usual one.
///
/// # Errors
/// `loss-does-not-fit`.
pub(crate) fn loss_for(asked: Option<Loss>, classes: usize) -> Result<Loss, LearnError> {
    let usual = match classes {
        0 => Loss::Squared,
        2 => Loss::LogLoss,
        _ => Loss::Softmax,
    };
    let Some(asked) = asked else { return Ok(usual) };
    let fits = match asked {
        Loss::LogLoss => classes == 2,
        Loss::Softmax => classes > 2 || classes == 1,
        _ => classes == 0,
    };
    if fits {
        return Ok(asked);
    }
    let name = |loss: Loss| serde_json::to_value(loss).ok().and_then(|value| value.as_str().map(str::to_owned));
    let (asked, usual) = (name(asked).unwrap_or_default(), name(usual).unwrap_or_default());
    let target = if classes == 0 { "numbers".to_owned() } else { format!("{classes} classes") };
    Err(LearnError {
        code: "loss-does-not-fit",
        message: format!("loss `{asked}` does not fit a target of {target}"),
        help: Some(if classes == 0 {
            format!("leave `loss` out, which takes `{usual}`, or set the task to classification")
        } else {
            let task = if asked == "rank" { "ranking" } else { "regression" };
            format!("leave `loss` out, which takes `{usual}`, or set `task: {task}` if the target is a number")
        }),
        field: Some("loss"),
    })
}

fn unfit(code: &'static str, message: String, help: &str) -> LearnError {
    LearnError { code, message, help: Some(help.to_owned()), field: Some("loss") }
}

impl Start {
    /// The best constant for `sample`, whose weights sum to `weight`.
    ///
    /// # Errors
    /// `single-class`, `loss-does-not-fit`, `target-negative`, `target-all-zero`, `target-not-a-relevance`.
    pub(crate) fn of(sample: &Sample<'_>, weight: f64, asked: &Asked) -> Result<Self, LearnError> {
        let loss = loss_for(asked.loss, sample.classes)?;
        let plain = |base, shape: f64| Self { curve: Curve { loss, shape: shape as f32 }, base, unit: 1.0 };
        let count = sample.y.len() as f64;
        let weight_of = |row: usize| sample.weights.map_or(1.0, |weights| weights[row] / weight * count);
        let mean = || sample.y.iter().enumerate().map(|(row, y)| y * weight_of(row)).sum::<f64>() / count;
        let quantile = |level| {
            let weights = sample.weights.filter(|weights| weights.iter().any(|weight| *weight != 1.0));
            middle(sample.y.iter().copied().enumerate().map(|(row, y)| (y, weights.map_or(1.0, |all| all[row]))), level)
        };
        let (base, shape) = match loss {
            Loss::Squared => (mean(), 0.0),
            Loss::Huber => (mean(), asked.huber_delta),
            Loss::Absolute => (quantile(0.5), 0.5),
            Loss::Quantile => (quantile(asked.quantile), asked.quantile),
            Loss::Poisson | Loss::Tweedie => {
                let shape = if loss == Loss::Poisson { asked.poisson_max_step } else { asked.tweedie_power };
                if let Some((row, value)) = sample.y.iter().enumerate().find(|value| *value.1 < 0.0) {
                    let message = format!("the target of row {row} is {value}, below 0, which a log link cannot reach");
                    return Err(unfit("target-negative", message, "use `loss: squared`, `huber` or `absolute`"));
                }
                let mean = mean();
                if mean <= 0.0 {
                    let message = "the target is 0 in every row of weight, so its logarithm has no start".to_owned();
                    return Err(unfit("target-all-zero", message, "check the target, or use `loss: squared`"));
                }
                return Ok(plain(vec![ln(mean)], shape));
            }
            Loss::Rank => return Ok(plain(vec![0.0], 0.0)),
            Loss::LogLoss => {
                let sums = super::target::class_weights(sample)?;
                return Ok(plain(vec![ln_ratio(sums[1], sums[0])], 0.0));
            }
            Loss::Softmax => {
                let sums = super::target::class_weights(sample)?;
                return Ok(plain(sums.iter().map(|sum| ln_ratio(sum.max(weight * 1e-12), weight)).collect(), 0.0));
            }
        };
        let unit = unit(sample, base);
        let shape = if loss == Loss::Huber { shape / unit } else { shape };
        // a delta beyond single precision is as good as none
        let shape = shape.clamp(f64::from(f32::MIN_POSITIVE), f64::from(f32::MAX)) as f32;
        Ok(Self { curve: Curve { loss, shape }, base: vec![base], unit })
    }

    /// The start of a fit that goes on from another whose sums start at `base`.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub(crate) fn after(sample: &Sample<'_>, weight: f64, asked: &Asked, base: &[f64]) -> Result<Self, LearnError> {
        let start = Self::of(sample, weight, asked)?;
        if !start.is_relative() || start.base == base {
            return Ok(Self { base: base.to_vec(), ..start });
        }
        let unit = unit(sample, base[0]);
        let shape = match start.curve.loss {
            Loss::Huber => (asked.huber_delta / unit).clamp(f64::from(f32::MIN_POSITIVE), f64::from(f32::MAX)) as f32,
            _ => start.curve.shape,
        };
        Ok(Self { curve: Curve { shape, ..start.curve }, base: base.to_vec(), unit })
    }

    /// Whether scores are differences from the start, in a unit of their own.
    const fn is_relative(&self) -> bool {
        matches!(self.curve.loss, Loss::Squared | Loss::Absolute | Loss::Huber | Loss::Quantile)
    }

    /// Whether every hessian is the row's weight.
    pub(crate) const fn is_flat(&self) -> bool {
        self.is_relative()
    }

    /// What a gradient of 1 stands for in the target's unit.
    pub(crate) const fn gradient_unit(&self) -> f64 {
        if matches!(self.curve.loss, Loss::Squared | Loss::Huber) { self.unit } else { 1.0 }
    }

    /// The quantile of its rows' residuals that a leaf takes as its value, where gradients only say which rows belong
    /// together.
    pub(crate) fn renewed(&self) -> Option<f64> {
        match self.curve.loss {
            Loss::Absolute | Loss::Quantile => Some(f64::from(self.curve.shape)),
            _ => None,
        }
    }

    /// A target in the loss's own terms: relative to the start, a class code, or as it is.
    pub(crate) fn label(&self, y: f64) -> f32 {
        if self.is_relative() { ((y - self.base[0]) / self.unit) as f32 } else { y as f32 }
    }

    /// The score of output `k` before the first tree.
    pub(crate) fn score(&self, k: usize) -> f32 {
        if self.is_relative() { 0.0 } else { self.base[k] as f32 }
    }

    /// A score as the model's sum of output `k`.
    pub(crate) fn sum(&self, k: usize, score: f32) -> f64 {
        if self.is_relative() { self.base[k] + f64::from(score) * self.unit } else { f64::from(score) }
    }

    /// The mean loss to report, from the sum over the rows and the sum of their weights.
    pub(crate) fn mean(&self, sum: f64, weight: f64) -> f64 {
        match self.curve.loss {
            Loss::Squared => (sum * 2.0 / weight).sqrt() * self.unit,
            Loss::Huber => sum / weight * self.unit * self.unit,
            Loss::Absolute | Loss::Quantile => sum / weight * self.unit,
            _ => sum / weight,
        }
    }
}

/// The largest power of two up to the largest distance of a target from `base`.
fn unit(sample: &Sample<'_>, base: f64) -> f64 {
    let largest = sample.y.iter().fold(0.0_f64, |most, y| most.max((y - base).abs()));
    // the exponent's bits alone: a power of two, by which nothing is rounded
    let unit = f64::from_bits(largest.to_bits() & 0x7ff0_0000_0000_0000);
    if unit >= f64::MIN_POSITIVE { unit } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) const PLAIN: Asked =
        Asked { loss: None, quantile: 0.5, huber_delta: 0.9, tweedie_power: 1.5, poisson_max_step: 0.7 };

    #[test]
    fn a_regression_starts_at_its_weighted_mean_in_a_unit_of_its_own() {
        let x = crate::matrix::Matrix { features: Vec::new(), rows: 3 };
        let sample = Sample { weights: Some(&[2.0, 1.0, 0.0]), ..Sample::new(&x, &[1e9, 1e9 + 300.0, 0.0], 0) };
        let start = Start::of(&sample, 3.0, &PLAIN).unwrap();
        assert!((start.base[0] - (1e9 + 100.0)).abs() < 1e-6);
        let sample = Sample { y: &[1e9, 1e9 + 300.0, 1e9], weights: None, ..sample };
        let start = Start::of(&sample, 3.0, &PLAIN).unwrap();
        assert_eq!(start.unit, 128.0);
        assert!((start.label(1e9 + 300.0) - 1.562_5).abs() < 1e-6);
        assert!((start.mean(0.5 * 3.0 * 4.0, 3.0) - 256.0).abs() < 1e-9);
        assert!((start.sum(0, start.label(1e9 + 300.0)) - (1e9 + 300.0)).abs() < 1e-3);
    }

    #[test]
    fn each_loss_starts_where_it_is_least() {
        let x = crate::matrix::Matrix { features: Vec::new(), rows: 5 };
        let sample = Sample::new(&x, &[0.0, 1.0, 2.0, 3.0, 100.0], 0);
        let base = |loss, quantile| {
            let asked = Asked { loss: Some(loss), quantile, ..PLAIN };
            Start::of(&sample, 5.0, &asked).unwrap().base[0]
        };
        assert_eq!(base(Loss::Absolute, 0.5), 2.0);
        assert_eq!(base(Loss::Quantile, 0.25), 1.0);
        assert!((base(Loss::Quantile, 0.125) - 0.5).abs() < 1e-12);
        assert_eq!(base(Loss::Rank, 0.5), 0.0);
        assert!((base(Loss::Poisson, 0.5) - 21.2_f64.ln()).abs() < 1e-12);
        assert!((base(Loss::Tweedie, 0.5) - 21.2_f64.ln()).abs() < 1e-12);
        let weighted = Sample { weights: Some(&[1.0, 0.0, 0.0, 5.0, 1.0]), ..sample };
        let asked = Asked { loss: Some(Loss::Absolute), ..PLAIN };
        assert_eq!(Start::of(&weighted, 7.0, &asked).unwrap().base[0], 3.0);
    }

    #[test]
    fn a_loss_that_does_not_fit_is_refused() {
        let x = crate::matrix::Matrix { features: Vec::new(), rows: 2 };
        let code = |loss, y: &[f64], classes| {
            let asked = Asked { loss: Some(loss), ..PLAIN };
            Start::of(&Sample::new(&x, y, classes), 2.0, &asked).unwrap_err().code
        };
        assert_eq!(code(Loss::LogLoss, &[0.0, 1.0], 0), "loss-does-not-fit");
        assert_eq!(code(Loss::Huber, &[0.0, 1.0], 2), "loss-does-not-fit");
        assert_eq!(code(Loss::Rank, &[0.0, 1.0], 3), "loss-does-not-fit");
        assert_eq!(code(Loss::Poisson, &[0.0, -1.0], 0), "target-negative");
        assert_eq!(code(Loss::Tweedie, &[0.0, 0.0], 0), "target-all-zero");
    }
}
