//! `trainyard explain STEP`: why a step would run again. `trainyard explain CODE`: what a problem means.

use std::{fmt::Write as _, process::ExitCode};

use serde_json::json;
use trainyard_core::Problem;
use trainyard_explain::{self as page, Page};
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
    // No step has a hyphen in its name; a step goes before a code that is one word.
    let is_step = || {
        let plan = project::plan(file, Depth::Names);
        plan.is_ok_and(|plan| plan.steps.iter().any(|step| step.name == what))
    };
    match page::of(what) {
        Some(page) if what.contains('-') || !is_step() => {
            show(&page, output);
            Ok(ExitCode::SUCCESS)
        }
        None if what.contains('-') && !what.contains(['@', '.']) => {
            let problem = Problem::unknown("unknown-code", "code", what, page::all().map(|page| page.code));
            Err(Failure { help: problem.help, ..Failure::call(problem.code, problem.message) })
        }
        _ => step(args, what, file, output),
    }
}

/// Shows what a code means.
fn show(page: &Page, output: &Output) {
    let kind = match (page.is_error, page.is_warning) {
        (true, true) => "error or warning",
        (true, false) => "error",
        _ => "warning",
    };
    let mut text = page.text.to_owned();
    if page.is_warning {
        let _ = write!(
            text,
            "\n\nTo silence the warning, write on the step, with your reason:\n\n    silence: {{{}: \"…\"}}",
            page.code
        );
    }
    let words = format!("{} ({kind})\n{}\n\n{text}\n", page.code, page.title);
    output.answer(&json!({"code": page.code, "kind": kind, "title": page.title, "text": text}), &words);
}

/// Shows why a step would run again.
fn step(args: &Args, what: &str, file: &FileArgs, output: &Output) -> Result<ExitCode, Failure> {
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
