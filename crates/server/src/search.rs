//! Search over everything: runs by the beginning of their id, their name, or a parameter or tag of theirs; the rest by a part
//! of its name.

use trainyard_core::Problem;

use crate::{Site, fault::told, link, pipelines};

/// Hits of one kind at most.
const MOST: usize = 20;
/// Longest question.
pub(crate) const LONGEST: usize = 200;

/// Something that was found.
pub(crate) struct Hit {
    /// What it is.
    pub(crate) kind: &'static str,
    /// Its name.
    pub(crate) name: String,
    /// More of it.
    pub(crate) about: String,
    /// Its page.
    pub(crate) page: String,
}

/// Everything that answers to a question, what is named exactly so first.
pub(crate) fn search(site: &Site, question: &str) -> Result<Vec<Hit>, Problem> {
    let question = question.trim();
    if question.chars().count() > LONGEST {
        return Err(Problem::error("bad-request", format!("the question is longer than {LONGEST} characters")));
    }
    let mut hits = Vec::new();
    if question.is_empty() {
        return Ok(hits);
    }
    let lower = question.to_lowercase();
    let matches = |text: &str| text.to_lowercase().contains(&lower);
    for model in site.reader.models().map_err(told)?.into_iter().filter(|model| matches(&model.name)).take(MOST) {
        let newest = model.versions.first().map_or(0, |version| version.version);
        let page = link::model(&model.name);
        hits.push(Hit { kind: "model", about: format!("newest version {newest}"), page, name: model.name });
    }
    let pipelines = pipelines::all(site)?;
    for known in pipelines.iter().filter(|known| matches(&known.name)).take(MOST) {
        let about = known.about.clone().unwrap_or_default();
        hits.push(Hit { kind: "pipeline", about, page: link::pipeline(&known.name), name: known.name.clone() });
    }
    for experiment in site.reader.experiments_called(question, MOST).map_err(told)? {
        if !pipelines.iter().any(|known| known.name == experiment.name) {
            let page = link::experiment(&experiment.name);
            hits.push(Hit { kind: "experiment", about: String::new(), page, name: experiment.name });
        }
    }
    let mut runs = site.reader.runs_named(question, MOST).map_err(told)?;
    runs.extend(site.reader.runs_called(question, MOST).map_err(told)?);
    // `learning_rate=0.1` asks for a parameter or a tag.
    if let Some((key, value)) = question.split_once('=') {
        runs.extend(site.reader.runs_with(key.trim(), value.trim(), MOST).map_err(told)?);
    }
    for run in runs {
        let about = format!("{} of {}", run.status.name(), run.of);
        let page = link::run(&run.run);
        let name = if run.name.is_empty() { run.run } else { run.name };
        if !hits.iter().any(|hit| hit.page == page) {
            hits.push(Hit { kind: "run", name, about, page });
        }
    }
    let steps = pipelines.iter().flat_map(|known| known.steps.iter().map(move |step| (known, step)));
    for (known, step) in steps.filter(|(_, step)| matches(&step.name) || matches(&step.uses)).take(MOST) {
        let about = format!("{} in {}", if step.uses.is_empty() { "step" } else { &step.uses }, known.name);
        hits.push(Hit { kind: "step", about, page: link::pipeline(&known.name), name: step.name.clone() });
    }
    let is_hexadecimal = question.len() >= 4 && lower.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hexadecimal && question.len() <= 64 {
        for (digest, kind) in site.reader.artifacts_named(&lower, MOST).map_err(told)? {
            hits.push(Hit {
                kind: "artifact",
                name: digest.short(),
                about: kind,
                page: link::artifact(&digest.to_string()),
            });
        }
    }
    hits.sort_by_key(|hit| hit.name.to_lowercase() != lower);
    Ok(hits)
}
