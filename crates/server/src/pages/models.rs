//! Registered models: all of them, one with its versions, one version, versions side by side.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::{body::Body, http::Response};
use serde_json::Value;
use trainyard_core::{Problem, evaluation::Measured};
use trainyard_report::{
    charts::{self, Axis, Curves, Interval, Series},
    markup::Markup,
    metric::{self, better},
    number,
};
use trainyard_store::{ModelRow, VersionRow, tracking::RegisteredVersion};

use super::{
    Frame, csrf_field,
    data::{about, drawing},
    page,
    words::{When, plural, shown, when},
};
use crate::{Site, call::Call, deployed, fault::told, link};

/// Metrics shown in lists.
const METRICS: usize = 4;
/// Versions shown on a model's page.
const VERSIONS: usize = 200;
/// Versions compared at once.
const COMPARED: usize = 12;

#[derive(Template)]
#[template(path = "models.html")]
struct All {
    rows: Vec<Row>,
}

struct Row {
    name: String,
    link: String,
    versions: String,
    champion: Option<(u64, String)>,
    newest: Option<(u64, String, When)>,
    metrics: Vec<(String, String)>,
}

pub(super) fn list(site: &Site, call: &Call) -> Result<Response<Body>, Problem> {
    let rows = site.reader.models().map_err(told)?.into_iter().map(|model| {
        let champion = model.versions.iter().find(|version| version.aliases.iter().any(|alias| alias == "champion"));
        let shown = champion.or(model.versions.first());
        let link = |version: u64| version_link(&model.name, version);
        Row {
            link: link::model(&model.name),
            versions: plural(model.versions.len(), "version"),
            champion: champion.map(|version| (version.version, link(version.version))),
            newest: model.versions.first().map(|row| (row.version, link(row.version), when(row.created))),
            metrics: shown
                .map(metrics)
                .unwrap_or_default()
                .into_iter()
                .take(METRICS)
                .map(|(name, measured)| (metric::label(&name), metric::with_interval(&measured)))
                .collect(),
            name: model.name,
        }
    });
    let body = All { rows: rows.collect() };
    page(site, call, &Frame { title: "Models", place: "/models", live: "all" }, &body)
}

fn version_link(model: &str, version: u64) -> String {
    format!("{}/versions/{version}", link::model(model))
}

/// What was measured of a version when it was registered; one of elsewhere may have its numbers from its run.
fn metrics(version: &VersionRow) -> BTreeMap<String, Measured> {
    let noted = version.about.get("metrics").and_then(Value::as_object);
    let noted = noted.into_iter().flatten().filter_map(|(name, measured)| {
        let measured: Measured = serde_json::from_value(measured.clone()).ok()?;
        Some((name.clone(), measured))
    });
    let mut found: BTreeMap<String, Measured> = noted.collect();
    for row in &version.metrics {
        let Some(value) = row.value else { continue };
        found.entry(row.metric.clone()).or_insert_with(|| Measured {
            value,
            low: row.low.unwrap_or(f64::NAN),
            high: row.high.unwrap_or(f64::NAN),
            level: row.level.unwrap_or(0.95),
            method: String::new(),
        });
    }
    found
}

