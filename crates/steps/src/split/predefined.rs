//! `split/predefined`: cuts a table into parts as a column says.
//!
//! For data that comes with its split. The column is no feature afterwards.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::{Context, Inputs, Outlines, Outputs, Ports, Problem, Setting, Step, StepError};
use trainyard_data::split::{Spec, Strategy};

use super::segregate;

/// Which column, and what its values mean.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The column that names each row's part.
    pub column: String,
    /// The column's values to part names; the part `none` leaves rows out. When absent, the values are the names.
    #[serde(default)]
    pub parts: BTreeMap<String, String>,
    /// The column to predict.
    #[serde(default)]
    pub target: Option<String>,
    /// The column whose rows belong together.
    #[serde(default)]
    pub group: Option<String>,
    /// The column that orders rows in time.
    #[serde(default)]
    pub time: Option<String>,
}

/// Splits as a column says.
pub struct Predefined;

impl Step for Predefined {
    const NAME: &'static str = "split/predefined";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "cuts a table into parts as a column says";
    const EXAMPLES: &'static [&'static str] = &[
        r#"{"column": "part"}"#,
        r#"{"column": "period", "parts": {"2019": "train", "2020": "test"}, "target": "y"}"#,
    ];
    type Params = Params;
    type Checked = Spec;

    fn ports(_: &Params) -> Ports {
        segregate::ports()
    }

    fn check(params: Params, inputs: &Outlines, _: &Setting) -> Result<(Spec, Outlines), Vec<Problem>> {
        let spec = Spec {
            strategy: Strategy::Predefined { column: params.column, parts: params.parts },
            target: params.target,
            group: params.group,
            time: params.time,
            ..Spec::default()
        };
        segregate::check(spec, inputs)
    }

    fn run(spec: &Spec, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        segregate::run(spec, inputs, context)
    }
}
