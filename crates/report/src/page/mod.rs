//! The report's page: a verdict, then sections, each with a template of its own.

mod evaluation;
mod figures;
mod inputs;
mod judgement;
mod leaderboard;
mod lineage;
mod metrics;
mod pipeline;
mod profile;
mod search;
mod steps;
mod studies;
mod verdict;
mod warnings;

use askama::Template;

use crate::{Report, charts, date, markup::Markup, number, palette};

/// The SHA-256 of `theme.js` in base64: the only script the page lets run.
const SCRIPT_HASH: &str = "Wv6a8ZL78lc/VPOJxSEux4kKseccViC/cBczQ0HthEc=";
const SCRIPT: &str = include_str!("../../templates/theme.js");

/// A section of the page.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its anchor.
    pub id: String,
    /// Its heading.
    pub title: Markup,
    /// Its name in the contents.
    pub short: String,
    /// Its body.
    pub body: Markup,
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    pipeline: &'a str,
    about: Option<&'a str>,
    run: &'a str,
    status: &'static str,
    started: String,
    took: String,
    version: &'a str,
    generated: &'a str,
    policy: String,
    style: Markup,
    script: Markup,
    verdict: Markup,
    sections: Vec<Section>,
}

pub(crate) fn html(report: &Report<'_>) -> String {
    let run = report.run;
    let sections = sections(report);
    render(&Page {
        pipeline: &run.pipeline,
        about: report.about.map(str::trim).filter(|about| !about.is_empty()),
        run: &run.run,
        status: run.status.name(),
        started: date::minute(run.started as f64 / 1000.0),
        took: number::seconds(run.seconds),
        version: report.version,
        generated: &report.generated,
        policy: policy(),
        style: Markup(css()),
        script: Markup(SCRIPT.to_owned()),
        verdict: verdict(report),
        sections,
    })
    .0
}

/// The sections below the verdict.
pub(crate) fn sections(report: &Report<'_>) -> Vec<Section> {
    let mut sections = Vec::new();
    sections.extend(inputs::section(report));
    sections.extend(evaluation::sections(report));
    sections.extend(studies::sections(report));
    sections.extend(search::sections(report));
    sections.extend(warnings::section(report));
    sections.extend(steps::section(report));
    sections.extend(profile::sections(report));
    sections.extend(lineage::section(report));
    sections.extend(pipeline::sections(report));
    sections
}

pub(crate) use profile::body as profile;
pub(crate) use verdict::verdict;

pub(crate) fn policy() -> String {
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{SCRIPT_HASH}'; \
         base-uri 'none'; form-action 'none'"
    )
}

pub(crate) fn css() -> String {
    format!("{}{}{}", palette::css(), include_str!("../../templates/report.css"), charts::css())
}

/// Fills a template.
pub(crate) fn render(template: &impl Template) -> Markup {
    Markup(template.render().expect("writing into a string cannot fail, and no template here fails on its own"))
}

/// `word` for one, `word` with an s for any other number, with the number before it.
pub(crate) fn plural(count: usize, word: &str) -> String {
    let number = number::count(count as u64);
    if count == 1 { format!("{number} {word}") } else { format!("{number} {word}s") }
}

/// What to say where only `shown` of `total` things are; nothing where all are.
pub(crate) fn more(total: usize, shown: usize, thing: &str) -> String {
    let left = total.saturating_sub(shown);
    if left == 0 {
        String::new()
    } else {
        format!("and {}, in trainyard show --json", plural(left, &format!("more {thing}")))
    }
}

#[cfg(test)]
mod tests;
