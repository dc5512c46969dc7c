//! Two sets of parameters side by side under one `with:`.
//!
//! serde's `flatten` cannot refuse unknown keys, so the keys are shared out by name: those of `A` go to `A`, all others
//! to `B`, which refuses strangers.

use std::collections::BTreeSet;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned, de::Error as _, ser::Error as _};
use serde_json::{Map, Value};

/// Every key of `A`: none may be left out when its default is serialised.
fn keys_of<A: Serialize + Default>() -> BTreeSet<String> {
    match serde_json::to_value(A::default()) {
        Ok(Value::Object(fields)) => fields.into_iter().map(|(key, _)| key).collect(),
        _ => BTreeSet::new(),
    }
}

/// Reads both.
pub(crate) fn deserialize<'de, A, B, D>(deserializer: D) -> Result<(A, B), D::Error>
where
    A: DeserializeOwned + Serialize + Default,
    B: DeserializeOwned,
    D: Deserializer<'de>,
{
    let keys = keys_of::<A>();
    let (first, second): (Map<_, _>, Map<_, _>) =
        Map::deserialize(deserializer)?.into_iter().partition(|(key, _)| keys.contains(key));
    Ok((
        serde_json::from_value(Value::Object(first)).map_err(D::Error::custom)?,
        serde_json::from_value(Value::Object(second)).map_err(D::Error::custom)?,
    ))
}

/// Writes both.
pub(crate) fn serialize<S: Serializer>(
    first: &impl Serialize,
    second: &impl Serialize,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut fields = Map::new();
    for part in [serde_json::to_value(first), serde_json::to_value(second)] {
        if let Value::Object(part) = part.map_err(S::Error::custom)? {
            fields.extend(part);
        }
    }
    fields.serialize(serializer)
}

/// The schema of both: that of `A` with the properties of `B` added.
pub(crate) fn json_schema<A: JsonSchema, B: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let mut merged = A::json_schema(generator);
    let second = B::json_schema(generator);
    let second = second.as_value().get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let fields = merged.ensure_object().entry("properties").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(fields) = fields {
        fields.extend(second);
    }
    merged
}
