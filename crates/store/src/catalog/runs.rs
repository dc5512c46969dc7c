//! What happened: runs, their steps, what they measured.

use std::collections::BTreeMap;

use sqlx::sqlite::SqliteRow;
use trainyard_core::{
    digest::Digest,
    problem::nearest,
    record::{RunRecord, RunStatus, StepRecord},
};

use super::{
    Argument, column, is_dangling, named, parsed,
    rows::{LastFingerprint, MetricRow, RunRow, StepRow},
    text,
};
use crate::{error::StoreError, store::Store};

const PUT_RUN: &str = "BEGIN IMMEDIATE;
     INSERT INTO experiments (name, created, updated)
       SELECT value->>1, value->>3, value->>3 FROM jsonb_each(?) WHERE true ON CONFLICT DO NOTHING;
     INSERT INTO runs (run, pipeline, status, started, seconds, record, ended, name, experiment)
       SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>0,
         (SELECT id FROM experiments WHERE name = value->>1) FROM jsonb_each(?) WHERE true
       ON CONFLICT (run) DO UPDATE SET
         status = excluded.status, seconds = excluded.seconds, record = excluded.record, ended = excluded.ended;
     INSERT INTO run_params (run, key, value)
       SELECT value->>0, value->>1, value->>2 FROM jsonb_each(?) WHERE true ON CONFLICT DO NOTHING;
     COMMIT";

const PUT_STEPS: &str = "BEGIN IMMEDIATE;
     INSERT INTO step_runs (run, step, position, uses, status, seconds, fingerprint, record)
       SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7
       FROM jsonb_each(?) WHERE true
       ON CONFLICT (run, step) DO UPDATE SET
         position = excluded.position, uses = excluded.uses, status = excluded.status, seconds = excluded.seconds,
         fingerprint = excluded.fingerprint, record = excluded.record;
     DELETE FROM step_outputs WHERE (run, step) IN (SELECT value->>0, value->>1 FROM jsonb_each(?));
     INSERT INTO step_outputs (run, step, port, artifact)
       SELECT value->>0, value->>1, value->>2, value->>3 FROM jsonb_each(?);
     INSERT INTO fingerprints (fingerprint, uses, fields)
       SELECT value->>0, value->>1, value->>2 FROM jsonb_each(?) WHERE true
       ON CONFLICT (fingerprint) DO NOTHING;
     INSERT INTO last_fingerprints (pipeline, step, fingerprint, run)
       SELECT value->>0, value->>1, value->>2, value->>3 FROM jsonb_each(?) WHERE true
       ON CONFLICT (pipeline, step) DO UPDATE SET fingerprint = excluded.fingerprint, run = excluded.run
         WHERE fingerprint <> excluded.fingerprint;
     COMMIT";

const PUT_METRICS: &str = "BEGIN IMMEDIATE;
     INSERT OR REPLACE INTO metrics (run, step, model, metric, value, low, high, level)
       SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7
       FROM jsonb_each(?);
     INSERT OR REPLACE INTO latest_metrics (run, key, value, bits, timestamp, step)
       SELECT value->>0, (value->>2) || '/' || (value->>3), value->>4, value->>8,
         (SELECT started FROM runs WHERE run = value->>0), 0
       FROM jsonb_each(?);
     COMMIT";

