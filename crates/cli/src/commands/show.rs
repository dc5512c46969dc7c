//! `trainyard show RUN`: one run, as it ended.

use std::process::ExitCode;

use trainyard_store::Mode;

use super::run::{Found, document, words};
use crate::{args::Args, failure::Failure, output::Output, progress::step_line, project, render};

pub(super) fn show(args: &Args, run: &str, output: &Output) -> Result<ExitCode, Failure> {
    let store = project::open_nearby(args, Mode::Read)?;
    let record = store.record(run).map_err(|error| Failure { exit: 2, ..Failure::from(error) })?;
    let found = Found::of(&record, &store);
    let width = record.steps.iter().map(|step| step.name.chars().count()).max().unwrap_or(0);
    let mut text = format!("{}, run {}\n", record.pipeline, record.run);
    for step in &record.steps {
        text.push_str(&step_line(step, width));
        text.push('\n');
        text.push_str(&render::warnings(&step.warnings, "      "));
    }
    let report = store.root().join("reports").join(&record.run).join("report.html");
    text.push_str(&words(&record, &found, report.is_file().then_some(report.as_path())));
    output.answer(&document(&record, &found), &text);
    Ok(ExitCode::SUCCESS)
}
