//! The page of a run that a client logged.

use askama::Template;
use axum::{body::Body, http::Response};
use trainyard_core::{Problem, record::RunStatus};
use trainyard_report::{
    charts::{Axis, Curves, Series, curve},
    markup::Markup,
    number,
};
use trainyard_store::ListedRun;

use super::{
    Frame, page,
    runs::took,
    words::{When, plural, when},
};
use crate::{Site, call::Call, fault::told, link, logged, series};

/// Curves drawn on a page.
const CURVES: usize = 24;
/// Points of a curve.
const POINTS: usize = 300;
/// The tag in which clients name the run that a run is part of.
const PARENT: &str = "mlflow.parentRunId";
/// Longest value shown at once, in characters.
const LONG: usize = 500;

#[derive(Template)]
#[template(path = "logged.html")]
struct View {
    run: String,
    name: String,
    of: String,
    of_link: String,
    status: &'static str,
    started: When,
    took: String,
    is_running: bool,
    parent: Option<(String, String)>,
    user: String,
    deleted: bool,
    note: String,
    curves: Vec<(String, String, Markup)>,
    more_curves: usize,
    metrics: Vec<(String, String)>,
    params: Vec<(String, String)>,
    tags: Vec<(String, String)>,
    system_tags: Vec<(String, String)>,
    datasets: Vec<(String, String, String)>,
    models: Vec<(String, String)>,
    registered: Vec<(String, String)>,
    folders: Vec<(String, String)>,
    files: Vec<File>,
}

struct File {
    name: String,
    link: String,
    size: String,
    is_folder: bool,
}

/// The page of a logged run.
pub(super) fn run(site: &Site, call: &Call, row: &ListedRun) -> Result<Response<Body>, Problem> {
    let found = logged::of(site, &row.run)?;
    let lengths = site.reader.series_of(&row.run).map_err(told)?;
    let mut curves = Vec::new();
    for (key, length) in lengths.iter().filter(|(_, length)| *length > 1).take(CURVES) {
        let sampled = series::sampled(site, &row.run, key, POINTS)?;
        let (axis, points) = series::drawn(&sampled);
        let name = trainyard_report::markup::shorten(key, 40);
        let line = [Series { name: &name, points: &points, marked: points.len() <= 20 }];
        let title = format!("{key} over {axis}");
        let drawn = curve(&Curves {
            title: &title,
            x: Axis::whole(axis),
            y: Axis::new(""),
            series: &line,
            ..Curves::default()
        });
        curves.push((key.clone(), plural(usize::try_from(*length).unwrap_or(usize::MAX), "point"), Markup(drawn)));
    }
    let folder = call.asked("path").unwrap_or_default();
    let own = link::run(&row.run);
    let in_folder = |path: &str| format!("{own}?path={}#files", link::part(path));
    let files = logged::files(site, &row.run, folder)?.into_iter().map(|file| File {
        link: file.address.unwrap_or_else(|| {
            in_folder(&if folder.is_empty() { file.name.clone() } else { format!("{folder}/{}", file.name) })
        }),
        is_folder: file.bytes.is_none(),
        size: file.bytes.map(number::bytes).unwrap_or_default(),
        name: file.name,
    });
    let mut folders = Vec::new();
    let mut whole = String::new();
    for part in folder.split('/').filter(|part| !part.is_empty()) {
        whole = if whole.is_empty() { part.to_owned() } else { format!("{whole}/{part}") };
        folders.push((part.to_owned(), in_folder(&whole)));
    }
    let marks = site.reader.versions_of(&row.run).map_err(told)?;
    let short = |(key, value): (&String, &String)| (key.clone(), trainyard_report::markup::shorten(value, LONG));
    let is_running = row.status == RunStatus::Running;
    let body = View {
        more_curves: lengths.iter().filter(|(_, length)| *length > 1).count().saturating_sub(CURVES),
        metrics: found
            .metrics
            .iter()
            .map(|(name, value)| {
                (name.clone(), value.map_or_else(|| number::ABSENT.to_owned(), |value| number::significant(value, 6)))
            })
            .collect(),
        note: found.tags.get("mlflow.note.content").cloned().unwrap_or_default(),
        params: found.params.iter().map(|(name, value)| short((name, value))).collect(),
        tags: found.tags.iter().filter(|(key, _)| !key.starts_with("mlflow.")).map(short).collect(),
        system_tags: found.tags.iter().filter(|(key, _)| key.starts_with("mlflow.")).map(short).collect(),
        datasets: found.datasets,
        models: found.models,
        registered: marks
            .into_iter()
            .map(|(model, version)| {
                (format!("{model} {version}"), format!("{}/versions/{version}", link::model(&model)))
            })
            .collect(),
        curves,
        folders,
        files: files.collect(),
        deleted: found.deleted,
        of: row.of.clone(),
        of_link: link::of(row),
        status: row.status.name(),
        started: when(row.started),
        took: took(row),
        is_running,
        parent: found.tags.get(PARENT).map(|run| (run.clone(), link::run(run))),
        user: row.user.clone(),
        name: row.name.clone(),
        run: row.run.clone(),
    };
    let live = if is_running { row.run.as_str() } else { "" };
    page(site, call, &Frame { title: &row.name, place: "/runs", live }, &body)
}
