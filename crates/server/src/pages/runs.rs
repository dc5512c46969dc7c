//! The list of runs, and rows of runs for other pages.

use std::collections::BTreeMap;

use askama::Template;
use axum::{body::Body, http::Response};
use trainyard_core::{Problem, record::RunStatus};
use trainyard_report::{
    markup::Markup,
    metric::{self, better},
    number,
};
use trainyard_store::{ListedRun, MetricRow, RunList};

use super::{
    Frame, page, rendered,
    words::{When, now, when},
};
use crate::{Site, api::status_named, call::Call, cursor, fault::told, link};

/// Runs of a page.
const PAGE: usize = 50;
/// Metrics shown beside a run.
const METRICS: usize = 3;

#[derive(Template)]
#[template(path = "runs.html")]
struct Runs {
    pipeline: Option<String>,
    pipeline_link: String,
    statuses: Vec<(&'static str, String, bool)>,
    table: Markup,
    newest: Option<String>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "runs_table.html")]
struct Table {
    caption: String,
    metrics: Vec<String>,
    rows: Vec<Row>,
    choose: bool,
    with_of: bool,
}

struct Row {
    run: String,
    name: String,
    link: String,
    of: String,
    of_link: String,
    status: &'static str,
    started: When,
    took: String,
    metrics: Vec<Option<String>>,
}

/// What was measured of runs, by run and metric: the best over a pipeline's models, the last of what was logged.
pub(super) type Measured = BTreeMap<String, BTreeMap<String, f64>>;

/// What was measured of these runs.
pub(super) fn measured(site: &Site, runs: &[ListedRun]) -> Result<Measured, Problem> {
    let names = |logged: bool| runs.iter().filter(move |row| row.logged == logged).map(|row| row.run.as_str());
    let (ours, logged): (Vec<&str>, Vec<&str>) = (names(false).collect(), names(true).collect());
    let mut found = Measured::new();
    for (run, rows) in site.reader.metrics_of(&ours).map_err(told)? {
        let mut of_run = BTreeMap::new();
        for row in &rows {
            if let Some(value) = best(&rows, &row.metric) {
                of_run.insert(row.metric.clone(), value);
            }
        }
        found.insert(run, of_run);
    }
    for (run, rows) in site.reader.last_metrics(&logged).map_err(told)? {
        found.insert(run, rows.into_iter().filter_map(|(key, value)| Some((key, value?))).collect());
    }
    Ok(found)
}

/// A table of runs. With `choose`, each can be chosen for a comparison; `with_of` tells what each belongs to.
pub(super) fn table(
    site: &Site,
    caption: &str,
    runs: &[ListedRun],
    choose: bool,
    with_of: bool,
) -> Result<Markup, Problem> {
    let measured = measured(site, runs)?;
    let metrics = columns(&measured);
    let row = |row: &ListedRun| {
        let value = |metric: &String| measured.get(&row.run)?.get(metric).copied();
        Row {
            link: link::run(&row.run),
            of: row.of.clone(),
            of_link: link::of(row),
            name: if row.logged { row.name.clone() } else { String::new() },
            run: row.run.clone(),
            status: row.status.name(),
            started: when(row.started),
            took: took(row),
            metrics: metrics.iter().map(|metric| value(metric).map(|value| number::significant(value, 4))).collect(),
        }
    };
    rendered(&Table {
        caption: caption.to_owned(),
        rows: runs.iter().map(row).collect(),
        metrics: metrics.iter().map(|name| metric::label(name)).collect(),
        choose,
        with_of,
    })
}

/// How long a run took; of one under way, so far.
pub(super) fn took(row: &ListedRun) -> String {
    match row.status {
        RunStatus::Running => number::seconds((now() - row.started).max(0) as f64 / 1000.0),
        _ => number::seconds(row.seconds),
    }
}

/// The metrics that most of these runs have.
fn columns(measured: &Measured) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in measured.values().flat_map(BTreeMap::keys) {
        *counts.entry(name).or_default() += 1;
    }
    let mut names: Vec<(usize, &str)> = counts.into_iter().map(|(name, count)| (count, name)).collect();
    names.sort_by_key(|(count, name)| (std::cmp::Reverse(*count), *name));
    names.into_iter().take(METRICS).map(|(_, name)| name.to_owned()).collect()
}

/// The best value of a metric over the models of a run.
fn best(rows: &[MetricRow], metric: &str) -> Option<f64> {
    let values = rows.iter().filter(|row| row.metric == metric).filter_map(|row| row.value);
    let better = better(metric);
    values.min_by(|one, other| better.badness(*one).total_cmp(&better.badness(*other)))
}

pub(super) fn list(site: &Site, call: &Call) -> Result<Response<Body>, Problem> {
    let pipeline = call.asked("pipeline");
    let status = call.asked("status").and_then(status_named);
    let before = call.asked("before").map(cursor::read).transpose()?;
    let mut runs = site.reader.list_runs(&RunList { of: pipeline, status, before, limit: PAGE + 1 }).map_err(told)?;
    let more = runs.len() > PAGE;
    runs.truncate(PAGE);
    let address = |status: Option<RunStatus>, before: Option<String>| {
        let mut address = String::from("/runs");
        let pairs = [
            ("pipeline", pipeline.map(str::to_owned)),
            ("status", status.map(|status| status.name().to_owned())),
            ("before", before),
        ];
        for (name, value) in pairs.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            address.push(if address.contains('?') { '&' } else { '?' });
            address.push_str(&format!("{name}={}", link::part(&value)));
        }
        address
    };
    let each = [
        ("All", None),
        ("Running", Some(RunStatus::Running)),
        ("Succeeded", Some(RunStatus::Succeeded)),
        ("Failed", Some(RunStatus::Failed)),
        ("Refused", Some(RunStatus::Refused)),
        ("Cancelled", Some(RunStatus::Cancelled)),
    ];
    let body = Runs {
        table: table(site, "Runs, the newest first", &runs, true, pipeline.is_none())?,
        pipeline_link: pipeline.map(link::pipeline).unwrap_or_default(),
        pipeline: pipeline.map(str::to_owned),
        statuses: each.into_iter().map(|(name, each)| (name, address(each, None), each == status)).collect(),
        newest: before.map(|_| address(status, None)),
        next: runs.last().filter(|_| more).map(|last| address(status, Some(cursor::behind(last)))),
    };
    let live = if before.is_none() { "all" } else { "" };
    page(site, call, &Frame { title: "Runs", place: "/runs", live }, &body)
}
