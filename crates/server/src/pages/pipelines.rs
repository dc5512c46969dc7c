//! The pipelines: all of them, and one with its steps, its runs and a form to start one.

use askama::Template;
use axum::{body::Body, http::Response};
use trainyard_core::{
    Problem,
    record::{RunRecord, RunStatus},
};
use trainyard_report::{
    charts::{self, Axis, Curves, Series, dag::dag_at_work},
    markup::{Markup, prose},
    metric,
};
use trainyard_store::{ListedRun, RunList};

use super::{
    Frame, csrf_field, page,
    runs::{measured, table, took},
    words::{When, plural, shown, when},
};
use crate::{Site, call::Call, cursor, fault::told, link, pipelines};

/// Runs listed on a pipeline's page.
const RUNS: usize = 20;
/// Runs in its history chart.
const HISTORY: usize = 200;
/// Experiments of a page.
const EXPERIMENTS: usize = 50;
/// Steps up to which they are drawn.
const DRAWN: usize = 120;

#[derive(Template)]
#[template(path = "pipelines.html")]
struct All {
    rows: Vec<Row>,
    experiments: Vec<Experiment>,
    next: Option<String>,
}

struct Experiment {
    name: String,
    link: String,
    made: When,
    last: Option<Last>,
}

struct Row {
    name: String,
    link: String,
    about: String,
    file: Option<String>,
    steps: String,
    problems: String,
    last: Option<Last>,
}

struct Last {
    link: String,
    status: &'static str,
    started: When,
    took: String,
}

fn last(row: &ListedRun) -> Last {
    Last { link: link::run(&row.run), status: row.status.name(), started: when(row.started), took: took(row) }
}

pub(super) fn list(site: &Site, call: &Call) -> Result<Response<Body>, Problem> {
    let known = pipelines::all(site)?;
    let before = call.asked("before").map(cursor::read).transpose()?.map(|(id, _)| id);
    let mut experiments = site.reader.list_experiments(before, EXPERIMENTS + 1).map_err(told)?;
    let next = experiments.get(EXPERIMENTS - 1).filter(|_| experiments.len() > EXPERIMENTS);
    let next = next.map(|last| format!("/experiments?before={}.", last.id));
    experiments.truncate(EXPERIMENTS);
    // A pipeline's runs are those of the experiment of its name.
    experiments.retain(|experiment| !known.iter().any(|known| known.name == experiment.name));
    let experiments = experiments.into_iter().map(|experiment| {
        let newest = RunList { of: Some(&experiment.name), limit: 1, ..RunList::default() };
        let newest = site.reader.list_runs(&newest).map_err(told)?;
        Ok(Experiment {
            link: link::experiment(&experiment.name),
            made: when(experiment.created),
            last: newest.first().map(last),
            name: experiment.name,
        })
    });
    let experiments: Vec<Experiment> = experiments.collect::<Result<_, Problem>>()?;
    // One that nobody logged anything to is of no interest yet.
    let experiments = experiments.into_iter().filter(|one| one.name != "Default" || one.last.is_some()).collect();
    let rows = known.into_iter().map(|known| {
        let errors = known.problems.iter().filter(|problem| problem.is_error()).count();
        Row {
            link: link::pipeline(&known.name),
            name: known.name,
            about: known.about.unwrap_or_default(),
            file: known.file.map(|file| file.display().to_string()),
            steps: plural(known.steps.len(), "step"),
            problems: if errors == 0 { String::new() } else { plural(errors, "mistake") },
            last: known.last.as_ref().map(last),
        }
    });
    let rows = if before.is_some() { Vec::new() } else { rows.collect() };
    let body = All { rows, experiments, next };
    page(site, call, &Frame { title: "Pipelines and experiments", place: "/pipelines", live: "all" }, &body)
}

#[derive(Template)]
#[template(path = "pipeline.html")]
struct One {
    name: String,
    about: Option<String>,
    file: Option<String>,
    action: String,
    csrf: Markup,
    may_change: bool,
    params: Vec<(String, String)>,
    steps: Vec<(String, String)>,
    dag: Option<Markup>,
    status_of: Option<Last>,
    problems: Vec<(String, Markup, Option<Markup>, String)>,
    chart: Option<Markup>,
    table: Markup,
    more: String,
}

