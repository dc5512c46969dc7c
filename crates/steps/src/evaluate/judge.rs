//! One model judged: its metrics, what calibration and conformal prediction did, and what pictures need.

use std::collections::BTreeMap;

use trainyard_core::{
    Context, StepError, Value as _, Warning,
    evaluation::{Importance, JudgedModel, Measured, Pictures, Task},
    judgement::{Calibrated, Covered, Details, Threshold},
};
use trainyard_learn::{
    Prediction,
    conformal::quarters,
    importance::{self, Judged},
    metrics::{self, Scored, Settings, clopper_pearson},
};
use trainyard_model::{Package, frame};

use super::unseen::{Unseen, predict};

/// A model's predictions of the judged rows, and what comes with them.
pub(super) struct Predicted {
    pub(super) prediction: Prediction,
    pub(super) threshold: Option<Threshold>,
    intervals: Option<Vec<[f64; 2]>>,
    sets: Option<Vec<bool>>,
    points: Option<trainyard_learn::Matrix>,
}

impl Predicted {
    /// # Errors
    /// When the rows lack a column of the model.
    pub(super) fn of(package: &Package, test: &Unseen, threshold: Option<Threshold>) -> Result<Self, StepError> {
        let prediction = package.predict_prepared(&test.table)?;
        let conformal = package.conformal.as_ref();
        let points = match test.task {
            Task::Clustering => Some(package.features.apply(&test.frame(package)?)?),
            _ => None,
        };
        Ok(Self {
            intervals: conformal.and_then(|conformal| conformal.intervals(&prediction)),
            sets: conformal.and_then(|conformal| conformal.sets(&prediction)),
            prediction,
            threshold,
            points,
        })
    }

    /// The settings of an evaluation with what is this model's own.
    pub(super) fn settings<'a>(&'a self, common: &Settings<'a>) -> Settings<'a> {
        Settings {
            threshold: self.threshold.as_ref().map(|threshold| threshold.value).or(common.threshold),
            intervals: self.intervals.as_deref(),
            sets: self.sets.as_deref(),
            points: self.points.as_ref(),
            ..*common
        }
    }
}

/// Judges one model; a metric that cannot be measured is warned about.
///
/// # Errors
/// When the rows lack a column of the model.
pub(super) fn judge(
    name: &str,
    package: &Package,
    predicted: &Predicted,
    test: &Unseen,
    names: &[&str],
    common: &Settings<'_>,
    context: &Context<'_>,
) -> Result<JudgedModel, StepError> {
    let scored = test.scored(&predicted.prediction);
    let settings = predicted.settings(common);
    let mut warn = |message| context.warn(Warning::new("metric-not-measured", format!("{name}: {message}")));
    let mut threshold = predicted.threshold.clone();
    if let Some(threshold) = &mut threshold {
        super::decide::mark(threshold, &scored);
    }
    Ok(JudgedModel {
        digest: package.digest(),
        estimator: package.estimator.clone(),
        metrics: measure(&scored, test.task, names, &settings, &mut warn),
        // What was not asked for would be a column of one number in the report.
        resampled: package
            .resampled
            .iter()
            .filter(|(name, _)| names.contains(&name.as_str()))
            .map(|(name, resampled)| (name.clone(), resampled.clone()))
            .collect(),
        importance: Vec::new(),
        pictures: pictures(package, &scored, test.task, settings.threshold),
        details: Details {
            threshold,
            calibrated: calibrated(package, test, &scored, &settings)?,
            covered: covered(package, test, predicted, &settings),
            leaderboard: package.leaderboard.clone(),
        },
    })
}

/// The metrics that can be measured on these rows; the others are told to `warn`.
pub(super) fn measure<'a>(
    scored: &Scored<'a>,
    task: Task,
    names: &[&str],
    settings: &Settings<'a>,
    warn: &mut dyn FnMut(String),
) -> BTreeMap<String, Measured> {
    let mut measured = BTreeMap::new();
    for (name, result) in metrics::measure_with(names, task, scored, settings) {
        match result {
            // JSON has no NaN and no infinity: an interval without an end is told by its width of nothing.
            Ok(found) if found.value.is_finite() => {
                let end = |end: f64| if end.is_finite() { end } else { found.value };
                measured.insert(name, Measured { low: end(found.low), high: end(found.high), ..found });
            }
            Ok(_) => warn(format!("`{name}` is undefined for these rows")),
            Err(error) => warn(match error.help {
                Some(help) => format!("`{name}`: {} ({help})", error.message),
                None => format!("`{name}`: {}", error.message),
            }),
        }
    }
    measured
}

