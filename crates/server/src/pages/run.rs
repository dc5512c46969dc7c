//! The page of a run.

use askama::Template;
use axum::{body::Body, http::Response};
use trainyard_core::{
    Problem,
    record::{RunRecord, RunStatus},
};
use trainyard_report::{
    Report, Section,
    markup::{Markup, prose},
    number,
};

use super::{
    Frame, csrf_field, logged, page, report,
    steps::{nodes, steps},
    words::{When, now, shown, when},
};
use crate::{Job, Site, call::Call, fault::told, link, pipelines};

/// Sections of the report that this page has in a form of its own, or leaves to the report.
const ELSEWHERE: &[&str] = &["run", "inputs", "lineage", "pipeline", "parameters", "reproduce"];

#[derive(Template)]
#[template(path = "run.html")]
struct View {
    run: String,
    pipeline: String,
    pipeline_link: String,
    status: &'static str,
    started: When,
    took: String,
    broke_off: bool,
    progress: Option<(usize, usize)>,
    who: Option<String>,
    cancelled_by: Option<String>,
    report: Option<String>,
    again: Option<Vec<String>>,
    cancel: bool,
    action: String,
    csrf: Markup,
    verdict: Option<Markup>,
    steps: Markup,
    sections: Vec<Section>,
    params: Vec<(String, String)>,
    step_params: Vec<(String, String, String)>,
    log: Option<String>,
}

#[derive(Template)]
#[template(path = "starting.html")]
struct Starting {
    run: String,
    file: String,
    asked: When,
    who: String,
    waiting: bool,
    message: Option<Markup>,
    help: Option<Markup>,
    code: String,
    log: Option<String>,
}

pub(super) fn run(site: &Site, call: &Call) -> Result<Response<Body>, Problem> {
    let id = call.part("run");
    let mut record = match site.reader.record(id) {
        Ok(record) => record,
        Err(error) => {
            let Some(job) = site.workshop.job(id) else { return Err(told(error)) };
            // It may have begun and ended since the catalog was asked.
            match if job.ended { site.reader.record(id) } else { Err(error) } {
                Ok(record) => record,
                Err(_) => return starting(site, call, &job),
            }
        }
    };
    let listed = site.reader.listed_run(&record.run).map_err(told)?;
    if let Some(row) = listed.filter(|row| row.logged) {
        return logged::run(site, call, &row);
    }
    let known = pipelines::named(site, &record.pipeline).ok();
    let planned = known.as_ref().map(|known| known.steps.as_slice()).unwrap_or_default();
    let job = site.workshop.job(&record.run);
    let is_left = record.status == RunStatus::Running && !site.store.is_in_use();
    if is_left {
        // Whoever was at work may have ended since the catalog was asked.
        record = site.reader.record(&record.run).map_err(told)?;
    }
    let broke_off = is_left && record.status == RunStatus::Running;
    let is_running = record.status == RunStatus::Running && !broke_off;
    let findings = site.workshop.findings(&record);
    let told_of = Report {
        run: &record,
        about: None,
        evaluations: findings.evaluations.iter().map(|(step, value)| (step.clone(), value.as_ref())).collect(),
        studies: findings.studies.clone(),
        profiles: Vec::new(),
        pipeline_text: "",
        version: site.version,
        releases: findings.releases.iter().map(|(step, value)| (step.clone(), value.as_ref())).collect(),
        trials: findings.trials.clone(),
        generated: String::new(),
    };
    let (verdict, mut sections) = trainyard_report::parts(&told_of);
    sections.retain(|section| !ELSEWHERE.contains(&section.id.as_str()));
    let all = nodes(&record, planned).len();
    let body = View {
        steps: steps(&record, planned)?,
        pipeline: record.pipeline.clone(),
        pipeline_link: link::pipeline(&record.pipeline),
        status: record.status.name(),
        started: when(record.started),
        took: took(&record),
        broke_off,
        progress: (is_running && all > 0).then_some((record.steps.len(), all)),
        who: job.as_ref().map(|job| job.order.who.clone()),
        cancelled_by: job.as_ref().and_then(|job| job.cancelled_by.clone()),
        report: report::file(site, &record.run).map(|_| format!("{}/report", link::run(&record.run))),
        again: known
            .as_ref()
            .filter(|known| call.may_change && known.file.is_some() && !is_running)
            .map(|known| known.steps.iter().map(|step| step.name.clone()).collect()),
        cancel: call.may_change && is_running && job.as_ref().is_some_and(|job| !job.ended),
        action: link::run(&record.run),
        csrf: csrf_field(call),
        verdict: (!is_running && !broke_off).then_some(verdict),
        sections,
        params: record.params.iter().map(|(name, value)| (name.clone(), shown(value))).collect(),
        step_params: record
            .steps
            .iter()
            .filter(|step| step.params.as_object().is_some_and(|fields| !fields.is_empty()))
            .map(|step| {
                let text = serde_json::to_string_pretty(&step.params).unwrap_or_else(|_| step.params.to_string());
                (step.name.clone(), step.uses.clone(), text)
            })
            .collect(),
        log: site.workshop.log(&record.run),
        run: record.run.clone(),
    };
    let title = format!("{} {}", record.pipeline, record.run);
    let live = if is_running { record.run.as_str() } else { "" };
    page(site, call, &Frame { title: &title, place: "/runs", live }, &body)
}

fn took(record: &RunRecord) -> String {
    match record.status {
        RunStatus::Running => number::seconds((now() - record.started).max(0) as f64 / 1000.0),
        _ => number::seconds(record.seconds),
    }
}

/// The page of a run that was asked for here and is not in the catalog: it has yet to begin, or could not.
fn starting(site: &Site, call: &Call, job: &Job) -> Result<Response<Body>, Problem> {
    let error = job.error.as_ref();
    let body = Starting {
        run: job.run.clone(),
        file: job.order.file.display().to_string(),
        asked: when(job.asked),
        who: job.order.who.clone(),
        waiting: !job.ended,
        message: error.map(|error| prose(&error.message)),
        help: error.and_then(|error| error.help.as_deref()).map(prose),
        code: error.map_or_else(String::new, |error| error.code.clone()),
        log: site.workshop.log(&job.run),
    };
    let live = if job.ended { "" } else { job.run.as_str() };
    page(site, call, &Frame { title: &job.run, place: "/runs", live }, &body)
}
