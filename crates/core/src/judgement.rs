//! What an expert asks of an evaluation beyond its metrics: thresholds, slices, comparisons, calibration, coverage,
//! explanations and robustness.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    artifact::Document,
    digest::Digest,
    evaluation::{Curve, Measured},
};

/// What is told of one judged model beside its metrics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// The probability from which the model decides for the second class, where one was set or chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Threshold>,
    /// What calibration did to the probabilities, where the model is calibrated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibrated: Option<Calibrated>,
    /// How often predicted intervals or sets hold what they should, where the model predicts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub covered: Option<Covered>,
    /// What was tried to make it, where `train/auto` chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaderboard: Option<Leaderboard>,
}

/// What `train/auto` tried, and what it made of it. The values are of rows that the fits left out; chosen as the best of
/// many, they flatter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leaderboard {
    /// The metric that decided.
    pub metric: String,
    /// Its value for the members together, on all rows of the folds at once.
    pub value: f64,
    /// Every algorithm that was tried, the best first.
    pub members: Vec<Standing>,
    /// True when there was a budget in seconds: another machine may find another model.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub timed: bool,
}

/// One algorithm's place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Its name.
    pub member: String,
    /// The metric of its best parameters alone.
    pub value: f64,
    /// How much it counts in the model; 0 for one that is not part of it.
    pub weight: f64,
    /// Trials it took to find them.
    pub trials: u32,
    /// Its parameters with every default written out.
    pub params: serde_json::Value,
}

/// Where a binary model decides for the second class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// The probability.
    pub value: f64,
    /// What it is best at: `f1`, `youden`, `cost`; or `given`.
    pub by: String,
    /// The part it was chosen on; none for a given one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// (false positive rate, true positive rate) on the judged part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roc: Option<[f64; 2]>,
    /// (recall, precision) on the judged part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision_recall: Option<[f64; 2]>,
}

/// What calibration did, on the judged part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibrated {
    /// `isotonic`, `platt` or `temperature`.
    pub method: String,
    /// Expected calibration error without it.
    pub before: Measured,
    /// Expected calibration error with it.
    pub after: Measured,
    /// The calibration curve without it: (mean probability, observed share, rows) a bin; for two classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<[f64; 3]>,
}

/// Coverage of conformal predictions on the judged part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Covered {
    /// The share they claim to cover.
    pub claimed: f64,
    /// How they were made: `absolute`, `normalised`, `lac` or `aps`.
    pub method: String,
    /// The share they cover, with Clopper and Pearson's interval.
    pub coverage: Measured,
    /// Mean width of the intervals, or mean number of classes in the sets.
    pub size: Measured,
    /// (name, share covered, its interval's ends, rows) by class, or by quarter of the predictions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<(String, [f64; 3], u64)>,
}

/// The best model on some of the judged rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// The condition in words, such as `sex = Female` or `age > 60`.
    pub name: String,
    /// Its number of rows.
    pub rows: u64,
    /// The metrics that could be measured on them.
    pub metrics: BTreeMap<String, Measured>,
    /// How probable a deciding metric so much worse than on all other rows is if there is no difference, adjusted for
    /// the number of slices; none where it could not be measured on both sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    /// True where it is worse than the rest and that is no chance at the evaluation's level.
    pub worse: bool,
    /// True where nobody asked for it and the search for weak slices found it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub found: bool,
}

/// The best model against another on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The model that is better so far.
    pub model: String,
    /// The model it is compared with; the registered champion is `champion`.
    pub against: String,
    /// The metric.
    pub metric: String,
    /// The metric of `model` minus that of `against`.
    pub difference: f64,
    /// Lower end of the difference's interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Confidence level of the interval.
    pub level: f64,
    /// The two-sided p value, adjusted for the number of comparisons by Holm's method.
    pub p: f64,
    /// `mcnemar`, `delong`, `paired t`, `paired bootstrap` or `nadeau-bengio`.
    pub method: String,
    /// In words.
    pub verdict: String,
}

/// The registered model that the best was compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Champion {
    /// The registered model's name.
    pub name: String,
    /// The alias.
    pub alias: String,
    /// Its version; none where the alias points nowhere yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The model artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Digest>,
}

/// What a step found out about a model: kept as a document, shown in the report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "study", rename_all = "kebab-case")]
pub enum Study {
    /// Why a model predicts what it predicts.
    Explanation {
        /// The model's step.
        model: String,
        /// What is explained: the target, or the probability of a class.
        output: String,
        /// The part whose rows were looked at.
        part: String,
        /// The deciding metric of the importance.
        metric: String,
        /// Permutation importance.
        importance: Vec<crate::evaluation::Importance>,
        /// Partial dependence of the most important columns.
        dependence: Vec<Dependence>,
        /// SHAP values, most important first; empty where the model has none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        shap: Vec<Shap>,
    },
    /// How a metric holds when the data get worse.
    Robustness {
        /// The part whose rows were disturbed.
        part: String,
        /// The metric.
        metric: String,
        /// By model and by disturbance.
        models: BTreeMap<String, Vec<Disturbed>>,
    },
    /// How a metric grows with the training rows.
    LearningCurve {
        /// The model's step.
        model: String,
        /// The metric.
        metric: String,
        /// (training rows, mean on training rows, mean on unseen rows, deviation on unseen rows) a size.
        points: Vec<[f64; 4]>,
        /// Number of refits at each size.
        repeats: u64,
    },
}

impl Study {
    /// As a document.
    #[must_use]
    pub fn document(&self) -> Document {
        Document(serde_json::to_value(self).unwrap_or_default())
    }

    /// From a document, if it holds a study.
    #[must_use]
    pub fn of(document: &Document) -> Option<Self> {
        serde_json::from_value(document.0.clone()).ok()
    }
}

/// The mean prediction as one column changes (Friedman 2001), and some rows' own (Goldstein et al. 2015).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dependence {
    /// The raw column.
    pub column: String,
    /// The levels, for a category; their order is that of the points.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<String>,
    /// (value or place of the level, mean prediction).
    pub mean: Curve,
    /// The same for single rows.
    pub rows: Vec<Curve>,
    /// The tenths of the column's values, to tell where there are data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deciles: Vec<f64>,
}

/// SHAP values of one feature (Lundberg and Lee 2017).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shap {
    /// The feature.
    pub feature: String,
    /// Mean of the absolute values.
    pub mean: f64,
    /// (SHAP value, the feature's value as a rank from 0 to 1, NaN-free) of a sample of rows.
    pub points: Curve,
}

/// A metric under one disturbance of growing strength.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Disturbed {
    /// `noise`, `missing` or `swaps`.
    pub by: String,
    /// (strength, the metric) by growing strength, undisturbed first.
    pub steps: Vec<(f64, Measured)>,
}
