//! What is shown of a metric: its name as people write it, which way is better, and how far a model is from a baseline.

use trainyard_core::evaluation::Measured;

use crate::number;

/// The metric's name as people write it: `rmse` is RMSE, `r2` is R², `log_loss` is log loss.
#[must_use]
pub fn label(metric: &str) -> String {
    match metric {
        "r2" => "R²".to_owned(),
        "roc_auc" => "ROC AUC".to_owned(),
        "roc_auc_ovr" => "ROC AUC, one against rest".to_owned(),
        "auc" | "rmse" | "mae" | "mse" | "mape" | "smape" | "rmsle" | "ece" | "mcc" | "map" | "nab" | "ari" | "ami" => {
            metric.to_uppercase()
        }
        "ndcg" | "ndcg@5" | "ndcg@10" => metric.to_uppercase(),
        "f2" => "F₂".to_owned(),
        "f0.5" => "F₀.₅".to_owned(),
        "cohen_kappa" => "Cohen’s κ".to_owned(),
        "f1" => "F₁".to_owned(),
        "macro_f1" | "f1_macro" => "macro F₁".to_owned(),
        "medae" | "median_absolute_error" => "median abs. error".to_owned(),
        other => other.replace(['_', '-'], " "),
    }
}

/// Which values of a metric are better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Errors, losses, scores such as Brier's.
    Smaller,
    /// Shares of right answers and the like; also metrics not known here.
    Larger,
    /// The bias of a regression.
    NearZero,
}

impl Better {
    /// How bad a value is: the smaller the better, whatever the metric.
    #[must_use]
    pub fn badness(self, value: f64) -> f64 {
        match self {
            Self::Smaller => value,
            Self::Larger => -value,
            Self::NearZero => value.abs(),
        }
    }

    /// In words, for a table's head.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Smaller => "smaller is better",
            Self::Larger => "larger is better",
            Self::NearZero => "near zero is better",
        }
    }

    /// As a sign, for a table's head.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Smaller => "↓",
            Self::Larger => "↑",
            Self::NearZero => "→0",
        }
    }
}

/// Which values of the metric are better, by its name.
#[must_use]
pub fn better(metric: &str) -> Better {
    let metric = metric.to_lowercase();
    let exactly = ["mae", "medae", "mse", "mape", "smape", "rmsle", "ece", "cost", "interval_width", "set_size"];
    let part_of = ["error", "loss", "brier", "deviance", "rmse", "pinball", "nll", "perplexity"];
    if metric == "bias" {
        Better::NearZero
    } else if exactly.contains(&metric.as_str()) || part_of.iter().any(|part| metric.contains(part)) {
        Better::Smaller
    } else {
        Better::Larger
    }
}

/// `3.05 (2.93–3.18)`, with as many decimals as the interval's width deserves.
#[must_use]
pub fn with_interval(measured: &Measured) -> String {
    let (value, interval) = parts(measured);
    interval.map_or(value.clone(), |interval| format!("{value} ({interval})"))
}

/// The value and, where it has one, its interval, to the same number of decimals.
#[must_use]
pub fn parts(measured: &Measured) -> (String, Option<String>) {
    let Some(decimals) = number::decimals_for(measured.high - measured.low) else {
        return (number::significant(measured.value, 4), None);
    };
    let fixed = |value| number::fixed(value, decimals);
    let joint = if measured.low < 0.0 { " to " } else { "–" };
    (fixed(measured.value), Some(format!("{}{joint}{}", fixed(measured.low), fixed(measured.high))))
}

/// How `value` compares with a baseline's: `82 % below`, `0.43 above`, and whether that is better. Errors compare as a
/// ratio, everything else as a difference. Nothing where either is not a number.
#[must_use]
pub fn against(metric: &str, value: f64, baseline: f64) -> Option<(String, bool)> {
    if !value.is_finite() || !baseline.is_finite() {
        return None;
    }
    let way_round = better(metric);
    let way = if value < baseline { "below" } else { "above" };
    if (value - baseline).abs() <= 1e-12 * baseline.abs().max(1e-300) {
        return Some(("no different from".to_owned(), false));
    }
    let better = way_round.badness(value) < way_round.badness(baseline);
    let text = if way_round == Better::Smaller && baseline > 0.0 {
        let ratio = (baseline - value).abs() / baseline;
        if ratio > 9.995 {
            format!("{} times", number::significant(value / baseline, 2))
        } else {
            number::percent(ratio)
        }
    } else {
        number::significant((value - baseline).abs(), 2)
    };
    Some((if text.ends_with("times") { text } else { format!("{text} {way}") }, better))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(value: f64, low: f64, high: f64) -> Measured {
        Measured { value, low, high, level: 0.95, method: "bootstrap".to_owned() }
    }

    #[test]
    fn an_interval_decides_the_decimals() {
        assert_eq!(with_interval(&measured(3.0512, 2.934, 3.1811)), "3.05 (2.93–3.18)");
        assert_eq!(with_interval(&measured(0.9283, 0.9231, 0.9334)), "0.928 (0.923–0.933)");
        assert_eq!(with_interval(&measured(-0.1, -0.2, 0.05)), "−0.10 (−0.20 to 0.05)");
        assert_eq!(with_interval(&measured(0.5, f64::NAN, f64::NAN)), "0.5");
    }

    #[test]
    fn errors_compare_as_a_ratio_and_scores_as_a_difference() {
        assert_eq!(against("rmse", 3.05, 17.0), Some(("82\u{202f}% below".to_owned(), true)));
        assert_eq!(against("auc", 0.93, 0.5), Some(("0.43 above".to_owned(), true)));
        assert_eq!(against("log_loss", 0.8, 0.4), Some(("100\u{202f}% above".to_owned(), false)));
        assert_eq!(against("r2", 0.0, 0.0), Some(("no different from".to_owned(), false)));
        assert_eq!(against("rmse", f64::NAN, 1.0), None);
    }

    #[test]
    fn knows_which_way_is_better() {
        for metric in ["rmse", "log_loss", "brier", "mae", "medae", "mape", "max_error", "mean_pinball_loss"] {
            assert_eq!(better(metric), Better::Smaller, "{metric}");
        }
        for metric in ["roc_auc", "roc_auc_ovr", "accuracy", "r2", "f1_macro", "average_precision", "recall", "mcc"] {
            assert_eq!(better(metric), Better::Larger, "{metric}");
        }
        assert_eq!(against("bias", -0.1, 0.5), Some(("0.6 below".to_owned(), true)));
        assert_eq!(against("bias", -0.9, 0.5), Some(("1.4 below".to_owned(), false)));
    }
}
