//! Runs that programs log, beside those of pipelines.

use std::fmt::Write as _;

use serde::Deserialize;
use trainyard_core::record::RunStatus;

use super::{
    JsonText, Point, Search, Tagged, metrics,
    search::{Table, by_metric, statement},
    tags, unknown,
};
use crate::{
    catalog::{Bind, Transaction, column, parsed, text},
    error::StoreError,
    store::Store,
};

/// A run to be made.
#[derive(Clone, Debug)]
pub struct NewRun<'a> {
    /// Its id.
    pub run: &'a str,
    /// Its experiment.
    pub experiment: i64,
    /// Its name.
    pub name: &'a str,
    /// Who runs it.
    pub user: &'a str,
    /// When it started, in milliseconds since 1970.
    pub started: i64,
    /// Its tags.
    pub tags: &'a [(String, String)],
}

/// A run as it is searched and shown: a pipeline's or a logged one.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackedRun {
    /// Its id.
    pub run: String,
    /// Its experiment.
    pub experiment: i64,
    /// Its name.
    pub name: String,
    /// Who ran it; empty for a pipeline's.
    pub user: String,
    /// How it stands.
    pub status: RunStatus,
    /// When it started, in milliseconds since 1970.
    pub started: i64,
    /// When it ended, in milliseconds since 1970.
    pub ended: Option<i64>,
    /// True while it is in the bin.
    pub deleted: bool,
    /// True for one that a client logged.
    pub logged: bool,
    /// Where its files are, where its experiment keeps them at a place of its own.
    pub artifact_location: Option<String>,
    /// `[{"key", "value", "timestamp", "step"}]`; a value that is no number is the text `NaN`.
    pub metrics: JsonText,
    /// `[{"key", "value"}]`.
    pub params: JsonText,
    /// `[{"key", "value"}]`.
    pub tags: JsonText,
    /// `[{"tags": […], "dataset": {"name", "digest", "source_type", "source", "schema", "profile"}}]`.
    pub datasets: JsonText,
    /// `[{"direction", "model_id", "step"}]`.
    pub models: JsonText,
}

/// What is logged to a run at once.
#[derive(Clone, Debug, Default)]
pub struct Batch<'a> {
    /// Points of series.
    pub points: &'a [Point],
    /// Parameters; one that is there already must have the same value.
    pub params: &'a [(String, String)],
    /// Tags.
    pub tags: &'a [(String, String)],
}

/// All that is shown of a run, as one object: a row costs more to hand over than to read.
const WHOLE: &str = "json_object('run', r.run, 'experiment', coalesce(r.experiment, 0), 'name', r.name, 'user', r.user,
     'status', r.status, 'started', r.started, 'ended', r.ended, 'deleted', r.deleted, 'logged', r.logged,
     'artifact_location', (SELECT artifact_location FROM experiments WHERE id = r.experiment),
     'metrics', json((SELECT json_group_array(json_array(key, bits, iif(bits IS NULL, value, NULL), timestamp, step))
         FROM latest_metrics WHERE run = r.run)),
     'params', (SELECT json_group_array(json_object('key', key, 'value', value)) FROM run_params
         WHERE run = r.run) || '',
     'tags', (SELECT json_group_array(json_object('key', key, 'value', value)) FROM run_tags WHERE run = r.run) || '',
     'datasets', (SELECT json_group_array(json_object('tags', json(k.tags), 'dataset', json_object('name', d.name,
         'digest', d.digest, 'source_type', d.source_type, 'source', d.source, 'schema', d.schema,
         'profile', d.profile))) FROM run_datasets k JOIN datasets d ON d.id = k.dataset WHERE k.run = r.run) || '',
     'models', (SELECT json_group_array(json_object('direction', direction, 'model_id', model, 'step', step))
         FROM run_models WHERE run = r.run) || '') AS whole";

/// A metric: its key, bits, value, timestamp and step.
type Latest = (String, Option<i64>, Option<f64>, i64, i64);

/// A run as the catalog hands it over.
#[derive(Deserialize)]
struct Whole {
    run: String,
    experiment: i64,
    name: String,
    user: String,
    status: RunStatus,
    started: i64,
    ended: Option<i64>,
    deleted: Option<i64>,
    logged: i64,
    artifact_location: Option<String>,
    metrics: Vec<Latest>,
    params: JsonText,
    tags: JsonText,
    datasets: JsonText,
    models: JsonText,
}