fn estimator(version: &VersionRow) -> String {
    version.about.get("estimator").and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[derive(Template)]
#[template(path = "model.html")]
struct One {
    name: String,
    description: String,
    tags: Vec<(String, String)>,
    link: String,
    csrf: Markup,
    standing: deployed::Deployed,
    can_be_served: bool,
    may_change: bool,
    columns: Vec<Column>,
    versions: Vec<Version>,
    more: usize,
    chart: Option<Markup>,
    history: Vec<(When, String, String)>,
    can_roll_back: bool,
}

struct Column {
    label: String,
    sign: &'static str,
    words: &'static str,
}

struct Version {
    number: u64,
    link: String,
    aliases: Vec<String>,
    is_champion: bool,
    is_package: bool,
    registered: When,
    run: String,
    run_link: String,
    estimator: String,
    cells: Vec<Option<Cell>>,
}

/// A cell and whether it is the best of its row.
type Judged = (Option<Cell>, bool);

struct Cell {
    value: String,
    interval: Option<String>,
    glyph: Option<Markup>,
}

pub(super) fn model(site: &Site, call: &Call) -> Result<Response<Body>, Problem> {
    let model = site.reader.model(call.part("model")).map_err(told)?;
    let standing = deployed::one(site, &model.name)?;
    let names = metric_names(&model.versions, METRICS);
    let history = standing.history.iter().take(20);
    let registered = site.reader.registered_model(&model.name).map_err(told)?;
    let body = One {
        description: registered.as_ref().map(|registered| registered.description.clone()).unwrap_or_default(),
        tags: registered.map(|registered| registered.tags.into_iter().collect()).unwrap_or_default(),
        link: link::model(&model.name),
        csrf: csrf_field(call),
        columns: names.iter().map(|name| column(name)).collect(),
        more: model.versions.len().saturating_sub(VERSIONS),
        chart: chart(&model, names.first()),
        history: history
            .map(|row| (when(row.created), deployed::said(row.deployment.as_ref()), row.reason.clone()))
            .collect(),
        can_roll_back: call.may_change && standing.history.len() > 1,
        may_change: call.may_change,
        can_be_served: model.versions.iter().any(|version| version.artifact.is_some()),
        versions: rows(&model, &names),
        standing,
        name: model.name.clone(),
    };
    page(site, call, &Frame { title: &model.name, place: "/models", live: "all" }, &body)
}

fn column(name: &str) -> Column {
    let better = better(name);
    Column { label: metric::label(name), sign: better.sign(), words: better.words() }
}

/// The metrics that most versions have.
fn metric_names(versions: &[VersionRow], most: usize) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for name in versions.iter().take(VERSIONS).flat_map(|version| metrics(version).into_keys()) {
        *counts.entry(name).or_default() += 1;
    }
    let mut names: Vec<(usize, String)> = counts.into_iter().map(|(name, count)| (count, name)).collect();
    names.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
    names.into_iter().take(most).map(|(_, name)| name).collect()
}

fn rows(model: &ModelRow, names: &[String]) -> Vec<Version> {
    let measured: Vec<BTreeMap<String, Measured>> = model.versions.iter().take(VERSIONS).map(metrics).collect();
    let ranges: Vec<(f64, f64)> = names
        .iter()
        .map(|name| {
            let ends =
                measured.iter().filter_map(|row| row.get(name)).flat_map(|found| [found.low, found.value, found.high]);
            charts::scale::extent(ends).unwrap_or((0.0, 1.0))
        })
        .collect();
    model
        .versions
        .iter()
        .zip(&measured)
        .map(|(version, measured)| {
            let is_champion = version.aliases.iter().any(|alias| alias == "champion");
            let cell = |(name, range): (&String, &(f64, f64))| {
                let found = measured.get(name)?;
                let (value, interval) = metric::parts(found);
                let title = format!("{name} of version {}: {}", version.version, metric::with_interval(found));
                let drawn = Interval {
                    value: found.value,
                    low: found.low,
                    high: found.high,
                    range: *range,
                    strong: is_champion,
                };
                let glyph = (found.low < found.high).then(|| Markup(charts::interval(&title, &drawn)));
                Some(Cell { value, interval, glyph })
            };
            Version {
                number: version.version,
                link: version_link(&model.name, version.version),
                aliases: version.aliases.clone(),
                is_champion,
                is_package: version.artifact.is_some(),
                registered: when(version.created),
                run: version.run.clone(),
                run_link: link::run(&version.run),
                estimator: estimator(version),
                cells: names.iter().zip(&ranges).map(cell).collect(),
            }
        })
        .collect()
}

