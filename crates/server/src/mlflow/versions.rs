//! Versions of registered models: files that clients logged, and our own packages, which clients load as MLflow models.

use serde_json::{Value, json};
use trainyard_store::tracking::{NewVersion, RegisteredVersion, Tagged};

use super::{
    Answer, Call, Refused, artifacts, experiments, limits, logged_models, models, now, runs,
    search::{self, Kind},
};
use crate::Site;

/// A version as the protocol has it.
pub(super) fn shown(version: &RegisteredVersion) -> Value {
    let tags: Vec<Value> = version.tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    let source = if version.is_package { artifacts::package_uri(version) } else { version.source.clone() };
    let mut shown = json!({
        "name": version.name, "version": version.version.to_string(), "creation_timestamp": version.created,
        "last_updated_timestamp": version.updated, "current_stage": version.stage, "description": version.description,
        "source": source, "run_id": version.run, "run_link": version.run_link, "status": "READY",
        "status_message": "", "user_id": "", "tags": tags, "aliases": version.aliases,
    });
    if !version.logged_model.is_empty() {
        shown["model_id"] = version.logged_model.clone().into();
    }
    shown
}

/// The version of that number.
pub(super) fn found(site: &Site, name: &str, version: &str) -> Result<RegisteredVersion, Refused> {
    let number: u64 =
        version.parse().map_err(|_| Refused::invalid(format!("Model version must be an integer, got '{version}'")))?;
    let found = site.reader.registered_version(name, number)?;
    found.ok_or_else(|| Refused::missing(format!("Model Version (name={name}, version={number}) not found")))
}

fn answer(version: &RegisteredVersion) -> Answer {
    Ok(json!({"model_version": shown(version)}).to_string())
}

pub(super) fn create(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let name = fields.required("name")?;
    models::found(site, &name)?;
    let tags = fields.pairs("tags")?;
    limits::pairs("Tag", &tags, limits::REGISTRY_TAG)?;
    let run = fields.text("run_id")?.unwrap_or_default();
    let model = fields.text("model_id")?.unwrap_or_default();
    let source = source(site, &fields.required("source")?, &run, &model)?;
    let number = site.store.create_version(
        &NewVersion {
            name: &name,
            source: &source,
            run: &run,
            logged_model: &model,
            run_link: &fields.text("run_link")?.unwrap_or_default(),
            description: &fields.text("description")?.unwrap_or_default(),
            tags: &tags,
        },
        now(),
    )?;
    answer(&found(site, &name, &number.to_string())?)
}

/// Where the files of a version are, for one that the client calls by a model or a run. A path on this machine is
/// refused: it would make whoever loads the version read what is not the store's.
fn source(site: &Site, source: &str, run: &str, model: &str) -> Result<String, Refused> {
    let invalid = |why: &str| Refused::invalid(format!("Invalid model version source: '{source}'. {why}"));
    let lower = source.to_lowercase();
    if source.split(['/', '\\']).any(|part| part == "..") || lower.contains("%2e%2e") || source.contains('\0') {
        return Err(invalid("It must not contain relative paths."));
    }
    if let Some(id) = source.strip_prefix("models:/")
        && !id.contains('/')
        && !id.contains('@')
    {
        if !model.is_empty() && model != id {
            return Err(invalid("It is another model than the `model_id` named."));
        }
        return Ok(logged_models::artifact_uri(&logged_models::found(site, id)?));
    }
    if let Some(path) = source.strip_prefix("runs:/") {
        let (id, below) = path.split_once('/').unwrap_or((path, ""));
        if !run.is_empty() && run != id {
            return Err(invalid("It belongs to another run than the `run_id` named."));
        }
        return Ok(format!("{}/{below}", runs::artifact_uri(&runs::found(site, id)?)));
    }
    match source.split_once(':') {
        Some((scheme, _)) if scheme.len() > 1 && !scheme.eq_ignore_ascii_case("file") => Ok(source.to_owned()),
        _ => Err(invalid("A path on this machine cannot be a source: log the model to this server.")),
    }
}

pub(super) fn get(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    answer(&found(site, &fields.required("name")?, &fields.required("version")?)?)
}

pub(super) fn by_alias(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let (name, alias) = (fields.required("name")?, fields.required("alias")?);
    models::found(site, &name)?;
    let version = site.reader.aliased_version(&name, &alias)?;
    let version = version.ok_or_else(|| Refused::invalid(format!("Registered model alias {alias} not found.")))?;
    answer(&version)
}

pub(super) fn update(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let (name, version) = (fields.required("name")?, fields.required("version")?);
    let number = found(site, &name, &version)?.version;
    let description = fields.text("description")?.unwrap_or_default();
    site.store.describe_version(&name, number, &description, now())?;
    answer(&found(site, &name, &version)?)
}

pub(super) fn transition(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let (name, version) = (fields.required("name")?, fields.required("version")?);
    let asked = fields.required("stage")?;
    let stages = ["None", "Staging", "Production", "Archived"];
    let stage = stages.into_iter().find(|stage| stage.eq_ignore_ascii_case(&asked)).ok_or_else(|| {
        Refused::invalid(format!("Invalid Model Version stage: {asked}. Value must be one of {}.", stages.join(", ")))
    })?;
    let number = found(site, &name, &version)?.version;
    site.store.set_stage(&name, number, stage, fields.flag("archive_existing_versions")?, now())?;
    answer(&found(site, &name, &version)?)
}

pub(super) fn delete(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let name = fields.required("name")?;
    let number = found(site, &name, &fields.required("version")?)?.version;
    site.store.remove_version(&name, number, now())?;
    Ok("{}".to_owned())
}

pub(super) fn search(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let search = search::search(Kind::Versions, &fields, 10_000, 200_000)?;
    let found = site.reader.search_versions(&search)?;
    let (found, token) = search::page(&search, found, |_| None);
    let mut answer = json!({"model_versions": found.iter().map(shown).collect::<Vec<_>>()});
    if let Some(token) = token {
        answer["next_page_token"] = token.into();
    }
    Ok(answer.to_string())
}

pub(super) fn latest(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let name = fields.required("name")?;
    models::found(site, &name)?;
    let found = site.reader.latest_versions(&name, &fields.texts("stages")?)?;
    Ok(json!({"model_versions": found.iter().map(shown).collect::<Vec<_>>()}).to_string())
}

pub(super) fn download_uri(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let version = found(site, &fields.required("name")?, &fields.required("version")?)?;
    Ok(json!({"artifact_uri": shown(&version)["source"]}).to_string())
}

pub(super) fn set_tag(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let name = fields.required("name")?;
    let number = found(site, &name, &fields.required("version")?)?.version;
    let (key, value) = experiments::tag(&fields, limits::REGISTRY_TAG)?;
    site.store.set_tag(Tagged::Version(&name, number), &key, &value)?;
    Ok("{}".to_owned())
}

pub(super) fn delete_tag(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let name = fields.required("name")?;
    let number = found(site, &name, &fields.required("version")?)?.version;
    site.store.delete_tag(Tagged::Version(&name, number), &fields.required("key")?)?;
    Ok("{}".to_owned())
}