impl Store {
    /// Makes a run, under way from now on.
    ///
    /// # Errors
    /// `unknown-experiment`; when the catalog cannot be written.
    pub fn create_run(&self, new: &NewRun<'_>) -> Result<(), StoreError> {
        self.must_write()?;
        self.catalog.transaction(|transaction| {
            let experiment = transaction
                .row("SELECT name FROM experiments WHERE id = ? AND deleted IS NULL", &[new.experiment.into()])?
                .ok_or_else(|| unknown("unknown-experiment", "experiment", new.experiment))?;
            let pipeline: &str = column(&experiment, "name")?;
            let record = serde_json::json!({
                "run": new.run, "pipeline": pipeline, "status": RunStatus::Running, "started": new.started,
                "seconds": 0.0, "steps": [],
            });
            transaction.rows(
                "INSERT INTO runs (run, pipeline, status, started, seconds, record, experiment, name, user, logged)
                   VALUES (?, ?, 'running', ?, 0.0, ?, ?, ?, ?, 1)",
                &[
                    new.run.into(),
                    pipeline.into(),
                    new.started.into(),
                    Bind::Text(record.to_string()),
                    new.experiment.into(),
                    new.name.into(),
                    new.user.into(),
                ],
            )?;
            let tags = new.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
            tags::set(transaction, Tagged::Run(new.run), tags)
        })
    }

    /// The run of that whole id, also one in the bin.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn tracked_run(&self, run: &str) -> Result<Option<TrackedRun>, StoreError> {
        let found = self.catalog.made(format!("SELECT {WHOLE} FROM runs r WHERE r.run = ?"), &[run.into()])?;
        found.first().map(|row| tracked(parsed(row, "whole")?)).transpose()
    }

    /// The runs that are searched for; without an order, the newest first.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn search_runs(&self, search: &Search) -> Result<Vec<TrackedRun>, StoreError> {
        if let Some((sql, arguments)) = by_metric(WHOLE, search) {
            let found = self.whole_runs(&sql, &arguments)?;
            if found.len() == search.limit {
                return Ok(found);
            }
        }
        let (sql, arguments) = statement(Table::Runs, WHOLE, search);
        self.whole_runs(&sql, &arguments)
    }

    /// The runs of a statement, handed over as one text.
    fn whole_runs(&self, sql: &str, arguments: &[Bind]) -> Result<Vec<TrackedRun>, StoreError> {
        let sql = format!("SELECT json_group_array(json(whole)) AS whole FROM ({sql})");
        let rows = self.catalog.made(sql, arguments)?;
        let Some(row) = rows.first() else { return Ok(Vec::new()) };
        parsed::<Vec<Whole>>(row, "whole")?.into_iter().map(tracked).collect()
    }

    /// Changes how a run stands, when it ended, or its name; what is none stays.
    ///
    /// # Errors
    /// `unknown-run`; when the catalog cannot be written.
    pub fn update_run(
        &self,
        run: &str,
        status: Option<RunStatus>,
        ended: Option<i64>,
        name: Option<&str>,
    ) -> Result<(), StoreError> {
        self.must_write()?;
        self.catalog.transaction(|transaction| {
            if !exists(transaction, run)? {
                return Err(unknown("unknown-run", "run", run));
            }
            if let Some(status) = status {
                let sql = "UPDATE runs SET status = ?, record = json_set(record, '$.status', ?) WHERE run = ?";
                transaction.rows(sql, &[status.name().into(), status.name().into(), run.into()])?;
            }
            if let Some(ended) = ended {
                let sql = "UPDATE runs SET ended = ?, seconds = max(0, ? - started) / 1000.0,
                             record = json_set(record, '$.seconds', max(0, ? - started) / 1000.0) WHERE run = ?";
                transaction.rows(sql, &[ended.into(), ended.into(), ended.into(), run.into()])?;
            }
            if let Some(name) = name {
                transaction.rows("UPDATE runs SET name = ? WHERE run = ?", &[name.into(), run.into()])?;
                tags::set(transaction, Tagged::Run(run), [("mlflow.runName", name)])?;
            }
            Ok(())
        })
    }

    /// Puts a run into the bin, or takes it out.
    ///
    /// # Errors
    /// `unknown-run`; when the catalog cannot be written.
    pub fn bin_run(&self, run: &str, into: bool, now: i64) -> Result<(), StoreError> {
        self.must_write()?;
        let since = if into { Bind::Integer(now) } else { Bind::Null };
        let sql = "UPDATE runs SET deleted = ? WHERE run = ? RETURNING run";
        let rows = self.catalog.bound(sql, &[since, run.into()])?;
        if rows.is_empty() { Err(unknown("unknown-run", "run", run)) } else { Ok(()) }
    }

    /// Logs points, parameters and tags to a run: all of them or none.
    ///
    /// # Errors
    /// `unknown-run`, `run-deleted`; `param-changed` where a parameter has another value already; when the catalog
    /// cannot be written.
    pub fn log_batch(&self, run: &str, batch: &Batch<'_>) -> Result<(), StoreError> {
        self.must_write()?;
        let missing = self.catalog.transaction(|transaction| {
            let active = "SELECT run FROM runs WHERE run = ? AND deleted IS NULL";
            if transaction.row(active, &[run.into()])?.is_none() {
                return Ok(true);
            }
            if !batch.params.is_empty() {
                put_params(transaction, run, batch.params)?;
            }
            let tags = batch.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
            tags::set(transaction, Tagged::Run(run), tags)?;
            if let Some((_, name)) = batch.tags.iter().find(|(key, _)| key == "mlflow.runName") {
                transaction.rows("UPDATE runs SET name = ? WHERE run = ?", &[name.into(), run.into()])?;
            }
            if !batch.points.is_empty() {
                metrics::log(transaction, run, batch.points)?;
            }
            Ok(false)
        })?;
        metrics::logged(self);
        if missing { Err(self.not_active(run)?) } else { Ok(()) }
    }
}

