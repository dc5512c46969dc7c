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
use trainyard_data::{
    DataError,
    preparation::{Compiled, Preparation},
};
use trainyard_learn::{
    baseline::Baseline,
    calibration::Calibration,
    conformal::Conformal,
    features::{FeaturePlan, Transform},
    fitted_model::FittedModel,
};

use crate::{reference::Reference, source::SourceField};

/// What the model reads and what it predicts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signature {
    /// The columns of the table it was trained on that it reads: what preparation makes of a record.
    pub inputs: Vec<Column>,
    /// The columns of the records it predicts from, as they come from the source and in its order, without those that say
    /// nothing but the target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source: Vec<SourceField>,
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
    /// The digest of the table that was split, its preparation included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<Digest>,
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
    /// What has to be done to a record before its `inputs` are there; nothing when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preparation: Option<Preparation>,
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
    /// What the training data and the predictions were like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// The fitted estimator; kept in a file of its own.
    #[serde(skip)]
    pub model: Option<Arc<FittedModel>>,
    /// Both files as kept, made once: digest, size and encoding need them.
    #[serde(skip)]
    pub encoded: OnceLock<[Vec<u8>; 2]>,
    /// The preparation, compiled once.
    #[serde(skip)]
    pub compiled: OnceLock<Result<Arc<Compiled>, DataError>>,
}

/// How packages are read back.
pub const PACKAGE_CODEC: Codec = Codec { kind: Kind::Model, decode };

const MANIFEST: &str = "model.json";
const ESTIMATOR: &str = "estimator.json";

fn decode(stored: &Stored<'_>) -> Result<Arc<dyn Value>, StepError> {
    Ok(Arc::new(Package::of_files(&stored.read(MANIFEST)?, &stored.read(ESTIMATOR)?)?))
}

/// What every format has.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

fn levels<'a>(plan: &'a FeaturePlan, input: &str) -> Option<&'a [String]> {
    let own = plan.columns.iter().filter(|column| column.name == input).find_map(|column| match &column.transform {
        Transform::Category { levels, .. } | Transform::Table { levels, .. } => Some(levels.as_slice()),
        _ => None,
    });
    own.or_else(|| plan.beside.iter().find_map(|plan| levels(plan, input)))
}

impl Package {
    /// The format that this version writes.
    pub const FORMAT: u32 = 2;

    /// A package of its two files' bytes, of any format up to [`Package::FORMAT`].
    ///
    /// # Errors
    /// `broken-artifact`; `package-too-new`.
    pub fn of_files(manifest: &[u8], estimator: &[u8]) -> Result<Self, StepError> {
        let broken = |error: serde_json::Error| StepError::new("broken-artifact", format!("model package: {error}"));
        // The format first: a newer one may well have fields that do not read.
        let Version { format } = serde_json::from_slice(manifest).map_err(broken)?;
        if format > Self::FORMAT {
            let message = format!("model package of format {format}; this version reads up to {}", Self::FORMAT);
            return Err(StepError::new("package-too-new", message).help("use a newer version of Trainyard"));
        }
        let mut package: Self = serde_json::from_slice(manifest).map_err(broken)?;
        if package.format < 2 {
            // It read prepared rows, so those are its source.
            package.signature.source = package.signature.inputs.iter().map(SourceField::needed).collect();
        }
        package.model = Some(Arc::new(serde_json::from_slice(estimator).map_err(broken)?));
        Ok(package)
    }

    /// The values that a raw column of the model may have without being unheard of: the levels of a category that are a
    /// feature of their own, sorted. None for a column that is no category, or whose levels the model tells apart by
    /// other means.
    #[must_use]
    pub fn levels(&self, input: &str) -> Option<&[String]> {
        levels(&self.features, input)
    }

    /// The same for a column of the source, where that is a raw column under whatever name.
    #[must_use]
    pub fn source_levels(&self, source: &str) -> Option<&[String]> {
        let intake = self.intake().ok()?;
        let is_it = |input: &String| intake.origin(input).is_some_and(|origin| origin.column.name == source);
        self.levels(&self.features.inputs().into_iter().find(is_it)?)
    }

    /// Bytes of the fitted estimator alone, without what is told about it.
    #[must_use]
    pub fn estimator_bytes(&self) -> u64 {
        self.json()[1].len() as u64
    }

    fn json(&self) -> &[Vec<u8>; 2] {
        self.encoded.get_or_init(|| {
            let manifest = match self.format {
                // As it was read, so that its digest is what it was.
                ..2 => {
                    let mut manifest = self.clone();
                    manifest.signature.source.clear();
                    serde_json::to_vec(&manifest)
                }
                _ => serde_json::to_vec(self),
            };
            [
                manifest.expect("a package has string keys and no serialiser that could fail"),
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

#[cfg(test)]
mod tests;
