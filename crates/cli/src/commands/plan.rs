//! `trainyard plan`: what a run would do, and why.

use std::{fmt::Write as _, process::ExitCode};

use serde_json::json;
use trainyard_engine::PreviewStatus;
use trainyard_manifest::Depth;
use trainyard_steps::REGISTRY;
use trainyard_store::{Mode, Store};

use crate::{
    args::{Args, RunArgs},
    failure::Failure,
    output::Output,
    project,
};

pub(super) fn plan(args: &Args, run: &RunArgs, output: &Output) -> Result<ExitCode, Failure> {
    let plan = project::plan(&run.file, Depth::Outlines)?;
    let store = Store::open(&project::store_of(args, &run.file.file)?, Mode::Write)?;
    let options = super::run::options(args, run);
    let steps = trainyard_engine::preview(&plan, &REGISTRY, &store, &options).map_err(super::run::engine)?;
    let mut words = String::new();
    let mut documents = Vec::new();
    for step in &steps {
        let status = match step.status {
            PreviewStatus::WouldRun => "would-run",
            PreviewStatus::Cached => "cached",
            PreviewStatus::Unknown => "unknown",
        };
        let _ = writeln!(words, "{:10} {:20} {:24} {}", status, step.name, step.uses, step.why);
        documents.push(json!({"name": step.name, "uses": step.uses, "status": status, "why": step.why}));
    }
    output.answer(&json!({ "steps": documents }), &words);
    Ok(ExitCode::SUCCESS)
}
