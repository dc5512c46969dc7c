//! Metrics, each with a confidence interval made by the method that suits it.
//!
//! [`METRICS`] is the list of what there is. The values are scikit-learn's, as checked by `bench/reference/metrics.py`.

mod binary;
mod bootstrap;
mod cells;
mod curves;
mod estimate;
mod intervals;
mod multiclass;
mod ranking;
mod regression;
mod residuals;
mod scored;
mod thin;

#[cfg(test)]
mod tests;

use trainyard_core::{
    evaluation::{Measured, Task},
    problem::nearest,
};

pub use cells::confusion_matrix;
pub use curves::{calibration_curve, precision_recall_curve, roc_curve};
use estimate::Estimate;
pub use residuals::{predicted_actual, residual_histogram};
pub use scored::Scored;
use scored::View;

use crate::{LearnError, features::numbers::quantile};

/// Which way a metric is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The higher the better.
    Higher,
    /// The lower the better.
    Lower,
    /// The nearer to zero the better.
    NearZero,
}

impl Direction {
    /// True when `one` is better than `other`; never when either is NaN.
    #[must_use]
    pub fn better(self, one: f64, other: f64) -> bool {
        self.loss(one) < self.loss(other)
    }

    /// The metric's value turned so that lower is better.
    #[must_use]
    pub fn loss(self, value: f64) -> f64 {
        match self {
            Self::Higher => -value,
            Self::Lower => value,
            Self::NearZero => value.abs(),
        }
    }
}

/// A metric that can be asked for by name.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name, such as `rmse`.
    pub name: &'static str,
    /// The tasks it fits.
    pub tasks: &'static [Task],
    /// Which way it is better.
    pub direction: Direction,
    /// What it tells, in a line.
    pub about: &'static str,
    estimate: fn(&View<'_>) -> Result<Estimate, LearnError>,
}

const REGRESSION: &[Task] = &[Task::Regression];
const BINARY: &[Task] = &[Task::Binary];
const MULTICLASS: &[Task] = &[Task::Multiclass];
const CLASSES: &[Task] = &[Task::Binary, Task::Multiclass];
const SCORES: &[Task] = &[Task::Binary, Task::Anomaly];

/// Every metric.
#[rustfmt::skip]
pub const METRICS: &[Metric] = &[
    Metric { name: "rmse", tasks: REGRESSION, direction: Direction::Lower, estimate: regression::rmse,
        about: "root of the mean squared error, in the target's unit; large errors weigh most" },
    Metric { name: "mae", tasks: REGRESSION, direction: Direction::Lower, estimate: regression::mae,
        about: "mean absolute error, in the target's unit" },
    Metric { name: "r2", tasks: REGRESSION, direction: Direction::Higher, estimate: regression::r2,
        about: "share of the target's variance that is explained; 1 is perfect, 0 is no better than the mean" },
    Metric { name: "medae", tasks: REGRESSION, direction: Direction::Lower, estimate: regression::medae,
        about: "median absolute error, in the target's unit; outliers do not matter" },
    Metric { name: "mape", tasks: REGRESSION, direction: Direction::Lower, estimate: regression::mape,
        about: "mean absolute error as a share of the actual value; meaningless where that comes near 0" },
    Metric { name: "bias", tasks: REGRESSION, direction: Direction::NearZero, estimate: regression::bias,
        about: "mean of predicted minus actual; above 0 the model predicts too much" },
    Metric { name: "accuracy", tasks: CLASSES, direction: Direction::Higher, estimate: multiclass::accuracy,
        about: "share of rows whose class is predicted right; says little where one class is rare" },
    Metric { name: "balanced_accuracy", tasks: CLASSES, direction: Direction::Higher,
        estimate: multiclass::balanced_accuracy,
        about: "share predicted right within each class, averaged over the classes" },
    Metric { name: "precision", tasks: BINARY, direction: Direction::Higher, estimate: binary::precision,
        about: "share of the rows predicted positive that are positive" },
    Metric { name: "recall", tasks: BINARY, direction: Direction::Higher, estimate: binary::recall,
        about: "share of the positive rows that are predicted positive" },
    Metric { name: "f1", tasks: BINARY, direction: Direction::Higher, estimate: binary::f1,
        about: "harmonic mean of precision and recall" },
    Metric { name: "mcc", tasks: BINARY, direction: Direction::Higher, estimate: binary::mcc,
        about: "Matthews correlation of predicted and actual class; 0 is chance, 1 is perfect" },
    Metric { name: "roc_auc", tasks: SCORES, direction: Direction::Higher, estimate: ranking::roc_auc,
        about: "chance that a positive row gets a higher score than a negative one; 0.5 is chance" },
    Metric { name: "average_precision", tasks: SCORES, direction: Direction::Higher,
        estimate: ranking::average_precision,
        about: "precision averaged over the recalls; the share of positives is chance; suits rare positives" },
    Metric { name: "log_loss", tasks: CLASSES, direction: Direction::Lower, estimate: multiclass::log_loss,
        about: "mean of -ln of the probability given to the actual class; punishes false certainty" },
    Metric { name: "brier", tasks: BINARY, direction: Direction::Lower, estimate: binary::brier,
        about: "mean squared error of the probability" },
    Metric { name: "f1_macro", tasks: MULTICLASS, direction: Direction::Higher, estimate: multiclass::f1_macro,
        about: "harmonic mean of precision and recall of each class, averaged over the classes" },
    Metric { name: "roc_auc_ovr", tasks: MULTICLASS, direction: Direction::Higher, estimate: ranking::roc_auc_ovr,
        about: "ROC AUC of each class against the rest, averaged over the classes" },
];

