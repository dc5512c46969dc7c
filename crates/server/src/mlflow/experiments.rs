//! Experiments.

use serde_json::{Value, json};
use trainyard_store::tracking::{Experiment, Tagged};

use super::{
    Answer, Call, Refused,
    call::Fields,
    limits, now,
    search::{self, Kind},
};
use crate::Site;

/// Where an experiment's files are.
pub(super) fn location(id: i64, own: Option<&str>) -> String {
    own.map_or_else(|| format!("mlflow-artifacts:/{id}"), |own| own.trim_end_matches('/').to_owned())
}

fn shown(experiment: &Experiment) -> Value {
    let tags: Vec<Value> = experiment.tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    json!({
        "experiment_id": experiment.id.to_string(), "name": experiment.name,
        "artifact_location": location(experiment.id, experiment.artifact_location.as_deref()),
        "lifecycle_stage": if experiment.deleted { "deleted" } else { "active" },
        "creation_time": experiment.created, "last_update_time": experiment.updated, "tags": tags,
    })
}

/// The experiment a call names.
pub(super) fn found(site: &Site, id: i64) -> Result<Experiment, Refused> {
    site.reader.experiment(id)?.ok_or_else(|| Refused::missing(format!("No Experiment with id={id} exists")))
}

/// The same, for what may not be done to one in the bin.
pub(super) fn active(site: &Site, id: i64) -> Result<Experiment, Refused> {
    let experiment = found(site, id)?;
    if experiment.deleted {
        return Err(Refused::invalid(format!(
            "The experiment {id} must be in the 'active' state. Current state is deleted."
        )));
    }
    Ok(experiment)
}

pub(super) fn by_name(site: &Site, call: &Call) -> Answer {
    let name = call.fields()?.required("experiment_name")?;
    let experiment = site.reader.experiment_named(&name)?;
    let experiment =
        experiment.ok_or_else(|| Refused::missing(format!("Could not find experiment with name '{name}'")))?;
    Ok(json!({"experiment": shown(&experiment)}).to_string())
}

pub(super) fn get(site: &Site, call: &Call) -> Answer {
    Ok(json!({"experiment": shown(&found(site, call.fields()?.experiment_id()?)?)}).to_string())
}

pub(super) fn create(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let name = fields.required("name")?;
    limits::name("Experiment", &name)?;
    let tags = fields.pairs("tags")?;
    limits::pairs("Tag", &tags, limits::EXPERIMENT_TAG)?;
    let location = fields.text("artifact_location")?;
    if let Some(location) = &location
        && (location.contains("..") || location.contains(['#', '?']) || location.len() > 2048)
    {
        return Err(Refused::invalid(format!("Invalid artifact location '{location}'")));
    }
    let id = site.store.create_experiment(&name, location.as_deref(), &tags, now())?;
    Ok(json!({"experiment_id": id.to_string()}).to_string())
}

pub(super) fn search(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let mut search = search::search(Kind::Experiments, &fields, 1000, 50_000)?;
    search.view = search::view(&fields, "view_type")?;
    let found = site.reader.search_experiments(&search)?;
    let (found, token) = search::page(&search, found, |_| None);
    let mut answer = json!({"experiments": found.iter().map(shown).collect::<Vec<_>>()});
    if let Some(token) = token {
        answer["next_page_token"] = token.into();
    }
    Ok(answer.to_string())
}

pub(super) fn update(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let id = fields.experiment_id()?;
    active(site, id)?;
    if let Some(name) = fields.text("new_name")? {
        limits::name("Experiment", &name)?;
        site.store.rename_experiment(id, &name, now())?;
    }
    Ok("{}".to_owned())
}

pub(super) fn delete(site: &Site, call: &Call) -> Answer {
    let id = call.fields()?.experiment_id()?;
    active(site, id)?;
    if id == 0 {
        return Err(Refused::invalid("Cannot delete the default experiment"));
    }
    site.store.bin_experiment(id, true, now())?;
    Ok("{}".to_owned())
}

pub(super) fn restore(site: &Site, call: &Call) -> Answer {
    let id = call.fields()?.experiment_id()?;
    if !found(site, id)?.deleted {
        return Err(Refused::invalid(format!("The experiment {id} must be in the 'deleted' state.")));
    }
    site.store.bin_experiment(id, false, now())?;
    Ok("{}".to_owned())
}

pub(super) fn set_tag(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let id = fields.experiment_id()?;
    active(site, id)?;
    let (key, value) = tag(&fields, limits::EXPERIMENT_TAG)?;
    site.store.set_tag(Tagged::Experiment(id), &key, &value)?;
    Ok("{}".to_owned())
}

pub(super) fn delete_tag(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let id = fields.experiment_id()?;
    active(site, id)?;
    let key = fields.required("key")?;
    if !site.store.delete_tag(Tagged::Experiment(id), &key)? {
        return Err(Refused::missing(format!("No tag with name: {key} in experiment with id {id}")));
    }
    Ok("{}".to_owned())
}

/// The tag a call names.
pub(super) fn tag(fields: &Fields, longest: usize) -> Result<(String, String), Refused> {
    let key = fields.required("key")?;
    let value = fields.text("value")?.unwrap_or_default();
    limits::key("Tag", &key)?;
    limits::value("Tag", &key, &value, longest)?;
    Ok((key, value))
}

/// The experiments a search names, as far as they are not in the bin; all when none is named.
pub(super) fn named(fields: &Fields) -> Result<Option<Vec<i64>>, Refused> {
    let ids = fields.texts("experiment_ids")?;
    // One that cannot be is one that nothing belongs to.
    let ids: Vec<i64> = ids.iter().map(|id| super::call::experiment_id(id).unwrap_or(-1)).collect();
    Ok((!ids.is_empty()).then_some(ids))
}
