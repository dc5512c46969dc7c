//! What the user should know: every warning with its code and its numbers.

use askama::Template;

use super::{Section, more, render};
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
    more: String,
}

struct Row {
    code: String,
    step: String,
    message: Markup,
    numbers: Vec<(String, String)>,
}

pub(crate) fn section(report: &Report<'_>) -> Option<Section> {
    let all = report.run.steps.iter().flat_map(|step| step.warnings.iter().map(move |warning| (step, warning)));
    let total = all.clone().count();
    if total == 0 {
        return None;
    }
    let mut open: Vec<Row> = all
        .take(MOST)
        .map(|(step, warning)| Row {
            code: warning.code.clone(),
            step: step.name.clone(),
            message: prose(&warning.message),
            numbers: warning
                .numbers
                .iter()
                .map(|(name, value)| (name.replace('_', " "), number::significant(*value, 4)))
                .collect(),
        })
        .collect();
    let folded = open.split_off(open.len().min(OPEN));
    Some(Section {
        id: "warnings".to_owned(),
        title: Markup(format!("Warnings <span class=\"tally\">{}</span>", number::count(total as u64))),
        short: format!("Warnings ({})", number::count(total as u64)),
        body: render(&Warnings { open, folded, more: more(total, MOST, "warning") }),
    })
}
