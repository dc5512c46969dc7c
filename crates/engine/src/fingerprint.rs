//! The fingerprint: everything that decides a step's result, so that equal fingerprints mean equal outputs.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trainyard_core::{Digest, Hasher, PlannedStep, StepError};

/// The version of [`Fingerprint`]'s meaning; bump it when a field is added, removed or understood differently.
///
/// History: 1 – first.
pub const VERSION: u32 = 1;

/// What fills the input ports: port → (name, where the name matters to the result; digest), in plan order.
pub type InputDigests = BTreeMap<String, Vec<(Option<String>, Digest)>>;

/// Everything that decides a step's result. What is not in here cannot change it: not the step's name, the pipeline,
/// the machine, the time, nor how many threads there are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// [`VERSION`] when it was taken.
    pub version: u32,
    /// The step's kind, such as `acquire/file`.
    pub uses: String,
    /// The version of the step's code.
    pub step_version: u32,
    /// The parameters with every default written out; a secret stands as its name and a hash.
    pub params: Value,
    /// The digests of the content of the inputs.
    pub inputs: InputDigests,
    /// What the outside data is now, for a step that reads any.
    pub identity: Option<Digest>,
}

impl Fingerprint {
    /// Takes the fingerprint of a step whose inputs are known. Looks at outside data, where the step reads any.
    ///
    /// # Errors
    /// When the parameters are refused, or the outside data cannot be reached.
    pub fn of(step: &PlannedStep, inputs: InputDigests) -> Result<Self, StepError> {
        Ok(Self {
            version: VERSION,
            uses: step.step.name().to_owned(),
            step_version: step.step.version(),
            params: params(step)?,
            inputs,
            identity: if step.secrets.is_empty() {
                step.step.identity(&step.params, &step.setting)?
            } else {
                step.step.identity(&step.params_with_secrets(), &step.setting)?
            },
        })
    }

    /// Its digest: the key of the cache.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new("trainyard fingerprint");
        hasher.part(self.json().as_bytes());
        hasher.digest()
    }

    /// Itself as JSON, keys in one order.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("a fingerprint has string keys and no serialiser that could fail")
    }

    /// The fingerprint written by [`Fingerprint::json`]; none when it is of a version that had other fields.
    #[must_use]
    pub fn parse(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }
}

/// One field in which two fingerprints differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The field, dotted: `params.seed`, `inputs.data`, `identity`, `step version`.
    pub field: String,
    /// Its value then; absent when it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// Its value now; absent when it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

impl Change {
    fn new(field: impl Into<String>, before: Option<Value>, after: Option<Value>) -> Self {
        Self { field: field.into(), before, after }
    }

    /// The change in words: `params.seed changed from 7 to 8`.
    #[must_use]
    pub fn sentence(&self) -> String {
        let field = &self.field;
        match (&self.before, &self.after) {
            // A digest says nothing to a person, and outside data has no other name.
            _ if field == "identity" => "the data outside changed".to_owned(),
            (Some(Value::String(before)), Some(Value::String(after))) if is_digest(before) && is_digest(after) => {
                format!("{field} changed")
            }
            (Some(before), Some(after)) => format!("{field} changed from {} to {}", short(before), short(after)),
            (None, Some(after)) => format!("{field} is new: {}", short(after)),
            (Some(before), None) => format!("{field} was taken away: {}", short(before)),
            (None, None) => format!("{field} changed"),
        }
    }
}

/// The fields in which two fingerprints differ, the most telling first: what it is, its parameters, its inputs, the
/// outside data.
#[must_use]
pub fn changes(before: &Fingerprint, after: &Fingerprint) -> Vec<Change> {
    let mut found = Vec::new();
    let mut scalar = |field: &str, before: Value, after: Value| {
        if before != after {
            found.push(Change::new(field, Some(before), Some(after)));
        }
    };
    scalar("fingerprint version", before.version.into(), after.version.into());
    scalar("uses", before.uses.clone().into(), after.uses.clone().into());
    scalar("step version", before.step_version.into(), after.step_version.into());
    json_changes("params", Some(&before.params), Some(&after.params), &mut found);
    input_changes(&before.inputs, &after.inputs, &mut found);
    if before.identity != after.identity {
        let text = |digest: Option<Digest>| digest.map(|digest| Value::String(digest.to_string()));
        found.push(Change::new("identity", text(before.identity), text(after.identity)));
    }
    found
}

fn json_changes(field: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Change>) {
    match (before, after) {
        (before, after) if before == after => {}
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for key in keys {
                json_changes(&format!("{field}.{key}"), before.get(key), after.get(key), found);
            }
        }
        (before, after) => found.push(Change::new(field, before.cloned(), after.cloned())),
    }
}

fn input_changes(before: &InputDigests, after: &InputDigests, found: &mut Vec<Change>) {
    let mut before = flat(before);
    let mut moved = Vec::new();
    for (field, digest) in flat(after) {
        match before.remove(&field) {
            Some(old) if old == digest => {}
            old => moved.push((field, old, Some(digest))),
        }
    }
    moved.extend(before.into_iter().map(|(field, old)| (field, Some(old), None)));
    moved.sort();
    let text = |digest: Option<Digest>| digest.map(|digest| Value::String(digest.to_string()));
    found.extend(moved.into_iter().map(|(field, before, after)| Change::new(field, text(before), text(after))));
}

