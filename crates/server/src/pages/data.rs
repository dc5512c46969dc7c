//! Data: the tables of each pipeline's last run, and one artifact with its profile, rows and origin.

use askama::Template;
use axum::{body::Body, http::Response};
use trainyard_core::{Digest, Kind, Problem, outline::Outline, profile::Profile, record::StepRecord};
use trainyard_report::{
    Node,
    charts::dag::dag,
    markup::{Markup, prose},
    number,
};
use trainyard_store::{LineageRow, RunList};

use super::{
    Frame, page,
    words::{When, plural, when},
};
use crate::{Site, api, call::Call, drift, fault::told, link, pipelines};

/// Rows of a table shown at once.
const ROWS: usize = 20;
/// Earlier runs looked through for a table to compare with, and columns that are shown of the comparison.
const LOOKED_BACK: usize = 30;
const MOVED: usize = 50;
/// Steps of a lineage up to which it is drawn.
const DRAWN: usize = 60;
/// The port of rows that broke a contract, and the column that tells why.
const QUARANTINED: (&str, &str) = ("quarantined", "_reason");

#[derive(Template)]
#[template(path = "data.html")]
struct All {
    pipelines: Vec<Tables>,
}

struct Tables {
    name: String,
    link: String,
    run: String,
    run_link: String,
    started: When,
    tables: Vec<Table>,
}

struct Table {
    step: String,
    port: String,
    uses: String,
    rows: String,
    size: String,
    link: String,
    quarantined: bool,
    warnings: Vec<Markup>,
}

pub(super) fn list(site: &Site, call: &Call) -> Result<Response<Body>, Problem> {
    let mut all = Vec::new();
    for known in pipelines::all(site)? {
        let Some(last) = &known.last else { continue };
        let record = site.reader.record(&last.run).map_err(told)?;
        let mut tables = Vec::new();
        for step in &record.steps {
            for (port, output) in step.outputs.iter().filter(|(_, output)| output.kind == Kind::Table) {
                let quarantined = port == QUARANTINED.0;
                if quarantined && output.rows == Some(0) {
                    continue;
                }
                tables.push(Table {
                    step: step.name.clone(),
                    port: port.clone(),
                    uses: step.uses.clone(),
                    rows: output.rows.map_or_else(|| number::ABSENT.to_owned(), number::count),
                    size: number::bytes(output.bytes),
                    link: link::artifact(&output.digest.to_string()),
                    quarantined,
                    warnings: if quarantined {
                        Vec::new()
                    } else {
                        step.warnings.iter().map(|warning| prose(&warning.message)).collect()
                    },
                });
            }
        }
        if !tables.is_empty() {
            all.push(Tables {
                link: link::pipeline(&known.name),
                name: known.name,
                run_link: link::run(&last.run),
                run: last.run.clone(),
                started: when(last.started),
                tables,
            });
        }
    }
    page(site, call, &Frame { title: "Data", place: "/data", live: "all" }, &All { pipelines: all })
}

