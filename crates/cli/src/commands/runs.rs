//! `trainyard runs`: the runs, newest first.

use std::{fmt::Write as _, process::ExitCode};

use serde_json::json;
use trainyard_store::Mode;

use crate::{args::Args, failure::Failure, output::Output, progress::seconds, project};

pub(super) fn runs(args: &Args, limit: usize, output: &Output) -> Result<ExitCode, Failure> {
    let store = project::open_nearby(args, Mode::Read)?;
    let runs = store.runs(limit)?;
    let rows: Vec<_> = runs
        .iter()
        .map(|run| {
            json!({
                "run": run.run, "pipeline": run.pipeline, "status": run.status,
                "started": moment(run.started), "seconds": run.seconds,
            })
        })
        .collect();
    let mut words = String::new();
    for run in &runs {
        let _ = writeln!(
            words,
            "{}  {:20}  {:10} {:>9}  {}",
            run.run,
            run.pipeline,
            run.status.name(),
            seconds(run.seconds),
            moment(run.started)
        );
    }
    if runs.is_empty() {
        words.push_str("no runs yet\n");
    }
    output.answer(&json!({ "runs": rows }), &words);
    Ok(ExitCode::SUCCESS)
}

/// Milliseconds since 1970 as RFC 3339.
pub(super) fn moment(milliseconds: i64) -> String {
    chrono::DateTime::from_timestamp_millis(milliseconds)
        .map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
        .unwrap_or_default()
}
