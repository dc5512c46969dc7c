//! What forms do: each changes something and leads on to the page that shows it.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};
use trainyard_core::Problem;

use crate::{
    Order, Site,
    call::Call,
    fault::told,
    link, pipelines,
    rollout::{self, Wanted},
};

use super::words::shown;

type Fields = Vec<(String, String)>;

/// The field of that name; none where it is empty.
fn field<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    let found = fields.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
}

fn version(fields: &Fields) -> Result<u64, Problem> {
    let text = field(fields, "version").unwrap_or_default();
    text.parse().map_err(|_| Problem::error("bad-request", format!("`{text}` is not the number of a version")))
}

/// Leads on to a page, which is asked for anew.
fn lead_to(page: &str) -> Result<Response<Body>, Problem> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let place = HeaderValue::try_from(page)
        .map_err(|_| Problem::error("internal", format!("`{page}` is no address of a page")))?;
    response.headers_mut().insert(header::LOCATION, place);
    Ok(response)
}

/// Starts a run of a pipeline.
pub(super) fn start(site: &Site, call: &Call) -> Result<Response<Body>, Problem> {
    let (fields, name) = (call.form()?, call.part("pipeline"));
    let known = pipelines::named(site, name)?;
    // Only what was changed in the form is set, so that the file's own values keep their type.
    let set: BTreeMap<String, String> = fields
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("set.")?, value)))
        .filter(|(name, value)| known.params.get(*name).is_none_or(|now| shown(now) != **value))
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect();
    let force = field(&fields, "force").map(|step| pipelines::from_step(&known.steps, step)).transpose()?;
    let order = Order {
        set,
        force: force.unwrap_or_default(),
        until: field(&fields, "until").map(str::to_owned),
        who: call.who.clone(),
        ..Order::default()
    };
    let run = pipelines::start(site, name, order)?;
    call.note(format!("{name}: {run}"));
    lead_to(&link::run(&run))
}

/// Does a run again.
pub(super) fn again(site: &Site, call: &Call) -> Result<Response<Body>, Problem> {
    let fields = call.form()?;
    let from = field(&fields, "from");
    let run = pipelines::again(site, call.part("run"), from, &call.who)?;
    call.note(format!("{} again: {run}", call.part("run")));
    lead_to(&link::run(&run))
}

/// Stops a run.
pub(super) fn cancel(site: &Site, call: &Call) -> Result<Response<Body>, Problem> {
    site.workshop.cancel(call.part("run"), &call.who)?;
    lead_to(&link::run(call.part("run")))
}

/// Points an alias at a version.
pub(super) fn promote(site: &Site, call: &Call) -> Result<Response<Body>, Problem> {
    let (fields, name) = (call.form()?, call.part("model"));
    let alias = field(&fields, "alias").unwrap_or_default();
    let version = version(&fields)?;
    site.store.set_alias(name, alias, version).map_err(told)?;
    call.note(format!("{name}@{alias}: version {version}"));
    lead_to(&link::model(name))
}

/// Puts a version behind a model's name.
pub(super) fn deploy(site: &Site, call: &Call) -> Result<Response<Body>, Problem> {
    let (fields, name) = (call.form()?, call.part("model"));
    let how = field(&fields, "how").unwrap_or("all");
    let canary = field(&fields, "canary").unwrap_or_default();
    let wanted = match how {
        "all" => Wanted { version: Some(version(&fields)?), ..Wanted::default() },
        "shadow" => Wanted { version: Some(version(&fields)?), shadow: true, ..Wanted::default() },
        "canary" => {
            let share = canary.parse().map_err(|_| {
                Problem::error("bad-deployment", format!("`{canary}` is not a share of the requests in percent"))
            })?;
            Wanted { version: Some(version(&fields)?), canary: Some(share), ..Wanted::default() }
        }
        "champion" => Wanted::default(),
        other => {
            let ways = ["all", "shadow", "canary", "champion"];
            return Err(Problem::unknown("bad-request", "way to deploy", other, ways));
        }
    };
    call.note(format!("{name}: {how} {}", wanted.version.map_or_else(String::new, |version| version.to_string())));
    rollout::deploy(&site.store, name, &wanted, &rollout::reason(&call.who, field(&fields, "reason")))?;
    lead_to(&link::model(name))
}

/// Puts what stood behind a model's name before there again.
pub(super) fn roll_back(site: &Site, call: &Call) -> Result<Response<Body>, Problem> {
    let (fields, name) = (call.form()?, call.part("model"));
    site.store.model(name).map_err(told)?;
    let why = field(&fields, "reason").unwrap_or("rolled back");
    rollout::roll_back(&site.store, name, &rollout::reason(&call.who, Some(why)))?;
    lead_to(&link::model(name))
}
