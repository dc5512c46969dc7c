//! Runs side by side: what was set, what was measured, what differs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use trainyard_core::Problem;
use trainyard_store::ListedRun;

use crate::{Site, fault::told, logged};

/// Runs that can be compared at once.
pub(crate) const MOST: usize = 50;

/// Runs side by side.
pub(crate) struct Comparison {
    /// The runs.
    pub(crate) runs: Vec<ListedRun>,
    /// Parameters of the pipeline and of steps, by dotted name.
    pub(crate) params: Vec<Row>,
    /// Metrics by `step.model.metric`.
    pub(crate) metrics: Vec<Row>,
}

/// A quantity over all runs.
pub(crate) struct Row {
    /// Its name.
    pub(crate) name: String,
    /// Its value in each run; null where a run has none.
    pub(crate) values: Vec<Value>,
    /// Whether the runs differ in it.
    pub(crate) differs: bool,
}

/// Brings runs together.
pub(crate) fn compare(site: &Site, runs: &[&str]) -> Result<Comparison, Problem> {
    if !(2..=MOST).contains(&runs.len()) {
        let message = format!("{} runs are named: from 2 to {MOST} can be compared", runs.len());
        return Err(Problem::error("bad-request", message).help("name them as `?run=A&run=B`"));
    }
    let runs = runs.iter().map(|run| found(site, run)).collect::<Result<Vec<_>, _>>()?;
    let params = runs.iter().map(|run| params(site, run)).collect::<Result<Vec<_>, _>>()?;
    let metrics = runs.iter().map(|run| metrics(site, run)).collect::<Result<Vec<_>, _>>()?;
    Ok(Comparison { params: rows(&params), metrics: rows(&metrics), runs })
}

fn found(site: &Site, run: &str) -> Result<ListedRun, Problem> {
    let run = site.reader.run(run).map_err(told)?.run;
    let found = site.reader.listed_run(&run).map_err(told)?;
    found.ok_or_else(|| Problem::error("run-not-found", format!("there is no run `{run}` any more")))
}

fn params(site: &Site, run: &ListedRun) -> Result<BTreeMap<String, Value>, Problem> {
    let mut all = BTreeMap::new();
    if run.logged {
        for (name, text) in logged::of(site, &run.run)?.params {
            // A number in words is drawn as the number it is.
            let number = text.parse::<serde_json::Number>().ok();
            all.insert(name, number.map_or_else(|| json!(text), Value::Number));
        }
        return Ok(all);
    }
    let record = site.reader.record(&run.run).map_err(told)?;
    for (name, value) in &record.params {
        flatten(name.clone(), value, &mut all);
    }
    for step in &record.steps {
        flatten(format!("steps.{}", step.name), &step.params, &mut all);
    }
    Ok(all)
}

fn metrics(site: &Site, run: &ListedRun) -> Result<BTreeMap<String, Value>, Problem> {
    if run.logged {
        let logged = logged::of(site, &run.run)?.metrics;
        return Ok(logged.into_iter().map(|(name, value)| (name, json!(value))).collect());
    }
    let measured = site.reader.metrics(&run.run).map_err(told)?;
    let named =
        |row: trainyard_store::MetricRow| (format!("{}.{}.{}", row.step, row.model, row.metric), json!(row.value));
    Ok(measured.into_iter().map(named).collect())
}

fn flatten(name: String, value: &Value, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                flatten(format!("{name}.{field}"), value, into);
            }
        }
        Value::Null => {}
        other => {
            into.insert(name, other.clone());
        }
    }
}

fn rows(sides: &[BTreeMap<String, Value>]) -> Vec<Row> {
    let names: BTreeSet<&String> = sides.iter().flat_map(BTreeMap::keys).collect();
    names
        .into_iter()
        .map(|name| {
            let values: Vec<Value> = sides.iter().map(|side| side.get(name).cloned().unwrap_or(Value::Null)).collect();
            let differs = values.windows(2).any(|pair| pair[0] != pair[1]);
            Row { name: name.clone(), values, differs }
        })
        .collect()
}