/// The metric of that name.
#[must_use]
pub fn metric(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

/// True when there is a metric of that name.
#[must_use]
pub fn is_metric(name: &str) -> bool {
    metric(name).is_some()
}

/// The names of the metrics that fit a task (of all, where none is given), the most telling first.
#[must_use]
pub fn names(task: Option<Task>) -> Vec<&'static str> {
    METRICS
        .iter()
        .filter(|metric| task.is_none_or(|task| metric.tasks.contains(&task)))
        .map(|metric| metric.name)
        .collect()
}

/// The metric that decides for a task where the user names none, such as `rmse`.
#[must_use]
pub const fn deciding(task: Task) -> &'static str {
    match task {
        Task::Regression => "rmse",
        Task::Binary => "roc_auc",
        Task::Multiclass => "log_loss",
        Task::Ranking => "ndcg",
        Task::Anomaly => "average_precision",
        Task::Clustering => "silhouette",
    }
}

/// The metric of that name for a task (for any, where none is given).
///
/// # Errors
/// `unknown-metric` with the nearest known name, and `metric-does-not-fit` with those that fit.
pub fn check(name: &str, task: Option<Task>) -> Result<&'static Metric, LearnError> {
    let Some(metric) = metric(name) else {
        return Err(LearnError {
            code: "unknown-metric",
            message: format!("no metric `{name}`"),
            help: Some(match nearest(name, names(task)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known are {}", quoted(&names(task))),
            }),
            field: Some("metrics"),
        });
    };
    match task {
        Some(task) if !metric.tasks.contains(&task) => Err(LearnError {
            code: "metric-does-not-fit",
            message: format!("metric `{name}` does not fit a {} target", task.name()),
            help: Some(format!("those that fit are {}", quoted(&names(Some(task))))),
            field: Some("metrics"),
        }),
        _ => Ok(metric),
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// One metric's value, without an interval.
///
/// # Errors
/// What [`measure`] tells.
pub fn value(name: &str, task: Task, scored: &Scored<'_>) -> Result<f64, LearnError> {
    let metric = check(name, Some(task))?;
    let view = scored.view(task)?;
    Ok((metric.estimate)(&view)?.value(&view))
}

/// Metrics with intervals of confidence `level` (such as 0.95), in the order asked for.
///
/// Proportions get Wilson's interval, areas under the ROC curve DeLong's, means (and `rmse` through its logarithm)
/// Student's, and the others the percentiles of 500 bootstrap samples drawn from `seed`. Where `scored` has groups, rows
/// of a group count as dependent: the closed forms use the variance between groups, the bootstrap draws whole groups.
///
/// # Errors
/// Each metric has its own: an unknown name, a metric that does not fit, rows that do not align or are not finite, or a
/// metric that is undefined for these rows (`single-class`, `class-absent`, `constant-target`, `too-few-rows`).
#[must_use]
pub fn measure(
    names: &[&str],
    task: Task,
    scored: &Scored<'_>,
    level: f64,
    seed: u64,
) -> Vec<(String, Result<Measured, LearnError>)> {
    let prepared = scored.view(task).and_then(|view| {
        if level > 0.0 && level < 1.0 {
            return Ok(view);
        }
        let message = format!("a confidence level must lie between 0 and 1, found {level}");
        Err(LearnError { code: "out-of-range", message, help: None, field: Some("level") })
    });
    let view = match prepared {
        Ok(view) => view,
        Err(problem) => {
            let told = |name: &&str| ((*name).to_owned(), check(name, Some(task)).and(Err(problem.clone())));
            return names.iter().map(told).collect();
        }
    };
    let estimates: Vec<Result<Estimate, LearnError>> =
        names.iter().map(|name| (check(name, Some(task))?.estimate)(&view)).collect();
    let resampled: Vec<_> = estimates.iter().flatten().filter_map(Estimate::resampled).collect();
    let mut replicates = bootstrap::replicates(&resampled, &view, seed).into_iter();
    let tail = (1.0 - level) / 2.0;
    let mut measured = Vec::with_capacity(names.len());
    for (name, estimate) in names.iter().zip(estimates) {
        let result = estimate.and_then(|estimate| {
            let value = estimate.value(&view);
            let (low, high, method) = if estimate.resampled().is_some() {
                let drawn = replicates.next().unwrap_or_default();
                if drawn.is_empty() {
                    (value, value, "bootstrap")
                } else {
                    (quantile(&drawn, tail), quantile(&drawn, 1.0 - tail), "bootstrap")
                }
            } else {
                intervals::closed(&estimate, &view, level)?
            };
            let method = if view.groups.is_some() { format!("{method}, by group") } else { method.to_owned() };
            Ok(Measured { value, low: low.min(value), high: high.max(value), level, method })
        });
        measured.push(((*name).to_owned(), result));
    }
    measured
}