#[derive(Template)]
#[template(path = "artifact.html")]
struct One {
    kind: &'static str,
    title: String,
    digest: String,
    rows: Option<String>,
    size: String,
    reasons: Vec<(Markup, String, String)>,
    profile: Option<Markup>,
    no_profile: Option<Markup>,
    columns: Vec<(String, String, bool)>,
    shown: Vec<Vec<(Option<String>, bool)>>,
    range: String,
    before: Option<String>,
    after: Option<String>,
    makers: Vec<(String, String, String, String)>,
    drift: Option<Drift>,
    dag: Option<Markup>,
    lineage: Vec<Origin>,
    about: Vec<(&'static str, String)>,
}

/// What moved since an earlier table of the same step.
struct Drift {
    run: String,
    run_link: String,
    link: String,
    columns: Vec<Moved>,
    /// In words, where no column moved far.
    calm: bool,
}

struct Moved {
    name: String,
    index: String,
    /// `large`, `notable` or nothing.
    how: &'static str,
    missing: (String, String),
    means: Option<(String, String)>,
}

struct Origin {
    what: String,
    uses: String,
    link: String,
    short: String,
    from: Vec<(String, String)>,
}

pub(super) fn artifact(site: &Site, call: &Call) -> Result<Response<Body>, Problem> {
    let digest = api::digest(call)?;
    let row = site.reader.artifact(&digest).map_err(told)?.ok_or_else(|| {
        Problem::error("unknown-artifact", format!("the artifact {} is not kept here", digest.short()))
            .help("`trainyard store gc` may have removed it; run the pipeline again to make it anew")
    })?;
    let has_profile = matches!(row.kind, Kind::Table | Kind::Profile);
    let profile = has_profile.then(|| site.workshop.profile(&digest));
    let makers = site.reader.makers(&digest, 10).map_err(told)?;
    let name = makers.first().map_or_else(
        || digest.short(),
        |(_, step)| {
            let port = step.outputs.iter().find(|(_, output)| output.digest == digest).map_or("", |(port, _)| port);
            if step.outputs.len() > 1 { format!("{}.{port}", step.name) } else { step.name.clone() }
        },
    );
    let from = call.number("from", 1, 1_000_000_000)?;
    let rows = (row.kind == Kind::Table).then(|| site.workshop.rows(&digest, from - 1, ROWS)).transpose();
    let (rows, unreadable) = match rows {
        Ok(rows) => (rows.unwrap_or_default(), None),
        Err(problem) => (crate::Rows::default(), Some(problem)),
    };
    let address = |from: usize| format!("{}?from={from}#rows", link::artifact(&digest.to_string()));
    let last = from - 1 + rows.rows.len();
    let lineage = site.reader.lineage(&digest).map_err(told)?;
    let (profile, no_profile) = match profile {
        Some(Ok(profile)) => (Some(profile), None),
        Some(Err(problem)) => (None, Some(prose(&problem.message))),
        None => (None, unreadable.map(|problem| prose(&problem.message))),
    };
    let drift = match &profile {
        Some(profile) if row.kind == Kind::Table => moved(site, makers.first(), &digest, profile)?,
        _ => None,
    };
    let reasons =
        profile.as_ref().and_then(|profile| profile.columns.iter().find(|column| column.name == QUARANTINED.1));
    let total = profile.as_ref().map_or(0, |profile| profile.rows);
    let is_number: Vec<bool> = rows.columns.iter().map(|(_, of)| matches!(of.as_str(), "integer" | "float")).collect();
    let body = One {
        kind: row.kind.name(),
        title: name.clone(),
        digest: digest.to_string(),
        rows: row.rows.map(|rows| plural(usize::try_from(rows).unwrap_or(usize::MAX), "row")),
        size: number::bytes(row.bytes),
        reasons: reasons.map_or_else(Vec::new, |column| {
            let share =
                |rows: u64| if total == 0 { String::new() } else { number::percent(rows as f64 / total as f64) };
            column.top.iter().map(|(reason, rows)| (prose(reason), number::count(*rows), share(*rows))).collect()
        }),
        profile: profile.as_ref().map(|profile| trainyard_report::profile(&name, profile)),
        no_profile,
        range: if rows.rows.is_empty() {
            String::new()
        } else {
            format!("{} to {} of {}", number::count(from as u64), number::count(last as u64), number::count(rows.total))
        },
        before: (from > 1).then(|| address(from.saturating_sub(ROWS).max(1))),
        after: ((last as u64) < rows.total && !rows.rows.is_empty()).then(|| address(last + 1)),
        shown: rows.rows.into_iter().map(|row| row.into_iter().zip(is_number.iter().copied()).collect()).collect(),
        columns: rows.columns.into_iter().zip(&is_number).map(|((name, of), number)| (name, of, *number)).collect(),
        makers: makers
            .iter()
            .map(|(run, step)| (run.clone(), link::run(run), step.name.clone(), step.uses.clone()))
            .collect(),
        drift,
        dag: drawing(&lineage, &digest, &name),
        lineage: lineage.iter().map(origin).collect(),
        about: row.outline().map(|outline| about(&outline)).unwrap_or_default(),
    };
    page(site, call, &Frame { title: &name, place: "/data", live: "" }, &body)
}

/// How far the columns are from those of the last other table that the same step of the pipeline put out before.
fn moved(
    site: &Site,
    maker: Option<&(String, StepRecord)>,
    digest: &Digest,
    profile: &Profile,
) -> Result<Option<Drift>, Problem> {
    let Some((run, step)) = maker else { return Ok(None) };
    let Some((port, _)) = step.outputs.iter().find(|(_, output)| output.digest == *digest) else { return Ok(None) };
    let made = site.reader.record(run).map_err(told)?;
    let list = RunList {
        of: Some(&made.pipeline),
        before: Some((made.started, run)),
        limit: LOOKED_BACK,
        ..RunList::default()
    };
    for earlier in site.reader.list_runs(&list).map_err(told)?.into_iter().filter(|earlier| !earlier.logged) {
        let record = site.reader.record(&earlier.run).map_err(told)?;
        let other = record.steps.iter().find(|other| other.name == step.name);
        let Some(output) = other.and_then(|other| other.outputs.get(port)) else { continue };
        if output.digest == *digest || output.kind != Kind::Table {
            continue;
        }
        // One that was collected, or is too large to profile, tells nothing.
        let Ok(before) = site.workshop.profile(&output.digest) else { return Ok(None) };
        let shifts = drift::between(&before, profile);
        let columns: Vec<Moved> = shifts
            .iter()
            .take(MOVED)
            .map(|shift| Moved {
                name: shift.name.clone(),
                index: match (shift.index, shift.what) {
                    (Some(index), _) => number::fixed(index, 3),
                    (None, what) => what.unwrap_or_default().to_owned(),
                },
                how: match shift.index {
                    Some(index) if index < drift::NOTABLE => "",
                    Some(index) if index < drift::LARGE => "notable",
                    _ => "large",
                },
                missing: (number::percent(shift.missing.0), number::percent(shift.missing.1)),
                means: shift.means.map(|(old, new)| (number::significant(old, 4), number::significant(new, 4))),
            })
            .collect();
        return Ok(Some(Drift {
            run_link: link::run(&earlier.run),
            run: earlier.run,
            link: link::artifact(&output.digest.to_string()),
            calm: columns.iter().all(|column| column.how.is_empty()),
            columns,
        }));
    }
    Ok(None)
}

/// What is known of an artifact that is no table.
pub(super) fn about(outline: &Outline) -> Vec<(&'static str, String)> {
    match outline {
        Outline::Model { target, task, features, estimator } => vec![
            ("Estimator", estimator.clone()),
            ("Task", task.map_or_else(String::new, |task| task.name().to_owned())),
            ("Target", target.clone()),
            ("Features", features.join(", ")),
        ],
        Outline::Split { parts, target, .. } => {
            vec![("Parts", parts.join(", ")), ("Target", target.clone().unwrap_or_default())]
        }
        Outline::Evaluation { models, metrics, .. } => {
            vec![("Models", models.join(", ")), ("Metrics", metrics.join(", "))]
        }
        Outline::Release { name } => vec![("Model", name.clone())],
        Outline::Table { .. } | Outline::Profile | Outline::Document => Vec::new(),
    }
}

fn origin(row: &LineageRow) -> Origin {
    let inputs = row.inputs.iter().map(|input| (input.name.clone(), link::artifact(&input.artifact.to_string())));
    Origin {
        what: row.port.clone(),
        uses: row.uses.clone(),
        link: link::artifact(&row.artifact.to_string()),
        short: row.artifact.short(),
        from: inputs.collect(),
    }
}

/// How an artifact came to be, as a drawing from the sources down to it; `name` is what it is called itself. Of work that
/// made the same content twice, one piece is drawn.
pub(super) fn drawing(lineage: &[LineageRow], artifact: &Digest, name: &str) -> Option<Markup> {
    let maker = |artifact: &Digest| lineage.iter().find(|row| row.artifact == *artifact);
    let mut found: Vec<(&LineageRow, String)> = vec![(maker(artifact)?, name.to_owned())];
    let mut at = 0;
    while let Some(row) = found.get(at).map(|(row, _)| *row) {
        for input in &row.inputs {
            let Some(made) = maker(&input.artifact) else { continue };
            if !found.iter().any(|(known, _)| known.fingerprint == made.fingerprint) {
                found.push((made, input.name.clone()));
            }
        }
        at += 1;
    }
    if found.len() < 2 || found.len() > DRAWN {
        return None;
    }
    // Two pieces of work may go by one name: the beginning of the digest tells them apart.
    let shown = |(row, name): &(&LineageRow, String)| {
        let twice = found.iter().filter(|(_, other)| other == name).count() > 1;
        if twice { format!("{name} {}", row.fingerprint.short()) } else { name.clone() }
    };
    let nodes: Vec<Node> = found
        .iter()
        .rev()
        .map(|one| {
            let makers = one.0.inputs.iter().filter_map(|input| maker(&input.artifact));
            let makers =
                makers.filter_map(|made| found.iter().find(|(known, _)| known.fingerprint == made.fingerprint));
            Node { name: shown(one), uses: one.0.uses.clone(), status: None, from: makers.map(shown).collect() }
        })
        .collect();
    Some(Markup(dag(&nodes)))
}
