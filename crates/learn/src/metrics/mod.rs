//! Metrics, each with a confidence interval made by the method that suits it.
//!
//! [`METRICS`] is the list of what there is. The values are scikit-learn's, as checked by `bench/reference/metrics.py`.

mod binary;
mod binomial;
mod bootstrap;
mod cells;
mod clusters;
mod compare;
mod curves;
mod estimate;
mod intervals;
mod jackknife;
mod multiclass;
mod nab;
mod queries;
mod ranking;
mod regression;
mod residuals;
mod scored;
mod settings;
mod statistic;
mod subset_sums;
mod thin;
mod thresholds;
mod weights;

#[cfg(test)]
mod tests;

use trainyard_core::{
    evaluation::{Measured, Task},
    problem::nearest,
};

pub use cells::confusion_matrix;
pub use compare::{Compared, adjusted, folds, models, worse};
pub use curves::{calibration_curve, precision_recall_curve, roc_curve};
use estimate::Estimate;
pub use intervals::clopper_pearson;
pub use residuals::{predicted_actual, residual_histogram};
pub use scored::Scored;
use scored::View;
pub use settings::Settings;
pub use thresholds::{Choose, threshold};

use crate::LearnError;

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
    /// Measured where the user names no metrics.
    pub usual: bool,
    /// What it needs beside predictions and actual values: `intervals`, `sets` or `points` of [`Settings`].
    pub needs: Option<&'static str>,
    estimate: fn(&View<'_>) -> Result<Estimate, LearnError>,
}

