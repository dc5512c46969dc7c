//! Problems for people: the line, a caret under the fault, and what to do.

use std::{collections::BTreeMap, fmt::Write as _};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};
use trainyard_core::{Place, Problem, Warning};

use crate::failure::Failure;

/// Where to read more; once, below what it is about.
pub(crate) const HINT: &str = "`trainyard explain CODE` says more about a code in brackets\n";

/// All problems, each with its line and caret, and a count at the end.
pub(crate) fn problems(problems: &[Problem], texts: &BTreeMap<String, String>, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    let (silenced, shown): (Vec<&Problem>, Vec<&Problem>) =
        problems.iter().partition(|problem| problem.silenced.is_some());
    for problem in &shown {
        out.push_str(&renderer.render(&[group(problem, texts)]));
        out.push_str("\n\n");
    }
    let errors = shown.iter().filter(|problem| problem.is_error()).count();
    let _ = write!(out, "{} and {}", count(errors, "error"), count(shown.len() - errors, "warning"));
    if !silenced.is_empty() {
        let _ = write!(out, ", {} silenced", silenced.len());
    }
    out.push('\n');
    if !shown.is_empty() {
        out.push_str(HINT);
    }
    out
}

/// Warnings as lines, the ones that matter most first; those that the file silences are left out.
pub(crate) fn warnings(warnings: &[Warning], indent: &str) -> String {
    let mut shown: Vec<&Warning> = warnings.iter().filter(|warning| warning.silenced.is_none()).collect();
    shown.sort_by_key(|warning| std::cmp::Reverse(warning.severity));
    let mut out = String::new();
    for warning in shown {
        let _ = writeln!(out, "{indent}warning[{}]: {}", warning.code, warning.message);
        if let Some(help) = &warning.help {
            let _ = writeln!(out, "{indent}  help: {help}");
        }
    }
    out
}

/// `1 row`, `2 rows`.
pub(crate) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn group<'a>(problem: &'a Problem, texts: &'a BTreeMap<String, String>) -> Group<'a> {
    let level = if problem.is_error() { Level::ERROR } else { Level::WARNING };
    let mut title = problem.message.clone();
    if problem.place.is_none() && !problem.at.is_empty() {
        let _ = write!(title, " (at `{}`)", problem.at.join("."));
    }
    let mut group = Group::with_title(level.primary_title(title).id(problem.code.as_str()));
    if let Some((place, text)) = problem.place.as_ref().and_then(|place| Some((place, texts.get(&place.file)?))) {
        let snippet = Snippet::source(text.as_str())
            .path(place.file.as_str())
            .annotation(AnnotationKind::Primary.span(span(place, text)));
        group = group.element(snippet);
    }
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    group
}

/// The bytes that a place covers in its text.
fn span(place: &Place, text: &str) -> std::ops::Range<usize> {
    let line_start: usize = text.split_inclusive('\n').take(place.line.saturating_sub(1)).map(str::len).sum();
    let line = text[line_start..].lines().next().unwrap_or_default();
    let byte = |character: usize| line.char_indices().nth(character).map_or(line.len(), |(index, _)| index);
    let start = byte(place.column.saturating_sub(1));
    let end = byte(place.column.saturating_sub(1) + place.length).max(start);
    line_start + start..line_start + end
}

/// A failure that is not about a file's text.
pub(crate) fn failure(failure: &Failure, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut group = Group::with_title(Level::ERROR.primary_title(failure.message.as_str()).id(failure.code.as_str()));
    if let Some(help) = &failure.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    format!("{}\n{HINT}", renderer.render(&[group]))
}

/// A problem as `check --json` shows it.
pub(crate) fn problem_json(problem: &Problem) -> Value {
    let place = problem.place.as_ref();
    let mut document = json!({
        "code": problem.code,
        "severity": problem.level,
        "message": problem.message,
        "file": place.map(|place| &place.file),
        "line": place.map(|place| place.line),
        "column": place.map(|place| place.column),
        "help": problem.help,
    });
    if let Some(reason) = &problem.silenced {
        document["silenced"] = reason.as_str().into();
    }
    document
}

#[cfg(test)]
mod tests {
    use trainyard_core::Severity;

    use super::*;

    #[test]
    fn shows_the_line_with_a_caret() {
        let text = "a: 1\nsteps:\n  x: {uses: é, torqe: 1}\n".to_owned();
        let place = Place { file: "p.yaml".into(), line: 3, column: 16, length: 5 };
        let problem = Problem::error("unknown-key", "unknown key `torqe`").help("did you mean `torque`?").place(place);
        let shown = problems(&[problem], &BTreeMap::from([("p.yaml".to_owned(), text)]), false);
        assert!(shown.contains("error[unknown-key]: unknown key `torqe`"), "{shown}");
        assert!(shown.contains("p.yaml:3:16"), "{shown}");
        assert!(shown.contains("^^^^^"), "{shown}");
        assert!(shown.contains("did you mean `torque`?"), "{shown}");
        assert!(shown.ends_with(&format!("1 error and 0 warnings\n{HINT}")), "{shown}");
    }

    #[test]
    fn what_is_silenced_is_counted_and_not_shown() {
        let mut silenced = Problem::warning("mixes-rows", "it mixes rows");
        silenced.silenced = Some("each row is a group by itself".to_owned());
        assert_eq!(problem_json(&silenced)["silenced"], "each row is a group by itself");
        let shown = problems(&[silenced, Problem::warning("odd", "odd")], &BTreeMap::new(), false);
        assert!(
            shown.ends_with(&format!("0 errors and 1 warning, 1 silenced\n{HINT}")) && !shown.contains("mixes rows"),
            "{shown}"
        );
        let high = Warning::new("b", "second").severity(Severity::High).help("do this");
        let quiet = Warning { silenced: Some("known".to_owned()), ..Warning::new("c", "third") };
        let lines = warnings(&[Warning::new("a", "first"), high, quiet], " ");
        assert_eq!(lines, " warning[b]: second\n   help: do this\n warning[a]: first\n");
    }
}
