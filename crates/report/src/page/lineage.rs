//! What came out, each named by the digest of its content.

use askama::Template;

use super::{Section, plural, render};
use crate::{Report, markup::Markup, number};

/// Outputs up to which the table stands open.
const OPEN: usize = 40;
/// Outputs shown at all.
const MOST: usize = 5_000;

#[derive(Template)]
#[template(path = "lineage.html")]
struct Lineage {
    outputs: Vec<Output>,
    label: String,
    folded: bool,
    more: String,
}

struct Output {
    step: String,
    port: String,
    kind: &'static str,
    rows: String,
    bytes: String,
    head: String,
    tail: String,
    from: String,
}

pub(crate) fn section(report: &Report<'_>) -> Option<Section> {
    let all = report.run.steps.iter().flat_map(|step| step.outputs.iter().map(move |output| (step, output)));
    let total = all.clone().count();
    let outputs: Vec<Output> = all
        .take(MOST)
        .map(|(step, (port, output))| {
            let digest = output.digest.to_string();
            let (head, tail) = digest.split_at(12);
            Output {
                step: step.name.clone(),
                port: port.clone(),
                kind: output.kind.name(),
                rows: output.rows.map_or(number::ABSENT.to_owned(), number::count),
                bytes: if output.bytes > 0 { number::bytes(output.bytes) } else { number::ABSENT.to_owned() },
                head: head.to_owned(),
                tail: tail.to_owned(),
                from: step.from.join(", "),
            }
        })
        .collect();
    if outputs.is_empty() {
        return None;
    }
    let body = render(&Lineage {
        label: plural(total, "output"),
        folded: total > OPEN,
        more: super::more(total, MOST, "output"),
        outputs,
    });
    Some(Section { id: "lineage".to_owned(), title: Markup("Lineage".to_owned()), short: "Lineage".to_owned(), body })
}