type Of = fn(&View<'_>) -> Result<Estimate, LearnError>;

const fn metric_of(
    name: &'static str,
    tasks: &'static [Task],
    direction: Direction,
    estimate: Of,
    about: &'static str,
) -> Metric {
    Metric { name, tasks, direction, about, usual: true, needs: None, estimate }
}

impl Metric {
    /// The same, measured only where it is asked for.
    const fn asked(self) -> Self {
        Self { usual: false, ..self }
    }

    /// The same, measured without being asked for whatever it needs.
    const fn usually(self) -> Self {
        Self { usual: true, ..self }
    }

    const fn needing(self, what: &'static str) -> Self {
        Self { usual: false, needs: Some(what), ..self }
    }
}

const REGRESSION: &[Task] = &[Task::Regression];
const BINARY: &[Task] = &[Task::Binary];
const MULTICLASS: &[Task] = &[Task::Multiclass];
const CLASSES: &[Task] = &[Task::Binary, Task::Multiclass];
const SCORES: &[Task] = &[Task::Binary, Task::Anomaly];
const RANKING: &[Task] = &[Task::Ranking];
const ANOMALY: &[Task] = &[Task::Anomaly];
const CLUSTERS: &[Task] = &[Task::Clustering];

use Direction::{Higher, Lower, NearZero};

/// Every metric, the most telling of each task first.
#[rustfmt::skip]
pub const METRICS: &[Metric] = &[
    metric_of("rmse", REGRESSION, Lower, regression::rmse,
        "root of the mean squared error, in the target's unit; large errors weigh most"),
    metric_of("mae", REGRESSION, Lower, regression::mae,
        "mean absolute error, in the target's unit"),
    metric_of("r2", REGRESSION, Higher, regression::r2,
        "share of the target's variance that is explained; 1 is perfect, 0 is no better than the mean"),
    metric_of("medae", REGRESSION, Lower, regression::medae,
        "median absolute error, in the target's unit; outliers do not matter"),
    metric_of("mape", REGRESSION, Lower, regression::mape,
        "mean absolute error as a share of the actual value; meaningless where that comes near 0"),
    metric_of("bias", REGRESSION, NearZero, regression::bias,
        "mean of predicted minus actual; above 0 the model predicts too much"),
    metric_of("smape", REGRESSION, Lower, regression::smape,
        "mean absolute error over the mean magnitude of predicted and actual value, from 0 to 2").asked(),
    metric_of("pinball", REGRESSION, Lower, regression::pinball,
        "loss that a quantile minimises; `quantile` says which, the median unless told").asked(),
    metric_of("interval_coverage", REGRESSION, Higher, regression::interval_coverage,
        "share of actual values within the predicted interval; should be the level that the interval claims")
        .needing("intervals"),
    metric_of("interval_width", REGRESSION, Lower, regression::interval_width,
        "mean width of the predicted intervals, in the target's unit; says little without their coverage")
        .needing("intervals"),
    metric_of("accuracy", CLASSES, Higher, multiclass::accuracy,
        "share of rows whose class is predicted right; says little where one class is rare"),
    metric_of("balanced_accuracy", CLASSES, Higher, multiclass::balanced_accuracy,
        "share predicted right within each class, averaged over the classes"),
    metric_of("precision", BINARY, Higher, binary::precision,
        "share of the rows predicted positive that are positive"),
    metric_of("recall", BINARY, Higher, binary::recall,
        "share of the positive rows that are predicted positive"),
    metric_of("f1", BINARY, Higher, binary::f1,
        "harmonic mean of precision and recall"),
    metric_of("f2", BINARY, Higher, binary::f2,
        "harmonic mean of precision and recall, recall counting twice").asked(),
    metric_of("f0.5", BINARY, Higher, binary::f_half,
        "harmonic mean of precision and recall, precision counting twice").asked(),
    metric_of("specificity", BINARY, Higher, binary::specificity,
        "share of the negative rows that are predicted negative").asked(),
    metric_of("mcc", CLASSES, Higher, multiclass::mcc,
        "Matthews correlation of predicted and actual class; 0 is chance, 1 is perfect"),
    metric_of("cohen_kappa", CLASSES, Higher, multiclass::cohen_kappa,
        "agreement of predicted and actual class beyond chance; 0 is chance, 1 is perfect").asked(),
    metric_of("roc_auc", SCORES, Higher, ranking::roc_auc,
        "chance that a positive row gets a higher score than a negative one; 0.5 is chance"),
    metric_of("average_precision", SCORES, Higher, ranking::average_precision,
        "precision averaged over the recalls; the share of positives is chance; suits rare positives"),
    metric_of("log_loss", CLASSES, Lower, multiclass::log_loss,
        "mean of -ln of the probability given to the actual class; punishes false certainty"),
    metric_of("brier", CLASSES, Lower, multiclass::brier_of,
        "mean squared error of the probability; of several classes, of all their probabilities"),
    metric_of("ece", CLASSES, Lower, multiclass::ece,
        "how far probabilities are from what happens, averaged over ten ranges of them"),
    metric_of("cost", CLASSES, Lower, multiclass::cost,
        "mean cost of the decisions by the matrix `costs`; the share of errors without one").asked(),
    metric_of("f1_macro", MULTICLASS, Higher, multiclass::f1_macro,
        "harmonic mean of precision and recall of each class, averaged over the classes"),
    metric_of("roc_auc_ovr", MULTICLASS, Higher, ranking::roc_auc_ovr,
        "ROC AUC of each class against the rest, averaged over the classes"),
    metric_of("f1_weighted", MULTICLASS, Higher, multiclass::f1_weighted,
        "harmonic mean of precision and recall of each class, averaged by the classes' shares").asked(),
    metric_of("f2_macro", MULTICLASS, Higher, multiclass::f2_macro,
        "as `f1_macro`, recall counting twice").asked(),
    metric_of("f0.5_macro", MULTICLASS, Higher, multiclass::f_half_macro,
        "as `f1_macro`, precision counting twice").asked(),
    metric_of("precision_macro", MULTICLASS, Higher, multiclass::precision_macro,
        "share of the rows predicted as a class that are of it, averaged over the classes").asked(),
    metric_of("precision_weighted", MULTICLASS, Higher, multiclass::precision_weighted,
        "as `precision_macro`, averaged by the classes' shares").asked(),
    metric_of("recall_macro", MULTICLASS, Higher, multiclass::recall_macro,
        "share of the rows of a class that are predicted as it, averaged over the classes").asked(),
    metric_of("recall_weighted", MULTICLASS, Higher, multiclass::recall_weighted,
        "as `recall_macro`, averaged by the classes' shares").asked(),
    metric_of("average_precision_macro", MULTICLASS, Higher, ranking::average_precision_macro,
        "average precision of each class against the rest, averaged over the classes").asked(),
    metric_of("top_k_accuracy", MULTICLASS, Higher, multiclass::top_k_accuracy,
        "share of rows whose class is among the `top_k` most probable").asked(),
    metric_of("set_coverage", CLASSES, Higher, multiclass::set_coverage,
        "share of rows whose class is in the predicted set; should be the level that the set claims").needing("sets"),
    metric_of("set_size", CLASSES, Lower, multiclass::set_size,
        "mean number of classes in the predicted sets; says little without their coverage").needing("sets"),
    metric_of("ndcg", RANKING, Higher, queries::ndcg,
        "discounted gain of the ranking over that of the best one, averaged over the queries"),
    metric_of("ndcg@5", RANKING, Higher, queries::ndcg_5,
        "discounted gain of the first 5 places over that of the best ranking, averaged over the queries"),
    metric_of("ndcg@10", RANKING, Higher, queries::ndcg_10,
        "discounted gain of the first 10 places over that of the best ranking, averaged over the queries"),
    metric_of("map", RANKING, Higher, queries::map,
        "average precision of the relevant rows, averaged over the queries"),
    metric_of("nab", ANOMALY, Higher, nab::nab,
        "score of the Numenta Anomaly Benchmark, standard profile: 100 finds every window at once without false alarm")
        .asked(),
    metric_of("silhouette", CLUSTERS, Higher, clusters::silhouette,
        "how much nearer rows are to their own cluster than to the next, from -1 to 1").needing("points").usually(),
    metric_of("ari", CLUSTERS, Higher, clusters::adjusted_rand,
        "agreement of clusters and classes beyond chance, by pairs of rows"),
    metric_of("ami", CLUSTERS, Higher, clusters::adjusted_mutual_information,
        "agreement of clusters and classes beyond chance, by mutual information"),
];

/// What people also call them.
#[rustfmt::skip]
const ALIASES: &[(&str, &str)] = &[
    ("auc", "roc_auc"), ("auroc", "roc_auc"), ("auc_roc", "roc_auc"), ("gini", "roc_auc"),
    ("ap", "average_precision"), ("pr_auc", "average_precision"), ("auprc", "average_precision"),
    ("kappa", "cohen_kappa"), ("matthews_corrcoef", "mcc"), ("logloss", "log_loss"), ("cross_entropy", "log_loss"),
    ("neg_log_loss", "log_loss"), ("brier_score", "brier"), ("sensitivity", "recall"), ("tpr", "recall"),
    ("tnr", "specificity"), ("ppv", "precision"), ("mse", "rmse"), ("mean_squared_error", "rmse"),
    ("root_mean_squared_error", "rmse"), ("mean_absolute_error", "mae"), ("median_absolute_error", "medae"),
    ("mean_absolute_percentage_error", "mape"), ("r2_score", "r2"), ("explained_variance", "r2"),
    ("coverage", "interval_coverage"), ("quantile_loss", "pinball"), ("macro_f1", "f1_macro"),
    ("adjusted_rand_score", "ari"), ("adjusted_mutual_info_score", "ami"), ("silhouette_score", "silhouette"),
    ("nab_score", "nab"), ("expected_calibration_error", "ece"), ("f_beta", "f2"),
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

/// The names of the metrics that fit a task (of all, where none is given) and need predictions and actual values only,
/// the most telling first.
#[must_use]
pub fn names(task: Option<Task>) -> Vec<&'static str> {
    fitting(task).filter(|metric| metric.needs.is_none()).map(|metric| metric.name).collect()
}

/// The names of the metrics that are measured where the user names none, the most telling first.
#[must_use]
pub fn usual(task: Option<Task>) -> Vec<&'static str> {
    fitting(task).filter(|metric| metric.usual).map(|metric| metric.name).collect()
}

