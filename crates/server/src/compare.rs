//! Runs side by side: what was set, what was measured, what differs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use trainyard_core::{Problem, record::RunRecord};

use crate::{Site, fault::told};

/// Runs that can be compared at once.
pub(crate) const MOST: usize = 50;

/// Runs side by side.
pub(crate) struct Comparison {
    /// The runs.
    pub(crate) runs: Vec<RunRecord>,
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
    let runs = runs.iter().map(|run| site.reader.record(run).map_err(told)).collect::<Result<Vec<_>, _>>()?;
    let params: Vec<BTreeMap<String, Value>> = runs.iter().map(params).collect();
    let metrics = runs.iter().map(|run| metrics(site, run)).collect::<Result<Vec<_>, _>>()?;
    Ok(Comparison { params: rows(&params), metrics: rows(&metrics), runs })
}

fn params(run: &RunRecord) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for (name, value) in &run.params {
        flatten(name.clone(), value, &mut all);
    }
    for step in &run.steps {
        flatten(format!("steps.{}", step.name), &step.params, &mut all);
    }
    all
}

fn metrics(site: &Site, run: &RunRecord) -> Result<BTreeMap<String, Value>, Problem> {
    let measured = site.reader.metrics(&run.run).map_err(told)?;
    Ok(measured
        .into_iter()
        .map(|row| (format!("{}.{}.{}", row.step, row.model, row.metric), json!(row.value)))
        .collect())
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