/// Calibration error with and without the calibration.
fn calibrated(
    package: &Package,
    test: &Unseen,
    scored: &Scored<'_>,
    settings: &Settings<'_>,
) -> Result<Option<Calibrated>, StepError> {
    let Some(calibration) = &package.calibration else { return Ok(None) };
    let before = package.predict_uncalibrated(&test.frame(package)?)?;
    let raw = test.scored(&before);
    let ece = |scored: &Scored<'_>| {
        let settings = Settings { threshold: None, ..*settings };
        let settings = Settings { intervals: None, sets: None, points: None, costs: None, ..settings };
        measure(scored, test.task, &["ece"], &settings, &mut |_| {}).remove("ece")
    };
    Ok(ece(&raw).zip(ece(scored)).map(|(uncalibrated, after)| Calibrated {
        method: calibration.method().name().to_owned(),
        before: uncalibrated,
        after,
        curve: metrics::calibration_curve(&raw).unwrap_or_default(),
    }))
}

/// How often conformal intervals or sets hold the actual value.
fn covered(package: &Package, test: &Unseen, predicted: &Predicted, settings: &Settings<'_>) -> Option<Covered> {
    let conformal = package.conformal.as_ref()?;
    let level = settings.level;
    let share = |rows: &[usize], hit: &dyn Fn(usize) -> bool| {
        let hits = rows.iter().filter(|&&row| hit(row)).count();
        let (low, high) = clopper_pearson(hits as u64, rows.len() as u64, level);
        Measured { value: hits as f64 / rows.len() as f64, low, high, level, method: "clopper-pearson".to_owned() }
    };
    let all: Vec<usize> = (0..test.truth.len()).collect();
    let size = |name: &str| {
        let scored = test.scored(&predicted.prediction);
        measure(&scored, test.task, &[name], settings, &mut |_| {}).remove(name)
    };
    let (coverage, size, parts): (_, _, Vec<_>) = match (&predicted.prediction, &predicted.intervals, &predicted.sets) {
        (Prediction::Values(values), Some(intervals), _) => {
            let hit = |row: usize| (intervals[row][0]..=intervals[row][1]).contains(&test.truth[row]);
            let parts = quarters(values).into_iter().map(|(name, rows)| (name, share(&rows, &hit), rows.len()));
            (share(&all, &hit), size("interval_width")?, parts.collect())
        }
        (Prediction::Probabilities { classes, .. }, _, Some(sets)) => {
            let hit = |row: usize| sets[row * classes + test.truth[row] as usize];
            let parts = test.classes.iter().enumerate().map(|(class, name)| {
                let rows: Vec<usize> = all.iter().copied().filter(|&row| test.truth[row] == class as f64).collect();
                (name.clone(), share(&rows, &hit), rows.len())
            });
            (share(&all, &hit), size("set_size")?, parts.collect())
        }
        _ => return None,
    };
    let parts = parts
        .into_iter()
        .filter(|(_, _, rows)| *rows > 0)
        .map(|(name, share, rows)| (name, [share.value, share.low, share.high], rows as u64))
        .collect();
    Some(Covered { claimed: conformal.level, method: conformal.method.name().to_owned(), coverage, size, parts })
}

/// A picture that cannot be drawn for these rows (one class only) is left out.
fn pictures(package: &Package, scored: &Scored<'_>, task: Task, threshold: Option<f64>) -> Pictures {
    let mut pictures = Pictures {
        training_loss: package.training_loss.clone(),
        validation_loss: package.validation_loss.clone(),
        ..Pictures::default()
    };
    let confusion = || metrics::confusion_matrix(scored.truth, scored.prediction, threshold);
    match task {
        Task::Regression => {
            pictures.predicted_actual = metrics::predicted_actual(scored).unwrap_or_default();
            pictures.residuals = metrics::residual_histogram(scored).unwrap_or_default();
        }
        Task::Binary => {
            pictures.roc = metrics::roc_curve(scored).unwrap_or_default();
            pictures.precision_recall = metrics::precision_recall_curve(scored).unwrap_or_default();
            pictures.calibration = metrics::calibration_curve(scored).unwrap_or_default();
            pictures.confusion = confusion();
        }
        Task::Multiclass => pictures.confusion = confusion(),
        Task::Anomaly => {
            pictures.roc = metrics::roc_curve(scored).unwrap_or_default();
            pictures.precision_recall = metrics::precision_recall_curve(scored).unwrap_or_default();
        }
        Task::Ranking | Task::Clustering => {}
    }
    pictures
}

/// Permutation importance of the columns that a model reads.
///
/// # Errors
/// When the metric is undefined for the rows.
pub(super) fn permutation(
    package: &Package,
    test: &Unseen,
    metric: &str,
    repeats: usize,
    seed: u64,
    context: &Context<'_>,
) -> Result<Vec<Importance>, StepError> {
    let columns = package.features.inputs();
    let frame = frame(&test.table, &columns)?;
    let judged = Judged {
        weights: test.weights.as_deref(),
        repeats,
        threads: context.threads,
        ..Judged::new(&frame, &test.truth, test.task, metric, seed)
    };
    importance::permutation(&judged, &columns, &|frame| predict(package, frame)).map_err(StepError::from)
}
