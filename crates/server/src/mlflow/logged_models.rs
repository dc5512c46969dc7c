//! Models that clients log.

use serde_json::{Value, json};
use trainyard_store::tracking::{LoggedModel, Search, Tagged};

use super::{
    Answer, Call, Refused, experiments, limits, now, runs,
    search::{self, Kind},
};
use crate::Site;

/// The protocol's words for how a model's files stand, as filters have them, and ours.
pub(super) const STATUSES: &[(&str, &str)] =
    &[("PENDING", "pending"), ("READY", "ready"), ("FAILED", "failed"), ("UPLOAD_FAILED", "failed")];

/// Where the files of a logged model are.
pub(super) fn artifact_uri(model: &LoggedModel) -> String {
    let location = experiments::location(model.experiment, model.artifact_location.as_deref());
    format!("{location}/models/{}/artifacts", model.id)
}

fn shown(model: &LoggedModel) -> String {
    let status = match model.status.as_str() {
        "ready" => "LOGGED_MODEL_READY",
        "failed" => "LOGGED_MODEL_UPLOAD_FAILED",
        _ => "LOGGED_MODEL_PENDING",
    };
    let tags: Value = serde_json::from_str(&model.tags).unwrap_or_else(|_| json!([]));
    let info = json!({
        "model_id": model.id, "experiment_id": model.experiment.to_string(), "name": model.name,
        "creation_timestamp_ms": model.created, "last_updated_timestamp_ms": model.updated,
        "artifact_uri": artifact_uri(model), "status": status, "source_run_id": model.run,
        "model_type": model.model_type, "tags": tags,
    });
    format!(r#"{{"info":{info},"data":{{"params":{},"metrics":{}}}}}"#, model.params, model.metrics)
}

/// The logged model of that id, not in the bin.
pub(super) fn found(site: &Site, id: &str) -> Result<LoggedModel, Refused> {
    let model = site.reader.logged_model(id)?.filter(|model| !model.deleted);
    model.ok_or_else(|| {
        let shown: String = id.chars().filter(|character| !character.is_control()).take(100).collect();
        Refused::missing(format!("Logged model with ID '{shown}' not found."))
    })
}

fn answer(site: &Site, id: &str) -> Answer {
    Ok(format!(r#"{{"model":{}}}"#, shown(&found(site, id)?)))
}

pub(super) fn create(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let experiment = super::call::experiment_id(&fields.text("experiment_id")?.unwrap_or_else(|| "0".to_owned()))?;
    experiments::active(site, experiment)?;
    let id = format!("m-{}", runs::new_id());
    let name = fields.text("name")?.unwrap_or_else(|| format!("model-{}", &id[2..10]));
    if name.contains(['/', ':', '.', '%', '"', '\'']) {
        return Err(Refused::invalid(format!(
            "Invalid model name ({name}) provided. Model name must be a non-empty string and cannot contain '/', ':', '.', \
             '%', '\"' or '\\''"
        )));
    }
    limits::name("Model", &name)?;
    let (params, tags) = (fields.pairs("params")?, fields.pairs("tags")?);
    limits::pairs("Param", &params, limits::PARAM)?;
    limits::pairs("Tag", &tags, limits::RUN_TAG)?;
    let now = now();
    let model = LoggedModel {
        id: id.clone(),
        experiment,
        name,
        status: "pending".to_owned(),
        model_type: fields.text("model_type")?.unwrap_or_default(),
        run: fields.text("source_run_id")?.unwrap_or_default(),
        created: now,
        updated: now,
        deleted: false,
        artifact_location: None,
        params: String::new(),
        tags: String::new(),
        metrics: String::new(),
    };
    site.store.create_logged_model(&model, &params, &tags)?;
    answer(site, &id)
}

pub(super) fn get(site: &Site, call: &Call) -> Answer {
    answer(site, &call.fields()?.required("model_id")?)
}

pub(super) fn finish(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let id = fields.required("model_id")?;
    let status = match fields.required("status")?.as_str() {
        "LOGGED_MODEL_READY" | "READY" | "2" => "ready",
        "LOGGED_MODEL_UPLOAD_FAILED" | "UPLOAD_FAILED" | "FAILED" | "3" => "failed",
        "LOGGED_MODEL_PENDING" | "PENDING" | "1" => "pending",
        other => return Err(Refused::invalid(format!("Invalid model status: {other}"))),
    };
    site.store.set_logged_model_status(&id, status, now())?;
    answer(site, &id)
}

pub(super) fn delete(site: &Site, call: &Call) -> Answer {
    site.store.bin_logged_model(&call.fields()?.required("model_id")?, now())?;
    Ok("{}".to_owned())
}

pub(super) fn set_tags(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let id = fields.required("model_id")?;
    found(site, &id)?;
    let tags = fields.pairs("tags")?;
    limits::pairs("Tag", &tags, limits::RUN_TAG)?;
    site.store.set_tags(Tagged::LoggedModel(&id), &tags)?;
    answer(site, &id)
}

pub(super) fn delete_tag(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let (id, key) = (fields.required("model_id")?, fields.required("tag_key")?);
    found(site, &id)?;
    if !site.store.delete_tag(Tagged::LoggedModel(&id), &key)? {
        return Err(Refused::missing(format!("No tag with key '{key}' found for model with ID '{id}'.")));
    }
    Ok("{}".to_owned())
}

pub(super) fn log_params(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let id = fields.required("model_id")?;
    found(site, &id)?;
    let params = fields.pairs("params")?;
    limits::pairs("Param", &params, limits::PARAM)?;
    site.store.put_logged_model_params(&id, &params)?;
    Ok("{}".to_owned())
}

pub(super) fn search(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let orders: Vec<String> = fields
        .list("order_by")
        .iter()
        .filter_map(|order| {
            let way = if order["ascending"].as_bool().unwrap_or(true) { "ASC" } else { "DESC" };
            Some(format!("{} {way}", order["field_name"].as_str()?))
        })
        .collect();
    let plain = fields.without("order_by");
    let mut search: Search = search::search(Kind::LoggedModels, &plain, 50, 1000)?;
    search.order = search::orders(Kind::LoggedModels, &orders)?;
    search.experiments = experiments::named(&plain)?;
    let found = site.reader.search_logged_models(&search)?;
    let (found, token) = search::page(&search, found, |model| Some((model.created, model.id.clone())));
    let models: Vec<String> = found.iter().map(shown).collect();
    let token = token.map_or_else(String::new, |token| format!(r#","next_page_token":{}"#, super::quoted(&token)));
    Ok(format!(r#"{{"models":[{}]{token}}}"#, models.join(",")))
}
