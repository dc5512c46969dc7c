//! The steps of a pipeline and what flows between them: as SVG, as Mermaid and as plain text.

mod layout;
mod order;
mod place;
mod words;

use std::collections::BTreeMap;

use trainyard_core::record::{RunRecord, StepStatus};

use super::svg::{Svg, empty, px, text_width};
use crate::{markup::escape, palette};
pub use words::{dag_mermaid, dag_text};

const NODE_HEIGHT: f64 = 46.0;
const NARROWEST: f64 = 112.0;
const WIDEST: f64 = 216.0;

/// A step of a plan or a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// What it is, such as `train/linear`.
    pub uses: String,
    /// How it ended; none before it ran.
    pub status: Option<StepStatus>,
    /// The names of the steps it takes from; unknown ones are not drawn.
    pub from: Vec<String>,
}

/// The nodes of a run.
#[must_use]
pub fn nodes(run: &RunRecord) -> Vec<Node> {
    run.steps
        .iter()
        .map(|step| Node {
            name: step.name.clone(),
            uses: step.uses.clone(),
            status: Some(step.status),
            from: step.from.clone(),
        })
        .collect()
}

/// The status in one word, as in `--json`.
#[must_use]
pub const fn status_name(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Ran => "ran",
        StepStatus::Cached => "cached",
        StepStatus::Failed => "failed",
        StepStatus::Skipped => "skipped",
        StepStatus::Refused => "refused",
    }
}

/// A file of its own: the drawing with its colours inside, light and dark.
#[must_use]
pub fn dag_svg(nodes: &[Node]) -> String {
    let drawing = dag(nodes);
    let style = format!("<style>{}{}svg{{background:var(--ground)}}</style>", palette::css(), super::css());
    let with_namespace = drawing.replacen("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ", 1);
    with_namespace.replacen("</title>", &format!("</title>{style}"), 1)
}

/// For a page that carries the charts' style: layers from top to bottom, arrows from what is taken to who takes it.
#[must_use]
pub fn dag(nodes: &[Node]) -> String {
    dag_at_work(nodes, &[])
}

/// As [`dag`], with the steps of these names drawn as being at work.
#[must_use]
pub fn dag_at_work(nodes: &[Node], at_work: &[&str]) -> String {
    let title = format!("Steps of the pipeline and what each takes from ({} steps)", nodes.len());
    if nodes.is_empty() {
        return empty("chart-dag", 400.0, 60.0, &title, "no steps");
    }
    let edges = edges(nodes);
    let text = nodes.iter().map(|node| (text_width(&node.name) * 1.12).max(text_width(&node.uses) * 0.92));
    let width = (text.fold(0.0, f64::max) + 44.0).clamp(NARROWEST, WIDEST);
    let layout = layout::layout(nodes.len(), &edges, (width, NODE_HEIGHT));
    let mut svg = Svg::new("chart-dag", layout.size.0, layout.size.1, &title);
    for path in &layout.edges {
        svg.raw(&edge(path));
    }
    for (node, corner) in nodes.iter().zip(&layout.nodes) {
        let is_at_work = node.status.is_none() && at_work.contains(&node.name.as_str());
        draw(&mut svg, node, *corner, width, is_at_work);
    }
    svg.end()
}

/// (from, to) as positions in `nodes`, each once; names that are not there are left out.
pub(crate) fn edges(nodes: &[Node]) -> Vec<(usize, usize)> {
    let mut positions = BTreeMap::new();
    for (position, node) in nodes.iter().enumerate() {
        positions.entry(node.name.as_str()).or_insert(position);
    }
    let mut edges = Vec::new();
    for (to, node) in nodes.iter().enumerate() {
        let mut from: Vec<usize> = node.from.iter().filter_map(|name| positions.get(name.as_str()).copied()).collect();
        from.sort_unstable();
        from.dedup();
        edges.extend(from.into_iter().map(|from| (from, to)));
    }
    edges
}

fn draw(svg: &mut Svg, node: &Node, (x, y): (f64, f64), width: f64, is_at_work: bool) {
    let planned = if is_at_work { "working" } else { "planned" };
    let status = node.status.map_or(planned, status_name);
    svg.raw(&format!("<g><title>{}</title>", escape(&format!("{} ({}): {status}", node.name, node.uses))));
    svg.rect(&format!("node {status}"), (x, y), (width, NODE_HEIGHT), 8.0, "");
    let room = width - 42.0;
    let text = x + if node.status.is_some() { 32.0 } else { 14.0 };
    svg.text_within("node-name", (text, y + 20.0), &node.name, room / 1.09);
    svg.text_within("node-uses", (text, y + 35.0), &node.uses, room / 0.92);
    if let Some(status) = node.status {
        let (cx, cy) = (x + 17.0, y + NODE_HEIGHT / 2.0);
        svg.circle(&format!("badge {}", status_name(status)), (cx, cy), 7.5, "");
        // A sign in the badge, so that colour is not all that tells.
        let sign = match status {
            StepStatus::Ran => "M-3.2,.2l2.2,2.4l4.2,-5",
            StepStatus::Cached => "M-3,-1.2h6M-3,1.6h6",
            StepStatus::Failed => "M-2.5,-2.5l5,5M2.5,-2.5l-5,5",
            StepStatus::Skipped => "M-3,0h6",
            StepStatus::Refused => "M0,-3.6v4.2M0,3.4v.1",
        };
        svg.raw(&format!("<path class=\"badge-sign\" transform=\"translate({} {})\" d=\"{sign}\"/>", px(cx), px(cy)));
    }
    svg.raw("</g>");
}

/// A smooth line through the points, level ends up and down, with an arrow head.
fn edge(points: &[(f64, f64)]) -> String {
    let [(first_x, first_y), rest @ ..] = points else { return String::new() };
    let Some((last_x, last_y)) = rest.last() else { return String::new() };
    let mut path = format!("<path class=\"edge\" d=\"M{},{}", px(*first_x), px(*first_y));
    let (mut x, mut y) = (*first_x, *first_y);
    for (position, (next_x, next_y)) in rest.iter().enumerate() {
        // The line ends where the arrow head begins.
        let end = if position + 1 == rest.len() { *next_y - 5.0 } else { *next_y };
        if (next_x - x).abs() < 0.05 {
            path.push_str(&format!("V{}", px(end)));
        } else if (next_x - x).abs() < 14.0 {
            // An S this narrow looks like a mistake.
            path.push_str(&format!("L{},{}", px(*next_x), px(end)));
        } else {
            let bend = (end - y) * 0.55;
            path.push_str(&format!(
                "C{},{} {},{} {},{}",
                px(x),
                px(y + bend),
                px(*next_x),
                px(end - bend),
                px(*next_x),
                px(end)
            ));
        }
        (x, y) = (*next_x, *next_y);
    }
    let head = format!("M{},{}l-4,-7h8z", px(*last_x), px(*last_y));
    format!("{path}\"/><path class=\"arrow\" d=\"{head}\"/>")
}
