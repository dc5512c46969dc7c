//! The model package as an artifact.

use std::{
    any::Any,
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use serde::{Deserialize, Serialize};
use trainyard_core::{
    Codec, Column, Digest, Hasher, Keeper, Kind, Outline, StepError, Stored, Value,
    evaluation::{Resampled, Task},
    judgement::Leaderboard,
    trial::Tuning,
};
use trainyard_data::{DataError, Table};
use trainyard_learn::{
    Fitted, Prediction, baseline::Baseline, calibration::Calibration, conformal::Conformal, features::FeaturePlan,
    fitted_model::FittedModel,
};

use crate::frame::frame;

/// What the model reads and what it predicts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signature {
    /// The raw columns it reads, in source order.
    pub inputs: Vec<Column>,
    /// What it predicts.
    pub task: Task,
    /// The column it predicts. For a model that learns without a target, the column that it can be judged by, and empty
    /// where there is none.
    pub target: String,
    /// The class names in the order of their codes; empty for a regression.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
}

/// Where the model comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The digest of the split it was trained on.
    pub data: Digest,
    /// Number of training rows.
    pub rows: u64,
    /// The step's parameters with every default written out.
    pub params: serde_json::Value,
    /// The version of Trainyard that trained it.
    pub trained_by: String,
}

/// A fitted model with everything it needs to predict from raw records.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Package {
    /// Version of this format: [`Package::FORMAT`] when new.
    pub format: u32,
    /// The estimator's name.
    pub estimator: String,
    /// As in the signature.
    pub target: String,
    /// What it reads and what it predicts.
    pub signature: Signature,
    /// What was learned about the features.
    pub features: FeaturePlan,
    /// Cross-validated metrics, where the step resampled.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resampled: BTreeMap<String, Resampled>,
    /// The search that chose the hyperparameters, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuning: Option<Tuning>,
    /// What was tried and how much it counts, where several algorithms were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaderboard: Option<Leaderboard>,
    /// Loss on the training rows, an iteration each; empty for an estimator without iterations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub training_loss: Vec<f64>,
    /// Loss on the validation rows, an iteration each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validation_loss: Vec<f64>,
    /// What guessing from the training target alone predicts.
    pub baselines: Vec<Baseline>,
    /// Where it comes from.
    pub provenance: Provenance,
    /// What makes its probabilities mean what they say, where it was calibrated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// What makes intervals or sets of its predictions, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conformal: Option<Conformal>,
    /// The fitted estimator; kept in a file of its own.
    #[serde(skip)]
    pub model: Option<Arc<FittedModel>>,
    /// Both files as kept, made once: digest, size and encoding need them.
    #[serde(skip)]
    pub encoded: OnceLock<[Vec<u8>; 2]>,
}

/// How packages are read back.
pub const PACKAGE_CODEC: Codec = Codec { kind: Kind::Model, decode };

const MANIFEST: &str = "model.json";
const ESTIMATOR: &str = "estimator.json";

fn decode(stored: &Stored<'_>) -> Result<Arc<dyn Value>, StepError> {
    let broken = |error: serde_json::Error| StepError::new("broken-artifact", format!("model package: {error}"));
    let mut package: Package = serde_json::from_slice(&stored.read(MANIFEST)?).map_err(broken)?;
    if package.format > Package::FORMAT {
        let message =
            format!("model package of format {}; this version reads up to {}", package.format, Package::FORMAT);
        return Err(StepError::new("package-too-new", message).help("use a newer version of Trainyard"));
    }
    package.model = Some(Arc::new(serde_json::from_slice(&stored.read(ESTIMATOR)?).map_err(broken)?));
    Ok(Arc::new(package))
}

impl Package {
    /// The format that this version writes.
    pub const FORMAT: u32 = 1;

    /// The predictions for every row of `table`, which must have the columns of the signature.
    ///
    /// # Errors
    /// `unknown-column` when one is missing.
    pub fn predict(&self, table: &Table) -> Result<Prediction, DataError> {
        self.predict_frame(&frame(table, &self.features.inputs())?)
    }

    /// The predictions for raw feature columns, found by name.
    ///
    /// # Errors
    /// `unknown-column` when one is missing.
    pub fn predict_frame(&self, frame: &trainyard_learn::Frame) -> Result<Prediction, DataError> {
        let prediction = self.predict_uncalibrated(frame)?;
        Ok(match &self.calibration {
            Some(calibration) => calibration.apply(prediction),
            None => prediction,
        })
    }

    /// The estimator's own predictions, before any calibration.
    ///
    /// # Errors
    /// `unknown-column` when a column is missing.
    pub fn predict_uncalibrated(&self, frame: &trainyard_learn::Frame) -> Result<Prediction, DataError> {
        let model = self.model.as_ref().ok_or_else(|| DataError::new("broken-artifact", "the package has no model"))?;
        let matrix = self.features.apply(frame).map_err(|error| DataError {
            code: error.code.to_owned(),
            message: error.message,
            help: error.help,
        })?;
        Ok(model.predict(&matrix))
    }

    fn json(&self) -> &[Vec<u8>; 2] {
        self.encoded.get_or_init(|| {
            [
                serde_json::to_vec(self).expect("a package has string keys and no serialiser that could fail"),
                serde_json::to_vec(&self.model).expect("a fitted model has string keys and no failing serialiser"),
            ]
        })
    }
}

impl Value for Package {
    fn kind(&self) -> Kind {
        Kind::Model
    }
    fn digest(&self) -> Digest {
        let [manifest, estimator] = self.json();
        Hasher::new("model").part(manifest).part(estimator).digest()
    }
    fn outline(&self) -> Outline {
        Outline::Model {
            target: self.target.clone(),
            task: Some(self.signature.task),
            features: self.features.inputs(),
            estimator: self.estimator.clone(),
        }
    }
    fn bytes(&self) -> u64 {
        self.json().iter().map(|bytes| bytes.len() as u64).sum()
    }
    fn encode(&self, keeper: &mut dyn Keeper) -> Result<(), StepError> {
        let [manifest, estimator] = self.json();
        keeper.file(MANIFEST, &mut |writer| writer.write_all(manifest).map_err(StepError::io))?;
        keeper.file(ESTIMATOR, &mut |writer| writer.write_all(estimator).map_err(StepError::io))
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}
