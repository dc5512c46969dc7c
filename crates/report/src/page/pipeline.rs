//! The pipeline file, its parameters, and the commands that repeat the run.

use askama::Template;
use serde_json::Value;

use super::{Section, plural, render};
use crate::{
    Report,
    markup::{Markup, escape},
};

/// Lines up to which the file stands open.
const OPEN: usize = 120;
/// Steps whose parameters are shown.
const MOST: usize = 1_000;

#[derive(Template)]
#[template(path = "parameters.html")]
struct Parameters {
    pipeline: Vec<(String, String)>,
    steps: Vec<(String, String, String)>,
    label: String,
    more: String,
}

#[derive(Template)]
#[template(path = "pipeline.html")]
struct Pipeline {
    lines: String,
    folded: bool,
    text: Markup,
}

#[derive(Template)]
#[template(path = "reproduce.html")]
struct Reproduce<'a> {
    run: String,
    command: String,
    version: &'a str,
}

pub(crate) fn sections(report: &Report<'_>) -> Vec<Section> {
    let mut sections = Vec::new();
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let pipeline: Vec<_> = report.run.params.iter().map(|(name, value)| (name.clone(), shown(value))).collect();
    let with_params = report.run.steps.iter().filter(|step| match &step.params {
        Value::Object(fields) => !fields.is_empty(),
        other => !other.is_null(),
    });
    let total = with_params.clone().count();
    let steps: Vec<_> = with_params
        .take(MOST)
        .map(|step| {
            // Pretty JSON of a JSON value has no way to fail; should it, the compact form stands in.
            let text = serde_json::to_string_pretty(&step.params).unwrap_or_else(|_| step.params.to_string());
            (step.name.clone(), step.uses.clone(), text)
        })
        .collect();
    if !pipeline.is_empty() || !steps.is_empty() {
        let (label, more) = (plural(total, "step"), super::more(total, MOST, "step"));
        sections.push(named("parameters", "Parameters", render(&Parameters { pipeline, steps, label, more })));
    }
    if !report.pipeline_text.trim().is_empty() {
        let lines = report.pipeline_text.lines().count();
        let text = Markup(yaml(report.pipeline_text));
        sections.push(named(
            "pipeline",
            "Pipeline file",
            render(&Pipeline { lines: plural(lines, "line"), folded: lines > OPEN, text }),
        ));
    }
    let settings: String = report
        .run
        .params
        .iter()
        .map(|(name, value)| format!(" --set {}", quoted(&format!("{name}={}", shown(value)))))
        .collect();
    sections.push(named(
        "reproduce",
        "Reproduce",
        render(&Reproduce {
            run: quoted(&report.run.run),
            command: format!("trainyard run pipeline.yaml{settings}"),
            version: report.version,
        }),
    ));
    sections
}

fn named(id: &str, title: &str, body: Markup) -> Section {
    Section { id: id.to_owned(), title: Markup(title.to_owned()), short: title.to_owned(), body }
}

/// A word of a POSIX shell command.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// YAML with its comments and keys marked: enough to read by, not a parser.
fn yaml(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for line in text.lines() {
        let (code, comment) = split_comment(line);
        match key_end(code) {
            Some((start, end)) => {
                out.push_str(&escape(&code[..start]));
                out.push_str(&format!("<b>{}</b>", escape(&code[start..end])));
                out.push_str(&escape(&code[end..]));
            }
            None => out.push_str(&escape(code)),
        }
        if !comment.is_empty() {
            out.push_str(&format!("<i>{}</i>", escape(comment)));
        }
        out.push('\n');
    }
    out
}

/// The line up to its comment, and the comment.
fn split_comment(line: &str) -> (&str, &str) {
    let mut quote = None;
    let mut before = ' ';
    for (position, character) in line.char_indices() {
        match (quote, character) {
            (None, '#') if before.is_whitespace() => return line.split_at(position),
            (None, '"' | '\'') if !before.is_alphanumeric() => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
        before = character;
    }
    (line, "")
}

/// Where the key of a `key: value` line stands.
fn key_end(code: &str) -> Option<(usize, usize)> {
    let start = code.find(|c: char| !c.is_whitespace() && c != '-')?;
    let end = start + code[start..].find(':')?;
    let key = &code[start..end];
    let follows = code[end + 1..].chars().next();
    let word = key.chars().all(|c| c.is_alphanumeric() || "_-. []()/".contains(c));
    (word && follows.is_none_or(char::is_whitespace)).then_some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_for_the_shell() {
        assert_eq!(quoted("seed=7"), "seed=7");
        assert_eq!(quoted("name=it's $x"), r"'name=it'\''s $x'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn marks_keys_and_comments_and_escapes_all() {
        assert_eq!(
            yaml("steps:\n  a: {path: \"x # <y>\"} # <note>\n"),
            "<b>steps</b>:\n  <b>a</b>: {path: &quot;x # &lt;y&gt;&quot;} <i># &lt;note&gt;</i>\n"
        );
        assert_eq!(yaml("- 'a: b'"), "- &#39;a: b&#39;\n");
        assert_eq!(yaml("url: http://x"), "<b>url</b>: http://x\n");
    }
}
