//! What pipelines do, as what programs log: hyperparameters are parameters of the run, trials are runs within it.

use std::collections::BTreeMap;

use serde_json::Value;
use trainyard_core::{
    artifact::Kind,
    digest::Digest,
    record::{RunRecord, RunStatus, StepRecord, StepStatus},
    trial::{Trial, TrialState},
};

use super::{Point, Tagged, metrics, tags};
use crate::{
    catalog::{Bind, Transaction, rows::StepRow, text},
    error::StoreError,
    store::Store,
};

/// Longest value of a parameter, and longest key: what clients of a tracking server take.
const VALUE: usize = 6000;
const KEY: usize = 250;
/// Most parameters of a step.
const PARAMS: usize = 200;

impl Store {
    /// Adds the parameters of steps that made models to those of their run, and the trials they did as runs within it.
    pub(crate) fn track_steps(&self, run: &RunRecord, steps: &[StepRow<'_>]) -> Result<(), StoreError> {
        let trained: Vec<&StepRecord> = steps
            .iter()
            .map(|step| step.record)
            .filter(|step| step.outputs.values().any(|output| output.kind == Kind::Model))
            .collect();
        if trained.is_empty() {
            return Ok(());
        }
        let did: Vec<Digest> =
            trained.iter().filter(|step| step.status == StepStatus::Ran).filter_map(|step| step.fingerprint).collect();
        let trials = if did.is_empty() { BTreeMap::new() } else { self.trials(&did)? };
        self.catalog.transaction(|transaction| {
            for step in &trained {
                let mut params = Vec::new();
                flatten(&step.name, &step.params, &mut params);
                put_params(transaction, &run.run, &params)?;
                for trial in step.fingerprint.and_then(|fingerprint| trials.get(&fingerprint)).into_iter().flatten() {
                    put_trial(transaction, run, step, trial)?;
                }
            }
            Ok(())
        })?;
        if !trials.is_empty() {
            metrics::logged(self);
        }
        Ok(())
    }
}

/// Values by their path, with dots between; what is too long for a client is left out.
fn flatten(path: &str, value: &Value, out: &mut Vec<(String, String)>) {
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| flatten(&format!("{path}.{name}"), value, out));
        }
        other => {
            let shown = other.as_str().map_or_else(|| other.to_string(), str::to_owned);
            if out.len() < PARAMS && path.len() <= KEY && shown.chars().count() <= VALUE {
                out.push((path.to_owned(), shown));
            }
        }
    }
}

fn put_params(transaction: &mut Transaction<'_>, run: &str, params: &[(String, String)]) -> Result<(), StoreError> {
    if params.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO run_params (run, key, value) SELECT ?, value->>0, value->>1 FROM json_each(?) WHERE true
               ON CONFLICT DO UPDATE SET value = excluded.value";
    transaction.rows(sql, &[run.into(), Bind::Text(text(&params)?)]).map(drop)
}

fn put_trial(
    transaction: &mut Transaction<'_>,
    run: &RunRecord,
    step: &StepRecord,
    trial: &Trial,
) -> Result<(), StoreError> {
    let study = if trial.study.is_empty() { String::new() } else { format!(" {}", trial.study) };
    let name = format!("{}{study} trial {}", step.name, trial.number);
    let mut hasher = trainyard_core::Hasher::new("trial");
    let digest = hasher.part(run.run.as_bytes()).part(name.as_bytes()).digest().to_string();
    // As long as the ids that clients of a tracking server know.
    let id = &digest[..32];
    let status = match trial.state {
        TrialState::Complete => RunStatus::Succeeded,
        TrialState::Pruned => RunStatus::Cancelled,
        TrialState::Failed => RunStatus::Failed,
    };
    let started = run.started + i64::try_from(step.started_after).unwrap_or(0) + i64::from(trial.number);
    let ended = started + (trial.seconds * 1000.0) as i64;
    let record = serde_json::json!({
        "run": id, "pipeline": run.pipeline, "status": status, "started": started, "seconds": trial.seconds, "steps": [],
    });
    transaction.rows(
        "INSERT INTO runs (run, pipeline, status, started, seconds, record, experiment, name, ended, logged, parent)
           SELECT ?, pipeline, ?, ?, ?, ?, experiment, ?, ?, 1, run FROM runs WHERE run = ?
         ON CONFLICT DO NOTHING",
        &[
            id.into(),
            status.name().into(),
            started.into(),
            Bind::Real(trial.seconds),
            Bind::Text(record.to_string()),
            Bind::from(&name),
            ended.into(),
            Bind::from(&run.run),
        ],
    )?;
    let mut params = Vec::new();
    trial.params.iter().for_each(|(name, value)| flatten(name, value, &mut params));
    put_params(transaction, id, &params)?;
    let point = |key: &str, value: f64, step: u32| Point {
        key: key.to_owned(),
        value,
        timestamp: ended,
        step: i64::from(step),
    };
    let mut points: Vec<Point> = trial.reports.iter().map(|(step, loss)| point("loss", *loss, *step)).collect();
    let metric = if trial.metric.is_empty() { "value" } else { &trial.metric };
    points.extend(trial.value.map(|value| point(metric, value, 0)));
    points.extend(trial.folds.iter().zip(0..).map(|(value, fold)| point(&format!("{metric}/fold"), *value, fold)));
    if !points.is_empty() {
        metrics::log(transaction, id, &points)?;
    }
    let tagged = [("mlflow.parentRunId", run.run.as_str()), ("mlflow.runName", &name), ("step", &step.name)];
    tags::set(transaction, Tagged::Run(id), tagged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_flat() {
        let mut out = Vec::new();
        let params =
            serde_json::json!({"rounds": 100, "tune": {"trials": 3, "space": {"l2": [0, 1]}}, "none": null, "x": "a"});
        flatten("boosted", &params, &mut out);
        let shown: Vec<String> = out.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(
            shown,
            ["boosted.rounds=100", "boosted.tune.space.l2=[0,1]", "boosted.tune.trials=3", "boosted.x=a"]
        );
    }
}
