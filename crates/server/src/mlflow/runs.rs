//! Runs: a client's and those of pipelines alike.

use std::fmt::Write as _;

use serde_json::{Value, json};
use trainyard_core::record::RunStatus;
use trainyard_store::tracking::{NewRun, Tagged, TrackedRun};

use super::{
    Answer, Call, Refused, experiments, limits, now, quoted,
    search::{self, Kind},
};
use crate::Site;

/// The protocol's word for how a run stands, and ours; the first of ours is what the word is kept as.
pub(super) const STATUSES: &[(&str, &str)] = &[
    ("RUNNING", "running"),
    ("SCHEDULED", "scheduled"),
    ("FINISHED", "succeeded"),
    ("FAILED", "failed"),
    ("FAILED", "refused"),
    ("KILLED", "cancelled"),
];

fn word(status: RunStatus) -> &'static str {
    STATUSES.iter().find(|(_, own)| *own == status.name()).map_or("RUNNING", |(word, _)| word)
}

fn status(word: &str) -> Result<RunStatus, Refused> {
    // Older clients send the number of the word.
    match word {
        "RUNNING" | "1" => Ok(RunStatus::Running),
        "SCHEDULED" | "2" => Ok(RunStatus::Scheduled),
        "FINISHED" | "3" => Ok(RunStatus::Succeeded),
        "FAILED" | "4" => Ok(RunStatus::Failed),
        "KILLED" | "5" => Ok(RunStatus::Cancelled),
        other => Err(Refused::invalid(format!("Invalid run status '{other}'"))),
    }
}

/// Where the files of a run are.
pub(super) fn artifact_uri(run: &TrackedRun) -> String {
    let location = experiments::location(run.experiment, run.artifact_location.as_deref());
    format!("{location}/{}/artifacts", run.run)
}

fn info(run: &TrackedRun) -> Value {
    let mut info = json!({
        "run_id": run.run, "run_uuid": run.run, "run_name": run.name, "experiment_id": run.experiment.to_string(),
        "user_id": run.user, "status": word(run.status), "start_time": run.started,
        "artifact_uri": artifact_uri(run),
        "lifecycle_stage": if run.deleted { "deleted" } else { "active" },
    });
    if let Some(ended) = run.ended {
        info["end_time"] = ended.into();
    }
    info
}

/// Writes a run as the protocol has it. What the catalog made as JSON goes in as it is.
fn write(run: &TrackedRun, out: &mut String) {
    let _ = write!(
        out,
        r#"{{"info":{},"data":{{"metrics":{},"params":{},"tags":{}}}"#,
        info(run),
        run.metrics,
        run.params,
        run.tags
    );
    let models: Vec<Value> =
        if run.models == "[]" { Vec::new() } else { serde_json::from_str(&run.models).unwrap_or_default() };
    let of = |direction: &str| {
        let chosen = models.iter().filter(|model| model["direction"] == direction);
        Value::Array(chosen.map(|model| json!({"model_id": model["model_id"], "step": model["step"]})).collect())
    };
    let _ = write!(
        out,
        r#","inputs":{{"dataset_inputs":{},"model_inputs":{}}},"outputs":{{"model_outputs":{}}}}}"#,
        run.datasets,
        of("input"),
        of("output")
    );
}

/// A run that is not in the catalog.
pub(super) fn missing(run: &str) -> Refused {
    let shown: String = run.chars().filter(|character| !character.is_control()).take(256).collect();
    Refused::missing(format!("Run with id={shown} not found"))
}

/// The run a call names.
pub(super) fn found(site: &Site, run: &str) -> Result<TrackedRun, Refused> {
    site.store.fold_metrics()?;
    site.reader.tracked_run(run)?.ok_or_else(|| missing(run))
}

/// The same, for what may not be done to one in the bin.
fn active(site: &Site, run: &str) -> Result<TrackedRun, Refused> {
    let found = found(site, run)?;
    if found.deleted {
        return Err(Refused::invalid(format!(
            "The run {run} must be in the 'active' state. Current state is deleted."
        )));
    }
    Ok(found)
}

/// A new id: 32 hexadecimal digits.
pub(super) fn new_id() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system gives random bytes, or nothing here is safe");
    format!("{:032x}", u128::from_le_bytes(bytes))
}

