//! The table of models against metrics, with intervals, cross-validated values and baselines.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use trainyard_core::evaluation::{Evaluation, Measured, Resampled};

use super::render;
use crate::{
    charts::{self, Interval, scale::extent},
    markup::Markup,
    metric, number,
};

#[derive(Template)]
#[template(path = "metrics.html")]
struct Table {
    caption: String,
    columns: Vec<Column>,
    rows: Vec<Row>,
}

struct Column {
    label: String,
    way: &'static str,
    sign: &'static str,
    decides: bool,
}

struct Row {
    kind: &'static str,
    name: String,
    note: String,
    cells: Vec<Option<Cell>>,
}

struct Cell {
    value: String,
    interval: Option<String>,
    glyph: Option<Markup>,
}

/// Best first, each followed by its cross-validated values, then the baselines.
pub(crate) fn table(evaluation: &Evaluation) -> Markup {
    let metrics = metrics(evaluation);
    let ranges: BTreeMap<&str, (f64, f64)> =
        metrics.iter().filter_map(|metric| Some((*metric, range(evaluation, metric)?))).collect();
    let mut rows = Vec::new();
    let (best, others): (Vec<_>, Vec<_>) = evaluation.models.iter().partition(|(name, _)| **name == evaluation.best);
    for (name, model) in best.into_iter().chain(others) {
        let is_best = *name == evaluation.best;
        rows.push(Row {
            kind: if is_best { "best" } else { "model" },
            name: name.clone(),
            note: model.estimator.clone(),
            cells: metrics
                .iter()
                .map(|metric| {
                    let measured = model.metrics.get(*metric)?;
                    Some(cell(metric, name, measured, ranges.get(metric).copied(), is_best))
                })
                .collect(),
        });
        if !model.resampled.is_empty() {
            let folds = model.resampled.values().map(|resampled| resampled.folds.len()).max().unwrap_or(0);
            rows.push(Row {
                kind: "resampled",
                name: "cross-validated".to_owned(),
                note: if folds > 0 { format!("{folds} folds") } else { String::new() },
                cells: metrics.iter().map(|metric| model.resampled.get(*metric).map(resampled)).collect(),
            });
        }
    }
    for (name, measured) in &evaluation.baselines {
        rows.push(Row {
            kind: "baseline",
            name: name.replace('_', " "),
            note: "baseline".to_owned(),
            cells: metrics
                .iter()
                .map(|metric| {
                    let (value, interval) = metric::parts(measured.get(*metric)?);
                    Some(Cell { value, interval, glyph: None })
                })
                .collect(),
        });
    }
    let columns = metrics
        .iter()
        .map(|name| Column {
            label: metric::label(name),
            way: metric::better(name).words(),
            sign: metric::better(name).sign(),
            decides: *name == evaluation.decided_by,
        })
        .collect();
    render(&Table { caption: format!("Metrics of the models on the {} part", evaluation.part), columns, rows })
}

/// The metrics that anything here has, the deciding one first.
fn metrics(evaluation: &Evaluation) -> Vec<&str> {
    let models = evaluation.models.values().flat_map(|model| model.metrics.keys().chain(model.resampled.keys()));
    let known: BTreeSet<&str> = models.map(String::as_str).collect();
    let decides = evaluation.decided_by.as_str();
    known.get(decides).copied().into_iter().chain(known.iter().copied().filter(|metric| *metric != decides)).collect()
}

/// The ends of the glyphs' axis: all models' intervals with some room. Baselines are usually far off and stay out.
fn range(evaluation: &Evaluation, metric: &str) -> Option<(f64, f64)> {
    let measured = evaluation.models.values().filter_map(|model| model.metrics.get(metric));
    let (low, high) = extent(measured.flat_map(|measured| [measured.low, measured.value, measured.high]))?;
    let room = (high - low) * if evaluation.models.len() > 1 { 0.06 } else { 0.3 };
    Some((low - room, high + room))
}

fn cell(metric: &str, model: &str, measured: &Measured, range: Option<(f64, f64)>, strong: bool) -> Cell {
    let (value, interval) = metric::parts(measured);
    let glyph = range.filter(|_| interval.is_some()).map(|range| {
        let title = format!("{} of {model}: {}", metric::label(metric), metric::with_interval(measured));
        let Measured { value, low, high, .. } = *measured;
        Markup(charts::interval(&title, &Interval { value, low, high, range, strong }))
    });
    Cell { value, interval, glyph }
}

fn resampled(resampled: &Resampled) -> Cell {
    let decimals = number::decimals_for(resampled.deviation * 2.0);
    let text =
        |value| decimals.map_or_else(|| number::significant(value, 4), |decimals| number::fixed(value, decimals));
    let value = if resampled.deviation.is_finite() && resampled.folds.len() > 1 {
        format!("{} ± {}", text(resampled.mean), text(resampled.deviation))
    } else {
        text(resampled.mean)
    };
    Cell { value, interval: None, glyph: None }
}

/// What the intervals and deviations in the table are.
pub(crate) fn legend(evaluation: &Evaluation) -> String {
    let measured = || {
        evaluation
            .models
            .values()
            .flat_map(|model| model.metrics.values())
            .filter(|measured| number::decimals_for(measured.high - measured.low).is_some())
    };
    let mut legend = String::new();
    if let Some(level) = measured().next().map(|measured| measured.level) {
        let methods: BTreeSet<&str> = measured().map(|measured| measured.method.as_str()).collect();
        let methods: Vec<&str> = methods.into_iter().filter(|method| !method.is_empty()).collect();
        let how = if methods.is_empty() { String::new() } else { format!(" ({})", methods.join(", ")) };
        legend.push_str(&format!("Below each value its {} interval{how}. ", number::percent(level)));
    }
    if evaluation.models.values().any(|model| !model.resampled.is_empty()) {
        legend.push_str("Cross-validated: mean ± deviation over the folds.");
    }
    legend.trim_end().to_owned()
}
