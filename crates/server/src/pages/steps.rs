//! The steps of a run or a plan: drawn, timed, told one by one.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use trainyard_core::{
    Problem,
    record::{RunRecord, RunStatus, StepRecord, StepStatus},
};
use trainyard_report::{
    Node,
    charts::{
        self, Span,
        dag::{dag_at_work, status_name},
    },
    markup::{Markup, prose},
    number,
};

use super::{rendered, words::plural};
use crate::link;

/// Steps up to which they are drawn.
const DRAWN: usize = 80;
/// Rows of the time chart.
const TIMED: usize = 60;
/// Steps told.
const MOST: usize = 2_000;

#[derive(Template)]
#[template(path = "steps.html")]
struct Steps {
    dag: Option<Markup>,
    wide: bool,
    gantt: Option<Markup>,
    rows: Vec<Row>,
    more: usize,
}

struct Row {
    name: String,
    uses: String,
    status: &'static str,
    wall: String,
    cpu: String,
    memory: String,
    from: String,
    outputs: Vec<Output>,
    why: Option<Markup>,
    error: Option<(Markup, Option<Markup>, String)>,
    warnings: usize,
}

struct Output {
    port: String,
    kind: &'static str,
    rows: Option<String>,
    digest: String,
    link: String,
}

/// What a run did so far and, where its plan is known, what is left.
pub(super) fn steps(record: &RunRecord, planned: &[Node]) -> Result<Markup, Problem> {
    let nodes = nodes(record, planned);
    let at_work = at_work(record, &nodes);
    let drawn = !nodes.is_empty() && nodes.len() <= DRAWN;
    let mut timed: Vec<&StepRecord> = record.steps.iter().filter(|step| step.status != StepStatus::Skipped).collect();
    timed.sort_by_key(|step| std::cmp::Reverse((step.seconds * 1e3) as u64));
    timed.truncate(TIMED);
    timed.sort_by_key(|step| step.started_after);
    let spans: Vec<Span<'_>> = timed
        .iter()
        .map(|step| Span {
            name: &step.name,
            start: step.started_after as f64 / 1000.0,
            seconds: step.seconds,
            status: step.status,
        })
        .collect();
    let ended: BTreeMap<&str, &StepRecord> = record.steps.iter().map(|step| (step.name.as_str(), step)).collect();
    let rows: Vec<Row> =
        nodes.iter().take(MOST).map(|node| row(node, ended.get(node.name.as_str()).copied(), &at_work)).collect();
    rendered(&Steps {
        dag: drawn.then(|| Markup(dag_at_work(&nodes, &at_work))),
        wide: drawn && widest(&nodes) > 3,
        gantt: (!spans.is_empty()).then(|| Markup(charts::gantt("When each step ran", &spans))),
        more: nodes.len().saturating_sub(rows.len()),
        rows,
    })
}

/// The steps of the plan with how they ended; the run's own where the plan has become another one.
pub(super) fn nodes(record: &RunRecord, planned: &[Node]) -> Vec<Node> {
    let known: BTreeSet<&str> = planned.iter().map(|node| node.name.as_str()).collect();
    let is_of_plan = record.steps.iter().all(|step| known.contains(step.name.as_str()));
    if record.status != RunStatus::Running || !is_of_plan {
        return trainyard_report::nodes(record);
    }
    let ended = |name: &str| record.steps.iter().find(|step| step.name == name).map(|step| step.status);
    planned.iter().map(|node| Node { status: ended(&node.name), ..node.clone() }).collect()
}

/// The steps whose inputs are all there, of a run under way.
fn at_work<'a>(record: &RunRecord, nodes: &'a [Node]) -> Vec<&'a str> {
    if record.status != RunStatus::Running {
        return Vec::new();
    }
    let ended: BTreeSet<&str> = record.steps.iter().map(|step| step.name.as_str()).collect();
    let ready = |node: &&Node| {
        !ended.contains(node.name.as_str()) && node.from.iter().all(|from| ended.contains(from.as_str()))
    };
    nodes.iter().filter(ready).map(|node| node.name.as_str()).collect()
}

/// About how many steps stand beside each other.
fn widest(nodes: &[Node]) -> usize {
    let mut depth: BTreeMap<&str, usize> = BTreeMap::new();
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for node in nodes {
        let deepest = node.from.iter().filter_map(|from| depth.get(from.as_str())).max().map_or(0, |deep| deep + 1);
        depth.insert(&node.name, deepest);
        *counts.entry(deepest).or_default() += 1;
    }
    counts.into_values().max().unwrap_or(0)
}

fn row(node: &Node, record: Option<&StepRecord>, at_work: &[&str]) -> Row {
    let absent = || number::ABSENT.to_owned();
    let Some(step) = record else {
        let status = if at_work.contains(&node.name.as_str()) { "working" } else { "planned" };
        return Row {
            name: node.name.clone(),
            uses: node.uses.clone(),
            status,
            wall: absent(),
            cpu: absent(),
            memory: absent(),
            from: node.from.join(", "),
            outputs: Vec::new(),
            why: None,
            error: None,
            warnings: 0,
        };
    };
    let worked = matches!(step.status, StepStatus::Ran | StepStatus::Failed | StepStatus::Refused);
    let outputs = step.outputs.iter().map(|(port, output)| Output {
        port: port.clone(),
        kind: output.kind.name(),
        rows: output.rows.map(|rows| plural(usize::try_from(rows).unwrap_or(usize::MAX), "row")),
        digest: output.digest.to_string(),
        link: link::artifact(&output.digest.to_string()),
    });
    Row {
        name: step.name.clone(),
        uses: step.uses.clone(),
        status: status_name(step.status),
        wall: if step.status == StepStatus::Skipped { absent() } else { number::seconds(step.seconds) },
        cpu: if worked { number::seconds(step.cost.cpu_seconds) } else { absent() },
        memory: if worked && step.cost.peak_memory > 0 { number::bytes(step.cost.peak_memory) } else { absent() },
        from: step.from.join(", "),
        outputs: outputs.collect(),
        why: step.why.as_deref().map(prose),
        error: step
            .error
            .as_ref()
            .map(|error| (prose(&error.message), error.help.as_deref().map(prose), error.code.clone())),
        warnings: step.warnings.iter().filter(|warning| warning.silenced.is_none()).count(),
    }
}
