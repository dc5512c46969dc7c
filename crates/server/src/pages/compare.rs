//! Runs side by side.

use std::collections::BTreeMap;

use askama::Template;
use axum::{body::Body, http::Response};
use serde_json::Value;
use trainyard_core::Problem;
use trainyard_report::{
    charts::{Axis, Coordinate, Curves, Series, Upright, curve, parallel},
    markup::Markup,
    metric::better,
    number,
};
use trainyard_store::ListedRun;

use super::{
    Frame, page,
    runs::took,
    words::{When, shown, when},
};
use crate::{
    Site,
    call::Call,
    compare::{Comparison, Row},
    fault::told,
    link, series,
};

/// Axes drawn.
const AXES: usize = 12;
/// Metrics over time drawn, points of each line, lines at most.
const CURVES: usize = 12;
const POINTS: usize = 300;
const COMPARED: usize = 6;
/// Characters of a value.
const WIDEST: usize = 60;

#[derive(Template)]
#[template(path = "compare.html")]
struct View {
    runs: Vec<Head>,
    chart: Option<Markup>,
    curves: Vec<(String, Markup)>,
    metrics: Vec<Line>,
    params: Vec<Line>,
    same: Vec<Line>,
}

struct Head {
    run: String,
    link: String,
    of: String,
    status: &'static str,
    started: When,
    took: String,
    series: usize,
    without: Option<String>,
}

struct Line {
    name: String,
    cells: Vec<Cell>,
}

struct Cell {
    text: String,
    whole: String,
    best: bool,
    difference: String,
}

pub(super) fn compare(site: &Site, call: &Call) -> Result<Response<Body>, Problem> {
    let named = call.asked_all("run");
    let compared = crate::compare::compare(site, &named)?;
    let without = |run: &str| {
        let left: Vec<String> =
            compared.runs.iter().map(|run| run.run.as_str()).filter(|other| *other != run).map(link::part).collect();
        (left.len() > 1).then(|| format!("/compare?run={}", left.join("&run=")))
    };
    let runs = compared.runs.iter().enumerate().map(|(position, row)| Head {
        run: called(row).to_owned(),
        link: link::run(&row.run),
        of: row.of.clone(),
        status: row.status.name(),
        started: when(row.started),
        took: took(row),
        series: position % 6 + 1,
        without: without(&row.run),
    });
    let (differing, same): (Vec<&Row>, Vec<&Row>) = compared.params.iter().partition(|row| row.differs);
    let body = View {
        runs: runs.collect(),
        chart: chart(&compared),
        curves: curves(site, &compared)?,
        metrics: compared.metrics.iter().map(metric).collect(),
        params: differing.into_iter().map(param).collect(),
        same: same.into_iter().map(param).collect(),
    };
    page(site, call, &Frame { title: "Comparison of runs", place: "/runs", live: "" }, &body)
}

fn param(row: &Row) -> Line {
    let cells = row.values.iter().map(|value| {
        let whole = shown(value);
        let text = trainyard_report::markup::shorten(&whole, WIDEST);
        Cell { whole: if whole == text { String::new() } else { whole }, text, best: false, difference: String::new() }
    });
    Line { name: row.name.clone(), cells: cells.collect() }
}

fn metric(row: &Row) -> Line {
    let name = row.name.rsplit('.').next().unwrap_or_default();
    let better = better(name);
    let values: Vec<Option<f64>> = row.values.iter().map(Value::as_f64).collect();
    let best = values.iter().flatten().map(|value| better.badness(*value)).min_by(f64::total_cmp);
    let first = values.first().copied().flatten();
    let cells = values.iter().enumerate().map(|(position, value)| Cell {
        text: value.map_or_else(|| number::ABSENT.to_owned(), |value| number::significant(value, 5)),
        whole: String::new(),
        best: row.differs && value.map(|value| better.badness(value)) == best && value.is_some(),
        difference: match (first, value) {
            (Some(first), Some(value)) if position > 0 && first != *value => {
                let sign = if *value > first { "+" } else { "" };
                format!("{sign}{}", number::significant(value - first, 3))
            }
            _ => String::new(),
        },
    });
    Line { name: row.name.clone(), cells: cells.collect() }
}