fn fitting(task: Option<Task>) -> impl Iterator<Item = &'static Metric> {
    METRICS.iter().filter(move |metric| task.is_none_or(|task| metric.tasks.contains(&task)))
}

/// The names of all metrics that fit a task, whatever they need.
fn all(task: Option<Task>) -> Vec<&'static str> {
    fitting(task).map(|metric| metric.name).collect()
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
            help: Some(match known_as(name).or_else(|| nearest(name, all(task))) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known are {}", quoted(&all(task))),
            }),
            field: Some("metrics"),
        });
    };
    match task {
        Some(task) if !metric.tasks.contains(&task) => Err(LearnError {
            code: "metric-does-not-fit",
            message: format!("metric `{name}` does not fit a {} target", task.name()),
            help: Some(format!("those that fit are {}", quoted(&all(Some(task))))),
            field: Some("metrics"),
        }),
        _ => Ok(metric),
    }
}

/// The metric that people also call so.
fn known_as(name: &str) -> Option<&'static str> {
    let plain = name.to_lowercase().replace(['-', ' '], "_");
    let alias = ALIASES.iter().find(|(alias, _)| *alias == plain).map(|(_, name)| *name);
    alias.or_else(|| metric(&plain).map(|metric| metric.name))
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// One metric's value, without an interval.
///
/// # Errors
/// What [`measure`] tells.
pub fn value(name: &str, task: Task, scored: &Scored<'_>) -> Result<f64, LearnError> {
    value_with(name, task, scored, &Settings::default())
}