/// A metric over the versions.
fn chart(model: &ModelRow, name: Option<&String>) -> Option<Markup> {
    let name = name?;
    let mut points: Vec<[f64; 2]> = model
        .versions
        .iter()
        .filter_map(|version| Some([version.version as f64, metrics(version).get(name)?.value]))
        .collect();
    points.reverse();
    if points.len() < 3 {
        return None;
    }
    let label = metric::label(name);
    let series = [Series { name: &label, points: &points, marked: points.len() <= 60 }];
    let title = format!("{label}, version by version");
    Some(Markup(charts::curve(&Curves {
        title: &title,
        x: Axis::whole("version"),
        y: Axis::new(&label),
        series: &series,
        ..Curves::default()
    })))
}

#[derive(Template)]
#[template(path = "version.html")]
struct OneVersion {
    model: String,
    model_link: String,
    csrf: Markup,
    may_change: bool,
    number: u64,
    aliases: Vec<String>,
    is_champion: bool,
    registered: When,
    run: String,
    run_link: String,
    digest: String,
    artifact_link: String,
    description: String,
    source: String,
    stage: String,
    tags: Vec<(String, String)>,
    facts: Vec<(&'static str, String)>,
    metrics: Vec<(String, String, Option<String>, String)>,
    noted: Vec<(String, String)>,
    dag: Option<Markup>,
}

pub(super) fn version(site: &Site, call: &Call) -> Result<Response<Body>, Problem> {
    let model = site.reader.model(call.part("model")).map_err(told)?;
    let known_as = call.part("version");
    let is_meant =
        |row: &&VersionRow| row.aliases.iter().any(|alias| alias == known_as) || row.version.to_string() == known_as;
    let version = model.versions.iter().find(is_meant).ok_or_else(|| {
        let message = format!("the model `{}` has no version or alias `{known_as}`", model.name);
        Problem::error("unknown-version", message).help("its page lists what there is")
    })?;
    let number = version.version;
    let artifact = version.artifact;
    let row = artifact.map(|artifact| site.reader.artifact(&artifact).map_err(told)).transpose()?.flatten();
    let lineage =
        artifact.map(|artifact| site.reader.lineage(&artifact).map_err(told)).transpose()?.unwrap_or_default();
    let registered = site.reader.registered_version(&model.name, number).map_err(told)?;
    let run = run_of(site, version, registered.as_ref())?;
    let logged = match artifact {
        Some(_) => BTreeMap::new(),
        None => site.reader.last_metrics(&[&run]).map_err(told)?,
    };
    let logged = logged.into_values().flatten().filter_map(|(name, value)| {
        Some((metric::label(&name), number::significant(value?, 6), None, "as its run logged it".to_owned()))
    });
    let said = |of: &dyn Fn(&RegisteredVersion) -> String| registered.as_ref().map(of).unwrap_or_default();
    let noted = version.about.as_object().into_iter().flatten();
    let body = OneVersion {
        model_link: link::model(&model.name),
        model: model.name.clone(),
        csrf: csrf_field(call),
        may_change: call.may_change,
        number,
        aliases: version.aliases.clone(),
        is_champion: version.aliases.iter().any(|alias| alias == "champion"),
        registered: when(version.created),
        run_link: link::run(&run),
        run: run.clone(),
        digest: artifact.map(|artifact| artifact.to_string()).unwrap_or_default(),
        artifact_link: artifact.map(|artifact| link::artifact(&artifact.to_string())).unwrap_or_default(),
        description: said(&|registered| registered.description.clone()),
        source: said(&|registered| registered.source.clone()),
        stage: said(&|registered| registered.stage.clone()),
        tags: registered.as_ref().map(|registered| registered.tags.clone().into_iter().collect()).unwrap_or_default(),
        facts: row.and_then(|row| row.outline().ok()).map(|outline| about(&outline)).unwrap_or_default(),
        metrics: metrics(version)
            .into_iter()
            .map(|(name, measured)| {
                let (value, interval) = metric::parts(&measured);
                let how = match measured.method.as_str() {
                    "" => number::percent(measured.level),
                    method => format!("{}, {method}", number::percent(measured.level)),
                };
                (metric::label(&name), value, interval, how)
            })
            .chain(logged)
            .collect(),
        noted: noted
            .filter(|(name, _)| !matches!(name.as_str(), "metrics" | "estimator" | "target"))
            .map(|(name, value)| (name.replace('_', " "), shown(value)))
            .collect(),
        dag: artifact.and_then(|artifact| drawing(&lineage, &artifact, &model.name)),
    };
    let title = format!("{} {number}", model.name);
    page(site, call, &Frame { title: &title, place: "/models", live: "" }, &body)
}

/// The run that a version comes from: that which registered it, or made the logged model it is of.
fn run_of(site: &Site, version: &VersionRow, registered: Option<&RegisteredVersion>) -> Result<String, Problem> {
    if !version.run.is_empty() {
        return Ok(version.run.clone());
    }
    let Some(id) = registered.map(|registered| registered.logged_model.as_str()).filter(|id| !id.is_empty()) else {
        return Ok(String::new());
    };
    Ok(site.reader.logged_model(id).map_err(told)?.map(|model| model.run).unwrap_or_default())
}

#[derive(Template)]
#[template(path = "versions.html")]
struct Compared {
    model: String,
    model_link: String,
    versions: Vec<Version>,
    metrics: Vec<(Column, Vec<Judged>)>,
    facts: Vec<(String, Vec<String>, bool)>,
    runs: Option<String>,
}

pub(super) fn compare(site: &Site, call: &Call) -> Result<Response<Body>, Problem> {
    let mut model = site.reader.model(call.part("model")).map_err(told)?;
    let asked: BTreeSet<u64> = call.asked_all("version").iter().filter_map(|version| version.parse().ok()).collect();
    model.versions.retain(|version| asked.contains(&version.version));
    if !(2..=COMPARED).contains(&model.versions.len()) {
        let message = format!("choose from 2 to {COMPARED} versions of `{}` to compare", model.name);
        return Err(Problem::error("bad-request", message).help("tick them in the list of versions"));
    }
    let names = metric_names(&model.versions, usize::MAX);
    let measured: Vec<_> = model.versions.iter().map(metrics).collect();
    let rows = rows(&model, &names);
    let mut cells: Vec<_> = names.iter().map(|name| (column(name), Vec::new())).collect();
    let mut versions = Vec::new();
    for (mut version, own) in rows.into_iter().zip(&measured) {
        for ((cell, name), (_, column)) in version.cells.drain(..).zip(&names).zip(&mut cells) {
            let better = better(name);
            let badness = |row: &BTreeMap<String, Measured>| row.get(name).map(|found| better.badness(found.value));
            let least = least(&measured, badness);
            column.push((cell, least.is_some() && badness(own) == least));
        }
        versions.push(version);
    }
    let fields: BTreeSet<String> = model
        .versions
        .iter()
        .flat_map(|version| version.about.as_object().into_iter().flatten().map(|(name, _)| name.clone()))
        .filter(|name| name != "metrics")
        .collect();
    let facts = fields.into_iter().map(|field| {
        let values: Vec<String> = model
            .versions
            .iter()
            .map(|version| version.about.get(&field).map_or_else(|| number::ABSENT.to_owned(), shown))
            .collect();
        let differs = values.windows(2).any(|pair| pair[0] != pair[1]);
        (field.replace('_', " "), values, differs)
    });
    let mut runs: Vec<String> = model.versions.iter().map(|version| link::part(&version.run)).collect();
    runs.dedup();
    let body = Compared {
        model_link: link::model(&model.name),
        facts: facts.collect(),
        runs: (runs.len() > 1).then(|| format!("/compare?run={}", runs.join("&run="))),
        metrics: cells,
        versions,
        model: model.name.clone(),
    };
    let title = format!("Versions of {}", model.name);
    page(site, call, &Frame { title: &title, place: "/models", live: "" }, &body)
}

/// The least bad value of a metric, where the versions differ in it.
fn least(
    measured: &[BTreeMap<String, Measured>],
    badness: impl Fn(&BTreeMap<String, Measured>) -> Option<f64>,
) -> Option<f64> {
    let (low, high) = charts::scale::extent(measured.iter().filter_map(badness))?;
    (low < high).then_some(low)
}
