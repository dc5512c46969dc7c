//! `trainyard check`: tells everything that is wrong with a pipeline before anything runs.

use std::process::ExitCode;

use serde_json::json;
use trainyard_core::Problem;
use trainyard_manifest::Depth;

use crate::{args::FileArgs, failure::Failure, output::Output, project, render};

pub(super) fn check(file: &FileArgs, output: &Output) -> Result<ExitCode, Failure> {
    let checked = project::load(file, Depth::Outlines)?;
    let problems = &checked.problems;
    let ok = !problems.iter().any(Problem::is_error);
    let document = json!({"ok": ok, "problems": problems.iter().map(render::problem_json).collect::<Vec<_>>()});
    let mut words = String::new();
    if !problems.is_empty() {
        words = render::problems(problems, &checked.texts, output.colour);
    }
    if let Some(plan) = checked.plan.as_ref().filter(|_| ok) {
        words.push_str(&format!("{}: {} in order, ready to run\n", plan.name, render::count(plan.steps.len(), "step")));
    }
    output.answer(&document, &words);
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::from(2) })
}
