//! `trainyard explain STEP`: why a step would run again.

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
    match (&explained.note, explained.changed.is_empty()) {
        (Some(note), _) => {
            let _ = writeln!(words, "`{}`: {note}", explained.step);
        }
        (None, true) => {
            let _ = writeln!(words, "nothing has changed for `{}`: its result is known", explained.step);
        }
        (None, false) => {
            let _ = writeln!(words, "`{}` would run again because of:", explained.step);
        }
    }
    for change in &explained.changed {
        let _ = writeln!(words, "  {}", change.sentence());
    }
    let changed: Vec<_> = explained
        .changed
        .iter()
        .map(|change| json!({"field": change.field, "before": change.before, "after": change.after}))
        .collect();
    let mut document = json!({"step": explained.step, "changed": changed});
    if let Some(note) = &explained.note {
        document["note"] = note.as_str().into();
    }
    output.answer(&document, &words);
    Ok(ExitCode::SUCCESS)
}
