//! The DAG in words: Mermaid for Markdown pages, plain text for a terminal.

use super::{Node, edges, status_name};
use crate::markup::shorten;
use trainyard_core::record::StepStatus;

/// A Mermaid flow chart, coloured by status where there is one.
#[must_use]
pub fn dag_mermaid(nodes: &[Node]) -> String {
    let mut text = String::from("flowchart TD\n");
    for (position, node) in nodes.iter().enumerate() {
        text.push_str(&format!("  n{position}[\"{}<br/><small>{}</small>\"]", entity(&node.name), entity(&node.uses)));
        if let Some(status) = node.status {
            text.push_str(&format!(":::{}", status_name(status)));
        }
        text.push('\n');
    }
    for (from, to) in edges(nodes) {
        text.push_str(&format!("  n{from} --> n{to}\n"));
    }
    let styles = [
        (StepStatus::Ran, "fill:#eef3fe,stroke:#2f5fd0,color:#14171f"),
        (StepStatus::Cached, "fill:#f6f7f9,stroke:#8b93a3,color:#14171f"),
        (StepStatus::Failed, "fill:#fdeeed,stroke:#b3201f,color:#14171f"),
        (StepStatus::Skipped, "fill:#f6f7f9,stroke:#8b93a3,color:#454c5c,stroke-dasharray:3 3"),
        (StepStatus::Refused, "fill:#fdf4e3,stroke:#8a5300,color:#14171f"),
    ];
    for (status, style) in styles {
        if nodes.iter().any(|node| node.status == Some(status)) {
            text.push_str(&format!("  classDef {} {style}\n", status_name(status)));
        }
    }
    text
}

/// One line a step in plan order: its name, what it is, what it takes from and, where there is one, its status.
#[must_use]
pub fn dag_text(nodes: &[Node]) -> String {
    let widest =
        |text: &dyn Fn(&Node) -> &str| nodes.iter().map(|node| text(node).chars().count()).max().unwrap_or(0).min(40);
    let (names, uses) = (widest(&|node| &node.name), widest(&|node| &node.uses));
    let mut text = String::new();
    for node in nodes {
        let mut line = String::new();
        if nodes.iter().any(|node| node.status.is_some()) {
            line.push_str(&format!("{:<8}  ", node.status.map_or("", status_name)));
        }
        line.push_str(&format!("{:<names$}  {:<uses$}", shorten(&node.name, 40), shorten(&node.uses, 40)));
        if !node.from.is_empty() {
            line.push_str(&format!("  ← {}", node.from.join(", ")));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Text inside a quoted Mermaid label: what has a meaning there becomes an entity.
fn entity(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '"' | '#' | '<' | '>' | '&' | ';' | '`' => format!("#{};", u32::from(character)),
            '\n' | '\r' => " ".to_owned(),
            other => other.to_string(),
        })
        .collect()
}
