//! `split/time`: cuts a table into parts in order of time: the past trains, the future tests.
//!
//! Rows of one moment stay together. `gap` leaves out rows that lie too near before the next part.

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
    /// The column whose rows belong together.
    pub group: Option<String>,
    /// The column that orders rows in time.
    pub time: Option<String>,
    /// Rows of an earlier part less than this before a later part are left out: seconds for timestamps, days for dates,
    /// the column's own unit for numbers.
    pub gap: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self { target: None, ratio: default_ratio(), group: None, time: None, gap: 0.0 }
    }
}

impl Params {
    fn spec(&self) -> Spec {
        Spec {
            strategy: Strategy::Time { gap: self.gap },
            ratio: self.ratio.clone().into(),
            seed: 0,
            target: self.target.clone(),
            group: self.group.clone(),
            time: self.time.clone(),
            ..Spec::default()
        }
    }
}

/// Splits in order of time: the past trains, the future tests.
pub struct Time;

impl Step for Time {
    const NAME: &'static str = "split/time";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "cuts a table into parts in order of time: the past trains, the future tests";
    const EXAMPLES: &'static [&'static str] =
        &[r#"{"time": "when"}"#, r#"{"target": "y", "time": "when", "gap": 3600}"#];
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
