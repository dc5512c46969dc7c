//! Models judged against actual values: metrics with intervals, baselines, gates, the best, and what pictures need.

use std::{any::Any, collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    artifact::{Codec, Keeper, Kind, Value},
    digest::Digest,
    judgement::{Champion, Comparison, Details, Slice},
    outline::Outline,
    step::StepError,
};

/// What a model predicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// A number.
    Regression,
    /// One of two classes.
    Binary,
    /// One of three or more classes.
    Multiclass,
    /// A score that puts the rows of a query in order; judged against graded relevance, where higher is better.
    Ranking,
    /// A score that is higher the stranger a row is. A target of two classes, where there is one, judges and is never
    /// learned from.
    Anomaly,
    /// A cluster. A target of classes, where there is one, judges and is never learned from.
    Clustering,
}

impl Task {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Regression => "regression",
            Self::Binary => "binary",
            Self::Multiclass => "multiclass",
            Self::Ranking => "ranking",
            Self::Anomaly => "anomaly",
            Self::Clustering => "clustering",
        }
    }

    /// Whether what is predicted is one of the target's classes.
    #[must_use]
    pub const fn is_classification(self) -> bool {
        matches!(self, Self::Binary | Self::Multiclass)
    }

    /// Whether it is learned from a target; a target of the others is used for judging only.
    #[must_use]
    pub const fn is_supervised(self) -> bool {
        !matches!(self, Self::Anomaly | Self::Clustering)
    }
}

/// A metric's value with its confidence interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The estimate.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Confidence level, such as 0.95.
    pub level: f64,
    /// How the interval was made: `wilson`, `delong`, `bootstrap`, `delta`, …
    pub method: String,
}

/// A cross-validated metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resampled {
    /// Mean over the folds.
    pub mean: f64,
    /// Standard deviation over the folds (n − 1).
    pub deviation: f64,
    /// One value a fold.
    pub folds: Vec<f64>,
}

/// A curve's points.
pub type Curve = Vec<[f64; 2]>;

/// What the report draws; each field only where it fits the task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pictures {
    /// (false positive rate, true positive rate).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roc: Curve,
    /// (recall, precision).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub precision_recall: Curve,
    /// (mean predicted probability, observed share, rows) a bin.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub calibration: Vec<[f64; 3]>,
    /// Rows of actual class × predicted class.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub confusion: Vec<Vec<u64>>,
    /// (predicted, actual), a sample.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub predicted_actual: Curve,
    /// (lower edge, upper edge, rows) of a histogram of actual − predicted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub residuals: Vec<[f64; 3]>,
    /// Loss on the training rows, an iteration each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub training_loss: Vec<f64>,
    /// Loss on the validation rows, an iteration each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub validation_loss: Vec<f64>,
}

/// How much a column matters: the loss in the deciding metric when its values are shuffled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Importance {
    /// The raw column.
    pub column: String,
    /// Mean loss over the repeats; positive is useful.
    pub mean: f64,
    /// Standard deviation over the repeats.
    pub deviation: f64,
}

/// One judged model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgedModel {
    /// The model artifact.
    pub digest: Digest,
    /// The estimator's name.
    pub estimator: String,
    /// Metrics on the test part.
    pub metrics: BTreeMap<String, Measured>,
    /// Cross-validated metrics, where the train step resampled.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resampled: BTreeMap<String, Resampled>,
    /// Permutation importance of each raw column, most important first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub importance: Vec<Importance>,
    /// What the report draws.
    #[serde(default)]
    pub pictures: Pictures,
    /// What else is told of it.
    #[serde(flatten)]
    pub details: Details,
}

/// A condition that the best model must meet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// As written, such as `rmse <= 4.0`.
    pub condition: String,
    /// Whether it was met.
    pub passed: bool,
    /// The numbers behind the verdict, in words.
    pub why: String,
}

/// The verdict over all models of one evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// What the models predict.
    pub task: Task,
    /// The column they predict; empty where there is none.
    pub target: String,
    /// The class names in the order of their codes; empty for a regression.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// The part they were judged on.
    pub part: String,
    /// Its number of rows.
    pub rows: u64,
    /// The metric that decides.
    pub decided_by: String,
    /// The step name of the best model.
    pub best: String,
    /// The judged models by step name.
    pub models: BTreeMap<String, JudgedModel>,
    /// What guessing without features scores, by baseline name.
    pub baselines: BTreeMap<String, BTreeMap<String, Measured>>,
    /// The gates and their verdicts.
    pub gates: Vec<Gate>,
    /// The best model on parts of the rows, those asked for first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<Slice>,
    /// The best model against each other and against the champion.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comparisons: Vec<Comparison>,
    /// The registered model that the best was compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub champion: Option<Champion>,
}

impl Evaluation {
    /// How evaluations are read back.
    pub const CODEC: Codec = Codec {
        kind: Kind::Evaluation,
        decode: |stored| {
            let evaluation: Self = serde_json::from_slice(&stored.read("evaluation.json")?)
                .map_err(|error| StepError::new("broken-artifact", format!("evaluation: {error}")))?;
            Ok(Arc::new(evaluation))
        },
    };

    fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an evaluation has string keys and no custom serialiser that could fail")
    }
}

impl Value for Evaluation {
    fn kind(&self) -> Kind {
        Kind::Evaluation
    }
    fn digest(&self) -> Digest {
        Digest::of(&self.json())
    }
    fn outline(&self) -> Outline {
        Outline::Evaluation {
            models: self.models.keys().cloned().collect(),
            task: Some(self.task),
            metrics: self
                .models
                .values()
                .next()
                .map(|model| model.metrics.keys().cloned().collect())
                .unwrap_or_default(),
        }
    }
    fn bytes(&self) -> u64 {
        self.json().len() as u64
    }
    fn encode(&self, keeper: &mut dyn Keeper) -> Result<(), StepError> {
        let json = self.json();
        keeper.file("evaluation.json", &mut |writer| writer.write_all(&json).map_err(StepError::io))
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

/// A registered model version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The registered model's name.
    pub name: String,
    /// Its version, from 1.
    pub version: u64,
    /// The alias that points at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The model artifact.
    pub model: Digest,
}

impl Release {
    /// How releases are read back.
    pub const CODEC: Codec = Codec {
        kind: Kind::Release,
        decode: |stored| {
            let release: Self = serde_json::from_slice(&stored.read("release.json")?)
                .map_err(|error| StepError::new("broken-artifact", format!("release: {error}")))?;
            Ok(Arc::new(release))
        },
    };

    fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a release is plain data")
    }
}

impl Value for Release {
    fn kind(&self) -> Kind {
        Kind::Release
    }
    fn digest(&self) -> Digest {
        Digest::of(&self.json())
    }
    fn outline(&self) -> Outline {
        Outline::Release { name: self.name.clone() }
    }
    fn bytes(&self) -> u64 {
        self.json().len() as u64
    }
    fn encode(&self, keeper: &mut dyn Keeper) -> Result<(), StepError> {
        let json = self.json();
        keeper.reference(self.model);
        keeper.file("release.json", &mut |writer| writer.write_all(&json).map_err(StepError::io))
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}
