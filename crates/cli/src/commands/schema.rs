//! `trainyard schema`: the JSON Schema of the pipeline file, for editors.

use std::process::ExitCode;

use trainyard_steps::REGISTRY;

use crate::{failure::Failure, output::Output};

pub(super) fn schema(output: &Output) -> Result<ExitCode, Failure> {
    let schema = trainyard_manifest::json_schema(&REGISTRY);
    output.answer(&schema, &format!("{schema:#}\n"));
    Ok(ExitCode::SUCCESS)
}
