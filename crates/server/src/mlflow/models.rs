//! Registered models.

use serde_json::{Value, json};
use trainyard_store::tracking::{RegisteredModel, Tagged};

use super::{
    Answer, Call, Refused, experiments, limits, now,
    search::{self, Kind},
    versions,
};
use crate::Site;

fn shown(site: &Site, model: &RegisteredModel) -> Result<Value, Refused> {
    let latest = site.reader.latest_versions(&model.name, &[])?;
    let tags: Vec<Value> = model.tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    let aliases: Vec<Value> =
        model.aliases.iter().map(|(alias, version)| json!({"alias": alias, "version": version.to_string()})).collect();
    Ok(json!({
        "name": model.name, "creation_timestamp": model.created, "last_updated_timestamp": model.updated,
        "description": model.description, "tags": tags, "aliases": aliases,
        "latest_versions": latest.iter().map(versions::shown).collect::<Vec<_>>(),
    }))
}

/// The registered model a call names.
pub(super) fn found(site: &Site, name: &str) -> Result<RegisteredModel, Refused> {
    let model = site.reader.registered_model(name)?;
    model.ok_or_else(|| Refused::missing(format!("Registered Model with name={name} not found")))
}

fn answer(site: &Site, name: &str) -> Answer {
    Ok(json!({"registered_model": shown(site, &found(site, name)?)?}).to_string())
}

pub(super) fn create(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let name = fields.required("name")?;
    limits::model_name(&name)?;
    let tags = fields.pairs("tags")?;
    limits::pairs("Tag", &tags, limits::REGISTRY_TAG)?;
    let created = site.store.create_model(&name, &fields.text("description")?.unwrap_or_default(), &tags, now());
    created.map_err(|error| match error.code {
        "model-exists" => {
            Refused::new("RESOURCE_ALREADY_EXISTS", format!("Registered Model (name={name}) already exists."))
        }
        _ => error.into(),
    })?;
    answer(site, &name)
}

pub(super) fn get(site: &Site, call: &Call) -> Answer {
    answer(site, &call.fields()?.required("name")?)
}

pub(super) fn rename(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let (name, to) = (fields.required("name")?, fields.required("new_name")?);
    limits::model_name(&to)?;
    found(site, &name)?;
    site.store.rename_model(&name, &to, now())?;
    answer(site, &to)
}

pub(super) fn update(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let name = fields.required("name")?;
    found(site, &name)?;
    site.store.describe_model(&name, &fields.text("description")?.unwrap_or_default(), now())?;
    answer(site, &name)
}

pub(super) fn delete(site: &Site, call: &Call) -> Answer {
    let name = call.fields()?.required("name")?;
    found(site, &name)?;
    site.store.remove_model(&name)?;
    Ok("{}".to_owned())
}

pub(super) fn search(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let search = search::search(Kind::Models, &fields, 100, 1000)?;
    let found = site.reader.search_models(&search)?;
    let (found, token) = search::page(&search, found, |_| None);
    let models = found.iter().map(|model| shown(site, model)).collect::<Result<Vec<_>, _>>()?;
    let mut answer = json!({"registered_models": models});
    if let Some(token) = token {
        answer["next_page_token"] = token.into();
    }
    Ok(answer.to_string())
}

pub(super) fn set_tag(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let name = fields.required("name")?;
    found(site, &name)?;
    let (key, value) = experiments::tag(&fields, limits::REGISTRY_TAG)?;
    site.store.set_tag(Tagged::Model(&name), &key, &value)?;
    Ok("{}".to_owned())
}

pub(super) fn delete_tag(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let (name, key) = (fields.required("name")?, fields.required("key")?);
    found(site, &name)?;
    site.store.delete_tag(Tagged::Model(&name), &key)?;
    Ok("{}".to_owned())
}

pub(super) fn set_alias(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let (name, alias) = (fields.required("name")?, fields.required("alias")?);
    limits::alias(&alias)?;
    let version = versions::found(site, &name, &fields.required("version")?)?;
    site.store.set_alias(&name, &alias, version.version)?;
    Ok("{}".to_owned())
}

pub(super) fn delete_alias(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let (name, alias) = (fields.required("name")?, fields.required("alias")?);
    found(site, &name)?;
    site.store.remove_alias(&name, &alias)?;
    Ok("{}".to_owned())
}
