//! What every `train` step takes beside its estimator's hyperparameters.

use std::{borrow::Cow, collections::BTreeSet};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned, de::Error as _, ser::Error as _};
use serde_json::{Map, Value};
use trainyard_core::evaluation::Task;
use trainyard_learn::features::FeatureParams;

/// How the rows outside the test part are resampled for an honest estimate beside the test part's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resample {
    /// Number of folds (2 to 50): stratified for classes, by group where the split or `group` names one.
    #[serde(rename = "k-fold")]
    pub k_fold: u32,
    /// The column whose rows stay together; the split's group when absent.
    #[serde(default)]
    pub group: Option<String>,
}

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
    /// How to cross-validate beside the final fit; not at all when absent.
    pub resample: Option<Resample>,
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

/// serde's `flatten` cannot refuse unknown keys, so the keys are shared out by name here.
fn common_keys() -> BTreeSet<String> {
    match serde_json::to_value(Common::default()) {
        Ok(Value::Object(fields)) => fields.into_iter().map(|(key, _)| key).collect(),
        _ => BTreeSet::new(),
    }
}

impl<'de, P: DeserializeOwned> Deserialize<'de> for Training<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let keys = common_keys();
        let (common, own): (Map<_, _>, Map<_, _>) =
            Map::deserialize(deserializer)?.into_iter().partition(|(key, _)| keys.contains(key));
        Ok(Self {
            common: serde_json::from_value(Value::Object(common)).map_err(D::Error::custom)?,
            estimator: serde_json::from_value(Value::Object(own)).map_err(D::Error::custom)?,
        })
    }
}

impl<P: Serialize> Serialize for Training<P> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = Map::new();
        for part in [serde_json::to_value(&self.common), serde_json::to_value(&self.estimator)] {
            if let Value::Object(part) = part.map_err(S::Error::custom)? {
                fields.extend(part);
            }
        }
        fields.serialize(serializer)
    }
}

impl<P: JsonSchema> JsonSchema for Training<P> {
    fn schema_name() -> Cow<'static, str> {
        format!("Training{}", P::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut merged = Common::json_schema(generator);
        let own = P::json_schema(generator);
        let own_fields = own.as_value().get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        let fields = merged.ensure_object().entry("properties").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(fields) = fields {
            fields.extend(own_fields);
        }
        merged
    }
}

#[cfg(test)]
mod tests {
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
