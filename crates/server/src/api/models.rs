//! Registered models, their versions and aliases.

use serde_json::Value;
use trainyard_core::Problem;
use trainyard_store::{ModelRow, VersionRow};

use super::{
    GET, PUT, needed,
    operation::{Answer, Operation, schema},
    runs, wire, wired,
};
use crate::{Site, call::Call, fault::told};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation {
            method: GET,
            path: "/models",
            id: "listModels",
            about: "Lists the registered models with their versions.",
            query: &[],
            body: None,
            answer: Answer::Document(list, schema::<wire::Models>),
        },
        Operation {
            method: GET,
            path: "/models/{model}",
            id: "getModel",
            about: "Tells of a registered model.",
            query: &[],
            body: None,
            answer: Answer::Document(get, schema::<wire::Model>),
        },
        Operation {
            method: GET,
            path: "/models/{model}/versions/{version}",
            id: "getVersion",
            about: "Tells of a version, by its number or an alias.",
            query: &[],
            body: None,
            answer: Answer::Document(get_version, schema::<wire::Version>),
        },
        Operation {
            method: PUT,
            path: "/models/{model}/aliases/{alias}",
            id: "promote",
            about: "Points an alias at a version; moves it when it points elsewhere.",
            query: &[],
            body: Some(schema::<wire::Point>),
            answer: Answer::Document(point, schema::<wire::Version>),
        },
    ]
}

fn list(site: &Site, _call: &Call) -> Result<Value, Problem> {
    wired(wire::Models { models: site.reader.models().map_err(told)?.into_iter().map(model).collect() })
}

fn get(site: &Site, call: &Call) -> Result<Value, Problem> {
    wired(model(site.reader.model(call.part("model")).map_err(told)?))
}

fn model(row: ModelRow) -> wire::Model {
    wire::Model { name: row.name, versions: row.versions.into_iter().map(version).collect() }
}

fn version(row: VersionRow) -> wire::Version {
    wire::Version {
        version: row.version,
        aliases: row.aliases,
        run: row.run,
        digest: row.artifact.map(|digest| digest.to_string()),
        created: row.created,
        about: row.about,
        metrics: row.metrics.iter().map(runs::metric).collect(),
    }
}

fn get_version(site: &Site, call: &Call) -> Result<Value, Problem> {
    tell(site, call.part("model"), call.part("version"))
}

fn tell(site: &Site, name: &str, known_as: &str) -> Result<Value, Problem> {
    let model = site.store.model(name).map_err(told)?;
    let is_meant =
        |row: &VersionRow| row.aliases.iter().any(|alias| alias == known_as) || row.version.to_string() == known_as;
    let found = model.versions.into_iter().find(is_meant);
    wired(version(found.ok_or_else(|| {
        Problem::error("unknown-version", format!("the model `{name}` has no version or alias `{known_as}`"))
    })?))
}

fn point(site: &Site, call: &Call) -> Result<Value, Problem> {
    let asked: wire::Point = needed(call)?;
    let name = call.part("model");
    call.note(format!("{name}@{}: version {}", call.part("alias"), asked.version));
    site.store.set_alias(name, call.part("alias"), asked.version).map_err(told)?;
    tell(site, name, &asked.version.to_string())
}
