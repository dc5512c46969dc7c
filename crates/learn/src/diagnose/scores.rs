//! What the scores of an evaluation tell: a model no better than guessing, one that knows its training rows much
//! better, a metric that says nothing of these data.

use std::collections::BTreeMap;

use trainyard_core::{
    Severity, Warning,
    evaluation::{Evaluation, JudgedModel},
};

use super::percent;
use crate::metrics::{self, Direction};

/// The share of the largest class from which on accuracy says little.
const MOSTLY: f64 = 0.9;
/// How much an error on unseen rows may be above that on training rows, as a share of what a plain guess errs.
const ERROR_GAP: f64 = 0.2;
/// How much a score on training rows (where 1 is perfect) may be above that on unseen rows.
const SCORE_GAP: f64 = 0.1;

/// Every warning about an evaluation; `training` holds each model's deciding metric on its own training rows, where it
/// was measured.
#[must_use]
pub fn warnings(evaluation: &Evaluation, training: &BTreeMap<String, f64>) -> Vec<Warning> {
    let mut warnings: Vec<Warning> =
        evaluation.models.iter().filter_map(|(name, model)| worse_than_baseline(evaluation, name, model)).collect();
    warnings.extend(metric_unfit(evaluation));
    warnings.extend(
        evaluation
            .models
            .iter()
            .filter_map(|(name, model)| train_test_gap(evaluation, name, model, *training.get(name)?)),
    );
    warnings
}

/// `worse-than-baseline`: guessing, or a model of one feature, scores as well. It matters most of the best model.
fn worse_than_baseline(evaluation: &Evaluation, name: &str, model: &JudgedModel) -> Option<Warning> {
    let metric = metrics::metric(&evaluation.decided_by)?;
    let own = model.metrics.get(metric.name)?;
    let (guess, best) = evaluation
        .baselines
        .iter()
        .filter_map(|(guess, measured)| Some((guess, measured.get(metric.name)?)))
        .min_by(|a, b| metric.direction.loss(a.1.value).total_cmp(&metric.direction.loss(b.1.value)))?;
    if metric.direction.better(own.value, best.value) {
        return None;
    }
    let message = format!(
        "`{name}` is no better than the baseline `{guess}`: {} {:.4} against {:.4}",
        metric.name, own.value, best.value
    );
    Some(
        Warning::new("worse-than-baseline", message)
            .severity(if *name == evaluation.best { Severity::High } else { Severity::Medium })
            .help("do the features say anything of the target? look for a broken join, shifted rows or a wrong target; try a simpler model")
            .number("value", own.value)
            .number("baseline", best.value),
    )
}

/// `metric-unfit`: the deciding metric says little of these data.
fn metric_unfit(evaluation: &Evaluation) -> Option<Warning> {
    if evaluation.decided_by != "accuracy" {
        return None;
    }
    // Every model is judged on the same rows, so that the first tells how many there are of each class.
    let confusion = &evaluation.models.values().next()?.pictures.confusion;
    let counts: Vec<u64> = confusion.iter().map(|row| row.iter().sum()).collect();
    let (class, largest) = counts.iter().enumerate().max_by_key(|(_, rows)| **rows)?;
    let share = *largest as f64 / counts.iter().sum::<u64>().max(1) as f64;
    if share < MOSTLY {
        return None;
    }
    let name = evaluation.classes.get(class).map_or("", String::as_str);
    let message = format!(
        "`accuracy` decides, but {} of the rows are of class `{name}`: always saying so is as accurate",
        percent(share)
    );
    Some(
        Warning::new("metric-unfit", message)
            .severity(Severity::High)
            .help("choose by `average_precision`, `roc_auc`, `mcc` or `balanced_accuracy` under `best`")
            .number("share", share),
    )
}

