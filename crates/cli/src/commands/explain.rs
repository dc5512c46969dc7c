//! `trainyard explain`: why a step would run again, or what a code means.

use std::{fmt::Write as _, process::ExitCode};

use serde_json::json;
use trainyard_manifest::Depth;
use trainyard_steps::REGISTRY;
use trainyard_store::{Mode, Store};

use crate::{
    args::{Args, FileArgs},
    failure::Failure,
    output::Output,
    project,
};

pub(super) fn explain(args: &Args, what: &str, file: &FileArgs, output: &Output) -> Result<ExitCode, Failure> {
    let plan = project::plan(file, Depth::Names)?;
    let store = Store::open(&project::store_of(args, &file.file)?, Mode::Write)?;
    let explained = trainyard_engine::explain(&plan, &REGISTRY, &store, what).map_err(super::run::engine)?;
    let mut words = String::new();
    if explained.changed.is_empty() {
        let _ = writeln!(words, "nothing has changed for `{what}`: its result is known");
    } else {
        let _ = writeln!(words, "`{what}` would run again because:");
    }
    for change in &explained.changed {
        let show = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = writeln!(words, "  {}: {} → {}", change.field, show(&json!(change.before)), show(&json!(change.after)));
    }
    let changed: Vec<_> = explained
        .changed
        .iter()
        .map(|change| json!({"field": change.field, "before": change.before, "after": change.after}))
        .collect();
    output.answer(&json!({"step": explained.step, "changed": changed}), &words);
    Ok(ExitCode::SUCCESS)
}
