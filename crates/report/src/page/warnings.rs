//! What the user should know: every warning with its code, its severity, its numbers and what to do.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use askama::Template;
use trainyard_core::{Warning, record::StepRecord};

use super::{Section, more, plural, render};
use crate::{
    Report,
    markup::{Markup, prose},
    number,
};

/// Warnings shown before the rest is folded away.
const OPEN: usize = 20;
/// Warnings shown at all.
const MOST: usize = 1_000;

#[derive(Template)]
#[template(path = "warnings.html")]
struct Warnings {
    open: Vec<Row>,
    folded: Vec<Row>,
    folded_title: String,
    more: String,
    silenced: Vec<Row>,
    silenced_title: String,
}

struct Row {
    code: String,
    severity: &'static str,
    steps: Vec<String>,
    message: Markup,
    help: Option<Markup>,
    numbers: Vec<(String, String)>,
    reason: Option<Markup>,
}

/// A warning and the steps that gave it.
struct Found<'a> {
    warning: &'a Warning,
    steps: Vec<String>,
}

pub(crate) fn section(report: &Report<'_>) -> Option<Section> {
    let all = report.run.steps.iter().flat_map(|step| step.warnings.iter().map(move |warning| (step, warning)));
    let (silenced, mut shown): (Vec<_>, Vec<_>) = all.partition(|(_, warning)| warning.silenced.is_some());
    if shown.is_empty() && silenced.is_empty() {
        return None;
    }
    shown.sort_by_key(|(_, warning)| Reverse(warning.severity));
    let (shown, silenced) = (merged(&shown), merged(&silenced));
    let total = shown.len();
    let mut open = rows(&shown);
    let folded = open.split_off(open.len().min(OPEN));
    let tally = number::count(total as u64);
    Some(Section {
        id: "warnings".to_owned(),
        title: Markup(format!("Warnings <span class=\"tally\">{tally}</span>")),
        short: format!("Warnings ({tally})"),
        body: render(&Warnings {
            open,
            folded_title: plural(folded.len(), "more warning"),
            folded,
            more: more(total, MOST, "warning"),
            silenced_title: format!("{}, silenced in the pipeline file", plural(silenced.len(), "warning")),
            silenced: rows(&silenced),
        }),
    })
}

/// How many warnings there are to look at.
pub(crate) fn count(report: &Report<'_>) -> usize {
    let all = report.run.steps.iter().flat_map(|step| step.warnings.iter());
    let shown = all.filter(|warning| warning.silenced.is_none());
    shown.map(|warning| (&warning.code, &warning.message)).collect::<BTreeSet<_>>().len()
}

/// Equal warnings of several steps as one, in the order of the first of each.
fn merged<'a>(all: &[(&'a StepRecord, &'a Warning)]) -> Vec<Found<'a>> {
    let mut places = BTreeMap::new();
    let mut merged: Vec<Found<'a>> = Vec::new();
    for (step, warning) in all {
        let place = *places.entry((&warning.code, &warning.message, &warning.silenced)).or_insert(merged.len());
        match merged.get_mut(place) {
            Some(found) => found.steps.push(step.name.clone()),
            None => merged.push(Found { warning, steps: vec![step.name.clone()] }),
        }
    }
    merged
}

fn rows(warnings: &[Found<'_>]) -> Vec<Row> {
    let shown = |Found { warning, steps }: &Found<'_>| Row {
        code: warning.code.clone(),
        severity: warning.severity.name(),
        steps: steps.clone(),
        message: prose(&warning.message),
        help: warning.help.as_deref().map(prose),
        numbers: warning
            .numbers
            .iter()
            .map(|(name, value)| (name.replace('_', " "), number::significant(*value, 4)))
            .collect(),
        reason: warning.silenced.as_deref().map(prose),
    };
    warnings.iter().take(MOST).map(shown).collect()
}