/// Sets parameters; each once and for all.
fn put_params(transaction: &mut Transaction<'_>, run: &str, params: &[(String, String)]) -> Result<(), StoreError> {
    let rows: Vec<(&str, &str, &str)> = params.iter().map(|(key, value)| (run, key.as_str(), value.as_str())).collect();
    let rows = text(&rows)?;
    transaction.rows(
        "INSERT INTO run_params (run, key, value) SELECT value->>0, value->>1, value->>2 FROM json_each(?) WHERE true
         ON CONFLICT DO NOTHING",
        &[Bind::Text(rows.clone())],
    )?;
    let other = transaction.row(
        "SELECT p.key, p.value AS had, j.value->>2 AS wanted FROM json_each(?) j
         JOIN run_params p ON p.run = j.value->>0 AND p.key = j.value->>1 WHERE p.value <> j.value->>2 LIMIT 1",
        &[Bind::Text(rows)],
    )?;
    let Some(other) = other else { return Ok(()) };
    let (key, had, wanted): (&str, &str, &str) =
        (column(&other, "key")?, column(&other, "had")?, column(&other, "wanted")?);
    let message = format!(
        "Changing param values is not allowed. Param with key='{key}' was already logged with value='{had}' for run \
         ID='{run}'. Attempted logging new value '{wanted}'."
    );
    Err(StoreError::new("param-changed", message).help("start another run, or log it under another key"))
}

/// True where there is such a run.
pub(super) fn exists(transaction: &mut Transaction<'_>, run: &str) -> Result<bool, StoreError> {
    Ok(transaction.row("SELECT run FROM runs WHERE run = ?", &[run.into()])?.is_some())
}

fn tracked(whole: Whole) -> Result<TrackedRun, StoreError> {
    let mut metrics = String::from("[");
    for (key, bits, value, timestamp, step) in &whole.metrics {
        if metrics.len() > 1 {
            metrics.push(',');
        }
        let value = bits.map(|bits| f64::from_bits(bits.cast_unsigned())).or(*value);
        let value = value.map_or_else(|| Ok("\"NaN\"".to_owned()), |value| text(&value))?;
        let _ = write!(metrics, r#"{{"key":{},"value":{value},"timestamp":{timestamp},"step":{step}}}"#, text(key)?);
    }
    metrics.push(']');
    Ok(TrackedRun {
        run: whole.run,
        experiment: whole.experiment,
        name: whole.name,
        user: whole.user,
        status: whole.status,
        started: whole.started,
        ended: whole.ended,
        deleted: whole.deleted.is_some(),
        logged: whole.logged != 0,
        artifact_location: whole.artifact_location,
        metrics,
        params: whole.params,
        tags: whole.tags,
        datasets: whole.datasets,
        models: whole.models,
    })
}
