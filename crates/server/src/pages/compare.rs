//! Runs side by side.

use askama::Template;
use axum::{body::Body, http::Response};
use serde_json::Value;
use trainyard_core::Problem;
use trainyard_report::{
    charts::{Coordinate, Upright, parallel},
    markup::Markup,
    metric::better,
    number,
};

use super::{
    Frame, page,
    words::{When, shown, when},
};
use crate::{
    Site,
    call::Call,
    compare::{Comparison, Row},
    link,
};

/// Axes drawn.
const AXES: usize = 12;
/// Characters of a value.
const WIDEST: usize = 60;

#[derive(Template)]
#[template(path = "compare.html")]
struct View {
    runs: Vec<Head>,
    chart: Option<Markup>,
    metrics: Vec<Line>,
    params: Vec<Line>,
    same: Vec<Line>,
}

struct Head {
    run: String,
    link: String,
    pipeline: String,
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
    let runs = compared.runs.iter().enumerate().map(|(position, run)| Head {
        run: run.run.clone(),
        link: link::run(&run.run),
        pipeline: run.pipeline.clone(),
        status: run.status.name(),
        started: when(run.started),
        took: number::seconds(run.seconds),
        series: position % 6 + 1,
        without: without(&run.run),
    });
    let (differing, same): (Vec<&Row>, Vec<&Row>) = compared.params.iter().partition(|row| row.differs);
    let body = View {
        runs: runs.collect(),
        chart: chart(&compared),
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
    let names: Vec<&str> = compared.runs.iter().map(|run| run.run.as_str()).collect();
    (axes.len() > 1).then(|| Markup(parallel("What differs between the runs, a line for each", &names, &axes)))
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
