//! `split/stratified`: cuts a table into parts by chance, with each class's share equal in all parts.
//!
//! Classes keep their shares in every part; a number target is cut into quantile bins. With `group`, whole groups are
//! moved, as equal as they allow.

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
    /// The column whose shares are kept equal; the target when absent.
    pub by: Option<String>,
    /// Quantile bins for a number column; ten where it has more than 20 values, when absent.
    pub bins: Option<usize>,
}

impl Default for Params {
    fn default() -> Self {
        Self { target: None, ratio: default_ratio(), seed: 0, group: None, time: None, by: None, bins: None }
    }
}

impl Params {
    fn spec(&self) -> Spec {
        Spec {
            strategy: Strategy::Stratified { by: self.by.clone(), bins: self.bins },
            ratio: self.ratio.clone().into(),
            seed: self.seed,
            target: self.target.clone(),
            group: self.group.clone(),
            time: self.time.clone(),
            ..Spec::default()
        }
    }
}

/// Splits by chance, with each class's share equal in all parts.
pub struct Stratified;

impl Step for Stratified {
    const NAME: &'static str = "split/stratified";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "cuts a table into parts by chance, with each class's share equal in all parts";
    const EXAMPLES: &'static [&'static str] =
        &[r#"{"target": "y"}"#, r#"{"target": "y", "bins": 10, "group": "unit", "seed": 7}"#];
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