impl Store {
    /// The latest runs, the newest first.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn runs(&self, limit: usize) -> Result<Vec<RunRow>, StoreError> {
        let sql = "SELECT run, pipeline, status, started, seconds FROM runs
                   WHERE deleted IS NULL AND parent IS NULL
                   ORDER BY started DESC, run DESC LIMIT ?1";
        // SQLite counts no further than this.
        let limit = limit.min(i64::MAX as usize).to_string();
        self.catalog.rows(sql, &[&limit])?.iter().map(run_row).collect()
    }

    /// The run of that id, or whose id alone begins so.
    ///
    /// # Errors
    /// `run-not-found` with the nearest id, `run-ambiguous`; when the catalog cannot be read.
    pub fn run(&self, id: &str) -> Result<RunRow, StoreError> {
        let sql = "SELECT run, pipeline, status, started, seconds FROM runs
                   WHERE substr(run, 1, length(?1)) = ?1 ORDER BY run <> ?1, started DESC, run DESC LIMIT 4";
        let rows = self.catalog.rows(sql, &[id])?;
        let found = rows.iter().map(run_row).collect::<Result<Vec<_>, _>>()?;
        match found.as_slice() {
            [] => Err(self.no_run(id)?),
            _ if id.is_empty() => Err(StoreError::new("run-not-found", "no run is named")),
            [first] => Ok(first.clone()),
            [first, ..] if first.run == id => Ok(first.clone()),
            several => {
                let ids: Vec<String> = several.iter().map(|row| format!("`{}`", row.run)).collect();
                Err(StoreError::new("run-ambiguous", format!("several runs begin with `{id}`"))
                    .help(format!("write more of the id: {}", ids.join(", "))))
            }
        }
    }

    /// All that was recorded of a run, found as by [`Store::run`]. Of one that was killed, the steps that were
    /// recorded before.
    ///
    /// # Errors
    /// As [`Store::run`].
    pub fn record(&self, id: &str) -> Result<RunRecord, StoreError> {
        let run = self.run(id)?.run;
        let row = self.catalog.row("SELECT record FROM runs WHERE run = ?1", &[&run])?;
        let row = row.ok_or_else(|| StoreError::new("run-not-found", format!("run `{run}` was just removed")))?;
        let mut record: RunRecord = parsed(&row, "record")?;
        let steps = "SELECT record FROM step_runs WHERE run = ?1 ORDER BY position, step";
        let steps = self.catalog.rows(steps, &[&run])?;
        record.steps = steps.iter().map(|row| parsed::<StepRecord>(row, "record")).collect::<Result<_, _>>()?;
        Ok(record)
    }

    /// What evaluations of a run measured, by step, model and metric. `run` is a whole id.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn metrics(&self, run: &str) -> Result<Vec<MetricRow>, StoreError> {
        let sql = "SELECT step, model, metric, value, low, high, level FROM metrics WHERE run = ?1";
        self.catalog.rows(sql, &[run])?.iter().map(metric_row).collect()
    }

    /// The fingerprint that `step` of `pipeline` had in the last run that looked it up.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn last_fingerprint(&self, pipeline: &str, step: &str) -> Result<Option<LastFingerprint>, StoreError> {
        let sql = "SELECT l.fingerprint, l.run, coalesce(f.fields, 'null') AS fields
                   FROM last_fingerprints l LEFT JOIN fingerprints f ON f.fingerprint = l.fingerprint
                   WHERE l.pipeline = ?1 AND l.step = ?2";
        let Some(row) = self.catalog.row(sql, &[pipeline, step])? else { return Ok(None) };
        Ok(Some(LastFingerprint {
            fingerprint: named(&row, "fingerprint")?,
            fields: parsed(&row, "fields")?,
            run: column(&row, "run")?,
        }))
    }

    /// The last fingerprints of all steps of `pipeline`, by step.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn last_fingerprints(&self, pipeline: &str) -> Result<BTreeMap<String, Digest>, StoreError> {
        let sql = "SELECT step, fingerprint FROM last_fingerprints WHERE pipeline = ?1";
        let rows = self.catalog.rows(sql, &[pipeline])?;
        rows.iter().map(|row| Ok((column(row, "step")?, named(row, "fingerprint")?))).collect()
    }

    pub(crate) fn put_run(&self, run: &RunRecord) -> Result<(), StoreError> {
        self.must_write()?;
        let head = RunRecord {
            run: run.run.clone(),
            pipeline: run.pipeline.clone(),
            status: run.status,
            started: run.started,
            seconds: run.seconds,
            params: run.params.clone(),
            steps: Vec::new(),
        };
        let ended = (run.status != RunStatus::Running).then(|| run.started + (run.seconds * 1000.0) as i64);
        let head = text(&head)?;
        let row = || Argument::rows([(&run.run, &run.pipeline, run.status, run.started, run.seconds, &head, ended)]);
        let params = run.params.iter().map(|(key, value)| (&run.run, key, shown(value)));
        self.catalog.script(PUT_RUN, &[row()?, row()?, Argument::rows(params)?])?;
        Ok(())
    }

    pub(crate) fn put_steps(&self, run: &RunRecord, steps: &[StepRow<'_>]) -> Result<(), StoreError> {
        self.must_write()?;
        let id = run.run.as_str();
        let rows = steps.iter().map(|StepRow { position, record, .. }| {
            let text = text(record)?;
            Ok((id, &record.name, position, &record.uses, record.status, record.seconds, record.fingerprint, text))
        });
        let outputs = steps.iter().flat_map(|step| {
            let name = &step.record.name;
            step.record.outputs.iter().map(move |(port, output)| (id, name, port, output.digest))
        });
        let fields = steps.iter().filter_map(|step| {
            let (fingerprint, fields) = (step.record.fingerprint?, step.fields?);
            Some(text(fields).map(|fields| (fingerprint, &step.record.uses, fields)))
        });
        let last =
            steps.iter().filter_map(|step| Some((&run.pipeline, &step.record.name, step.record.fingerprint?, id)));
        let arguments = [
            Argument::rows(rows.collect::<Result<Vec<_>, StoreError>>()?)?,
            Argument::rows(steps.iter().map(|step| (id, &step.record.name)))?,
            Argument::rows(outputs)?,
            Argument::rows(fields.collect::<Result<Vec<_>, StoreError>>()?)?,
            Argument::rows(last)?,
        ];
        self.catalog.script(PUT_STEPS, &arguments).map(drop).map_err(|error| not_started(error, id))
    }

    pub(crate) fn put_metrics(&self, run: &str, metrics: &[MetricRow]) -> Result<(), StoreError> {
        self.must_write()?;
        let rows = || {
            Argument::rows(metrics.iter().map(|row| {
                let MetricRow { step, model, metric, value, low, high, level } = row;
                (run, step, model, metric, value, low, high, level, value.map(crate::tracking::bits))
            }))
        };
        self.catalog.script(PUT_METRICS, &[rows()?, rows()?]).map(drop).map_err(|error| not_started(error, run))
    }

    fn no_run(&self, id: &str) -> Result<StoreError, StoreError> {
        let known = self.runs(1000)?;
        let error = StoreError::new("run-not-found", format!("there is no run `{id}`"));
        Ok(match nearest(id, known.iter().map(|row| row.run.as_str())) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None if known.is_empty() => error.help("nothing has been run in this store yet"),
            None => error.help("`trainyard runs` lists them"),
        })
    }
}

/// A parameter as text: a text as it is, anything else as JSON.
fn shown(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn not_started(error: StoreError, run: &str) -> StoreError {
    if is_dangling(&error) {
        return StoreError::new("run-not-found", format!("run `{run}` has not been started"));
    }
    error
}

fn run_row(row: &SqliteRow) -> Result<RunRow, StoreError> {
    Ok(RunRow {
        run: column(row, "run")?,
        pipeline: column(row, "pipeline")?,
        status: named(row, "status")?,
        started: column(row, "started")?,
        seconds: column(row, "seconds")?,
    })
}

pub(super) fn metric_row(row: &SqliteRow) -> Result<MetricRow, StoreError> {
    Ok(MetricRow {
        step: column(row, "step")?,
        model: column(row, "model")?,
        metric: column(row, "metric")?,
        value: column(row, "value")?,
        low: column(row, "low")?,
        high: column(row, "high")?,
        level: column(row, "level")?,
    })
}
