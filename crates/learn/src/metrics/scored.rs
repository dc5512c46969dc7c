//! Predictions beside the truth, checked once for all metrics.

use std::{borrow::Cow, collections::BTreeMap};

use trainyard_core::evaluation::Task;

use super::Settings;
use crate::{LearnError, Prediction};

/// Predictions to judge.
#[derive(Clone, Copy, Debug)]
pub struct Scored<'a> {
    /// One a row: the value for a regression, the class code 0, 1, … for a classification; 1 for an anomaly, else 0.
    pub truth: &'a [f64],
    /// The predictions, aligned.
    pub prediction: &'a Prediction,
    /// One non-negative weight a row; all 1 when absent.
    pub weights: Option<&'a [f64]>,
    /// One group a row, where rows of a group depend on each other.
    pub groups: Option<&'a [u32]>,
}

/// Predictions fit to be judged: aligned, finite and of the task's kind.
pub(super) struct View<'a> {
    pub(super) truth: &'a [f64],
    /// Predicted values or scores, or probabilities row by row.
    pub(super) values: &'a [f64],
    /// Probabilities a row; 0 where there is one value a row.
    pub(super) classes: usize,
    pub(super) weights: Option<&'a [f64]>,
    /// Groups numbered from 0 without a gap, and how many there are; none when there are fewer than two.
    pub(super) groups: Option<(Vec<u32>, usize)>,
    /// The cluster of each row, where clusters are judged.
    pub(super) clusters: Option<Cow<'a, [u32]>>,
    /// What metrics need to know beside the rows.
    pub(super) settings: Settings<'a>,
}

impl View<'_> {
    pub(super) fn rows(&self) -> usize {
        self.truth.len()
    }

    pub(super) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    pub(super) fn class(&self, row: usize) -> usize {
        self.truth[row] as usize
    }

    /// The probability of a class, or the score where there is one value a row.
    pub(super) fn probability(&self, row: usize, class: usize) -> f64 {
        if self.classes == 0 { self.values[row] } else { self.values[row * self.classes + class] }
    }

    /// The most probable class, the first among equals.
    pub(super) fn most_probable(&self, row: usize) -> usize {
        most_probable(&self.values[row * self.classes..(row + 1) * self.classes])
    }

    /// The class decided for: the most probable one, or of two classes the one that the threshold says.
    pub(super) fn predicted(&self, row: usize) -> usize {
        match self.settings.threshold {
            Some(threshold) if self.classes == 2 => usize::from(self.probability(row, 1) >= threshold),
            _ => self.most_probable(row),
        }
    }
}

/// The place of the largest share, the first among equals.
pub(super) fn most_probable(shares: &[f64]) -> usize {
    (1..shares.len()).fold(0, |best, class| if shares[class] > shares[best] { class } else { best })
}

impl<'a> Scored<'a> {
    pub(super) fn view(&self, task: Task) -> Result<View<'a>, LearnError> {
        self.view_with(task, Settings::default())
    }

    pub(super) fn view_with(&self, task: Task, settings: Settings<'a>) -> Result<View<'a>, LearnError> {
        let rows = self.truth.len();
        let (values, classes) = match (self.prediction, task) {
            (Prediction::Values(values), Task::Regression | Task::Ranking | Task::Anomaly) => (values.as_slice(), 0),
            (Prediction::Probabilities { classes: 2, values }, Task::Binary) => (values.as_slice(), 2),
            (Prediction::Probabilities { classes, values }, Task::Multiclass) if *classes >= 2 => {
                (values.as_slice(), *classes)
            }
            (Prediction::Probabilities { .. } | Prediction::Clusters { .. }, Task::Clustering) => (&[][..], 0),
            (prediction, task) => {
                let found = match prediction {
                    Prediction::Values(_) => "numbers".to_owned(),
                    Prediction::Probabilities { classes, .. } => format!("probabilities of {classes} classes"),
                    Prediction::Clusters { clusters, .. } => format!("{clusters} clusters"),
                };
                return refuse("wrong-task", format!("a {} model cannot predict {found}", task.name()));
            }
        };
        if rows == 0 {
            return refuse("no-rows", "there is no row to judge".to_owned());
        }
        let clusters = if task == Task::Clustering { self.prediction.codes() } else { None };
        let found = [
            ("predictions", clusters.as_deref().map_or(values.len() / classes.max(1), <[u32]>::len)),
            ("weights", self.weights.map_or(rows, <[f64]>::len)),
            ("groups", self.groups.map_or(rows, <[u32]>::len)),
        ];
        if let Some((what, count)) = found.iter().find(|(_, count)| *count != rows) {
            return refuse("lengths-differ", format!("there are {rows} rows but {count} {what}"));
        }
        // Clusters can be judged without classes.
        let known = task == Task::Clustering && self.truth.iter().all(|value| value.is_nan());
        if let Some(row) = self.truth.iter().position(|value| !value.is_finite()).filter(|_| !known) {
            return refuse(
                "target-not-finite",
                format!("row {row} has no finite actual value, found {}", self.truth[row]),
            );
        }
        if let Some(place) = values.iter().position(|value| !value.is_finite()) {
            let row = place / classes.max(1);
            return refuse(
                "prediction-not-finite",
                format!("the prediction of row {row} is not finite: {}", values[place]),
            );
        }
        let codes = if task == Task::Anomaly { 2 } else { classes };
        if codes > 0 {
            let code = |value: f64| value.fract() == 0.0 && value >= 0.0 && value < codes as f64;
            if let Some(value) = self.truth.iter().find(|value| !code(**value)) {
                let message = format!("class codes must be whole numbers from 0 to {}, found {value}", codes - 1);
                return refuse("class-out-of-range", message);
            }
        }
        if classes > 0
            && let Some(value) = values.iter().find(|value| !(-1e-9..=1.0 + 1e-9).contains(*value))
        {
            return refuse("probability-out-of-range", format!("probabilities lie between 0 and 1, found {value}"));
        }
        if let Some(weights) = self.weights {
            if let Some(weight) = weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
                return refuse("weight-out-of-range", format!("weights must be finite and at least 0, found {weight}"));
            }
            if weights.iter().all(|&weight| weight == 0.0) {
                return refuse("no-rows", "every row to judge has weight 0".to_owned());
            }
        }
        let groups = self.groups.map(number).filter(|(_, count)| *count > 1);
        Ok(View { truth: self.truth, values, classes, weights: self.weights, groups, clusters, settings })
    }
}

fn number(groups: &[u32]) -> (Vec<u32>, usize) {
    let mut numbers: BTreeMap<u32, u32> = groups.iter().map(|&group| (group, 0)).collect();
    numbers.values_mut().zip(0..).for_each(|(number, next)| *number = next);
    (groups.iter().map(|group| numbers[group]).collect(), numbers.len())
}

pub(super) fn refuse<T>(code: &'static str, message: String) -> Result<T, LearnError> {
    Err(LearnError { code, message, help: None, field: None })
}
