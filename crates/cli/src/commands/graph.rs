//! `trainyard graph`: the pipeline as text, a picture or Mermaid.

use std::process::ExitCode;

use serde_json::json;
use trainyard_core::{Plan, PlannedStep};
use trainyard_manifest::Depth;
use trainyard_report::{Node, dag_mermaid, dag_svg, dag_text};

use crate::{
    args::{FileArgs, GraphFormat},
    failure::Failure,
    output::Output,
    project,
};

pub(super) fn graph(file: &FileArgs, format: Option<GraphFormat>, output: &Output) -> Result<ExitCode, Failure> {
    let plan = project::plan(file, Depth::Names)?;
    let nodes = nodes(&plan);
    let drawn = match format.unwrap_or(GraphFormat::Text) {
        GraphFormat::Text => dag_text(&nodes),
        GraphFormat::Svg => dag_svg(&nodes),
        GraphFormat::Mermaid => dag_mermaid(&nodes),
    };
    let steps: Vec<_> =
        nodes.iter().map(|node| json!({"name": node.name, "uses": node.uses, "from": node.from})).collect();
    let document = match format {
        Some(_) => json!({"steps": steps, "drawing": drawn}),
        None => json!({ "steps": steps }),
    };
    output.answer(&document, &drawn);
    Ok(ExitCode::SUCCESS)
}

/// The steps of a plan, for drawing.
pub(crate) fn nodes(plan: &Plan) -> Vec<Node> {
    plan.steps.iter().map(|step| node(plan, step)).collect()
}

fn node(plan: &Plan, step: &PlannedStep) -> Node {
    let mut from: Vec<String> =
        step.inputs.values().flatten().map(|source| plan.steps[source.step].name.clone()).collect();
    from.sort();
    from.dedup();
    Node { name: step.name.clone(), uses: step.step.name().to_owned(), status: None, from }
}