/// One metric's value under these settings, without an interval.
///
/// # Errors
/// What [`measure`] tells.
pub fn value_with<'a>(name: &str, task: Task, scored: &Scored<'a>, settings: &Settings<'a>) -> Result<f64, LearnError> {
    let metric = check(name, Some(task))?;
    let view = scored.view_with(task, *settings)?;
    Ok((metric.estimate)(&view)?.value(&view))
}

/// Metrics with intervals of confidence `level` (such as 0.95), in the order asked for; see [`measure_with`].
///
/// # Errors
/// What [`measure_with`] tells.
#[must_use]
pub fn measure(
    names: &[&str],
    task: Task,
    scored: &Scored<'_>,
    level: f64,
    seed: u64,
) -> Vec<(String, Result<Measured, LearnError>)> {
    measure_with(names, task, scored, &Settings { level, seed, ..Settings::default() })
}

/// Metrics with intervals, in the order asked for.
///
/// Proportions get Wilson's interval, areas under the ROC curve DeLong's, means (and `rmse` through its logarithm)
/// Student's, medians that of order statistics, and the others the bias-corrected and accelerated bootstrap's. Where
/// `scored` has groups, rows of a group count as dependent: the closed forms use the variance between groups, the
/// bootstrap draws whole groups. Rankings are averaged over the groups as queries.
///
/// # Errors
/// Each metric has its own: an unknown name, a metric that does not fit, rows that do not align or are not finite, or a
/// metric that is undefined for these rows (`single-class`, `class-absent`, `constant-target`, `too-few-rows`).
#[must_use]
pub fn measure_with<'a>(
    names: &[&str],
    task: Task,
    scored: &Scored<'a>,
    settings: &Settings<'a>,
) -> Vec<(String, Result<Measured, LearnError>)> {
    let level = settings.level;
    let prepared = scored.view_with(task, *settings).and_then(|view| {
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
    let one = |name: &&str| {
        let estimate = check(name, Some(task)).and_then(|metric| (metric.estimate)(&view));
        ((*name).to_owned(), estimate.and_then(|estimate| measured(estimate, &view)))
    };
    names.iter().map(one).collect()
}

fn measured(estimate: Estimate, view: &View<'_>) -> Result<Measured, LearnError> {
    let settings = &view.settings;
    let value = estimate.value(view);
    let whole = matches!(estimate, Estimate::Units { .. } | Estimate::Bare { .. });
    let (low, high, method) = match estimate.into_statistic(view) {
        Err(closed) => intervals::closed(&closed, view, settings.level)?,
        Ok(statistic) => {
            let drawn = bootstrap::replicates(&statistic, view, settings.samples, settings.seed);
            let acceleration = jackknife::acceleration(&statistic, view);
            let ends = bootstrap::accelerated(&drawn, value, acceleration, settings.level);
            let (low, high) = ends.unwrap_or((value, value));
            (low, high, if ends.is_some() { "bca bootstrap" } else { "none" })
        }
    };
    let method = if view.groups.is_some() && !whole { format!("{method}, by group") } else { method.to_owned() };
    Ok(Measured { value, low: low.min(value), high: high.max(value), level: settings.level, method })
}
