//! The report of a run, as it was written when the run ended: one file that needs nothing else.

use std::{fs, path::PathBuf};

use axum::{body::Body, http::Response};
use trainyard_core::Problem;

use super::html;
use crate::{Site, call::Call, fault::told};

/// Largest report.
const LARGEST: u64 = 256 << 20;

/// The file of a run's report, if there is one.
pub(super) fn file(site: &Site, run: &str) -> Option<PathBuf> {
    // Ids come from the catalog, which others may have written.
    let sound = !run.is_empty() && run.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let file = site.store.root().join("reports").join(run).join("report.html");
    (sound && file.is_file()).then_some(file)
}

pub(super) fn report(site: &Site, call: &Call) -> Result<Response<Body>, Problem> {
    let run = site.reader.run(call.part("run")).map_err(told)?.run;
    let Some(file) = file(site, &run) else {
        return Err(Problem::error("no-report", format!("the run `{run}` has no report"))
            .help("a run whose results were all known has the report of the run that made them"));
    };
    let wrong = |error: std::io::Error| Problem::error("io", format!("cannot read the report: {error}"));
    if fs::metadata(&file).map_err(wrong)?.len() > LARGEST {
        return Err(Problem::error("io", format!("the report of run `{run}` is too large to be shown")));
    }
    let text = fs::read_to_string(file).map_err(wrong)?;
    Ok(html(text, &format!("{}; frame-ancestors 'none'", trainyard_report::policy())))
}
