//! Experiments: what runs are grouped by that clients log.

use askama::Template;
use axum::{body::Body, http::Response};
use trainyard_core::Problem;
use trainyard_report::markup::Markup;
use trainyard_store::RunList;

use super::{
    Frame, page,
    runs::table,
    words::{When, when},
};
use crate::{Site, call::Call, cursor, fault::told, link};

/// Runs of a page.
const RUNS: usize = 50;
/// The tag in which MLflow's clients keep a description.
const NOTE: &str = "mlflow.note.content";

#[derive(Template)]
#[template(path = "experiment.html")]
struct One {
    name: String,
    id: i64,
    created: When,
    note: String,
    tags: Vec<(String, String)>,
    pipeline: Option<String>,
    table: Markup,
    newest: Option<String>,
    next: Option<String>,
    deleted: bool,
}

pub(super) fn experiment(site: &Site, call: &Call) -> Result<Response<Body>, Problem> {
    let name = call.part("experiment");
    let experiment = site.reader.experiment_named(name).map_err(told)?.ok_or_else(|| {
        Problem::error("unknown-experiment", format!("there is no experiment `{name}`"))
            .help("`/pipelines` lists pipelines and experiments")
    })?;
    let before = call.asked("before").map(cursor::read).transpose()?;
    let list = RunList { of: Some(name), before, limit: RUNS + 1, ..RunList::default() };
    let mut runs = site.reader.list_runs(&list).map_err(told)?;
    let more = runs.len() > RUNS;
    runs.truncate(RUNS);
    let own = link::experiment(name);
    let tags = experiment.tags.iter().filter(|(key, _)| *key != NOTE && !key.starts_with("mlflow."));
    let body = One {
        pipeline: runs.iter().any(|run| !run.logged).then(|| link::pipeline(name)),
        table: table(site, &format!("Runs of {name}, the newest first"), &runs, true, false)?,
        newest: before.map(|_| own.clone()),
        next: runs.last().filter(|_| more).map(|last| format!("{own}?before={}", link::part(&cursor::behind(last)))),
        note: experiment.tags.get(NOTE).cloned().unwrap_or_default(),
        tags: tags.map(|(key, value)| (key.clone(), value.clone())).collect(),
        created: when(experiment.created),
        id: experiment.id,
        deleted: experiment.deleted,
        name: experiment.name,
    };
    let live = if before.is_none() { "all" } else { "" };
    page(site, call, &Frame { title: name, place: "/pipelines", live }, &body)
}
