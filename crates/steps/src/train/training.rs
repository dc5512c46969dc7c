//! What every `train` step takes beside its estimator's hyperparameters.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use trainyard_core::evaluation::Task;
use trainyard_data::split::FoldSpec;
use trainyard_learn::{calibration, conformal::ConformalParams, features::FeatureParams};

use super::{class_weights::ClassWeights, tune::Tune};
use crate::beside;

/// What every `train` step takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Common {
    /// The column to predict; the split's target when absent.
    pub target: Option<String>,
    /// What is predicted; told from the target's values when absent.
    pub task: Option<Task>,
    /// How raw columns become features.
    pub features: FeatureParams,
    /// A column of non-negative row weights; it is no feature then.
    pub weights: Option<String>,
    /// How to resample the rows outside the test part for an honest estimate beside the final fit, such as
    /// `{k-fold: 5}`: by the split's group or time where it has one; not at all when absent.
    pub resample: Option<FoldSpec>,
    /// How to search over the hyperparameters; not at all when absent: `tune: {}` is 30 trials over a space that suits
    /// the estimator.
    pub tune: Option<Tune>,
    /// How much the rows of each class count besides: `balanced`, or a weight a class such as `{yes: 5}`.
    pub class_weights: Option<ClassWeights>,
    /// How probabilities are made to mean what they say, on the validation rows or by cross-fitting: `isotonic` (many
    /// rows), `platt` or `temperature` (few); not at all when absent.
    pub calibrate: Option<calibration::Method>,
    /// Predicts an interval or a set of classes beside each prediction that holds the actual value with this
    /// probability, calibrated as `calibrate` is: `{level: 0.9}`; not at all when absent.
    pub conformal: Option<ConformalParams>,
    /// Seeds every random choice.
    pub seed: u64,
}

/// Common parameters and an estimator's own, side by side under one `with:`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Training<P> {
    /// What every `train` step takes.
    pub common: Common,
    /// The estimator's hyperparameters.
    pub estimator: P,
}

impl<'de, P: DeserializeOwned> Deserialize<'de> for Training<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (common, estimator) = beside::deserialize(deserializer)?;
        Ok(Self { common, estimator })
    }
}

impl<P: Serialize> Serialize for Training<P> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        beside::serialize(&self.common, &self.estimator, serializer)
    }
}

impl<P: JsonSchema> JsonSchema for Training<P> {
    fn schema_name() -> Cow<'static, str> {
        format!("Training{}", P::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        beside::json_schema::<Common, P>(generator)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    struct Own {
        /// How many.
        trees: u32,
    }

    #[test]
    fn keys_are_shared_out_and_strangers_refused() {
        let training: Training<Own> =
            serde_json::from_str(r#"{"trees": 3, "seed": 7, "resample": {"k-fold": 5}}"#).unwrap();
        assert_eq!((training.estimator.trees, training.common.seed), (3, 7));
        let again: Training<Own> = serde_json::from_value(serde_json::to_value(&training).unwrap()).unwrap();
        assert_eq!(again, training);
        let error = serde_json::from_str::<Training<Own>>(r#"{"treez": 3}"#).unwrap_err();
        assert!(error.to_string().contains("treez"), "{error}");
    }

    #[test]
    fn the_schema_has_both_and_nothing_else() {
        let schema = schemars::schema_for!(Training<Own>);
        let schema = schema.as_value();
        assert!(schema["properties"]["trees"].is_object() && schema["properties"]["features"].is_object());
        assert_eq!(schema["additionalProperties"], Value::Bool(false));
    }
}