pub(super) fn create(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let experiment = super::call::experiment_id(&fields.text("experiment_id")?.unwrap_or_else(|| "0".to_owned()))?;
    experiments::active(site, experiment)?;
    let mut tags = fields.pairs("tags")?;
    limits::pairs("Tag", &tags, limits::RUN_TAG)?;
    let run = new_id();
    let named = tags.iter().find(|(key, _)| key == "mlflow.runName").map(|(_, name)| name.clone());
    let name = match (fields.text("run_name")?, named) {
        (Some(name), Some(tag)) if name != tag => {
            return Err(Refused::invalid(format!(
                "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values \
                 (run_name='{name}', mlflow.runName='{tag}')."
            )));
        }
        (Some(name), _) | (None, Some(name)) => name,
        (None, None) => format!("run-{}", &run[..8]),
    };
    if !tags.iter().any(|(key, _)| key == "mlflow.runName") {
        tags.push(("mlflow.runName".to_owned(), name.clone()));
    }
    let new = NewRun {
        run: &run,
        experiment,
        name: &name,
        user: &fields.text("user_id")?.unwrap_or_default(),
        started: fields.integer("start_time")?.unwrap_or_else(now),
        tags: &tags,
    };
    site.store.create_run(&new)?;
    answer(site, &run)
}

fn answer(site: &Site, run: &str) -> Answer {
    let run = found(site, run)?;
    let mut out = String::from(r#"{"run":"#);
    write(&run, &mut out);
    out.push('}');
    Ok(out)
}

pub(super) fn get(site: &Site, call: &Call) -> Answer {
    answer(site, &call.fields()?.run_id()?)
}

pub(super) fn update(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let run = fields.run_id()?;
    active(site, &run)?;
    let status = fields.text("status")?.map(|word| status(&word)).transpose()?;
    site.store.update_run(&run, status, fields.integer("end_time")?, fields.text("run_name")?.as_deref())?;
    Ok(json!({"run_info": info(&found(site, &run)?)}).to_string())
}

pub(super) fn delete(site: &Site, call: &Call) -> Answer {
    let run = call.fields()?.run_id()?;
    active(site, &run)?;
    site.store.bin_run(&run, true, now())?;
    Ok("{}".to_owned())
}

pub(super) fn restore(site: &Site, call: &Call) -> Answer {
    let run = call.fields()?.run_id()?;
    if !found(site, &run)?.deleted {
        return Err(Refused::invalid(format!(
            "The run {run} must be in the 'deleted' state. Current state is active."
        )));
    }
    site.store.bin_run(&run, false, now())?;
    Ok("{}".to_owned())
}

pub(super) fn set_tag(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let run = fields.run_id()?;
    let tag = experiments::tag(&fields, limits::RUN_TAG)?;
    let batch = trainyard_store::tracking::Batch { tags: &[tag], ..Default::default() };
    site.store.log_batch(&run, &batch)?;
    Ok("{}".to_owned())
}

pub(super) fn delete_tag(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let run = fields.run_id()?;
    active(site, &run)?;
    let key = fields.required("key")?;
    if !site.store.delete_tag(Tagged::Run(&run), &key)? {
        return Err(Refused::missing(format!("No tag with name: {key} in run with id {run}")));
    }
    Ok("{}".to_owned())
}

/// What older clients say of a model they logged: kept as the tag they look for.
pub(super) fn log_model(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let run = fields.run_id()?;
    let model: Value = serde_json::from_str(&fields.required("model_json")?)
        .map_err(|error| Refused::invalid(format!("Malformed model info: {error}")))?;
    for needed in ["artifact_path", "flavors", "utc_time_created", "run_id"] {
        if model.get(needed).is_none() {
            return Err(Refused::invalid(format!("Model json missing mandatory fields: {needed}")));
        }
    }
    let tags: Vec<Value> = serde_json::from_str(&active(site, &run)?.tags).unwrap_or_default();
    let known = tags.iter().find(|tag| tag["key"] == "mlflow.log-model.history");
    let mut history: Vec<Value> =
        known.and_then(|tag| serde_json::from_str(tag["value"].as_str()?).ok()).unwrap_or_default();
    history.push(model);
    site.store.set_tag(Tagged::Run(&run), "mlflow.log-model.history", &Value::Array(history).to_string())?;
    Ok("{}".to_owned())
}

pub(super) fn search(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let mut search = search::search(Kind::Runs, &fields, 1000, 50_000)?;
    search.view = search::view(&fields, "run_view_type")?;
    search.experiments = experiments::named(&fields)?;
    site.store.fold_metrics()?;
    let found = site.reader.search_runs(&search)?;
    let (found, token) = search::page(&search, found, |run| Some((run.started, run.run.clone())));
    let mut out = String::with_capacity(found.len() * 2048 + 64);
    out.push_str(r#"{"runs":["#);
    for (place, run) in found.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        write(run, &mut out);
    }
    out.push(']');
    if let Some(token) = token {
        let _ = write!(out, r#","next_page_token":{}"#, quoted(&token));
    }
    out.push('}');
    Ok(out)
}