/// What differs, parameters first, drawn as parallel coordinates.
fn chart(compared: &Comparison) -> Option<Markup> {
    let params = compared.params.iter().filter(|row| row.differs && is_drawable(row));
    let metrics = compared.metrics.iter().filter(|row| row.differs && is_drawable(row));
    let (params, metrics): (Vec<&Row>, Vec<&Row>) = (params.collect(), metrics.collect());
    // Each side gets its share where there is more than can be read.
    let for_metrics = metrics.len().min(AXES - params.len().min(AXES / 2));
    let for_params = params.len().min(AXES - for_metrics);
    let rows: Vec<&Row> = params.into_iter().take(for_params).chain(metrics.into_iter().take(for_metrics)).collect();
    let short: Vec<String> = rows.iter().map(|row| short(&row.name)).collect();
    let axes: Vec<Upright<'_>> = rows
        .iter()
        .zip(&short)
        .map(|(row, name)| {
            let coordinate = |value: &'_ Value| match value {
                Value::Number(number) => number.as_f64().map(Coordinate::Number),
                _ => None,
            };
            let words = row.values.iter().map(|value| value.as_str().map(Coordinate::Word));
            let values = row.values.iter().map(coordinate).zip(words).map(|(number, word)| number.or(word)).collect();
            Upright { name, values }
        })
        .collect();
    let names: Vec<&str> = compared.runs.iter().map(called).collect();
    (axes.len() > 1).then(|| Markup(parallel("What differs between the runs, a line for each", &names, &axes)))
}

/// What a run goes by.
fn called(row: &ListedRun) -> &str {
    if row.logged { &row.name } else { &row.run }
}

/// The metrics over time that more than one of the runs has, or the only one that has any.
fn curves(site: &Site, compared: &Comparison) -> Result<Vec<(String, Markup)>, Problem> {
    let mut having: BTreeMap<String, Vec<&ListedRun>> = BTreeMap::new();
    for row in compared.runs.iter().filter(|row| row.logged).take(COMPARED) {
        for (key, length) in site.reader.series_of(&row.run).map_err(told)? {
            if length > 1 {
                having.entry(key).or_default().push(row);
            }
        }
    }
    let mut drawn = Vec::new();
    for (key, runs) in having.into_iter().filter(|(_, runs)| runs.len() > 1).take(CURVES) {
        let mut lines = Vec::new();
        for row in runs {
            let (axis, points) = series::drawn(&series::sampled(site, &row.run, &key, POINTS)?);
            lines.push((called(row), axis, points));
        }
        let series: Vec<Series<'_>> =
            lines.iter().map(|(name, _, points)| Series { name, points, marked: points.len() <= 20 }).collect();
        let axis = lines.first().map_or("step", |(_, axis, _)| axis);
        let title = format!("{key} over {axis}, a line for each run");
        let picture = curve(&Curves {
            title: &title,
            x: Axis::whole(axis),
            y: Axis::new(""),
            series: &series,
            ..Curves::default()
        });
        drawn.push((key, Markup(picture)));
    }
    Ok(drawn)
}

fn is_drawable(row: &Row) -> bool {
    row.values.iter().all(|value| matches!(value, Value::Number(_) | Value::String(_) | Value::Null))
}

/// The end of a dotted name, as much as fits above an axis.
fn short(name: &str) -> String {
    let parts: Vec<&str> = name.split('.').collect();
    match parts.as_slice() {
        [.., before, last] if last.len() + before.len() < 18 => format!("{before}.{last}"),
        [.., last] => (*last).to_owned(),
        [] => String::new(),
    }
}
