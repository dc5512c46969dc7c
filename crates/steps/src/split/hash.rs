//! `split/hash`: cuts a table into parts by a hash of key columns: a row never changes its part as the data grow.
//!
//! The part depends on the row's key alone, not on the other rows.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::{Context, Inputs, Outlines, Outputs, Ports, Problem, Setting, Step, StepError};
use trainyard_data::split::{Spec, Strategy};

use super::segregate::{self, default_ratio};

/// What the parts are.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The column to predict.
    pub target: Option<String>,
    /// Part names and their shares, which add up to one.
    pub ratio: BTreeMap<String, f64>,
    /// Seeds the choice.
    pub seed: u64,
    /// The column whose rows belong together.
    pub group: Option<String>,
    /// The column that orders rows in time.
    pub time: Option<String>,
    /// The key columns; the group when absent, else all columns.
    pub key: Vec<String>,
}

impl Default for Params {
    fn default() -> Self {
        Self { target: None, ratio: default_ratio(), seed: 0, group: None, time: None, key: Vec::new() }
    }
}

impl Params {
    fn spec(&self) -> Spec {
        Spec {
            strategy: Strategy::Hash { key: self.key.clone() },
            ratio: self.ratio.clone().into(),
            seed: self.seed,
            target: self.target.clone(),
            group: self.group.clone(),
            time: self.time.clone(),
            ..Spec::default()
        }
    }
}

/// Splits by a hash of key columns: a row never changes its part as the data grow.
pub struct Hash;

impl Step for Hash {
    const NAME: &'static str = "split/hash";
    const VERSION: u32 = 1;
    const ABOUT: &'static str =
        "cuts a table into parts by a hash of key columns: a row never changes its part as the data grow";
    const EXAMPLES: &'static [&'static str] = &[r#"{}"#, r#"{"target": "y", "key": ["id"]}"#];
    type Params = Params;
    type Checked = Spec;

    fn ports(_: &Params) -> Ports {
        segregate::ports()
    }

    fn check(params: Params, inputs: &Outlines, _: &Setting) -> Result<(Spec, Outlines), Vec<Problem>> {
        segregate::check(params.spec(), inputs)
    }

    fn run(spec: &Spec, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        segregate::run(spec, inputs, context)
    }
}
