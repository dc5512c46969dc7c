//! The start page: what runs now, what needs a person, what is served, what happened last.

use askama::Template;
use axum::{body::Body, http::Response};
use trainyard_core::{Problem, record::RunStatus};
use trainyard_report::markup::{Markup, prose};
use trainyard_store::{ListedRun, RunList};

use super::{
    Frame, page,
    runs::{table, took},
    words::{When, plural, when},
};
use crate::{Site, call::Call, deployed, fault::told, link, pipelines};

/// Runs shown.
const RECENT: usize = 10;
/// Runs under way shown.
const RUNNING: usize = 12;
/// Things that need a person shown.
const NEEDED: usize = 20;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    needed: Vec<Needed>,
    running: Vec<Running>,
    served: Vec<deployed::Deployed>,
    recent: Markup,
    first: bool,
    has_pipelines: bool,
}

struct Needed {
    tone: &'static str,
    what: Markup,
    why: Option<Markup>,
    link: String,
    moment: Option<When>,
}

struct Running {
    run: String,
    link: String,
    pipeline: String,
    since: String,
    done: usize,
    all: usize,
}

pub(super) fn home(site: &Site, call: &Call) -> Result<Response<Body>, Problem> {
    let recent = site.reader.list_runs(&RunList { limit: RECENT, ..RunList::default() }).map_err(told)?;
    let under_way = RunList { status: Some(RunStatus::Running), limit: RUNNING, ..RunList::default() };
    let under_way = site.reader.list_runs(&under_way).map_err(told)?;
    let in_use = under_way.iter().all(|row| row.logged) || site.store.is_in_use();
    let pipelines = pipelines::all(site)?;
    // What a client logs goes on elsewhere.
    let died = |row: &ListedRun| !row.logged && !in_use;
    let (died, under_way): (Vec<ListedRun>, Vec<ListedRun>) = under_way.into_iter().partition(died);
    let names: Vec<&str> = under_way.iter().map(|row| row.run.as_str()).collect();
    let marks = site.reader.step_marks(&names).map_err(told)?;
    let running = under_way.iter().map(|row| Running {
        run: row.run.clone(),
        link: link::run(&row.run),
        pipeline: row.of.clone(),
        since: took(row),
        done: marks.iter().filter(|mark| mark.run == row.run).count(),
        all: pipelines.iter().find(|known| !row.logged && known.name == row.of).map_or(0, |known| known.steps.len()),
    });
    let served = deployed::all(site)?;
    let body = Home {
        needed: needed(&pipelines, &served, &died),
        running: running.collect(),
        recent: table(site, "The latest runs", &recent, false, true)?,
        first: recent.is_empty(),
        has_pipelines: !pipelines.is_empty(),
        served,
    };
    page(site, call, &Frame { title: "Home", place: "/", live: "all" }, &body)
}

fn needed(pipelines: &[pipelines::Known], served: &[deployed::Deployed], died: &[ListedRun]) -> Vec<Needed> {
    let newest =
        |row: &&ListedRun| pipelines.iter().any(|known| known.last.as_ref().is_some_and(|last| last.run == row.run));
    let died = died.iter().filter(newest).map(|row| Needed {
        tone: "bad",
        what: prose(&format!("A run of `{}` broke off", row.of)),
        why: Some(prose("its process died; started again, it goes on from the steps that had ended")),
        link: link::run(&row.run),
        moment: Some(when(row.started)),
    });
    let mut needed: Vec<Needed> = died.collect();
    for known in pipelines {
        if let Some(run) =
            known.last.as_ref().filter(|run| matches!(run.status, RunStatus::Failed | RunStatus::Refused))
        {
            let refused = run.status == RunStatus::Refused;
            needed.push(Needed {
                tone: if refused { "warn" } else { "bad" },
                what: prose(&if refused {
                    format!("A gate of `{}` refused", known.name)
                } else {
                    format!("The last run of `{}` failed", known.name)
                }),
                why: None,
                link: link::run(&run.run),
                moment: Some(when(run.started)),
            });
        }
        let errors: Vec<&Problem> = known.problems.iter().filter(|problem| problem.is_error()).collect();
        if let Some(first) = errors.first() {
            needed.push(Needed {
                tone: "bad",
                what: prose(&format!("The file of `{}` has {}", known.name, plural(errors.len(), "mistake"))),
                why: Some(prose(&first.to_string())),
                link: link::pipeline(&known.name),
                moment: None,
            });
        }
    }
    for model in served.iter().filter(|model| model.champion.is_none()) {
        needed.push(Needed {
            tone: "warn",
            what: prose(&format!("`{}` has no champion", model.name)),
            why: Some(prose("its newest version answers; point the alias `champion` at the one you trust")),
            link: model.link.clone(),
            moment: None,
        });
    }
    needed.truncate(NEEDED);
    needed
}
