//! The report of a run: one HTML file that needs nothing else, and the pictures in it.
//!
//! [`html`] writes the report. [`charts`] draws the same pictures for other pages, [`palette`] holds their colours.
//! [`dag_svg`], [`dag_mermaid`] and [`dag_text`] show a pipeline alone. Nothing here reads a file, a clock or the
//! environment: the same [`Report`] gives the same bytes.

pub mod charts;
pub mod date;
pub mod markup;
pub mod metric;
pub mod number;
mod page;
#[cfg(test)]
mod page_check;
pub mod palette;

use trainyard_core::{
    evaluation::{Evaluation, Release},
    judgement::Study,
    profile::Profile,
    record::RunRecord,
    trial::Trial,
};

pub use page::Section;

pub use charts::dag::{Node, dag_mermaid, dag_svg, dag_text, nodes};

/// What the report of a run is made from.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// The run.
    pub run: &'a RunRecord,
    /// What the pipeline is about, in its author's words.
    pub about: Option<&'a str>,
    /// The evaluations by the step that made them, in plan order; the last one gives the verdict.
    pub evaluations: Vec<(String, &'a Evaluation)>,
    /// What steps found out about models, by the step that did, in plan order.
    pub studies: Vec<(String, Study)>,
    /// The table profiles by the step that made them, in plan order.
    pub profiles: Vec<(String, &'a Profile)>,
    /// The pipeline file as written.
    pub pipeline_text: &'a str,
    /// The version of Trainyard that made the run.
    pub version: &'a str,
    /// The registered model versions by the step that made them.
    pub releases: Vec<(String, &'a Release)>,
    /// The trials of searches by the step that made them, in plan order.
    pub trials: Vec<(String, Vec<Trial>)>,
    /// When the report was made, as text to show.
    pub generated: String,
}

/// The report as one HTML document: no network, no fonts to load, readable without scripts, on paper and in the dark.
/// Whatever text the data hold is escaped.
#[must_use]
pub fn html(report: &Report<'_>) -> String {
    page::html(report)
}

/// The verdict over a run and the sections below it, for a page that carries [`css`].
#[must_use]
pub fn parts(report: &Report<'_>) -> (markup::Markup, Vec<Section>) {
    (page::verdict(report), page::sections(report))
}

/// A table's columns, their shape and numbers, for a page that carries [`css`]; `name` is what the table is called.
#[must_use]
pub fn profile(name: &str, profile: &Profile) -> markup::Markup {
    page::profile(name, profile)
}

/// The report's style sheet: the colours, the page, the pictures.
#[must_use]
pub fn css() -> String {
    page::css()
}

/// The content security policy under which a report is shown as it should be.
#[must_use]
pub fn policy() -> String {
    page::policy()
}
