//! What clients logged of a run: parameters, the last points of metrics, tags, data, files.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use trainyard_core::Problem;

use crate::{Site, fault::told, link};

/// What was logged of a run.
#[derive(Debug, Default)]
pub(crate) struct Logged {
    /// The number of its experiment.
    pub(crate) experiment: i64,
    /// Parameters by name.
    pub(crate) params: Vec<(String, String)>,
    /// The last point of each metric by name, where it is a number.
    pub(crate) metrics: Vec<(String, Option<f64>)>,
    /// Tags by name.
    pub(crate) tags: BTreeMap<String, String>,
    /// Data that went in: name, digest, what it was used for.
    pub(crate) datasets: Vec<(String, String, String)>,
    /// Models that it read or made: `input` or `output`, and the id.
    pub(crate) models: Vec<(String, String)>,
    /// True where its files are on this server.
    pub(crate) has_files: bool,
    /// True while it is in the bin.
    pub(crate) deleted: bool,
}

/// A file or a folder that a client kept.
pub(crate) struct File {
    /// Its name in its folder.
    pub(crate) name: String,
    /// Its length; none for a folder.
    pub(crate) bytes: Option<u64>,
    /// Where a file can be had.
    pub(crate) address: Option<String>,
}

#[derive(Deserialize)]
struct Pair {
    key: String,
    value: Value,
}

#[derive(Deserialize)]
struct Used {
    #[serde(default)]
    tags: Value,
    dataset: Value,
}

#[derive(Deserialize)]
struct ModelOf {
    direction: String,
    model_id: String,
}

/// What was logged of the run of that whole id.
pub(crate) fn of(site: &Site, run: &str) -> Result<Logged, Problem> {
    let Some(run) = site.reader.tracked_run(run).map_err(told)? else { return Ok(Logged::default()) };
    let params = pairs(&run.params)?.into_iter().map(|pair| (pair.key, text(&pair.value))).collect();
    let metrics = pairs(&run.metrics)?.into_iter().map(|pair| (pair.key, pair.value.as_f64())).collect();
    let tags = pairs(&run.tags)?.into_iter().map(|pair| (pair.key, text(&pair.value))).collect();
    let datasets = parsed::<Vec<Used>>(&run.datasets)?.into_iter().map(|used| {
        let field = |name: &str| text(&used.dataset[name]);
        let context = used.tags.as_array().into_iter().flatten().find(|tag| tag["key"] == "mlflow.data.context");
        (field("name"), field("digest"), context.map(|tag| text(&tag["value"])).unwrap_or_default())
    });
    let models = parsed::<Vec<ModelOf>>(&run.models)?.into_iter().map(|model| (model.direction, model.model_id));
    let mut found = Logged {
        experiment: run.experiment,
        params,
        metrics,
        tags,
        datasets: datasets.collect(),
        models: models.collect(),
        has_files: run.artifact_location.is_none(),
        deleted: run.deleted,
    };
    found.params.sort();
    found.metrics.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(found)
}

fn pairs(json: &str) -> Result<Vec<Pair>, Problem> {
    parsed(json)
}

fn parsed<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, Problem> {
    serde_json::from_str(json).map_err(|error| Problem::error("store-broken", format!("what was logged: {error}")))
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What is in a folder of a run's files.
pub(crate) fn files(site: &Site, run: &str, folder: &str) -> Result<Vec<File>, Problem> {
    let logged = of(site, run)?;
    if !logged.has_files {
        return Ok(Vec::new());
    }
    let root = format!("{}/{run}/artifacts", logged.experiment);
    let path = if folder.is_empty() { root } else { format!("{root}/{folder}") };
    let entries = site.reader.folder(&path).map_err(told)?;
    let address = |name: &str| {
        let path: Vec<String> = path.split('/').chain([name]).map(link::part).collect();
        format!("/api/2.0/mlflow-artifacts/artifacts/{}", path.join("/"))
    };
    let files = entries.into_iter().map(|entry| File {
        address: entry.bytes.map(|_| address(&entry.name)),
        bytes: entry.bytes,
        name: entry.name,
    });
    Ok(files.collect())
}
