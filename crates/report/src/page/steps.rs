//! How it ran: the DAG, what ran when, and what each step did and cost.

use askama::Template;
use trainyard_core::record::{StepRecord, StepStatus};

use super::{Section, plural, render};
use crate::{
    Report,
    charts::{
        self, Span,
        dag::{dag, nodes, status_name},
    },
    markup::{Markup, prose},
    number,
};

/// Steps up to which the DAG is drawn and the table stands open.
const DRAWN: usize = 60;
/// Rows of the time chart.
const TIMED: usize = 40;
/// Rows of the table of all steps.
const MOST: usize = 2_000;
/// Steps shown of a long run before the rest is folded away.
const NOTABLE: usize = 12;

#[derive(Template)]
#[template(path = "steps.html")]
struct Steps {
    dag: Option<Markup>,
    wide: bool,
    gantt: Markup,
    gantt_note: Option<String>,
    notable: Vec<Row>,
    all: Vec<Row>,
    all_label: String,
    more: String,
}

struct Row {
    name: String,
    uses: String,
    status: &'static str,
    wall: String,
    cpu: String,
    memory: String,
    rows: Vec<(String, String)>,
    why: Option<Markup>,
    warnings: usize,
}

pub(crate) fn section(report: &Report<'_>) -> Option<Section> {
    let steps = &report.run.steps;
    if steps.is_empty() {
        return None;
    }
    let few = steps.len() <= DRAWN;
    let drawing = few.then(|| Markup(dag(&nodes(report.run))));
    let all: Vec<Row> = steps.iter().take(MOST).map(row).collect();
    let notable = if few {
        Vec::new()
    } else {
        let bad = |step: &StepRecord| matches!(step.status, StepStatus::Failed | StepStatus::Refused);
        let mut order: Vec<usize> = (0..steps.len()).collect();
        order.sort_by(|one, other| {
            let (one, other) = (&steps[*one], &steps[*other]);
            bad(other).cmp(&bad(one)).then(other.seconds.total_cmp(&one.seconds))
        });
        order.into_iter().take(NOTABLE).map(|position| row(&steps[position])).collect()
    };
    let body = render(&Steps {
        wide: drawing.as_ref().is_some_and(|drawing| width(&drawing.0) > 430.0),
        dag: drawing,
        gantt: Markup(charts::gantt("When each step ran", &spans(steps))),
        gantt_note: (steps.len() > TIMED).then(|| format!("The {TIMED} that took longest.")),
        notable,
        all_label: plural(steps.len(), "step"),
        more: super::more(steps.len(), MOST, "step"),
        all,
    });
    Some(Section { id: "run".to_owned(), title: Markup("How it ran".to_owned()), short: "How it ran".to_owned(), body })
}

/// The time spans, in plan order; of many steps those that took longest.
fn spans(steps: &[StepRecord]) -> Vec<Span<'_>> {
    let mut order: Vec<usize> = (0..steps.len()).collect();
    order.sort_by(|one, other| steps[*other].seconds.total_cmp(&steps[*one].seconds));
    order.truncate(TIMED);
    order.sort_unstable();
    order
        .into_iter()
        .map(|position| &steps[position])
        .map(|step| Span {
            name: &step.name,
            start: step.started_after as f64 / 1000.0,
            seconds: step.seconds,
            status: step.status,
        })
        .collect()
}

fn row(step: &StepRecord) -> Row {
    let none = || number::ABSENT.to_owned();
    let worked = matches!(step.status, StepStatus::Ran | StepStatus::Failed | StepStatus::Refused);
    Row {
        name: step.name.clone(),
        uses: step.uses.clone(),
        status: status_name(step.status),
        wall: if step.status == StepStatus::Skipped { none() } else { number::seconds(step.seconds) },
        cpu: if worked && step.cost.cpu_seconds > 0.0 { number::seconds(step.cost.cpu_seconds) } else { none() },
        memory: if worked && step.cost.peak_memory > 0 { number::bytes(step.cost.peak_memory) } else { none() },
        rows: step
            .outputs
            .iter()
            .filter_map(|(port, output)| output.rows.map(|rows| (port.clone(), number::count(rows))))
            .collect(),
        why: step.why.as_deref().map(prose),
        warnings: step.warnings.iter().filter(|warning| warning.silenced.is_none()).count(),
    }
}

/// The drawing's natural width, which its root element states.
fn width(svg: &str) -> f64 {
    let after = svg.split_once(" width=\"").map_or("", |(_, after)| after);
    after.split_once('"').and_then(|(width, _)| width.parse().ok()).unwrap_or(0.0)
}
