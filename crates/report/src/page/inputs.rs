//! What went in: the steps that take from no other.

use askama::Template;
use serde_json::Value;

use super::{Section, plural, render};
use crate::{Report, charts::dag::status_name, markup::Markup, number};

/// Sources shown.
const MOST: usize = 25;

#[derive(Template)]
#[template(path = "inputs.html")]
struct Inputs {
    sources: Vec<Source>,
    more: String,
}

struct Source {
    step: String,
    uses: String,
    place: Option<String>,
    rows: String,
    size: String,
    short: String,
    digest: String,
    status: &'static str,
}

pub(crate) fn section(report: &Report<'_>) -> Option<Section> {
    let roots: Vec<_> = report.run.steps.iter().filter(|step| step.from.is_empty()).collect();
    let sources: Vec<Source> = roots
        .iter()
        .take(MOST)
        .map(|step| {
            let output = step.outputs.values().next();
            Source {
                step: step.name.clone(),
                uses: step.uses.clone(),
                place: place(&step.params),
                rows: output.and_then(|output| output.rows).map_or(number::ABSENT.to_owned(), number::count),
                size: output
                    .filter(|output| output.bytes > 0)
                    .map_or(number::ABSENT.to_owned(), |output| number::bytes(output.bytes)),
                short: output.map_or(number::ABSENT.to_owned(), |output| output.digest.short()),
                digest: output.map(|output| output.digest.to_string()).unwrap_or_default(),
                status: status_name(step.status),
            }
        })
        .collect();
    if sources.is_empty() {
        return None;
    }
    let more = match roots.len() - sources.len() {
        0 => String::new(),
        more => plural(more, "more source"),
    };
    Some(Section {
        id: "inputs".to_owned(),
        title: Markup("What went in".to_owned()),
        short: "What went in".to_owned(),
        body: render(&Inputs { sources, more }),
    })
}

/// Where the data came from, by the words parameters commonly use for it.
fn place(params: &Value) -> Option<String> {
    ["path", "paths", "file", "files", "url", "uri", "table", "query", "topic", "folder"].into_iter().find_map(|key| {
        match params.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Array(items) => {
                let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                (!texts.is_empty()).then(|| texts.join(", "))
            }
            _ => None,
        }
    })
}