/// Field name → digest. The names are told apart where they matter to the result: `inputs.models.linear`.
fn flat(inputs: &InputDigests) -> BTreeMap<String, Digest> {
    let mut fields = BTreeMap::new();
    for (port, sources) in inputs {
        for (position, (name, digest)) in sources.iter().enumerate() {
            let field = match name {
                Some(name) => format!("inputs.{port}.{name}"),
                None if sources.len() == 1 => format!("inputs.{port}"),
                None => format!("inputs.{port}.{position}"),
            };
            fields.insert(field, *digest);
        }
    }
    fields
}

fn is_digest(text: &str) -> bool {
    text.parse::<Digest>().is_ok()
}

fn short(value: &Value) -> String {
    const MOST: usize = 60;
    match value {
        Value::String(text) if is_digest(text) => text.chars().take(12).collect(),
        other => {
            let text = other.to_string();
            if text.chars().count() <= MOST {
                return text;
            }
            let start: String = text.chars().take(MOST - 1).collect();
            format!("{start}…")
        }
    }
}

/// The canonical parameters. A secret stands as `${env.NAME}#<hash>`, so a new password is a new fingerprint and the
/// old one is nowhere to be read.
fn params(step: &PlannedStep) -> Result<Value, StepError> {
    if step.secrets.is_empty() {
        return Ok(step.step.canonical_params(&step.params)?);
    }
    let mut hidden = step.clone();
    for (name, secret) in &mut hidden.secrets {
        *secret = format!("${{env.{name}}}#{}", hash_of_secret(name, secret));
    }
    if let Ok(params) = step.step.canonical_params(&hidden.params_with_secrets()) {
        return Ok(params);
    }
    // A parameter that takes only certain texts refuses the stand-in: then the whole is hashed.
    let clear = step.step.canonical_params(&step.params_with_secrets())?;
    let names: Vec<&str> = step.secrets.keys().map(String::as_str).collect();
    Ok(Value::String(format!("with {}#{}", names.join(","), hash_of_secret("params", &clear.to_string()))))
}

fn hash_of_secret(name: &str, secret: &str) -> Digest {
    let mut hasher = Hasher::new("trainyard secret");
    hasher.part(name.as_bytes()).part(secret.as_bytes());
    hasher.digest()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample() -> Fingerprint {
        Fingerprint {
            version: VERSION,
            uses: "split/random".into(),
            step_version: 1,
            params: json!({"seed": 7, "ratio": {"train": 0.7, "test": 0.3}}),
            inputs: BTreeMap::from([
                ("data".into(), vec![(None, Digest::of(b"a"))]),
                (
                    "models".into(),
                    vec![(Some("linear".into()), Digest::of(b"b")), (Some("forest".into()), Digest::of(b"c"))],
                ),
            ]),
            identity: Some(Digest::of(b"outside")),
        }
    }

    fn fields(before: &Fingerprint, after: &Fingerprint) -> Vec<String> {
        changes(before, after).into_iter().map(|change| change.field).collect()
    }

    #[test]
    fn every_field_counts_and_is_named() {
        let before = sample();
        assert_eq!(fields(&before, &before), Vec::<String>::new());
        type Edit = fn(&mut Fingerprint);
        let cases: [(&str, Edit); 9] = [
            ("fingerprint version", |f| f.version += 1),
            ("uses", |f| f.uses = "split/group".into()),
            ("step version", |f| f.step_version = 2),
            ("params.seed", |f| f.params["seed"] = json!(8)),
            ("params.ratio.train", |f| f.params["ratio"]["train"] = json!(0.6)),
            ("params.new", |f| f.params["new"] = json!(null)),
            ("inputs.data", |f| f.inputs.get_mut("data").unwrap()[0].1 = Digest::of(b"z")),
            ("inputs.models.forest", |f| f.inputs.get_mut("models").unwrap()[1].1 = Digest::of(b"z")),
            ("identity", |f| f.identity = None),
        ];
        for (field, change) in cases {
            let mut after = sample();
            change(&mut after);
            assert_eq!(fields(&before, &after), [field]);
            assert_ne!(before.digest(), after.digest(), "{field}");
        }
    }

    #[test]
    fn a_renamed_input_is_one_gone_and_one_new() {
        let mut after = sample();
        after.inputs.get_mut("models").unwrap()[0].0 = Some("ridge".into());
        assert_eq!(fields(&sample(), &after), ["inputs.models.linear", "inputs.models.ridge"]);
    }

    #[test]
    fn survives_being_written_and_read() {
        let fingerprint = sample();
        let read = Fingerprint::parse(&fingerprint.json()).unwrap();
        assert_eq!((read.digest(), read), (fingerprint.digest(), fingerprint));
        assert_eq!(Fingerprint::parse("{}"), None);
    }

    #[test]
    fn json_objects_are_sorted() {
        // A dependency that turned on serde_json's `preserve_order` would change every fingerprint.
        assert_eq!(json!({"b": 1, "a": 2}).to_string(), r#"{"a":2,"b":1}"#);
    }

    #[test]
    fn sentences_are_for_people() {
        let mut after = sample();
        after.params["seed"] = json!(8);
        after.params["ratio"] = json!("x".repeat(100));
        after.inputs.get_mut("data").unwrap()[0].1 = Digest::of(b"z");
        after.identity = Some(Digest::of(b"new"));
        let sentences: Vec<String> = changes(&sample(), &after).iter().map(Change::sentence).collect();
        assert!(sentences[0].starts_with("params.ratio changed from {"), "{}", sentences[0]);
        assert!(sentences[0].ends_with('…'));
        assert_eq!(
            sentences[1..],
            ["params.seed changed from 7 to 8", "inputs.data changed", "the data outside changed"]
        );
    }
}
