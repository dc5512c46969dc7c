//! A trial of a search over hyperparameters, as recorded and shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrialState {
    /// It was judged in full.
    Complete,
    /// It was given up early: others were better at the same point.
    Pruned,
    /// It could not be fitted with these parameters.
    Failed,
}

impl TrialState {
    /// Its name, as in `--json` and the catalog.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Pruned => "pruned",
            Self::Failed => "failed",
        }
    }
}

/// One trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Which search of the step it belongs to: empty for the step's own, else such as `fold 2` for the one inside an
    /// outer fold.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub study: String,
    /// Its place in the search, from 0.
    pub number: u32,
    /// What was tried: a value a searched parameter.
    pub params: BTreeMap<String, serde_json::Value>,
    /// How it ended.
    pub state: TrialState,
    /// The metric it was judged by.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub metric: String,
    /// The metric's value; absent unless it is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The value turned so that lower is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// The metric of each fold, where it was judged by folds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folds: Vec<f64>,
    /// What pruning looked at: (iterations or folds done, loss so far), in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<(u32, f64)>,
    /// The estimator's parameters in full that a fit on all rows takes, such as with the number of trees found.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub fitted: serde_json::Value,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Wall seconds.
    pub seconds: f64,
}

/// What a model package tells of the search that chose its hyperparameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tuning {
    /// The metric that decided.
    pub metric: String,
    /// Its value for the best trial. Chosen as the best of many, it flatters: only rows that no trial saw tell how good
    /// the model is.
    pub value: f64,
    /// The number of the best trial.
    pub best: u32,
    /// What it tried.
    pub params: BTreeMap<String, serde_json::Value>,
    /// Number of trials.
    pub trials: u32,
    /// Of them, those given up early.
    pub pruned: u32,
    /// Of them, those that could not be fitted.
    pub failed: u32,
    /// Folds that judged each; 1 for one set of rows.
    pub folds: u32,
    /// True when there was a budget in seconds: another machine may find another model.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub timed: bool,
    /// True when that budget ended the search.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut_short: bool,
}
