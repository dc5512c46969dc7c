//! `run/noop`: passes its input on, unchanged.
//!
//! For measuring the engine, and for giving a set of steps one name to wait for. Without an input it passes on an
//! empty document.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::{
    Context, Inputs, Outline, Outlines, Outputs, Ports, Problem, Setting, Step, StepError, artifact::Document,
};

/// `run/noop` has one parameter, which it does not use.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Any text; a different text makes it a different piece of work.
    pub note: String,
}

/// Passes its input on.
pub struct Noop;

impl Step for Noop {
    const NAME: &'static str = "run/noop";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "passes its input on, unchanged";
    const EXAMPLES: &'static [&'static str] = &["{}", r#"{"note": "a"}"#];
    type Params = Params;
    type Checked = ();

    fn ports(_: &Params) -> Ports {
        Ports::new().optional("data", &[]).output("data", &[])
    }

    fn check(_: Params, inputs: &Outlines, _: &Setting) -> Result<((), Outlines), Vec<Problem>> {
        let outline = inputs.get("data").cloned().unwrap_or(Outline::Document);
        Ok(((), Outlines::output("data", outline)))
    }

    fn run((): &(), inputs: &Inputs, _: &Context<'_>) -> Result<Outputs, StepError> {
        let mut outputs = Outputs::default();
        if let Some(artifact) = inputs.artifact("data") {
            outputs.ports.insert("data".to_owned(), artifact.clone());
            return Ok(outputs);
        }
        Ok(Outputs::one("data", Document(serde_json::Value::Null)))
    }
}
