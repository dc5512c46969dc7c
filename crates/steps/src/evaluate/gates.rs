//! Gates: conditions that the best model must meet, written as `rmse <= 4.0` or `beats baseline`.

use trainyard_core::{
    Problem,
    evaluation::{Evaluation, Gate},
    judgement,
};
use trainyard_learn::metrics;

use super::comparisons::CHAMPION;

/// A condition in a form that can be judged.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    /// A metric compared with a number.
    Metric {
        /// The metric.
        metric: String,
        /// How it compares.
        comparison: Comparison,
        /// The number.
        bound: f64,
    },
    /// Better than every baseline in the deciding metric.
    BeatsBaseline,
    /// Better than the registered champion in the deciding metric, by more than chance; met where there is none yet.
    BeatsChampion,
}

impl Condition {
    /// Whether a metric's value meets a comparison with a number; true for any other condition.
    pub(super) fn holds(&self, value: f64) -> bool {
        match self {
            Self::Metric { comparison, bound, .. } => comparison.holds(value, *bound),
            _ => true,
        }
    }
}

/// How two numbers compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    AtMost,
    AtLeast,
    Below,
    Above,
}

impl Comparison {
    fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::AtMost => value <= bound,
            Self::AtLeast => value >= bound,
            Self::Below => value < bound,
            Self::Above => value > bound,
        }
    }
}

const COMPARISONS: [(&str, Comparison); 4] =
    [("<=", Comparison::AtMost), (">=", Comparison::AtLeast), ("<", Comparison::Below), (">", Comparison::Above)];

/// Reads a condition; `measured` are the metrics that will be there.
pub(super) fn parse(text: &str, measured: &[&str]) -> Result<Condition, Problem> {
    let words: Vec<&str> = text.split_whitespace().collect();
    if words == ["beats", "baseline"] {
        return Ok(Condition::BeatsBaseline);
    }
    if words == ["beats", "champion"] {
        return Ok(Condition::BeatsChampion);
    }
    let Some((sign, comparison)) = COMPARISONS.into_iter().find(|(sign, _)| text.contains(sign)) else {
        return Err(Problem::error("bad-gate", format!("`{text}` is no gate"))
            .help("write `<metric> <= <number>` (or >=, <, >), `beats baseline` or `beats champion`"));
    };
    let (metric, bound) = text.split_once(sign).unwrap_or((text, ""));
    let (metric, bound) = (metric.trim(), bound.trim());
    if !measured.contains(&metric) {
        let mut problem = Problem::unknown("unknown-metric", "metric", metric, measured.iter().copied());
        if metrics::is_metric(metric) {
            problem.help = Some(format!("add `{metric}` to `metrics`; measured are: {}", measured.join(", ")));
        }
        return Err(problem);
    }
    let bound: f64 = bound
        .parse()
        .ok()
        .filter(|bound: &f64| bound.is_finite())
        .ok_or_else(|| Problem::error("bad-gate", format!("`{bound}` in gate `{text}` is no number")))?;
    Ok(Condition::Metric { metric: metric.to_owned(), comparison, bound })
}

/// Judges the best model of `evaluation` by a condition.
pub(super) fn judge(text: &str, condition: &Condition, evaluation: &Evaluation) -> Gate {
    let (passed, why) = match condition {
        Condition::Metric { metric, comparison, bound } => by_number(evaluation, metric, *comparison, *bound),
        Condition::BeatsBaseline => against_baselines(evaluation),
        Condition::BeatsChampion => against_champion(evaluation),
    };
    Gate { condition: text.to_owned(), passed, why }
}

/// The metric that a condition names, whether or not there is one of that name.
pub(super) fn metric(text: &str) -> Option<&str> {
    let (sign, _) = COMPARISONS.into_iter().find(|(sign, _)| text.contains(sign))?;
    text.split_once(sign).map(|(metric, _)| metric.trim())
}

fn against_champion(evaluation: &Evaluation) -> (bool, String) {
    let Some(champion) = &evaluation.champion else {
        return (false, "no `champion` is named to compare with".to_owned());
    };
    let Some(version) = champion.version else {
        return (true, format!("`{}` has no `{}` yet", champion.name, champion.alias));
    };
    let on_rows =
        |comparison: &&judgement::Comparison| comparison.against == CHAMPION && comparison.method != "nadeau-bengio";
    let Some(found) = evaluation.comparisons.iter().find(on_rows) else {
        return (false, format!("version {version} of `{}` could not be compared with", champion.name));
    };
    let better = metrics::metric(&found.metric).is_some_and(|metric| metric.direction.loss(found.difference) < 0.0);
    (better && found.p < 1.0 - found.level, found.verdict.clone())
}

fn by_number(evaluation: &Evaluation, metric: &str, comparison: Comparison, bound: f64) -> (bool, String) {
    let Some(measured) = evaluation.models.get(&evaluation.best).and_then(|model| model.metrics.get(metric)) else {
        return (false, format!("`{metric}` could not be measured"));
    };
    let value = measured.value;
    let passed = comparison.holds(value, bound);
    (passed, format!("`{}` has {metric} {value:.6} ({:.6} to {:.6})", evaluation.best, measured.low, measured.high))
}

fn against_baselines(evaluation: &Evaluation) -> (bool, String) {
    let metric = &evaluation.decided_by;
    let Some(best) = evaluation.models.get(&evaluation.best).and_then(|model| model.metrics.get(metric)) else {
        return (false, format!("`{metric}` could not be measured"));
    };
    let Some(direction) = metrics::metric(metric).map(|metric| metric.direction) else {
        return (false, format!("`{metric}` is no metric"));
    };
    let mut passed = true;
    let mut reasons = Vec::new();
    for (name, measured) in &evaluation.baselines {
        let Some(baseline) = measured.get(metric) else { continue };
        passed &= direction.better(best.value, baseline.value);
        reasons.push(format!("{metric} {:.6} against {:.6} of the baseline `{name}`", best.value, baseline.value));
    }
    (passed, reasons.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_conditions_and_refuses_the_rest() {
        let measured = ["rmse", "r2"];
        assert_eq!(
            parse("rmse <= 4.0", &measured),
            Ok(Condition::Metric { metric: "rmse".into(), comparison: Comparison::AtMost, bound: 4.0 })
        );
        assert_eq!(parse("beats  baseline", &measured), Ok(Condition::BeatsBaseline));
        assert_eq!(parse("rmsee < 4", &measured).unwrap_err().help.as_deref(), Some("did you mean `rmse`?"));
        assert_eq!(parse("mae < 4", &measured).unwrap_err().code, "unknown-metric");
        assert_eq!(parse("rmse <= four", &measured).unwrap_err().code, "bad-gate");
        assert_eq!(parse("rmse", &measured).unwrap_err().code, "bad-gate");
    }
}