/// `train-test-gap`: the model knows its training rows much better than unseen ones.
fn train_test_gap(evaluation: &Evaluation, name: &str, model: &JudgedModel, training: f64) -> Option<Warning> {
    let metric = metrics::metric(&evaluation.decided_by)?;
    let unseen = model.metrics.get(metric.name)?;
    let gap = match metric.direction {
        Direction::Higher => training - unseen.value > SCORE_GAP && training > unseen.high,
        Direction::Lower => {
            let guesses = evaluation.baselines.values().filter_map(|measured| measured.get(metric.name));
            let guess = guesses.map(|measured| measured.value).reduce(f64::max)?;
            unseen.value - training > ERROR_GAP * guess && training < unseen.low
        }
        Direction::NearZero => false,
    };
    if !gap {
        return None;
    }
    let message = format!(
        "`{name}` has {} {training:.4} on its training rows and {:.4} ({:.4} to {:.4}) on unseen ones",
        metric.name, unseen.value, unseen.low, unseen.high
    );
    Some(
        Warning::new("train-test-gap", message)
            .severity(Severity::Low)
            .help("it learns rows by heart: fewer or shallower trees, stronger regularisation, or more rows may do better")
            .number("training", training)
            .number("unseen", unseen.value),
    )
}

#[cfg(test)]
mod tests {
    use trainyard_core::{
        Digest,
        evaluation::{Measured, Pictures, Task},
    };

    use super::*;

    fn measured(metric: &str, value: f64) -> BTreeMap<String, Measured> {
        let measured =
            Measured { value, low: value - 0.02, high: value + 0.02, level: 0.95, method: "delta".to_owned() };
        [(metric.to_owned(), measured)].into()
    }

    fn evaluation(metric: &str, value: f64, baseline: f64, confusion: Vec<Vec<u64>>) -> Evaluation {
        let model = JudgedModel {
            digest: Digest::of(b"model"),
            estimator: "linear".to_owned(),
            metrics: measured(metric, value),
            resampled: BTreeMap::new(),
            importance: Vec::new(),
            pictures: Pictures { confusion, ..Pictures::default() },
            details: trainyard_core::judgement::Details::default(),
        };
        Evaluation {
            task: if metric == "rmse" { Task::Regression } else { Task::Binary },
            target: "y".to_owned(),
            classes: vec!["no".to_owned(), "yes".to_owned()],
            part: "test".to_owned(),
            rows: 100,
            decided_by: metric.to_owned(),
            best: "m".to_owned(),
            models: [("m".to_owned(), model)].into(),
            baselines: [("guess".to_owned(), measured(metric, baseline))].into(),
            slices: Vec::new(),
            comparisons: Vec::new(),
            champion: None,
            gates: Vec::new(),
        }
    }

    fn codes(evaluation: &Evaluation, training: f64) -> Vec<String> {
        let found = warnings(evaluation, &[("m".to_owned(), training)].into());
        found.into_iter().map(|warning| warning.code).collect()
    }

    #[test]
    fn scores_speak_for_themselves() {
        let fair = vec![vec![50, 10], vec![5, 35]];
        assert_eq!(codes(&evaluation("accuracy", 0.85, 0.6, fair.clone()), 0.9), [""; 0]);
        assert_eq!(codes(&evaluation("accuracy", 0.6, 0.6, fair.clone()), 0.6), ["worse-than-baseline"]);
        assert_eq!(codes(&evaluation("accuracy", 0.85, 0.6, fair), 0.99), ["train-test-gap"]);
        let rare = vec![vec![95, 2], vec![1, 2]];
        assert_eq!(codes(&evaluation("accuracy", 0.975, 0.97, rare.clone()), 0.98), ["metric-unfit"]);
        assert_eq!(codes(&evaluation("roc_auc", 0.975, 0.5, rare), 0.98), [""; 0]);
        assert_eq!(codes(&evaluation("rmse", 3.0, 9.0, Vec::new()), 1.5), [""; 0]);
        assert_eq!(codes(&evaluation("rmse", 3.0, 2.0, Vec::new()), 0.5), ["worse-than-baseline", "train-test-gap"]);
    }
}