pub(super) fn pipeline(site: &Site, call: &Call) -> Result<Response<Body>, Problem> {
    let name = call.part("pipeline");
    // One that was renamed or removed still has its runs.
    let runs =
        site.reader.list_runs(&RunList { of: Some(name), limit: HISTORY, ..RunList::default() }).map_err(told)?;
    let known = pipelines::named(site, name)?;
    let record = runs.first().map(|row| site.reader.record(&row.run).map_err(told)).transpose()?;
    let drawn = !known.steps.is_empty() && known.steps.len() <= DRAWN;
    let problem = |problem: &Problem| {
        let level = if problem.is_error() { "error" } else { "warning" };
        (level.to_owned(), prose(&problem.to_string()), problem.help.as_deref().map(prose), problem.code.clone())
    };
    let shown_runs = &runs[..runs.len().min(RUNS)];
    let body = One {
        action: format!("{}/run", link::pipeline(name)),
        csrf: csrf_field(call),
        may_change: call.may_change,
        about: known.about.clone(),
        file: known.file.as_ref().map(|file| file.display().to_string()),
        params: known.params.iter().map(|(name, value)| (name.clone(), shown(value))).collect(),
        steps: known.steps.iter().map(|step| (step.name.clone(), step.uses.clone())).collect(),
        dag: drawn.then(|| drawing(&known.steps, record.as_ref())),
        status_of: runs.first().map(last),
        problems: known.problems.iter().map(problem).collect(),
        chart: history(site, &runs, record.as_ref())?,
        table: table(site, &format!("Runs of {name}, the newest first"), shown_runs, true, false)?,
        more: if runs.len() > RUNS { format!("/runs?pipeline={}", link::part(name)) } else { String::new() },
        name: known.name,
    };
    page(site, call, &Frame { title: name, place: "/pipelines", live: "all" }, &body)
}

/// The steps of the file, coloured by how they ended in the newest run.
fn drawing(steps: &[trainyard_report::Node], record: Option<&RunRecord>) -> Markup {
    let mut nodes = steps.to_vec();
    let Some(record) = record else { return Markup(dag_at_work(&nodes, &[])) };
    for node in &mut nodes {
        node.status = record.steps.iter().find(|step| step.name == node.name).map(|step| step.status);
    }
    let is_running = record.status == RunStatus::Running;
    let ready: Vec<&str> = steps
        .iter()
        .filter(|step| is_running && step.from.iter().all(|from| record.steps.iter().any(|ended| ended.name == *from)))
        .map(|step| step.name.as_str())
        .collect();
    Markup(dag_at_work(&nodes, &ready))
}

/// The metric that decides, over the runs.
fn history(site: &Site, runs: &[ListedRun], newest: Option<&RunRecord>) -> Result<Option<Markup>, Problem> {
    let measured = measured(site, runs)?;
    let evaluations = newest.map(|record| site.workshop.findings(record).evaluations).unwrap_or_default();
    let decided_by = evaluations.last().map(|(_, evaluation)| evaluation.decided_by.clone());
    let first = || runs.iter().find_map(|row| measured.get(&row.run)?.keys().next().cloned());
    let Some(metric) = decided_by.or_else(first) else { return Ok(None) };
    let points: Vec<[f64; 2]> = runs
        .iter()
        .rev()
        .filter_map(|row| measured.get(&row.run)?.get(&metric).copied())
        .enumerate()
        .map(|(position, value)| [position as f64 + 1.0, value])
        .collect();
    if points.len() < 3 {
        return Ok(None);
    }
    let label = metric::label(&metric);
    let title = format!("{label} of the best model, run by run");
    let series = [Series { name: &label, points: &points, marked: points.len() <= 60 }];
    Ok(Some(Markup(charts::curve(&Curves {
        title: &title,
        x: Axis::whole("judged run"),
        y: Axis::new(&label),
        series: &series,
        ..Curves::default()
    }))))
}
