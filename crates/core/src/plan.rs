//! A checked pipeline, ready to run: what the manifest hands to the engine and to the targets.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde_json::Value;

use crate::{
    port::{Arity, Ports},
    problem::Place,
    step::{ErasedStep, Setting},
    warning::Warning,
};

/// A checked pipeline.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The pipeline's name.
    pub name: String,
    /// What it is for.
    pub about: Option<String>,
    /// The pipeline's parameters after `--set`.
    pub params: BTreeMap<String, Value>,
    /// The steps, each after those it takes from.
    pub steps: Vec<PlannedStep>,
    /// The file's text, for the record.
    pub text: String,
}

/// A step of a [`Plan`].
#[derive(Clone)]
pub struct PlannedStep {
    /// Its name in the pipeline: `tidy`, `plant.tidy` when imported, `tidy@site=a` when expanded by `for_each`.
    pub name: String,
    /// What it is.
    pub step: &'static dyn ErasedStep,
    /// Its parameters, resolved except for secrets, which stand as `${env.NAME}`.
    pub params: Value,
    /// The values of the secrets named in `params`, by variable name. Never shown, logged or stored.
    pub secrets: BTreeMap<String, String>,
    /// Its ports under these parameters.
    pub ports: Ports,
    /// What fills each input port.
    pub inputs: BTreeMap<String, Vec<Source>>,
    /// Where its paths are relative to.
    pub setting: Setting,
    /// Where it stands in the file.
    pub place: Option<Place>,
    /// False when its `when:` says no.
    pub enabled: bool,
    /// How long it may take.
    pub timeout: Option<Duration>,
    /// How often it is tried again after a failure.
    pub retries: u32,
    /// The pause before the first retry; doubled at each further one.
    pub backoff: Duration,
    /// Processors it wants; all when absent.
    pub cpu: Option<f64>,
    /// Memory it wants, in bytes.
    pub memory: Option<u64>,
    /// Codes of warnings not to be shown, each with the reason. No part of the fingerprint: it changes no output.
    pub silence: BTreeMap<String, String>,
}

/// Where an input comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Index of the step in [`Plan::steps`].
    pub step: usize,
    /// The name by which the taking step knows it: the table name in SQL, the model's name in an evaluation.
    pub name: String,
    /// Its output port.
    pub port: String,
}

impl PlannedStep {
    /// The parameters with secrets put in: for running, never for showing.
    #[must_use]
    pub fn params_with_secrets(&self) -> Value {
        if self.secrets.is_empty() { self.params.clone() } else { reveal(&self.params, &self.secrets) }
    }

    /// True when the names of what fills `port` matter to the result.
    #[must_use]
    pub fn names_matter(&self, port: &str) -> bool {
        self.ports.inputs.iter().any(|input| input.name == port && input.arity == Arity::Many)
    }

    /// Marks the warnings that its `silence:` names, and those alone: they may come from a run that silenced others.
    pub fn mark_silenced(&self, warnings: &mut [Warning]) {
        for warning in warnings {
            warning.silenced = self.silence.get(&warning.code).cloned();
        }
    }

    /// The name of its first output port, if it has any.
    #[must_use]
    pub fn default_output(&self) -> Option<&'static str> {
        self.ports.outputs.first().map(|port| port.name)
    }
}

fn reveal(value: &Value, secrets: &BTreeMap<String, String>) -> Value {
    match value {
        Value::String(text) => Value::String(
            secrets.iter().fold(text.clone(), |text, (name, secret)| text.replace(&format!("${{env.{name}}}"), secret)),
        ),
        Value::Array(items) => items.iter().map(|item| reveal(item, secrets)).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(key, value)| (key.clone(), reveal(value, secrets))).collect())
        }
        other => other.clone(),
    }
}

impl fmt::Debug for PlannedStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlannedStep")
            .field("name", &self.name)
            .field("uses", &self.step.name())
            .field("params", &self.params)
            .field("inputs", &self.inputs)
            .field("enabled", &self.enabled)
            .finish_non_exhaustive()
    }
}
